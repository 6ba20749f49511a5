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
    /// An index begins with the column that names the order.
    pub(crate) is_indexed: bool,
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

/// Each table with its needed columns; the first one names the order.
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
        let mut found = Vec::new();
        for (table, columns) in TABLES {
            match catalog::find(conn, table)? {
                None => missing.push(format!("table {table}")),
                Some(info) => {
                    let lacking = columns.iter().filter(|column| info.column(column).is_none());
                    missing.extend(lacking.map(|column| format!("column {column} in table {}", info.name)));
                    let is_indexed = info.is_indexed_by(columns[0]);
                    let has_own_key = columns[1] == "id" && info.is_indexed_by("id");
                    found.push(ErpTable { info, is_indexed, has_own_key });
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
    /// Reading a part of it keeps its writers waiting until all of it is read.
    pub(crate) fn locks_whole(&self) -> bool {
        !self.info.is_transactional() && !self.is_indexed && !self.has_own_key
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
