//! Which of several entries counts.
//!
//! Of all that are about the caller, the queue, the tier and this moment, in this order:
//!
//! 1. the one that fixes most digits (an exact number fixes all of its own);
//! 2. one that allows, before one that does not;
//! 3. exact number, then pattern, then prefix;
//! 4. one for certain queues before one for certain tiers before one for all, and one for both before these;
//! 5. the mildest action: flag, divert, busy, release, tarpit;
//! 6. for the rest, the first by its text, so that the answer is always the same.

use std::cmp::Reverse;

use crate::entry::{Action, Profile, What};
use crate::number::Number;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// Who calls.
    pub number: Number,
    /// The queue asked for, if that is known yet. Entries for certain queues count only then.
    pub queue: Option<&'a str>,
    /// The caller's tier, if that is known yet.
    pub tier: Option<&'a str>,
    /// Now; microseconds since the Unix epoch.
    pub now: u64,
}

/// The entry that counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found<'a> {
    /// Whom it is about.
    pub what: What,
    /// All else.
    pub profile: Profile<&'a str>,
}

impl<'a> Found<'a> {
    /// Whether it counts at all; that it is about the number is known.
    pub(crate) fn applies(&self, query: &Query<'_>) -> bool {
        let profile = &self.profile;
        profile.from <= query.now
            && !profile.expired(query.now)
            && profile.queues.include(query.queue)
            && profile.tiers.include(query.tier)
    }

    /// The greatest one counts.
    fn rank(&self) -> impl Ord + use<'a> {
        let kind = match self.what {
            What::Exact(_) => 2,
            What::Pattern(_) => 1,
            What::Prefix(_) => 0,
        };
        let profile = &self.profile;
        let narrow = (!profile.queues.is_empty(), !profile.tiers.is_empty());
        (
            self.what.literals(),
            profile.action == Action::Allow,
            kind,
            narrow,
            Reverse((profile.action, self.what, profile.queues, profile.tiers)),
        )
    }
}

/// The best so far.
#[derive(Default)]
pub(crate) struct Best<'a>(Option<Found<'a>>);

impl<'a> Best<'a> {
    pub(crate) fn consider(&mut self, found: Found<'a>, query: &Query<'_>) {
        if found.applies(query) && self.0.is_none_or(|best| best.rank() < found.rank()) {
            self.0 = Some(found);
        }
    }

    pub(crate) fn found(self) -> Option<Found<'a>> {
        self.0
    }
}
