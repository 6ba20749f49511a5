//! One module for each command.

pub(crate) mod check;
pub(crate) mod failures;
pub(crate) mod forget;
pub(crate) mod health;
pub(crate) mod prune;
pub(crate) mod status;
pub(crate) mod sync;
