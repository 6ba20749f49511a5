//! The proxy breaks PostgreSQL connections exactly where it was told to.

use std::thread;
use std::time::Duration;

use postgres::{Client, NoTls};
use sync_testing::postgres::Postgres;
use sync_testing::proxy::Proxy;

fn setup() -> (Postgres, Proxy, String) {
    let pg = Postgres::start();
    pg.client(&pg.url()).batch_execute("CREATE TABLE t (i int)").expect("the server answers");
    let proxy = Proxy::to(pg.port());
    let url = proxy.url(&pg.url());
    (pg, proxy, url)
}

fn insert_and_commit(client: &mut Client) -> Result<(), postgres::Error> {
    let mut tx = client.transaction()?;
    tx.execute("INSERT INTO t VALUES (1)", &[])?;
    tx.commit()
}

fn n_rows(pg: &Postgres) -> i64 {
    pg.client(&pg.url()).query_one("SELECT count(*) FROM t", &[]).expect("the server answers").get(0)
}

#[test]
fn forwards_and_counts() {
    let (pg, proxy, url) = setup();
    let mut client = pg.client(&url);
    let text = "x".repeat(3_000_000);
    let back: String = client.query_one("SELECT $1::text", &[&text]).unwrap().get(0);
    assert_eq!(back, text);
    assert_eq!(proxy.n_connections(), 1);
    assert!(proxy.n_bytes_up() > 3_000_000 && proxy.n_bytes_down() > 3_000_000);
}

#[test]
fn cut_before_commit_arrives_leaves_no_row() {
    let (pg, proxy, url) = setup();
    let mut client = pg.client(&url);
    proxy.cut_when_client_sends(b"COMMIT", 1, false);
    assert!(insert_and_commit(&mut client).is_err());
    assert!(proxy.has_cut());
    assert_eq!(n_rows(&pg), 0);
    insert_and_commit(&mut pg.client(&url)).expect("only one cut was asked for");
    assert_eq!(n_rows(&pg), 1);
}

#[test]
fn cut_after_commit_arrived_leaves_the_row() {
    let (pg, proxy, url) = setup();
    let mut client = pg.client(&url);
    proxy.cut_when_client_sends(b"COMMIT", 1, true);
    assert!(insert_and_commit(&mut client).is_err());
    assert_eq!(n_rows(&pg), 1);
}

#[test]
fn cut_counts_over_connections() {
    let (pg, proxy, url) = setup();
    proxy.cut_when_client_sends(b"COMMIT", 3, false);
    insert_and_commit(&mut pg.client(&url)).unwrap();
    let mut client = pg.client(&url);
    insert_and_commit(&mut client).unwrap();
    assert!(insert_and_commit(&mut client).is_err());
    assert_eq!(n_rows(&pg), 2);
}

#[test]
fn cut_all_resets_idle_connections_and_lets_new_ones_in() {
    let (pg, proxy, url) = setup();
    let mut client = pg.client(&url);
    proxy.cut_all();
    assert!(client.simple_query("SELECT 1").is_err());
    insert_and_commit(&mut pg.client(&url)).unwrap();
}

#[test]
fn refuses_while_told_to() {
    let (pg, proxy, url) = setup();
    proxy.refuse(true);
    assert!(Client::connect(&url, NoTls).is_err());
    proxy.refuse(false);
    insert_and_commit(&mut pg.client(&url)).unwrap();
}

#[test]
fn black_hole_keeps_connections_open_and_silent() {
    let (pg, proxy, url) = setup();
    let mut client = pg.client(&url);
    proxy.black_hole(true);
    let asking = thread::spawn(move || client.simple_query("INSERT INTO t VALUES (1)").map(drop));
    let connecting = thread::spawn(move || Client::connect(&url, NoTls).map(drop));
    thread::sleep(Duration::from_millis(400));
    assert!(!asking.is_finished() && !connecting.is_finished());
    proxy.black_hole(false);
    connecting.join().unwrap().expect("a connection that had not begun goes on");
    proxy.cut_all();
    assert!(asking.join().unwrap().is_err(), "what was swallowed is lost");
    assert_eq!(n_rows(&pg), 0);
}

#[test]
fn needle_may_straddle_writes() {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::to(listener.local_addr().unwrap().port());
    let mut client = std::net::TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    client.set_nodelay(true).unwrap();
    proxy.cut_when_client_sends(b"COMMIT", 1, false);
    client.write_all(b"..COM").unwrap();
    let mut buffer = [0; 5];
    server.read_exact(&mut buffer).unwrap();
    client.write_all(b"MIT").unwrap();
    assert!(server.read(&mut buffer).is_err(), "reset, not end of file");
    assert!(client.read(&mut buffer).is_err());
}

#[test]
fn url_gets_the_proxys_port() {
    let proxy = Proxy::to(1);
    let port = proxy.port();
    assert_eq!(proxy.url("postgresql://u:p@h:5432/d?x=1"), format!("postgresql://u:p@h:{port}/d?x=1"));
    assert_eq!(proxy.url("http://127.0.0.1:80"), format!("http://127.0.0.1:{port}"));
}
