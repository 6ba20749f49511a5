//! The built-in job: the planned orders with wanted accessories, one row each, chosen by a total order.

pub(crate) mod choose;
pub(crate) mod destination;
pub(crate) mod inspect;
mod log;
pub(crate) mod reader;
pub(crate) mod rows;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod since;
pub(crate) mod sql;
mod work;

/// Name of the job and of its table.
pub(crate) const JOB: &str = "commandes_volets";
/// Name of the table of accessories and operations.
pub(crate) const DETAILS: &str = "commandes_volets_details";
/// Accessory codes that are wanted unless told otherwise, as patterns of LIKE.
pub(crate) const CODES: [&str; 3] = ["VR%", "SOP%", "S P%"];
/// What the note of a planned order contains unless told otherwise.
pub(crate) const NOTE: &str = "cde Planifiée";

/// Which orders are wanted.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Patterns of accessory codes.
    pub(crate) codes: Vec<String>,
    /// Texts of which a log line's note contains one.
    pub(crate) notes: Vec<String>,
}
