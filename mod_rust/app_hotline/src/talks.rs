//! Which channels a conversation has, for those who listen to it or end it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use asterisk::{Channel, Room};
use hotline_engine::ids::CallId;
use hotline_engine::input::{Follow, Whom};

/// All conversations of the queue's callers.
#[derive(Default)]
pub(crate) struct Talks(Mutex<HashMap<CallId, Pair>>);

/// The channels' unique ids.
#[derive(Clone)]
struct Pair {
    caller: String,
    /// Whether the caller's channel is one that the PBX takes out of the way.
    local: bool,
    leg: String,
    handset: Handset,
    /// Those who listen.
    room: Arc<Room>,
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
    /// The caller's channel. A Local channel that the PBX has taken out of the way is not it any more: it is whoever the agent
    /// talks with then. With any other caller gone, whoever that is is a colleague.
    fn caller(&self) -> Option<Channel> {
        let caller = Channel::find(&self.caller).filter(|caller| !caller.hung_up());
        caller.or_else(|| Channel::find(&self.leg).filter(|_| self.local)?.peer())
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
    pub(crate) fn begin(
        self: &Arc<Talks>,
        call: CallId,
        caller: &Channel,
        leg: &Channel,
        handset: Handset,
    ) -> Talk {
        let pair = Pair {
            caller: caller.unique_id(),
            local: caller.is_local(),
            leg: leg.unique_id(),
            handset,
            room: Arc::default(),
        };
        self.lock().insert(call, pair);
        Talk {
            talks: Arc::clone(self),
            call,
        }
    }

    /// The channel by which the agent, or the call, is followed; `None` if it is gone.
    pub(crate) fn target(&self, call: CallId, follow: Follow) -> Option<Target> {
        let pair = self.pair(call)?;
        let leg = || {
            let channel = Channel::find(&pair.leg)?;
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
        Some((pair.caller()?, Channel::find(&pair.leg)?))
    }

    /// The agent's phone.
    pub(crate) fn handset(&self, call: CallId) -> Option<Handset> {
        self.pair(call).map(|pair| pair.handset)
    }

    /// Hangs somebody up; false if nobody is there.
    #[must_use]
    pub(crate) fn hang_up(&self, call: CallId, whom: Whom) -> bool {
        let Some(pair) = self.pair(call) else {
            return false;
        };
        let (caller, leg) = (pair.caller(), Channel::find(&pair.leg));
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
        let Some(leg) = Channel::find(&pair.leg) else {
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
            .and_then(|pair| Channel::find(&pair.leg))
            .is_some_and(|leg| leg.mute(on))
    }

    fn pair(&self, call: CallId) -> Option<Pair> {
        self.lock().get(&call).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CallId, Pair>> {
        // Each change is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        self.talks.lock().remove(&self.call);
    }
}
