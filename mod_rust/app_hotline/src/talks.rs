//! Which channels a conversation has, for those who listen to it or end it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use asterisk::{Channel, Room};
use hotline_engine::ids::CallId;
use hotline_engine::input::{Follow, Whom};
use hotline_host::Reporter;

use crate::phones::LegName;

/// All conversations of the queue's callers.
#[derive(Default)]
pub(crate) struct Talks(Mutex<Known>);

#[derive(Default)]
struct Known {
    pairs: HashMap<CallId, Pair>,
    /// The line to whom the agent of a call consults, while a thread has it.
    lines: HashMap<CallId, CallId>,
}

/// The channels' unique ids.
#[derive(Clone)]
struct Pair {
    caller: String,
    /// Whether the caller's channel is one that the PBX takes out of the way.
    local: bool,
    leg: Agents,
    /// The agent consults somebody: the two are not together.
    consults: bool,
    /// A colleague has the caller in the place of who had.
    succeeded: bool,
    /// Another call has the agent's leg from now on.
    given: bool,
    /// Those who listen.
    room: Arc<Room>,
}

/// The agent's side.
#[derive(Clone)]
pub(crate) struct Agents {
    pub(crate) leg: LegName,
    pub(crate) agent: String,
    pub(crate) handset: Handset,
    /// Tells of the call.
    pub(crate) reporter: Reporter,
}

/// A caller whom an agent has handed over to the colleague whom that one has consulted.
pub(crate) struct Succession {
    pub(crate) from: LegName,
    pub(crate) to: LegName,
    /// Tells of the caller's call.
    pub(crate) reporter: Reporter,
}

/// A line to whom an agent consults, known while this lives.
pub(crate) struct LineTo {
    talks: Arc<Talks>,
    call: CallId,
    line: CallId,
}

/// What is known of the agent's phone.
#[derive(Clone, Default)]
pub(crate) struct Handset {
    /// Others are behind the same endpoint of the PBX.
    pub(crate) shared: bool,
    /// Which events it said, as it answered, that it understands; nothing if nobody was to know.
    pub(crate) events: Vec<String>,
}

/// A conversation, known while this lives.
pub(crate) struct Talk {
    talks: Arc<Talks>,
    call: CallId,
}

impl Pair {
    fn leg(&self) -> Option<Channel> {
        Channel::find(&self.leg.leg.id)
    }

    /// The caller's channel. A Local channel that the PBX has taken out of the way is not it any more: it is whoever the agent
    /// talks with then. With any other caller gone, whoever that is is a colleague.
    fn caller(&self) -> Option<Channel> {
        let caller = Channel::find(&self.caller).filter(|caller| !caller.hung_up());
        caller.or_else(|| self.leg().filter(|_| self.local)?.peer())
    }
}

/// What is to be listened to.
pub(crate) struct Target {
    pub(crate) channel: Channel,
    /// Whether it is the agent's channel, rather than the caller's.
    pub(crate) agents_own: bool,
    /// Those who listen to the same conversation.
    pub(crate) room: Arc<Room>,
}

impl Talks {
    /// A conversation begins.
    pub(crate) fn begin(self: &Arc<Talks>, call: CallId, caller: &Channel, leg: Agents) -> Talk {
        let pair = Pair {
            caller: caller.unique_id(),
            local: caller.is_local(),
            leg,
            consults: false,
            succeeded: false,
            given: false,
            room: Arc::default(),
        };
        self.lock().pairs.insert(call, pair);
        Talk {
            talks: Arc::clone(self),
            call,
        }
    }

    /// The channel by which the agent, or the call, is followed; `None` if it is gone.
    pub(crate) fn target(&self, call: CallId, follow: Follow) -> Option<Target> {
        let pair = self.pair(call)?;
        let leg = || {
            let channel = pair.leg()?;
            Some(Target {
                channel,
                agents_own: true,
                room: Arc::clone(&pair.room),
            })
        };
        match follow {
            Follow::Agent => leg(),
            Follow::Call => {
                let caller = pair.caller().map(|channel| Target {
                    channel,
                    agents_own: false,
                    room: Arc::clone(&pair.room),
                });
                caller.or_else(leg)
            }
        }
    }

    /// Caller and agent.
    pub(crate) fn both(&self, call: CallId) -> Option<(Channel, Channel)> {
        let pair = self.pair(call)?;
        Some((pair.caller()?, pair.leg()?))
    }

    /// The agent's phone.
    pub(crate) fn handset(&self, call: CallId) -> Option<Handset> {
        self.pair(call).map(|pair| pair.leg.handset)
    }

    /// Hangs somebody up; false if nobody is there.
    #[must_use]
    pub(crate) fn hang_up(&self, call: CallId, whom: Whom) -> bool {
        let Some(pair) = self.pair(call) else {
            return false;
        };
        let (caller, leg) = (pair.caller(), pair.leg());
        let channels = match whom {
            Whom::Caller => [caller, None],
            Whom::Agent => [None, leg],
            // An agent who consults somebody leaves first: the PBX, busy with the end of the caller, may pass over who is asked to
            // leave meanwhile.
            Whom::Both => [leg, caller],
        };
        let mut there = false;
        for channel in channels.into_iter().flatten() {
            channel.ask_to_hang_up();
            there = true;
        }
        there
    }

    /// Puts the caller on hold with music, while the agent hears nothing; or brings the two together again. False if they are not in
    /// one conversation.
    #[must_use]
    pub(crate) fn hold(&self, call: CallId, on: bool) -> bool {
        let Some(pair) = self.pair(call) else {
            return false;
        };
        let Some(leg) = pair.leg() else {
            return false;
        };
        // Whatever became of the caller, the agent is not left without hearing.
        if !on && !leg.deafen(false) {
            return false;
        }
        // Of an agent who talks with somebody else the PBX holds the caller already.
        if pair.caller().and_then(|caller| leg.seat_with(&caller)).is_none() {
            return false;
        }
        (!on || leg.deafen(true)) && leg.hold_others(on)
    }

    /// Brings the caller back from the dialplan, if away there: the agent may be gone.
    pub(crate) fn bring_back(&self, call: CallId) {
        if let Some(caller) = self.pair(call).and_then(|pair| pair.caller()) {
            caller.call_back_from_trip();
        }
    }

    /// Lets the caller hear nothing of the agent, or again. False if the agent is gone.
    #[must_use]
    pub(crate) fn mute(&self, call: CallId, on: bool) -> bool {
        self.pair(call)
            .and_then(|pair| pair.leg())
            .is_some_and(|leg| leg.mute(on))
    }

    /// Whether the caller's channel is one that the PBX takes out of the way.
    pub(crate) fn is_local(&self, call: CallId) -> bool {
        self.pair(call).is_some_and(|pair| pair.local)
    }

    /// The agent consults somebody from now on, or no longer.
    pub(crate) fn set_consults(&self, call: CallId, on: bool) {
        if let Some(pair) = self.lock().pairs.get_mut(&call) {
            pair.consults = on;
        }
    }

    /// Whether the agent consults somebody.
    pub(crate) fn consults(&self, call: CallId) -> bool {
        self.pair(call).is_some_and(|pair| pair.consults)
    }

    /// The line to whom the agent of a call consults has a thread.
    pub(crate) fn line_to(self: &Arc<Talks>, call: CallId, line: CallId) -> LineTo {
        self.lock().lines.insert(call, line);
        LineTo {
            talks: Arc::clone(self),
            call,
            line,
        }
    }

    /// The agent whom the agent of a call has consulted and who has answered.
    pub(crate) fn colleague(&self, call: CallId) -> Option<Agents> {
        let known = self.lock();
        let line = known.lines.get(&call)?;
        known.pairs.get(line).map(|pair| pair.leg.clone())
    }

    /// That colleague has the caller from now on.
    pub(crate) fn succeed(&self, call: CallId) -> Option<Succession> {
        let mut known = self.lock();
        let line = *known.lines.get(&call)?;
        if !known.pairs.contains_key(&call) {
            return None;
        }
        let colleague = known.pairs.get_mut(&line)?;
        colleague.given = true;
        let Agents {
            leg, agent, handset, ..
        } = colleague.leg.clone();
        let pair = known.pairs.get_mut(&call)?;
        let from = std::mem::replace(&mut pair.leg.leg, leg.clone());
        (pair.leg.agent, pair.leg.handset, pair.succeeded) = (agent, handset, true);
        Some(Succession {
            from,
            to: leg,
            reporter: pair.leg.reporter.clone(),
        })
    }

    /// The leg of the colleague who has got the caller, if one has.
    pub(crate) fn successor(&self, call: CallId) -> Option<LegName> {
        let pair = self.pair(call)?;
        pair.succeeded.then_some(pair.leg.leg)
    }

    /// The agent's leg.
    pub(crate) fn leg_name(&self, call: CallId) -> Option<LegName> {
        self.pair(call).map(|pair| pair.leg.leg)
    }

    /// Whether another call has the agent's leg now.
    pub(crate) fn is_given(&self, call: CallId) -> bool {
        self.pair(call).is_some_and(|pair| pair.given)
    }

    fn pair(&self, call: CallId) -> Option<Pair> {
        self.lock().pairs.get(&call).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Each change is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        self.talks.lock().pairs.remove(&self.call);
    }
}

impl Drop for LineTo {
    fn drop(&mut self) {
        let mut known = self.talks.lock();
        // The agent may consult somebody else by now.
        if known.lines.get(&self.call) == Some(&self.line) {
            known.lines.remove(&self.call);
        }
    }
}
