//! Blocks of a table, read for the second time.

use anyhow::Result;

use crate::digest::{Block, Leaf, fold};
use crate::source::Snapshot;
use crate::source::rows::{self, Reader};
use crate::source::snapshot::of_table;
use crate::source::survey::Survey;

/// What comes of a block.
pub(super) enum Piece<'a> {
    /// A row: its number in the table, and its cells as an object of type `RowData`.
    Row(u64, &'a [u8]),
    /// All rows have come, and are those of the first look.
    End,
}

/// Gives the rows of these blocks, which are in order, to `each`, with the place of the block among them.
///
/// # Errors
/// One of this table alone when the rows are not those of the first look.
pub(super) fn read(
    snapshot: &mut Snapshot,
    survey: &Survey,
    blocks: impl ExactSizeIterator<Item = usize>,
    mut each: impl FnMut(usize, Piece<'_>) -> Result<()>,
) -> Result<()> {
    if blocks.len() == 0 {
        return Ok(());
    }
    let digest = &survey.digest;
    let mut reader = Reader::open(snapshot, &survey.select)?;
    let (mut at, mut json) = (0, Vec::new());
    for (n, block) in blocks.enumerate() {
        let first = block as u64 * digest.block_rows;
        reader.skip(first - at)?;
        at = first;
        let mut check = Check::new(digest.level());
        reader.read(digest.rows_of(block), |values| {
            json.clear();
            rows::write_json(&survey.columns, values, &mut json)?;
            check.add(&json);
            each(n, Piece::Row(at, &json))?;
            at += 1;
            Ok(())
        })?;
        check.require(&digest.blocks[block])?;
        each(n, Piece::End)?;
    }
    Ok(())
}

/// A block's hash while its rows come.
struct Check {
    leaf: Leaf,
    leaves: Vec<Block>,
    level: u32,
}

impl Check {
    fn new(level: u32) -> Check {
        Check { leaf: Leaf::default(), leaves: Vec::new(), level }
    }

    fn add(&mut self, row: &[u8]) {
        self.leaf.add(row);
        if self.leaf.is_full() {
            self.leaves.extend(self.leaf.take());
        }
    }

    /// Fails when the rows are not those of the first look.
    fn require(mut self, block: &Block) -> Result<()> {
        self.leaves.extend(self.leaf.take());
        match fold(self.leaves, self.level) {
            Some(found) if found.hash == block.hash => Ok(()),
            _ => Err(changed_meanwhile()),
        }
    }
}

/// The table was changed in a way that no snapshot hides.
fn changed_meanwhile() -> anyhow::Error {
    of_table(
        "its rows changed between two readings of one snapshot: it was truncated or altered, and the next run writes it; \
         or it is a view whose values are new each time, as of random()",
    )
}
