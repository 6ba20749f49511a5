//! The database: which tables there are, what their columns are, and their rows as one snapshot shows them.

pub(crate) mod catalog;
pub(crate) mod columns;
pub(crate) mod rows;
pub(crate) mod secrets;
pub(crate) mod snapshot;
pub(crate) mod survey;

pub(crate) use self::snapshot::Snapshot;

use sync_core::pg::quote_ident;

use self::columns::Column;

/// Name of a row in our statements; a table may have a column of any shorter name.
const ROW: &str = "pg2sheets_row";

/// A table that becomes a tab.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Table {
    /// `schema.table`, or the name of a query.
    pub(crate) name: String,
    /// Title of a new tab, before it is made unique.
    pub(crate) title: String,
    /// What stands behind FROM.
    pub(crate) relation: String,
    pub(crate) is_query: bool,
    /// Columns of the primary key.
    pub(crate) key: Vec<String>,
    pub(crate) condition: Option<String>,
    pub(crate) order: Option<String>,
    /// The columns that are wanted.
    pub(crate) only: Option<Vec<String>>,
}

impl Table {
    /// The statement that reads all rows in an order that only the data decides.
    pub(crate) fn select(&self, columns: &[Column]) -> String {
        let values: Vec<&str> = columns.iter().map(|column| column.sql.as_str()).collect();
        let condition = self.condition.as_ref().map(|sql| format!(" WHERE ({sql}\n)")).unwrap_or_default();
        let key = self.key.iter().map(|column| format!("{ROW}.{}", quote_ident(column)));
        let key = match self.key.is_empty() {
            true => format!("{ROW}::text COLLATE \"C\""),
            false => key.collect::<Vec<_>>().join(", "),
        };
        let wish = self.order.as_ref().map(|sql| format!("{sql}, ")).unwrap_or_default();
        let Table { relation, .. } = self;
        format!("SELECT {} FROM {relation} AS {ROW}{condition} ORDER BY {wish}{key}", values.join(", "))
    }
}
