//! What the tools share: when to run, how to stop, what went wrong, and how to say what happened.
//!
//! A bag of plain functions and a few plain types; no traits, no framework. What differs between the tools (what is
//! read, what is written, and what commits together) stays in the tools.
//!
//! | question | module |
//! |---|---|
//! | what does the process end with | [`exit`], [`fault`] |
//! | when does it run, retry, stop | [`schedule`], [`retry`], [`stop`], [`silence`] |
//! | what happened | [`report`], [`logging`], [`atomic`], `ping` (feature `http`) |
//! | what is it set to, how is it reached | [`mod@env`], [`percent`], [`in_time`] |
//! | command line and frame of a run (feature `cli`) | `cli`, `run` |
//! | PostgreSQL (feature `pg`) | `pg_url`, `pg`, `tls`, `lock`, `own_tables`, `commit`, `history`, `watermark` |
//! | calls to a server (features `http`, `sqlite`) | `http`, `tracking` |
//! | does it survive a crash | [`crash`] (feature `failpoints`) |

pub mod atomic;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "pg")]
pub mod commit;
pub mod crash;
pub mod env;
pub mod exit;
pub mod fault;
#[cfg(feature = "pg")]
pub mod history;
#[cfg(feature = "http")]
pub mod http;
pub mod in_time;
#[cfg(feature = "pg")]
pub mod lock;
mod log_file;
pub mod logging;
mod metrics;
#[cfg(feature = "pg")]
pub mod own_tables;
pub mod percent;
#[cfg(feature = "pg")]
pub mod pg;
#[cfg(all(feature = "cli", feature = "pg"))]
mod pg_args;
#[cfg(feature = "pg")]
pub mod pg_check;
#[cfg(feature = "pg")]
mod pg_dsn;
#[cfg(feature = "pg")]
mod pg_env;
#[cfg(feature = "pg")]
mod pg_settings;
#[cfg(feature = "pg")]
pub mod pg_url;
#[cfg(feature = "pg")]
mod pg_values;
#[cfg(feature = "http")]
pub mod ping;
pub mod recent;
pub mod report;
mod report_text;
pub mod retry;
#[cfg(feature = "cli")]
pub mod run;
pub mod schedule;
mod schedule_parse;
pub mod silence;
#[cfg(feature = "pg")]
mod sqlstate;
pub mod stop;
#[cfg(feature = "pg")]
pub mod tls;
#[cfg(feature = "sqlite")]
pub mod tracking;
#[cfg(feature = "pg")]
pub mod watermark;
