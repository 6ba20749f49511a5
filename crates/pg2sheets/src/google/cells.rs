//! Cells as the workbook has them.

use google_sheets4::hyper::body::Bytes;
use serde::Deserialize;
use serde_json::json;

use anyhow::Result;
use sync_core::fault::Fault;

use super::{Change, Google, Trouble};
use crate::google::workbook::Range;

/// What a cell holds, as it was entered.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Value {
    pub(crate) number_value: Option<f64>,
    pub(crate) string_value: Option<String>,
    pub(crate) bool_value: Option<bool>,
    pub(crate) formula_value: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    sheets: Vec<Sheet>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Sheet {
    properties: Properties,
    data: Vec<Data>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Properties {
    sheet_id: i32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Data {
    row_data: Vec<Row>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Row {
    values: Vec<Cell>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Cell {
    user_entered_value: Value,
}

impl Value {
    /// For people.
    pub(crate) fn as_text(&self) -> String {
        let number = self.number_value.map(|n| n.to_string());
        let text = number.or_else(|| self.bool_value.map(|b| b.to_string().to_uppercase()));
        text.or_else(|| self.formula_value.clone()).or_else(|| self.string_value.clone()).unwrap_or_default()
    }
}

/// A part of a tab.
pub(crate) type Part = (i32, Range);

impl Google {
    /// The cells of a part of a tab, row by row; empty rows and cells at the end are left out.
    pub(crate) fn cells(&mut self, sheet_id: i32, range: Range) -> Result<Vec<Vec<Value>>> {
        let grids = self.parts(&[(sheet_id, range)])?;
        Ok(grids.into_iter().flat_map(|(_, rows)| rows).collect())
    }

    /// The same for parts of several tabs in one call, each with the tab's id.
    pub(crate) fn parts(&mut self, parts: &[Part]) -> Result<Vec<(i32, Vec<Vec<Value>>)>> {
        let url = format!(
            "{}v4/spreadsheets/{}:getByDataFilter?fields=sheets(properties(sheetId),data(rowData(values(userEnteredValue))))",
            self.base, self.who.spreadsheet
        );
        let filter = |(sheet_id, range): &Part| {
            json!({ "gridRange": {
                "sheetId": sheet_id,
                "startRowIndex": range.rows[0],
                "endRowIndex": range.rows[1],
                "startColumnIndex": range.columns[0],
                "endColumnIndex": range.columns[1],
            } })
        };
        let filters: Vec<_> = parts.iter().map(filter).collect();
        let body = Bytes::from(json!({ "dataFilters": filters }).to_string());
        let read = self.repeat(false, |google, token| {
            let bytes = google.post(&url, &token, body.clone())?;
            serde_json::from_slice::<Answer>(&bytes).map_err(|_| Trouble::foreign())
        })?;
        let answer = read.map_err(|change| match change {
            Change::Rejected(why) => Fault::failed(format!("read cells: {why}"), ""),
            Change::Made | Change::Unclear => Fault::temporary("read cells", ""),
        })?;
        let row = |row: Row| row.values.into_iter().map(|cell| cell.user_entered_value).collect();
        let rows = |sheet: Sheet| sheet.data.into_iter().flat_map(|data| data.row_data).map(row).collect();
        Ok(answer.sheets.into_iter().map(|sheet| (sheet.properties.sheet_id, rows(sheet))).collect())
    }
}
