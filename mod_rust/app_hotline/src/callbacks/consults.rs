//! Consultations: who hears whom of a caller, an agent, and whom the agent consults. On the thread of the lines.
//!
//! The caller stays in the conversation that the PBX has made of the two. The agent goes to another one, where whoever is consulted comes
//! in over a Local channel; and all are moved between the two as the engine says. A colleague who gets the caller is moved to
//! the caller's directly, so that afterwards it is a conversation like any other.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use asterisk::datastore::Kind;
use asterisk::{Channel, Conversation, HangupCause, Level, Outgoing, log, place};
use hotline_engine::action::Line;
use hotline_engine::ids::CallId;
use hotline_engine::input::{Arrangement, ConsultFact, OfferFailure};
use hotline_host::Host;

use super::{Callbacks, Order};
use crate::history;

/// Where a line to an agent, or to whom a queue gives, goes on in the dialplan.
const CONTEXT: &str = "hotline-consult";
/// How long a number may ring.
const RINGS: Duration = Duration::from_secs(60);
/// How long an agent, whom the engine lets ring, may at most.
const AGENT_RINGS: Duration = Duration::from_secs(3_600);

/// How long a line may ring until it is given up.
pub(super) fn ring_time(line: &Line) -> Duration {
    match line {
        Line::Agent | Line::Queue => AGENT_RINGS,
        Line::Place(_) => RINGS,
    }
}

/// All consultations.
#[derive(Default)]
pub(super) struct Consults(HashMap<CallId, Consult>);

/// One, from its beginning to its end.
struct Consult {
    /// The caller's conversation, and the one apart from it.
    main: Conversation,
    side: Conversation,
    /// The channels' unique ids.
    caller: String,
    leg: String,
    /// Once it has answered.
    line: Option<String>,
    to_agent: bool,
}

/// Lives as long as the line of a consultation that has answered.
struct Guest {
    callbacks: Arc<Callbacks>,
    call: CallId,
    channel: String,
}

static GUEST: Kind<Guest> = Kind::own(c"hotline_consult");

impl Drop for Guest {
    fn drop(&mut self) {
        let channel = std::mem::take(&mut self.channel);
        self.callbacks.order(Order::LineGone(self.call, channel));
    }
}

impl Consults {
    /// Takes the agent apart and calls somebody; the line is to be listened to until it answers.
    pub(super) fn begin(
        &mut self,
        callbacks: &Arc<Callbacks>,
        host: &Host,
        call: CallId,
        line: &Line,
    ) -> Option<Outgoing> {
        let Some((caller, leg)) = self.part(callbacks, call, line) else {
            host.consult(call, ConsultFact::NotDone(None));
            return None;
        };
        host.consult(call, ConsultFact::Begun);
        let target = match line {
            Line::Agent => Some((CONTEXT.to_owned(), "agent".to_owned())),
            Line::Queue => Some((CONTEXT.to_owned(), "queue".to_owned())),
            Line::Place(place) => split(place),
        };
        let target = target.filter(|(context, extension)| place::exists(context, extension));
        let Some((context, extension)) = target else {
            log(
                Level::Warning,
                &format!(
                    "{} cannot consult anybody there: the dialplan has no such place; hotline.conf brings hotline-consult",
                    leg.name()
                ),
            );
            self.failed(host, call, HangupCause::Unreachable(0));
            return None;
        };
        // It stays where it is, and whoever is to wait hears music at the phone, not in here.
        let placed = Outgoing::dial_for(
            &leg,
            &format!("Local/{extension}@{context}/nm"),
            &leg.caller_number(),
            |channel| {
                channel.number_voice();
                Outgoing::belongs_to(channel, &caller);
                channel.set_variable("HOTLINE_CONSULT", &host.reference_of(call));
            },
        );
        match placed {
            Ok(placed) => {
                leg.hear_ringing(true);
                Some(placed)
            }
            Err(cause) => {
                self.failed(host, call, cause);
                None
            }
        }
    }

    /// Puts the caller on hold and takes the agent apart.
    fn part(&mut self, callbacks: &Callbacks, call: CallId, line: &Line) -> Option<(Channel, Channel)> {
        let talks = &callbacks.talks;
        let (caller, leg) = talks.both(call).filter(|_| !talks.is_local(call))?;
        let main = leg.conversation().filter(|main| main.has(&caller))?;
        let side = Conversation::new()?;
        if !leg.deafen(false) {
            return None;
        }
        // All of them talk with one and another.
        caller.number_voice();
        leg.number_voice();
        main.keep(true);
        talks.set_consults(call, true);
        if !side.bring(&leg) {
            talks.set_consults(call, false);
            main.keep(false);
            // Whose phone was hung up just now has left the caller alone in there.
            if main.count() < 2 {
                main.end();
            }
            return None;
        }
        caller.wait_with_music(true);
        let consult = Consult {
            main,
            side,
            caller: caller.unique_id(),
            leg: leg.unique_id(),
            line: None,
            to_agent: !matches!(line, Line::Place(_)),
        };
        self.0.insert(call, consult);
        Some((caller, leg))
    }

    /// Whoever was called has answered.
    pub(super) fn answered(&mut self, callbacks: &Arc<Callbacks>, host: &Host, call: CallId, line: Outgoing) {
        let Some(consult) = self.0.get_mut(&call) else {
            return line.cancel();
        };
        let channel = line.unique_id();
        let guest = line.attach(&GUEST, || Guest {
            callbacks: Arc::clone(callbacks),
            call,
            channel: channel.clone(),
        });
        if guest.is_none() || !line.join(&consult.side) {
            return self.failed(host, call, HangupCause::NotSet);
        }
        if let Some(leg) = Channel::find(&consult.leg) {
            leg.hear_ringing(false);
        }
        consult.line = Some(channel);
        host.consult(call, ConsultFact::Answered);
    }

    /// Calling somebody came to nothing.
    pub(super) fn failed(&mut self, host: &Host, call: CallId, cause: HangupCause) {
        if let Some(leg) = self.0.get(&call).and_then(|consult| Channel::find(&consult.leg)) {
            leg.hear_ringing(false);
        }
        let cause = match cause {
            HangupCause::Busy => OfferFailure::Busy,
            HangupCause::Rejected => OfferFailure::Rejected,
            HangupCause::NoAnswer | HangupCause::NoResponse | HangupCause::AnsweredElsewhere => {
                OfferFailure::NoAnswer
            }
            HangupCause::NormalClearing | HangupCause::Unreachable(_) | HangupCause::NotSet => {
                OfferFailure::Unreachable
            }
        };
        host.consult(call, ConsultFact::Gone(cause));
    }

    /// The line that had answered is gone.
    pub(super) fn line_gone(&mut self, host: &Host, call: CallId, channel: &str) {
        if let Some(consult) = self.0.get_mut(&call)
            && consult.line.take_if(|line| line == channel).is_some()
        {
            host.consult(call, ConsultFact::Gone(OfferFailure::Unreachable));
        }
    }

    pub(super) fn arrange(
        &mut self,
        callbacks: &Arc<Callbacks>,
        host: &Host,
        call: CallId,
        how: Arrangement,
    ) {
        let Some(consult) = self.0.get(&call) else {
            return host.consult(call, ConsultFact::NotDone(Some(how)));
        };
        let done = match how {
            Arrangement::Apart => consult.apart(),
            Arrangement::WithCaller => consult.with_caller(),
            Arrangement::Together => consult.together(),
            Arrangement::Alone => consult.alone(),
            Arrangement::HandedOver => consult.hand_over(callbacks, call),
            Arrangement::Parted => true,
        };
        host.consult(
            call,
            if done {
                ConsultFact::Arranged(how)
            } else {
                ConsultFact::NotDone(Some(how))
            },
        );
        let over = match how {
            Arrangement::Apart | Arrangement::WithCaller | Arrangement::Together => false,
            Arrangement::HandedOver => done,
            Arrangement::Alone | Arrangement::Parted => true,
        };
        // What follows may end the conversation, which is told after what was arranged.
        if over && let Some(consult) = self.0.remove(&call) {
            consult.end(how);
            callbacks.talks.set_consults(call, false);
        }
    }
}

impl Consult {
    fn caller(&self) -> Option<Channel> {
        Channel::find(&self.caller)
    }

    fn leg(&self) -> Option<Channel> {
        Channel::find(&self.leg)
    }

    fn line(&self) -> Option<Channel> {
        Channel::find(self.line.as_deref()?)
    }

    /// The agent and the consulted; the caller hears music.
    fn apart(&self) -> bool {
        let (Some(caller), Some(leg), Some(line)) = (self.caller(), self.leg(), self.line()) else {
            return false;
        };
        caller.wait_with_music(true);
        let moved = self.side.bring(&leg) && self.side.bring(&line);
        line.wait_with_music(false);
        moved
    }

    /// The agent and the caller; the consulted hears music.
    fn with_caller(&self) -> bool {
        let (Some(caller), Some(leg), Some(line)) = (self.caller(), self.leg(), self.line()) else {
            return false;
        };
        line.wait_with_music(true);
        let moved = self.side.bring(&line) && self.main.bring(&leg);
        caller.wait_with_music(false);
        moved
    }

    fn together(&self) -> bool {
        let (Some(caller), Some(leg), Some(line)) = (self.caller(), self.leg(), self.line()) else {
            return false;
        };
        let moved = self.main.bring(&leg) && self.main.bring(&line);
        line.wait_with_music(false);
        caller.wait_with_music(false);
        moved
    }

    /// The agent and the caller, with nobody else.
    fn alone(&self) -> bool {
        if let Some(line) = self.line() {
            // It is hung up with the conversation that it is in.
            let _ = self.side.bring(&line);
        }
        let (Some(caller), Some(leg)) = (self.caller(), self.leg()) else {
            return false;
        };
        leg.hear_ringing(false);
        let moved = self.main.bring(&leg);
        caller.wait_with_music(false);
        moved
    }

    /// The caller and the consulted, without the agent.
    fn hand_over(&self, callbacks: &Callbacks, call: CallId) -> bool {
        let Some(caller) = self.caller() else { return false };
        let (talks, phones) = (&callbacks.talks, &callbacks.phones);
        if self.to_agent {
            let Some(colleague) = talks.colleague(call) else {
                return false;
            };
            let Some(theirs) = Channel::find(&colleague.leg.id) else {
                return false;
            };
            theirs.number_voice();
            if !self.main.bring(&theirs) {
                return false;
            }
            // Who waited by way of the line does so no longer.
            theirs.wait_with_music(false);
            let Some(succession) = talks.succeed(call) else {
                return false;
            };
            phones.succeed(&succession.from, Some((&succession.to, succession.reporter)));
            caller.set_variable("HOTLINE_AGENT", &colleague.agent);
            history::talks(&caller, &colleague.agent);
            if let Some(line) = self.line() {
                let _ = self.side.bring(&line);
            }
        } else {
            let Some(line) = self.line() else { return false };
            if !self.main.bring(&line) {
                return false;
            }
            line.wait_with_music(false);
            if let Some(from) = talks.leg_name(call) {
                phones.succeed(&from, None);
            }
        }
        if let Some(leg) = self.leg() {
            let _ = self.side.bring(&leg);
        }
        caller.wait_with_music(false);
        true
    }

    /// Whoever is left apart is hung up, and the caller's conversation is like any other again.
    fn end(self, how: Arrangement) {
        self.side.end();
        self.main.keep(false);
        // All are parted, or somebody of it has hung up meanwhile.
        if how == Arrangement::Parted || self.main.count() < 2 {
            self.main.end();
        }
    }
}

/// Context and extension of a place.
fn split(place: &str) -> Option<(String, String)> {
    let mut words = place.split(',');
    Some((words.next()?.to_owned(), words.next()?.to_owned()))
}
