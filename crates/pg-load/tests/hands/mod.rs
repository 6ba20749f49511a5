//! What the encoding tests do with a server.

use std::io::Write;

use pg_load::value::Value;
use postgres::Client;
use sync_testing::postgres::Postgres;

/// A text value.
pub(crate) fn t(text: &str) -> Value<'_> {
    Value::Text(text.as_bytes())
}

/// Sends a finished COPY stream.
pub(crate) fn copy(client: &mut Client, table: &str, bytes: &[u8]) {
    let mut writer = client.copy_in(&format!("COPY {table} FROM STDIN BINARY")).expect("COPY begins");
    writer.write_all(bytes).expect("the server takes the rows");
    writer.finish().expect("the rows are right");
}

/// A server, and a connection that prints times one way.
pub(crate) fn setup() -> (Postgres, Client) {
    let pg = Postgres::start();
    let mut client = pg.client(&pg.url());
    client.batch_execute("SET timezone = 'UTC'; SET datestyle = 'ISO'").expect("settings");
    (pg, client)
}
