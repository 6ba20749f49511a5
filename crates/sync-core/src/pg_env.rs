//! libpq's environment variables and password file.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::env::Env;
use crate::pg_settings::{PgSettings, SOCKET_FOLDER};

/// libpq's variables with the parameters they stand for.
const VARIABLES: [(&str, &str); 16] = [
    ("PGHOST", "host"),
    ("PGPORT", "port"),
    ("PGDATABASE", "dbname"),
    ("PGUSER", "user"),
    ("PGPASSWORD", "password"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLKEY", "sslkey"),
    ("PGCHANNELBINDING", "channel_binding"),
    ("PGOPTIONS", "options"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
    ("PGAPPNAME", "application_name"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
    ("PGPASSFILE", "passfile"),
    ("PGREQUIRESSL", "requiressl"),
];

impl PgSettings {
    /// Fills what is still unset from `PGHOST`, `PGUSER`, `PGPASSWORD` and so on, then the password from `~/.pgpass`.
    ///
    /// A value that cannot be read is a configuration error which names the variable.
    pub fn fill_from_env(&mut self, env: &Env) -> Result<()> {
        // A host of our own does not go with somebody else's port.
        let own_host = !self.hosts.is_empty();
        for (variable, parameter) in VARIABLES {
            if self.is_set(parameter) || (own_host && parameter == "port") {
                continue;
            }
            if let Some(value) = env.get(variable)? {
                self.set(parameter, &value).with_context(|| format!("reading {variable}"))?;
            }
        }
        if self.password.is_none() {
            self.password = self.stored_password(env)?.map(Into::into);
        }
        Ok(())
    }

    fn is_set(&self, parameter: &str) -> bool {
        match parameter {
            "host" => !self.hosts.is_empty(),
            "port" => !self.ports.is_empty(),
            "dbname" => self.database.is_some(),
            "user" => self.user.is_some(),
            "password" => self.password.is_some(),
            "sslmode" | "requiressl" => self.sslmode.is_some(),
            "sslrootcert" => self.sslrootcert.is_some(),
            "sslcert" => self.sslcert.is_some(),
            "sslkey" => self.sslkey.is_some(),
            "channel_binding" => self.channel_binding.is_some(),
            "options" => self.options.is_some(),
            "connect_timeout" => self.connect_timeout.is_some(),
            "application_name" => self.application_name.is_some(),
            "target_session_attrs" => self.target_session_attrs.is_some(),
            "passfile" => self.passfile.is_some(),
            _ => false,
        }
    }

    fn stored_password(&self, env: &Env) -> Result<Option<String>> {
        let home = env.get("HOME")?.map(|home| PathBuf::from(home).join(".pgpass"));
        let Some(file) = self.passfile.clone().or(home) else {
            return Ok(None);
        };
        let Some(lines) = read_passfile(&file) else {
            return Ok(None);
        };
        let user = match &self.user {
            Some(user) => Some(user.clone()),
            None => env.get("USER")?,
        };
        let (Some(user), Some((host, port))) = (user, self.endpoints().into_iter().next()) else {
            return Ok(None);
        };
        let host = if host == SOCKET_FOLDER { "localhost" } else { &host };
        let database = self.database.as_deref().unwrap_or(&user);
        let wanted = [host, &port.to_string(), database, &user];
        Ok(lines.lines().find_map(|line| matching_password(line, wanted)))
    }
}

/// The contents of a password file; like libpq, none when others may read it.
fn read_passfile(file: &Path) -> Option<String> {
    let metadata = fs::metadata(file).ok().filter(fs::Metadata::is_file)?;
    if metadata.mode() & 0o077 != 0 {
        log::warn!("the password file {} is ignored: others may read it; chmod 0600", file.display());
        return None;
    }
    fs::read_to_string(file).ok()
}

/// The password in a line `host:port:database:user:password` that matches; `*` matches all, `\` escapes.
fn matching_password(line: &str, wanted: [&str; 4]) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let mut fields = vec![String::new()];
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => fields.last_mut()?.extend(chars.next()),
            ':' if fields.len() < 5 => fields.push(String::new()),
            c => fields.last_mut()?.push(c),
        }
    }
    let password = fields.get(4)?.clone();
    let matches = fields.iter().zip(wanted).all(|(field, wanted)| field == "*" || field == wanted);
    (matches && !password.is_empty()).then_some(password)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pg_settings::SslMode;
    use secrecy::ExposeSecret as _;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_environment_fills_only_what_is_unset() {
        let env = Env::from_pairs([
            ("PGHOST", "envhost"),
            ("PGPORT", "6000"),
            ("PGUSER", "envuser"),
            ("PGPASSWORD", "secret"),
            ("PGDATABASE", "envdb"),
            ("PGSSLMODE", "require"),
        ]);
        let mut settings = PgSettings::from_url("postgres://u@h/").unwrap();
        settings.fill_from_env(&env).unwrap();
        assert_eq!(settings.display(), "h:5432/envdb");
        assert_eq!(settings.user.as_deref(), Some("u"));
        assert_eq!(settings.sslmode, Some(SslMode::Require));
        assert_eq!(settings.password.unwrap().expose_secret(), "secret");
        let mut settings = PgSettings::default();
        settings.fill_from_env(&env).unwrap();
        assert_eq!(settings.display(), "envhost:6000/envdb");
    }

    #[test]
    fn a_bad_variable_is_named() {
        let error = PgSettings::default().fill_from_env(&Env::from_pairs([("PGPORT", "x")])).unwrap_err();
        assert!(error.to_string().contains("PGPORT"));
        assert_eq!(crate::fault::verdict(&error).exit, crate::exit::Exit::Config);
    }

    #[test]
    fn lines_of_a_password_file() {
        let wanted = ["h", "5432", "d", "u"];
        assert_eq!(matching_password("h:5432:d:u:p\\:w\\\\:x", wanted).as_deref(), Some("p:w\\:x"));
        assert_eq!(matching_password("*:*:*:u:pw", wanted).as_deref(), Some("pw"));
        for line in ["h:5433:d:u:pw", "# h:5432:d:u:pw", "h:5432:d:u", "", "*:*:*:*:"] {
            assert_eq!(matching_password(line, wanted), None, "{line}");
        }
    }

    #[test]
    fn a_password_file_that_others_may_read_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".pgpass");
        fs::write(&file, "h:*:*:u:stored\n").unwrap();
        let env = Env::from_pairs([("HOME", folder.path().to_str().unwrap())]);
        for (mode, expected) in [(0o644, None), (0o600, Some("stored"))] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            let mut settings = PgSettings::from_url("postgres://u@h/d").unwrap();
            settings.fill_from_env(&env).unwrap();
            assert_eq!(settings.password.as_ref().map(|p| p.expose_secret()), expected);
        }
    }
}
