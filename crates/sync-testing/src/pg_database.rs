//! A database in a cluster of its own, and questions to it in the words of tests.

use ::postgres::{Client, SimpleQueryMessage};

use crate::postgres::{Options, Postgres};

/// A fresh database.
#[derive(Debug)]
pub struct Database {
    /// Its cluster, without fsync, for tests that stop it.
    pub server: Postgres,
    url: String,
}

impl Database {
    /// An empty database in a cluster that starts now.
    pub fn start() -> Database {
        let server = Postgres::start_with(Options { no_fsync: true, ..Options::default() });
        let url = server.database();
        Database { server, url }
    }

    /// Goes on with another empty database in the same cluster.
    pub fn renew(&mut self) {
        self.url = self.server.database();
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A connection that may do everything.
    pub fn client(&self) -> Client {
        self.server.client(&self.url)
    }

    /// Runs statements.
    pub fn sql(&self, sql: &str) {
        if let Err(err) = self.client().batch_execute(sql) {
            panic!("{sql}: {err:?}");
        }
    }

    /// The rows of a query as text.
    pub fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        let messages = self.client().simple_query(sql);
        let messages = messages.unwrap_or_else(|err| panic!("{sql}: {err:?}"));
        messages
            .iter()
            .filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(row),
                _ => None,
            })
            .map(|row| (0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect())
            .collect()
    }

    /// The single value of a query as text, `NULL` for NULL.
    pub fn one(&self, sql: &str) -> String {
        let rows = self.rows(sql);
        assert_eq!(rows.len(), 1, "{sql} gives one row: {rows:?}");
        rows[0][0].clone().unwrap_or_else(|| "NULL".to_owned())
    }

    /// The first column of a query as text, `NULL` for NULL.
    pub fn list(&self, sql: &str) -> Vec<String> {
        self.rows(sql)
            .into_iter()
            .map(|mut row| row.swap_remove(0).unwrap_or_else(|| "NULL".to_owned()))
            .collect()
    }
}
