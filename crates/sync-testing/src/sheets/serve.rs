//! The server's thread, and what happens to a call on its way.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request as HttpRequest, Response};
use hyper_util::rt::TokioIo;
use rustix::net::sockopt::set_socket_linger;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

use super::Shared;
use super::api::{self, Answer, Body, Request};
use super::dump;
use super::plan::Fault;
use super::record::{Call, CallKind};
use super::refusal::Refusal;

/// How long a cut answer's first half has to leave.
const HALF: Duration = Duration::from_millis(30);

/// The thread that serves.
pub(super) struct Serving {
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

/// Binds a port of 127.0.0.1, or a free one for 0.
pub(super) fn bind(port: u16) -> TcpListener {
    let address = (Ipv4Addr::LOCALHOST, port);
    let listener = TcpListener::bind(address).unwrap_or_else(|e| panic!("listen on port {port}: {e}"));
    listener.set_nonblocking(true).expect("a socket takes this option");
    listener
}

impl Serving {
    pub(super) fn start(listener: TcpListener, shared: Arc<Shared>) -> Serving {
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime can be made");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("the listener is open");
                tokio::spawn(accept_all(listener, shared));
                // It ends with the other half; nothing is ever sent.
                let _ = stopped.await;
            });
        });
        Serving { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept_all(listener: tokio::net::TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let stream = stream.into_std().expect("a socket can leave its runtime");
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let second = stream.try_clone().expect("a socket can have two handles");
            let stream = tokio::net::TcpStream::from_std(stream).expect("a socket can be watched");
            let service = service_fn(|request| serve(request, &shared, &second));
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

type Sent = Response<Either<Full<Bytes>, Cut>>;

async fn serve(request: HttpRequest<Incoming>, shared: &Shared, socket: &TcpStream) -> io::Result<Sent> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let target = head.uri.path_and_query().map_or("/", |p| p.as_str());
    let (path, query) = api::split_target(target);
    if path == "/dump" {
        return Ok(whole(dump::answer(&shared.state().api, &query)));
    }
    let text = |name| head.headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let kind = api::kind_of(head.method.as_str(), path);
    let request = Request {
        kind,
        method: head.method.to_string(),
        path: path.to_owned(),
        query,
        authorization: text(AUTHORIZATION),
        body: read(kind, &body),
    };
    let call = Call {
        at: Instant::now(),
        kind,
        method: request.method.clone(),
        path: target.to_owned(),
        n_bytes: body.len(),
        requests: names(&request.body),
        status: None,
        body: shared.keep_bodies.then(|| body.to_vec()),
        user_agent: text(USER_AGENT),
    };
    let line = shared.log.then(|| call.clone());
    drop(body);
    let (number, fault) = shared.arrive(call);
    let result = meet(request, shared, fault.as_ref()).await;
    let status = result.as_ref().map(|answer| answer.status);
    shared.answered(number, status);
    if let Some(call) = line {
        say(&call, status);
    }
    match result {
        Some(answer) if fault == Some(Fault::Truncated) => Ok(cut(answer)),
        Some(answer) => Ok(whole(answer)),
        None => {
            // A socket that does not linger is closed with RST.
            let _ = set_socket_linger(socket, Some(Duration::ZERO));
            Err(io::Error::from(io::ErrorKind::ConnectionReset))
        }
    }
}

/// What is answered; `None` resets the connection.
async fn meet(request: Request, shared: &Shared, fault: Option<&Fault>) -> Option<Answer> {
    let kind = if request.kind == CallKind::Write { "Write" } else { "Read" };
    let serve = |request| shared.state().api.answer(request);
    let answer = match fault {
        None | Some(Fault::Truncated) => serve(request),
        Some(Fault::Slow(time)) => {
            let answer = serve(request);
            sleep(*time).await;
            answer
        }
        Some(Fault::TooMany { retry_after }) => {
            let answer = Answer::from(Refusal::too_many(kind));
            Answer { retry_after: retry_after.clone(), ..answer }
        }
        Some(Fault::OldLimit) => Refusal::old_limit().into(),
        Some(Fault::Aborted) => Refusal::aborted().into(),
        Some(Fault::Unavailable) => Refusal::unavailable().into(),
        Some(Fault::UnavailableAfter) => {
            serve(request);
            Refusal::unavailable().into()
        }
        Some(Fault::Reset) => return None,
        Some(Fault::ResetAfter) => {
            serve(request);
            return None;
        }
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::BadGateway) => {
            let what = "The server encountered a temporary error and could not complete your request.\
                        <p>Please try again in 30 seconds.";
            Answer::html(502, "Server Error", what)
        }
        Some(Fault::LoginPage) => Answer::html(200, "Welcome", "Please accept our terms."),
        Some(Fault::Unauthorized) => Refusal::unauthenticated().into(),
        Some(Fault::Internal) => Refusal::internal().into(),
    };
    Some(answer)
}

fn read(kind: CallKind, body: &[u8]) -> Body {
    let Ok(text) = std::str::from_utf8(body) else { return Body::Broken("It is not UTF-8.".to_owned()) };
    if kind == CallKind::Token {
        return Body::Form(text.to_owned());
    }
    if text.trim().is_empty() {
        return Body::Json(Value::Object(serde_json::Map::new()));
    }
    text.parse().map_or_else(|e: serde_json::Error| Body::Broken(e.to_string()), Body::Json)
}

/// The names of a batch's requests.
fn names(body: &Body) -> Vec<String> {
    let Body::Json(json) = body else { return Vec::new() };
    let requests = json["requests"].as_array().map(Vec::as_slice).unwrap_or_default();
    requests.iter().filter_map(Value::as_object).flat_map(|r| r.keys().cloned()).collect()
}

fn say(call: &Call, status: Option<u16>) {
    let status = status.map_or("reset".to_owned(), |s| s.to_string());
    let mut requests: Vec<(&str, usize)> = Vec::new();
    for name in &call.requests {
        match requests.iter_mut().find(|(n, _)| n == name) {
            Some((_, n)) => *n += 1,
            None => requests.push((name, 1)),
        }
    }
    let requests: Vec<_> = requests.iter().map(|(name, n)| format!("{name}×{n}")).collect();
    let took = call.at.elapsed().as_millis();
    eprintln!(
        "{} {} -> {status}, {} bytes, {took} ms {}",
        call.method,
        call.path,
        call.n_bytes,
        requests.join(" ")
    );
}

fn builder(answer: &Answer) -> hyper::http::response::Builder {
    let builder = Response::builder().status(answer.status).header(CONTENT_TYPE, answer.content_type);
    match &answer.retry_after {
        Some(value) => builder.header(RETRY_AFTER, value),
        None => builder,
    }
}

fn whole(answer: Answer) -> Sent {
    let builder = builder(&answer);
    let body = Either::Left(Full::new(Bytes::from(answer.body)));
    builder.body(body).expect("an answer's header fields are valid")
}

fn cut(answer: Answer) -> Sent {
    let builder = builder(&answer);
    let mut bytes = Bytes::from(answer.body);
    let length = bytes.len() as u64;
    bytes.truncate(bytes.len() / 2);
    let body = Cut { half: Some(bytes), length, pause: Box::pin(sleep(HALF)) };
    builder.body(Either::Right(body)).expect("an answer's header fields are valid")
}

/// A body that ends before its length is reached.
struct Cut {
    half: Option<Bytes>,
    length: u64,
    pause: Pin<Box<Sleep>>,
}

impl HttpBody for Cut {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(half) = self.half.take() {
            return Poll::Ready(Some(Ok(Frame::data(half))));
        }
        self.pause.as_mut().poll(context).map(|()| None)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}
