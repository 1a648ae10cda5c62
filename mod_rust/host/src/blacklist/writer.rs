//! The only one who changes the list: orders, automatic rules and time, one after the other, each on the disk before it counts.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use hotline_blacklist::auto::Watch;
use hotline_blacklist::changes::Change;
use hotline_blacklist::{Entry, Index, List, Names, Number, Profile, Query, What};
use hotline_engine::screening::{EntryChange, ListChange};
use hotline_engine::{Input, Time};
use hotline_wire::mask::masked;
use hotline_wire::{Outcome, Refusal};

use super::asked::{AUTOMATIC, Asked};
use super::log::Log;
use super::{Rules, Shared, files, refused, shown};
use crate::convert;
use crate::pbx::Level;
use crate::runner::Reply;
use crate::settings::{AutoRule, Counted};

/// How often old lists are looked after that somebody still held.
const TIDY: Duration = Duration::from_millis(200);

/// The name of the last good index in the node's folder.
const LAST: &str = "last-good.index";

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
}

impl Writer {
    /// Reads index and changes.
    pub(super) fn open(shared: Arc<Shared>) -> io::Result<Writer> {
        let rules = shared.rules.load_full();
        let settings = &rules.settings;
        let (log, changes, torn) = Log::open(&settings.directory, &settings.plan)?;
        if torn > 0 {
            shared.log(
                Level::Warning,
                &format!(
                    "{torn} bytes of a change of the blacklist that was not finished were dropped from {folder}/blacklist.log; they are in \
                     {folder}/blacklist.dropped",
                    folder = shown(&settings.directory)
                ),
            );
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
        };
        if settings.index.is_some()
            && let Err(why) = writer.read_index("boot")
        {
            match writer.load_last() {
                Some(taken) => shared.log(
                    Level::Error,
                    &format!("the blacklist has the {taken} entries of the last good index: {why}"),
                ),
                None => shared.log(
                    Level::Error,
                    &format!("the blacklist has no index until one is loaded: {why}"),
                ),
            }
        }
        for change in changes {
            let what = match change {
                Change::Put(entry) => {
                    let what = entry.what;
                    writer.list.put(entry);
                    what
                }
                Change::Remove(what) => {
                    writer.list.remove(&what, |_| true);
                    what
                }
            };
            writer.index_anew(&what);
        }
        writer.publish();
        if !writer.list.is_empty() {
            // With the changes: who counts along begins with the whole.
            let taken = writer.list.index().map_or(0, |index| index.len());
            writer.tell_loaded("boot", taken);
        }
        Ok(writer)
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
            Asked::Put(entry) => {
                self.put(author, entry, EntryChange::Added)?;
                Ok(Outcome::Done)
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
        let new = |entry: &&Entry| overlay.get(&entry.what).is_none();
        if overlay.len() + entries.into_iter().filter(new).count() > most {
            return Err(refused(Refusal::AtLimit, files::full(most)));
        }
        Ok(())
    }

    /// Brings changes to the disk, then into force.
    fn record(&mut self, changes: &[Change], apply: impl FnOnce(&mut List)) -> Result<(), Outcome> {
        self.log
            .append(changes)
            .map_err(|error| refused(Refusal::BadFile, format!("the change cannot be kept: {error}")))?;
        apply(&mut self.list);
        for change in changes {
            let what = match change {
                Change::Put(entry) => entry.what,
                Change::Remove(what) => *what,
            };
            self.index_anew(&what);
        }
        self.publish();
        if self.log.is_long()
            && let Err(error) = self.log.compact(&self.list)
        {
            self.shared.log(
                Level::Warning,
                &format!("the changes of the blacklist could not be written anew: {error}"),
            );
        }
        Ok(())
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
        // An end that is none any more is found out when it comes.
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

    /// Where another name of the last index that was good is kept.
    fn last(rules: &Rules) -> PathBuf {
        rules.settings.directory.join(LAST)
    }

    /// Remembers the index as the last good one, should its file be bad at the next start. It is another name of the same
    /// file, so this costs nothing, and is not to be had from one disk to another.
    fn remember(rules: &Rules, path: &Path) {
        let last = Writer::last(rules);
        // It may never have been there.
        let _ = std::fs::remove_file(&last);
        let _ = std::fs::hard_link(path, last);
    }

    /// Puts the last good index beneath the changes, at a start with a bad one. How many entries it has.
    fn load_last(&mut self) -> Option<u64> {
        let rules = self.shared.rules.load_full();
        let index = Index::open(&Writer::last(&rules), &rules.settings.plan).ok()?;
        let taken = index.len();
        self.list.set_index(Some(Arc::new(index)));
        Some(taken)
    }

    /// Puts the index that the settings name beneath the changes. How many entries it has.
    fn load(&mut self, author: &str) -> Result<u64, String> {
        let taken = self.read_index(author)?;
        // What the index holds was forgotten, and must not come back with the log at the next start.
        if let Err(error) = self.log.compact(&self.list) {
            self.shared.log(
                Level::Error,
                &format!("the changes of the blacklist could not be written anew: {error}"),
            );
        }
        self.tell_loaded(author, taken);
        Ok(taken)
    }

    fn read_index(&mut self, author: &str) -> Result<u64, String> {
        let rules = self.shared.rules.load_full();
        let index = match &rules.settings.index {
            None if author == "reload" => None,
            None => return Err("the settings name no index: add index to [blacklist]".to_owned()),
            Some(path) => {
                let index = Index::open(path, &rules.settings.plan).map_err(|error| match &error {
                    hotline_blacklist::IndexError::Io(..) => error.to_string(),
                    _ => format!("{}: {error}", shown(path)),
                })?;
                Writer::remember(&rules, path);
                Some(Arc::new(index))
            }
        };
        let taken = index.as_ref().map_or(0, |index| index.len());
        self.list.set_index(index);
        self.publish();
        Ok(taken)
    }

    /// Says what the list has now that an index lies beneath.
    fn tell_loaded(&self, author: &str, taken: u64) {
        let rules = self.shared.rules.load();
        let file = rules.settings.index.as_deref().map(shown).unwrap_or_default();
        let entries = self.list.len();
        self.shared.log(
            Level::Notice,
            &format!("the blacklist has {entries} entries, {taken} of them from the index {file:?}"),
        );
        let change = ListChange::Whole {
            author: author.to_owned(),
            index: true,
            file,
            taken,
            bad: 0,
            entries,
        };
        self.shared.tell(Input::ListChanged {
            change: Box::new(change),
        });
    }

    /// Drops what is over.
    fn expire(&mut self) {
        let now = self.shared.now();
        while let Some((end, what)) = self.ends.first().copied().filter(|(end, _)| *end <= now) {
            self.ends.remove(&(end, what));
            let (over, kept): (Vec<Profile>, Vec<Profile>) = self
                .list
                .overlay()
                .get(&what)
                .map(|slot| slot.iter().cloned().partition(|profile| profile.expired(now)))
                .unwrap_or_default();
            if over.is_empty() {
                continue;
            }
            let kept = kept
                .into_iter()
                .map(|profile| Change::Put(Entry { what, profile }));
            let changes: Vec<Change> = std::iter::once(Change::Remove(what)).chain(kept).collect();
            let recorded = self.record(&changes, |list| {
                list.remove(&what, |profile| profile.expired(now));
            });
            if recorded.is_err() {
                // It counts no more all the same, and goes at the next start.
                self.shared.log(
                    Level::Warning,
                    "an entry of the blacklist is over, and that cannot be kept on the disk",
                );
                continue;
            }
            for profile in over {
                self.tell("expiry", EntryChange::Expired, "", &what, Some(&profile), None);
            }
        }
    }

    /// A caller did something that rules count.
    fn saw(&mut self, number: Number, counts: impl Fn(Counted) -> bool) {
        let now = self.shared.now();
        let asks: Vec<AutoRule> = self
            .watches
            .iter_mut()
            .filter(|(rule, _)| counts(rule.counted))
            .filter_map(|(rule, watch)| watch.saw(number, now).then(|| rule.clone()))
            .collect();
        for rule in asks {
            self.add_by(&rule, number, now);
        }
    }

    fn add_by(&mut self, rule: &AutoRule, number: Number, now: u64) {
        let what = What::Exact(number);
        let query = Query {
            number,
            queue: None,
            tier: None,
            now,
        };
        // Whoever is let through or blocked by name stays so.
        let named = self.list.lookup(&query).is_some_and(|found| {
            found.what == what || found.profile.action == hotline_blacklist::Action::Allow
        });
        if named {
            return;
        }
        let did = match rule.counted {
            Counted::Calls => "calls",
            Counted::HangUps(_) => "hang-ups",
        };
        let seconds = rule.within.0 / 1_000_000;
        let profile = Profile {
            action: rule.action.clone(),
            tiers: Names::default(),
            queues: Names::default(),
            from: 0,
            until: Some(now.saturating_add(rule.lasting.0)),
            reason: format!("more than {} {did} within {seconds} s", rule.count),
            author: format!("{AUTOMATIC}{}", rule.name),
            added: now,
        };
        let author = profile.author.clone();
        match self.put(&author, Entry { what, profile }, EntryChange::Automatic) {
            Ok(()) => self.said_full = false,
            Err(Outcome::Refused { message, .. }) if !self.said_full => {
                self.said_full = true;
                self.shared.log(
                    Level::Warning,
                    &format!("the rule {} of the blacklist adds nobody: {message}", rule.name),
                );
            }
            Err(_) => {}
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

fn watches(rules: &[AutoRule]) -> Vec<(AutoRule, Watch)> {
    rules
        .iter()
        .map(|rule| (rule.clone(), Watch::new(rule.count, rule.within.0, rule.watched)))
        .collect()
}

fn not_there(what: &What) -> Outcome {
    refused(
        Refusal::NothingToDo,
        format!("{} is not on the list", masked(&what.to_string())),
    )
}
