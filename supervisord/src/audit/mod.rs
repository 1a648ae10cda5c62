//! Who did what to whom, and how it went, of all that events tell: a row for each action, chained so that none can be changed unseen.
//!
//! Rows are made from events in the transaction that stores these, so there is one for each action, once. A row's hash is
//! over its fields and the hash of the row before; the last one stands for all. Rows outlive the events.

mod chain;
mod change;
mod page;
mod people;

use std::collections::BTreeMap;

use hotline_wire::{Event, Outcome};
use serde::{Serialize, Serializer};
use serde_json::Value;

pub use chain::{Hash, Unverified, Verified, append, latest, verify};
pub use page::{Filter, latest_rows};
pub use people::{People, acknowledge, log_in, log_out, unusable_users};

use crate::state::counts::{action_label, result_label};
use crate::state::{Changes, Node, State};
use crate::store::StoredEvent;

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
    /// or what was done to the store: `store_erase`, `store_backup`, `store_rebuild`, `store_retention`, `store_masking`; or of alarms
    /// and users: `acknowledge`, `log_in`, `log_out`, `users_read`, `user_…`, `token_…`.
    pub action: String,
    /// To whom: an agent, queue, call, supervisor, number, alarm, user or token; empty for the whole node.
    pub target: String,
    /// As it was asked, or how it came about, in JSON.
    #[serde(serialize_with = "as_json")]
    pub asked: String,
    /// How it was before, in JSON; empty if there was nothing, or it is not known.
    #[serde(serialize_with = "as_json")]
    pub before: String,
    /// How it was after.
    #[serde(serialize_with = "as_json")]
    pub after: String,
    /// `done`, `pending` or `refused`.
    pub result: String,
    /// Why it was refused, for people; why it was done, if somebody said.
    pub reason: String,
}

/// What stands there in JSON as what it is; nothing as null, and what somebody made of it as a text.
pub(crate) fn json_value(text: &str) -> Value {
    match text {
        "" => Value::Null,
        text => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
    }
}

fn as_json<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    json_value(text).serialize(serializer)
}

/// Says of each event, in order, what somebody did by it. `state` is as it was before them.
///
/// # Errors
/// It cannot be written as JSON.
pub fn tell(state: &State, events: &mut [StoredEvent<'_>]) -> serde_json::Result<()> {
    // Up to the last that matters; of most batches none does.
    let Some(last) = events.iter().rposition(|event| matters(&event.frame.event)) else {
        return Ok(());
    };
    let events = &mut events[..=last];
    let mut parts: BTreeMap<&str, Node> = BTreeMap::new();
    for event in events.iter() {
        if parts.contains_key(event.node) {
            continue;
        }
        let known = state.nodes.get(event.node).filter(|node| node.boot == event.boot);
        let told = events.iter().filter(|other| other.node == event.node);
        // Of a boot that is not followed nothing is known, and a row tells what the event itself does.
        let part = known.map(|node| node.part(told.map(|event| &event.frame.event)));
        parts.insert(event.node, part.unwrap_or_default());
    }
    for StoredEvent {
        node,
        boot,
        frame,
        action,
    } in events
    {
        let Some(part) = parts.get_mut(node) else {
            continue;
        };
        // What is known already is not stored again.
        if part.boot == *boot && frame.seq <= part.seq {
            continue;
        }
        part.remember(frame.at, &frame.event);
        *action = Action::of(&frame.event, part)?;
        part.event(node, frame, &mut Changes::default());
    }
    Ok(())
}

/// Whether an event may be somebody's action.
fn matters(event: &Event) -> bool {
    matches!(
        event,
        Event::CommandAnswered { .. }
            | Event::BlacklistChanged { .. }
            | Event::BlacklistReplaced { .. }
            | Event::ConfigApplied { .. }
    )
}

impl Action {
    /// `None` if nobody did anything: a question, or something that happened by itself. `node` is as it was before the event, with
    /// the event's moment begun.
    fn of(event: &Event, node: &Node) -> serde_json::Result<Option<Action>> {
        let action = match event {
            Event::CommandAnswered {
                author,
                command,
                outcome,
            } => {
                let Some(action) = action_label(command) else {
                    return Ok(None);
                };
                let (before, after) = change::of_command(command, node)?;
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
                    before,
                    after,
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
                    before: change::written(before.as_ref())?,
                    after: change::written(after.as_ref())?,
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
                before: format!("{{\"entries\":{}}}", node.listed),
                after: format!("{{\"entries\":{entries}}}"),
                result: "done".to_owned(),
                ..Action::default()
            },
            Event::ConfigApplied {
                author,
                queues,
                agents,
                tiers,
                dispositions: _,
            } => {
                let (before, after) = change::of_settings(node, queues, agents, tiers)?;
                Action {
                    author: author.clone(),
                    action: "settings".to_owned(),
                    before,
                    after,
                    result: "done".to_owned(),
                    ..Action::default()
                }
            }
            _ => return Ok(None),
        };
        Ok(Some(action))
    }
}
