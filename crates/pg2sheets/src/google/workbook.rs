//! A workbook as one call shows it: tabs, their sizes, our marks, and what is protected.

use google_sheets4::api::{GridRange, Sheet, Spreadsheet};

use crate::mark::{KEY, Mark};

/// What is asked of a workbook; no cells.
pub(crate) const FIELDS: &str = "spreadsheetId,properties(title,locale,timeZone),\
    sheets(properties(sheetId,title,hidden,sheetType,gridProperties(rowCount,columnCount,frozenRowCount)),\
    developerMetadata(metadataId,metadataKey,metadataValue),\
    protectedRanges(protectedRangeId,range,description,warningOnly,requestingUserCanEdit))";

/// Description of the protections that are ours.
pub(crate) const PROTECTION: &str = "pg2sheets: filled from the database; edits here are overwritten";

/// A workbook's outline.
#[derive(Clone, Debug)]
pub(crate) struct Workbook {
    pub(crate) title: String,
    pub(crate) locale: String,
    pub(crate) time_zone: String,
    pub(crate) tabs: Vec<Tab>,
}

/// A tab's outline.
#[derive(Clone, Debug)]
pub(crate) struct Tab {
    pub(crate) sheet_id: i32,
    pub(crate) title: String,
    pub(crate) is_hidden: bool,
    /// Rows and columns; none of a tab that is a chart.
    pub(crate) grid: [u64; 2],
    pub(crate) n_frozen: i32,
    /// Our mark, whosever it is, and the id of its metadata.
    pub(crate) mark: Option<(i32, Mark)>,
    /// Its first row, where that was asked for.
    pub(crate) header: Option<Vec<String>>,
    /// A range that we may not change, in rows and columns.
    pub(crate) closed: Vec<Range>,
    /// Our own protection: its id, and its range.
    pub(crate) protection: Option<(i32, Range)>,
}

/// A part of a grid; the ends are excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) rows: [u64; 2],
    pub(crate) columns: [u64; 2],
}

impl Range {
    pub(crate) fn meets(&self, other: &Range) -> bool {
        let meet = |a: [u64; 2], b: [u64; 2]| a[0] < b[1] && b[0] < a[1];
        meet(self.rows, other.rows) && meet(self.columns, other.columns)
    }

    fn of(range: Option<GridRange>) -> Range {
        let range = range.unwrap_or_default();
        let side = |start: Option<i32>, end: Option<i32>| {
            [
                u64::try_from(start.unwrap_or(0)).unwrap_or(0),
                end.map_or(u64::MAX, |n| u64::try_from(n).unwrap_or(0)),
            ]
        };
        Range {
            rows: side(range.start_row_index, range.end_row_index),
            columns: side(range.start_column_index, range.end_column_index),
        }
    }
}

impl Workbook {
    /// The outline in Google's answer.
    pub(crate) fn of(answer: Spreadsheet) -> Workbook {
        let properties = answer.properties.unwrap_or_default();
        Workbook {
            title: properties.title.unwrap_or_default(),
            locale: properties.locale.unwrap_or_default(),
            time_zone: properties.time_zone.unwrap_or_default(),
            tabs: answer.sheets.unwrap_or_default().into_iter().map(Tab::of).collect(),
        }
    }

    /// Cells of all grids, empty ones too: what Google's limit counts.
    pub(crate) fn n_cells(&self) -> u64 {
        self.tabs.iter().map(|tab| tab.grid[0] * tab.grid[1]).sum()
    }
}

impl Tab {
    fn of(sheet: Sheet) -> Tab {
        let properties = sheet.properties.unwrap_or_default();
        let grid = properties.grid_properties.unwrap_or_default();
        let side = |n: Option<i32>| n.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        let mark = sheet.developer_metadata.unwrap_or_default().into_iter().find_map(|item| {
            let is_ours = item.metadata_key.as_deref() == Some(KEY);
            let mark = Mark::read(item.metadata_value.as_deref().filter(|_| is_ours)?)?;
            Some((item.metadata_id?, mark))
        });
        let protections = sheet.protected_ranges.unwrap_or_default();
        let is_ours = |text: &Option<String>| text.as_deref() == Some(PROTECTION);
        let protection = protections.iter().find(|range| is_ours(&range.description));
        let protection =
            protection.and_then(|range| Some((range.protected_range_id?, Range::of(range.range.clone()))));
        let closed = protections
            .into_iter()
            .filter(|range| range.warning_only != Some(true) && range.requesting_user_can_edit != Some(true));
        Tab {
            sheet_id: properties.sheet_id.unwrap_or(0),
            title: properties.title.unwrap_or_default(),
            is_hidden: properties.hidden.unwrap_or(false),
            grid: [side(grid.row_count), side(grid.column_count)],
            n_frozen: grid.frozen_row_count.unwrap_or(0),
            mark,
            header: None,
            closed: closed.map(|range| Range::of(range.range)).collect(),
            protection,
        }
    }
}

/// A column's name: A to Z, AA and so on.
pub(crate) fn letters(mut column: usize) -> String {
    let mut text = String::new();
    loop {
        text.insert(0, char::from(b'A' + (column % 26) as u8));
        if column < 26 {
            return text;
        }
        column = column / 26 - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_columns() {
        for (column, name) in [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (18_277, "ZZZ")] {
            assert_eq!(letters(column), name);
        }
    }
}
