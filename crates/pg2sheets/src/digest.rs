//! What a tab should hold, as hashes: of the whole and of blocks of rows, so that a change is found without its cells.

use blake3::Hasher;

/// Rows of a leaf, the smallest block.
pub(crate) const LEAF: u64 = 500;
/// Most blocks of a table; then blocks double.
const MAX_BLOCKS: usize = 1000;

/// The hash of a block: 96 bits, 16 characters in a tab's metadata.
pub(crate) type Hash = [u8; 12];

/// A block that is not there, or not as it should be.
pub(crate) const UNKNOWN: Hash = [0; 12];

/// A block of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) hash: Hash,
    /// Of its rows in a request.
    pub(crate) n_bytes: u64,
}

/// All rows of a table.
#[derive(Clone, Debug)]
pub(crate) struct Digest {
    pub(crate) n_rows: u64,
    pub(crate) block_rows: u64,
    pub(crate) blocks: Vec<Block>,
    /// Of everything, however the rows are divided.
    pub(crate) whole: String,
}

/// A digest while rows come.
pub(crate) struct Digester {
    whole: Hasher,
    leaf: Leaf,
    n_rows: u64,
    level: u32,
    /// Leaves of the block that is not full yet.
    open: Vec<Block>,
    blocks: Vec<Block>,
}

/// A leaf while rows come.
#[derive(Default)]
pub(crate) struct Leaf {
    hasher: Hasher,
    n_rows: u64,
    n_bytes: u64,
}

impl Leaf {
    pub(crate) fn add(&mut self, row: &[u8]) {
        // The length first: two rows are never one.
        self.hasher.update(&(row.len() as u64).to_le_bytes()).update(row);
        self.n_rows += 1;
        self.n_bytes += row.len() as u64 + 1;
    }

    /// The leaf, when it has rows; begins the next one.
    pub(crate) fn take(&mut self) -> Option<Block> {
        let Leaf { hasher, n_rows, n_bytes } = std::mem::take(self);
        (n_rows > 0).then(|| Block { hash: short(&hasher), n_bytes })
    }

    pub(crate) fn is_full(&self) -> bool {
        self.n_rows == LEAF
    }
}

impl Digester {
    /// A digest whose blocks are of `block_rows` at least; `head` is what stands above the rows.
    pub(crate) fn new(block_rows: u64, head: &[u8]) -> Digester {
        let mut whole = Hasher::new();
        whole.update(head);
        let level = level(block_rows);
        Digester { whole, leaf: Leaf::default(), n_rows: 0, level, open: Vec::new(), blocks: Vec::new() }
    }

    /// The next row, as it stands in a request.
    pub(crate) fn add(&mut self, row: &[u8]) {
        if self.blocks.len() == MAX_BLOCKS && self.open.is_empty() && self.leaf.n_rows == 0 {
            self.blocks = raise(&self.blocks);
            self.level += 1;
        }
        self.n_rows += 1;
        self.leaf.add(row);
        if self.leaf.is_full() {
            self.end_leaf();
        }
    }

    /// The digest of all rows.
    pub(crate) fn finish(mut self) -> Digest {
        self.end_leaf();
        if !self.open.is_empty() {
            self.end_block();
        }
        self.whole.update(&self.n_rows.to_le_bytes());
        Digest {
            n_rows: self.n_rows,
            block_rows: LEAF << self.level,
            blocks: self.blocks,
            whole: self.whole.finalize().to_hex()[..32].to_owned(),
        }
    }

    fn end_leaf(&mut self) {
        let Some(leaf) = self.leaf.take() else { return };
        self.whole.update(&leaf.hash);
        self.open.push(leaf);
        if self.open.len() == 1 << self.level {
            self.end_block();
        }
    }

    fn end_block(&mut self) {
        let leaves = std::mem::take(&mut self.open);
        self.blocks.extend(fold(leaves, self.level));
    }
}

impl Digest {
    /// How many rows block `n` has.
    pub(crate) fn rows_of(&self, n: usize) -> u64 {
        (self.n_rows - n as u64 * self.block_rows).min(self.block_rows)
    }

    /// How often a leaf doubles to make a block.
    pub(crate) fn level(&self) -> u32 {
        level(self.block_rows)
    }
}

/// How often a leaf doubles to make a block of so many rows.
pub(crate) fn level(block_rows: u64) -> u32 {
    (block_rows / LEAF).checked_ilog2().unwrap_or(0)
}

/// The block that these leaves make.
pub(crate) fn fold(mut leaves: Vec<Block>, level: u32) -> Option<Block> {
    for _ in 0..level {
        leaves = raise(&leaves);
    }
    leaves.pop()
}

/// Blocks of twice the size; a single last one becomes half of one.
pub(crate) fn raise(blocks: &[Block]) -> Vec<Block> {
    let pair = |pair: &[Block]| {
        let mut hasher = Hasher::new();
        pair.iter().for_each(|block| {
            hasher.update(&block.hash);
        });
        // What is unknown makes the whole unknown.
        let is_unknown = pair.iter().any(|block| block.hash == UNKNOWN);
        let hash = if is_unknown { UNKNOWN } else { short(&hasher) };
        Block { hash, n_bytes: pair.iter().map(|block| block.n_bytes).sum() }
    };
    blocks.chunks(2).map(pair).collect()
}

fn short(hasher: &Hasher) -> Hash {
    let mut hash = UNKNOWN;
    hash.copy_from_slice(&hasher.finalize().as_bytes()[..12]);
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(n_rows: u64, block_rows: u64) -> Digest {
        let mut digester = Digester::new(block_rows, b"head");
        (0..n_rows).for_each(|n| digester.add(&n.to_le_bytes()));
        digester.finish()
    }

    #[test]
    fn blocks_double_until_there_are_few_enough() {
        for (n_rows, block_rows, n_blocks) in [
            (0, 500, 0),
            (1, 500, 1),
            (500, 500, 1),
            (501, 500, 2),
            (500_000, 500, 1000),
            (500_001, 1000, 501),
            (1_000_000, 1000, 1000),
            (1_000_001, 2000, 501),
        ] {
            let digest = digest(n_rows, LEAF);
            assert_eq!((digest.block_rows, digest.blocks.len()), (block_rows, n_blocks), "{n_rows} rows");
            assert_eq!(digest.blocks.iter().map(|block| block.n_bytes).sum::<u64>(), n_rows * 9);
        }
    }

    #[test]
    fn small_blocks_can_be_raised_to_large_ones() {
        for n_rows in [0, 1, 499, 500, 1000, 1001, 1500, 2000, 7777] {
            let (small, large) = (digest(n_rows, LEAF), digest(n_rows, 2000));
            assert_eq!(raise(&raise(&small.blocks)), large.blocks, "{n_rows} rows");
            assert_eq!(small.whole, large.whole);
        }
        let grown = digest(500_001, LEAF);
        assert_eq!(grown.blocks, digest(500_001, 1000).blocks);
        assert_eq!(
            raise(&digest(500_000, LEAF).blocks),
            grown.blocks[..500],
            "old blocks stay what they were"
        );
    }

    #[test]
    fn a_change_shows_in_its_block_only() {
        let (a, mut b) = (digest(1600, LEAF), Digester::new(LEAF, b"head"));
        (0..1600_u64).for_each(|n| b.add(&if n == 700 { [9; 8] } else { n.to_le_bytes() }));
        let b = b.finish();
        let differs: Vec<bool> = a.blocks.iter().zip(&b.blocks).map(|(a, b)| a != b).collect();
        assert_eq!(differs, [false, true, false, false]);
        assert_ne!(a.whole, b.whole);
    }

    #[test]
    fn what_is_unknown_stays_unknown() {
        let unknown = Block { hash: UNKNOWN, n_bytes: 1 };
        let known = digest(1, LEAF).blocks[0];
        assert_eq!(raise(&[known, unknown])[0].hash, UNKNOWN);
    }
}
