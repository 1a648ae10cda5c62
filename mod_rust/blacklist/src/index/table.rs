//! Numbers in order, each with a value, laid out for one quick look among many millions.

use super::{IndexError, Part, u32_at, u64_at};
use crate::number::Number;

const KEY: usize = 8;
const VALUE: usize = 4;

/// Keys in order, each with a value.
///
/// Above the keys lie layers, each with the first key of every block of the one below, up to one block: a search looks at one
/// block of each. All but the blocks themselves fit into the processor's caches, and a key's value lies beside it.
pub(super) struct Table {
    part: Part,
    count: usize,
    /// From the one above the keys to the top.
    layers: Vec<Vec<u64>>,
}

/// Keys of a block: two lines of a cache.
pub(super) const BLOCK: usize = 16;
const BLOCK_BYTES: usize = BLOCK * (KEY + VALUE);
/// Fills up the last block.
pub(super) const NONE: u64 = u64::MAX;

impl Table {
    pub(super) fn new(part: Part) -> Result<Table, IndexError> {
        let bytes = part.as_ref();
        if !bytes.len().is_multiple_of(BLOCK_BYTES) {
            return Err(IndexError::Malformed("a table has half a block"));
        }
        let (mut count, mut last) = (0, None);
        for key in bytes.chunks_exact(BLOCK_BYTES).flat_map(keys_in) {
            if key == NONE {
                continue;
            }
            if last >= Some(key) || Number::from_bits(key).is_none() {
                return Err(IndexError::Malformed("its numbers are not in order"));
            }
            (count, last) = (count + 1, Some(key));
        }
        let mut layers: Vec<Vec<u64>> = Vec::new();
        let mut layer: Vec<u64> = bytes
            .chunks_exact(BLOCK_BYTES)
            .filter_map(|block| keys_in(block).next())
            .collect();
        while layer.len() > 1 {
            let above = layer.iter().copied().step_by(BLOCK).collect();
            layers.push(std::mem::replace(&mut layer, above));
        }
        Ok(Table { part, count, layers })
    }

    fn block(&self, block: usize) -> Option<&[u8; BLOCK_BYTES]> {
        self.part
            .as_ref()
            .get(block.checked_mul(BLOCK_BYTES)?..)?
            .first_chunk()
    }

    /// The first place behind all keys that are not greater than this one.
    fn up_to(&self, key: u64) -> usize {
        let mut block = 0;
        for layer in self.layers.iter().rev() {
            let keys = layer.get(block * BLOCK..).unwrap_or_default();
            let keys = keys.get(..BLOCK).unwrap_or(keys);
            let Some(place) = keys.iter().filter(|other| **other <= key).count().checked_sub(1) else {
                return 0;
            };
            block = block * BLOCK + place;
        }
        let smaller = self
            .block(block)
            .map_or(0, |block| keys_in(block).filter(|other| *other <= key).count());
        block * BLOCK + smaller
    }

    pub(super) fn get(&self, number: Number) -> Option<u64> {
        let place = self.up_to(number.bits()).checked_sub(1)?;
        let (found, value) = self.at(place)?;
        (found == number).then_some(value)
    }

    fn at(&self, place: usize) -> Option<(Number, u64)> {
        let (block, place) = (self.block(place / BLOCK)?, place % BLOCK);
        let key = u64_at(block, place * KEY)?;
        let value = u32_at(block, BLOCK * KEY + place * VALUE)?;
        Some((Number::from_bits(key)?, value.into()))
    }

    /// All keys behind `after`.
    pub(super) fn after(&self, after: Option<Number>) -> impl Iterator<Item = (Number, u64)> + '_ {
        let from = after.map_or(0, |number| self.up_to(number.bits()));
        (from..self.count).filter_map(|place| self.at(place))
    }
}

fn keys_in(block: &[u8]) -> impl Iterator<Item = u64> + '_ {
    let keys = block.get(..BLOCK * KEY).unwrap_or_default();
    keys.as_chunks::<KEY>()
        .0
        .iter()
        .map(|key| u64::from_le_bytes(*key))
}
