//! Every field and variant that has a binary form, in its order. A new one that is missing here does not compile.

use super::{Bytes, Code, DecodeError};
use crate::config::{
    Agent, Answering, Band, CallbackSettings, Choice, Comfort, Config, Disposition, Door, Exit, Exits,
    Greeting, HoldCare, Intro, Ivr, Key, Limits, Membership, Menu, Misses, NeedsAgents, Operation, Prompt,
    Queue, Reason, Recording, RecordingMode, Retrieve, Right, Rule, Steps, Strategy, Supervision, Supervisor,
    Survey, Tier, TierLimits, Tone, Warnings, Way, WrapUp,
};
use crate::event::{RecordingFailure, RetrieveFailure};
use crate::ids::{AgentId, CallId, CommandId, MonitorId, OfferId, RecordingId};
use crate::input::{
    Act, Arrangement, Attached, Caller, Command, ConsultFact, ConsultStep, Deed, Departure, Destination,
    Follow, Input, MonitorFact, MonitorMode, OfferFailure, Order, Party, PhoneState, RecordOrder,
    RecordingFact, Return, Score, TalkState, ToIvr, Whom,
};
use crate::screening::{EntryChange, ListChange, ListEntry, ScreenAction, Screening};
use crate::standing::Owed;
use crate::time::{Span, Time};

macro_rules! number {
    ($($type:ident),*) => {$(
        impl Code for $type {
            fn put(&self, out: &mut Vec<u8>) {
                self.0.put(out);
            }

            fn take(from: &mut Bytes<'_>) -> Result<Self, DecodeError> {
                Ok($type(Code::take(from)?))
            }
        }
    )*};
}

macro_rules! record {
    ($type:ident { $($field:ident),* $(,)? }) => {
        impl Code for $type {
            fn put(&self, out: &mut Vec<u8>) {
                let $type { $($field),* } = self;
                $($field.put(out);)*
            }

            fn take(from: &mut Bytes<'_>) -> Result<Self, DecodeError> {
                Ok($type { $($field: Code::take(from)?),* })
            }
        }
    };
}

macro_rules! choice {
    ($type:ident {
        $($tag:literal => $variant:ident $({ $($field:ident),* })? $(( $($part:ident),* ))?),* $(,)?
    }) => {
        impl Code for $type {
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $($type::$variant $({ $($field),* })? $(( $($part),* ))? => {
                        out.push($tag);
                        $($($field.put(out);)*)?
                        $($($part.put(out);)*)?
                    })*
                }
            }

            #[deny(unreachable_patterns, reason = "a tag stands for one variant")]
            fn take(from: &mut Bytes<'_>) -> Result<Self, DecodeError> {
                match from.byte()? {
                    $($tag => Ok($type::$variant
                        $({ $($field: Code::take(from)?),* })?
                        $(( $({ let $part = Code::take(from)?; $part }),* ))?
                    ),)*
                    tag => Err(DecodeError::UnknownTag { of: stringify!($type), tag }),
                }
            }
        }
    };
}

pub(super) use record;

number!(
    Time,
    Span,
    CallId,
    OfferId,
    AgentId,
    CommandId,
    MonitorId,
    RecordingId
);

record!(Owed {
    queue,
    caller,
    arrived,
    raised,
    worth,
    placed,
    expires,
    attempts,
    retry_at
});

choice!(Input {
    0 => Join { call, queue, caller },
    1 => CallerGone { call, how },
    2 => Ringing { offer },
    3 => Answered { offer },
    4 => OfferFailed { offer, cause },
    5 => Connected { call },
    6 => Ended { call, by, phone },
    7 => Phone { agent, state },
    8 => Command { id, author, command },
    9 => Reload { id, author, config },
    10 => Tick {},
    11 => Digit { call, key },
    12 => Talk { call, state },
    13 => CallbackFailed { callback },
    14 => Screened { call, screening },
    15 => ListChanged { change },
    16 => HandedOver { call },
    17 => Monitor { monitor, fact },
    18 => Owed { id, callback, before, owed },
    19 => DisconnectSettled { call, whom, done },
    20 => RetrieveFailed { call, why },
    21 => Deed { deed },
    22 => Held { call, on },
    23 => Muted { call, on },
    24 => NotDone { call, what },
    25 => WentAway { call },
    26 => CameBack { call, how },
    27 => Surveyed { call, score },
    28 => JoinConsult { line, call },
    29 => Consult { call, fact },
    30 => Recording { recording, fact },
});

record!(Deed {
    author,
    what,
    refused
});

choice!(Act {
    0 => Reload {},
    1 => SaveConfig { file },
    2 => ForgetStanding { about },
});

choice!(RetrieveFailure {
    0 => Ignored {},
    1 => NoSipPhone {},
    2 => NotSent {},
    3 => Consulting {},
    4 => NotAnnounced {},
});

choice!(MonitorFact {
    0 => Up {},
    1 => Key(key),
    2 => Lost(call),
    3 => TookOver(call),
    4 => Gone {},
    5 => NoPlace(call),
});

choice!(MonitorMode {
    0 => Listen {},
    1 => Whisper {},
    2 => Barge {},
    3 => TakeOver {},
});

choice!(Follow {
    0 => Agent {},
    1 => Call {},
});

choice!(Whom {
    0 => Caller {},
    1 => Agent {},
    2 => Both {},
});

record!(Caller {
    number,
    tier,
    priority,
    skills,
    agent,
    flag,
    attached,
    callback
});

record!(Attached { data, path });

record!(Screening {
    queue,
    tier,
    number,
    action,
    detail,
    entry,
    reason,
    author
});

choice!(ScreenAction {
    0 => Flag {},
    1 => Divert {},
    2 => Busy {},
    3 => Release {},
    4 => Tarpit {},
});

record!(ListEntry {
    number,
    action,
    reason,
    author,
    from,
    until,
    tiers,
    queues,
    added
});

choice!(ListChange {
    0 => Entry { author, how, reason, before, after, entries },
    1 => Whole { author, index, file, taken, bad, entries },
});

choice!(EntryChange {
    0 => Added {},
    1 => Removed {},
    2 => Expired {},
    3 => Automatic {},
});

choice!(TalkState {
    0 => Talking {},
    1 => OnHold {},
    2 => Consulting {},
    3 => Conferencing {},
    4 => Away {},
});

choice!(Departure {
    0 => HungUp {},
    1 => Taken {},
});

choice!(OfferFailure {
    0 => Rejected {},
    1 => Busy {},
    2 => NoAnswer {},
    3 => Unreachable {},
});

choice!(Party {
    0 => Caller {},
    1 => Agent {},
    2 => System {},
    3 => Supervisor {},
});

choice!(PhoneState {
    0 => Available {},
    1 => Busy {},
    2 => Unreachable {},
});

choice!(Command {
    0 => SignIn { agent, phone, from_there },
    1 => SignOut { agent },
    2 => SetReady { agent },
    3 => SetNotReady { agent, reason },
    4 => ForceBusy { agent, reason, lasting },
    5 => ForceIdle { agent },
    6 => ForceSignOut { agent, reason },
    7 => ExtendWrapUp { agent, by },
    8 => SetMembership { agent, queue, place },
    9 => SetSkill { agent, skill, has },
    10 => SetDoor { queue, door },
    11 => Reprioritise { call, priority },
    12 => MoveCall { call, queue },
    13 => Withdraw { call, place },
    14 => CancelCallback { callback },
    15 => SignInSupervisor { supervisor, phone },
    16 => SignOutSupervisor { supervisor },
    17 => Monitor { monitor, supervisor, from, agent, mode, follow },
    18 => StopMonitor { supervisor },
    19 => Disconnect { agent, whom, from },
    20 => Hold { agent, on },
    21 => Mute { agent, on },
    22 => Transfer { agent, to, reason },
    27 => Dispose { agent, code, note },
    23 => Ivr { agent, to, timeout },
    24 => Survey { agent },
    25 => Consult { agent, with },
    26 => Consultation { agent, step },
    30 => Record { agent, order },
});

choice!(Destination {
    0 => Queue { queue, tier, priority },
    1 => Agent { agent },
    2 => Place { place },
});

choice!(ToIvr {
    0 => Named { name },
    1 => Place { place },
});

choice!(Return {
    0 => With(result),
    1 => RanOut {},
    2 => TimedOut {},
});

record!(Score { score, highest });

choice!(ConsultFact {
    0 => Begun {},
    1 => Answered {},
    2 => Arranged(how),
    3 => NotDone(how),
    4 => Gone(cause),
});

choice!(Arrangement {
    0 => Apart {},
    1 => WithCaller {},
    2 => Together {},
    3 => HandedOver {},
    4 => Alone {},
    5 => Parted {},
});

choice!(ConsultStep {
    0 => Swap {},
    1 => Join {},
    2 => HandOver { reason },
    3 => Drop {},
});

choice!(RecordOrder {
    0 => Start {},
    1 => Stop {},
    2 => Pause {},
    3 => Resume {},
});

choice!(RecordingFact {
    0 => Started { file },
    1 => Paused {},
    2 => Resumed {},
    3 => Finished { bytes },
    4 => Failed { why, bytes },
});

choice!(RecordingFailure {
    0 => Folder {},
    1 => DiskFull {},
    2 => Recorder {},
    3 => TooLate {},
    4 => Incomplete {},
});

choice!(Order {
    0 => Hold {},
    1 => Mute {},
    2 => Ivr {},
});

record!(Config {
    tiers,
    queues,
    agents,
    supervisors,
    supervision,
    menus,
    reasons,
    dispositions,
    ivrs,
    misses,
    limits
});

record!(Tier {
    name,
    handicap,
    spoken
});

record!(Queue {
    name,
    strategy,
    handicap,
    max_waiting,
    max_wait,
    tiers,
    needs_agents,
    door,
    exits,
    ring_time,
    wrap_up,
    wrap_up_max,
    needs_disposition,
    service_target,
    ring_all_max,
    music,
    music_after,
    skills,
    level,
    sticky,
    transfer_wait,
    rules,
    callback,
    handle_time,
    warn,
    hold,
    survey,
    spoken,
    greeting,
    recording,
});

record!(Recording { mode, percent });

choice!(RecordingMode {
    0 => Never {},
    1 => OnDemand {},
    2 => Always {},
});

record!(TierLimits {
    tier,
    max_waiting,
    max_wait
});

choice!(NeedsAgents {
    0 => None {},
    1 => SignedIn {},
    2 => AtWork {},
});

choice!(Door {
    0 => Open {},
    1 => Closed {},
    2 => Emergency {},
});

record!(Exits {
    full,
    timeout,
    no_agents,
    closed,
    emergency
});

record!(Way { to, say });

choice!(Exit {
    0 => Onward {},
    1 => Place(place),
    2 => Queue(queue),
    3 => Busy {},
    4 => Callback {},
});

choice!(Prompt {
    0 => File(file),
    1 => Position {},
    2 => Wait {},
    3 => RetryIn {},
});

record!(CallbackSettings {
    max,
    dial,
    ahead,
    attempts,
    retry_after,
    ring_time,
    expires
});

record!(Rule {
    after,
    every,
    tiers,
    predicted_wait,
    waiting,
    then
});

record!(Band { over, until });

choice!(Operation {
    0 => AcceptLevel(level),
    1 => DropSkill(skill),
    2 => AddQueue(queue),
    3 => Raise(span),
    4 => Say(say),
    5 => Menu(menu),
    6 => Divert(way),
});

record!(Menu {
    name,
    say,
    lasting,
    keys
});

record!(Key { key, choice });

choice!(Choice {
    0 => Wait { say },
    1 => Leave(way),
});

record!(Warnings {
    wait,
    ring,
    talk,
    hold,
    wrap_up
});

record!(Steps { at, every });

record!(HoldCare { comfort, retrieve });

record!(Greeting { caller, agent });

choice!(Intro {
    0 => File(file),
    1 => Agent {},
    2 => Queue {},
    3 => Tier {},
});

record!(Comfort { after, every, say });

record!(Retrieve {
    after,
    event,
    unannounced,
    patience
});

record!(Reason { name, warn });

record!(Disposition {
    code,
    zh,
    en,
    complaint,
    resolved,
    follow_up,
    queues
});

record!(Ivr { name, place, timeout });

record!(Survey {
    place,
    share,
    min_talk
});

choice!(WrapUp {
    0 => Timed(span),
    1 => Manual {},
});

choice!(Strategy {
    0 => LongestIdle {},
    1 => RingAll {},
    2 => RoundRobin {},
    3 => FewestCalls {},
    4 => LeastTalkTime {},
    5 => Random {},
    6 => Linear {},
    7 => WeightedRandom {},
    8 => SkillLevel {},
});

record!(Agent {
    number,
    name,
    phone,
    queues,
    skills,
    always_signed_in,
    answering
});

choice!(Answering {
    0 => Manual {},
    1 => Automatic {},
});

record!(Membership { queue, level, weight });

record!(Supervisor {
    number,
    name,
    phones,
    may
});

choice!(Right {
    0 => Listen {},
    1 => Whisper {},
    2 => Barge {},
    3 => TakeOver {},
    4 => Disconnect {},
});

record!(Supervision {
    max_monitors,
    ring_time,
    answering,
    tone
});

record!(Tone { hertz, lasting });

record!(Misses {
    no_answer,
    rejected,
    busy,
    unreachable,
    not_ready_after
});

record!(Limits {
    calls,
    remembered,
    decisions
});
