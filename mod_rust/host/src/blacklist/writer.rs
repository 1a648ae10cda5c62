//! The only one who changes the list: orders, automatic rules and time, one after the other, each on the disk before it counts.

mod automatic;
mod index;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use hotline_blacklist::auto::Watch;
use hotline_blacklist::changes::Change;
use hotline_blacklist::entry::MAX_PROFILES;
use hotline_blacklist::{Entry, List, Number, Profile, What};
use hotline_engine::screening::{EntryChange, ListChange};
use hotline_engine::{Input, Time};
use hotline_wire::mask::masked;
use hotline_wire::{Outcome, Refusal};

use super::asked::{AUTOMATIC, Asked};
use super::log::Log;
use super::{Rules, Shared, files, refused};
use crate::convert;
use crate::pbx::Level;
use crate::runner::Reply;
use crate::settings::{AutoRule, Counted};
use automatic::watches;

/// How often old lists are looked after that somebody still held.
const TIDY: Duration = Duration::from_millis(200);

/// Entries that end in one step.
const AT_ONCE: usize = 10_000;

/// What the writer is told.
pub(super) enum Order {
    Asked {
        author: String,
        change: Box<Asked>,
        reply: Reply,
    },
    Called(Number),
    HungUp(Number, Duration),
    Rules(Arc<Rules>),
    Stop,
}

impl Order {
    /// What becomes of it without a writer.
    pub(super) fn refuse(self) {
        match self {
            Order::Asked { mut reply, .. } => reply(crate::unavailable()),
            Order::Called(_) | Order::HungUp(..) | Order::Rules(_) | Order::Stop => {}
        }
    }
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    log: Log,
    list: List,
    /// Lists that somebody may still look at. They are freed here, not on a caller's thread.
    old: Vec<Arc<List>>,
    /// When entries end.
    ends: BTreeSet<(u64, What)>,
    /// What automatic rules added.
    review: BTreeSet<What>,
    watches: Vec<(AutoRule, Watch)>,
    /// That there is no room for more was said.
    said_full: bool,
    /// All changes, while the index that they were made over is missing: what they do is seen with it only.
    until_index: Option<Vec<Change>>,
}

impl Writer {
    /// Reads index and changes.
    pub(super) fn open(shared: Arc<Shared>) -> io::Result<Writer> {
        let rules = shared.rules.load_full();
        let settings = &rules.settings;
        let (log, found) = Log::open(&settings.directory, &settings.plan)?;
        for (level, word) in &found.words {
            shared.log(*level, word);
        }
        let mut writer = Writer {
            watches: watches(&settings.automatic),
            shared: Arc::clone(&shared),
            log,
            list: List::default(),
            old: Vec::new(),
            ends: BTreeSet::new(),
            review: BTreeSet::new(),
            said_full: false,
            until_index: None,
        };
        if settings.index.is_some()
            && let Err(why) = writer.read_index("boot")
        {
            match writer.load_last() {
                Some(taken) => shared.log(
                    Level::Error,
                    &format!("the blacklist has the {taken} entries of the last good index: {why}"),
                ),
                None => {
                    writer.until_index = Some(Vec::new());
                    shared.log(
                        Level::Error,
                        &format!("the blacklist has no index until one is loaded: {why}"),
                    );
                }
            }
        }
        writer.replay(&found.changes);
        if let Some(changes) = &mut writer.until_index {
            *changes = found.changes;
        }
        writer.publish();
        if !writer.list.is_empty() {
            // With the changes: who counts along begins with the whole.
            let taken = writer.list.index().map_or(0, |index| index.len());
            writer.tell_loaded("boot", taken);
        }
        Ok(writer)
    }

    /// Does again what was done.
    fn replay(&mut self, changes: &[Change]) {
        for change in changes {
            self.forget_ends(about(change));
            match change {
                Change::Put(entry) => {
                    self.list.put(entry.clone());
                }
                Change::Remove(what) => {
                    self.list.remove(what, |_| true);
                }
                Change::End(what, at) => {
                    self.list.remove(what, |profile| profile.expired(*at));
                }
            }
            self.index_anew(about(change));
        }
    }

    pub(super) fn run(mut self, orders: &Receiver<Order>) {
        loop {
            let order = match self.wait() {
                None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(wait) => orders.recv_timeout(wait),
            };
            match order {
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(order) => self.take(order),
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.expire();
            self.old.retain(|list| Arc::strong_count(list) > 1);
        }
    }

    fn wait(&self) -> Option<Duration> {
        let end = self
            .ends
            .first()
            .map(|(end, _)| self.shared.clock.until(Time(*end)));
        let tidy = (!self.old.is_empty()).then_some(TIDY);
        end.into_iter().chain(tidy).min()
    }

    fn take(&mut self, order: Order) {
        match order {
            Order::Asked {
                author,
                change,
                mut reply,
            } => {
                let outcome = self.asked(&author, *change).unwrap_or_else(|refusal| refusal);
                reply(outcome);
            }
            Order::Called(number) => {
                self.shared.facts.fetch_sub(1, Ordering::Relaxed);
                self.saw(number, |counted| counted == Counted::Calls);
            }
            Order::HungUp(number, after) => {
                self.shared.facts.fetch_sub(1, Ordering::Relaxed);
                self.saw(number, |counted| match counted {
                    Counted::Calls => false,
                    Counted::HangUps(within) => after <= Duration::from_micros(within.0),
                });
            }
            Order::Rules(rules) => {
                let before = self.shared.rules.swap(Arc::clone(&rules));
                if before.settings.automatic != rules.settings.automatic {
                    self.watches = watches(&rules.settings.automatic);
                }
                if before.settings.index != rules.settings.index
                    && let Err(why) = self.load("reload")
                {
                    self.shared.log(
                        Level::Error,
                        &format!("the index of the blacklist stays as it is: {why}"),
                    );
                }
            }
            Order::Stop => {}
        }
    }

    fn asked(&mut self, author: &str, change: Asked) -> Result<Outcome, Outcome> {
        match change {
            Asked::Put { entry, notes } => {
                self.put(author, entry, EntryChange::Added)?;
                if notes.is_empty() {
                    return Ok(Outcome::Done);
                }
                let done = std::iter::once("Done.".to_owned());
                Ok(Outcome::Told {
                    lines: done.chain(notes).collect(),
                })
            }
            Asked::Remove { what, reason } => {
                let before = self.list.get(&what);
                if before.is_empty() {
                    return Err(not_there(&what));
                }
                self.record(&[Change::Remove(what)], |list| {
                    list.remove(&what, |_| true);
                })?;
                for profile in before {
                    self.tell(author, EntryChange::Removed, &reason, &what, Some(&profile), None);
                }
                Ok(Outcome::Done)
            }
            Asked::Keep { what, reason } => {
                let automatic = |profile: &Profile| profile.author.starts_with(AUTOMATIC);
                let Some(profile) = self.list.get(&what).into_iter().find(automatic) else {
                    return Err(refused(
                        Refusal::NothingToDo,
                        format!("no automatic rule added {}", masked(&what.to_string())),
                    ));
                };
                let profile = Profile {
                    until: None,
                    author: author.to_owned(),
                    reason: if reason.is_empty() { profile.reason } else { reason },
                    added: self.shared.now(),
                    ..profile
                };
                self.put(author, Entry { what, profile }, EntryChange::Added)?;
                Ok(Outcome::Done)
            }
            Asked::Import {
                file,
                entries,
                bad,
                named,
            } => self.import(author, file, entries, bad, named),
            Asked::Load => {
                let taken = self.load(author).map_err(|why| refused(Refusal::BadFile, why))?;
                Ok(Outcome::Told {
                    lines: vec![format!("{taken} entries of the index are in force.")],
                })
            }
        }
    }

    fn put(&mut self, author: &str, entry: Entry, how: EntryChange) -> Result<(), Outcome> {
        self.expect_room(std::iter::once(&entry))?;
        let (what, profile) = (entry.what, entry.profile.clone());
        let mut before = None;
        self.record(&[Change::Put(entry.clone())], |list| before = list.put(entry))?;
        self.tell(author, how, "", &what, before.as_ref(), Some(&profile));
        Ok(())
    }

    fn import(
        &mut self,
        author: &str,
        file: String,
        entries: Vec<Entry>,
        bad: u64,
        named: Vec<String>,
    ) -> Result<Outcome, Outcome> {
        self.expect_room(&entries)?;
        let taken = entries.len() as u64;
        let changes: Vec<Change> = entries.into_iter().map(Change::Put).collect();
        self.record(&changes, |list| {
            for change in &changes {
                if let Change::Put(entry) = change {
                    list.put(entry.clone());
                }
            }
        })?;
        let entries = self.list.len();
        self.shared.log(
            Level::Notice,
            &format!("{author} imported {taken} entries of the blacklist from {file}: it has {entries} now"),
        );
        let change = ListChange::Whole {
            author: author.to_owned(),
            index: false,
            file,
            taken,
            bad,
            entries,
        };
        self.shared.tell(Input::ListChanged {
            change: Box::new(change),
        });
        let mut lines = vec![format!("{taken} entries are taken.")];
        if bad > 0 {
            lines.push(format!("{bad} bad lines are left out:"));
            lines.extend(named);
        }
        Ok(Outcome::Told { lines })
    }

    /// Whether there is room for what is not changed already.
    fn expect_room<'a>(&self, entries: impl IntoIterator<Item = &'a Entry>) -> Result<(), Outcome> {
        let most = self.shared.rules.load().settings.max_changes;
        let overlay = self.list.overlay();
        let too_many = |what: &What| {
            refused(
                Refusal::AtLimit,
                format!(
                    "{} would have more than {MAX_PROFILES} entries, for different tiers and queues: name several in one",
                    masked(&what.to_string())
                ),
            )
        };
        let mut asked: BTreeMap<&What, Vec<&Profile>> = BTreeMap::new();
        for Entry { what, profile } in entries {
            let profiles = asked.entry(what).or_default();
            if !profiles.iter().any(|other| other.same_scope(profile)) {
                profiles.push(profile);
            }
            if profiles.len() > MAX_PROFILES {
                return Err(too_many(what));
            }
        }
        let mut new = 0;
        for (what, profiles) in asked {
            new += usize::from(overlay.get(what).is_none());
            let there = self.list.get(what);
            let stays = |profile: &&Profile| !profiles.iter().any(|other| other.same_scope(profile));
            if there.iter().filter(stays).count() + profiles.len() > MAX_PROFILES {
                return Err(too_many(what));
            }
        }
        if overlay.len() + new > most {
            return Err(refused(Refusal::AtLimit, files::full(most)));
        }
        Ok(())
    }

    /// Brings changes to the disk, then into force.
    fn record(&mut self, changes: &[Change], apply: impl FnOnce(&mut List)) -> Result<(), Outcome> {
        self.log
            .append(changes)
            .map_err(|error| refused(Refusal::BadFile, format!("the change cannot be kept: {error}")))?;
        for change in changes {
            self.forget_ends(about(change));
        }
        apply(&mut self.list);
        for change in changes {
            self.index_anew(about(change));
        }
        self.publish();
        if let Some(all) = &mut self.until_index {
            all.extend_from_slice(changes);
        } else if self.log.is_long(self.list.overlay().len())
            && let Err(error) = self.log.compact(&self.list)
        {
            self.shared.log(
                Level::Warning,
                &format!("the changes of the blacklist could not be written anew: {error}"),
            );
        }
        Ok(())
    }

    /// Before a change: a list that is imported every night would leave its ends of all nights behind.
    fn forget_ends(&mut self, what: &What) {
        let slot = self.list.overlay().get(what);
        let profiles = slot.map_or(&[][..], |slot| slot);
        for end in profiles.iter().filter_map(|profile| profile.until) {
            self.ends.remove(&(end, *what));
        }
    }

    /// Remembers when what was changed ends, and whether it is to be reviewed.
    fn index_anew(&mut self, what: &What) {
        let slot = self.list.overlay().get(what);
        let profiles = slot.map_or(&[][..], |slot| slot);
        if profiles
            .iter()
            .any(|profile| profile.author.starts_with(AUTOMATIC))
        {
            self.review.insert(*what);
        } else {
            self.review.remove(what);
        }
        let ends = profiles.iter().filter_map(|profile| profile.until);
        self.ends.extend(ends.map(|end| (end, *what)));
    }

    /// Lets everybody see the list as it is now.
    fn publish(&mut self) {
        let before = self.shared.list.swap(Arc::new(self.list.clone()));
        self.old.push(before);
        self.shared
            .review
            .store(self.review.len() as u64, Ordering::Relaxed);
    }

    /// Drops what is over.
    fn expire(&mut self) {
        let now = self.shared.now();
        // Many may end at once: a step each would be a disk's pace each, and all in one would keep orders waiting.
        let due: Vec<(u64, What)> = self
            .ends
            .iter()
            .take_while(|(end, _)| *end <= now)
            .take(AT_ONCE)
            .copied()
            .collect();
        let mut over: Vec<(What, Vec<Profile>)> = Vec::new();
        let mut changes = Vec::new();
        let mut looked_at = BTreeSet::new();
        for (end, what) in due {
            self.ends.remove(&(end, what));
            let slot = self.list.overlay().get(&what);
            let of_it = slot.map_or(&[][..], |slot| slot);
            let gone: Vec<Profile> = of_it
                .iter()
                .filter(|profile| profile.expired(now))
                .cloned()
                .collect();
            if gone.is_empty() || !looked_at.insert(what) {
                continue;
            }
            // Not what stays: an index that is missing now may have more about it.
            changes.push(Change::End(what, now));
            over.push((what, gone));
        }
        if over.is_empty() {
            return;
        }
        let recorded = self.record(&changes, |list| {
            for (what, _) in &over {
                list.remove(what, |profile| profile.expired(now));
            }
        });
        if recorded.is_err() {
            // They count no more all the same, and go at the next start.
            self.shared.log(
                Level::Warning,
                &format!(
                    "{} entries of the blacklist are over, and that cannot be kept on the disk",
                    over.len()
                ),
            );
            return;
        }
        for (what, profiles) in over {
            for profile in profiles {
                self.tell("expiry", EntryChange::Expired, "", &what, Some(&profile), None);
            }
        }
    }

    fn tell(
        &self,
        author: &str,
        how: EntryChange,
        reason: &str,
        what: &What,
        before: Option<&Profile>,
        after: Option<&Profile>,
    ) {
        let action = |profile: Option<&Profile>| {
            profile.map_or("none".to_owned(), |profile| profile.action.to_string())
        };
        self.shared.log(
            Level::Notice,
            &format!(
                "blacklist: {} was {}, is {} now, by {author}",
                masked(&what.to_string()),
                action(before),
                action(after)
            ),
        );
        let change = ListChange::Entry {
            author: author.to_owned(),
            how,
            reason: reason.to_owned(),
            before: before.map(|profile| Box::new(convert::entry_fact(what, profile))),
            after: after.map(|profile| Box::new(convert::entry_fact(what, profile))),
            entries: self.list.len(),
        };
        self.shared.tell(Input::ListChanged {
            change: Box::new(change),
        });
    }
}

/// Whom a change is about.
fn about(change: &Change) -> &What {
    match change {
        Change::Put(entry) => &entry.what,
        Change::Remove(what) | Change::End(what, _) => what,
    }
}

fn not_there(what: &What) -> Outcome {
    refused(
        Refusal::NothingToDo,
        format!("{} is not on the list", masked(&what.to_string())),
    )
}
