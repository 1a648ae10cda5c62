//! Events as the world outside a node sees them: names instead of table places, durations in microseconds.

mod values;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::blacklist::{ListChange, ListEntry, ListSource, ScreenAction};
use crate::command::{Command, Destination, Outcome};
use crate::label::usual;
use crate::snapshot::{
    AgentInfo, AgentState, Attached, DispositionInfo, MonitorInfo, QueueInfo, SupervisorInfo,
};

pub use values::{
    CallOutcome, CallbackOutcome, ConsultEnd, ConsultState, Cut, Estimate, Exit, Follow, IvrOutcome, Limit,
    MonitorMode, MonitorOutcome, OfferResult, Operation, Party, RecordOrder, RecordingFailure, RefusedCall,
    RetrieveFailure, RetrieveResult, TalkState, Whom,
};

/// Something that happened.
///
/// A call that goes from one queue to another finishes its visit to the first and joins the second under the same
/// reference.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// A caller joined a queue and waits. Every offered call begins with this, also one that leaves at once.
    CallJoined {
        /// Call reference: `NODE-BOOT-NUMBER`.
        call: String,
        /// Queue name.
        queue: String,
        /// Tier name.
        tier: String,
        /// Caller number; empty if withheld.
        number: String,
        /// Callers waiting in the queue, this one included.
        waiting: u32,
        /// The place in the order of service; 1 is next. 0 if turned away.
        #[serde(default)]
        position: u32,
        /// The wait to expect, if there is anything to go by.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        predicted: Option<Estimate>,
        /// Why the caller is suspicious; empty if not.
        #[serde(default, skip_serializing_if = "usual")]
        flag: String,
        /// What the dialplan found out before.
        #[serde(default, skip_serializing_if = "usual")]
        attached: Attached,
        /// The callback that this is the answer to, or that the caller did not wait for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        callback: Option<String>,
    },
    /// A rule of the queue did something to a waiting caller, other than sending the caller away.
    RuleApplied {
        /// Call reference.
        call: String,
        /// Queue name.
        queue: String,
        /// Which rule, from 1.
        rule: u32,
        /// What was done.
        operation: Operation,
    },
    /// A waiting caller chose from a menu.
    KeyPressed {
        /// Call reference.
        call: String,
        /// Queue name.
        queue: String,
        /// The key.
        key: char,
    },
    /// A waiting call was made worth more or less.
    CallReprioritised {
        /// Call reference.
        call: String,
        /// Queue name.
        queue: String,
        /// Seconds on top of its tier.
        priority: u32,
        /// The same until now; absent in events of older nodes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<u32>,
        /// The place in the order of service now.
        position: u32,
    },
    /// A caller asked for a queue that does not exist, or the node was at its ceiling of calls.
    CallRefused {
        /// Call reference.
        call: String,
        /// The name asked for.
        queue: String,
        /// Why.
        reason: RefusedCall,
    },
    /// An agent is being rung for a call.
    OfferMade {
        /// The attempt; unique within the boot.
        offer: u64,
        /// Call reference.
        call: String,
        /// Agent number.
        agent: String,
        /// Name of the queue by which the agent may take the call: the call's own, or one that a rule added.
        queue: String,
        /// From the moment that both a caller waited and this agent was free; microseconds.
        dispatch: u64,
    },
    /// The phone rings.
    OfferRinging {
        /// The attempt.
        offer: u64,
    },
    /// An attempt is over.
    OfferEnded {
        /// The attempt.
        offer: u64,
        /// Call reference.
        call: String,
        /// Agent number.
        agent: String,
        /// Queue name, as when the offer was made.
        queue: String,
        /// How.
        result: OfferResult,
        /// Since the offer was made; microseconds.
        ring: u64,
    },
    /// Caller and agent talk.
    CallConnected {
        /// Call reference.
        call: String,
        /// Agent number.
        agent: String,
        /// Queue name.
        queue: String,
        /// Tier name.
        tier: String,
        /// From joining this queue until connected, ring time included; microseconds.
        wait: u64,
    },
    /// The conversation went on in another way.
    TalkChanged {
        /// Call reference.
        call: String,
        /// Agent number.
        agent: String,
        /// Queue name.
        queue: String,
        /// How it went until now.
        from: TalkState,
        /// How it goes on.
        to: TalkState,
        /// How long it went like that; microseconds.
        lasted: u64,
    },
    /// The caller hears nothing of the agent from now on, or again. With the conversation it is over without a word.
    MuteChanged {
        /// Call reference.
        call: String,
        /// Agent number.
        agent: String,
        /// Queue name.
        queue: String,
        /// Whether the agent is mute now.
        muted: bool,
    },
    /// A consultation goes on in another way. It is part of its call, and no call of its own: offers of it name that call.
    ConsultChanged {
        /// Call reference.
        call: String,
        /// Agent number of who consults.
        agent: String,
        /// Queue name.
        queue: String,
        /// Whom, as asked for.
        to: Destination,
        /// Agent number of who was reached, once an agent was.
        #[serde(default, skip_serializing_if = "usual")]
        colleague: String,
        /// How it goes on.
        state: ConsultState,
        /// Why it is over, if it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        end: Option<ConsultEnd>,
    },
    /// A conversation is recorded from now on. Of every recording that started, `recording_finished` or `recording_failed` follows,
    /// perhaps after the call's end.
    RecordingStarted {
        /// Number of the recording, in this boot of the node.
        recording: u64,
        /// Call reference.
        call: String,
        /// Agent number.
        agent: String,
        /// Queue name.
        queue: String,
        /// Its files within the folder of recordings, without what follows: `-caller` or `-agent`, and the format.
        file: String,
        /// Who asked for it; empty if a rule of the queue did.
        #[serde(default, skip_serializing_if = "usual")]
        author: String,
    },
    /// Nothing of the conversation is recorded until it goes on: the files are silent meanwhile.
    RecordingPaused {
        /// Number of the recording, in this boot of the node.
        recording: u64,
        /// Call reference.
        call: String,
        /// Agent number.
        agent: String,
        /// Queue name.
        queue: String,
        /// Who asked for it.
        #[serde(default, skip_serializing_if = "usual")]
        author: String,
    },
    /// The recording goes on.
    RecordingResumed {
        /// Number of the recording, in this boot of the node.
        recording: u64,
        /// Call reference.
        call: String,
        /// Agent number.
        agent: String,
        /// Queue name.
        queue: String,
        /// Who asked for it.
        #[serde(default, skip_serializing_if = "usual")]
        author: String,
        /// How long nothing was recorded; microseconds.
        lasted: u64,
    },
    /// A recording is over, and its files are closed.
    RecordingFinished {
        /// Number of the recording, in this boot of the node.
        recording: u64,
        /// Call reference.
        call: String,
        /// Agent number.
        agent: String,
        /// Queue name.
        queue: String,
        /// Its files, as at the start.
        file: String,
        /// From its start to its end, pauses included; microseconds.
        lasted: u64,
        /// Of which nothing was recorded; microseconds.
        paused: u64,
        /// Size of its files.
        bytes: u64,
    },
    /// A conversation is not recorded though it should be, or not whole. It goes on.
    RecordingFailed {
        /// Number of the recording, in this boot of the node.
        recording: u64,
        /// Call reference.
        call: String,
        /// Agent number.
        agent: String,
        /// Queue name.
        queue: String,
        /// Its files, as at the start; empty if it never started.
        #[serde(default, skip_serializing_if = "usual")]
        file: String,
        /// Why.
        reason: RecordingFailure,
        /// From its start to its end; microseconds, 0 if it never started.
        lasted: u64,
        /// Size of what there is.
        bytes: u64,
    },
    /// An agent's caller goes on elsewhere by command: `call_finished` follows, and `call_joined` if that is a queue.
    CallTransferred {
        /// Call reference.
        call: String,
        /// Agent number of who had it.
        agent: String,
        /// Queue name.
        queue: String,
        /// Where to, as asked for.
        to: Destination,
        /// Why.
        #[serde(default, skip_serializing_if = "usual")]
        reason: String,
        /// Who asked for it.
        author: String,
    },
    /// A caller is away in the dialplan, and comes back to the agent.
    IvrStarted {
        /// Call reference.
        call: String,
        /// Agent number of who is reserved meanwhile.
        agent: String,
        /// Queue name.
        queue: String,
        /// A name of the node's settings, or a place of the dialplan.
        ivr: String,
        /// Who asked for it.
        author: String,
    },
    /// A caller is away for the agent no more.
    IvrEnded {
        /// Call reference.
        call: String,
        /// Agent number.
        agent: String,
        /// Queue name.
        queue: String,
        /// As in `ivr_started`.
        ivr: String,
        /// How it ended.
        outcome: IvrOutcome,
        /// What the dialplan made of it; only if the caller returned with a result.
        #[serde(default, skip_serializing_if = "usual")]
        result: String,
        /// Since the caller went; microseconds. Part of the conversation.
        lasted: u64,
    },
    /// The agent's side is over, and the caller goes to be asked what it was like; `call_finished` follows.
    SurveyOffered {
        /// Call reference.
        call: String,
        /// Agent number of whom it is about.
        agent: String,
        /// Queue name.
        queue: String,
        /// Who asked for it; absent if the settings did.
        #[serde(default, skip_serializing_if = "usual")]
        author: String,
    },
    /// A caller said what it was like.
    SurveyAnswered {
        /// Call reference.
        call: String,
        /// Agent number of whom it is about.
        agent: String,
        /// Queue name.
        queue: String,
        /// From 1; the more, the better.
        score: u8,
        /// What could be answered at most.
        highest: u8,
    },
    /// A caller who was to be asked did not answer.
    SurveyUnanswered {
        /// Call reference.
        call: String,
        /// Agent number of whom it is about.
        agent: String,
        /// Queue name.
        queue: String,
    },
    /// A call's visit to a queue is over.
    CallFinished {
        /// Call reference.
        call: String,
        /// Queue name.
        queue: String,
        /// Tier name.
        tier: String,
        /// How it ended.
        outcome: CallOutcome,
        /// Agent number of who had it last; absent if never connected.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<String>,
        /// From joining this queue until connected or gone; microseconds.
        wait: u64,
        /// Conversation, holds included; microseconds.
        talk: u64,
        /// Of which on hold, consulting included; microseconds.
        #[serde(default, skip_serializing_if = "usual")]
        hold: u64,
        /// Who ended it.
        by: Party,
        /// Where the caller went.
        #[serde(default, skip_serializing_if = "usual")]
        to: Exit,
    },
    /// An agent said what a call was about, or thought better of it.
    DispositionSet {
        /// Call reference.
        call: String,
        /// Agent number.
        agent: String,
        /// Queue name.
        queue: String,
        /// Which disposition.
        code: String,
        /// It stands for a complaint.
        #[serde(default, skip_serializing_if = "usual")]
        complaint: bool,
        /// It stands for a caller who has what was called for.
        #[serde(default, skip_serializing_if = "usual")]
        resolved: bool,
        /// It stands for a caller who is to be called again.
        #[serde(default, skip_serializing_if = "usual")]
        follow_up: bool,
        /// In the agent's own words.
        #[serde(default, skip_serializing_if = "usual")]
        note: String,
        /// The code that it takes the place of; absent if it is the agent's first word on that conversation.
        #[serde(default, skip_serializing_if = "usual")]
        before: String,
        /// Who asked for it.
        author: String,
    },
    /// A caller left and is owed a call.
    CallbackPlaced {
        /// Reference of the call it came from, which is its own from now on.
        callback: String,
        /// Queue name.
        queue: String,
        /// Tier name.
        tier: String,
        /// Caller number.
        number: String,
        /// The place in the order of service; 1 is next.
        position: u32,
    },
    /// A call that was owed before the node began is owed still.
    CallbackRestored {
        /// Callback reference from now on.
        callback: String,
        /// Callback reference before.
        before: String,
        /// Queue name.
        queue: String,
        /// Tier name.
        tier: String,
        /// Caller number.
        number: String,
        /// The place in the order of service; 1 is next.
        position: u32,
        /// When it was placed; microseconds since the Unix epoch.
        placed: u64,
        /// Attempts made.
        attempts: u32,
    },
    /// Somebody is being called back.
    CallbackDialled {
        /// Callback reference.
        callback: String,
        /// Queue name.
        queue: String,
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// An attempt to call back came to nothing; another follows unless the callback ends.
    CallbackMissed {
        /// Callback reference.
        callback: String,
        /// Queue name.
        queue: String,
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// A callback is over.
    CallbackEnded {
        /// Callback reference.
        callback: String,
        /// Queue name.
        queue: String,
        /// Tier name.
        tier: String,
        /// How.
        outcome: CallbackOutcome,
        /// Reference of the call in which it was resumed or redialled.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<String>,
        /// Since it was placed; microseconds.
        after: u64,
    },
    /// Something lasts longer than a limit allows; again for each level, and each interval.
    LimitReached {
        /// What.
        limit: Limit,
        /// Which level, from 1.
        level: u8,
        /// How long it has lasted; microseconds.
        lasted: u64,
    },
    /// What lasted longer than a limit allows is over.
    LimitCleared {
        /// What.
        limit: Limit,
        /// The level that it had reached.
        level: u8,
        /// How long it lasted in all; microseconds.
        lasted: u64,
    },
    /// A caller on hold is to be retrieved, or was.
    Retrieve {
        /// Call reference.
        call: String,
        /// Who holds: agent number.
        agent: String,
        /// Queue name.
        queue: String,
        /// How far it is.
        result: RetrieveResult,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<RetrieveFailure>,
    },
    /// A supervisor signed in or out.
    SupervisorChanged {
        /// The supervisor now.
        supervisor: SupervisorInfo,
    },
    /// A supervisor began to listen.
    MonitorStarted {
        /// How.
        monitor: MonitorInfo,
        /// Who asked for it.
        author: String,
    },
    /// A supervisor listens in another way, or to another call.
    MonitorChanged {
        /// How now.
        monitor: MonitorInfo,
        /// In which mode until now.
        from: MonitorMode,
        /// Who asked for it; absent if it came by itself.
        #[serde(default, skip_serializing_if = "usual")]
        author: String,
    },
    /// A supervisor who listened does so no more.
    MonitorEnded {
        /// How it was last.
        monitor: MonitorInfo,
        /// How it ended.
        outcome: MonitorOutcome,
        /// Since it began; microseconds.
        lasted: u64,
        /// Who asked for it; absent if it came by itself.
        #[serde(default, skip_serializing_if = "usual")]
        author: String,
    },
    /// A supervisor ended a conversation; `CallFinished` by a supervisor follows. A take-over that is told of after the agent's phone was
    /// gone comes behind `CallFinished`, which then was by the agent.
    TalkCut {
        /// Call reference.
        call: String,
        /// Agent number.
        agent: String,
        /// Queue name.
        queue: String,
        /// How.
        how: Cut,
        /// Who asked for it.
        author: String,
    },
    /// A queue was opened or closed, other than by settings.
    QueueChanged {
        /// The queue now.
        queue: QueueInfo,
    },
    /// An agent changed.
    AgentChanged {
        /// The published state before; equal to the new one where only a detail changed.
        from: AgentState,
        /// The agent now; shared by all who keep it, since it has the longest lines.
        agent: Arc<AgentInfo>,
    },
    /// A command was answered.
    CommandAnswered {
        /// Who asked.
        author: String,
        /// What was asked.
        command: Command,
        /// How it went.
        #[serde(flatten)]
        outcome: Outcome,
    },
    /// The settings changed: all queues and agents there are now.
    ConfigApplied {
        /// Who asked; `boot` for the first.
        author: String,
        /// Queues now.
        queues: Vec<QueueInfo>,
        /// Agents now.
        agents: Vec<AgentInfo>,
        /// Tier names.
        tiers: Vec<String>,
        /// What calls can have been about.
        #[serde(default, skip_serializing_if = "usual")]
        dispositions: Vec<DispositionInfo>,
    },
    /// A caller was on the blacklist, and not let through without a word. Who is blocked joins no queue.
    CallScreened {
        /// Call reference, for this look only: a flagged caller joins under another.
        call: String,
        /// Queue asked for; empty if none was yet.
        queue: String,
        /// Tier name.
        tier: String,
        /// Caller number as presented; empty if withheld.
        number: String,
        /// What happened.
        action: ScreenAction,
        /// The cause of release, or the place of the dialplan; empty for other actions.
        #[serde(default, skip_serializing_if = "usual")]
        detail: String,
        /// Whom the entry is about; `anonymous` or `malformed` for the rules about those.
        entry: String,
        /// Why it is there.
        reason: String,
        /// Who added it.
        author: String,
    },
    /// An entry of the blacklist changed.
    BlacklistChanged {
        /// Who did it: the asker, `auto:RULE`, or `expiry`.
        author: String,
        /// How.
        change: ListChange,
        /// Why it was removed; otherwise the entry's own reason counts.
        #[serde(default, skip_serializing_if = "usual")]
        reason: String,
        /// The entry before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Box<ListEntry>>,
        /// The entry now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Box<ListEntry>>,
        /// Entries of the list now.
        entries: u64,
    },
    /// Many entries of the blacklist changed at once.
    BlacklistReplaced {
        /// Who asked; `boot` or `reload` for what the settings name.
        author: String,
        /// How.
        source: ListSource,
        /// From which file.
        file: String,
        /// Entries in it that were taken.
        taken: u64,
        /// Bad lines that were left out.
        #[serde(default, skip_serializing_if = "usual")]
        bad: u64,
        /// Entries of the list now.
        entries: u64,
    },
    /// The node met what must not happen, and carried on: a defect, to be logged loudly and reported.
    Fault {
        /// What was met.
        what: String,
    },
}
