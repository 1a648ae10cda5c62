//! A whole list: an index and the changes over it. Cheap to clone.

use std::iter::Peekable;
use std::sync::Arc;

use crate::decide::{Best, Found, Query};
use crate::entry::{Entry, Profile, What};
use crate::index::Index;
use crate::number::Number;
use crate::overlay::{Overlay, Slot};

/// A list at one moment.
#[derive(Clone, Debug, Default)]
pub struct List {
    index: Option<Arc<Index>>,
    overlay: Overlay,
}

impl List {
    /// A list of these changes over an index.
    pub fn new(index: Option<Arc<Index>>, overlay: Overlay) -> List {
        List { index, overlay }
    }

    /// The index beneath, if there is one.
    pub fn index(&self) -> Option<&Arc<Index>> {
        self.index.as_ref()
    }

    /// The changes over it.
    pub fn overlay(&self) -> &Overlay {
        &self.overlay
    }

    /// The entry that counts for a caller; see [`decide`](crate::decide).
    pub fn lookup(&self, query: &Query<'_>) -> Option<Found<'_>> {
        let mut best = Best::default();
        if !self.overlay.is_empty() {
            for (what, profile) in self.overlay.matching(query.number) {
                let profile = profile.as_ref();
                best.consider(Found { what, profile }, query);
            }
        }
        if let Some(index) = &self.index {
            index.matching(query.number, |what, profiles| {
                if self.overlay.is_empty() || self.overlay.get(&what).is_none() {
                    for profile in profiles {
                        best.consider(Found { what, profile }, query);
                    }
                }
            });
        }
        best.found()
    }

    /// All entries about somebody.
    pub fn get(&self, what: &What) -> Vec<Profile> {
        match (self.overlay.get(what), &self.index) {
            (Some(slot), _) => slot.to_vec(),
            (None, Some(index)) => index.get(what).map(|profile| profile.to_owned()).collect(),
            (None, None) => Vec::new(),
        }
    }

    /// Adds an entry, in place of one about the same number, tiers and queues, which it returns.
    pub fn put(&mut self, entry: Entry) -> Option<Profile> {
        let mut profiles = self.get(&entry.what);
        let same = profiles
            .iter()
            .position(|profile| profile.same_scope(&entry.profile));
        let before = match same {
            Some(place) => Some(std::mem::replace(&mut profiles[place], entry.profile)),
            None => {
                profiles.push(entry.profile);
                None
            }
        };
        self.overlay.set(entry.what, profiles.into());
        before
    }

    /// Removes all entries about somebody that `which` picks, and returns them.
    pub fn remove(&mut self, what: &What, which: impl FnMut(&Profile) -> bool) -> Vec<Profile> {
        let mut profiles = self.get(what);
        let removed: Vec<Profile> = profiles.extract_if(.., which_of(which)).collect();
        if removed.is_empty() {
            return removed;
        }
        let in_index = self
            .index
            .as_ref()
            .is_some_and(|index| index.get(what).next().is_some());
        if profiles.is_empty() && !in_index {
            self.overlay.forget(what);
        } else {
            self.overlay.set(*what, profiles.into());
        }
        removed
    }

    /// Puts another index beneath. Changes that it holds already are forgotten, so that what an index was built from does
    /// not stay here for ever.
    pub fn set_index(&mut self, index: Option<Arc<Index>>) {
        let told = |what: &What, slot: &Slot| match &index {
            Some(index) => index.get(what).eq(slot.iter().map(Profile::as_ref)),
            None => slot.is_empty(),
        };
        let gone: Vec<What> = self
            .overlay
            .iter()
            .filter(|(what, slot)| told(what, slot))
            .map(|(what, _)| *what)
            .collect();
        for what in gone {
            self.overlay.forget(&what);
        }
        self.index = index;
    }

    /// How many entries there are; those of the index that are changed or removed count there as well.
    pub fn len(&self) -> u64 {
        let index = self.index.as_ref().map_or(0, |index| index.len());
        index + self.overlay.entry_count() as u64
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Those behind `after` whose number, or prefix, begins so; patterns are all there, for they are few and begin as they like.
    /// Looks at no other number.
    pub fn beginning_with(&self, number: Number, after: Option<What>) -> impl Iterator<Item = Entry> + '_ {
        let run = move |first: What| {
            let itself = after.is_none_or(|after| after < first).then(|| self.get(&first));
            let itself = itself.into_iter().flatten();
            let rest =
                self.after(after.max(Some(first)))
                    .take_while(move |entry| match (first, entry.what) {
                        (What::Exact(_), What::Exact(other)) | (What::Prefix(_), What::Prefix(other)) => {
                            other.starts_with(number)
                        }
                        _ => false,
                    });
            itself
                .map(move |profile| Entry { what: first, profile })
                .chain(rest)
        };
        run(What::Exact(number))
            .chain(run(What::Prefix(number)))
            .chain(self.after(after.max(Some(What::Prefix(Number::LAST)))))
    }

    /// All entries behind `after` in the order of [`What`], one look at the list at a time.
    pub fn after(&self, after: Option<What>) -> impl Iterator<Item = Entry> + '_ {
        Merged {
            index: self
                .index
                .as_ref()
                .map(|index| index.after(after))
                .into_iter()
                .flatten()
                .peekable(),
            overlay: self.overlay.after(after).peekable(),
        }
        .flat_map(|(what, profiles)| profiles.into_iter().map(move |profile| Entry { what, profile }))
    }
}

fn which_of(mut which: impl FnMut(&Profile) -> bool) -> impl FnMut(&mut Profile) -> bool {
    move |profile| which(profile)
}

/// An index and the changes over it, side by side.
struct Merged<'a, I: Iterator<Item = (What, Vec<Profile>)>, O: Iterator<Item = (&'a What, &'a Slot)>> {
    index: Peekable<I>,
    overlay: Peekable<O>,
}

impl<'a, I, O> Iterator for Merged<'a, I, O>
where
    I: Iterator<Item = (What, Vec<Profile>)>,
    O: Iterator<Item = (&'a What, &'a Slot)>,
{
    type Item = (What, Vec<Profile>);

    fn next(&mut self) -> Option<Self::Item> {
        let Some((changed, _)) = self.overlay.peek() else {
            return self.index.next();
        };
        if let Some(kept) = self.index.next_if(|(what, _)| what < changed) {
            return Some(kept);
        }
        let (what, slot) = self.overlay.next()?;
        // What is changed is not what it was.
        let _ = self.index.next_if(|(indexed, _)| indexed == what);
        Some((*what, slot.to_vec()))
    }
}
