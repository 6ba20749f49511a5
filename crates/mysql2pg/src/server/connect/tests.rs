use std::net::TcpListener;
use std::time::Instant;

use sync_core::env::Env;
use sync_core::exit::Exit;
use sync_core::fault;

use super::super::settings::MyFlags;
use super::*;

fn settings(url: &str) -> MySettings {
    MySettings::load(&MyFlags::default(), &Env::from_pairs([("MYSQL_URL", url)])).unwrap()
}

#[test]
fn a_socket_never_has_tls() {
    assert_eq!(modes(&settings("mysql://u@/d?socket=/s&ssl-mode=verify_identity")), [Mode::Plain]);
    assert_eq!(modes(&settings("mysql://u@h/d?ssl-mode=verify_identity")), [Mode::Tls]);
    assert_eq!(modes(&settings("mysql://u@h/d")), [Mode::Tls, Mode::Plain]);
    assert_eq!(modes(&settings("mysql://u@h/d?ssl-mode=disabled")), [Mode::Plain]);
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let settings = settings(&format!("mysql://u:hunter2@{address}/d"));
    let began = Instant::now();
    let error = connect_with(&settings, modes(&settings), Duration::from_millis(300)).err().unwrap();
    assert!(began.elapsed() < Duration::from_secs(5));
    let text = fault::describe(&error);
    assert!(text.contains(&format!("{address} did not answer within 0.3 s")), "{text}");
    assert!(!text.contains("hunter2"));
    let verdict = fault::verdict(&error);
    assert_eq!((verdict.exit, verdict.retry), (Exit::Temporary, true));
}

#[test]
fn a_refused_connection_is_temporary_and_names_the_place() {
    for host in ["127.0.0.1", "localhost"] {
        let settings = settings(&format!("mysql://u@{host}:1/d"));
        let error = connect(&settings).err().unwrap();
        let text = fault::describe(&error);
        assert!(
            text.starts_with(&format!("connecting to {host}:1/d: cannot connect to {host}:1: ")),
            "{text}"
        );
        assert!(text.contains("refused"), "{text}");
        assert_eq!(fault::verdict(&error).exit, Exit::Temporary);
        assert!(!is_silent(&settings));
    }
}

#[test]
fn an_unknown_name_is_temporary() {
    let error = connect(&settings("mysql://u@no-such-host.invalid/d")).err().unwrap();
    assert_eq!(fault::verdict(&error).exit, Exit::Temporary);
    assert!(error.chain().any(|cause| cause.to_string().contains("no-such-host.invalid")), "{error:#}");
}

#[test]
fn a_name_with_two_kinds_of_address_is_tried_by_kind() {
    let v4 = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    assert_eq!(binds(&settings("mysql://u@127.0.0.1/d")).unwrap(), [None]);
    let localhost = binds(&settings("mysql://u@localhost/d")).unwrap();
    assert!(
        localhost == [None] || localhost.contains(&Some(v4)) && localhost.ends_with(&[None]),
        "{localhost:?}"
    );
}

#[test]
fn a_panic_of_the_driver_becomes_an_error() {
    let error = of_panic(&"Can't create response for `ed25519` authentication plugin".to_owned());
    assert_eq!(fault::verdict(&error).exit, Exit::Config);
    assert_eq!(fault::verdict(&of_panic(&"index out of bounds")).exit, Exit::Failed);
}
