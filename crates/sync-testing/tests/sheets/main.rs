//! The fake of Google's server keeps Google's rules, and breaks them exactly where it was told to.

mod access;
mod cells;
mod client;
mod dimensions;
mod faults;
mod formulas;
mod metadata;
mod paste;
mod protection;
mod reads;
mod size;
mod tabs;
mod values;
