//! A recorder's database, a backend and the built tool, for each test.
#![allow(dead_code, reason = "every test binary compiles this module and uses a part of it")]
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

pub(crate) mod raw;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::types::Value;
use rusqlite::{Connection, params};
use sync_testing::backend::{Backend, Kind, Options};
use sync_testing::outcome::Outcome;
use sync_testing::tool::{Run, Tool};
use tempfile::TempDir;

/// The recorder's tables in the older of the two versions.
pub(crate) const VERSION_A: &str = "
    CREATE TABLE capteur (id_capteur INTEGER PRIMARY KEY, nom_capteur TEXT, etat_capteur INTEGER);
    CREATE TABLE evenement (id_evenement INTEGER PRIMARY KEY, date TEXT, id_capteur INTEGER);
    CREATE TABLE media (id_media INTEGER PRIMARY KEY, video BLOB, date TEXT, id_capteur INTEGER, numero_camera INTEGER);
    INSERT INTO capteur VALUES (1, 'PIR Entrée', 1), (4, 'Caméra 1', 0);";
/// In the newer one.
pub(crate) const VERSION_B: &str = "
    CREATE TABLE capteur (id_capteur INTEGER PRIMARY KEY, nom_capteur TEXT, type_capteur TEXT, device_id TEXT,
      actif INTEGER, date_creation TEXT);
    CREATE TABLE evenement (id_evenement INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT UNIQUE, date_evenement TEXT,
      timestamp REAL, etat_capteur INTEGER, id_capteur INTEGER, metadata TEXT);
    CREATE TABLE media (id_media INTEGER PRIMARY KEY AUTOINCREMENT, type_media TEXT, video BLOB, taille INTEGER,
      duree REAL, date_media TEXT, timestamp REAL, id_capteur INTEGER, id_evenement INTEGER, numero_camera INTEGER,
      resolution TEXT, codec TEXT);
    INSERT INTO capteur VALUES (1, 'PIR Entrée', 'pir', 'pi', 1, NULL), (4, 'Caméra 1', 'cam', 'pi', 1, NULL);";

/// One database, one backend, and the tool set up for both.
pub(crate) struct Setup {
    pub(crate) backend: Backend,
    dir: TempDir,
}

impl Setup {
    /// An empty database of version A, in WAL mode as the recorder makes it.
    pub(crate) fn new() -> Setup {
        Setup::with(Options::default(), VERSION_A)
    }

    pub(crate) fn with(options: Options, schema: &str) -> Setup {
        let setup = Setup { backend: Backend::start_with(options), dir: tempfile::tempdir().unwrap() };
        let db = setup.db();
        db.pragma_update(None, "journal_mode", "wal").unwrap();
        db.execute_batch(schema).unwrap();
        setup
    }

    /// The folder of the database, where the tool works.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir().join("surveillance.db")
    }

    /// The recorder's own connection.
    pub(crate) fn db(&self) -> Connection {
        let db = Connection::open(self.path()).unwrap();
        db.busy_timeout(Duration::from_secs(20)).unwrap();
        db
    }

    /// Runs statements as the recorder, or as somebody with `sqlite3` in the hand.
    pub(crate) fn sql(&self, sql: &str) {
        self.db().execute_batch(sql).unwrap_or_else(|err| panic!("{sql}: {err}"));
    }

    /// `n` further events, one a second from midnight on.
    pub(crate) fn events(&self, n: i64) {
        let db = self.db();
        db.execute(
            "INSERT INTO evenement (date, id_capteur)
             WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ?1)
             SELECT strftime('%Y-%m-%dT%H:%M:%S', '2025-12-18', (n + (SELECT count(*) FROM evenement)) || ' seconds') ||
               '.123456', 1 FROM s",
            [n],
        )
        .unwrap();
    }

    /// A video of random bytes under this id, and the bytes.
    pub(crate) fn media(&self, id: i64, n_bytes: usize) -> Vec<u8> {
        let video: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(n_bytes).collect();
        let sql = "INSERT OR REPLACE INTO media (id_media, video, date, id_capteur, numero_camera) VALUES (?1, ?2, ?3, 4, 1)";
        let date = format!("2025-12-18T18:{:02}:{:02}", id / 60 % 60, id % 60);
        self.db().execute(sql, params![id, video, date]).unwrap();
        video
    }

    /// The tool with these arguments, everything set in its environment, in English.
    pub(crate) fn tool(&self, args: &[&str]) -> Tool {
        self.bare(args).env("LOCAL_DB_PATH", self.path()).env("BACKEND_URL", self.backend.url())
    }

    /// The tool with these arguments and nothing set but the language.
    pub(crate) fn bare(&self, args: &[&str]) -> Tool {
        Tool::new(env!("CARGO_BIN_EXE_pi-uploader")).args(args).dir(self.dir()).env("LANG", "en_GB.UTF-8")
    }

    pub(crate) fn run(&self, args: &[&str]) -> Run {
        self.tool(args).run()
    }

    /// One run with a JSON report.
    pub(crate) fn once(&self, args: &[&str]) -> Outcome {
        let args: Vec<&str> = ["--once", "--report", "json"].iter().chain(args).copied().collect();
        Outcome::of(&self.run(&args))
    }

    /// One run that must end with this code.
    #[track_caller]
    pub(crate) fn once_to(&self, code: i32) -> Outcome {
        self.once(&[]).ended_with(code)
    }

    /// The single value of a query, as text.
    pub(crate) fn one(&self, sql: &str) -> String {
        self.list(sql).first().cloned().unwrap_or_default()
    }

    /// The rows of a query, as text with blanks between the columns.
    pub(crate) fn list(&self, sql: &str) -> Vec<String> {
        let db = self.db();
        let mut statement = db.prepare(sql).unwrap_or_else(|err| panic!("{sql}: {err}"));
        let n_columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            let values: Vec<String> = (0..n_columns).map(|i| text(&row.get_unwrap::<_, Value>(i))).collect();
            Ok(values.join(" "))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// `table id status` of every tracked row.
    pub(crate) fn tracked(&self) -> Vec<String> {
        self.list("SELECT table_name, local_id, sync_status FROM sync_tracking ORDER BY 1, 2")
    }

    /// All waiting rows become due.
    pub(crate) fn make_due(&self) {
        self.sql("UPDATE sync_attempt SET next_attempt_at = 0 WHERE next_attempt_at IS NOT NULL");
    }

    /// Dates of the events that the server has, each with how often.
    pub(crate) fn served(&self) -> BTreeMap<String, usize> {
        let mut served = BTreeMap::new();
        for row in self.backend.rows().iter().filter(|row| row.kind == Kind::Evenement) {
            let body: serde_json::Value = serde_json::from_str(&row.body).unwrap();
            *served.entry(body["date"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        served
    }

    /// Every event and every video is on the server, exactly once, and is tracked as sent.
    #[track_caller]
    pub(crate) fn assert_all_served_once(&self) {
        let served = self.served();
        let doubled: Vec<_> = served.iter().filter(|(_, n)| **n > 1).collect();
        assert!(doubled.is_empty(), "doubled: {doubled:?}");
        let dates: BTreeSet<String> = self.list("SELECT date FROM evenement").into_iter().collect();
        let there: BTreeSet<String> = served.into_keys().collect();
        assert_eq!(there, dates, "missing or too many");
        let rows = self.backend.rows();
        let mut videos: Vec<_> =
            rows.iter().filter_map(|row| row.video.as_ref().map(|video| *video.hash.as_bytes())).collect();
        let db = self.db();
        let mut statement = db.prepare("SELECT video FROM media").unwrap();
        let stored = statement.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
        let mut stored: Vec<_> =
            stored.map(|video| *sync_testing::backend::hash_of(&video.unwrap()).as_bytes()).collect();
        videos.sort_unstable();
        stored.sort_unstable();
        assert!(videos == stored, "{} videos on the server, {} in the database", videos.len(), stored.len());
        let unsent = "SELECT count(*) FROM sync_tracking WHERE sync_status <> 'success'";
        assert_eq!(
            self.one(unsent),
            "0",
            "{:?}",
            self.list("SELECT * FROM sync_tracking WHERE sync_status <> 'success'")
        );
    }

    /// All deliveries of a key that came whole had the same bytes; gives how many keys came more than once.
    #[track_caller]
    pub(crate) fn assert_same_bytes(&self) -> usize {
        let mut deliveries: HashMap<String, Vec<_>> = HashMap::new();
        for request in self.backend.requests().into_iter().filter(|request| request.complete) {
            deliveries.entry(request.key.clone().unwrap()).or_default().push(request);
        }
        for (key, requests) in &deliveries {
            let is_same = requests.iter().all(|request| request.body_hash == requests[0].body_hash);
            let bodies: BTreeSet<_> = requests.iter().map(|request| &request.body).collect();
            assert!(is_same, "{key}: {bodies:#?}");
        }
        deliveries.values().filter(|requests| requests.len() > 1).count()
    }
}

/// Waits until this holds.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(60), "never: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(n) => n.to_string(),
        Value::Real(x) => x.to_string(),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}
