//! The ERP's four tables, as this source spells their names.

use anyhow::Result;
use mysql::Conn;
use sync_core::fault::Fault;

use crate::catalog::{self, TableInfo};
use crate::server;

/// One of the four tables.
#[derive(Clone, Debug)]
pub(crate) struct ErpTable {
    pub(crate) info: TableInfo,
    /// Name of an index that leads to the rows of an order.
    pub(crate) index: Option<String>,
    /// Why an index that begins with the order does not lead there: its collation and that of the orders' own id.
    pub(crate) foreign_collation: Option<(String, String)>,
    /// It has a key of its own, in whose ranges it can be read: only the log has.
    pub(crate) has_own_key: bool,
}

/// The four tables, each with the columns that the job needs.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    /// Orders: `a_kopf`.
    pub(crate) head: ErpTable,
    /// Log lines: `a_logbuch`.
    pub(crate) log: ErpTable,
    /// Accessories: `p_zubeh`.
    pub(crate) accessory: ErpTable,
    /// Operations: `a_vorgang`.
    pub(crate) operation: ErpTable,
}

/// Each table with its needed columns, the orders themselves first; the first column names the order.
const TABLES: [(&str, &[&str]); 4] = [
    ("a_kopf", &["id", "aunummer", "aualpha", "aufstatus", "kommission"]),
    ("a_logbuch", &["id_a_kopf", "id", "datum", "notiz"]),
    ("p_zubeh", &["id_a_kopf", "position", "kennung", "znr", "zcode", "text"]),
    ("a_vorgang", &["id_a_kopf", "nummer", "bezeichnung"]),
];

impl Schema {
    /// Finds the tables without regard to case.
    ///
    /// # Errors
    /// A configuration fault that names every table and column that is missing.
    pub(crate) fn find(conn: &mut Conn) -> Result<Schema> {
        let mut missing = Vec::new();
        let mut found: Vec<ErpTable> = Vec::new();
        for (table, columns) in TABLES {
            match catalog::find(conn, table)? {
                None => missing.push(format!("table {table}")),
                Some(info) => {
                    let lacking = columns.iter().filter(|column| info.column(column).is_none());
                    missing.extend(lacking.map(|column| format!("column {column} in table {}", info.name)));
                    let table = ErpTable::new(info, columns, found.first());
                    found.push(table);
                }
            }
        }
        if let ([head, log, accessory, operation], []) = (found.as_slice(), missing.as_slice()) {
            let [head, log, accessory, operation] = [head, log, accessory, operation].map(Clone::clone);
            return Ok(Schema { head, log, accessory, operation });
        }
        Err(Fault::config(
            format!("the source lacks {}", missing.join(", ")),
            "is MYSQL_DB the ERP's database, and may this user see these tables? `mysql2pg copy` takes any other table",
        ))
    }

    /// All four tables.
    pub(crate) fn tables(&self) -> [&ErpTable; 4] {
        [&self.head, &self.log, &self.accessory, &self.operation]
    }

    /// Every table has transactions, so that one snapshot shows all of them at one moment.
    pub(crate) fn has_snapshot(&self) -> bool {
        self.tables().iter().all(|table| table.info.is_transactional())
    }
}

impl ErpTable {
    /// `head` is the table of orders, unless this is it.
    fn new(info: TableInfo, columns: &[&str], head: Option<&ErpTable>) -> ErpTable {
        let own = info.collation(columns[0]).to_owned();
        let other = head.map_or(own.as_str(), |head| head.info.collation("id"));
        let foreign_collation = (own != other).then(|| (own.clone(), other.to_owned()));
        ErpTable {
            index: info.index_by(columns[0]).filter(|_| foreign_collation.is_none()).map(str::to_owned),
            has_own_key: head.is_some() && columns[1] == "id" && info.index_by("id").is_some(),
            foreign_collation,
            info,
        }
    }

    /// Reading a part of it keeps its writers waiting until all of it is read.
    pub(crate) fn locks_whole(&self) -> bool {
        !self.info.is_transactional() && self.index.is_none() && !self.has_own_key
    }

    /// Says why an index does not help, where there is one.
    pub(crate) fn collation_hint(&self) -> Option<String> {
        let (own, other) = self.foreign_collation.as_ref()?;
        let name = &self.info.name;
        Some(format!(
            "{name}.id_a_kopf is {own} and a_kopf.id {other}: no index joins them; ALTER TABLE {name} MODIFY id_a_kopf … \
             COLLATE {other} would"
        ))
    }

    /// The table's name, quoted.
    pub(crate) fn sql(&self) -> String {
        server::quote_ident(&self.info.name)
    }

    /// The column's name as this source spells it, quoted, behind an alias.
    pub(crate) fn column(&self, alias: &str, name: &str) -> String {
        // `find` has seen to it that the column is there.
        let spelled = self.info.column(name).map_or(name, |column| column.name.as_str());
        format!("{alias}.{}", server::quote_ident(spelled))
    }
}
