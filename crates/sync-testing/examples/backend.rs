//! The reference backend on its own, for demos: prints its URL and runs until its standard input closes.

use std::io;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use sync_testing::backend::{Backend, Fault, Options, RequestInfo, Schedule};

const USAGE: &str = "usage: backend [--port N] [--token T] [--not-unique] [--rate-limit REQUESTS_PER_S]
               [--fault-every N lose-reply|500|429|html]";

/// What the command line asks for.
#[derive(Default)]
struct Wishes {
    options: Options,
    rate_limit: Option<u64>,
    fault_every: Option<(u64, Fault)>,
}

fn main() -> ExitCode {
    let Some(wishes) = parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(64);
    };
    let options = Options { keep_requests: false, ..wishes.options.clone() };
    let backend = Backend::start_with(options);
    backend.script_fn(schedule(wishes));
    say_url(&backend.url());
    // Whoever started this ends it by closing the pipe, or by dying.
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
    ExitCode::SUCCESS
}

#[allow(clippy::print_stdout, reason = "the URL is what a demo reads from this program")]
fn say_url(url: &str) {
    println!("{url}");
}

fn parse(mut args: impl Iterator<Item = String>) -> Option<Wishes> {
    let mut wishes = Wishes::default();
    // A demo without a log stays small however long it runs.
    wishes.options.keep_requests = false;
    while let Some(flag) = args.next() {
        match flag.as_str() {
            "--port" => wishes.options.port = args.next()?.parse().ok()?,
            "--token" => wishes.options.token = Some(args.next()?),
            "--not-unique" => wishes.options.unique = false,
            "--rate-limit" => wishes.rate_limit = Some(args.next()?.parse().ok()?),
            "--fault-every" => {
                let n = args.next()?.parse().ok().filter(|n| *n > 0)?;
                wishes.fault_every = Some((n, fault(&args.next()?)?));
            }
            _ => return None,
        }
    }
    Some(wishes)
}

fn fault(name: &str) -> Option<Fault> {
    match name {
        "lose-reply" => Some(Fault::LoseReply),
        "500" => Some(Fault::status(500)),
        "429" => Some(Fault::too_many_requests(1)),
        "html" => Some(Fault::Html),
        _ => None,
    }
}

/// Faults for every n-th POST, and 429 for those that a second has no room for.
fn schedule(wishes: Wishes) -> Schedule {
    let n_posts = AtomicU64::new(0);
    let second = Mutex::new((Instant::now(), 0));
    let has_room = move |limit: u64| {
        let mut second = second.lock().expect("no thread panics with the clock");
        if second.0.elapsed() >= Duration::from_secs(1) {
            *second = (Instant::now(), 0);
        }
        second.1 += 1;
        second.1 <= limit
    };
    Box::new(move |request: &RequestInfo| {
        if request.method != "POST" {
            return None;
        }
        if wishes.rate_limit.is_some_and(|limit| !has_room(limit)) {
            return Some(Fault::too_many_requests(1));
        }
        let n = n_posts.fetch_add(1, SeqCst) + 1;
        wishes
            .fault_every
            .as_ref()
            .filter(|(every, _)| n.is_multiple_of(*every))
            .map(|(_, fault)| fault.clone())
    })
}
