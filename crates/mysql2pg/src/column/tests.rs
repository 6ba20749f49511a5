use super::*;

fn of_type(column_type: &str, is_text: bool) -> (Kind, String) {
    let data_type = column_type.split(['(', ' ']).next().unwrap();
    let described = Described { name: "c", data_type, column_type, is_text, is_json: false };
    let column = SourceColumn::from_catalog(&described);
    (column.kind, column.destination(false).1)
}

#[test]
fn every_type_has_its_place() {
    for (column_type, expected) in [
        ("tinyint(1)", "smallint"),
        ("tinyint(4)", "smallint"),
        ("tinyint unsigned", "smallint"),
        ("smallint(6)", "smallint"),
        ("smallint(5) unsigned", "integer"),
        ("mediumint(8) unsigned", "integer"),
        ("int(11)", "integer"),
        ("int", "integer"),
        ("int(10) unsigned zerofill", "bigint"),
        ("bigint(20)", "bigint"),
        ("bigint unsigned", "numeric(20)"),
        ("decimal(15,2)", "numeric(15,2)"),
        ("decimal(65,30) unsigned", "numeric(65,30)"),
        ("float", "real"),
        ("float(7,2)", "real"),
        ("double", "double precision"),
        ("bit(1)", "boolean"),
        ("bit(8)", "bit(8)"),
        ("binary(16)", "bytea"),
        ("longblob", "bytea"),
        ("date", "date"),
        ("datetime(6)", "timestamp"),
        ("timestamp", "timestamptz"),
        ("time(3)", "interval"),
        ("year(4)", "smallint"),
        ("json", "jsonb"),
        ("point", "bytea"),
        ("geomcollection", "bytea"),
        ("uuid", "uuid"),
        ("inet6", "text"),
        ("inet4", "text"),
        ("vector(3)", "bytea"),
    ] {
        assert_eq!(of_type(column_type, false).1, expected, "{column_type}");
    }
    for (column_type, expected) in [
        ("varchar(50)", "text"),
        ("char(3)", "text"),
        ("longtext", "text"),
        ("enum('a','b(1)')", "text"),
        ("set('a','b')", "text[]"),
        ("xmltype", "text"),
    ] {
        assert_eq!(of_type(column_type, true).1, expected, "{column_type}");
    }
    assert_eq!(of_type("INT(11) UNSIGNED", false).0, Kind::Int8);
}

#[test]
fn booleans_are_asked_for() {
    let column = |kind| SourceColumn { name: "c".into(), kind };
    assert_eq!(column(Kind::TinyInt1).destination(true), (ColumnType::Bool, "boolean".into()));
    assert_eq!(column(Kind::TinyInt1).destination(false), (ColumnType::Int2, "smallint".into()));
    assert_eq!(column(Kind::Int2).destination(true), (ColumnType::Int2, "smallint".into()));
    assert_eq!(column(Kind::Bit(1)).destination(false), (ColumnType::Bool, "boolean".into()));
}

#[test]
fn json_of_mariadb_is_told_by_its_check() {
    let described =
        Described { name: "j", data_type: "longtext", column_type: "longtext", is_text: true, is_json: true };
    assert_eq!(SourceColumn::from_catalog(&described).kind, Kind::Json);
}

#[test]
fn a_result_tells_its_kinds() {
    let kind = |column: Column| SourceColumn::from_result(&column).kind;
    let of = |ty, length| Column::new(ty).with_column_length(length);
    let unsigned = |ty, length| of(ty, length).with_flags(ColumnFlags::UNSIGNED_FLAG);
    let text = |ty| of(ty, 9).with_character_set(45);
    for (column, expected) in [
        (of(Wire::MYSQL_TYPE_TINY, 1), Kind::TinyInt1),
        (of(Wire::MYSQL_TYPE_TINY, 4), Kind::Int2),
        (unsigned(Wire::MYSQL_TYPE_SHORT, 5), Kind::Int4),
        (unsigned(Wire::MYSQL_TYPE_LONG, 10), Kind::Int8),
        (of(Wire::MYSQL_TYPE_LONG, 11), Kind::Int4),
        (unsigned(Wire::MYSQL_TYPE_LONGLONG, 20), Kind::UInt8),
        (unsigned(Wire::MYSQL_TYPE_YEAR, 4), Kind::Int2),
        (of(Wire::MYSQL_TYPE_NEWDECIMAL, 17).with_decimals(2), Kind::Decimal { precision: 15, scale: 2 }),
        (unsigned(Wire::MYSQL_TYPE_NEWDECIMAL, 10), Kind::Decimal { precision: 10, scale: 0 }),
        (of(Wire::MYSQL_TYPE_NEWDECIMAL, 0), Kind::Decimal { precision: 0, scale: 0 }),
        (of(Wire::MYSQL_TYPE_BIT, 8), Kind::Bit(8)),
        (text(Wire::MYSQL_TYPE_VAR_STRING), Kind::Text),
        (text(Wire::MYSQL_TYPE_BLOB), Kind::Text),
        (of(Wire::MYSQL_TYPE_BLOB, 9).with_character_set(BINARY), Kind::Bytes),
        (text(Wire::MYSQL_TYPE_STRING).with_flags(ColumnFlags::SET_FLAG), Kind::Set),
        (text(Wire::MYSQL_TYPE_STRING).with_flags(ColumnFlags::ENUM_FLAG), Kind::Text),
        (of(Wire::MYSQL_TYPE_GEOMETRY, 9).with_character_set(BINARY), Kind::Geometry),
        (of(Wire::MYSQL_TYPE_NULL, 0).with_character_set(BINARY), Kind::Text),
    ] {
        let what = format!("{column:?}");
        assert_eq!(kind(column), expected, "{what}");
    }
}

#[test]
fn times_and_whole_numbers_grow() {
    let order = |kind| SourceColumn { name: "c".into(), kind }.order();
    assert_eq!(order(Kind::UInt8), Some(Order::Number));
    assert_eq!(
        (order(Kind::DateTime), order(Kind::Timestamp)),
        (Some(Order::LocalTime), Some(Order::UtcTime))
    );
    assert_eq!((order(Kind::Text), order(Kind::Time)), (None, None));
}
