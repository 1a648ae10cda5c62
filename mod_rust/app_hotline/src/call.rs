//! `Hotline(queue)`: a call in the queue's hands, on the caller's own thread.
//!
//! The thread sleeps on the caller, on the phones it rings and on the call's mailbox together. It reports what it sees
//! and does what the mailbox says; all decisions are elsewhere.

use std::ffi::CStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use asterisk::channel::Indication;
use asterisk::dialplan::{Application, Exit};
use asterisk::frame::{Waiter, Woken};
use asterisk::leg::{BridgeEnd, Features};
use asterisk::{Channel, Control, Frame, HangupCause, Leg, Level, log};
use hotline_engine::CallAction;
use hotline_engine::action::Status;
use hotline_engine::ids::OfferId;
use hotline_engine::input::{Caller, OfferFailure, Party, PhoneState};
use hotline_host::{CallPort, Fact};

#[cfg(feature = "fault-injection")]
use crate::Instance;
use crate::phones::{Claim, Phones};
use crate::{data, instance, options};

/// The dialplan application.
pub(crate) struct Hotline;

impl Application for Hotline {
    const NAME: &'static CStr = c"Hotline";
    const SYNOPSIS: &'static CStr = c"Queues the caller for an agent, and connects them.";
    const DESCRIPTION: &'static CStr = c"Hotline(queue[,options])

The caller is answered, waits in the named queue with music, and is connected to an agent. On every way
out the dialplan goes on if the caller is still there; the variables below tell what happened.

Options:
    t(tier)     caller tier, as named in the settings (or variable HOTLINE_TIER)
    p(seconds)  waiting time that this call is worth on top of its tier (or variable HOTLINE_PRIORITY)
    t T         the agent (t), the caller (T) may transfer, with the keys of features.conf
    h H         may hang up with the disconnect key
    k K         may park
    w W x X     may record

Variables set:
    HOTLINESTATUS   ANSWERED      talked with an agent, who hung up first or passed the call on
                    TIMEOUT       the queue's longest wait was reached
                    FULL          the queue, or this PBX, has no room for another caller
                    NOAGENTS      nobody is signed in, and the queue does not wait without
                    UNKNOWNQUEUE  no queue of that name in the settings
                    REMOVED       the queue was removed while waiting
                    HANGUP        the caller hung up (seen in extension h), or was sent elsewhere while waiting
                    ERROR         Hotline could not go on; the log says why
    HOTLINE_CALL    reference of the call: NODE-BOOT-NUMBER
    HOTLINE_AGENT   number of the agent talked with, if any

The agent's channel has HOTLINE_CALL, HOTLINE_AGENT, HOTLINE_QUEUE and HOTLINE_CALLER, and the data attached with
HOTLINE_DATA().

Example:
 same => n,Set(HOTLINE_DATA(account)=${account})
 same => n,Hotline(support,t(gold))
 same => n,Goto(after-${HOTLINESTATUS},1)";

    fn run(channel: &Channel, arguments: &str) -> Exit {
        let (options, complaints) = options::parse(arguments);
        for complaint in complaints {
            log(Level::Warning, &format!("Hotline({arguments}): {complaint}"));
        }
        // Of an earlier visit.
        if channel
            .variable("HOTLINE_AGENT")
            .is_some_and(|agent| !agent.is_empty())
        {
            channel.set_variable("HOTLINE_AGENT", "");
        }
        let Some(instance) = instance() else {
            return leave(channel, Status::Error);
        };
        if channel.answer().is_err() {
            return leave(channel, Status::Hangup);
        }
        let caller = Caller {
            number: channel.caller_number(),
            tier: given(options.tier, || channel.variable("HOTLINE_TIER")),
            priority: options.priority.unwrap_or_else(|| priority(channel)),
        };
        let port = match instance.host.join(&options.queue, caller) {
            Ok(port) => port,
            Err(error) => {
                log(
                    Level::Error,
                    &format!("{} cannot wait in {}: {error}", channel.name(), options.queue),
                );
                return leave(channel, Status::Error);
            }
        };
        channel.set_variable("HOTLINE_CALL", port.reference());
        #[cfg(feature = "fault-injection")]
        inject(channel, &instance);
        Call {
            caller: channel,
            queue: options.queue,
            features: options.features,
            phones: &instance.phones,
            port,
            legs: Legs::default(),
            music: Music::None,
            talked: false,
            outlived: None,
        }
        .serve()
    }

    fn panicked(channel: &Channel) -> Exit {
        channel.stop_music();
        leave(channel, Status::Error)
    }
}

fn given(option: String, variable: impl FnOnce() -> Option<String>) -> String {
    if option.is_empty() {
        variable().unwrap_or_default().trim().to_owned()
    } else {
        option
    }
}

fn priority(channel: &Channel) -> u32 {
    let Some(text) = channel
        .variable("HOTLINE_PRIORITY")
        .filter(|text| !text.trim().is_empty())
    else {
        return 0;
    };
    text.trim().parse().unwrap_or_else(|_| {
        log(
            Level::Warning,
            &format!("HOTLINE_PRIORITY is '{text}', which is no number of seconds: 0 counts"),
        );
        0
    })
}

/// Tells the dialplan, and goes on in it if the caller is there.
fn leave(channel: &Channel, status: Status) -> Exit {
    channel.set_variable("HOTLINESTATUS", word(status));
    if channel.hung_up() && !channel.redirected() {
        Exit::HangUp
    } else {
        Exit::Continue
    }
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Answered => "ANSWERED",
        Status::Timeout => "TIMEOUT",
        Status::Full => "FULL",
        Status::NoAgents => "NOAGENTS",
        Status::UnknownQueue => "UNKNOWNQUEUE",
        Status::Removed => "REMOVED",
        Status::Hangup => "HANGUP",
        Status::Error => "ERROR",
    }
}

/// A call in the queue's hands. Dropped at any moment, it hangs up its legs and tells the host.
struct Call<'a> {
    caller: &'a Channel,
    queue: String,
    features: Features,
    phones: &'a Arc<Phones>,
    port: CallPort,
    legs: Legs,
    music: Music,
    /// Caller and agent heard each other.
    talked: bool,
    /// The leg of a conversation that goes on without this thread.
    outlived: Option<Claim>,
}

/// The phones that ring. What is left of them stops ringing when this is dropped.
#[derive(Default)]
struct Legs(Vec<Offered>);

/// What the waiting caller hears.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Music {
    None,
    /// Music of this class from then on.
    Due(Instant, String),
    Playing,
}

/// A phone that rings, or was picked up and waits to be connected.
struct Offered {
    offer: OfferId,
    agent: String,
    leg: Leg,
    claim: Claim,
    ringing: bool,
    answered: bool,
}

impl Music {
    /// How long until it must begin, if it must.
    fn due_in(&self) -> Option<Duration> {
        match self {
            Music::Due(at, _) => Some(at.saturating_duration_since(Instant::now())),
            Music::None | Music::Playing => None,
        }
    }
}

impl Call<'_> {
    fn serve(mut self) -> Exit {
        let exit = self.run();
        if let Some(claim) = self.outlived {
            claim.outlive(self.port);
        }
        exit
    }

    /// Obeys until released, or until the caller is gone.
    fn run(&mut self) -> Exit {
        let mut waiter = Waiter::default();
        loop {
            self.play();
            let channels =
                std::iter::once(self.caller).chain(self.legs.0.iter().map(|offered| &*offered.leg));
            match waiter.wait(channels, self.port.fd(), self.music.due_in()) {
                Ok(Woken::Fd) => {
                    while let Some(action) = self.port.take() {
                        if let Some(exit) = self.obey(action) {
                            return exit;
                        }
                    }
                }
                Ok(Woken::Channel(0)) => match self.caller.read() {
                    Frame::Hangup => return self.caller_gone(),
                    Frame::Control(_) | Frame::Dtmf(_) | Frame::Other => {}
                },
                Ok(Woken::Channel(place)) => self.hear(place - 1),
                Ok(Woken::Spurious) => {}
                Err(error) => {
                    log(Level::Error, &format!("{}: {error}", self.caller.name()));
                    self.stop_music();
                    return leave(self.caller, Status::Error);
                }
            }
        }
    }

    fn obey(&mut self, action: CallAction) -> Option<Exit> {
        match action {
            CallAction::Music { class, after } => {
                self.music = Music::Due(Instant::now() + Duration::from_micros(after.0), class);
            }
            CallAction::Ring { offer, phone, agent } => self.ring(offer, &phone, agent),
            CallAction::Cancel { offer } => self.cancel(offer),
            CallAction::Connect { offer } => return self.connect(offer),
            CallAction::Release { status } => {
                self.stop_music();
                // Who has talked was served, whatever became of the engine meanwhile.
                let status = match status {
                    Status::Error if self.talked => Status::Answered,
                    status => status,
                };
                return Some(leave(self.caller, status));
            }
        }
        None
    }

    /// Starts the music if it is time.
    fn play(&mut self) {
        if self.music.due_in() != Some(Duration::ZERO) {
            return;
        }
        if let Music::Due(_, class) = std::mem::replace(&mut self.music, Music::Playing) {
            self.start_music(&class);
        }
    }

    fn start_music(&mut self, class: &str) {
        if !self.caller.start_music(class) {
            log(
                Level::Notice,
                &format!(
                    "no music of class '{class}' for {}: it hears ringing",
                    self.caller.name()
                ),
            );
            self.caller.indicate(Indication::Ringing);
        }
    }

    fn stop_music(&mut self) {
        if std::mem::replace(&mut self.music, Music::None) == Music::Playing {
            self.caller.stop_music();
            self.caller.indicate(Indication::Stop);
        }
    }

    fn ring(&mut self, offer: OfferId, phone: &str, agent: String) {
        let dialled = Leg::dial(self.caller, phone, |leg| {
            leg.set_variable("HOTLINE_CALL", self.port.reference());
            leg.set_variable("HOTLINE_QUEUE", &self.queue);
            leg.set_variable("HOTLINE_AGENT", &agent);
            leg.set_variable("HOTLINE_CALLER", &self.caller.caller_number());
            data::show(leg);
            self.phones.claim(leg.unique_id(), phone)
        });
        match dialled {
            Ok((leg, claim)) => self.legs.0.push(Offered {
                offer,
                agent,
                leg,
                claim,
                ringing: false,
                answered: false,
            }),
            Err(cause) => {
                log(
                    Level::Notice,
                    &format!("the phone {phone} of agent {agent} cannot be rung: {cause:?}"),
                );
                let failure = if cause == HangupCause::Busy {
                    OfferFailure::Busy
                } else {
                    OfferFailure::Unreachable
                };
                self.port.report(Fact::OfferFailed(offer, failure));
            }
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
        self.legs.0.iter().position(|offered| offered.offer == offer)
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
                    self.port.report(Fact::Ringing(offered.offer));
                }
                None
            }
            Frame::Control(Control::Answer | Control::Other(_)) | Frame::Dtmf(_) | Frame::Other => None,
        };
        if let Some(failure) = failure {
            let offered = self.legs.0.swap_remove(place);
            self.port.report(Fact::OfferFailed(offered.offer, failure));
            let cause = offered.leg.hangup_cause();
            offered.leg.failed(cause);
        // Some drivers just come up, without a word.
        } else if !offered.answered && (frame == Frame::Control(Control::Answer) || offered.leg.is_up()) {
            offered.answered = true;
            self.port.report(Fact::Answered(offered.offer));
        }
    }

    fn connect(&mut self, offer: OfferId) -> Option<Exit> {
        let Some(place) = self.place(offer) else {
            // Hung up in the moment between answering and this.
            self.port.report(Fact::Ended {
                by: Party::Agent,
                phone: PhoneState::Available,
            });
            return None;
        };
        let Offered {
            agent, leg, claim, ..
        } = self.legs.0.swap_remove(place);
        // The conversation takes this thread: nobody else may go on ringing.
        for other in self.legs.0.drain(..) {
            other.leg.cancel(true);
        }
        self.stop_music();
        if !leg.suits_caller() {
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
                phone: self.phones.after(&claim),
            });
            return None;
        }
        self.caller.set_variable("HOTLINE_AGENT", &agent);
        self.port.report(Fact::Connected);
        self.talked = true;
        claim.talking(&leg, self.port.reporter());
        let by = match leg.bridge(self.features) {
            BridgeEnd::Caller => Party::Caller,
            BridgeEnd::Leg => Party::Agent,
        };
        // The PBX has taken this channel out of the way, and the people talk on. A Local channel may not look hung up yet.
        let replaced = by == Party::Caller || self.caller.name().starts_with("Local/");
        if replaced && claim.goes_on() {
            self.outlived = Some(claim);
            leave(self.caller, Status::Hangup);
            return Some(Exit::HangUp);
        }
        self.port.report(Fact::Ended {
            by,
            phone: self.phones.after(&claim),
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

    fn caller_gone(&mut self) -> Exit {
        // Who is sent elsewhere in the dialplan looks hung up here, and is not.
        self.port.report(if self.caller.redirected() {
            Fact::CallerTaken
        } else {
            Fact::CallerGone
        });
        self.stop_music();
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

#[cfg(feature = "fault-injection")]
#[expect(clippy::panic, reason = "the injected fault")]
fn inject(channel: &Channel, instance: &Instance) {
    match channel.variable("HOTLINE_FAULT").as_deref() {
        Some("panic") => panic!("HOTLINE_FAULT=panic"),
        Some("engine") => instance.host.inject_panic(),
        _ => {}
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
