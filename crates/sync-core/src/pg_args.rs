//! Where PostgreSQL is, as flags and environment variables of a tool.

use anyhow::Result;
use clap::Args;

use crate::env::Env;
use crate::fault::Fault;
use crate::pg_settings::PgSettings;

/// PostgreSQL as a URL or as single settings; options of every command.
///
/// A tool whose variable for the database is not `POSTGRES_DATABASE` changes name and help with `mut_arg`.
#[derive(Clone, Debug, Default, Args)]
pub struct PgArgs {
    /// PostgreSQL as a URL; wins over the single settings [env: DATABASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub database_url: Option<String>,
    /// Server [env: POSTGRES_HOST] [default: localhost]
    #[arg(long, global = true, value_name = "HOST")]
    pub postgres_host: Option<String>,
    /// Port [env: POSTGRES_PORT] [default: 5432]
    #[arg(long, global = true, value_name = "PORT")]
    pub postgres_port: Option<String>,
    /// Database [env: POSTGRES_DATABASE]
    #[arg(long, global = true, value_name = "NAME")]
    pub postgres_database: Option<String>,
    /// Role [env: POSTGRES_USER]
    #[arg(long, global = true, value_name = "NAME")]
    pub postgres_user: Option<String>,
    /// Password; others can see it in the process list, prefer the environment or
    /// POSTGRES_PASSWORD_FILE [env: POSTGRES_PASSWORD]
    #[arg(long, global = true, value_name = "PASSWORD")]
    pub postgres_password: Option<String>,
}

impl PgArgs {
    /// The settings: flags over environment, a URL over single settings, then libpq's own variables.
    ///
    /// `database_variable` is the tool's name for the variable of the database. A database or user that nothing names,
    /// and a value that cannot be read, is a configuration error which names the variable.
    pub fn settings(&self, env: &Env, database_variable: &str) -> Result<PgSettings> {
        let value =
            |flag: &Option<String>, name: &str| Ok::<_, anyhow::Error>(flag.clone().or(env.get(name)?));
        let url = value(&self.database_url, "DATABASE_URL")?;
        let mut pg = match &url {
            Some(url) => PgSettings::from_url(url)?,
            None => PgSettings {
                hosts: value(&self.postgres_host, "POSTGRES_HOST")?.into_iter().collect(),
                ports: value(&self.postgres_port, "POSTGRES_PORT")?
                    .map(|text| port(&text))
                    .transpose()?
                    .into_iter()
                    .collect(),
                database: value(&self.postgres_database, database_variable)?,
                user: value(&self.postgres_user, "POSTGRES_USER")?,
                password: value(&self.postgres_password, "POSTGRES_PASSWORD")?.map(Into::into),
                ..PgSettings::default()
            },
        };
        pg.fill_from_env(env)?;
        if pg.hosts.is_empty() && url.is_none() {
            pg.hosts.push("localhost".to_owned());
        }
        for (name, value) in [(database_variable, &pg.database), ("POSTGRES_USER", &pg.user)] {
            if value.as_deref().unwrap_or_default().is_empty() {
                return Err(Fault::config(
                    format!("{name} is not set"),
                    format!(
                        "set {name} in the environment or .env, or give DATABASE_URL=postgresql://user:password@host/database"
                    ),
                ));
            }
        }
        Ok(pg)
    }
}

fn port(text: &str) -> Result<u16> {
    text.trim()
        .parse()
        .map_err(|_| Fault::config(format!("POSTGRES_PORT is not a number: {text:?}"), "e.g. 5432"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use crate::fault;

    const SINGLE: [(&str, &str); 3] =
        [("POSTGRES_HOST", "db"), ("POSTGRES_DB", "erp"), ("POSTGRES_USER", "bob")];

    fn settings(args: &PgArgs, pairs: &[(&str, &str)]) -> Result<PgSettings> {
        args.settings(&Env::from_pairs(pairs.iter().copied()), "POSTGRES_DB")
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_a_url_over_single_settings() {
        let args = PgArgs { postgres_port: Some(" 6000".into()), ..PgArgs::default() };
        assert_eq!(settings(&args, &SINGLE).unwrap().display(), "db:6000/erp");
        let args = PgArgs { database_url: Some("postgres://bob@there/x".into()), ..args };
        assert_eq!(settings(&args, &SINGLE).unwrap().display(), "there:5432/x");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let wrong = |pairs: &[(&str, &str)]| {
            let error = settings(&PgArgs::default(), pairs).unwrap_err();
            assert_eq!(fault::verdict(&error).exit, Exit::Config);
            error.to_string()
        };
        assert_eq!(wrong(&[("POSTGRES_USER", "bob")]), "POSTGRES_DB is not set");
        assert_eq!(wrong(&[("POSTGRES_DB", "erp")]), "POSTGRES_USER is not set");
        assert_eq!(wrong(&[("POSTGRES_PORT", "x")]), "POSTGRES_PORT is not a number: \"x\"");
        let local = settings(&PgArgs::default(), &SINGLE[1..]).unwrap();
        assert_eq!(local.display(), "localhost:5432/erp");
    }
}
