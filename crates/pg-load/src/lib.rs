//! Rows into PostgreSQL at COPY speed: types, binary encoding, tables that grow, merges by key, and
//! the rows that no table takes.

pub mod bisect;
pub mod copy;
pub mod encode;
pub mod fit;
pub mod json;
pub mod merge;
pub mod numeric;
pub mod rejected;
pub mod row_json;
pub mod table;
pub mod timestamp;
pub mod types;
pub mod value;
