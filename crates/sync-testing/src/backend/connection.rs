//! One connection: requests come one after the other, until the client or a fault ends it.

use std::net::{Shutdown, TcpStream};
use std::time::Instant;

use super::Shared;
use super::answer::Answer;
use super::api::Api;
use super::body::{self, Body, Manner, piece_of, time_of};
use super::fault::Fault;
use super::gate::Ticket;
use super::head::{self, Head, Parsed};
use super::record::{Request, RequestInfo};
use super::wire::Wire;
use crate::proxy_forward::reset;

/// How a connection ends.
#[derive(Clone, Copy, Debug)]
enum Ending {
    /// Everything was said.
    Close,
    /// The client may still be sending.
    Linger,
    /// In the middle of something.
    Cut,
    Reset,
}

struct Connection<'a> {
    shared: &'a Shared,
    ticket: &'a Ticket,
    wire: Wire,
    /// Room for an answer's bytes, used again and again.
    out: Vec<u8>,
}

/// A request under way: its number, when it came and what it said first.
struct Arrived {
    n: u64,
    at: Instant,
    head: Head,
}

/// Serves a connection to its end.
pub(super) fn serve(stream: TcpStream, ticket: &Ticket, shared: &Shared) {
    let wire = Wire::new(stream, shared.tls.clone());
    let mut connection = Connection { shared, ticket, wire, out: Vec::new() };
    let ending = connection.run();
    let mut wire = connection.wire;
    match ending {
        Ending::Close => wire.say_goodbye(),
        Ending::Linger => wire.linger(),
        Ending::Cut | Ending::Reset => {}
    }
    ticket.release_socket();
    let tcp = wire.into_tcp();
    if matches!(ending, Ending::Reset) {
        reset(tcp);
    } else {
        let _ = tcp.shutdown(Shutdown::Both);
    }
}

impl Connection<'_> {
    fn run(&mut self) -> Ending {
        loop {
            let head = match head::parse(self.wire.unread()) {
                Parsed::Whole(head, n) => {
                    self.wire.consume(n);
                    head
                }
                Parsed::Partial if self.wire.is_full() => return self.refuse(431),
                Parsed::Partial => match self.wire.read_more() {
                    Ok(true) => continue,
                    _ => return Ending::Close,
                },
                Parsed::Wrong => return self.refuse(400),
            };
            let request = Arrived { n: self.shared.log.arrive(), at: Instant::now(), head };
            if let Some(ending) = self.exchange(request) {
                return ending;
            }
        }
    }

    /// Reads a request's body, and answers or does what a fault wants; the ending, if it is the last one.
    fn exchange(&mut self, request: Arrived) -> Option<Ending> {
        let (shared, head) = (self.shared, &request.head);
        let fault = shared.plan.at_head(&RequestInfo {
            n: request.n,
            connection: self.ticket.number,
            method: &head.method,
            path: &head.path,
            key: head.key.as_deref(),
            content_length: head.content_length(),
        });
        let early = fault.as_ref().and_then(Answer::instead);
        let refusal = shared.api.refuse(head);
        let length = match (head.body_length(), early.as_ref().or(refusal.as_ref())) {
            // A client that waits for leave to send its body is answered without it.
            (Some(_), Some(_)) if head.expects_continue => None,
            (length, _) => length,
        };
        let Some(length) = length else {
            let answer = early.or(refusal).expect("a request without a length is refused");
            return self.answer_head(request, fault, &answer);
        };
        if head.expects_continue && self.wire.send(b"HTTP/1.1 100 Continue\r\n\r\n").is_err() {
            return Some(Ending::Cut);
        }
        let manner = self.manner(head, fault.as_ref());
        let body = body::read(&mut self.wire, length, manner, self.ticket);
        if !body.is_complete {
            self.record(request, body, fault, None);
            return Some(Ending::Cut);
        }
        let fault = shared.plan.at_body(&body.text).or(fault);
        let answer = match &fault {
            Some(Fault::Silent | Fault::Reset | Fault::CutRequest { .. }) => None,
            fault => {
                let fault = fault.as_ref();
                let answer = fault.and_then(Answer::instead).or(refusal);
                Some(answer.unwrap_or_else(|| shared.api.serve(head, &body, fault)))
            }
        };
        let close = head.closes;
        let is_answered = !matches!(fault, Some(Fault::LoseReply));
        let status = answer.as_ref().filter(|_| is_answered).map(|a| a.status);
        self.record(request, body, fault.clone(), status);
        match answer {
            Some(answer) => self.deliver(&answer, fault.as_ref(), close),
            None => Some(self.say_nothing(fault.as_ref())),
        }
    }

    fn manner(&self, head: &Head, fault: Option<&Fault>) -> Manner {
        let manner = Manner {
            has_video: Api::has_video(head),
            is_hashed: self.shared.log.keeps(),
            ..Manner::default()
        };
        match fault {
            Some(&Fault::SlowRead { bytes_per_s }) => Manner { bytes_per_s: Some(bytes_per_s), ..manner },
            Some(&Fault::CutRequest { after_bytes }) => Manner { at_most: Some(after_bytes), ..manner },
            _ => manner,
        }
    }

    /// Answers a request whose body stays unread; what follows it cannot be told from the body then.
    fn answer_head(&mut self, request: Arrived, fault: Option<Fault>, answer: &Answer) -> Option<Ending> {
        self.record(request, Body::unread(), fault, Some(answer.status));
        self.write(answer, true);
        let _ = self.wire.send(&self.out);
        Some(Ending::Linger)
    }

    fn deliver(&mut self, answer: &Answer, fault: Option<&Fault>, close: bool) -> Option<Ending> {
        self.write(answer, close);
        let is_sent = match fault {
            Some(Fault::LoseReply) => return Some(Ending::Cut),
            Some(&Fault::CutReply { after_bytes }) => {
                self.out.truncate(after_bytes);
                let _ = self.wire.send(&self.out);
                return Some(Ending::Cut);
            }
            Some(&Fault::Slow(time)) => self.ticket.nap(time) && self.wire.send(&self.out).is_ok(),
            Some(&Fault::SlowReply { bytes_per_s }) => self.send_slowly(bytes_per_s),
            _ => self.wire.send(&self.out).is_ok(),
        };
        match (is_sent, fault) {
            (false, _) => Some(Ending::Cut),
            (true, Some(Fault::CloseAfter)) => Some(Ending::Close),
            (true, _) => close.then_some(Ending::Close),
        }
    }

    fn say_nothing(&mut self, fault: Option<&Fault>) -> Ending {
        match fault {
            Some(Fault::Silent) => {
                self.wire.drain();
                Ending::Cut
            }
            Some(Fault::Reset) => Ending::Reset,
            _ => Ending::Cut,
        }
    }

    /// Refuses what is no request.
    fn refuse(&mut self, status: u16) -> Ending {
        self.write(&Answer::detail(status, "this is no HTTP request"), true);
        let _ = self.wire.send(&self.out);
        Ending::Linger
    }

    fn write(&mut self, answer: &Answer, close: bool) {
        self.out.clear();
        answer.write_to(&mut self.out, close);
    }

    fn send_slowly(&mut self, bytes_per_s: u64) -> bool {
        let piece = usize::try_from(piece_of(bytes_per_s)).unwrap_or(usize::MAX);
        let Connection { wire, ticket, out, .. } = self;
        let mut pieces = out.chunks(piece);
        pieces.all(|p| ticket.nap(time_of(p.len() as u64, bytes_per_s)) && wire.send(p).is_ok())
    }

    fn record(&self, request: Arrived, body: Body, fault: Option<Fault>, answered: Option<u16>) {
        if !self.shared.log.keeps() {
            return;
        }
        let Arrived { n, at, head } = request;
        let content_length = head.content_length();
        let Head { method, path, key, authorization, user_agent, .. } = head;
        let request = Request {
            at,
            connection: self.ticket.number,
            method,
            path,
            key,
            content_length,
            authorization,
            user_agent,
            body: body.text,
            video: body.video,
            body_hash: body.hash,
            complete: body.is_complete,
            fault,
            answered,
        };
        self.shared.log.record(n, request);
    }
}
