use sync_core::exit::Exit;
use sync_core::fault::{describe, verdict};

use super::*;

fn server(code: u16, message: &str) -> Error {
    Error::MySqlError(MySqlError { state: "HY000".into(), message: message.into(), code })
}

fn of(error: Error) -> (Exit, bool) {
    let verdict = verdict(&explain(error));
    (verdict.exit, verdict.retry)
}

#[test]
fn codes_of_the_server() {
    let config = [
        1044, 1045, 1049, 1054, 1064, 1130, 1142, 1143, 1146, 1227, 1250, 1251, 1370, 1524, 1698, 1792, 1862,
        3118, 3159, 4151,
    ];
    let temporary = [
        1020, 1040, 1053, 1077, 1080, 1129, 1158, 1203, 1205, 1213, 1226, 1317, 1412, 1927, 1969, 2006, 2013,
        3024, 4031,
    ];
    let failed = [1153, 1194, 1267, 1105, 1030, 9999];
    for code in config {
        assert_eq!(of(server(code, "m")), (Exit::Config, false), "{code}");
    }
    for code in temporary {
        assert_eq!(of(server(code, "m")), (Exit::Temporary, true), "{code}");
    }
    for code in failed {
        assert_eq!(of(server(code, "m")), (Exit::Failed, false), "{code}");
    }
}

#[test]
fn no_code_stands_in_two_rows() {
    let mut codes: Vec<u16> = TABLE.iter().flat_map(|(codes, _, _)| codes.iter().copied()).collect();
    let n_codes = codes.len();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), n_codes);
}

#[test]
fn message_and_code_are_kept() {
    assert_eq!(
        describe(&explain(server(1049, "Unknown database 'erp'"))),
        "Unknown database 'erp' (MySQL error 1049)\nhint: check MYSQL_DB (or MYSQL_URL), or create the database"
    );
}

#[test]
fn a_missing_right_comes_with_its_grant() {
    let cases = [
        (
            1044,
            "Access denied for user 'bob'@'10.1.2.3' to database 'er`p'",
            "GRANT SELECT ON `er``p`.* TO 'bob'@'%'",
        ),
        (
            1142,
            "SELECT command denied to user 'bob'@'h' for table `erp`.`a_kopf`",
            "GRANT SELECT ON `erp`.`a_kopf` TO 'bob'@'%'",
        ),
        (
            1142,
            "SELECT command denied to user 'bob'@'h' for table 'a_kopf'",
            "GRANT SELECT ON `a_kopf` TO 'bob'@'%'",
        ),
        (
            1143,
            "SELECT command denied to user 'bob'@'h' for column 'id' in table 'a_kopf'",
            "GRANT SELECT ON `a_kopf` TO 'bob'@'%'",
        ),
        (
            1227,
            "Access denied; you need (at least one of) the PROCESS privilege(s) for this operation",
            "GRANT PROCESS ON *.* TO 'USER'@'%'",
        ),
        (
            1370,
            "execute command denied to user 'bob'@'h' for routine 'erp.f'",
            "GRANT EXECUTE ON FUNCTION erp.f TO 'bob'@'%'",
        ),
        (1142, "Zugriff verweigert", "GRANT SELECT ON DATABASE.* TO 'USER'@'%'"),
    ];
    for (code, message, grant) in cases {
        let text = describe(&explain(server(code, message)));
        assert!(text.contains(grant), "{text}");
    }
}

#[test]
fn a_refusal_in_plain_text_mentions_tls() {
    let denied = server(1045, "Access denied for user 'u'@'h' (using password: YES)");
    assert!(describe(&explain_on(Link::Plain, &denied)).contains("MYSQL_SSL_MODE=required"));
    assert!(!describe(&explain(denied)).contains("SSL"));
    let insecure = "Connections using insecure transport are prohibited while --require_secure_transport=ON.";
    for code in [1045, 3159, 4244] {
        let error = explain(server(code, insecure));
        assert_eq!(verdict(&error).exit, Exit::Config);
        assert!(describe(&error).contains("MYSQL_SSL_MODE=required"), "{error}");
    }
}

#[test]
fn errors_of_the_driver() {
    let refused =
        |kind| Error::DriverError(DriverError::CouldNotConnect(Some(("h:1".into(), "why".into(), kind))));
    assert_eq!(of(refused(io::ErrorKind::ConnectionRefused)), (Exit::Temporary, true));
    assert_eq!(of(refused(io::ErrorKind::NotFound)), (Exit::Temporary, true));
    assert_eq!(of(refused(io::ErrorKind::PermissionDenied)), (Exit::Config, false));
    assert_eq!(of(Error::DriverError(DriverError::ConnectTimeout)), (Exit::Temporary, true));
    for error in [
        DriverError::TlsNotSupported,
        DriverError::UnknownAuthPlugin("dialog".into()),
        DriverError::OldMysqlPasswordDisabled,
        DriverError::CleartextPluginDisabled,
        DriverError::UnsupportedProtocol(9),
    ] {
        let error = explain(Error::DriverError(error));
        assert_eq!(verdict(&error).exit, Exit::Config, "{error}");
        assert!(verdict(&error).hint.is_some(), "{error}");
    }
    assert_eq!(of(Error::DriverError(DriverError::PacketTooLarge)), (Exit::Failed, false));
    assert_eq!(of(Error::FromValueError(mysql::Value::from("hunter2"))), (Exit::Failed, false));
    assert!(!describe(&explain(Error::FromValueError(mysql::Value::from("hunter2")))).contains("hunter2"));
}

#[test]
fn a_broken_connection_is_temporary_and_a_certificate_is_not() {
    use io::ErrorKind as K;
    for kind in [K::UnexpectedEof, K::ConnectionReset, K::BrokenPipe, K::TimedOut, K::WouldBlock] {
        assert_eq!(of(Error::IoError(io::Error::new(kind, "cut"))), (Exit::Temporary, true), "{kind:?}");
    }
    assert_eq!(of(Error::server_disconnected()), (Exit::Temporary, true));
    let tls = |text: &str| Error::IoError(io::Error::new(K::InvalidData, text));
    let bad = tls("invalid peer certificate: UnknownIssuer");
    assert!(describe(&explain(bad)).contains("MYSQL_SSL_CA must name"));
    let name = tls("invalid peer certificate: certificate not valid for name \"h\"; it has none");
    assert!(describe(&explain(name)).contains("MYSQL_SSL_MODE=verify_ca"));
    let old = tls("received fatal alert: HandshakeFailure");
    assert!(is_about_tls(&old));
    assert_eq!(of(old), (Exit::Config, false));
    assert_eq!(of(tls("bad packet")), (Exit::Failed, false));
}
