//! The values endpoints, which know no types and no formats.

use serde_json::{Value, json};

use super::api::{self, Request};
use super::batch::{Who, guard};
use super::cell::Held;
use super::grid::{Area, quoted};
use super::refusal::Refusal;
use super::render;
use super::workbook::{Tab, Workbook};

mod write;

/// Serves what stands behind `/values`; `None` where there is no such endpoint.
pub(super) fn serve(book: &mut Workbook, verb: &str, request: Request) -> Result<Option<Value>, Refusal> {
    let range = verb.strip_prefix('/');
    let action = |name: &str| range.and_then(|r| r.strip_suffix(name));
    match request.method.as_str() {
        "GET" if verb == ":batchGet" => batch_get(book, &request).map(Some),
        "GET" if range.is_some() => get(book, range.unwrap_or_default(), &request).map(Some),
        "PUT" if range.is_some() => write::put(book, range.unwrap_or_default(), request).map(Some),
        "POST" => match (verb, action(":append"), action(":clear")) {
            (":batchUpdate", ..) => write::batch_put(book, request).map(Some),
            (":batchClear", ..) => batch_clear(book, request).map(Some),
            (_, Some(range), _) => write::append(book, range, request).map(Some),
            (_, _, Some(range)) => clear(book, range, request).map(Some),
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

/// Position of a tab and the cells in it.
type Place = (usize, Area);

fn place(book: &Workbook, name: &str) -> Result<Place, Refusal> {
    let range = api::range(book, name)?;
    let at = book.position(range.sheet_id).map_err(Refusal::invalid)?;
    let tab = &book.tabs[at];
    Ok((at, range.within(tab.n_rows, tab.n_columns)))
}

fn name(tab: &Tab, area: Area) -> String {
    format!("{}!{}", quoted(&tab.title), area.a1())
}

/// How an answer shows the cells.
#[derive(Clone, Copy)]
struct Manner<'a> {
    option: &'a str,
    is_by_column: bool,
}

fn is_by_column(dimension: Option<&str>) -> Result<bool, Refusal> {
    match dimension {
        None | Some("ROWS" | "") => Ok(false),
        Some("COLUMNS") => Ok(true),
        Some(other) => {
            Err(Refusal::payload(format!("Invalid value at 'major_dimension' (TYPE_ENUM), \"{other}\"")))
        }
    }
}

fn option(option: Option<&str>) -> Result<&str, Refusal> {
    match option {
        None | Some("") => Ok("FORMATTED_VALUE"),
        Some(known @ ("FORMATTED_VALUE" | "UNFORMATTED_VALUE" | "FORMULA")) => Ok(known),
        Some(other) => {
            Err(Refusal::payload(format!("Invalid value at 'value_render_option' (TYPE_ENUM), \"{other}\"")))
        }
    }
}

fn manner(request: &Request) -> Result<Manner<'_>, Refusal> {
    Ok(Manner {
        option: option(request.param("valueRenderOption"))?,
        is_by_column: is_by_column(request.param("majorDimension"))?,
    })
}

const READING: [&str; 3] = ["majorDimension", "valueRenderOption", "dateTimeRenderOption"];

fn get(book: &Workbook, range: &str, request: &Request) -> Result<Value, Refusal> {
    let mask = api::response_mask(request, "ValueRange", &READING)?;
    let (at, area) = place(book, range)?;
    let mut json = value_range(book, at, area, manner(request)?);
    if let Some(mask) = mask {
        mask.filter(&mut json);
    }
    Ok(json)
}

fn batch_get(book: &Workbook, request: &Request) -> Result<Value, Refusal> {
    let own = [&READING[..], &["ranges"]].concat();
    let mask = api::response_mask(request, "BatchGetValuesResponse", &own)?;
    let manner = manner(request)?;
    let mut ranges = Vec::new();
    for range in request.params("ranges") {
        let (at, area) = place(book, range)?;
        ranges.push(value_range(book, at, area, manner));
    }
    let mut json = json!({ "spreadsheetId": book.id, "valueRanges": ranges });
    if let Some(mask) = mask {
        mask.filter(&mut json);
    }
    Ok(json)
}

/// Values up to the last row and the last column that hold something.
fn value_range(book: &Workbook, at: usize, area: Area, manner: Manner) -> Value {
    let tab = &book.tabs[at];
    let shown = |value: &Held| match (manner.option, value) {
        ("FORMULA", Held::Formula(text)) => (**text).into(),
        ("FORMATTED_VALUE", value) => render::formatted(&book.effective(tab, value)).into(),
        (_, value) => render::plain(&book.effective(tab, value)),
    };
    let (outer, inner) = if manner.is_by_column {
        (area.left..area.right, area.top..area.bottom.min(tab.rows.len()))
    } else {
        (area.top..area.bottom.min(tab.rows.len()), area.left..area.right)
    };
    let value = |o: usize, i: usize| if manner.is_by_column { tab.value(i, o) } else { tab.value(o, i) };
    let mut lists: Vec<Vec<Value>> = Vec::new();
    for o in outer {
        let n =
            inner.clone().rev().find(|i| !value(o, *i).is_empty()).map_or(0, |last| last + 1 - inner.start);
        lists.push(inner.clone().take(n).map(|i| shown(value(o, i))).collect());
    }
    let n = lists.iter().rposition(|l| !l.is_empty()).map_or(0, |last| last + 1);
    lists.truncate(n);
    let dimension = if manner.is_by_column { "COLUMNS" } else { "ROWS" };
    let mut json = json!({ "range": name(tab, area), "majorDimension": dimension });
    if !lists.is_empty() {
        json["values"] = lists.into();
    }
    json
}

fn clear(book: &mut Workbook, range: &str, mut request: Request) -> Result<Value, Refusal> {
    api::response_mask(&request, "ClearValuesResponse", &[])?;
    request.message("ClearValuesRequest")?;
    let mut new = book.clone();
    let cleared = clear_range(&mut new, range)?;
    *book = new;
    Ok(json!({ "spreadsheetId": book.id, "clearedRange": cleared }))
}

fn batch_clear(book: &mut Workbook, mut request: Request) -> Result<Value, Refusal> {
    api::response_mask(&request, "BatchClearValuesResponse", &[])?;
    let body = request.message("BatchClearValuesRequest")?;
    let mut new = book.clone();
    let mut cleared = Vec::new();
    for range in body["ranges"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        cleared.push(clear_range(&mut new, range)?);
    }
    *book = new;
    Ok(json!({ "spreadsheetId": book.id, "clearedRanges": cleared }))
}

fn clear_range(book: &mut Workbook, range: &str) -> Result<String, Refusal> {
    let (at, area) = place(book, range)?;
    let tab = &mut book.tabs[at];
    guard(tab, area, Who::Account).map_err(Refusal::invalid)?;
    for number in area.top..area.bottom.min(tab.rows.len()) {
        let row = tab.row_mut(number);
        (area.left..area.right.min(row.values.len())).for_each(|c| row.set_value(c, Held::Empty));
        row.trim();
    }
    tab.trim();
    Ok(name(tab, area))
}
