//! One module per command.

pub(crate) mod check;
mod deletable;
pub(crate) mod health;
pub(crate) mod init;
pub(crate) mod rejected;
pub(crate) mod status;
pub(crate) mod sync;
pub(crate) mod verify;
