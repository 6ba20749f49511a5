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

/// Name of a query's rows in our statements; it may have a column of any shorter name.
const ROW: &str = "pg2sheets_row";

/// A table that becomes a tab.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Table {
    /// `schema.table`, or the name of a query.
    pub(crate) name: String,
    /// Title of a new tab, before it is made unique.
    pub(crate) title: String,
    /// Its name, or the query between parentheses.
    pub(crate) relation: String,
    pub(crate) is_query: bool,
    /// Columns of the primary key.
    pub(crate) key: Vec<String>,
    /// Whether tables inherit from it, in whose rows the key may come again.
    pub(crate) has_children: bool,
    pub(crate) condition: Option<String>,
    pub(crate) order: Option<String>,
    /// The columns that are wanted.
    pub(crate) only: Option<Vec<String>>,
}

impl Table {
    /// What a row is called in a statement: people call a table by its own name in their conditions.
    fn row(&self) -> &str {
        if self.is_query { ROW } else { &self.relation }
    }

    /// What stands behind FROM.
    fn from(&self) -> String {
        if self.is_query { format!("{} AS {ROW}", self.relation) } else { self.relation.clone() }
    }

    /// The statement that reads all rows in an order that only the data decides.
    pub(crate) fn select(&self, columns: &[Column]) -> String {
        // Named, since ORDER BY takes a bare name for what is selected, and that is text.
        let values = columns.iter().enumerate().map(|(n, column)| format!("{} AS {ROW}_{n}", column.sql));
        let values = values.collect::<Vec<_>>().join(", ");
        let condition = self.condition.as_ref().map(|sql| format!(" WHERE ({sql}\n)")).unwrap_or_default();
        let mut order: Vec<String> = self.order.iter().cloned().collect();
        order.extend(self.key.iter().map(|column| format!("{}.{}", self.row(), quote_ident(column))));
        if self.key.is_empty() || self.has_children {
            order.push(format!("({}.*)::text COLLATE \"C\"", self.row()));
        }
        format!("SELECT {values} FROM {}{condition} ORDER BY {}", self.from(), order.join(", "))
    }
}
