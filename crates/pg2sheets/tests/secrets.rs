//! No key, token or password in any output, at any level.

mod common;

use std::os::unix::fs::PermissionsExt as _;

use common::Setup;
use sync_testing::sheets::{Fault, On};

#[test]
fn nothing_secret_is_ever_said() {
    let setup = Setup::new();
    setup.sql("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
    let key: serde_json::Value = serde_json::from_str(&setup.google.key_json()).unwrap();
    let private = key["private_key"].as_str().unwrap();
    let line = private.lines().nth(3).unwrap();
    for (n, args) in [
        &["-vv"][..],
        &["-vv", "--log-format", "json"],
        &["check", "-vv"],
        &["status", "-vv"],
        &["diff", "-vv"],
    ]
    .into_iter()
    .enumerate()
    {
        if n == 0 {
            setup.google.plan(On::Token, Fault::Unavailable);
            setup.google.plan(On::Write, Fault::Unauthorized);
            setup.google.plan(On::Read, Fault::Reset);
        }
        let log = setup.dir().join("log");
        let tool = setup.tool(args).args(["--log-file", log.to_str().unwrap()]).env("RUST_LOG", "trace");
        let run = tool.env("DB_SYNC_LOG_LEVEL", "trace").run();
        assert_eq!(run.code, Some(0), "{args:?}: {}", run.stderr);
        let logged = std::fs::read_to_string(&log).unwrap_or_default();
        let said = format!("{}{}{logged}", run.stdout, run.stderr);
        let token = std::fs::read_dir(setup.dir().join("state")).unwrap().map(|file| file.unwrap().path());
        let token = token.filter(|path| path.to_str().unwrap().contains("token-")).last().unwrap();
        assert_eq!(std::fs::metadata(&token).unwrap().permissions().mode() & 0o777, 0o600);
        let kept: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(&token).unwrap()).unwrap();
        let secret = kept["access_token"].as_str().unwrap();
        for secret in [secret, line, "BEGIN PRIVATE KEY", "assertion="] {
            let shown = said.lines().find(|line| line.contains(secret));
            assert_eq!(shown, None, "{args:?}");
        }
    }
    let dir = std::fs::metadata(setup.dir().join("state")).unwrap();
    assert_eq!(dir.permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_key_that_is_no_key_is_named_without_it() {
    let setup = Setup::new();
    setup.sql("CREATE TABLE t (id int PRIMARY KEY)");
    let broken = setup.google.key_json().replace("MII", "XII");
    for key in [broken.as_str(), &setup.google.key_json()[..200], "bm9wZQ==", "%%%"] {
        let run = setup.tool(&[]).env("GOOGLE_CREDENTIALS_BASE64", key).run();
        assert_eq!(run.code, Some(78), "{}", run.stderr);
        assert!(run.stderr.contains("hint: "), "{}", run.stderr);
        assert!(!run.stderr.contains("XII") && !run.stderr.contains("MII"), "{}", run.stderr);
    }
}
