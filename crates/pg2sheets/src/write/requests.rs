//! The requests of a batch that are not cells, in the library's own types.

use google_sheets4::FieldMask;
use google_sheets4::api::{
    AddProtectedRangeRequest, AddSheetRequest, AppendDimensionRequest, CellData, CellFormat,
    CopyPasteRequest, CreateDeveloperMetadataRequest, DataFilter, DeleteDeveloperMetadataRequest,
    DeleteProtectedRangeRequest, DeleteSheetRequest, DeveloperMetadata, DeveloperMetadataLocation,
    DeveloperMetadataLookup, DimensionRange, GridProperties, GridRange, InsertDimensionRequest,
    MoveDimensionRequest, NumberFormat, ProtectedRange, RepeatCellRequest, Request, SheetProperties,
    TextFormat, UpdateDeveloperMetadataRequest, UpdateSheetPropertiesRequest,
};

use crate::cell::Kind;
use crate::google::workbook::{PROTECTION, Range};
use crate::mark::{KEY, Mark};

/// A number of rows, columns or cells as Google counts them.
fn int(n: u64) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

fn mask(fields: &str) -> Option<FieldMask> {
    // Every mask of ours is well-formed.
    fields.parse().ok()
}

/// A part of a tab; an end of `u64::MAX` is the end of the grid.
pub(super) fn grid_range(sheet_id: i32, range: Range) -> GridRange {
    let end = |n: u64| (n != u64::MAX).then(|| int(n));
    GridRange {
        sheet_id: Some(sheet_id),
        start_row_index: Some(int(range.rows[0])),
        end_row_index: end(range.rows[1]),
        start_column_index: Some(int(range.columns[0])),
        end_column_index: end(range.columns[1]),
    }
}

pub(super) fn add_sheet(
    sheet_id: i32,
    title: &str,
    grid: [u64; 2],
    is_hidden: bool,
    n_frozen: i32,
) -> Request {
    let grid = GridProperties {
        row_count: Some(int(grid[0])),
        column_count: Some(int(grid[1])),
        frozen_row_count: Some(n_frozen),
        ..GridProperties::default()
    };
    let properties = SheetProperties {
        sheet_id: Some(sheet_id),
        title: Some(title.to_owned()),
        hidden: Some(is_hidden),
        grid_properties: Some(grid),
        ..SheetProperties::default()
    };
    Request { add_sheet: Some(AddSheetRequest { properties: Some(properties) }), ..Request::default() }
}

pub(super) fn delete_sheet(sheet_id: i32) -> Request {
    let delete = DeleteSheetRequest { sheet_id: Some(sheet_id) };
    Request { delete_sheet: Some(delete), ..Request::default() }
}

pub(super) fn append_rows(sheet_id: i32, n: u64) -> Request {
    let append = AppendDimensionRequest {
        sheet_id: Some(sheet_id),
        dimension: Some("ROWS".to_owned()),
        length: Some(int(n)),
    };
    Request { append_dimension: Some(append), ..Request::default() }
}

/// Columns before column `at`, or behind the last one.
pub(super) fn insert_columns(sheet_id: i32, at: u64, n: u64, n_columns: u64) -> Request {
    if at >= n_columns {
        let append = AppendDimensionRequest {
            sheet_id: Some(sheet_id),
            dimension: Some("COLUMNS".to_owned()),
            length: Some(int(n)),
        };
        return Request { append_dimension: Some(append), ..Request::default() };
    }
    let range = DimensionRange {
        sheet_id: Some(sheet_id),
        dimension: Some("COLUMNS".to_owned()),
        start_index: Some(int(at)),
        end_index: Some(int(at + n)),
    };
    let insert = InsertDimensionRequest { range: Some(range), inherit_from_before: Some(at > 0) };
    Request { insert_dimension: Some(insert), ..Request::default() }
}

/// Column `from` to where column `to` is.
pub(super) fn move_column(sheet_id: i32, from: u64, to: u64) -> Request {
    let source = DimensionRange {
        sheet_id: Some(sheet_id),
        dimension: Some("COLUMNS".to_owned()),
        start_index: Some(int(from)),
        end_index: Some(int(from + 1)),
    };
    let moved = MoveDimensionRequest { source: Some(source), destination_index: Some(int(to)) };
    Request { move_dimension: Some(moved), ..Request::default() }
}

fn repeat_format(sheet_id: i32, range: Range, format: CellFormat, fields: &str) -> Request {
    let cell = CellData { user_entered_format: Some(format), ..CellData::default() };
    let range = grid_range(sheet_id, range);
    let repeat = RepeatCellRequest { range: Some(range), cell: Some(cell), fields: mask(fields) };
    Request { repeat_cell: Some(repeat), ..Request::default() }
}

pub(super) fn bold(sheet_id: i32, range: Range) -> Request {
    let text = TextFormat { bold: Some(true), ..TextFormat::default() };
    let format = CellFormat { text_format: Some(text), ..CellFormat::default() };
    repeat_format(sheet_id, range, format, "userEnteredFormat.textFormat.bold")
}

/// The number format of a kind; of kinds that have none, the automatic one.
pub(super) fn number_format(sheet_id: i32, range: Range, kind: Kind) -> Request {
    let number = kind.format().map(|(kind, pattern)| NumberFormat {
        type_: Some(kind.to_owned()),
        pattern: Some(pattern.to_owned()),
    });
    let format = CellFormat { number_format: number, ..CellFormat::default() };
    repeat_format(sheet_id, range, format, "userEnteredFormat.numberFormat")
}

pub(super) fn set_hidden(sheet_id: i32, is_hidden: bool) -> Request {
    let properties =
        SheetProperties { sheet_id: Some(sheet_id), hidden: Some(is_hidden), ..SheetProperties::default() };
    update_properties(properties, "hidden")
}

pub(super) fn freeze(sheet_id: i32) -> Request {
    let grid = GridProperties { frozen_row_count: Some(1), ..GridProperties::default() };
    let properties = SheetProperties {
        sheet_id: Some(sheet_id),
        grid_properties: Some(grid),
        ..SheetProperties::default()
    };
    update_properties(properties, "gridProperties.frozenRowCount")
}

fn update_properties(properties: SheetProperties, fields: &str) -> Request {
    let update = UpdateSheetPropertiesRequest { properties: Some(properties), fields: mask(fields) };
    Request { update_sheet_properties: Some(update), ..Request::default() }
}

/// Values, typed as they are; empty cells too.
pub(super) fn copy_values(from: (i32, Range), to: (i32, Range)) -> Request {
    let copy = CopyPasteRequest {
        source: Some(grid_range(from.0, from.1)),
        destination: Some(grid_range(to.0, to.1)),
        paste_type: Some("PASTE_VALUES".to_owned()),
        paste_orientation: Some("NORMAL".to_owned()),
    };
    Request { copy_paste: Some(copy), ..Request::default() }
}

pub(super) fn create_mark(id: i32, mark: &Mark) -> Request {
    let location =
        DeveloperMetadataLocation { sheet_id: Some(mark.sheet), ..DeveloperMetadataLocation::default() };
    let metadata = DeveloperMetadata {
        metadata_id: Some(id),
        metadata_key: Some(KEY.to_owned()),
        metadata_value: Some(mark.text()),
        location: Some(location),
        visibility: Some("DOCUMENT".to_owned()),
    };
    let create = CreateDeveloperMetadataRequest { developer_metadata: Some(metadata) };
    Request { create_developer_metadata: Some(create), ..Request::default() }
}

fn by_id(id: i32) -> DataFilter {
    let lookup = DeveloperMetadataLookup { metadata_id: Some(id), ..DeveloperMetadataLookup::default() };
    DataFilter { developer_metadata_lookup: Some(lookup), ..DataFilter::default() }
}

pub(super) fn update_mark(id: i32, mark: &Mark) -> Request {
    let metadata = DeveloperMetadata { metadata_value: Some(mark.text()), ..DeveloperMetadata::default() };
    let update = UpdateDeveloperMetadataRequest {
        data_filters: Some(vec![by_id(id)]),
        developer_metadata: Some(metadata),
        fields: mask("metadataValue"),
    };
    Request { update_developer_metadata: Some(update), ..Request::default() }
}

/// A warning for whoever edits these columns.
pub(super) fn protect(sheet_id: i32, range: Range) -> Request {
    let range = ProtectedRange {
        range: Some(grid_range(sheet_id, range)),
        description: Some(PROTECTION.to_owned()),
        warning_only: Some(true),
        ..ProtectedRange::default()
    };
    let add = AddProtectedRangeRequest { protected_range: Some(range) };
    Request { add_protected_range: Some(add), ..Request::default() }
}

pub(super) fn unprotect(id: i32) -> Request {
    let delete = DeleteProtectedRangeRequest { protected_range_id: Some(id) };
    Request { delete_protected_range: Some(delete), ..Request::default() }
}

/// A note on the workbook that is made and removed at once.
pub(super) fn probe() -> [Request; 2] {
    let id = fastrand::i32(1..i32::MAX);
    let location =
        DeveloperMetadataLocation { spreadsheet: Some(true), ..DeveloperMetadataLocation::default() };
    let metadata = DeveloperMetadata {
        metadata_id: Some(id),
        metadata_key: Some(format!("{KEY}-check")),
        metadata_value: Some(String::new()),
        location: Some(location),
        visibility: Some("DOCUMENT".to_owned()),
    };
    let create = CreateDeveloperMetadataRequest { developer_metadata: Some(metadata) };
    let delete = DeleteDeveloperMetadataRequest { data_filter: Some(by_id(id)) };
    [
        Request { create_developer_metadata: Some(create), ..Request::default() },
        Request { delete_developer_metadata: Some(delete), ..Request::default() },
    ]
}
