//! A call in the queue's hands, on the caller's own thread.
//!
//! The thread sleeps on the caller, on the phones it rings and on the call's mailbox together. It reports what it sees
//! and does what the mailbox says; all decisions are elsewhere.

use std::time::Duration;

use asterisk::dialplan::Exit;
use asterisk::frame::{Waiter, Woken};
use asterisk::leg::{BridgeEnd, Features};
use asterisk::{Channel, Control, Frame, HangupCause, Leg, Level, log};
use hotline_engine::CallAction;
use hotline_engine::action::{Place, Spoken, Status, Utterance};
use hotline_engine::config::Answering;
use hotline_engine::ids::OfferId;
use hotline_engine::input::{OfferFailure, Party, PhoneState, Whom};
use hotline_engine::time::Span;
use hotline_host::{CallPort, Fact};

use crate::call::leave;
use crate::greet::Introduced;
use crate::phones::{Claim, pick_up};
use crate::sounds::Sounds;
use crate::talks::{Agents, Handset, Talk};
use crate::{Instance, data, history, path, survey};

/// How long a caller hears the busy tone who does not hang up.
pub(crate) const BUSY: Duration = Duration::from_secs(10);

/// How often a phone is dialled at most that says busy right after a call of ours.
const TRIES: u8 = 3;

/// So many of one header are read.
const MOST_HEADERS: usize = 8;

/// Tells a phone that the caller is suspicious, and why.
const FLAG_HEADER: &str = "PJSIP_HEADER(add,X-Hotline-Flag)";

/// A call in the queue's hands. Dropped at any moment, it hangs up its legs and tells the host.
pub(crate) struct Call<'a> {
    pub(crate) caller: &'a Channel,
    /// Why the caller is suspicious; empty if not.
    pub(crate) flag: String,
    features: Features,
    /// The call whose agent consults, if that is what this is for.
    consults: Option<String>,
    pub(crate) instance: &'a Instance,
    pub(crate) port: CallPort,
    legs: Legs,
    pub(crate) sounds: Sounds<'a>,
    /// Caller and agent heard each other.
    talked: bool,
    /// The leg of a conversation that goes on without this thread.
    outlived: Option<(Claim, Talk)>,
}

/// The phones that ring. What is left of them stops ringing when this is dropped.
#[derive(Default)]
struct Legs(Vec<Offered>);

/// A phone that rings, or was picked up and waits to be connected.
struct Offered {
    offer: Offer,
    leg: Leg,
    claim: Claim,
    /// How often the phone was dialled.
    tries: u8,
    ringing: bool,
    answered: bool,
}

/// A phone to be rung.
struct Offer {
    id: OfferId,
    phone: String,
    agent: String,
    queue: String,
    answering: Answering,
}

impl<'a> Call<'a> {
    pub(crate) fn new(
        caller: &'a Channel,
        flag: String,
        features: Features,
        instance: &'a Instance,
        port: CallPort,
    ) -> Call<'a> {
        Call {
            caller,
            flag,
            features,
            consults: None,
            instance,
            port,
            legs: Legs::default(),
            sounds: Sounds::new(caller),
            talked: false,
            outlived: None,
        }
    }

    /// It is a line to whom the agent of that call consults.
    pub(crate) fn consulting(mut self, of: String) -> Call<'a> {
        self.consults = Some(of);
        self
    }

    /// Serves the call until it leaves the queue's hands.
    pub(crate) fn serve(mut self) -> Exit {
        let exit = self.run();
        if let Some((claim, talk)) = self.outlived {
            claim.outlive(self.port, talk);
        }
        exit
    }

    /// Obeys until released, or until the caller is gone.
    fn run(&mut self) -> Exit {
        let mut waiter = Waiter::default();
        loop {
            self.sounds.go_on();
            let channels =
                std::iter::once(self.caller).chain(self.legs.0.iter().map(|offered| &*offered.leg));
            match waiter.wait(channels, self.port.fd(), self.sounds.due_in()) {
                Ok(Woken::Fd) => {
                    while let Some(action) = self.port.take() {
                        if let Some(exit) = self.obey(action) {
                            return exit;
                        }
                    }
                }
                Ok(Woken::Channel(0)) => match self.caller.read() {
                    Frame::Hangup => return self.caller_gone(),
                    Frame::Dtmf(key) => self.port.report(Fact::Digit(key)),
                    Frame::Control(_) | Frame::Other => {}
                },
                Ok(Woken::Channel(place)) => self.hear(place - 1),
                Ok(Woken::Spurious) => {}
                Err(error) => {
                    log(Level::Error, &format!("{}: {error}", self.caller.name()));
                    self.sounds.stop();
                    return leave(self.caller, Status::Error);
                }
            }
        }
    }

    pub(crate) fn obey(&mut self, action: CallAction) -> Option<Exit> {
        match action {
            CallAction::Music { class, after } => {
                self.sounds.music(class, Duration::from_micros(after.0));
            }
            CallAction::Say { say } => self.sounds.say(&say),
            CallAction::Ring {
                offer,
                phone,
                agent,
                queue,
                answering,
            } => {
                let offer = Offer {
                    id: offer,
                    phone: phone.to_string(),
                    agent: agent.to_string(),
                    queue: queue.to_string(),
                    answering,
                };
                self.ring(offer, 1);
            }
            CallAction::Cancel { offer } => self.cancel(offer),
            CallAction::Connect { offer, greeting } => {
                return self.connect(offer, greeting.as_deref());
            }
            CallAction::Release {
                status,
                to,
                say,
                retry_in,
            } => return Some(self.release(status, &to, &say, retry_in)),
        }
        None
    }

    fn release(&mut self, status: Status, to: &Place, say: &[Utterance], retry_in: Option<Span>) -> Exit {
        self.sounds.stop();
        // Who has talked was served, whatever became of the engine meanwhile.
        let status = match status {
            Status::Error if self.talked => Status::Answered,
            status => status,
        };
        if let Some(span) = retry_in {
            let seconds = span.0.div_ceil(1_000_000);
            self.caller
                .set_variable("HOTLINE_RETRY_SECONDS", &seconds.to_string());
        }
        if status == Status::Callback
            && let Some(callback) = self.instance.host.call_of(self.port.reference())
        {
            self.instance.callbacks.leaving(self.caller, callback);
        }
        if status == Status::Survey {
            survey::expect(self.caller, &self.instance.host, self.port.call());
        }
        let exit = leave(self.caller, status);
        // Who is on the way elsewhere already hears nothing more, and goes there.
        if exit == Exit::HangUp || self.caller.redirected() {
            return exit;
        }
        if self.sounds.say_at_last(say).is_err() {
            return leave(self.caller, status);
        }
        match to {
            Place::Onward => Exit::Continue,
            Place::There(place) => {
                if !self.caller.go_to(place) {
                    log(
                        Level::Warning,
                        &format!(
                            "{} goes on behind Hotline(): the dialplan has no place {place}",
                            self.caller.name()
                        ),
                    );
                }
                Exit::Continue
            }
            Place::Busy => {
                self.caller.busy(BUSY);
                if self.caller.redirected() {
                    Exit::Continue
                } else {
                    Exit::HangUp
                }
            }
        }
    }

    fn ring(&mut self, offer: Offer, tries: u8) {
        let dialled = Leg::dial(self.caller, &offer.phone, |leg| {
            self.prepare(leg, &offer);
            self.instance.phones.claim(leg.unique_id(), &offer.phone)
        });
        match dialled {
            Ok((leg, claim)) => self.legs.0.push(Offered {
                offer,
                leg,
                claim,
                tries,
                ringing: false,
                answered: false,
            }),
            Err(cause) => {
                log(
                    Level::Notice,
                    &format!(
                        "the phone {} of agent {} cannot be rung: {cause:?}",
                        offer.phone, offer.agent
                    ),
                );
                let failure = if cause == HangupCause::Busy {
                    OfferFailure::Busy
                } else {
                    OfferFailure::Unreachable
                };
                self.port.report(Fact::OfferFailed(offer.id, failure));
            }
        }
    }

    /// What the agent's side may know of the call, before its phone rings.
    fn prepare(&self, leg: &Channel, offer: &Offer) {
        let call = self.consults.as_deref();
        leg.set_variable("HOTLINE_CALL", call.unwrap_or(self.port.reference()));
        leg.set_variable("HOTLINE_QUEUE", &offer.queue);
        leg.set_variable("HOTLINE_AGENT", &offer.agent);
        leg.set_variable("HOTLINE_CALLER", &self.caller.caller_number());
        if !self.flag.is_empty() {
            leg.set_variable("HOTLINE_FLAG", &self.flag);
            leg.show_name(&format!("! {}", self.flag));
            if leg.name().starts_with("PJSIP/") {
                // One line, whatever the dialplan made of it.
                let flag = self.flag.replace(char::is_control, " ");
                leg.set_function(FLAG_HEADER, &flag);
            }
        }
        data::show(leg);
        history::show(leg);
        path::show(leg);
        if offer.answering == Answering::Automatic {
            pick_up(leg);
        }
    }

    fn cancel(&mut self, offer: OfferId) {
        if let Some(place) = self.place(offer) {
            let offered = self.legs.0.swap_remove(place);
            let elsewhere = self.legs.0.iter().any(|other| other.answered);
            offered.leg.cancel(elsewhere);
        }
    }

    fn place(&self, offer: OfferId) -> Option<usize> {
        self.legs.0.iter().position(|offered| offered.offer.id == offer)
    }

    /// What a phone says.
    fn hear(&mut self, place: usize) {
        let Some(offered) = self.legs.0.get_mut(place) else {
            return;
        };
        let frame = offered.leg.read();
        let failure = match frame {
            Frame::Hangup => Some(failure(offered.leg.hangup_cause(), offered.ringing)),
            Frame::Control(Control::Busy) if offered.leg.forwarded() => Some(OfferFailure::Rejected),
            Frame::Control(Control::Busy) => Some(OfferFailure::Busy),
            Frame::Control(Control::Congestion) => Some(OfferFailure::Unreachable),
            Frame::Control(Control::Ringing) => {
                if !std::mem::replace(&mut offered.ringing, true) {
                    self.port.report(Fact::Ringing(offered.offer.id));
                }
                None
            }
            Frame::Control(Control::Answer | Control::Other(_)) | Frame::Dtmf(_) | Frame::Other => None,
        };
        if let Some(failure) = failure {
            let offered = self.legs.0.swap_remove(place);
            // A call that is over and the next one reach a phone in any order: one with a single line may still be in the first.
            let too_soon = failure == OfferFailure::Busy && !offered.ringing && offered.tries < TRIES;
            let again = too_soon && self.instance.phones.has_just_ended(&offered.claim);
            if !again {
                self.port.report(Fact::OfferFailed(offered.offer.id, failure));
            }
            let cause = offered.leg.hangup_cause();
            offered.leg.failed(cause);
            if again {
                self.ring(offered.offer, offered.tries + 1);
            }
        // Some drivers just come up, without a word.
        } else if !offered.answered && (frame == Frame::Control(Control::Answer) || offered.leg.is_up()) {
            offered.answered = true;
            self.port.report(Fact::Answered(offered.offer.id));
        }
    }

    fn connect(&mut self, offer: OfferId, greeting: Option<&Spoken>) -> Option<Exit> {
        let Some(place) = self.place(offer) else {
            // Hung up in the moment between answering and this.
            self.port.report(Fact::Ended {
                by: Party::Agent,
                phone: PhoneState::Available,
            });
            return None;
        };
        let Offered {
            offer, leg, claim, ..
        } = self.legs.0.swap_remove(place);
        // The conversation takes this thread: nobody else may go on ringing.
        for other in self.legs.0.drain(..) {
            other.leg.cancel(true);
        }
        claim.answered(&leg);
        match self.introduce(&leg, greeting) {
            Introduced::Both => {}
            Introduced::AgentGone => {
                self.port.report(Fact::Ended {
                    by: Party::Agent,
                    phone: self.instance.phones.after(&claim),
                });
                return None;
            }
            Introduced::CallerGone => {
                // The next call would find the phone busy.
                leg.cancel(false);
                claim.part();
                return Some(self.caller_gone());
            }
            Introduced::Deaf => {
                log(
                    Level::Warning,
                    &format!(
                        "{} and {} have no way to hear each other",
                        self.caller.name(),
                        leg.name()
                    ),
                );
                self.port.report(Fact::Ended {
                    by: Party::System,
                    phone: self.instance.phones.after(&claim),
                });
                return None;
            }
            Introduced::Over(exit) => return Some(exit),
        }
        if self.consults.is_none() {
            self.caller.set_variable("HOTLINE_AGENT", &offer.agent);
            history::talks(self.caller, &offer.agent);
        }
        // Known before anybody can wish to listen.
        let handset = Handset {
            shared: claim.is_shared(),
            events: self.announced(&leg),
        };
        let agents = Agents {
            leg: claim.leg(),
            agent: offer.agent,
            handset,
            reporter: self.port.reporter(),
        };
        let call = self.port.call();
        let talk = self.instance.talks.begin(call, self.caller, agents);
        self.port.report(Fact::Connected);
        self.talked = true;
        claim.talking(&leg, self.port.reporter());
        let by = match leg.bridge(self.features) {
            BridgeEnd::Caller => Party::Caller,
            BridgeEnd::Leg => Party::Agent,
        };
        if self.instance.talks.is_given(call) {
            claim.give();
            return Some(leave(self.caller, Status::Answered));
        }
        let claim = match self.instance.talks.successor(call) {
            Some(leg) => Claim::of(&self.instance.phones, leg),
            None => claim,
        };
        let consults = self.instance.talks.consults(call);
        if by == Party::Caller && consults && !self.instance.talks.hang_up(call, Whom::Agent) {
            log(
                Level::Debug,
                &format!("{}: the agent has hung up as well", self.caller.name()),
            );
        }
        // The PBX has taken this channel out of the way, and the people talk on. A Local channel may not look hung up yet.
        let replaced = by == Party::Caller || self.caller.is_local();
        if replaced && !consults && self.consults.is_none() && claim.goes_on() {
            // Whoever wanted the caller hung up need not wait for the others.
            self.instance
                .host
                .disconnect_settled(self.port.call(), Whom::Caller, true);
            self.outlived = Some((claim, talk));
            leave(self.caller, Status::Hangup);
            return Some(Exit::HangUp);
        }
        if by == Party::Caller {
            claim.part();
        } else if self.caller.redirected() {
            self.port.report(Fact::HandedOver);
        }
        self.port.report(Fact::Ended {
            by,
            phone: self.instance.phones.after(&claim),
        });
        if by == Party::Caller {
            return Some(leave(self.caller, Status::Hangup));
        }
        // Sent elsewhere: no time to wait for the release.
        if self.caller.redirected() {
            Some(leave(self.caller, Status::Answered))
        } else {
            None
        }
    }

    /// Which events the agent's phone said, as it answered, that it understands (RFC 6665), if anybody is to know.
    fn announced(&self, leg: &Leg) -> Vec<String> {
        if !self.instance.host.asks_announced() || !leg.name().starts_with("PJSIP/") {
            return Vec::new();
        }
        let headers = (1..=MOST_HEADERS).map_while(|number| {
            let header = format!("PJSIP_RESPONSE_HEADER(read,Allow-Events,{number})");
            leg.function(&header).filter(|events| !events.is_empty())
        });
        let events = headers.collect::<Vec<_>>().join(",");
        events.split(',').map(|event| event.trim().to_owned()).collect()
    }

    fn caller_gone(&mut self) -> Exit {
        // The phones first: one that still rings would be busy for the next caller.
        self.legs = Legs::default();
        // Who is sent elsewhere in the dialplan looks hung up here, and is not.
        self.port.report(if self.caller.redirected() {
            Fact::CallerTaken
        } else {
            Fact::CallerGone
        });
        self.sounds.stop();
        leave(self.caller, Status::Hangup)
    }
}

impl Drop for Legs {
    fn drop(&mut self) {
        for offered in self.0.drain(..) {
            offered.leg.cancel(false);
        }
    }
}

/// What a phone's hang-up before the conversation means.
fn failure(cause: HangupCause, rang: bool) -> OfferFailure {
    match cause {
        HangupCause::Busy => OfferFailure::Busy,
        HangupCause::Rejected | HangupCause::NormalClearing => OfferFailure::Rejected,
        HangupCause::NoAnswer | HangupCause::AnsweredElsewhere => OfferFailure::NoAnswer,
        HangupCause::NoResponse if rang => OfferFailure::NoAnswer,
        HangupCause::NoResponse | HangupCause::Unreachable(_) | HangupCause::NotSet => {
            OfferFailure::Unreachable
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hang_ups_before_the_conversation_have_their_causes() {
        assert_eq!(failure(HangupCause::Busy, true), OfferFailure::Busy);
        assert_eq!(failure(HangupCause::Rejected, true), OfferFailure::Rejected);
        assert_eq!(failure(HangupCause::NoResponse, false), OfferFailure::Unreachable);
        assert_eq!(failure(HangupCause::NoResponse, true), OfferFailure::NoAnswer);
        assert_eq!(
            failure(HangupCause::Unreachable(20), false),
            OfferFailure::Unreachable
        );
    }
}
