//! Clusters really start, restart, freeze, and leave nothing behind.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use sync_testing::postgres::{Options, Postgres};

fn one(client: &mut postgres::Client) -> i32 {
    client.query_one("SELECT 1", &[]).expect("the server answers").get(0)
}

#[test]
fn starts_with_password_and_fsync() {
    let pg = Postgres::start();
    let mut client = pg.client(&pg.url());
    assert_eq!(one(&mut client), 1);
    let fsync: String = client.query_one("SHOW fsync", &[]).unwrap().get(0);
    assert_eq!(fsync, "on");
    let wrong = pg.url().replace("sync-testing-password", "wrong");
    assert!(postgres::Client::connect(&wrong, postgres::NoTls).is_err());
}

#[test]
fn databases_are_separate_and_settings_apply() {
    let pg = Postgres::start_with(Options {
        settings: vec!["work_mem=77MB".into()],
        no_fsync: true,
        ..Options::default()
    });
    let (first, second) = (pg.database(), pg.database());
    assert_ne!(first, second);
    pg.client(&first).batch_execute("CREATE TABLE a (i int)").unwrap();
    pg.client(&second).batch_execute("CREATE TABLE a (i int)").unwrap();
    let work_mem: String = pg.client(&first).query_one("SHOW work_mem", &[]).unwrap().get(0);
    assert_eq!(work_mem, "77MB");
}

#[test]
fn restart_keeps_port_and_committed_rows() {
    let mut pg = Postgres::start();
    let port = pg.port();
    let mut client = pg.client(&pg.url());
    client.batch_execute("CREATE TABLE kept (i int); INSERT INTO kept VALUES (1)").unwrap();
    pg.restart_immediate();
    assert_eq!(pg.port(), port);
    assert!(client.query("SELECT 1", &[]).is_err(), "the old connection is gone");
    let n: i64 = pg.client(&pg.url()).query_one("SELECT count(*) FROM kept", &[]).unwrap().get(0);
    assert_eq!(n, 1);
}

#[test]
fn stopped_server_refuses_until_started_again() {
    let mut pg = Postgres::start();
    pg.stop_immediate();
    assert!(postgres::Client::connect(&pg.url(), postgres::NoTls).is_err());
    pg.start_again();
    assert_eq!(one(&mut pg.client(&pg.url())), 1);
}

#[test]
fn paused_server_is_silent_until_resumed() {
    let pg = Postgres::start();
    let mut client = pg.client(&pg.url());
    pg.pause();
    let waiting = thread::spawn(move || one(&mut client));
    thread::sleep(Duration::from_millis(300));
    assert!(!waiting.is_finished());
    pg.resume();
    assert_eq!(waiting.join().unwrap(), 1);
}

#[test]
fn tls_is_offered() {
    let pg = Postgres::with_tls();
    let ssl: String = pg.client(&pg.url()).query_one("SHOW ssl", &[]).unwrap().get(0);
    assert_eq!(ssl, "on");
    assert!(std::fs::read_to_string(pg.certificate()).unwrap().contains("BEGIN CERTIFICATE"));
}

#[test]
fn dropped_cluster_leaves_nothing() {
    let pg = Postgres::start();
    let pid = pg.pid().expect("it runs");
    let dir = pg.socket_dir().to_owned();
    pg.pause();
    drop(pg);
    assert!(!dir.exists());
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    assert_eq!(servers_in(&dir), 0);
}

/// Says that this process is the one that the next test starts and kills.
const VICTIM: &str = "SYNC_TESTING_VICTIM";

fn wait_to_be_killed() -> ! {
    let pg = Postgres::start();
    eprintln!("pid={} dir={}.", pg.pid().expect("it runs"), pg.socket_dir().display());
    loop {
        thread::park();
    }
}

#[test]
fn server_dies_with_the_test_process() {
    if std::env::var_os(VICTIM).is_some() {
        wait_to_be_killed();
    }
    let running = sync_testing::tool::Tool::new(std::env::current_exe().unwrap())
        .args(["server_dies_with_the_test_process", "--exact", "--nocapture"])
        .env(VICTIM, "1")
        .spawn();
    running.wait_stderr("\n", Duration::from_secs(60));
    let said = running.stderr();
    let line = said.lines().find(|l| l.contains("pid=")).unwrap_or_else(|| panic!("no id: {said}"));
    let pid = line.split("pid=").nth(1).unwrap().split(' ').next().unwrap();
    let dir = line.split("dir=").nth(1).unwrap().trim_end_matches('.');
    running.kill9();
    assert_eq!(running.wait().signal, Some(9));
    let began = Instant::now();
    while Path::new(&format!("/proc/{pid}")).exists() {
        assert!(began.elapsed() < Duration::from_secs(10), "postgres {pid} lives on");
        thread::sleep(Duration::from_millis(10));
    }
    // The folder goes with the next cluster that anybody starts.
    drop(Postgres::start());
    assert!(!Path::new(dir).exists());
}

fn servers_in(dir: &Path) -> usize {
    let dir = dir.display().to_string();
    std::fs::read_dir("/proc")
        .expect("/proc is readable")
        .flatten()
        .filter_map(|e| std::fs::read_to_string(e.path().join("cmdline")).ok())
        .filter(|command| command.contains(&dir))
        .count()
}
