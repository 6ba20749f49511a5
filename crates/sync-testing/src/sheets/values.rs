//! The values endpoints.

use serde_json::Value;

use super::api::Request;
use super::refusal::Refusal;
use super::workbook::Workbook;

pub(super) fn serve(_book: &mut Workbook, _verb: &str, _request: Request) -> Result<Option<Value>, Refusal> {
    Ok(None)
}
