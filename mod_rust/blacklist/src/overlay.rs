//! What was changed while running, over an index. A clone is cheap and shares what it does not change.

use std::sync::Arc;

use rpds::RedBlackTreeMapSync;

use crate::entry::{Entry, Profile, What};
use crate::number::{MAX_DIGITS, Number};
use crate::pattern::Patterns;

/// All entries about somebody; none: those of the index are removed.
pub type Slot = Arc<[Profile]>;

/// Changes by whom they are about. What is here takes the place of all that an index has about the same.
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    slots: RedBlackTreeMapSync<What, Slot>,
    patterns: Arc<Patterns>,
    /// How many prefixes have so many digits.
    prefixes: [u32; MAX_DIGITS + 1],
    entries: usize,
}

impl Overlay {
    /// What is known about somebody here.
    pub fn get(&self, what: &What) -> Option<&Slot> {
        self.slots.get(what)
    }

    /// In the order of [`What`].
    pub fn iter(&self) -> impl Iterator<Item = (&What, &Slot)> {
        self.slots.iter()
    }

    /// Those behind `after`, in order.
    pub fn after(&self, after: Option<What>) -> impl Iterator<Item = (&What, &Slot)> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        self.slots.range((from, Unbounded))
    }

    /// All entries.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        self.iter().flat_map(|(what, slot)| {
            slot.iter().map(|profile| Entry {
                what: *what,
                profile: profile.clone(),
            })
        })
    }

    /// How many are changed, removed ones included.
    pub fn len(&self) -> usize {
        self.slots.size()
    }

    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// How many entries there are.
    pub fn entry_count(&self) -> usize {
        self.entries
    }

    /// How many patterns there are.
    pub fn pattern_count(&self) -> usize {
        self.patterns.len()
    }

    /// Puts what there is about somebody in place of what was.
    pub fn set(&mut self, what: What, slot: Slot) {
        let before = self.slots.get(&what).map(|slot| slot.len());
        self.entries = self.entries + slot.len() - before.unwrap_or(0);
        if before.is_none() {
            self.count(&what, true);
        }
        self.slots.insert_mut(what, slot);
    }

    /// Lets what the index has about somebody be seen again.
    pub fn forget(&mut self, what: &What) {
        if let Some(slot) = self.slots.get(what) {
            self.entries -= slot.len();
            self.slots.remove_mut(what);
            self.count(what, false);
        }
    }

    fn count(&mut self, what: &What, more: bool) {
        match what {
            What::Exact(_) => {}
            What::Prefix(prefix) => {
                let count = &mut self.prefixes[prefix.digits()];
                *count = if more { *count + 1 } else { *count - 1 };
            }
            What::Pattern(pattern) => {
                let patterns = Arc::make_mut(&mut self.patterns);
                if more {
                    patterns.insert(*pattern);
                } else {
                    patterns.remove(pattern);
                }
            }
        }
    }

    /// All that is about a number.
    pub(crate) fn matching(&self, number: Number) -> impl Iterator<Item = (What, &Profile)> {
        let prefixes = (1..=number.digits())
            .filter(|digits| self.prefixes[*digits] > 0)
            .map(move |digits| What::Prefix(number.first(digits)));
        let patterns = self
            .patterns
            .matching(number)
            .map(|pattern| What::Pattern(*pattern))
            .collect::<Vec<_>>();
        std::iter::once(What::Exact(number))
            .chain(prefixes)
            .chain(patterns)
            .filter_map(|what| Some((what, self.slots.get(&what)?)))
            .flat_map(|(what, slot)| slot.iter().map(move |profile| (what, profile)))
    }
}
