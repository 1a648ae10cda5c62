//! Callers on the blacklist, and changes of it. The host decides; that it did enters the engine and leaves it as an event, so
//! that it has its place in the story and replays with it.

use crate::engine::Engine;
use crate::event::Event;
use crate::ids::CallId;
use crate::time::Time;

/// A caller was on the blacklist.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Screening {
    /// Queue asked for; empty if none was yet.
    pub queue: String,
    /// Tier name.
    pub tier: String,
    /// Caller number as presented; empty if withheld.
    pub number: String,
    /// What happened.
    pub action: ScreenAction,
    /// The cause of release, or the place of the dialplan; empty for other actions.
    pub detail: String,
    /// Whom the entry is about.
    pub entry: String,
    /// Why it is there.
    pub reason: String,
    /// Who added it.
    pub author: String,
}

/// What happened to a caller who is on the list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ScreenAction {
    /// The agent is warned.
    Flag,
    /// Went on at a place of the dialplan.
    Divert,
    /// Heard a prompt, and that the line is busy.
    Busy,
    /// Was released with a cause.
    Release,
    /// Heard music for a while, and no agent.
    Tarpit,
}

/// An entry of the blacklist.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListEntry {
    /// Whom it is about.
    pub number: String,
    /// What happens to them.
    pub action: String,
    /// Why.
    pub reason: String,
    /// Who added it.
    pub author: String,
    /// Counts from then on.
    pub from: Time,
    /// Counts until then.
    pub until: Option<Time>,
    /// For callers of these tiers; all if there are none.
    pub tiers: Vec<String>,
    /// In these queues; all if there are none.
    pub queues: Vec<String>,
    /// When it was added.
    pub added: Time,
}

/// The blacklist changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ListChange {
    /// One entry did.
    Entry {
        /// Who did it.
        author: String,
        /// How.
        how: EntryChange,
        /// Why it was removed.
        reason: String,
        /// The entry before.
        before: Option<Box<ListEntry>>,
        /// The entry now.
        after: Option<Box<ListEntry>>,
        /// Entries of the list now.
        entries: u64,
    },
    /// Many did at once.
    Whole {
        /// Who did it.
        author: String,
        /// Whether an index was put beneath, or else entries were imported.
        index: bool,
        /// From which file.
        file: String,
        /// Entries in it that were taken.
        taken: u64,
        /// Bad lines that were left out.
        bad: u64,
        /// Entries of the list now.
        entries: u64,
    },
}

/// How an entry changed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum EntryChange {
    /// Somebody added it, or changed it.
    Added,
    /// Somebody removed it.
    Removed,
    /// Its time was over.
    Expired,
    /// An automatic rule added it.
    Automatic,
}

impl Engine {
    pub(crate) fn screened(&mut self, call: CallId, screening: Box<Screening>) {
        self.events.push(Event::CallScreened { call, screening });
    }

    pub(crate) fn list_changed(&mut self, change: Box<ListChange>) {
        self.events.push(Event::ListChanged { change });
    }
}
