//! An ordered set in chunks that fit a few cache lines each: as quick as a tree for what comes and goes, quicker at its
//! front, and able to say how many stand before a place.

use std::collections::VecDeque;

/// A chunk is split beyond so many.
const MOST: usize = 96;

/// The items in their order, each once.
#[derive(Clone, Debug)]
pub(crate) struct Sorted<T> {
    /// None is empty, but one alone. Double-ended, since most items leave at the front and come at the back.
    chunks: Vec<VecDeque<T>>,
    len: usize,
}

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Sorted {
            chunks: Vec::new(),
            len: 0,
        }
    }
}

impl<T: Copy + Ord> Sorted<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn first(&self) -> Option<T> {
        self.chunks.first().and_then(|chunk| chunk.front()).copied()
    }

    /// The chunk that holds `item`, or would: the first whose last is not below it, or else the last.
    fn chunk_of(&self, item: T) -> usize {
        let at = self
            .chunks
            .partition_point(|chunk| chunk.back().is_some_and(|last| *last < item));
        at.min(self.chunks.len().saturating_sub(1))
    }

    /// Whether it was not there.
    pub(crate) fn insert(&mut self, item: T) -> bool {
        if self.chunks.is_empty() {
            self.chunks.push(VecDeque::with_capacity(4));
        }
        let at = self.chunk_of(item);
        let chunk = &mut self.chunks[at];
        let Err(place) = chunk.binary_search(&item) else {
            return false;
        };
        chunk.insert(place, item);
        if chunk.len() > MOST {
            let rest = chunk.split_off(MOST / 2);
            self.chunks.insert(at + 1, rest);
        }
        self.len += 1;
        true
    }

    /// Whether it was there.
    pub(crate) fn remove(&mut self, item: T) -> bool {
        let at = self.chunk_of(item);
        let Some(chunk) = self.chunks.get_mut(at) else {
            return false;
        };
        let Ok(place) = chunk.binary_search(&item) else {
            return false;
        };
        chunk.remove(place);
        if chunk.is_empty() && self.chunks.len() > 1 {
            self.chunks.remove(at);
        }
        self.len -= 1;
        true
    }

    /// How many stand before `item`, be it there or not.
    pub(crate) fn before(&self, item: T) -> usize {
        let at = self.chunk_of(item);
        let whole: usize = self.chunks.iter().take(at).map(VecDeque::len).sum();
        let part = self
            .chunks
            .get(at)
            .map_or(0, |chunk| chunk.partition_point(|other| *other < item));
        whole + part
    }

    /// The first that is not below `item`.
    pub(crate) fn at_least(&self, item: T) -> Option<T> {
        let chunk = self.chunks.get(self.chunk_of(item))?;
        chunk.get(chunk.partition_point(|other| *other < item)).copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = T> + '_ {
        self.chunks.iter().flatten().copied()
    }
}

impl<T: PartialEq> PartialEq for Sorted<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.chunks.iter().flatten().eq(other.chunks.iter().flatten())
    }
}

impl<T: Copy + Ord> FromIterator<T> for Sorted<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut sorted = Sorted::default();
        for item in items {
            sorted.insert(item);
        }
        sorted
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_does_what_a_tree_does(steps in prop::collection::vec((any::<bool>(), 0_u16..400), 0..1200)) {
            let (mut sorted, mut tree) = (Sorted::default(), BTreeSet::new());
            for (put, item) in steps {
                if put {
                    prop_assert_eq!(sorted.insert(item), tree.insert(item));
                } else {
                    prop_assert_eq!(sorted.remove(item), tree.remove(&item));
                }
                prop_assert_eq!(sorted.len(), tree.len());
                prop_assert_eq!(sorted.is_empty(), tree.is_empty());
                prop_assert_eq!(sorted.first(), tree.first().copied());
                prop_assert_eq!(sorted.before(item), tree.range(..item).count());
                prop_assert_eq!(sorted.at_least(item), tree.range(item..).next().copied());
            }
            prop_assert!(sorted.iter().eq(tree.iter().copied()));
        }
    }
}
