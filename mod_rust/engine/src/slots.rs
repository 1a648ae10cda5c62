//! Things by their number: a hash table from numbers to places in one dense array. Numbers come from counters, so a
//! multiplication scatters them well enough. Nothing is ever done in the table's own order.

const EMPTY: u32 = u32::MAX;
/// 2^64 divided by the golden ratio.
const SCATTER: u64 = 0x9e37_79b9_7f4a_7c15;

/// A map from numbers to `T`.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    /// Open addressing with linear probing, at most half full: a number and its place.
    index: Vec<(u64, u32)>,
    places: Vec<Option<T>>,
    vacant: Vec<u32>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Slots {
            index: vec![(0, EMPTY); 16],
            places: Vec::new(),
            vacant: Vec::new(),
        }
    }
}

impl<T> Slots<T> {
    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.vacant.len()
    }

    fn home(&self, key: u64) -> usize {
        let bits = self.index.len().trailing_zeros();
        (key.wrapping_mul(SCATTER) >> (u64::BITS - bits)) as usize
    }

    fn next(&self, at: usize) -> usize {
        (at + 1) & (self.index.len() - 1)
    }

    /// Where the number stands in the index, or the free cell where it would.
    fn cell(&self, key: u64) -> usize {
        let mut at = self.home(key);
        while self.index[at].1 != EMPTY && self.index[at].0 != key {
            at = self.next(at);
        }
        at
    }

    pub(crate) fn contains(&self, key: u64) -> bool {
        self.index[self.cell(key)].1 != EMPTY
    }

    pub(crate) fn get(&self, key: u64) -> Option<&T> {
        self.places.get(self.index[self.cell(key)].1 as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, key: u64) -> Option<&mut T> {
        let place = self.index[self.cell(key)].1 as usize;
        self.places.get_mut(place)?.as_mut()
    }

    /// Puts a value in place of any other. There are never 2^32 - 1 of them: the host's ceiling of calls is a u32.
    pub(crate) fn insert(&mut self, key: u64, value: T) {
        if (self.len() + 1) * 2 > self.index.len() {
            self.grow();
        }
        let cell = self.cell(key);
        let known = self.index[cell].1;
        if known != EMPTY {
            self.places[known as usize] = Some(value);
            return;
        }
        let place = match self.vacant.pop() {
            Some(place) => {
                self.places[place as usize] = Some(value);
                place
            }
            None => {
                self.places.push(Some(value));
                (self.places.len() - 1) as u32
            }
        };
        self.index[cell] = (key, place);
    }

    pub(crate) fn remove(&mut self, key: u64) -> Option<T> {
        let mut hole = self.cell(key);
        let place = self.index[hole].1;
        if place == EMPTY {
            return None;
        }
        // Move up whoever stands behind the hole and may be nearer home.
        let mut at = self.next(hole);
        while self.index[at].1 != EMPTY {
            let mask = self.index.len() - 1;
            let (from_home, from_hole) = (
                at.wrapping_sub(self.home(self.index[at].0)) & mask,
                at.wrapping_sub(hole) & mask,
            );
            if from_home >= from_hole {
                self.index[hole] = self.index[at];
                hole = at;
            }
            at = self.next(at);
        }
        self.index[hole].1 = EMPTY;
        self.vacant.push(place);
        self.places[place as usize].take()
    }

    fn grow(&mut self) {
        let larger = vec![(0, EMPTY); self.index.len() * 2];
        let old = core::mem::replace(&mut self.index, larger);
        for (key, place) in old.into_iter().filter(|(_, place)| *place != EMPTY) {
            let cell = self.cell(key);
            self.index[cell] = (key, place);
        }
    }

    /// All numbers, ascending. Costs a look at everything.
    pub(crate) fn keys(&self) -> Vec<u64> {
        let used = self.index.iter().filter(|(_, place)| *place != EMPTY);
        let mut keys: Vec<u64> = used.map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys
    }

    /// All of them in the order of their numbers. Costs a look at everything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.keys()
            .into_iter()
            .filter_map(|key| self.get(key).map(|value| (key, value)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_does_what_a_tree_does(steps in prop::collection::vec((0_u8..3, 0_u64..200, any::<bool>()), 0..800)) {
            let (mut slots, mut tree) = (Slots::default(), BTreeMap::new());
            for (step, (what, key, far)) in steps.into_iter().enumerate() {
                let key = if far { key << 40 } else { key };
                match what {
                    0 | 1 => {
                        slots.insert(key, step);
                        tree.insert(key, step);
                    }
                    _ => prop_assert_eq!(slots.remove(key), tree.remove(&key)),
                }
                prop_assert_eq!(slots.len(), tree.len());
                prop_assert_eq!(slots.contains(key), tree.contains_key(&key));
                prop_assert_eq!(slots.get(key), tree.get(&key));
            }
            prop_assert!(slots.iter().map(|(key, value)| (key, *value)).eq(tree.iter().map(|(key, value)| (*key, *value))));
        }
    }
}
