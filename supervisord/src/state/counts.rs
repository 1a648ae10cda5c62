//! The cumulative half of the state: what metrics and reports count, over boots and restarts.

use std::collections::BTreeMap;

use hotline_wire::blacklist::{ListOrder, ScreenAction};
use hotline_wire::event::{
    CallOutcome, CallbackOutcome, Exit, Limit, OfferResult, RefusedCall, RetrieveResult,
};
use hotline_wire::frame::GapReason;
use hotline_wire::snapshot::AgentState;
use hotline_wire::{Command, Outcome};
use serde::{Deserialize, Serialize};

use super::histogram::Histogram;

/// Everything counted of one node. Maps hold what was seen; what was not is zero.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Counts {
    /// By queue name. A removed queue keeps its counts.
    pub queues: BTreeMap<String, QueueCounts>,
    /// Calls not let in, by [`refused_label`].
    pub refused: BTreeMap<String, u64>,
    /// Commands answered, by [`action_label`], then [`result_label`]. Agents' own are not counted.
    pub actions: BTreeMap<String, BTreeMap<String, u64>>,
    /// Agent-time by state, in microseconds, up to the node's last event.
    pub state_time: BTreeMap<AgentState, u64>,
    /// Events applied.
    pub events: u64,
    /// Gaps by reason.
    pub gaps: BTreeMap<String, u64>,
    /// Events known to be lost in gaps.
    pub lost: u64,
    /// Limits reached, by [`Limit::label`], then by level. Repeats of the last level count again.
    #[serde(default)]
    pub warnings: BTreeMap<String, BTreeMap<u8, u64>>,
    /// Phones asked to retrieve a caller from hold, and what came of it.
    #[serde(default)]
    pub retrieves: BTreeMap<RetrieveResult, u64>,
    /// Callers who were on the blacklist, by what happened to them.
    #[serde(default)]
    pub blocked: BTreeMap<ScreenAction, u64>,
    /// Defects that the node reported of itself.
    #[serde(default)]
    pub faults: u64,
}

/// Counts of a queue.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct QueueCounts {
    /// By tier name.
    pub tiers: BTreeMap<String, TierCounts>,
    /// Attempts to reach an agent, by how they ended.
    pub offers: BTreeMap<OfferResult, u64>,
    /// What agents said that calls were about, by code. One that they thought better of counts again.
    #[serde(default)]
    pub dispositions: BTreeMap<String, u64>,
    /// Callers who were asked what it was like.
    #[serde(default)]
    pub surveys: SurveyCounts,
    /// Recordings of conversations that are over, by [`RecordingFailure::RESULTS`].
    #[serde(default)]
    pub recordings: BTreeMap<String, u64>,
    /// Waits predicted to callers who joined.
    #[serde(default)]
    pub predictions: u64,
    /// Sum of their medians; microseconds.
    #[serde(default)]
    pub predicted: u64,
    /// From joining until connected.
    pub answer_wait: Histogram,
    /// From joining until the caller hung up waiting.
    pub abandon_wait: Histogram,
    /// Conversation, holds included.
    pub talk: Histogram,
    /// Time on hold of calls that were, consulting included.
    #[serde(default)]
    pub hold: Histogram,
    /// After-call work.
    pub wrap_up: Histogram,
    /// From an offer until it ended, however it ended.
    pub ring: Histogram,
    /// From "a caller waits and the agent is free" until the offer.
    pub dispatch: Histogram,
}

/// Counts of a queue's surveys.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SurveyCounts {
    /// Callers who were asked, or went to be.
    pub offered: u64,
    /// Of whom did not answer.
    pub unanswered: u64,
    /// Answers by score.
    pub scores: BTreeMap<u8, u64>,
}

impl SurveyCounts {
    /// Counts an answer. One beyond [`SCORES`] counts as the highest: a label has no values that somebody else makes up.
    pub fn answered(&mut self, score: u8) {
        *self.scores.entry(score.clamp(1, SCORES)).or_default() += 1;
    }
}

/// The highest score that there can be.
pub const SCORES: u8 = 9;

/// The highest score of the usual scale.
pub const USUAL_SCORES: u8 = 5;

/// Counts of one tier in a queue.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TierCounts {
    /// Visits that began: a call that goes on to another queue begins one there.
    pub offered: u64,
    /// Visits that are over, by outcome. Offered = these + calls in progress, always.
    pub finished: BTreeMap<CallOutcome, u64>,
    /// Calls connected within the queue's target, counted when connected.
    pub answered_within: u64,
    /// Callers who hung up waiting within the queue's target.
    pub abandoned_within: u64,
    /// Callers whom a rule of the queue sent elsewhere, by [`Exit::label`].
    #[serde(default)]
    pub diverted: BTreeMap<String, u64>,
    /// Callers who left and were owed a call.
    #[serde(default)]
    pub callbacks_placed: u64,
    /// Callbacks of before that a node kept over its restart. Each was placed before, and lost with the node's last boot.
    #[serde(default)]
    pub callbacks_restored: u64,
    /// Callbacks that are over, by outcome. Placed + restored = these + lost + owed, always.
    #[serde(default)]
    pub callbacks_ended: BTreeMap<CallbackOutcome, u64>,
    /// Callbacks whose end nobody saw: a node took them with it, or they ended in a gap.
    #[serde(default)]
    pub callbacks_lost: u64,
}

impl TierCounts {
    /// Counts a caller whom a rule sent elsewhere.
    pub fn diverted(&mut self, to: &Exit) {
        *entry(&mut self.diverted, to.label()) += 1;
    }
}

impl QueueCounts {
    /// Counts a recording that is over.
    pub fn recording(&mut self, result: &str) {
        *entry(&mut self.recordings, result) += 1;
    }
}

impl Counts {
    /// The counts of a queue's tier.
    pub fn tier(&mut self, queue: &str, tier: &str) -> &mut TierCounts {
        entry(&mut self.queue(queue).tiers, tier)
    }

    /// The counts of a queue.
    pub fn queue(&mut self, queue: &str) -> &mut QueueCounts {
        entry(&mut self.queues, queue)
    }

    /// Counts an answered command. Questions are none.
    pub fn action(&mut self, command: &Command, outcome: &Outcome) {
        let Some(action) = action_label(command) else {
            return;
        };
        let results = entry(&mut self.actions, action);
        *entry(results, result_label(outcome)) += 1;
    }

    /// Counts what an agent said that a call was about. What is beyond the most codes that settings may have is `other`.
    pub fn disposition(&mut self, queue: &str, code: &str) {
        let counts = &mut self.queue(queue).dispositions;
        let room = counts.len() < MOST_CODES || counts.contains_key(code);
        *entry(counts, if room { code } else { "other" }) += 1;
    }

    /// Counts a limit that was reached. A level beyond [`LEVELS`] counts as the last: a label has no values that somebody
    /// else makes up.
    pub fn warning(&mut self, limit: &Limit, level: u8) {
        let levels = entry(&mut self.warnings, limit.label());
        *levels.entry(level.clamp(1, LEVELS)).or_default() += 1;
    }

    /// Counts a gap and the events known to be lost in it. A reason that is none of [`GAPS`] is `other`: a label has
    /// no values that somebody else makes up.
    pub fn gap(&mut self, reason: &str, lost: u64) {
        let reason = GAPS.iter().find(|known| **known == reason).unwrap_or(&"other");
        *entry(&mut self.gaps, reason) += 1;
        self.lost = self.lost.saturating_add(lost);
    }
}

/// The value of a key, zero at first.
fn entry<'a, V: Default>(map: &'a mut BTreeMap<String, V>, key: &str) -> &'a mut V {
    map.entry(key.to_owned()).or_default()
}

/// Why events are missing: a new boot of the node, more of them than it keeps, a snapshot ahead of the story.
pub const GAPS: &[&str] = &[
    "boot",
    "boots",
    "snapshot",
    GapReason::Overflow.label(),
    GapReason::DiskFull.label(),
    GapReason::DiskFailed.label(),
    GapReason::SpoolFull.label(),
    GapReason::TooOld.label(),
    GapReason::Torn.label(),
    GapReason::Damaged.label(),
    GapReason::Acknowledged.label(),
    GapReason::Version.label(),
    "other",
];

/// Codes of dispositions that are counted of a queue: twice as many as settings may have at once.
const MOST_CODES: usize = 1_000;

/// The highest level of a limit.
pub const LEVELS: u8 = 8;

/// All values of [`action_label`].
pub const ACTIONS: &[&str] = &[
    "sign_in",
    "sign_out",
    "set_ready",
    "set_not_ready",
    "force_busy",
    "force_idle",
    "force_sign_out",
    "extend_wrap_up",
    "dispose",
    "set_membership",
    "set_skill",
    "set_door",
    "reprioritise",
    "move_call",
    "withdraw",
    "cancel_callback",
    "sign_in_supervisor",
    "sign_out_supervisor",
    "monitor",
    "stop_monitor",
    "disconnect",
    "hold",
    "retrieve",
    "mute",
    "unmute",
    "record",
    "transfer",
    "ivr",
    "survey",
    "consult",
    "swap",
    "join",
    "hand_over",
    "drop",
    "blacklist_add",
    "blacklist_remove",
    "blacklist_keep",
    "blacklist_import",
    "blacklist_load",
    "reload",
    "config_save",
    "config_forget",
];

/// A command's kind as a label; none for a question, which changes nothing.
pub fn action_label(command: &Command) -> Option<&'static str> {
    Some(match command {
        Command::SignIn { .. } => "sign_in",
        Command::SignOut { .. } => "sign_out",
        Command::SetReady { .. } => "set_ready",
        Command::SetNotReady { .. } => "set_not_ready",
        Command::ForceBusy { .. } => "force_busy",
        Command::ForceIdle { .. } => "force_idle",
        Command::ForceSignOut { .. } => "force_sign_out",
        Command::ExtendWrapUp { .. } => "extend_wrap_up",
        Command::Dispose { .. } => "dispose",
        Command::SetMembership { .. } => "set_membership",
        Command::SetSkill { .. } => "set_skill",
        Command::SetDoor { .. } => "set_door",
        Command::Reprioritise { .. } => "reprioritise",
        Command::MoveCall { .. } => "move_call",
        Command::Withdraw { .. } => "withdraw",
        Command::CancelCallback { .. } => "cancel_callback",
        Command::SignInSupervisor { .. } => "sign_in_supervisor",
        Command::SignOutSupervisor { .. } => "sign_out_supervisor",
        Command::Monitor { .. } => "monitor",
        Command::StopMonitor { .. } => "stop_monitor",
        Command::Disconnect { .. } => "disconnect",
        Command::Hold { .. } => "hold",
        Command::Retrieve { .. } => "retrieve",
        Command::Mute { .. } => "mute",
        Command::Unmute { .. } => "unmute",
        Command::Record { .. } => "record",
        Command::Transfer { .. } => "transfer",
        Command::Ivr { .. } => "ivr",
        Command::Survey { .. } => "survey",
        Command::Consult { .. } => "consult",
        Command::Consultation { step, .. } => step.label(),
        Command::Reload => "reload",
        Command::Blacklist(order) => match order {
            ListOrder::Add { .. } => "blacklist_add",
            ListOrder::Remove { .. } => "blacklist_remove",
            ListOrder::Keep { .. } => "blacklist_keep",
            ListOrder::Import { .. } => "blacklist_import",
            ListOrder::Load => "blacklist_load",
            ListOrder::Check { .. } | ListOrder::List { .. } | ListOrder::Export { .. } => return None,
        },
        Command::ConfigSave { .. } => "config_save",
        Command::ConfigForget { .. } => "config_forget",
        // No events tell of these.
        Command::WhyCall { .. } | Command::WhyNot { .. } | Command::Fairness | Command::ConfigDiff => {
            return None;
        }
    })
}

/// All values of [`result_label`].
pub const RESULTS: &[&str] = &["done", "pending", "refused"];

/// An answer's kind as a label.
pub fn result_label(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done | Outcome::Told { .. } | Outcome::Listed { .. } => "done",
        Outcome::Pending => "pending",
        Outcome::Refused { .. } => "refused",
    }
}

/// All values of [`refused_label`].
pub const REFUSALS: &[&str] = &["unknown_queue", "at_limit"];

/// Why a call was not let in, as a label.
pub fn refused_label(reason: RefusedCall) -> &'static str {
    match reason {
        RefusedCall::UnknownQueue => "unknown_queue",
        RefusedCall::AtLimit => "at_limit",
    }
}
