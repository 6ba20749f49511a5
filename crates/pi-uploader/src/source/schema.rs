//! The recorder's tables: two versions of them are in the field, and a mapping may name others.

use anyhow::{Context as _, Result};
use rusqlite::{Connection, OptionalExtension as _};
use sync_core::fault::Fault;

use super::Kind;
use super::mapping::Mapping;

/// Tables that we write ourselves.
const OURS: [&str; 4] = ["sync_tracking", "sync_attempt", "sync_archive", "sync_state"];

/// The tables that are there.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    pub(crate) events: Option<Table>,
    pub(crate) media: Option<Table>,
}

/// A table of rows to be sent, every name quoted for SQL, its alias being `e`.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) kind: Kind,
    /// Name of its database among the attached ones.
    pub(crate) database: &'static str,
    /// Names as they are, for reading a video: table and column.
    pub(crate) plain: (String, String),
    /// `"database"."table" e`
    pub(crate) rows: String,
    /// Its columns: id, date and sensor.
    pub(crate) id: String,
    pub(crate) date: String,
    pub(crate) capteur: String,
    /// Of media: camera and video.
    pub(crate) camera: Option<String>,
    pub(crate) video: Option<String>,
    /// State of the sensor, when the event itself has it.
    pub(crate) own_state: Option<String>,
    /// `LEFT JOIN` of the sensors as `c`, with their name and state; none when there is no such table.
    pub(crate) sensor: Option<Sensor>,
}

/// The sensors as they are joined.
#[derive(Clone, Debug)]
pub(crate) struct Sensor {
    pub(crate) join: String,
    pub(crate) name: String,
    pub(crate) state: Option<String>,
}

impl Schema {
    /// Finds the tables in the attached `database`.
    ///
    /// # Errors
    /// A configuration fault that names the columns that a table lacks, or when neither table is there.
    pub(crate) fn find(db: &Connection, database: &'static str, mapping: &Mapping) -> Result<Schema> {
        let finder = Finder { db, database };
        let sensor = finder.sensor(mapping)?;
        let events = finder.events(mapping, sensor.as_ref())?;
        let media = finder.media(mapping, sensor.as_ref())?;
        if events.is_none() && media.is_none() {
            return Err(Fault::config(
                "the database has neither a table of events nor one of media",
                "is LOCAL_DB_PATH the recorder's database? --mapping FILE names tables that are called otherwise",
            ));
        }
        Ok(Schema { events, media })
    }

    /// Both, as far as they are there.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &Table> {
        [&self.events, &self.media].into_iter().flatten()
    }
}

/// A sensors' table: its quoted name and columns.
struct Sensors {
    table: String,
    id: String,
    name: String,
    state: Option<String>,
}

struct Finder<'a> {
    db: &'a Connection,
    database: &'static str,
}

/// A table's columns as they are spelled.
struct Columns {
    table: String,
    names: Vec<String>,
    /// The column that is another name of the row id: whole numbers, each once.
    rowid: Option<String>,
}

impl Columns {
    /// The first of these columns that is there, quoted behind the alias.
    fn first(&self, alias: &str, wanted: &[&str]) -> Option<String> {
        let found = wanted.iter().find_map(|wanted| self.plain(wanted));
        found.map(|name| format!("{alias}.{}", quote(name)))
    }

    fn plain(&self, wanted: &str) -> Option<&str> {
        self.names.iter().map(String::as_str).find(|name| name.eq_ignore_ascii_case(wanted))
    }

    /// The column that the mapping names, or else the first of the usual ones.
    fn needed(&self, alias: &str, mapped: Option<&str>, usual: &[&str]) -> Result<String> {
        let wanted = mapped.map_or(usual.to_vec(), |name| vec![name]);
        self.first(alias, &wanted).ok_or_else(|| {
            Fault::config(
                format!("table {} has no column {}", self.table, wanted.join(" or ")),
                "--mapping FILE names columns that are called otherwise",
            )
        })
    }
}

impl Finder<'_> {
    fn columns(&self, table: &str) -> Result<Option<Columns>> {
        if OURS.iter().any(|ours| ours.eq_ignore_ascii_case(table)) {
            return Err(Fault::config(
                format!("table {table} is one of our own: to send it would make it longer each time"),
                "--mapping FILE names the recorder's tables",
            ));
        }
        // Generated columns are in this list only; those that a virtual table hides are no columns for us.
        let sql = "SELECT name, upper(type) = 'INTEGER' AND pk = 1 AND max(pk) OVER () = 1
             FROM pragma_table_xinfo(?1, ?2) WHERE hidden <> 1";
        let mut statement = self.db.prepare(sql)?;
        let columns = statement.query_map([table, self.database], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let columns: Vec<(String, bool)> = columns.collect::<Result<_, _>>().context("look at the tables")?;
        let rowid = columns.iter().find(|(_, is_rowid)| *is_rowid).map(|(name, _)| name.clone());
        let names: Vec<String> = columns.into_iter().map(|(name, _)| name).collect();
        Ok((!names.is_empty()).then(|| Columns { table: table.to_owned(), names, rowid }))
    }

    /// The column of ids, which must be whole numbers, each of them once: by them rows are tracked.
    fn id(&self, columns: &Columns, mapped: Option<&str>, usual: &str) -> Result<String> {
        let id = columns.needed("e", mapped, &[usual])?;
        if columns.rowid.as_ref().is_some_and(|rowid| id == format!("e.{}", quote(rowid))) {
            return Ok(id);
        }
        let sql = format!(
            "SELECT quote({id}) FROM {} e GROUP BY {id} HAVING count(*) > 1 OR typeof({id}) <> 'integer' LIMIT 1",
            self.qualified(&columns.table)
        );
        let wrong: Option<String> = self.db.query_row(&sql, [], |row| row.get(0)).optional()?;
        wrong.map_or(Ok(id), |wrong| {
            Err(Fault::config(
                format!(
                    "table {} has the id {wrong}, which is no whole number or not the only one",
                    columns.table
                ),
                "--mapping FILE names a column of unique whole numbers",
            ))
        })
    }

    /// Why no video can be read in pieces from this table, if so.
    fn unreadable(&self, table: &str) -> Result<Option<&'static str>> {
        let sql = "SELECT type, wr, EXISTS (SELECT 1 FROM pragma_table_xinfo(?1, ?2) WHERE hidden IN (2, 3))
             FROM pragma_table_list WHERE name = ?1 COLLATE NOCASE AND schema = ?2";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let found: Option<(String, bool, bool)> =
            self.db.query_row(sql, [table, self.database], read).optional()?;
        Ok(match found {
            Some((kind, ..)) if kind == "view" => Some("is a view"),
            Some((kind, ..)) if kind == "virtual" => Some("is a virtual table"),
            Some((_, true, _)) => Some("is WITHOUT ROWID"),
            Some((_, _, true)) => Some("has generated columns"),
            _ => None,
        })
    }

    fn qualified(&self, table: &str) -> String {
        format!("{}.{}", quote(self.database), quote(table))
    }

    fn sensor(&self, mapping: &Mapping) -> Result<Option<Sensors>> {
        let names = &mapping.capteur;
        let table = names.table.as_deref().unwrap_or("capteur");
        let Some(columns) = self.columns(table)? else {
            return Ok(None);
        };
        Ok(Some(Sensors {
            table: self.qualified(table),
            id: columns.needed("c", names.id.as_deref(), &["id_capteur"])?,
            name: columns.needed("c", names.nom.as_deref(), &["nom_capteur"])?,
            state: match names.etat.as_deref() {
                Some(mapped) => Some(columns.needed("c", Some(mapped), &[])?),
                None => columns.first("c", &["etat_capteur"]),
            },
        }))
    }

    fn events(&self, mapping: &Mapping, sensors: Option<&Sensors>) -> Result<Option<Table>> {
        let names = &mapping.evenement;
        let table = names.table.as_deref().unwrap_or("evenement");
        let Some(columns) = self.columns(table)? else {
            return Ok(None);
        };
        let capteur = columns.needed("e", names.capteur.as_deref(), &["id_capteur"])?;
        Ok(Some(Table {
            kind: Kind::Event,
            database: self.database,
            plain: (table.to_owned(), String::new()),
            rows: format!("{} e", self.qualified(table)),
            id: self.id(&columns, names.id.as_deref(), "id_evenement")?,
            date: columns.needed("e", names.date.as_deref(), &["date", "date_evenement"])?,
            camera: None,
            video: None,
            own_state: match names.etat.as_deref() {
                Some(mapped) => Some(columns.needed("e", Some(mapped), &[])?),
                None => columns.first("e", &["etat_capteur"]),
            },
            sensor: sensors.map(|sensors| sensors.joined(&capteur)),
            capteur,
        }))
    }

    fn media(&self, mapping: &Mapping, sensors: Option<&Sensors>) -> Result<Option<Table>> {
        let names = &mapping.media;
        let table = names.table.as_deref().unwrap_or("media");
        let Some(columns) = self.columns(table)? else {
            return Ok(None);
        };
        if let Some(why) = self.unreadable(table)? {
            return Err(Fault::config(
                format!("table {table} {why}: from such a table SQLite gives no video in pieces"),
                "--mapping FILE names another table of media: an ordinary one",
            ));
        }
        let capteur = columns.needed("e", names.capteur.as_deref(), &["id_capteur"])?;
        let video = columns.needed("e", names.video.as_deref(), &["video"])?;
        let plain = columns.plain(names.video.as_deref().unwrap_or("video")).unwrap_or_default().to_owned();
        Ok(Some(Table {
            kind: Kind::Media,
            database: self.database,
            plain: (table.to_owned(), plain),
            rows: format!("{} e", self.qualified(table)),
            id: self.id(&columns, names.id.as_deref(), "id_media")?,
            date: columns.needed("e", names.date.as_deref(), &["date", "date_media"])?,
            camera: Some(columns.needed("e", names.camera.as_deref(), &["numero_camera"])?),
            video: Some(video),
            own_state: None,
            sensor: sensors.map(|sensors| sensors.joined(&capteur)),
            capteur,
        }))
    }
}

impl Sensors {
    fn joined(&self, capteur: &str) -> Sensor {
        Sensor {
            join: format!("LEFT JOIN {} c ON {} = {capteur}", self.table, self.id),
            name: self.name.clone(),
            state: self.state.clone(),
        }
    }
}

impl Table {
    /// SQL of what tells a row from another under the same id: date, sensor and, of media, the length of the video.
    pub(crate) fn fingerprint(&self) -> String {
        // The usual types first, since every row is looked at in every run. Of SQLite's texts for numbers only this one
        // stays the same from version to version.
        let text = |column: &str, usual: &str| {
            format!(
                "CASE typeof({column}) WHEN '{usual}' THEN {column} WHEN 'real' THEN format('real %!.17g', {column})
                 ELSE typeof({column}) || ' ' || quote({column}) END"
            )
        };
        let mut parts = vec![text(&self.date, "text"), text(&self.capteur, "integer")];
        parts.extend(self.video.iter().map(|video| format!("quote(octet_length({video}))")));
        parts.join(" || '|' || ")
    }
}

/// An identifier for SQL.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
