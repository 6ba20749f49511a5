//! Reaching the source: TLS in every mode, sockets, refusals and silence, each with its exit code and advice.

mod common;

use std::net::TcpListener;

use common::Setup;
use sync_testing::mariadb::{Options, Tls};
use sync_testing::tool::Run;

fn setup(tls: Tls) -> Setup {
    Setup::with(Options { tls, ..Options::default() })
}

/// `check` with these variables over the usual ones.
fn check(setup: &Setup, variables: &[(&str, &str)]) -> Run {
    let tool = setup.tool(&["check"]);
    variables.iter().fold(tool, |tool, (name, value)| tool.env(name, value)).run()
}

/// What `check` says of the source; the tables of the ERP are none of this file's business.
#[track_caller]
fn source(setup: &Setup, variables: &[(&str, &str)]) -> String {
    let run = check(setup, variables);
    let line = run.stdout.lines().find(|line| line.starts_with("source"));
    line.unwrap_or_else(|| panic!("{}\n{}", run.stdout, run.stderr)).to_owned()
}

#[track_caller]
fn refused(setup: &Setup, code: i32, variables: &[(&str, &str)], said: &[&str]) {
    let run = check(setup, variables);
    assert_eq!(run.code, Some(code), "{}\n{}", run.stdout, run.stderr);
    for part in said {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
    assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
}

#[test]
fn tls_is_used_where_it_is_offered_and_checked_as_far_as_asked() {
    let setup = setup(Tls::Nameless);
    let ca = setup.mariadb.ca().display().to_string();
    assert!(source(&setup, &[]).contains("TLS_AES"));
    assert!(source(&setup, &[("MYSQL_SSL_MODE", "disabled")]).contains("no TLS"));
    assert!(source(&setup, &[("MYSQL_SSL_MODE", "Required")]).contains("TLS_AES"));
    assert!(source(&setup, &[("MYSQL_SSL_CA", &ca)]).contains("TLS_AES"));
    refused(
        &setup,
        78,
        &[("MYSQL_SSL_MODE", "verify-ca")],
        &["UnknownIssuer", "hint: MYSQL_SSL_CA must name"],
    );
    let identity = [("MYSQL_SSL_MODE", "verify_identity"), ("MYSQL_SSL_CA", ca.as_str())];
    refused(&setup, 78, &identity, &["not valid for name", "MYSQL_SSL_MODE=verify_ca"]);
    setup
        .mariadb
        .sql("", "CREATE USER careful@'%' IDENTIFIED BY 'p' REQUIRE SSL; GRANT ALL ON *.* TO careful@'%'");
    let careful = [("MYSQL_USER", "careful"), ("MYSQL_PASSWORD", "p")];
    assert!(source(&setup, &careful).contains("TLS_AES"));
    let plain = [careful[0], careful[1], ("MYSQL_SSL_MODE", "disabled")];
    refused(&setup, 78, &plain, &["MySQL error 1045", "MYSQL_SSL_MODE=required"]);
}

#[test]
fn a_certificate_with_names_is_checked_by_name() {
    let setup = setup(Tls::Named);
    let ca = setup.mariadb.ca().display().to_string();
    for host in ["localhost", "127.0.0.1"] {
        let identity = [("MYSQL_SSL_MODE", "verify_identity"), ("MYSQL_SSL_CA", &*ca), ("MYSQL_HOST", host)];
        assert!(source(&setup, &identity).contains("TLS_AES"), "{host}");
    }
}

#[test]
fn a_server_that_insists_on_tls() {
    let setup =
        Setup::with(Options { tls: Tls::Named, require_secure_transport: true, ..Options::default() });
    assert!(source(&setup, &[]).contains("TLS_AES"));
    let plain = [("MYSQL_SSL_MODE", "disabled")];
    refused(&setup, 78, &plain, &["MYSQL_SSL_MODE=required"]);
}

#[test]
fn a_server_without_tls() {
    let setup = setup(Tls::Off);
    assert!(source(&setup, &[]).contains("no TLS"));
    assert!(source(&setup, &[("MYSQL_HOST", "localhost")]).contains("no TLS"));
    refused(&setup, 78, &[("MYSQL_SSL_MODE", "required")], &["does not offer TLS", "hint: give the server"]);
    let socket = setup.mariadb.socket().display().to_string();
    let by_socket =
        [("MYSQL_SOCKET", &*socket), ("MYSQL_HOST", "nowhere.invalid"), ("MYSQL_SSL_MODE", "required")];
    assert!(source(&setup, &by_socket).contains(&socket));
}

#[test]
fn refusals_say_what_to_do() {
    let setup = setup(Tls::Off);
    refused(&setup, 78, &[("MYSQL_PASSWORD", "hunter2")], &["MySQL error 1045", "hint: check MYSQL_USER"]);
    refused(&setup, 78, &[("MYSQL_DB", "nowhere")], &["MySQL error 1044", "GRANT SELECT ON `nowhere`.*"]);
    refused(&setup, 75, &[("MYSQL_HOST", "no-such-host.invalid")], &["no-such-host.invalid is unknown"]);
    refused(&setup, 75, &[("MYSQL_PORT", "1")], &["127.0.0.1:1", "refused"]);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    refused(&setup, 75, &[("MYSQL_PORT", &port)], &["did not answer within 10 s"]);
}
