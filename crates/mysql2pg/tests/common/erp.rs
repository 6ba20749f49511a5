//! An ERP as the users have it: its orders as plain values, and its tables in MariaDB.

use fastrand::Rng;
use mysql::Conn;
use mysql::prelude::Queryable;

/// How a database is built; the same rows fit into each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Names as `A_Kopf.AuNummer`, else as `a_kopf.aunummer`.
    pub(crate) capitals: bool,
    /// `InnoDB` or `MyISAM`.
    pub(crate) engine: &'static str,
    /// `utf8mb4` or `latin1`; a text that does not fit loses its emoji.
    pub(crate) charset: &'static str,
    /// Whether the log has an index by order.
    pub(crate) log_index: bool,
}

/// The usual one: small letters, InnoDB, utf8mb4, indexed.
pub(crate) const USUAL: Shape =
    Shape { capitals: false, engine: "InnoDB", charset: "utf8mb4", log_index: true };

/// Every combination of names, engine, charset and index.
pub(crate) fn shapes() -> Vec<Shape> {
    let mut shapes = Vec::new();
    for engine in ["InnoDB", "MyISAM"] {
        for charset in ["utf8mb4", "latin1"] {
            for (capitals, log_index) in [(false, true), (true, false), (false, false), (true, true)] {
                shapes.push(Shape { capitals, engine, charset, log_index });
            }
        }
    }
    shapes
}

/// Everything that is in the database.
#[derive(Clone, Debug)]
pub(crate) struct Erp {
    pub(crate) shape: Shape,
    pub(crate) orders: Vec<Order>,
    pub(crate) next_log: i32,
}

/// A text as it is stored, and as it was meant: they differ where it was encoded twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) stored: String,
    pub(crate) meant: String,
}

/// An order with all that belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) id: String,
    /// How the other tables spell the id; the collation finds no difference.
    pub(crate) id_elsewhere: String,
    /// Whether `a_kopf` has it; else its parts are orphans.
    pub(crate) has_head: bool,
    pub(crate) number: Option<i32>,
    pub(crate) extension: Option<String>,
    pub(crate) status: Option<Text>,
    pub(crate) project: Option<Text>,
    pub(crate) logs: Vec<Log>,
    pub(crate) accessories: Vec<Accessory>,
    pub(crate) operations: Vec<Operation>,
}

/// A line of `a_logbuch`.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) id: i32,
    pub(crate) datum: Datum,
    pub(crate) note: Option<String>,
}

/// A date as the ERP stores it; the text is `YYYY-MM-DD HH:MM:SS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Datum {
    Null,
    /// `0000-00-00 00:00:00`, which says as much as NULL.
    Zero,
    At(String),
}

/// A row of `p_zubeh`.
#[derive(Clone, Debug)]
pub(crate) struct Accessory {
    pub(crate) position: i16,
    pub(crate) kennung: i16,
    pub(crate) znr: i16,
    pub(crate) code: Option<String>,
    pub(crate) text: Option<Text>,
}

/// A row of `a_vorgang`.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) number: String,
    pub(crate) name: Option<Text>,
}

/// A row's values as SQL.
type Values = String;

impl Text {
    /// A text that is stored as it was meant.
    pub(crate) fn clean(text: &str) -> Text {
        Text { stored: text.to_owned(), meant: text.to_owned() }
    }

    /// A text whose UTF-8 bytes were once taken for Windows-1252.
    pub(crate) fn broken(text: &str) -> Text {
        Text { stored: text.bytes().map(windows_1252).collect(), meant: text.to_owned() }
    }
}

impl Order {
    /// An order with a number and nothing else.
    pub(crate) fn new(id: &str, number: i32) -> Order {
        Order {
            id: id.to_owned(),
            id_elsewhere: id.to_owned(),
            has_head: true,
            number: Some(number),
            extension: None,
            status: None,
            project: None,
            logs: Vec::new(),
            accessories: Vec::new(),
            operations: Vec::new(),
        }
    }
}

impl Erp {
    /// An ERP with these orders.
    pub(crate) fn of(shape: Shape, orders: Vec<Order>) -> Erp {
        let highest = orders.iter().flat_map(|order| &order.logs).map(|log| log.id).max();
        Erp { shape, orders, next_log: highest.unwrap_or(0) + 1 }
    }

    /// Replaces what the database has by this ERP, the rows of each table in the order that the seed makes.
    pub(crate) fn insert(&self, conn: &mut Conn, shuffle_seed: u64) {
        let mut rng = Rng::with_seed(shuffle_seed);
        for (name, columns) in TABLES {
            let keys = if name == "A_Logbuch" && self.shape.log_index { ", KEY (Id_A_Kopf)" } else { "" };
            let create = format!(
                "CREATE TABLE {name} ({columns}{keys}) ENGINE={} DEFAULT CHARSET={}",
                self.shape.engine, self.shape.charset
            );
            self.run(conn, &format!("DROP TABLE IF EXISTS {name}"), "");
            self.run(conn, &create, "");
            let mut rows = self.rows_of(name);
            rng.shuffle(&mut rows);
            for rows in rows.chunks(2000) {
                self.run(conn, &format!("INSERT INTO {name} ({}) VALUES ", filled(name)), &rows.join(","));
            }
        }
    }

    /// Runs a statement whose names are written in capitals here, with values as they are.
    fn run(&self, conn: &mut Conn, statement: &str, values: &str) {
        let statement =
            if self.shape.capitals { statement.to_owned() } else { statement.to_ascii_lowercase() };
        conn.query_drop(format!("{statement}{values}")).unwrap_or_else(|err| {
            panic!("{statement}{}: {err}", values.chars().take(2000).collect::<String>())
        });
    }

    fn rows_of(&self, table: &str) -> Vec<Values> {
        let of_order: fn(&Order) -> Vec<Values> = match table {
            "A_Kopf" => head,
            "A_Logbuch" => logs,
            "P_Zubeh" => accessories,
            _ => operations,
        };
        self.orders.iter().flat_map(of_order).collect()
    }
}

fn head(order: &Order) -> Vec<Values> {
    if !order.has_head {
        return Vec::new();
    }
    let number = order.number.map_or("NULL".to_owned(), |number| number.to_string());
    let (project, status) = (stored(order.project.as_ref()), stored(order.status.as_ref()));
    vec![format!(
        "({},1,{number},{},{project},{status},1234567.89,'0000-00-00')",
        literal(Some(&order.id)),
        literal(order.extension.as_deref()),
    )]
}

fn logs(order: &Order) -> Vec<Values> {
    let id = literal(Some(&order.id_elsewhere));
    let row = |log: &Log| {
        let datum = match &log.datum {
            Datum::Null => "NULL".to_owned(),
            Datum::Zero => "'0000-00-00 00:00:00'".to_owned(),
            Datum::At(at) => format!("'{at}'"),
        };
        format!("({},{id},'N',{datum},'jd',{})", log.id, literal(log.note.as_deref()))
    };
    order.logs.iter().map(row).collect()
}

fn accessories(order: &Order) -> Vec<Values> {
    let id = literal(Some(&order.id_elsewhere));
    let row = |item: &Accessory| {
        let Accessory { position, kennung, znr, code, text } = item;
        let (code, text) = (literal(code.as_deref()), stored(text.as_ref()));
        format!("({id},{position},{kennung},{znr},{code},{text},1.5)")
    };
    order.accessories.iter().map(row).collect()
}

fn operations(order: &Order) -> Vec<Values> {
    let id = literal(Some(&order.id_elsewhere));
    let row = |operation: &Operation| {
        format!("({id},{},{},NULL)", literal(Some(&operation.number)), stored(operation.name.as_ref()))
    };
    order.operations.iter().map(row).collect()
}

/// The tables by name, with their columns.
const TABLES: [(&str, &str); 4] = [
    (
        "A_Kopf",
        "Id VARCHAR(32) NOT NULL PRIMARY KEY, AuftragsTyp SMALLINT, AuNummer INT, AuAlpha VARCHAR(5), \
         Kommission VARCHAR(50), AufStatus VARCHAR(50), A_VorMwSt DECIMAL(15,2), A_Termin DATE",
    ),
    (
        "A_Logbuch",
        "Id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, Id_A_Kopf VARCHAR(32), Code VARCHAR(10), \
         Bezeichnung VARCHAR(50), Datum DATETIME, Zeit DATETIME, Benutzer VARCHAR(20), Notiz TEXT",
    ),
    (
        "P_Zubeh",
        "Id_A_Kopf VARCHAR(32) NOT NULL, Position SMALLINT NOT NULL, Kennung SMALLINT NOT NULL, \
         ZNr SMALLINT NOT NULL, ZCode VARCHAR(20), Text VARCHAR(50), Stueck FLOAT, \
         PRIMARY KEY (Id_A_Kopf, Position, Kennung, ZNr)",
    ),
    (
        "A_Vorgang",
        "Id_A_Kopf VARCHAR(32) NOT NULL, Nummer VARCHAR(15) NOT NULL, Bezeichnung VARCHAR(50), \
         Datum DATETIME, Zeit DATETIME, PRIMARY KEY (Id_A_Kopf, Nummer)",
    ),
];

/// The columns that rows are inserted with.
fn filled(table: &str) -> &'static str {
    match table {
        "A_Kopf" => "Id, AuftragsTyp, AuNummer, AuAlpha, Kommission, AufStatus, A_VorMwSt, A_Termin",
        "A_Logbuch" => "Id, Id_A_Kopf, Code, Datum, Benutzer, Notiz",
        "P_Zubeh" => "Id_A_Kopf, Position, Kennung, ZNr, ZCode, Text, Stueck",
        _ => "Id_A_Kopf, Nummer, Bezeichnung, Datum",
    }
}

fn stored(text: Option<&Text>) -> Values {
    literal(text.map(|text| text.stored.as_str()))
}

fn literal(text: Option<&str>) -> Values {
    text.map_or("NULL".to_owned(), |text| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''")))
}

/// The character of a byte in Windows-1252, as MySQL's `latin1` has it.
fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}
