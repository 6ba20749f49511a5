//! The PostgreSQL side: rows are staged first and merged by key in one transaction, so that readers see the
//! old or the new state.

pub(crate) mod fields;
pub(crate) mod merge;
pub(crate) mod missing;
pub(crate) mod rejects;
pub(crate) mod removal;
pub(crate) mod replace;
pub(crate) mod stage;
pub(crate) mod target;
