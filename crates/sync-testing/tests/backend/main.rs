//! The reference backend keeps its rules, and breaks them exactly where it was told to.

mod client;
mod faults;
mod http;
mod plans;
mod rules;
mod switches;
