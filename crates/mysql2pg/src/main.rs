//! Legacy MySQL into PostgreSQL: the orders of an ERP, or any other table.

fn main() {}
