//! Several recorders on one machine whose videos wait in the same folder.
#![cfg(feature = "failpoints")]
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use std::fs;
use std::path::Path;

use common::{Setup, wait_until};
use sync_testing::backend::Fault;
use sync_testing::tool::Tool;

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).map(|entries| entries.flatten().collect()).unwrap_or_else(|_| Vec::new());
    entries.into_iter().map(|entry| entry.file_name().into_string().unwrap()).collect()
}

fn on(setup: &Setup, spool: &Path) -> Tool {
    setup.tool(&["--once"]).env("SYNC_SPOOL_DIR", spool)
}

#[test]
fn each_recorder_sends_its_own_video_and_removes_no_others() {
    let shared = tempfile::tempdir().unwrap();
    let spool = shared.path().join("spool");
    let (one, other) = (Setup::new(), Setup::new());
    // The same ids and lengths.
    one.media(1, 2_000_000);
    other.media(1, 2_000_000);
    fs::create_dir(&spool).unwrap();
    // Of a version that knew no others: whose it is cannot be told.
    fs::write(spool.join("media-1-0123456789abcdef.video"), vec![7; 2_000_000]).unwrap();
    one.backend.script([Some(Fault::status(503))]);
    assert_eq!(on(&one, &spool).run().code, Some(3));
    assert_eq!(names(&spool).len(), 2, "{:?}", names(&spool));
    let run = on(&other, &spool).run();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    other.assert_all_served_once();
    assert_eq!(names(&spool).len(), 2, "the first one's waits still: {:?}", names(&spool));
    assert!(one.tool(&["status"]).env("SYNC_SPOOL_DIR", &spool).run().stdout.contains("spool: 1.91 MiB"));
    one.make_due();
    assert_eq!(on(&one, &spool).run().code, Some(0));
    one.assert_all_served_once();
    assert_eq!(names(&spool), ["media-1-0123456789abcdef.video"]);
}

#[test]
fn two_recorders_at_once_are_not_in_each_others_way() {
    let shared = tempfile::tempdir().unwrap();
    let spool = shared.path().join("spool");
    let setups = [Setup::new(), Setup::new()];
    for setup in &setups {
        setup.media(1, 3_000_000);
    }
    let slow = |setup: &Setup| on(setup, &spool).env("FAILPOINTS", "reading-video=sleep(20)").spawn();
    let running = setups.each_ref().map(slow);
    wait_until("both to be read at once", || {
        names(&spool).iter().filter(|name| name.ends_with(".part")).count() == 2
    });
    for run in running.map(|running| running.wait()) {
        assert_eq!(run.code, Some(0), "{}", run.stderr);
    }
    for setup in &setups {
        setup.assert_all_served_once();
    }
    assert_eq!(names(&spool), [""; 0]);
}

#[test]
fn a_spooled_video_that_is_changed_while_it_is_sent_never_arrives() {
    let setup = Setup::new();
    setup.media(1, 6_000_000);
    let running = setup.tool(&["--once", "--bandwidth", "2000000"]).spawn();
    wait_until("the video's request", || setup.backend.n_requests() == 1);
    let spool = setup.dir().join("surveillance.db.spool");
    let path = spool.join(&names(&spool)[0]);
    fs::write(path, vec![7; 6_000_000]).unwrap();
    let run = running.wait();
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    assert!(run.stderr.contains("is not the row's any more"), "{}", run.stderr);
    assert_eq!(setup.backend.rows().len(), 0);
    setup.make_due();
    setup.once_to(0);
    setup.assert_all_served_once();
}
