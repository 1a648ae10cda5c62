//! The blacklist: entries, what can be asked of it, and how it is doing.

use serde::{Deserialize, Serialize};

use crate::label::{labels, usual};

/// An entry, as CSV has it. There is one at most for the same number, tiers and queues.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListEntry {
    /// `NUMBER`, `PREFIX*` or `_PATTERN`, in the one form of numbers when a node tells it: `+8613800138000`.
    pub number: String,
    /// `allow`, `flag`, `busy`, `release`, `release:CAUSE`, `divert:CONTEXT,EXTENSION,PRIORITY` or `tarpit`.
    pub action: String,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Who added it; a node takes the author of the command. `auto:RULE` is an automatic rule.
    #[serde(default)]
    pub author: String,
    /// Counts from then on; microseconds since the Unix epoch, 0 is at once.
    #[serde(default, skip_serializing_if = "usual")]
    pub from: u64,
    /// Counts until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// For callers of these tiers; all if there are none.
    #[serde(default, skip_serializing_if = "usual")]
    pub tiers: Vec<String>,
    /// In these queues; all if there are none.
    #[serde(default, skip_serializing_if = "usual")]
    pub queues: Vec<String>,
    /// When it was added; a node takes the moment of the command.
    #[serde(default, skip_serializing_if = "usual")]
    pub added: u64,
}

impl ListEntry {
    fn texts(&self) -> Vec<&str> {
        let names = self.tiers.iter().chain(&self.queues).map(String::as_str);
        [&*self.number, &self.action, &self.reason, &self.author]
            .into_iter()
            .chain(names)
            .collect()
    }
}

/// What can be asked of a blacklist.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case", deny_unknown_fields)]
pub enum ListOrder {
    /// Adds an entry, in place of one about the same number, tiers and queues. Turning a nuisance into an ordinary caller is
    /// adding `allow`.
    Add {
        /// The entry; author and moment are the command's.
        entry: ListEntry,
    },
    /// Removes all entries about a number, prefix or pattern.
    Remove {
        /// As it was added, in whatever form.
        number: String,
        /// Why.
        #[serde(default)]
        reason: String,
    },
    /// Keeps what an automatic rule added: it has no end any more, and leaves the review list.
    Keep {
        /// As it was added.
        number: String,
        /// Why; empty keeps the rule's.
        #[serde(default)]
        reason: String,
    },
    /// What would happen to a caller. Answered with [`Outcome::Told`](crate::Outcome::Told); no event.
    Check {
        /// As a network might present it; empty is a withheld one.
        number: String,
        /// Queue name; empty if none is asked for yet.
        #[serde(default)]
        queue: String,
        /// Tier name; empty is the first.
        #[serde(default)]
        tier: String,
    },
    /// Shows entries in order. Answered with [`Outcome::Listed`](crate::Outcome::Listed); no event.
    List {
        /// Only those that have this in number, reason or author, in whatever case; empty: all. With a `+` in front, only
        /// those whose number begins so.
        #[serde(default)]
        find: String,
        /// Only those behind this number: the `next` of the answer before. Empty: from the first.
        #[serde(default)]
        after: String,
        /// Entries in one answer, 1 to 1,000.
        #[serde(default = "page")]
        limit: u32,
        /// Only what automatic rules added, which waits to be reviewed.
        #[serde(default)]
        review: bool,
    },
    /// Adds all entries of a CSV file of the node's machine, or none. Answered with [`Outcome::Told`](crate::Outcome::Told).
    Import {
        /// Its absolute path.
        path: String,
        /// Leaves bad lines out. Otherwise nothing is taken if there is one.
        #[serde(default)]
        skip_bad: bool,
        /// Why, for lines that give no reason.
        #[serde(default)]
        reason: String,
    },
    /// Writes all entries into a new CSV file of the node's machine. Answered with
    /// [`Outcome::Told`](crate::Outcome::Told); no event.
    Export {
        /// Its absolute path; it must not exist.
        path: String,
    },
    /// Reads the index named in the settings again. If it is refused, the old one stays. Answered with
    /// [`Outcome::Told`](crate::Outcome::Told).
    Load,
}

fn page() -> u32 {
    100
}

impl ListOrder {
    /// Everything in it that somebody wrote.
    pub(crate) fn texts(&self) -> Vec<&str> {
        match self {
            ListOrder::Add { entry } => entry.texts(),
            ListOrder::Remove { number, reason } | ListOrder::Keep { number, reason } => vec![number, reason],
            ListOrder::Check { number, queue, tier } => vec![number, queue, tier],
            ListOrder::List { find, after, .. } => vec![find, after],
            ListOrder::Import { path, reason, .. } => vec![path, reason],
            ListOrder::Export { path } => vec![path],
            ListOrder::Load => Vec::new(),
        }
    }
}

/// What happened to a caller who is on the list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

labels!(ScreenAction {
    Flag => "flag",
    Divert => "divert",
    Busy => "busy",
    Release => "release",
    Tarpit => "tarpit",
});

/// How an entry changed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListChange {
    /// Somebody added it, or changed it.
    Added,
    /// Somebody removed it.
    Removed,
    /// Its time was over.
    Expired,
    /// An automatic rule added it.
    Automatic,
}

labels!(ListChange {
    Added => "added",
    Removed => "removed",
    Expired => "expired",
    Automatic => "automatic",
});

/// How many entries changed at once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListSource {
    /// A CSV file was imported.
    Imported,
    /// An index was put beneath.
    Loaded,
}

labels!(ListSource {
    Imported => "imported",
    Loaded => "loaded",
});

/// How a node's blacklist is doing.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ListInfo {
    /// Entries, those of the index included.
    pub entries: u64,
    /// Of which in the index.
    pub index_entries: u64,
    /// Memory of the index; bytes.
    pub index_bytes: u64,
    /// When the index was built; microseconds since the Unix epoch, absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_built: Option<u64>,
    /// Numbers changed over the index.
    pub changes: u64,
    /// What automatic rules added and nobody has reviewed.
    pub review: u64,
}
