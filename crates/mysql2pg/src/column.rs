//! Columns of the source: what kind of values they hold, and which type in PostgreSQL holds all of them.

use mysql::Column;
use mysql::consts::{ColumnFlags, ColumnType as Wire};
use pg_load::types::ColumnType;

/// Number of the character set of bytes that are no text.
const BINARY: u16 = 63;

/// A column of a table or of a query's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceColumn {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// What a column holds, as far as values are read or typed differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `tinyint(1)`, which MySQL calls boolean although it holds -128 to 127.
    TinyInt1,
    /// Whole numbers that smallint holds, years among them.
    Int2,
    /// Whole numbers that integer holds.
    Int4,
    /// Whole numbers that bigint holds.
    Int8,
    /// `bigint unsigned`
    UInt8,
    /// `decimal`; precision 0 where it is not known.
    Decimal {
        precision: u32,
        scale: u32,
    },
    Float,
    Double,
    /// `bit(n)`
    Bit(u32),
    /// Text of any length, enum too.
    Text,
    /// Bytes of any length.
    Bytes,
    Set,
    Date,
    DateTime,
    Timestamp,
    Time,
    Json,
    Geometry,
    Uuid,
}

/// How the values of a column that grows with every change are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Whole numbers.
    Number,
    /// Times of the server's clock on the wall.
    LocalTime,
    /// Instants.
    UtcTime,
}

/// A column as information_schema.COLUMNS describes it.
///
/// In MariaDB `json` is an alias of `longtext` with a check, so `is_json` must be found out by the caller: the table has
/// a row in information_schema.CHECK_CONSTRAINTS whose CHECK_CLAUSE is ``json_valid(`NAME`)``.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Described<'a> {
    /// COLUMN_NAME
    pub(crate) name: &'a str,
    /// DATA_TYPE: the bare name, such as `decimal`
    pub(crate) data_type: &'a str,
    /// COLUMN_TYPE: the whole, such as `decimal(10,2) unsigned`
    pub(crate) column_type: &'a str,
    /// CHARACTER_SET_NAME is not NULL.
    pub(crate) is_text: bool,
    /// MariaDB checks that its values are JSON.
    pub(crate) is_json: bool,
}

impl SourceColumn {
    /// The column that the catalogue describes.
    pub(crate) fn from_catalog(described: &Described<'_>) -> SourceColumn {
        SourceColumn { name: described.name.to_owned(), kind: kind_of_type(described) }
    }

    /// The column of a result. What MariaDB has made of JSON and of UUIDs is text there.
    pub(crate) fn from_result(column: &Column) -> SourceColumn {
        SourceColumn { name: column.name_str().into_owned(), kind: kind_of_wire(column) }
    }

    /// The type that holds all its values, and its SQL with length or precision.
    pub(crate) fn destination(&self, tinyint1_bool: bool) -> (ColumnType, String) {
        let ty = match self.kind {
            Kind::TinyInt1 | Kind::Bit(1) if tinyint1_bool || self.kind != Kind::TinyInt1 => ColumnType::Bool,
            Kind::TinyInt1 | Kind::Int2 => ColumnType::Int2,
            Kind::Int4 => ColumnType::Int4,
            Kind::Int8 => ColumnType::Int8,
            Kind::UInt8 => return (ColumnType::Numeric, "numeric(20)".to_owned()),
            Kind::Decimal { precision: 0, .. } => ColumnType::Numeric,
            Kind::Decimal { precision, scale } => {
                return (ColumnType::Numeric, format!("numeric({precision},{scale})"));
            }
            Kind::Float => ColumnType::Float4,
            Kind::Double => ColumnType::Float8,
            Kind::Bit(n) => return (ColumnType::Bit, format!("bit({n})")),
            Kind::Text => ColumnType::Text,
            Kind::Bytes | Kind::Geometry => ColumnType::Bytea,
            Kind::Set => ColumnType::TextArray,
            Kind::Date => ColumnType::Date,
            Kind::DateTime => ColumnType::Timestamp,
            Kind::Timestamp => ColumnType::Timestamptz,
            Kind::Time => ColumnType::Interval,
            Kind::Json => ColumnType::Jsonb,
            Kind::Uuid => ColumnType::Uuid,
        };
        let sql = ty.sql().to_owned();
        (ty, sql)
    }

    /// How the column's values grow; `None` when they are neither times nor whole numbers.
    pub(crate) fn order(&self) -> Option<Order> {
        match self.kind {
            Kind::TinyInt1 | Kind::Int2 | Kind::Int4 | Kind::Int8 | Kind::UInt8 => Some(Order::Number),
            Kind::Date | Kind::DateTime => Some(Order::LocalTime),
            Kind::Timestamp => Some(Order::UtcTime),
            _ => None,
        }
    }
}

fn kind_of_type(column: &Described<'_>) -> Kind {
    let lower = column.column_type.to_ascii_lowercase();
    let is_unsigned = lower.contains("unsigned");
    let numbers = numbers(&lower);
    match column.data_type.to_ascii_lowercase().as_str() {
        "tinyint" if numbers.0 == Some(1) => Kind::TinyInt1,
        "tinyint" | "year" => Kind::Int2,
        "smallint" if !is_unsigned => Kind::Int2,
        "smallint" | "mediumint" => Kind::Int4,
        "int" | "integer" if !is_unsigned => Kind::Int4,
        "int" | "integer" => Kind::Int8,
        "bigint" if is_unsigned => Kind::UInt8,
        "bigint" => Kind::Int8,
        "decimal" | "numeric" => {
            Kind::Decimal { precision: numbers.0.unwrap_or(0), scale: numbers.1.unwrap_or(0) }
        }
        "float" => Kind::Float,
        "double" | "real" => Kind::Double,
        "bit" => Kind::Bit(numbers.0.unwrap_or(1)),
        "set" => Kind::Set,
        "date" => Kind::Date,
        "datetime" => Kind::DateTime,
        "timestamp" => Kind::Timestamp,
        "time" => Kind::Time,
        "json" => Kind::Json,
        "uuid" => Kind::Uuid,
        "inet4" | "inet6" => Kind::Text,
        "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
        | "multipolygon" | "geometrycollection" | "geomcollection" => Kind::Geometry,
        _ if column.is_json => Kind::Json,
        _ if column.is_text => Kind::Text,
        _ => Kind::Bytes,
    }
}

/// The one or two numbers in a type's parentheses.
fn numbers(column_type: &str) -> (Option<u32>, Option<u32>) {
    let inside = column_type
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'))
        .map_or("", |(inside, _)| inside);
    let mut numbers = inside.split(',').map(|number| number.trim().parse().ok());
    (numbers.next().flatten(), numbers.next().flatten())
}

fn kind_of_wire(column: &Column) -> Kind {
    let is_unsigned = column.flags().contains(ColumnFlags::UNSIGNED_FLAG);
    match column.column_type() {
        Wire::MYSQL_TYPE_TINY if column.column_length() == 1 => Kind::TinyInt1,
        Wire::MYSQL_TYPE_TINY | Wire::MYSQL_TYPE_YEAR => Kind::Int2,
        Wire::MYSQL_TYPE_SHORT if !is_unsigned => Kind::Int2,
        Wire::MYSQL_TYPE_SHORT | Wire::MYSQL_TYPE_INT24 => Kind::Int4,
        Wire::MYSQL_TYPE_LONG if !is_unsigned => Kind::Int4,
        Wire::MYSQL_TYPE_LONG => Kind::Int8,
        Wire::MYSQL_TYPE_LONGLONG if is_unsigned => Kind::UInt8,
        Wire::MYSQL_TYPE_LONGLONG => Kind::Int8,
        Wire::MYSQL_TYPE_DECIMAL | Wire::MYSQL_TYPE_NEWDECIMAL => decimal_of_wire(column, is_unsigned),
        Wire::MYSQL_TYPE_FLOAT => Kind::Float,
        Wire::MYSQL_TYPE_DOUBLE => Kind::Double,
        Wire::MYSQL_TYPE_BIT => Kind::Bit(column.column_length()),
        Wire::MYSQL_TYPE_DATE | Wire::MYSQL_TYPE_NEWDATE => Kind::Date,
        Wire::MYSQL_TYPE_DATETIME | Wire::MYSQL_TYPE_DATETIME2 => Kind::DateTime,
        Wire::MYSQL_TYPE_TIMESTAMP | Wire::MYSQL_TYPE_TIMESTAMP2 => Kind::Timestamp,
        Wire::MYSQL_TYPE_TIME | Wire::MYSQL_TYPE_TIME2 => Kind::Time,
        Wire::MYSQL_TYPE_JSON => Kind::Json,
        Wire::MYSQL_TYPE_GEOMETRY => Kind::Geometry,
        Wire::MYSQL_TYPE_SET => Kind::Set,
        Wire::MYSQL_TYPE_NULL | Wire::MYSQL_TYPE_ENUM => Kind::Text,
        _ if column.flags().contains(ColumnFlags::SET_FLAG) => Kind::Set,
        _ if column.flags().contains(ColumnFlags::ENUM_FLAG) => Kind::Text,
        _ if column.character_set() == BINARY => Kind::Bytes,
        _ => Kind::Text,
    }
}

/// The length of a decimal in a result counts its point and, where it may have one, its sign.
fn decimal_of_wire(column: &Column, is_unsigned: bool) -> Kind {
    let scale = u32::from(column.decimals());
    let marks = u32::from(scale > 0) + u32::from(!is_unsigned);
    match column.column_length().checked_sub(marks) {
        Some(precision @ 1..=65) if scale <= precision => Kind::Decimal { precision, scale },
        _ => Kind::Decimal { precision: 0, scale: 0 },
    }
}

#[cfg(test)]
mod tests;
