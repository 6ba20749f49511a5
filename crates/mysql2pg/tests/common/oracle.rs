//! What the destination must hold, worked out from plain values by plain code, and the difference to what it holds.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::Setup;
use super::erp::{Accessory, Datum, Erp, Log, Operation, Order, Text};

/// A row's values as text; `None` is NULL.
type Cells = Vec<Option<String>>;

const ORDER_COLUMNS: [&str; 10] = [
    "id_commande",
    "numero_commande",
    "extension",
    "statut",
    "affaire",
    "date_modification",
    "code_accessoire",
    "description_accessoire",
    "numero_operation",
    "description_operation",
];

const DETAIL_COLUMNS: [&str; 9] = [
    "id_commande",
    "position",
    "kennung",
    "znr",
    "numero_operation",
    "numero_commande",
    "code_accessoire",
    "description_accessoire",
    "description_operation",
];

/// How many of its columns identify a detail.
const DETAIL_KEY: usize = 5;

/// The rows that the destination must hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expected {
    orders: BTreeMap<String, Cells>,
    /// By order.
    details: BTreeMap<String, Vec<Cells>>,
}

impl Expected {
    /// After a first run on this ERP.
    pub(crate) fn of(erp: &Erp) -> Expected {
        let mut expected = Expected::default();
        expected.take(erp);
        expected
    }

    /// After a further run, on this ERP: orders that are no longer wanted, no longer there or refused keep their last
    /// state.
    pub(crate) fn take(&mut self, erp: &Erp) {
        for order in &erp.orders {
            if let Some((row, details)) = wanted(order) {
                self.orders.insert(order.id.clone(), row);
                self.details.insert(order.id.clone(), details);
            }
        }
    }

    /// Forgets an order, as `--missing delete` does.
    pub(crate) fn forget(&mut self, id: &str) {
        self.orders.remove(id);
        self.details.remove(id);
    }

    /// How many orders there are.
    pub(crate) fn n_orders(&self) -> usize {
        self.orders.len()
    }

    /// How many details there are.
    pub(crate) fn n_details(&self) -> usize {
        self.details.values().map(Vec::len).sum()
    }

    /// Both tables hold exactly these rows.
    #[track_caller]
    pub(crate) fn assert(&self, setup: &Setup) {
        self.assert_orders(setup);
        let expected: Vec<&Cells> = self.details.values().flatten().collect();
        let found = setup.rows(&select(&DETAIL_COLUMNS, "commandes_volets_details"));
        let difference = difference(&DETAIL_COLUMNS, DETAIL_KEY, &expected, &found);
        assert!(difference.is_empty(), "commandes_volets_details:\n{difference}");
    }

    /// The table of orders holds exactly these rows.
    #[track_caller]
    pub(crate) fn assert_orders(&self, setup: &Setup) {
        let expected: Vec<&Cells> = self.orders.values().collect();
        let found = setup.rows(&select(&ORDER_COLUMNS, "commandes_volets"));
        let difference = difference(&ORDER_COLUMNS, 1, &expected, &found);
        assert!(difference.is_empty(), "commandes_volets:\n{difference}");
    }
}

/// The ids of the orders that are wanted but have no number.
pub(crate) fn refused(erp: &Erp) -> BTreeSet<&str> {
    let planned = |order: &&Order| {
        order.has_head && order.logs.iter().any(is_planned) && order.accessories.iter().any(is_shutter)
    };
    let orders = erp.orders.iter().filter(|order| order.number.is_none());
    orders.filter(planned).map(|order| order.id.as_str()).collect()
}

/// The row of an order and its details; `None` if the destination does not take it.
fn wanted(order: &Order) -> Option<(Cells, Vec<Cells>)> {
    let number = order.number.filter(|_| order.has_head)?.to_string();
    let log = order.logs.iter().filter(|log| is_planned(log)).max_by_key(|log| (date(log), log.id))?;
    let mut items: Vec<&Accessory> = order.accessories.iter().filter(|item| is_shutter(item)).collect();
    items.sort_by_key(|item| {
        (item.code.as_ref().map(String::as_bytes), item.position, item.kennung, item.znr)
    });
    let mut operations: Vec<Option<&Operation>> = order.operations.iter().map(Some).collect();
    operations.sort_by_key(|operation| operation.map(|operation| operation.number.as_bytes()));
    if operations.is_empty() {
        operations.push(None);
    }
    let (item, operation) = (items.first()?, operations[0]);
    let row = vec![
        Some(order.id.clone()),
        Some(number.clone()),
        order.extension.clone(),
        meant(order.status.as_ref()),
        meant(order.project.as_ref()),
        date(log).map(str::to_owned),
        item.code.clone(),
        meant(item.text.as_ref()),
        operation.map(|operation| operation.number.clone()),
        operation.and_then(|operation| meant(operation.name.as_ref())),
    ];
    let pairs = items.iter().flat_map(|item| operations.iter().map(move |operation| (*item, *operation)));
    let details = pairs.map(|(item, operation)| detail(order, &number, item, operation)).collect();
    Some((row, details))
}

fn detail(order: &Order, number: &str, item: &Accessory, operation: Option<&Operation>) -> Cells {
    vec![
        Some(order.id.clone()),
        Some(item.position.to_string()),
        Some(item.kennung.to_string()),
        Some(item.znr.to_string()),
        Some(operation.map_or_else(String::new, |operation| operation.number.clone())),
        Some(number.to_owned()),
        item.code.clone(),
        meant(item.text.as_ref()),
        operation.and_then(|operation| meant(operation.name.as_ref())),
    ]
}

/// The date of a log line; `None`, which sorts before every date, where it has none.
fn date(log: &Log) -> Option<&str> {
    match &log.datum {
        Datum::At(at) => Some(at),
        Datum::Null | Datum::Zero => None,
    }
}

fn meant(text: Option<&Text>) -> Option<String> {
    text.map(|text| text.meant.clone())
}

fn is_planned(log: &Log) -> bool {
    let note = folded(log.note.as_deref().unwrap_or(""));
    ["cde Planifiée", "cde PlanifiÃ©e"].iter().any(|planned| note.contains(&folded(planned)))
}

fn is_shutter(item: &Accessory) -> bool {
    let code = folded(item.code.as_deref().unwrap_or(""));
    ["VR", "SOP", "S P"].iter().any(|start| code.starts_with(start))
}

/// The text as utf8mb4_general_ci and latin1_swedish_ci compare it, for the letters that occur here: they tell neither
/// small letters from capitals nor letters with accents from those without.
fn folded(text: &str) -> String {
    let base = |c: char| match c {
        'à' | 'À' | 'Ã' | 'ã' => 'A',
        'é' | 'É' | 'ê' | 'è' => 'E',
        'ï' => 'I',
        c => c.to_ascii_uppercase(),
    };
    text.chars().map(base).collect()
}

fn select(columns: &[&str], table: &str) -> String {
    format!("SELECT {} FROM {table}", columns.join(", "))
}

/// What differs, one line a row; the first twenty.
fn difference(columns: &[&str], n_key: usize, expected: &[&Cells], found: &[Cells]) -> String {
    let mut balance: BTreeMap<&Cells, i64> = BTreeMap::new();
    for &row in expected {
        *balance.entry(row).or_default() += 1;
    }
    for row in found {
        *balance.entry(row).or_default() -= 1;
    }
    let mut sides: Vec<(&Cells, i64)> = balance.into_iter().filter(|(_, n)| *n != 0).collect();
    // A key's expected row comes before the one that was found.
    sides.sort_by_key(|(row, n)| (row[..n_key].to_vec(), Reverse(*n)));
    let mut lines: Vec<String> = Vec::new();
    let mut i = 0;
    while i < sides.len() {
        let (row, n) = sides[i];
        let other = sides.get(i + 1).filter(|(other, m)| n > 0 && *m < 0 && other[..n_key] == row[..n_key]);
        let key = listed(&row[..n_key]);
        lines.push(match other {
            Some((other, _)) => format!("{key}: {}", changes(columns, row, other)),
            None if n > 0 => format!("{key}: missing ({})", listed(row)),
            None => format!("{key}: {} too many ({})", -n, listed(row)),
        });
        i += if other.is_some() { 2 } else { 1 };
    }
    let n_more = lines.len().saturating_sub(20);
    lines.truncate(20);
    if n_more > 0 {
        lines.push(format!("and {n_more} more"));
    }
    lines.join("\n")
}

fn changes(columns: &[&str], expected: &Cells, found: &Cells) -> String {
    let cells =
        columns.iter().zip(expected.iter().zip(found)).filter(|(_, (expected, found))| expected != found);
    let texts =
        cells.map(|(name, (expected, found))| format!("{name} {} not {}", shown(expected), shown(found)));
    texts.collect::<Vec<_>>().join(", ")
}

fn listed(cells: &[Option<String>]) -> String {
    cells.iter().map(shown).collect::<Vec<_>>().join(", ")
}

fn shown(cell: &Option<String>) -> String {
    cell.as_ref().map_or("NULL".to_owned(), |text| format!("{text:?}"))
}
