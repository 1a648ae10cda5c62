//! An ordered set in chunks that fit a few cache lines each: as quick as a tree for what comes and goes, quicker at its
//! front, and able to say how many stand before a place.

use std::collections::VecDeque;

/// A chunk is split beyond so many.
const MOST: usize = 96;

/// The items in their order, each once.
///
/// Chunks are double-ended, since most items leave at the front and come at the back. The first lies here, so that its items
/// are one step away.
#[derive(Clone, Debug)]
pub(crate) struct Sorted<T> {
    /// Not empty unless all is.
    head: VecDeque<T>,
    /// None is empty.
    rest: Vec<VecDeque<T>>,
    len: usize,
}

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Sorted {
            head: VecDeque::new(),
            rest: Vec::new(),
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
        self.head.front().copied()
    }

    /// The chunk that holds `item`, or would: the first whose last is not below it, or else the last.
    fn chunk_of(&self, item: T) -> usize {
        let below = |chunk: &VecDeque<T>| chunk.back().is_some_and(|last| *last < item);
        if self.rest.is_empty() || !below(&self.head) {
            return 0;
        }
        let at = self.rest.partition_point(below);
        (at + 1).min(self.rest.len())
    }

    fn chunk(&self, at: usize) -> &VecDeque<T> {
        match at.checked_sub(1) {
            None => &self.head,
            Some(at) => &self.rest[at],
        }
    }

    fn chunk_mut(&mut self, at: usize) -> &mut VecDeque<T> {
        match at.checked_sub(1) {
            None => &mut self.head,
            Some(at) => &mut self.rest[at],
        }
    }

    /// Where `item` is in a chunk, or would be. Looks at the ends first.
    fn search(chunk: &VecDeque<T>, item: T) -> Result<usize, usize> {
        match (chunk.front(), chunk.back()) {
            (Some(first), _) if item == *first => Ok(0),
            (_, Some(last)) if item > *last => Err(chunk.len()),
            (_, _) => chunk.binary_search(&item),
        }
    }

    /// How many stand before it; `None` if it was there.
    pub(crate) fn insert(&mut self, item: T) -> Option<usize> {
        let at = self.chunk_of(item);
        let chunk = self.chunk_mut(at);
        let place = Self::search(chunk, item).err()?;
        chunk.insert(place, item);
        if chunk.len() > MOST {
            let rest = chunk.split_off(MOST / 2);
            self.rest.insert(at, rest);
        }
        self.len += 1;
        Some(self.before_chunk(at) + place)
    }

    /// Whether it was there.
    pub(crate) fn remove(&mut self, item: T) -> bool {
        let at = self.chunk_of(item);
        let chunk = self.chunk_mut(at);
        let Ok(place) = Self::search(chunk, item) else {
            return false;
        };
        chunk.remove(place);
        if chunk.is_empty() && !self.rest.is_empty() {
            match at.checked_sub(1) {
                None => self.head = self.rest.remove(0),
                Some(at) => {
                    self.rest.remove(at);
                }
            }
        }
        self.len -= 1;
        true
    }

    fn before_chunk(&self, at: usize) -> usize {
        let chunks = core::iter::once(&self.head).chain(&self.rest);
        chunks.take(at).map(VecDeque::len).sum()
    }

    /// How many stand before `item`, be it there or not.
    pub(crate) fn before(&self, item: T) -> usize {
        let at = self.chunk_of(item);
        let (Ok(place) | Err(place)) = Self::search(self.chunk(at), item);
        self.before_chunk(at) + place
    }

    /// The first that is not below `item`.
    pub(crate) fn at_least(&self, item: T) -> Option<T> {
        let chunk = self.chunk(self.chunk_of(item));
        let (Ok(place) | Err(place)) = Self::search(chunk, item);
        chunk.get(place).copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = T> + '_ {
        self.head.iter().chain(self.rest.iter().flatten()).copied()
    }
}

impl<T: Copy + Ord> PartialEq for Sorted<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
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
                    let before = tree.range(..item).count();
                    prop_assert_eq!(sorted.insert(item), tree.insert(item).then_some(before));
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
