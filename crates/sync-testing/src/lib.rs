//! Throwaway servers, a misbehaving backend, faulty networks and tool runs, for tests only.
//!
//! Everything here panics with a sentence when the test's surroundings fail: a test that cannot start its server has
//! nothing better to do.

pub mod backend;
pub mod help;
pub mod mariadb;
pub mod matrix;
pub mod outcome;
pub mod pg_database;
pub mod postgres;
pub mod proxy;
pub mod sheets;
pub mod tool;

mod mariadb_account;
mod mariadb_args;
mod mariadb_template;
mod mariadb_tls;
mod pg_account;
mod pg_template;
mod proxy_forward;
mod server;
mod template;
