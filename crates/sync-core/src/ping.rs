//! Telling a monitoring service that a run began and how it ended, as healthchecks.io understands it.

use std::time::Duration;

use ureq::Agent;

use crate::exit::Exit;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Tells the service that a run begins: GET `URL/start`, within 5 s; a failure is a warning in the log.
pub fn start(url: &str) {
    get(url, "start");
}

/// Tells the service how the run ended: GET `URL/<exit code>`, within 5 s; a failure is a warning in the log.
pub fn finish(url: &str, exit: Exit) {
    get(url, &exit.code().to_string());
}

fn get(url: &str, event: &str) {
    let address = address(url, event);
    let agent: Agent = Agent::config_builder().timeout_global(Some(TIMEOUT)).build().into();
    if let Err(error) = agent.get(&address).call() {
        log::warn!("ping to {} failed: {}", host(url), reason(&error));
    }
}

fn address(url: &str, event: &str) -> String {
    let (path, query) = url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)));
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}/{event}{query}", path.trim_end_matches('/'))
}

/// Scheme and host: all of the URL that is no secret.
fn host(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}")
}

fn reason(error: &ureq::Error) -> String {
    match error {
        // These print the address.
        ureq::Error::BadUri(_) | ureq::Error::RequireHttpsOnly(_) | ureq::Error::Http(_) => {
            "the URL is not valid".into()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    #[test]
    fn addresses() {
        assert_eq!(address("https://hc.example/ping/uuid/", "start"), "https://hc.example/ping/uuid/start");
        assert_eq!(address("https://hc.example/p?rid=1", "75"), "https://hc.example/p/75?rid=1");
    }

    #[test]
    fn only_the_host_is_said() {
        assert_eq!(host("https://me:pw@hc.example:8000/secret?x"), "https://hc.example:8000");
        let error = ureq::get("http://h/a secret").call().unwrap_err();
        assert!(!reason(&error).contains("secret"), "{error}");
    }

    #[test]
    fn a_ping_asks_for_the_exit_code() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/uuid", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let n = stream.read(&mut request).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
            String::from_utf8_lossy(&request[..n]).into_owned()
        });
        finish(&url, Exit::Partial);
        assert!(server.join().unwrap().starts_with("GET /uuid/3 HTTP/1.1"));
        start(&url); // Nobody listens any more: a warning, no failure.
    }
}
