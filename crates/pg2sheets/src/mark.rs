//! What we know of a tab of ours, kept in the tab itself as developer metadata: containers are thrown away.

use serde::{Deserialize, Serialize};

use crate::digest::{Block, Hash};

/// Key of our metadata.
pub(crate) const KEY: &str = "pg2sheets";
/// The form of [`Mark`].
const VERSION: u32 = 1;

/// A column's name, in few bytes.
pub(crate) type Name = [u8; 4];

/// The few bytes that stand for a column's name.
pub(crate) fn name(text: &str) -> Name {
    let [a, b, c, d, ..] = *blake3::hash(text.as_bytes()).as_bytes();
    [a, b, c, d]
}

/// A tab's mark: whose it is, and what it holds.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(crate) struct Mark {
    #[serde(rename = "v")]
    pub(crate) version: u32,
    /// Name of the database, or what the user calls it.
    pub(crate) source: String,
    /// `schema.table`.
    pub(crate) table: String,
    /// The workbook: a copy of it carries the old one's id.
    pub(crate) spreadsheet: String,
    /// The tab: a duplicate of it carries the old one's id.
    pub(crate) sheet: i32,
    /// Whether this tab only holds blocks on their way into another.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) staging: bool,
    /// Whether the tab has never been complete, and is hidden therefore.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) fresh: bool,
    /// Hash of the header and the kinds.
    pub(crate) head: String,
    /// A letter for each of our columns, as `Kind` has them.
    pub(crate) kinds: String,
    /// The names of our columns, each as [`name`] has it.
    #[serde(default, with = "packed")]
    pub(crate) names: Vec<Name>,
    /// Rows below the header that may hold values of ours.
    pub(crate) rows: u64,
    /// Rows and columns of the grid as we left it.
    pub(crate) grid: [u64; 2],
    /// Rows of a block.
    pub(crate) block: u64,
    /// Hashes of the blocks; of a staging tab: of its slots.
    #[serde(with = "packed")]
    pub(crate) blocks: Vec<Hash>,
    /// Hash of everything; empty while a change is under way.
    pub(crate) whole: String,
    /// When everything was last written, in seconds since 1970.
    pub(crate) full_at: i64,
    /// Whether it was hidden because its table is missing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) hidden: bool,
    /// Row and column, from 0, of the cell that says when the tab was last looked after.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) stamp: Option<[u64; 2]>,
    /// When the table was first found missing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) absent_since: Option<i64>,
}

impl Mark {
    /// A mark without contents.
    pub(crate) fn new() -> Mark {
        Mark { version: VERSION, ..Mark::default() }
    }

    /// The mark in a tab's metadata; `None` where it is not one of ours, or of a later version.
    pub(crate) fn read(text: &str) -> Option<Mark> {
        serde_json::from_str(text).ok().filter(|mark: &Mark| mark.version == VERSION)
    }

    /// As it stands in the metadata.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// How many columns are ours.
    pub(crate) fn width(&self) -> u64 {
        self.kinds.len() as u64
    }

    /// The blocks, without their sizes.
    pub(crate) fn set_blocks(&mut self, blocks: &[Block]) {
        self.blocks = blocks.iter().map(|block| block.hash).collect();
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Hashes side by side in base64.
mod packed {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use serde::de::Error;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer, const N: usize>(
        hashes: &[[u8; N]],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_URL_SAFE_NO_PAD.encode(hashes.concat()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        deserializer: D,
    ) -> Result<Vec<[u8; N]>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(D::Error::custom)?;
        let (hashes, rest) = bytes.as_chunks::<N>();
        if rest.is_empty() { Ok(hashes.to_vec()) } else { Err(D::Error::custom("no whole number of hashes")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a tab's metadata may hold in all.
    const LIMIT: usize = 30_000;

    #[test]
    fn the_largest_mark_fits_and_comes_back() {
        let mark = Mark {
            source: "é".repeat(63),
            table: "x".repeat(127),
            spreadsheet: "x".repeat(44),
            sheet: i32::MAX,
            head: "x".repeat(32),
            kinds: "n".repeat(1600),
            names: vec![[7; 4]; 1600],
            rows: 10_000_000,
            grid: [10_000_000, 18_278],
            block: 1 << 20,
            blocks: vec![[7; 12]; 1000],
            whole: "x".repeat(32),
            full_at: 1_700_000_000,
            absent_since: Some(1_700_000_000),
            ..Mark::new()
        };
        let text = mark.text();
        assert!(text.len() + KEY.len() < LIMIT, "{} characters", text.len());
        assert_eq!(Mark::read(&text), Some(mark));
    }

    #[test]
    fn what_is_not_ours_is_no_mark() {
        for text in ["", "{}", "someone's own", r#"{"v":2}"#] {
            assert_eq!(Mark::read(text), None);
        }
        let broken = Mark::new().text().replace(r#""blocks":"""#, r#""blocks":"AAAA""#);
        assert_eq!(Mark::read(&broken), None);
    }
}
