//! Settings: flags over environment over `.env` over defaults.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use secrecy::{ExposeSecret as _, SecretString};
use sync_core::env::Env;
use sync_core::fault::{self, Fault};
use sync_core::http;

use crate::args::CommonArgs;
use crate::database::folder;
use crate::lang::Lang;

/// Who may send how fast, from where to where.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The recorder's database.
    pub(crate) db: PathBuf,
    /// Where our tables are, unless beside the recorder's.
    pub(crate) state: Option<PathBuf>,
    /// Where videos wait while they are sent.
    pub(crate) spool: PathBuf,
    /// Whether somebody chose that folder: then other databases' videos may wait there too.
    pub(crate) is_spool_shared: bool,
    /// Names of tables and columns.
    pub(crate) mapping: Option<PathBuf>,
    /// What the URLs of the API begin with.
    pub(crate) backend: String,
    pub(crate) token: Option<SecretString>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) device: String,
    pub(crate) mode: Mode,
    pub(crate) interval: Duration,
    /// Events on their way at once.
    pub(crate) concurrency: usize,
    /// The largest video that is sent, in bytes.
    pub(crate) max_media: Option<u64>,
    /// Bytes per second that videos may take.
    pub(crate) bandwidth: Option<u64>,
    pub(crate) lang: Lang,
    /// Called before and after each run; a secret.
    pub(crate) ping_url: Option<String>,
}

/// How often to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// One run.
    Once,
    /// A loop, by the name that old units use.
    Periodic,
    /// A loop.
    Continuous,
}

impl Mode {
    /// Its name in the settings.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Mode::Once => "once",
            Mode::Periodic => "periodic",
            Mode::Continuous => "continuous",
        }
    }
}

impl Settings {
    /// Reads and checks all settings.
    ///
    /// # Errors
    /// A configuration fault that names the setting.
    pub(crate) fn load(args: &CommonArgs, env: &Env) -> Result<Settings> {
        let text = |flag: &Option<String>, name: &str| -> Result<Option<String>> {
            Ok(match flag {
                Some(value) => Some(value.clone()),
                None => env.get(name)?,
            })
        };
        let path = |flag: &Option<PathBuf>, name: &str| -> Result<Option<PathBuf>> {
            Ok(match flag {
                Some(path) => Some(path.clone()),
                None => env.get(name)?.map(PathBuf::from),
            })
        };
        let number = |flag, name, least| text(flag, name)?.map(|text| number(name, &text, least)).transpose();
        let db = path(&args.local_db_path, "LOCAL_DB_PATH")?;
        let db = db.unwrap_or_else(|| PathBuf::from("/data/surveillance.db"));
        let state = path(&args.state, "SYNC_STATE_PATH")?;
        let spool = path(&args.spool, "SYNC_SPOOL_DIR")?;
        let url = text(&args.backend_url, "BACKEND_URL")?;
        let minutes = number(&args.sync_interval_minutes, "SYNC_INTERVAL_MINUTES", 1)?.unwrap_or(5);
        let concurrency = number(&args.concurrency, "SYNC_CONCURRENCY", 1)?.unwrap_or(1);
        if state.as_ref().is_some_and(|state| is_same_file(state, &db)) {
            return Err(Fault::config(
                format!("SYNC_STATE_PATH (--state) is the recorder's database itself, {}", db.display()),
                "leave it out: our tables are kept there by themselves",
            ));
        }
        Ok(Settings {
            is_spool_shared: spool.is_some(),
            spool: spool.unwrap_or_else(|| beside(&canonical(state.as_deref().unwrap_or(&db)), ".spool")),
            db,
            state,
            mapping: path(&args.mapping, "SYNC_MAPPING")?,
            backend: http::base_url("BACKEND_URL", url.as_deref().unwrap_or("http://backend:8000"))?,
            token: match text(&args.backend_token, "BACKEND_TOKEN")? {
                Some(text) => Some(token(text.trim())?),
                None => no_token(env)?,
            },
            ca_file: path(&args.backend_ca_file, "BACKEND_CA_FILE")?,
            device: device(text(&args.device_id, "DEVICE_ID")?)?,
            mode: mode(text(&args.sync_mode, "SYNC_MODE")?.as_deref())?,
            interval: Duration::from_secs(minutes.saturating_mul(60)),
            concurrency: usize::try_from(concurrency.min(64))?,
            max_media: number(&args.max_media_mb, "SYNC_MAX_MEDIA_MB", 1)?
                .map(|mb| mb.saturating_mul(1_000_000)),
            bandwidth: number(&args.bandwidth, "SYNC_BANDWIDTH", 1)?,
            lang: Lang::choose(text(&args.lang, "SYNC_LANG")?.as_deref(), env)?,
            ping_url: env.get("PI_UPLOADER_PING_URL")?,
        })
    }

    /// What the token is sent as.
    pub(crate) fn authorization(&self) -> Option<SecretString> {
        self.token.as_ref().map(|token| format!("Bearer {}", token.expose_secret()).into())
    }

    /// The backend, for people.
    pub(crate) fn server(&self) -> String {
        fault::redact(&self.backend)
    }

    /// The database with our tables.
    pub(crate) fn state(&self) -> &Path {
        self.state.as_deref().unwrap_or(&self.db)
    }

    /// The lock that keeps a second instance out, whatever name it knows the database by.
    pub(crate) fn lock(&self) -> PathBuf {
        beside(&canonical(self.state()), ".lock")
    }
}

/// The path without symbolic links; the file itself need not be there yet.
pub(crate) fn canonical(path: &Path) -> PathBuf {
    let in_folder = || Some(folder(path).canonicalize().ok()?.join(path.file_name()?));
    path.canonicalize().ok().or_else(in_folder).unwrap_or_else(|| path.to_owned())
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    real(a).is_some_and(|a| Some(a) == real(b))
}

/// The path with something behind its name.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

fn device(text: Option<String>) -> Result<String> {
    let device = text.unwrap_or_else(|| "raspberry-1".to_owned());
    if device.trim().is_empty() {
        return Err(Fault::config("DEVICE_ID (--device-id) is empty", "name this device, e.g. raspberry-1"));
    }
    Ok(device)
}

/// A token that a header can carry.
fn token(text: &str) -> Result<SecretString> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Fault::config(
            "BACKEND_TOKEN (--backend-token) is empty, or holds spaces, line breaks or letters that no token has",
            "copy it again; in BACKEND_TOKEN_FILE it stands alone on one line",
        ));
    }
    Ok(text.into())
}

/// No token, unless there ought to be one.
fn no_token(env: &Env) -> Result<Option<SecretString>> {
    match env.get("BACKEND_TOKEN_FILE")? {
        None => Ok(None),
        Some(path) => Err(Fault::config(
            format!("the file {path} named by BACKEND_TOKEN_FILE is empty"),
            "write the token into it, or unset BACKEND_TOKEN_FILE",
        )),
    }
}

fn mode(text: Option<&str>) -> Result<Mode> {
    match text.map(|text| text.trim().to_lowercase()).as_deref() {
        Some("once") => Ok(Mode::Once),
        Some("periodic") => Ok(Mode::Periodic),
        Some("continuous") | None => Ok(Mode::Continuous),
        Some(other) => Err(Fault::config(
            format!("SYNC_MODE (--sync-mode): {other} is unknown"),
            "write once, periodic or continuous",
        )),
    }
}

fn number(name: &str, text: &str, least: u64) -> Result<u64> {
    text.trim().parse().ok().filter(|n| *n >= least).ok_or_else(|| {
        Fault::config(
            format!("{name}: {text:?} is no whole number from {least} on"),
            format!("e.g. {name}=5"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_core::exit::Exit;
    use sync_core::fault::verdict;

    fn load(pairs: &[(&str, &str)]) -> Result<Settings> {
        Settings::load(&CommonArgs::default(), &Env::from_pairs(pairs.iter().copied()))
    }

    #[test]
    fn defaults_are_those_of_the_old_program() {
        let settings = load(&[]).unwrap();
        assert_eq!(settings.db, Path::new("/data/surveillance.db"));
        assert_eq!(settings.backend, "http://backend:8000");
        assert_eq!((settings.device.as_str(), settings.mode.name()), ("raspberry-1", "continuous"));
        assert_eq!(settings.interval, Duration::from_secs(300));
        assert_eq!(settings.spool, Path::new("/data/surveillance.db.spool"));
    }

    #[test]
    fn flags_win_over_the_environment() {
        let args = CommonArgs { device_id: Some("flag".into()), ..CommonArgs::default() };
        let env = Env::from_pairs([("DEVICE_ID", "env"), ("SYNC_STATE_PATH", "/var/lib/s.db")]);
        let settings = Settings::load(&args, &env).unwrap();
        assert_eq!(settings.device, "flag");
        assert_eq!(settings.lock(), Path::new("/var/lib/s.db.lock"));
        assert_eq!(settings.spool, Path::new("/var/lib/s.db.spool"));
    }

    #[test]
    fn wrong_values_are_named() {
        for (name, value) in [
            ("SYNC_INTERVAL_MINUTES", "soon"),
            ("SYNC_INTERVAL_MINUTES", "0"),
            ("SYNC_CONCURRENCY", "-1"),
            ("SYNC_MODE", "sometimes"),
            ("BACKEND_URL", "backend:8000"),
            ("BACKEND_URL", "ftp://backend"),
            ("SYNC_LANG", "de"),
            ("DEVICE_ID", " "),
            ("BACKEND_TOKEN", "one\ntwo"),
            ("BACKEND_TOKEN", "café"),
        ] {
            let error = load(&[(name, value)]).unwrap_err();
            assert_eq!(verdict(&error).exit, Exit::Config, "{name}={value}");
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
