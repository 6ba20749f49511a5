//! Any other job: a table, or what a query gives, into a table of PostgreSQL.

pub(crate) mod batch;
pub(crate) mod incremental;
pub(crate) mod job;
pub(crate) mod plan;
pub(crate) mod reader;
pub(crate) mod run;
pub(crate) mod transform;
mod work;
