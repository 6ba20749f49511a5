//! Developer metadata: texts that belong to a tab or to the workbook, and that people do not see.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::render;
use super::super::workbook::{Metadata, Workbook};
use super::{fresh_id, properties};

/// Characters of keys and values that a tab can have, and the workbook itself as well.
const MAX_CHARACTERS: usize = 30_000;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Create {
    developer_metadata: Given,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Given {
    metadata_id: Option<i64>,
    metadata_key: Option<String>,
    metadata_value: Option<String>,
    location: Option<Location>,
    visibility: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Location {
    spreadsheet: bool,
    sheet_id: Option<i64>,
    dimension_range: Option<Value>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Update {
    data_filters: Vec<Filter>,
    developer_metadata: Given,
    fields: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Delete {
    data_filter: Filter,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Filter {
    developer_metadata_lookup: Lookup,
}

/// What metadata has to be like to be meant.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(in super::super) struct Lookup {
    metadata_id: Option<i64>,
    metadata_key: Option<String>,
    metadata_value: Option<String>,
    visibility: Option<String>,
    location_type: Option<String>,
    metadata_location: Option<Location>,
}

/// Where metadata is: at a tab, or at the workbook.
type Home = Option<i64>;

impl Location {
    fn home(&self, book: &Workbook) -> Result<Home, String> {
        if self.dimension_range.is_some() {
            return Err("this server has no metadata of rows and columns.".to_owned());
        }
        match self.sheet_id {
            Some(id) if !self.spreadsheet => book.sheet(id).map(|_| Some(id)),
            None if self.spreadsheet => Ok(None),
            _ => Err("developerMetadata.location must have exactly one of its fields set.".to_owned()),
        }
    }
}

impl Lookup {
    pub(in super::super) fn means(&self, metadata: &Metadata, home: Home) -> bool {
        let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|w| w == value);
        let place = if home.is_some() { "SHEET" } else { "SPREADSHEET" };
        let is_there = self.metadata_location.as_ref().is_none_or(|l| match home {
            // What is at a tab is in the workbook as well.
            Some(id) => l.spreadsheet || l.sheet_id == Some(id),
            None => l.spreadsheet,
        });
        self.metadata_id.is_none_or(|id| id == metadata.id)
            && is(&self.metadata_key, &metadata.key)
            && is(&self.metadata_value, metadata.value.as_deref().unwrap_or_default())
            && is(&self.visibility, &metadata.visibility)
            && is(&self.location_type, place)
            && is_there
    }
}

/// All metadata with where it is.
pub(in super::super) fn all(book: &Workbook) -> impl Iterator<Item = (Home, &Metadata)> {
    let of_tabs = book.tabs.iter().flat_map(|t| t.metadata.iter().map(|m| (Some(t.sheet_id), m)));
    book.metadata.iter().map(|m| (None, m)).chain(of_tabs)
}

fn place(book: &mut Workbook, home: Home) -> Result<&mut Vec<Metadata>, String> {
    match home {
        None => Ok(&mut book.metadata),
        Some(id) => book.sheet_mut(id).map(|t| &mut t.metadata),
    }
}

fn check_size(metadata: &[Metadata]) -> Result<(), String> {
    let n: usize = metadata.iter().map(Metadata::n_characters).sum();
    if n > MAX_CHARACTERS {
        return Err(format!(
            "The developer metadata would have {n} characters, which is more than the limit of {MAX_CHARACTERS}."
        ));
    }
    Ok(())
}

pub(super) fn create(book: &mut Workbook, request: Create) -> Result<Value, String> {
    let given = request.developer_metadata;
    let key = given.metadata_key.filter(|k| !k.is_empty());
    let key = key.ok_or("developerMetadata.metadataKey must be specified.")?;
    let visibility = visibility(given.visibility)?;
    let location = given.location.ok_or("developerMetadata.location must be specified.")?;
    let home = location.home(book)?;
    let is_taken = |id| all(book).any(|(_, m)| m.id == id);
    let id = match given.metadata_id {
        None => fresh_id(is_taken),
        Some(id) if is_taken(id) => return Err(format!("Developer metadata with id {id} already exists.")),
        Some(id) => id,
    };
    let metadata = Metadata { id, key, value: given.metadata_value, visibility };
    let json = render::metadata(&metadata, home);
    let place = place(book, home)?;
    place.push(metadata);
    check_size(place)?;
    Ok(json!({ "createDeveloperMetadata": { "developerMetadata": json } }))
}

fn visibility(given: Option<String>) -> Result<String, String> {
    let known = given.filter(|v| v == "DOCUMENT" || v == "PROJECT");
    known.ok_or_else(|| "developerMetadata.visibility must be specified.".to_owned())
}

/// Homes and ids of what one of the filters means.
fn meant(book: &Workbook, filters: &[Filter]) -> Vec<(Home, i64)> {
    let is_meant =
        |home: Home, m: &Metadata| filters.iter().any(|f| f.developer_metadata_lookup.means(m, home));
    all(book).filter(|(home, m)| is_meant(*home, m)).map(|(home, m)| (home, m.id)).collect()
}

pub(super) fn update(book: &mut Workbook, request: &Update) -> Result<Value, String> {
    let mask = properties::mask(&request.fields, "DeveloperMetadata")?;
    if request.data_filters.is_empty() {
        return Err("At least one data filter must be specified.".to_owned());
    }
    let given = &request.developer_metadata;
    let mut changed = Vec::new();
    for (home, id) in meant(book, &request.data_filters) {
        let new_home = match &given.location {
            Some(location) if mask.field("location").is_some() => location.home(book)?,
            _ => home,
        };
        let old = place(book, home)?;
        let at = old.iter().position(|m| m.id == id).ok_or("the metadata is gone.")?;
        let mut metadata = old.remove(at);
        if mask.field("metadataKey").is_some() {
            metadata.key =
                given.metadata_key.clone().ok_or("developerMetadata.metadataKey must be specified.")?;
        }
        if mask.field("metadataValue").is_some() {
            metadata.value.clone_from(&given.metadata_value);
        }
        if mask.field("visibility").is_some() {
            metadata.visibility = visibility(given.visibility.clone())?;
        }
        changed.push(render::metadata(&metadata, new_home));
        let new = place(book, new_home)?;
        let at = if new_home == home { at } else { new.len() };
        new.insert(at, metadata);
        check_size(new)?;
    }
    Ok(json!({ "updateDeveloperMetadata": { "developerMetadata": changed } }))
}

pub(super) fn delete(book: &mut Workbook, request: &Delete) -> Result<Value, String> {
    let mut deleted = Vec::new();
    for (home, id) in meant(book, std::slice::from_ref(&request.data_filter)) {
        let place = place(book, home)?;
        let at = place.iter().position(|m| m.id == id).ok_or("the metadata is gone.")?;
        deleted.push(render::metadata(&place.remove(at), home));
    }
    Ok(json!({ "deleteDeveloperMetadata": { "deletedDeveloperMetadata": deleted } }))
}
