//! `mysql2pg jobs show`: the built-in job as a file to start from.

use std::io::{self, Write};

use anyhow::Result;
use sync_core::exit::Exit;

/// The built-in job's simple parts: the join without the choice of one row an order, and without details.
const ORDERS: &str = include_str!("../orders/job.yaml");

/// Prints the file.
pub(crate) fn show() -> Result<Exit> {
    io::stdout().lock().write_all(ORDERS.as_bytes())?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use std::fs;

    #[test]
    fn the_printed_job_is_one() {
        let path = std::env::temp_dir().join(format!("mysql2pg-job-{}.yaml", std::process::id()));
        fs::write(&path, super::ORDERS).unwrap();
        let job = crate::table::job::read(&path);
        fs::remove_file(&path).unwrap();
        assert_eq!(job.unwrap().file.destination.table.as_deref(), Some("commandes_volets_lignes"));
    }
}
