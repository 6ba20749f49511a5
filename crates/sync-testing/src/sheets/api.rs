//! Which call does what.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::batch::{self, Who};
use super::grid::{self, GridRange};
use super::mask::Mask;
use super::quota::Quota;
use super::record::CallKind;
use super::refusal::Refusal;
use super::render::{self, Wish};
use super::schema;
use super::token::{Tokens, decoded};
use super::values;
use super::workbook::Workbook;

/// A request whose body has come.
pub(super) struct Request {
    pub(super) kind: CallKind,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) authorization: Option<String>,
    pub(super) body: Body,
}

/// A body that was looked at once.
pub(super) enum Body {
    Json(Value),
    Form(String),
    Broken(String),
}

/// What is answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) retry_after: Option<String>,
    pub(super) body: String,
}

/// What the server knows.
pub(super) struct Api {
    pub(super) books: HashMap<String, Shelf>,
    pub(super) tokens: Tokens,
    pub(super) quota: Quota,
    pub(super) is_disabled: bool,
}

/// A workbook, and whether the account may see it.
pub(super) struct Shelf {
    pub(super) book: Workbook,
    pub(super) is_shared: bool,
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Answer {
        Answer::json(refusal.code, refusal.body())
    }
}

impl Answer {
    pub(super) fn json(status: u16, body: String) -> Answer {
        Answer { status, content_type: "application/json; charset=UTF-8", retry_after: None, body }
    }

    pub(super) fn html(status: u16, title: &str, what: &str) -> Answer {
        let body = format!(
            "<!DOCTYPE html>\n<html lang=en>\n  <meta charset=utf-8>\n  <title>Error {status} ({title})!!1</title>\n  \
             <a href=//www.google.com/><span id=logo aria-label=Google></span></a>\n  <p><b>{status}.</b> <ins>That’s \
             an error.</ins>\n  <p>{what}  <ins>That’s all we know.</ins>\n"
        );
        Answer { status, content_type: "text/html; charset=UTF-8", retry_after: None, body }
    }
}

impl Request {
    /// A parameter of the query.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// A parameter that may come several times.
    pub(super) fn params(&self, name: &str) -> Vec<&str> {
        self.query.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect()
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.param(name) == Some("true")
    }

    /// The body as a message with these names and types.
    pub(super) fn message(&mut self, name: &str) -> Result<Value, Refusal> {
        match &mut self.body {
            Body::Json(value) => {
                let mut value = value.take();
                schema::check(&mut value, name).map_err(|wrong| Refusal::payload(wrong.sentence()))?;
                Ok(value)
            }
            Body::Form(_) => Err(Refusal::payload("Invalid JSON payload received.")),
            Body::Broken(why) => Err(Refusal::payload(format!("Invalid JSON payload received. {why}"))),
        }
    }
}

/// Path and query of a target.
pub(super) fn split_target(target: &str) -> (&str, Vec<(String, String)>) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pairs = query.split('&').filter(|p| !p.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    });
    (path, pairs.collect())
}

/// What a call counts as.
pub(super) fn kind_of(method: &str, path: &str) -> CallKind {
    if path == "/token" {
        CallKind::Token
    } else if method == "GET" || path.ends_with(":getByDataFilter") {
        CallKind::Read
    } else {
        CallKind::Write
    }
}

const COMMON: [&str; 12] = [
    "alt",
    "fields",
    "prettyPrint",
    "key",
    "access_token",
    "oauth_token",
    "quotaUser",
    "callback",
    "uploadType",
    "upload_protocol",
    "$.xgafv",
    "userIp",
];

impl Api {
    pub(super) fn answer(&mut self, mut request: Request) -> Answer {
        if request.kind == CallKind::Token {
            let Body::Form(form) = &request.body else {
                return Answer::json(400, json!({ "error": "invalid_request" }).to_string());
            };
            let (status, body) = self.tokens.grant(form);
            return Answer::json(status, body);
        }
        let path = std::mem::take(&mut request.path);
        let Some(rest) = path.strip_prefix("/v4/spreadsheets/") else {
            let what = format!("The requested URL <code>{path}</code> was not found on this server.");
            return Answer::html(404, "Not Found", &what);
        };
        match self.sheets(rest, request) {
            Ok(Some(json)) => Answer::json(200, json.to_string()),
            Ok(None) => {
                let what = format!("The requested URL <code>{path}</code> was not found on this server.");
                Answer::html(404, "Not Found", &what)
            }
            Err(refusal) => refusal.into(),
        }
    }

    /// `None` where there is no such endpoint.
    fn sheets(&mut self, path: &str, request: Request) -> Result<Option<Value>, Refusal> {
        let token = self.tokens.of(request.authorization.as_deref()).ok_or_else(Refusal::unauthenticated)?;
        if self.is_disabled {
            return Err(Refusal::disabled());
        }
        let (id, verb) = match path.find([':', '/']) {
            Some(at) => path.split_at(at),
            None => (path, ""),
        };
        let kind = request.kind;
        if kind == CallKind::Write && !token.may_write {
            return Err(Refusal::narrow_scope());
        }
        if !self.quota.take(kind) {
            return Err(Refusal::too_many(if kind == CallKind::Read { "Read" } else { "Write" }));
        }
        let shelf = self.books.get_mut(id).ok_or_else(Refusal::not_found)?;
        if !shelf.is_shared {
            return Err(Refusal::no_permission());
        }
        let book = &mut shelf.book;
        match (request.method.as_str(), verb) {
            ("GET", "") => get(book, &request).map(Some),
            ("POST", ":getByDataFilter") => get_by_filter(book, request).map(Some),
            ("POST", ":batchUpdate") => batch_update(book, request).map(Some),
            _ => match verb.strip_prefix("/values") {
                Some(verb) => {
                    let verb = percent_decode_str(verb).decode_utf8_lossy().into_owned();
                    values::serve(book, &verb, request)
                }
                None => Ok(None),
            },
        }
    }
}

/// Refuses parameters that the endpoint does not have, and gives the mask of its answer.
pub(super) fn response_mask(request: &Request, message: &str, own: &[&str]) -> Result<Option<Mask>, Refusal> {
    let is_known = |name: &str| COMMON.contains(&name) || own.contains(&name);
    if let Some((name, _)) = request.query.iter().find(|(name, _)| !is_known(name)) {
        return Err(Refusal::payload(format!(
            "Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter. Field '{name}' \
             could not be found in request message."
        )));
    }
    let fields = request.param("fields").filter(|f| !f.is_empty());
    fields.map(|f| Mask::parse(f, message)).transpose().map_err(|path| Refusal::mask(&path))
}

fn get(book: &Workbook, request: &Request) -> Result<Value, Refusal> {
    let own = ["includeGridData", "ranges", "excludeTablesInBandedRanges", "commentsExclusionType"];
    let mask = response_mask(request, "Spreadsheet", &own)?;
    let names = request.params("ranges");
    let ranges: Vec<_> = names.iter().map(|name| range(book, name)).collect::<Result<_, _>>()?;
    let ranges = (!ranges.is_empty()).then_some(ranges);
    let wish = Wish { mask, has_cells: request.flag("includeGridData"), ranges };
    Ok(render::spreadsheet(book, &wish))
}

/// Reads `'My tab'!A1:B2`, `My tab` or `A1`.
pub(super) fn range(book: &Workbook, name: &str) -> Result<GridRange, Refusal> {
    let wrong = || Refusal::invalid(format!("Unable to parse range: {name}"));
    let (title, cells) = grid::split_title(name);
    let tab = match &title {
        Some(title) => book.named(title),
        None => book.tabs.iter().find(|t| !t.hidden).or(book.tabs.first()),
    };
    let tab = tab.ok_or_else(wrong)?;
    let mut range = match cells {
        Some(cells) => grid::ends(cells).ok_or_else(wrong)?,
        None => GridRange::default(),
    };
    range.sheet_id = tab.sheet_id;
    range.resolve(&tab.title, tab.n_rows, tab.n_columns).map_err(Refusal::invalid)?;
    Ok(range)
}

fn get_by_filter(book: &Workbook, mut request: Request) -> Result<Value, Refusal> {
    let mask = response_mask(&request, "Spreadsheet", &[])?;
    let body = request.message("GetSpreadsheetByDataFilterRequest")?;
    let mut ranges = Vec::new();
    for filter in body["dataFilters"].as_array().map(Vec::as_slice).unwrap_or_default() {
        ranges.extend(filtered(book, filter)?);
    }
    let has_cells = body["includeGridData"] == true;
    let ranges = body["dataFilters"].as_array().is_some_and(|f| !f.is_empty()).then_some(ranges);
    Ok(render::spreadsheet(book, &Wish { mask, has_cells, ranges }))
}

fn filtered(book: &Workbook, filter: &Value) -> Result<Vec<GridRange>, Refusal> {
    if let Some(name) = filter["a1Range"].as_str() {
        return range(book, name).map(|r| vec![r]);
    }
    let wrong = |e: serde_json::Error| Refusal::invalid(e.to_string());
    if let Some(grid) = filter.get("gridRange") {
        let range: GridRange = serde_json::from_value(grid.clone()).map_err(wrong)?;
        let tab = book.sheet(range.sheet_id).map_err(Refusal::invalid)?;
        range.resolve(&tab.title, tab.n_rows, tab.n_columns).map_err(Refusal::invalid)?;
        return Ok(vec![range]);
    }
    let lookup: batch::Lookup =
        serde_json::from_value(filter["developerMetadataLookup"].clone()).map_err(wrong)?;
    let mut ids: Vec<_> =
        batch::all_metadata(book).filter(|(h, m)| lookup.means(m, *h)).filter_map(|(h, _)| h).collect();
    ids.dedup();
    Ok(ids.into_iter().map(GridRange::sheet).collect())
}

fn batch_update(book: &mut Workbook, mut request: Request) -> Result<Value, Refusal> {
    let mask = response_mask(&request, "BatchUpdateSpreadsheetResponse", &[])?;
    let mut body = request.message("BatchUpdateSpreadsheetRequest")?;
    let requests = match body.get_mut("requests").map(Value::take) {
        Some(Value::Array(requests)) => requests,
        _ => Vec::new(),
    };
    let (new, replies) = batch::apply(book, requests, Who::Account)?;
    *book = new;
    let mut json = json!({ "spreadsheetId": book.id, "replies": replies });
    if body["includeSpreadsheetInResponse"] == true {
        let has_cells = body["responseIncludeGridData"] == true;
        json["updatedSpreadsheet"] = render::spreadsheet(book, &Wish { mask: None, has_cells, ranges: None });
    }
    if let Some(mask) = mask {
        mask.filter(&mut json);
    }
    Ok(json)
}
