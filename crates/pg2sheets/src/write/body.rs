//! The body of a batch of changes: cells are written by hand, since the library's structs cost 3 kB a cell and lose
//! nulls, which would shift what follows.

use std::io::Write as _;
use std::ops::Range as Span;

use google_sheets4::api::Request;
use google_sheets4::common::remove_json_null_values;
use google_sheets4::hyper::body::Bytes;

use crate::google::workbook::Range;

/// Most bytes of a request, as Google recommends.
pub(crate) const LIMIT: usize = 2_000_000;
const START: &[u8] = br#"{"requests":["#;
const END: &[u8] = b"]}";

/// Requests, side by side.
#[derive(Debug, Default)]
pub(crate) struct Body {
    /// Each with a comma behind it.
    bytes: Vec<u8>,
    open: Option<Cells>,
}

/// Rows that are being written.
#[derive(Debug)]
struct Cells {
    sheet_id: i32,
    row: u64,
    n_rows: u64,
    width: u64,
}

impl Body {
    /// A request that is not cells.
    pub(super) fn push(&mut self, request: &Request) {
        // The library's types are plain data.
        let mut value = serde_json::to_value(request).unwrap_or_default();
        remove_json_null_values(&mut value);
        let _ = serde_json::to_writer(&mut self.bytes, &value);
        self.bytes.push(b',');
    }

    /// Begins rows of `width` cells at row `row` of the grid; what a row does not fill is cleared.
    pub(super) fn open_cells(&mut self, sheet_id: i32, row: u64, width: u64) {
        self.open = Some(Cells { sheet_id, row, n_rows: 0, width });
        self.bytes.extend_from_slice(br#"{"updateCells":{"fields":"userEnteredValue","rows":["#);
    }

    /// Sees to it that the next row is row `row` of the grid: it goes on with rows that end there, or begins new ones.
    pub(super) fn place(&mut self, sheet_id: i32, row: u64, width: u64) {
        if self.open.as_ref().is_some_and(|cells| cells.row + cells.n_rows != row) {
            self.close_cells();
        }
        if self.open.is_none() {
            self.open_cells(sheet_id, row, width);
        }
    }

    /// The next row, an object of type `RowData`.
    pub(super) fn row(&mut self, json: &[u8]) {
        if let Some(cells) = &mut self.open {
            if cells.n_rows > 0 {
                self.bytes.push(b',');
            }
            cells.n_rows += 1;
            self.bytes.extend_from_slice(json);
        }
    }

    /// Ends the rows; gives the row of the grid behind them.
    pub(super) fn close_cells(&mut self) -> u64 {
        let Some(Cells { sheet_id, row, n_rows, width }) = self.open.take() else { return 0 };
        let range = Range { rows: [row, row + n_rows], columns: [0, width] };
        self.end_cells(sheet_id, range);
        row + n_rows
    }

    /// One cell, as a row of its own.
    pub(super) fn cell(&mut self, sheet_id: i32, range: Range, row: &[u8]) {
        self.bytes.extend_from_slice(br#"{"updateCells":{"fields":"userEnteredValue","rows":["#);
        self.bytes.extend_from_slice(row);
        self.end_cells(sheet_id, range);
    }

    /// Empties cells.
    pub(super) fn clear(&mut self, sheet_id: i32, range: Range) {
        if range.rows[0] < range.rows[1] && range.columns[0] < range.columns[1] {
            self.cell(sheet_id, range, b"");
        }
    }

    fn end_cells(&mut self, sheet_id: i32, Range { rows, columns }: Range) {
        let _ = write!(
            self.bytes,
            r#"],"range":{{"sheetId":{sheet_id},"startRowIndex":{},"endRowIndex":{},"startColumnIndex":{},"endColumnIndex":{}}}}}}},"#,
            rows[0], rows[1], columns[0], columns[1]
        );
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes so far, as they will be sent.
    pub(super) fn len(&self) -> usize {
        START.len() + self.bytes.len() + END.len()
    }

    /// Where the next request will stand.
    pub(super) fn end(&self) -> usize {
        self.bytes.len()
    }

    /// Takes back what stands behind `end`.
    pub(super) fn truncate(&mut self, end: usize) {
        self.bytes.truncate(end);
        self.open = None;
    }

    /// Takes out what stands behind `end`.
    pub(super) fn split_off(&mut self, end: usize) -> Body {
        Body { bytes: self.bytes.split_off(end), open: None }
    }

    /// The body of these requests alone.
    pub(super) fn part(&self, span: Span<usize>) -> Bytes {
        assemble(&self.bytes[span])
    }

    /// The whole body; empties this one.
    pub(super) fn take(&mut self) -> Bytes {
        let bytes = assemble(&self.bytes);
        self.bytes.clear();
        bytes
    }
}

fn assemble(requests: &[u8]) -> Bytes {
    let requests = requests.strip_suffix(b",").unwrap_or(requests);
    Bytes::from([START, requests, END].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_json() {
        let mut body = Body::default();
        body.push(&super::super::requests::delete_sheet(7));
        body.open_cells(5, 1, 2);
        body.row(b"{}");
        body.row(br#"{"values":[]}"#);
        assert_eq!(body.close_cells(), 3);
        body.clear(5, Range { rows: [3, 9], columns: [0, 2] });
        body.clear(5, Range { rows: [9, 9], columns: [0, 2] });
        let n_bytes = body.len();
        let bytes = body.take();
        assert!(bytes.len() < n_bytes && body.is_empty());
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(value["requests"].as_array().unwrap().len(), 3);
        assert_eq!(value["requests"][0], serde_json::json!({"deleteSheet": {"sheetId": 7}}));
        assert_eq!(value["requests"][1]["updateCells"]["range"]["endRowIndex"], 3);
        assert_eq!(value["requests"][2]["updateCells"]["rows"].as_array().unwrap().len(), 0);
    }
}
