//! A proxy on the way that lets nothing through, and settings of one that cannot be used.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use std::sync::atomic::Ordering::SeqCst;

use common::Setup;
use common::raw::{Raw, Reply, usual};

#[test]
fn a_proxy_that_lets_nothing_through_is_no_backend_in_trouble() {
    for status in ["407 Proxy Authentication Required", "403 Forbidden", "503 Service Unavailable", ""] {
        let setup = Setup::new();
        setup.events(200);
        let proxy = Raw::start(move |_| match status {
            "" => Reply::Cut(Vec::new()),
            status => usual(status, ""),
        });
        let place = &proxy.url;
        for n_runs in 1..=2 {
            let run = setup.tool(&["--once"]).env("HTTP_PROXY", place.replace("://", "://me:hunter2@")).run();
            assert_eq!((run.code, proxy.n_connections.load(SeqCst)), (Some(75), n_runs), "{}", run.stderr);
            assert!(run.stderr.contains(&format!("check the proxy (HTTP_PROXY, {place})")), "{}", run.stderr);
            assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
            assert_eq!(setup.tracked(), ["evenement 1 failed"]);
            let counted =
                "SELECT count(*) FROM sync_attempt WHERE attempts > 0 OR next_attempt_at IS NOT NULL";
            assert_eq!(setup.one(counted), "0");
        }
        assert_eq!(setup.backend.n_requests(), 0);
        // The server that is excepted is called directly.
        let run = setup.tool(&["--once"]).env("HTTP_PROXY", place).env("NO_PROXY", "127.0.0.1").run();
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        setup.assert_all_served_once();
    }
}

#[test]
fn a_proxy_setting_that_cannot_be_used_sends_nothing_past_it() {
    let setup = Setup::new();
    setup.events(3);
    for (name, value) in [
        ("HTTP_PROXY", "socks5://me:hunter2@127.0.0.1:1"),
        ("https_proxy", "://hunter2"),
        ("ALL_PROXY", "ftp://127.0.0.1"),
    ] {
        let run = setup.tool(&["--once"]).env(name, value).run();
        assert_eq!(run.code, Some(78), "{}", run.stderr);
        assert!(run.stderr.contains(name) && !run.stderr.contains("hunter2"), "{}", run.stderr);
        let check = setup.tool(&["check"]).env(name, value).run();
        assert_eq!(check.code, Some(78), "{}", check.stdout);
        assert!(check.stdout.contains(name) && !check.stdout.contains("hunter2"), "{}", check.stdout);
    }
    assert_eq!(setup.backend.n_requests(), 0);
}
