//! Servers really start, restart, freeze, and leave nothing behind.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use mysql::prelude::Queryable;
use mysql::{Conn, Opts, OptsBuilder, SslOpts};
use sync_testing::mariadb::{MariaDb, Options, PASSWORD, Tls, USER};

fn one(conn: &mut Conn) -> i32 {
    conn.query_first("SELECT 1").expect("the server answers").expect("one row")
}

fn variable(db: &MariaDb, name: &str) -> String {
    let value = db.conn("").query_first(format!("SELECT @@{name}")).expect("the variable exists");
    value.expect("one row")
}

/// A connection over TCP, with TLS if options for it are given.
fn over_tcp(db: &MariaDb, user: &str, password: &str, ssl: Option<SslOpts>) -> mysql::Result<Conn> {
    let opts = Opts::from_url(&db.url("")).expect("the URL is valid");
    let opts = OptsBuilder::from_opts(opts).user(Some(user)).pass(Some(password));
    Conn::new(opts.prefer_socket(false).ssl_opts(ssl))
}

#[test]
fn starts_with_password_on_port_and_socket() {
    let db = MariaDb::start();
    assert_eq!(one(&mut db.conn("")), 1);
    assert_eq!(one(&mut over_tcp(&db, USER, PASSWORD, None).unwrap()), 1);
    for password in ["", "wrong"] {
        assert!(over_tcp(&db, USER, password, None).is_err());
    }
    assert!(over_tcp(&db, "", "", None).is_err(), "no anonymous user");
    assert_eq!(one(&mut Conn::new(Opts::from_url(&db.url("mysql")).unwrap()).unwrap()), 1);
    assert!(db.socket().exists());
}

#[test]
fn starts_in_well_under_a_second() {
    drop(MariaDb::start());
    let began = Instant::now();
    let db = MariaDb::start();
    // Half of it would do on an idle machine; tests run side by side.
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}\n{}", began.elapsed(), db.log());
}

#[test]
fn databases_are_separate_and_arguments_apply() {
    let db =
        MariaDb::start_with(Options { args: vec!["--max-allowed-packet=77M".into()], ..Options::default() });
    let (first, second) = (db.database(), db.database());
    assert_ne!(first, second);
    db.sql(&first, "CREATE TABLE a (i int); INSERT INTO a VALUES (1), (2)");
    db.sql(&second, "CREATE TABLE a (i int)");
    assert_eq!(variable(&db, "max_allowed_packet"), (77 << 20).to_string());
    let n: i64 = db.conn(&first).query_first("SELECT count(*) FROM a").unwrap().unwrap();
    assert_eq!(n, 2);
    let charset: String = db.conn(&second).query_first("SELECT @@collation_database").unwrap().unwrap();
    assert_eq!(charset, "utf8mb4_general_ci");
}

#[test]
#[should_panic(expected = "nowhere")]
fn a_later_statement_that_fails_is_seen() {
    let db = MariaDb::start();
    db.sql("", "SELECT 1; SELECT 2; SELECT * FROM nowhere.nothing");
}

#[test]
fn keeps_port_and_committed_rows_over_restart_and_kill() {
    let mut db = MariaDb::start();
    let port = db.port();
    let name = db.database();
    db.sql(&name, "CREATE TABLE kept (i int) ENGINE=InnoDB");
    let endings: [fn(&mut MariaDb); 3] = [
        MariaDb::restart,
        |db| {
            db.kill9();
            db.start_again();
        },
        |db| {
            db.stop();
            db.start_again();
        },
    ];
    for (n, end) in endings.into_iter().enumerate() {
        db.sql(&name, "INSERT INTO kept VALUES (1)");
        let mut conn = db.conn(&name);
        end(&mut db);
        assert_eq!(db.port(), port);
        assert!(conn.query_drop("SELECT 1").is_err(), "the old connection is gone");
        let rows: usize = db.conn(&name).query_first("SELECT count(*) FROM kept").unwrap().unwrap();
        assert_eq!(rows, n + 1);
    }
}

#[test]
fn stopped_server_refuses() {
    let mut db = MariaDb::start();
    db.stop();
    assert!(db.pid().is_none());
    assert!(over_tcp(&db, USER, PASSWORD, None).is_err());
    db.start_again();
    assert_eq!(one(&mut over_tcp(&db, USER, PASSWORD, None).unwrap()), 1);
}

#[test]
fn paused_server_is_silent_until_resumed() {
    let db = MariaDb::start();
    let mut conn = db.conn("");
    db.pause();
    let waiting = thread::spawn(move || one(&mut conn));
    thread::sleep(Duration::from_millis(300));
    assert!(!waiting.is_finished());
    db.resume();
    assert_eq!(waiting.join().unwrap(), 1);
}

#[test]
fn users_have_the_rights_they_are_given() {
    let db = MariaDb::start();
    let name = db.database();
    db.sql(&name, "CREATE TABLE a (i int); CREATE TABLE b (i int)");
    let grant = format!("SELECT ON {name}.a");
    db.create_user("reader", "it's secret", &[&grant]);
    let mut conn = over_tcp(&db, "reader", "it's secret", None).unwrap();
    assert!(conn.query_drop(format!("SELECT * FROM {name}.a")).is_ok());
    assert!(conn.query_drop(format!("SELECT * FROM {name}.b")).is_err());
    assert!(conn.query_drop(format!("DELETE FROM {name}.a")).is_err());
}

#[test]
fn certificates_are_signed_and_named_as_asked() {
    for (tls, valid_for_host) in [(Tls::Named, true), (Tls::Nameless, false)] {
        let db = MariaDb::start_with(Options { tls, ..Options::default() });
        let trusting = SslOpts::default().with_root_cert_path(Some(db.ca()));
        let mut conn = over_tcp(&db, USER, PASSWORD, Some(trusting.clone()));
        assert_eq!(conn.is_ok(), valid_for_host, "{tls:?}: {:?}", conn.err());
        conn = over_tcp(&db, USER, PASSWORD, Some(trusting.with_danger_skip_domain_validation(true)));
        let mut conn = conn.unwrap_or_else(|e| panic!("{tls:?}: {e}"));
        let (_, cipher): (String, String) =
            conn.query_first("SHOW STATUS LIKE 'Ssl_cipher'").unwrap().unwrap();
        assert!(cipher.starts_with("TLS"), "{cipher}");
        assert!(
            over_tcp(&db, USER, PASSWORD, Some(SslOpts::default())).is_err(),
            "nobody knows this authority"
        );
        assert!(over_tcp(&db, USER, PASSWORD, None).is_ok(), "plain text is still served");
    }
}

#[test]
fn plain_text_is_refused_where_tls_is_required() {
    let db = MariaDb::start_with(Options {
        tls: Tls::Named,
        require_secure_transport: true,
        ..Options::default()
    });
    assert!(over_tcp(&db, USER, PASSWORD, None).is_err());
    assert_eq!(one(&mut db.conn("")), 1);
}

#[test]
fn innodb_can_be_missing() {
    let db = MariaDb::start_with(Options { isam_only: true, ..Options::default() });
    let name = db.database();
    db.sql(&name, "CREATE TABLE a (i int); INSERT INTO a VALUES (1)");
    let engine: String = db
        .conn(&name)
        .query_first("SELECT engine FROM information_schema.tables WHERE table_schema = database()")
        .unwrap()
        .unwrap();
    assert_eq!(engine, "MyISAM");
    let innodb: Option<String> = db
        .conn("")
        .query_first(
            "SELECT engine FROM information_schema.engines WHERE engine = 'InnoDB' AND support <> 'NO'",
        )
        .unwrap();
    assert_eq!(innodb, None);
}

#[test]
fn dropped_server_leaves_nothing() {
    let db = MariaDb::start();
    let pid = db.pid().expect("it runs");
    let dir = db.socket().parent().unwrap().to_owned();
    db.pause();
    drop(db);
    assert!(!dir.exists());
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

/// Says that this process is the one that the next test starts and kills.
const VICTIM: &str = "SYNC_TESTING_VICTIM";

fn wait_to_be_killed() -> ! {
    let db = MariaDb::start();
    eprintln!(
        "pid={} dir={}.",
        db.pid().expect("it runs"),
        db.socket().parent().expect("it has one").display()
    );
    loop {
        thread::park();
    }
}

#[test]
fn server_dies_with_the_test_process() {
    if std::env::var_os(VICTIM).is_some() {
        wait_to_be_killed();
    }
    let mut tool = sync_testing::tool::Tool::new(std::env::current_exe().unwrap())
        .args(["server_dies_with_the_test_process", "--exact", "--nocapture"])
        .env(VICTIM, "1");
    // Unpacked programs lie below these.
    for name in ["HOME", "XDG_CACHE_HOME"] {
        tool = std::env::var_os(name).into_iter().fold(tool, |tool, value| tool.env(name, value));
    }
    let running = tool.spawn();
    running.wait_stderr("\n", Duration::from_secs(60));
    let said = running.stderr();
    let line = said.lines().find(|l| l.contains("pid=")).unwrap_or_else(|| panic!("no id: {said}"));
    let pid = line.split("pid=").nth(1).unwrap().split(' ').next().unwrap();
    let dir = line.split("dir=").nth(1).unwrap().trim_end_matches('.');
    running.kill9();
    assert_eq!(running.wait().signal, Some(9));
    let began = Instant::now();
    while Path::new(&format!("/proc/{pid}")).exists() {
        assert!(began.elapsed() < Duration::from_secs(10), "mariadbd {pid} lives on");
        thread::sleep(Duration::from_millis(10));
    }
    // The folder goes with the next server that anybody starts.
    drop(MariaDb::start());
    assert!(!Path::new(dir).exists());
}
