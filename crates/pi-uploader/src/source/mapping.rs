//! Names of tables and columns, for databases that are neither of the two known kinds.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;
use sync_core::fault::Fault;

/// The longest file that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// Names that differ from the usual ones; what is left out is as usual.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Mapping {
    pub(crate) capteur: SensorNames,
    pub(crate) evenement: EventNames,
    pub(crate) media: MediaNames,
}

/// Names of the sensors' table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SensorNames {
    pub(crate) table: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) nom: Option<String>,
    pub(crate) etat: Option<String>,
}

/// Names of the events' table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EventNames {
    pub(crate) table: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) date: Option<String>,
    pub(crate) capteur: Option<String>,
    pub(crate) etat: Option<String>,
}

/// Names of the videos' table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MediaNames {
    pub(crate) table: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) date: Option<String>,
    pub(crate) capteur: Option<String>,
    pub(crate) camera: Option<String>,
    pub(crate) video: Option<String>,
}

/// Reads the file.
///
/// # Errors
/// A configuration fault that names the file, the place and the key.
pub(crate) fn read(path: &Path) -> Result<Mapping> {
    let wrong = |why: String| {
        let hint = "e.g. evenement: {table: events, id: id, date: happened_at, capteur: sensor_id}";
        Fault::config(format!("--mapping {}: {why}", path.display()), hint)
    };
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text));
    read.map_err(|error| wrong(error.to_string()))?;
    if text.len() as u64 > LONGEST {
        return Err(wrong(format!("it is longer than {LONGEST} bytes")));
    }
    serde_saphyr::from_str(&text)
        .map_err(|error| wrong(error.to_string().lines().next().unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn of(text: &str) -> Result<Mapping> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        read(file.path())
    }

    #[test]
    fn a_part_of_the_names_will_do() {
        let mapping = of("evenement: {table: événements, date: quand}\n").unwrap();
        assert_eq!(mapping.evenement.table.as_deref(), Some("événements"));
        assert_eq!(mapping.evenement.id, None);
        assert!(mapping.media.table.is_none());
    }

    #[test]
    fn an_unknown_key_is_named() {
        let error = of("evenement: {tabel: x}\n").unwrap_err().to_string();
        assert!(error.contains("tabel"), "{error}");
        assert!(of("capteur: [1").is_err());
    }

    #[test]
    fn a_file_without_an_end_is_not_read_to_it() {
        let error = read(Path::new("/dev/zero")).unwrap_err().to_string();
        assert!(error.contains("longer than"), "{error}");
    }
}
