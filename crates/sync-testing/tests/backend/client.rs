//! A client that sees every byte.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sync_testing::backend::Backend;

pub(crate) const EVENEMENTS: &str = "/api/evenements";
pub(crate) const MEDIA: &str = "/api/media";

/// A reply as it came.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    pub(crate) fn id(&self) -> u64 {
        self.json()["id"].as_u64().unwrap_or_else(|| panic!("no id: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().skip(1).filter_map(|l| l.split_once(": "));
        fields.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim_end())
    }
}

/// One connection to the backend; a read that lasts longer than 10 s fails.
pub(crate) struct Client {
    pub(crate) stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn to(backend: &Backend) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", backend.port())).expect("the backend listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket takes this option");
        stream.set_nodelay(true).expect("a socket takes this option");
        Client { stream: BufReader::new(stream) }
    }

    pub(crate) fn send(&mut self, bytes: &str) -> &mut Client {
        self.stream.get_mut().write_all(bytes.as_bytes()).expect("the backend reads");
        self
    }

    pub(crate) fn reply(&mut self) -> io::Result<Reply> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.stream.read_line(&mut head)? == 0 {
                return Err(io::Error::new(ErrorKind::UnexpectedEof, head));
            }
        }
        let status = head[9..12].parse().expect("a status");
        let mut reply = Reply { status, head, body: String::new() };
        let length = reply.header("Content-Length").map_or(0, |l| l.parse().expect("a length"));
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        reply.body = String::from_utf8(body).expect("UTF-8");
        Ok(reply)
    }

    /// Sends a request and reads its reply.
    pub(crate) fn ask(&mut self, request: &str) -> Reply {
        self.send(request).reply().expect("a reply")
    }

    /// Everything that still comes, until the backend ends the connection.
    pub(crate) fn rest(&mut self) -> io::Result<String> {
        let mut rest = String::new();
        self.stream.read_to_string(&mut rest)?;
        Ok(rest)
    }
}

pub(crate) fn event(n: u32) -> String {
    format!(
        r#"{{"date":"2025-12-18T17:30:00.{n:06}","capteur":{{"id":1,"nom":"PIR Entrée","etat":1}},"device_id":"raspberry-1","source":"sync_service"}}"#
    )
}

/// The text of a video's message; without the video it is what the backend keeps.
pub(crate) fn media(video: &[u8]) -> String {
    format!(
        r#"{{"date":"2025-12-18T17:30:00.5","capteur":{{"id":4,"nom":"Caméra 1"}},"numero_camera":1,"video_data":"{}","device_id":"raspberry-1","source":"sync_service"}}"#,
        STANDARD.encode(video)
    )
}

/// A POST with these fields beside the usual ones, each with its line end.
pub(crate) fn post_with(path: &str, fields: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nUser-Agent: tests\r\n\
         Content-Length: {}\r\n{fields}\r\n{body}",
        body.len()
    )
}

/// A POST with a key.
pub(crate) fn post(path: &str, key: &str, body: &str) -> String {
    post_with(path, &format!("Idempotency-Key: \"{key}\"\r\n"), body)
}

/// The n-th event, under a key of its own.
pub(crate) fn post_event(n: u32) -> String {
    post(EVENEMENTS, &format!("key-{n}"), &event(n))
}

pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
}
