//! One module for each command.

pub(crate) mod check;
pub(crate) mod health;
pub(crate) mod inspect;
pub(crate) mod jobs;
pub(crate) mod rejected;
pub(crate) mod status;
pub(crate) mod sync;
