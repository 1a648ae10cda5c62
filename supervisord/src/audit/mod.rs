//! Who did what to whom, and how it went, of all that events tell: a row for each action, chained so that none can be changed unseen.
//!
//! Rows are made from events in the transaction that stores these, so there is one for each action, once. A row's hash is
//! over its fields and the hash of the row before; the last one stands for all. Rows outlive the events.

mod chain;
mod page;

use hotline_wire::{Event, Outcome};
use serde::Serialize;

pub use chain::{Hash, Unverified, Verified, append, latest, verify};
pub use page::{Filter, latest_rows};

use crate::state::counts::{action_label, result_label};

/// A row of the record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Row {
    /// Its place, from 1.
    pub id: u64,
    /// When it happened; microseconds since the Unix epoch.
    pub at: u64,
    /// The event's node ...
    pub node: String,
    /// ... its boot ...
    pub boot: String,
    /// ... and its place there.
    pub seq: u64,
    /// What happened.
    #[serde(flatten)]
    pub action: Action,
}

/// What an event says of somebody's action.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Action {
    /// Who.
    pub author: String,
    /// What, as in `hotline_supervisor_actions_total`; or what came of it: `blacklist_entry`, `blacklist_replaced`, `settings`;
    /// or what was done to the store: `store_erase`, `store_backup`, `store_rebuild`, `store_retention`, `store_masking`.
    pub action: String,
    /// To whom: an agent, queue, call, supervisor or number; empty for the whole node.
    pub target: String,
    /// As it was asked, or how it came about, in JSON.
    pub asked: String,
    /// How it was before, in JSON; empty if there was nothing, or the event does not tell.
    pub before: String,
    /// How it was after.
    pub after: String,
    /// `done`, `pending` or `refused`.
    pub result: String,
    /// Why it was refused, for people; why it was done, if somebody said.
    pub reason: String,
}

impl Action {
    /// `None` if nobody did anything: a question, or something that happened by itself.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn of(event: &Event) -> serde_json::Result<Option<Action>> {
        let action = match event {
            Event::CommandAnswered {
                author,
                command,
                outcome,
            } => {
                let Some(action) = action_label(command) else {
                    return Ok(None);
                };
                Action {
                    author: author.clone(),
                    action: action.to_owned(),
                    target: command.texts().first().copied().unwrap_or_default().to_owned(),
                    asked: serde_json::to_string(command)?,
                    result: result_label(outcome).to_owned(),
                    reason: match outcome {
                        Outcome::Refused { message, .. } => message.clone(),
                        Outcome::Done | Outcome::Pending | Outcome::Told { .. } | Outcome::Listed { .. } => {
                            String::new()
                        }
                    },
                    ..Action::default()
                }
            }
            Event::BlacklistChanged {
                author,
                change,
                reason,
                before,
                after,
                ..
            } => {
                let one = before.as_deref().or(after.as_deref());
                Action {
                    author: author.clone(),
                    action: "blacklist_entry".to_owned(),
                    target: one.map(|entry| entry.number.clone()).unwrap_or_default(),
                    asked: serde_json::to_string(change)?,
                    before: before
                        .as_ref()
                        .map(serde_json::to_string)
                        .transpose()?
                        .unwrap_or_default(),
                    after: after
                        .as_ref()
                        .map(serde_json::to_string)
                        .transpose()?
                        .unwrap_or_default(),
                    result: "done".to_owned(),
                    reason: reason.clone(),
                }
            }
            Event::BlacklistReplaced {
                author,
                source,
                file,
                entries,
                ..
            } => Action {
                author: author.clone(),
                action: "blacklist_replaced".to_owned(),
                target: file.clone(),
                asked: serde_json::to_string(source)?,
                after: format!("{{\"entries\":{entries}}}"),
                result: "done".to_owned(),
                ..Action::default()
            },
            Event::ConfigApplied {
                author,
                queues,
                agents,
                ..
            } => Action {
                author: author.clone(),
                action: "settings".to_owned(),
                after: format!("{{\"agents\":{},\"queues\":{}}}", agents.len(), queues.len()),
                result: "done".to_owned(),
                ..Action::default()
            },
            _ => return Ok(None),
        };
        Ok(Some(action))
    }
}
