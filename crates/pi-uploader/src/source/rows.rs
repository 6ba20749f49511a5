//! What is sent of a row, and the key that all its deliveries share.

use anyhow::{Context as _, Result};
use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, OptionalExtension as _};
use serde::Serialize;
use serde_json::{Number, Value};
use sync_core::tracking::Fingerprint;
use uuid::Uuid;

use super::Kind;
use super::schema::Table;

/// Namespace of the keys: that of `pi-uploader` below the names of DNS.
const NAMESPACE: Uuid = Uuid::from_u128(0x5e2c_51a5_8a1f_4d0e_9b1f_6b7a_2f57_91c3);
/// What stands between the two halves of a media payload; the video goes between its quotes.
const VIDEO: &str = "\"video_data\":\"";

/// A row as it is now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) kind: Kind,
    pub(crate) id: i64,
    pub(crate) fingerprint: Fingerprint,
    /// Length of the video in bytes, when it is there and not empty.
    pub(crate) n_video_bytes: Option<u64>,
    date: Value,
    capteur: Value,
    name: Value,
    state: Value,
    /// Whether the state is the row's own, and not its sensor's.
    has_own_state: bool,
    camera: Value,
}

#[derive(Serialize)]
struct Event<'a> {
    date: &'a Value,
    capteur: EventSensor<'a>,
    device_id: &'a str,
    source: &'static str,
}

#[derive(Serialize)]
struct EventSensor<'a> {
    id: &'a Value,
    nom: &'a Value,
    etat: &'a Value,
}

#[derive(Serialize)]
struct Media<'a> {
    date: &'a Value,
    capteur: MediaSensor<'a>,
    numero_camera: &'a Value,
    video_data: &'static str,
    device_id: &'a str,
    source: &'static str,
}

#[derive(Serialize)]
struct MediaSensor<'a> {
    id: &'a Value,
    nom: &'a Value,
}

/// A reader of a table's rows: one statement for all of them.
pub(crate) struct Reader<'a> {
    table: &'a Table,
    statement: CachedStatement<'a>,
}

/// A row, or none if it has gone; `Err` inside says why it cannot be sent.
pub(crate) type Found = Option<(Row, Result<(), String>)>;

impl<'a> Reader<'a> {
    pub(crate) fn new(db: &'a Connection, table: &'a Table) -> Result<Reader<'a>> {
        let sensor = table.sensor.as_ref();
        let state = table.own_state.as_ref().or(sensor.and_then(|sensor| sensor.state.as_ref()));
        let null = "NULL".to_owned();
        let sql = format!(
            "SELECT {date}, {capteur}, {name}, {state}, {camera}, {video}, {fingerprint} FROM {rows} {join} WHERE {id} = ?1",
            date = table.date,
            capteur = table.capteur,
            name = sensor.map_or(&null, |sensor| &sensor.name),
            state = state.unwrap_or(&null),
            camera = table.camera.as_ref().unwrap_or(&null),
            // A number has no bytes that could be read.
            video = table.video.as_ref().map_or(null.clone(), |video| format!(
                "CASE WHEN typeof({video}) IN ('blob', 'text') THEN octet_length({video}) END"
            )),
            fingerprint = table.fingerprint(),
            rows = table.rows,
            join = sensor.map_or("", |sensor| sensor.join.as_str()),
            id = table.id,
        );
        let reading = || format!("read {}", table.plain.0);
        Ok(Reader { table, statement: db.prepare_cached(&sql).with_context(reading)? })
    }

    /// The row with this id.
    pub(crate) fn row(&mut self, id: i64) -> Result<Found> {
        let table = self.table;
        let found = self.statement.query_row([id], |row| read(table, id, row)).optional();
        found.with_context(|| format!("read {} {id}", table.plain.0))
    }
}

/// The row with this id.
pub(crate) fn row(db: &Connection, table: &Table, id: i64) -> Result<Found> {
    Reader::new(db, table)?.row(id)
}

fn read(table: &Table, id: i64, row: &rusqlite::Row<'_>) -> rusqlite::Result<(Row, Result<(), String>)> {
    let mut misfit = Ok(());
    let mut json = |i: usize, name: &str| -> rusqlite::Result<Value> {
        Ok(to_json(row.get_ref(i)?).unwrap_or_else(|why| {
            misfit = Err(format!("{name}: {why}"));
            Value::Null
        }))
    };
    let read = Row {
        kind: table.kind,
        id,
        date: json(0, "date")?,
        capteur: json(1, "capteur")?,
        name: json(2, "nom")?,
        state: json(3, "etat")?,
        camera: json(4, "numero_camera")?,
        has_own_state: table.own_state.is_some(),
        n_video_bytes: row.get::<_, Option<i64>>(5)?.and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0),
        fingerprint: row.get(6)?,
    };
    Ok((read, misfit))
}

fn to_json(value: ValueRef<'_>) -> Result<Value, &'static str> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(n) => n.into(),
        ValueRef::Real(x) => Value::Number(Number::from_f64(x).ok_or("infinite")?),
        ValueRef::Text(text) => std::str::from_utf8(text).map_err(|_| "not UTF-8")?.into(),
        ValueRef::Blob(_) => return Err("bytes where text is expected"),
    })
}

impl Row {
    /// What is sent; of media all but the video, whose place is between the halves of [`halves`].
    pub(crate) fn payload(&self, device: &str) -> String {
        let source = "sync_service";
        let json = match self.kind {
            Kind::Event => serde_json::to_string(&Event {
                date: &self.date,
                capteur: EventSensor { id: &self.capteur, nom: &self.name, etat: &self.state },
                device_id: device,
                source,
            }),
            Kind::Media => serde_json::to_string(&Media {
                date: &self.date,
                capteur: MediaSensor { id: &self.capteur, nom: &self.name },
                numero_camera: &self.camera,
                video_data: "",
                device_id: device,
                source,
            }),
        };
        // Values, names and texts alone: nothing of it can fail.
        json.unwrap_or_default()
    }

    /// The idempotency key: the same for the same row of the same device, whoever sends it and when.
    pub(crate) fn key(&self, device: &str, video: Option<&blake3::Hash>) -> String {
        let mut hash = blake3::Hasher::new();
        let own_state = if self.has_own_state { &self.state } else { &Value::Null };
        for value in [&self.date, &self.capteur, own_state, &self.camera] {
            hash.update(value.to_string().as_bytes()).update(b"\n");
        }
        if let Some(video) = video {
            hash.update(video.as_bytes());
        }
        let name = format!("{device}\n{}\n{}\n{}", self.kind.table(), self.id, hash.finalize().to_hex());
        Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string()
    }
}

/// A media payload before and behind its video.
pub(crate) fn halves(payload: &str) -> Option<(&str, &str)> {
    // In a text of the row these quotes would be escaped: they stand in one place only.
    let at = payload.find(VIDEO)? + VIDEO.len();
    Some(payload.split_at(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(kind: Kind) -> Row {
        Row {
            kind,
            id: 7,
            fingerprint: Fingerprint::default(),
            n_video_bytes: None,
            date: "2025-12-18T17:30:00.123456".into(),
            capteur: 1.into(),
            name: "PIR \"video_data\":\" Entrée".into(),
            state: 1.into(),
            has_own_state: false,
            camera: 2.into(),
        }
    }

    #[test]
    fn an_event_is_what_the_api_wants() {
        assert_eq!(
            row(Kind::Event).payload("raspberry-1"),
            r#"{"date":"2025-12-18T17:30:00.123456","capteur":{"id":1,"nom":"PIR \"video_data\":\" Entrée","etat":1},"device_id":"raspberry-1","source":"sync_service"}"#
        );
    }

    #[test]
    fn a_video_goes_between_the_halves() {
        let payload = row(Kind::Media).payload("pi");
        let (head, tail) = halves(&payload).unwrap();
        let whole: Value = serde_json::from_str(&format!("{head}QUJD{tail}")).unwrap();
        assert_eq!(whole["video_data"], "QUJD");
        assert_eq!(whole["numero_camera"], 2);
        assert_eq!(whole["device_id"], "pi");
    }

    #[test]
    fn the_key_is_that_of_the_row_and_not_of_its_sensor() {
        let (event, hash) = (row(Kind::Event), blake3::hash(b"video"));
        let key = event.key("pi", None);
        let changed = |change: fn(&mut Row)| {
            let mut row = event.clone();
            change(&mut row);
            row.key("pi", None)
        };
        assert_eq!(key, changed(|row| row.state = 0.into()), "the sensor's state may change");
        assert_eq!(key, changed(|row| row.name = "x".into()));
        for other in [
            changed(|row| row.id = 8),
            changed(|row| row.date = "2025".into()),
            changed(|row| row.capteur = 2.into()),
            changed(|row| row.has_own_state = true),
            event.key("other", None),
            event.key("pi", Some(&hash)),
            row(Kind::Media).key("pi", None),
        ] {
            assert_ne!(key, other);
        }
        assert_eq!(key, "8f63e52a-b379-57dd-9213-2d31696bb4dc");
    }

    #[test]
    fn values_as_json() {
        assert_eq!(to_json(ValueRef::Text("2025".as_bytes())), Ok(json!("2025")));
        assert_eq!(to_json(ValueRef::Integer(-1)), Ok(json!(-1)));
        assert_eq!(to_json(ValueRef::Real(1.5)), Ok(json!(1.5)));
        assert_eq!(to_json(ValueRef::Null), Ok(Value::Null));
        for bad in [ValueRef::Real(f64::INFINITY), ValueRef::Text(b"\xff"), ValueRef::Blob(b"x")] {
            assert!(to_json(bad).is_err());
        }
    }
}
