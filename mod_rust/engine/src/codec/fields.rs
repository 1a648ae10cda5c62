//! Every field and variant that has a binary form, in its order. A new one that is missing here does not compile.

use super::{Bytes, Code, DecodeError};
use crate::config::{Agent, Config, Limits, Membership, Misses, Queue, Strategy, Tier};
use crate::ids::{AgentId, CallId, CommandId, OfferId};
use crate::input::{Caller, Command, Departure, Input, OfferFailure, Party, PhoneState};
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
    ($type:ident { $($tag:literal => $variant:ident { $($field:ident),* }),* $(,)? }) => {
        impl Code for $type {
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $($type::$variant { $($field),* } => {
                        out.push($tag);
                        $($field.put(out);)*
                    })*
                }
            }

            #[deny(unreachable_patterns, reason = "a tag stands for one variant")]
            fn take(from: &mut Bytes<'_>) -> Result<Self, DecodeError> {
                match from.byte()? {
                    $($tag => Ok($type::$variant { $($field: Code::take(from)?),* }),)*
                    tag => Err(DecodeError::UnknownTag { of: stringify!($type), tag }),
                }
            }
        }
    };
}

pub(super) use record;

number!(Time, Span, CallId, OfferId, AgentId, CommandId);

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
});

record!(Caller {
    number,
    tier,
    priority
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
});

record!(Config {
    tiers,
    queues,
    agents,
    misses,
    limits
});

record!(Tier { name, handicap });

record!(Queue {
    name,
    strategy,
    handicap,
    max_waiting,
    max_wait,
    needs_agents,
    ring_time,
    wrap_up,
    service_target,
    ring_all_max,
    music,
    music_after,
});

choice!(Strategy {
    0 => LongestIdle {},
    1 => RingAll {},
});

record!(Agent {
    number,
    name,
    phone,
    queues,
    always_signed_in
});

record!(Membership { queue, level });

record!(Misses {
    no_answer,
    rejected,
    busy,
    unreachable,
    not_ready_after
});

record!(Limits { calls });
