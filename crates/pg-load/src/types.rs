//! The PostgreSQL types that rows are encoded for, and how they follow from a source's or a destination's column.

/// Type of a destination column, as far as binary COPY must know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// `smallint`
    Int2,
    /// `integer`
    Int4,
    /// `bigint`
    Int8,
    /// `real`
    Float4,
    /// `double precision`
    Float8,
    /// `numeric`, of any precision
    Numeric,
    /// `text`, and the types that take the same bytes: `varchar`, `char(n)`, `name`
    Text,
    /// `bytea`
    Bytea,
    /// `boolean`
    Bool,
    /// `date`
    Date,
    /// `timestamp without time zone`
    Timestamp,
    /// `timestamp with time zone`
    Timestamptz,
    /// `json`
    Json,
    /// `jsonb`
    Jsonb,
    /// `uuid`
    Uuid,
    /// `interval`
    Interval,
    /// `bit(n)`; the length is in the column's SQL, without one it is 1
    Bit,
    /// `bit varying`
    Varbit,
    /// `text[]`
    TextArray,
    /// Any other type, by its SQL name: staged as text and cast by the server.
    Other(String),
}

impl ColumnType {
    /// The type's SQL name, as `CREATE TABLE` takes it.
    pub fn sql(&self) -> &str {
        match self {
            ColumnType::Int2 => "smallint",
            ColumnType::Int4 => "integer",
            ColumnType::Int8 => "bigint",
            ColumnType::Float4 => "real",
            ColumnType::Float8 => "double precision",
            ColumnType::Numeric => "numeric",
            ColumnType::Text => "text",
            ColumnType::Bytea => "bytea",
            ColumnType::Bool => "boolean",
            ColumnType::Date => "date",
            ColumnType::Timestamp => "timestamp",
            ColumnType::Timestamptz => "timestamptz",
            ColumnType::Json => "json",
            ColumnType::Jsonb => "jsonb",
            ColumnType::Uuid => "uuid",
            ColumnType::Interval => "interval",
            ColumnType::Bit => "bit",
            ColumnType::Varbit => "bit varying",
            ColumnType::TextArray => "text[]",
            ColumnType::Other(name) => name,
        }
    }

    /// The type for sources that know such values as text only: what the server reads better is cast by it.
    ///
    /// `sql` is the column's full type, with length or precision.
    pub fn for_text(self, sql: &str) -> ColumnType {
        match self {
            ColumnType::Interval | ColumnType::Bit | ColumnType::Varbit | ColumnType::TextArray => {
                ColumnType::Other(sql.to_owned())
            }
            known => known,
        }
    }
}

/// The type of an existing column: `type_name` is `pg_type.typname`, `formatted` what `format_type()` makes of it.
///
/// `text`, `varchar`, `bpchar` and `name` share one binary form; everything unknown is [`ColumnType::Other`].
pub fn from_catalog(type_name: &str, formatted: &str) -> ColumnType {
    match type_name {
        "int2" => ColumnType::Int2,
        "int4" => ColumnType::Int4,
        "int8" => ColumnType::Int8,
        "float4" => ColumnType::Float4,
        "float8" => ColumnType::Float8,
        "numeric" => ColumnType::Numeric,
        "text" | "varchar" | "bpchar" | "name" => ColumnType::Text,
        "bytea" => ColumnType::Bytea,
        "bool" => ColumnType::Bool,
        "date" => ColumnType::Date,
        "timestamp" => ColumnType::Timestamp,
        "timestamptz" => ColumnType::Timestamptz,
        "json" => ColumnType::Json,
        "jsonb" => ColumnType::Jsonb,
        "uuid" => ColumnType::Uuid,
        "interval" => ColumnType::Interval,
        "bit" => ColumnType::Bit,
        "varbit" => ColumnType::Varbit,
        "_text" => ColumnType::TextArray,
        _ => ColumnType::Other(formatted.to_owned()),
    }
}

/// The type for a column that SQLite declares so, in any case and with or without a length; `None` if undeclared.
///
/// The first word that is known decides (`UNSIGNED BIG INT` is an integer, `POINT` is not); else it is text.
pub fn from_declared(declared: Option<&str>) -> ColumnType {
    let declared = declared.unwrap_or_default().to_ascii_uppercase();
    declared
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .find_map(from_word)
        .unwrap_or(ColumnType::Text)
}

fn from_word(word: &str) -> Option<ColumnType> {
    Some(match word {
        "INT" | "INTEGER" | "BIGINT" | "SMALLINT" | "TINYINT" | "MEDIUMINT" | "INT2" | "INT4" | "INT8" => {
            ColumnType::Int8
        }
        "REAL" | "FLOAT" | "FLOAT4" | "FLOAT8" | "DOUBLE" => ColumnType::Float8,
        "TEXT" | "VARCHAR" | "CHAR" | "CLOB" => ColumnType::Text,
        "BLOB" | "TINYBLOB" | "MEDIUMBLOB" | "LONGBLOB" | "BINARY" | "VARBINARY" | "BYTEA" => {
            ColumnType::Bytea
        }
        "BOOL" | "BOOLEAN" => ColumnType::Bool,
        "DATE" => ColumnType::Date,
        "DATETIME" | "TIMESTAMP" | "TIMESTAMPTZ" => ColumnType::Timestamp,
        "NUMERIC" | "DECIMAL" => ColumnType::Numeric,
        "JSON" | "JSONB" => ColumnType::Jsonb,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_types_map_by_word() {
        let cases = [
            ("INTEGER", ColumnType::Int8),
            ("unsigned big int", ColumnType::Int8),
            ("TINYINT(1)", ColumnType::Int8),
            ("POINT", ColumnType::Text),
            ("INTERVAL", ColumnType::Text),
            ("double precision", ColumnType::Float8),
            ("VARCHAR(255)", ColumnType::Text),
            ("character varying(20)", ColumnType::Text),
            ("Blob", ColumnType::Bytea),
            ("BOOLEAN", ColumnType::Bool),
            ("date", ColumnType::Date),
            ("DATETIME", ColumnType::Timestamp),
            ("TIMESTAMP WITH TIME ZONE", ColumnType::Timestamp),
            ("DECIMAL(10,2)", ColumnType::Numeric),
            ("numeric", ColumnType::Numeric),
            ("json", ColumnType::Jsonb),
            ("whatever", ColumnType::Text),
            ("", ColumnType::Text),
        ];
        for (declared, expected) in cases {
            assert_eq!(from_declared(Some(declared)), expected, "{declared}");
        }
        assert_eq!(from_declared(None), ColumnType::Text);
    }

    #[test]
    fn catalog_types_keep_their_name_when_unknown() {
        assert_eq!(from_catalog("bpchar", "character(3)"), ColumnType::Text);
        assert_eq!(from_catalog("citext", "citext").sql(), "citext");
        assert_eq!(from_catalog("_int4", "integer[]"), ColumnType::Other("integer[]".into()));
        assert_eq!(from_catalog("_text", "text[]"), ColumnType::TextArray);
        assert_eq!(from_catalog("varbit", "bit varying(8)").sql(), "bit varying");
    }

    #[test]
    fn text_is_cast_by_the_server_where_it_has_many_spellings() {
        let interval = from_catalog("interval", "interval(0)").for_text("interval(0)");
        assert_eq!(interval, ColumnType::Other("interval(0)".into()));
        assert_eq!(ColumnType::Numeric.for_text("numeric(5,2)"), ColumnType::Numeric);
    }
}
