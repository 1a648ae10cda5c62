//! `HotlineMonitor(agent)`: a supervisor on the line, who listens to an agent, speaks, or takes over.
//!
//! The thread sleeps on the supervisor's channel and its mailbox together. What is heard comes by the channel's own clock;
//! who may do what is decided elsewhere.

use std::ffi::CStr;
use std::time::Duration;

use asterisk::dialplan::{Application, Exit, words};
use asterisk::frame::{Waiter, Woken};
use asterisk::seat::NotSeated;
use asterisk::tap::SpeakTo;
use asterisk::{Channel, Frame, Level, Tap, log};
use hotline_engine::action::MonitorAction;
use hotline_engine::config::Tone;
use hotline_engine::ids::{CallId, MonitorId};
use hotline_engine::input::{Follow, MonitorFact, MonitorMode};
use hotline_host::{MonitorPort, MonitorRequest};

use crate::talks::Target;
use crate::{Instance, instance};

/// What the supervisor hears whose key is refused.
const REFUSED: (u16, Duration) = (400, Duration::from_millis(300));

/// The dialplan application.
pub(crate) struct HotlineMonitor;

impl Application for HotlineMonitor {
    const NAME: &'static CStr = c"HotlineMonitor";
    const SYNOPSIS: &'static CStr =
        c"Lets the supervisor of this phone listen to an agent, speak to agent or caller, or take over.";
    const DESCRIPTION: &'static CStr = c"HotlineMonitor(agent[,mode[,follow]])

Whoever is signed in as a supervisor on this phone, by HotlineSupervisor(signin), hears the agent's conversation. From any other
phone it is refused. It goes on until the supervisor hangs up, or a console ends it.

Modes:
    listen    hears agent and caller, unheard: the default
    whisper   is heard by the agent as well
    barge     is heard by agent and caller; the agent hears a tone first
    takeover  takes the agent's place; the agent goes to after-call work

Follows:
    agent     from call to call, until the agent signs out: the default. Without a call the supervisor hears silence
    call      the caller, through hold and transfer, until that conversation is over

Keys while listening:
    4 listen    5 whisper    6 barge in    7 take over
    A key that is refused is answered by a low tone: another supervisor speaks already, the settings do not allow it, or there
    is no conversation to take over.

Without an agent it serves a supervisor whom Hotline has called, as extension answered of hotline-monitor does.

Variables set:
    HOTLINEMONITORSTATUS  ENDED     the supervisor listens no more
                          TOOKOVER  the supervisor had taken over, and that conversation is over
                          REFUSED   HOTLINEMONITORREASON says why
    HOTLINEMONITORREASON  why it was refused, for people; empty otherwise

Example:
 exten => _*571X!,1,HotlineMonitor(${EXTEN:4},listen)
 same => n,Goto(hotline-monitor,${HOTLINEMONITORSTATUS},1)";

    fn run(channel: &Channel, arguments: &str) -> Exit {
        let (status, reason) = match serve(channel, arguments) {
            Ok(status) => (status, String::new()),
            Err(reason) => ("REFUSED", reason),
        };
        leave(channel, status, &reason)
    }

    fn panicked(channel: &Channel) -> Exit {
        leave(channel, "REFUSED", "Hotline could not go on; the log says why")
    }
}

fn leave(channel: &Channel, status: &str, reason: &str) -> Exit {
    channel.set_variable("HOTLINEMONITORSTATUS", status);
    channel.set_variable("HOTLINEMONITORREASON", reason);
    if channel.hung_up() && !channel.redirected() {
        Exit::HangUp
    } else {
        Exit::Continue
    }
}

fn serve(channel: &Channel, arguments: &str) -> Result<&'static str, String> {
    let instance = instance().ok_or("Hotline is not running")?;
    let port = match called(channel) {
        Some(monitor) => instance
            .host
            .monitor_answered(monitor)
            .map_err(|error| error.to_string())?,
        None => {
            let request = request(channel, arguments)?;
            instance.phones.occupied(&instance.host, channel, &request.phone);
            let author = format!("phone:{}", request.phone);
            instance
                .host
                .monitor(&author, request)
                .map_err(|error| error.to_string())?
        }
    };
    channel
        .answer()
        .map_err(|_| "the supervisor hung up".to_owned())?;
    let tap = Tap::new(channel).ok_or("the PBX cannot play to this channel")?;
    let session = Session {
        channel,
        instance: &instance,
        port,
        device: channel.device(),
        tap,
        heard: None,
    };
    Ok(session.run())
}

/// Which listening the channel was called for. Once: what the variable says is used up.
fn called(channel: &Channel) -> Option<MonitorId> {
    let number = channel.variable("HOTLINE_MONITOR")?.parse().ok()?;
    channel.set_variable("HOTLINE_MONITOR", "");
    Some(MonitorId(number))
}

fn request(channel: &Channel, arguments: &str) -> Result<MonitorRequest, String> {
    let words = words(arguments, 3);
    let word = |place: usize| words.get(place).copied().unwrap_or_default();
    if word(0).is_empty() {
        return Err("HotlineMonitor needs the number of an agent".to_owned());
    }
    let mode = match word(1) {
        "" | "listen" => MonitorMode::Listen,
        "whisper" => MonitorMode::Whisper,
        "barge" => MonitorMode::Barge,
        "takeover" => MonitorMode::TakeOver,
        other => return Err(format!("HotlineMonitor has no mode '{other}'")),
    };
    let follow = match word(2) {
        "" | "agent" => Follow::Agent,
        "call" => Follow::Call,
        other => {
            return Err(format!(
                "HotlineMonitor follows the agent or the call, not '{other}'"
            ));
        }
    };
    Ok(MonitorRequest {
        phone: channel.device(),
        agent: word(0).to_owned(),
        mode,
        follow,
    })
}

/// A supervisor on the line. Dropped at any moment, it lets go of the conversation and tells the host.
struct Session<'a> {
    channel: &'a Channel,
    instance: &'a Instance,
    port: MonitorPort,
    /// The supervisor's own phone. A transfer puts another channel into the place of this one.
    device: String,
    tap: Tap<'a>,
    heard: Option<Heard>,
}

/// What is listened to.
#[derive(Clone, Copy)]
struct Heard {
    call: CallId,
    follow: Follow,
    /// Whether by the agent's channel.
    agents_own: bool,
}

impl Heard {
    fn agent(self) -> SpeakTo {
        SpeakTo {
            near: self.agents_own,
            far: !self.agents_own,
        }
    }

    fn those_who_hear(self, mode: MonitorMode) -> SpeakTo {
        match mode {
            MonitorMode::Listen | MonitorMode::TakeOver => SpeakTo::NOBODY,
            MonitorMode::Whisper => self.agent(),
            MonitorMode::Barge => SpeakTo {
                near: true,
                far: true,
            },
        }
    }
}

/// How it goes on.
enum Step {
    On,
    Over,
    TakeOver(CallId),
}

impl Session<'_> {
    /// Obeys until told to end, or until the supervisor hangs up.
    fn run(mut self) -> &'static str {
        let mut waiter = Waiter::default();
        loop {
            let woken = waiter.wait([self.channel], self.port.fd(), None);
            if self.channel.device() != self.device {
                log(
                    Level::Warning,
                    &format!(
                        "{} was put into the place of {}, who listens: that is over",
                        self.channel.device(),
                        self.device
                    ),
                );
                return "ENDED";
            }
            match woken {
                Ok(Woken::Fd) => {
                    while let Some(action) = self.port.take() {
                        match self.obey(action) {
                            Step::On => {}
                            Step::Over => return "ENDED",
                            Step::TakeOver(call) => match self.take_over(call) {
                                Ok(()) => return "TOOKOVER",
                                Err(Some(back)) => self = back,
                                Err(None) => return "ENDED",
                            },
                        }
                    }
                }
                Ok(Woken::Channel(_)) => {
                    match self.tap.read() {
                        Frame::Hangup => return "ENDED",
                        Frame::Dtmf(key) => self.port.report(MonitorFact::Key(key)),
                        Frame::Control(_) | Frame::Other => {}
                    }
                    if self.tap.lost() {
                        self.lose();
                    }
                }
                Ok(Woken::Spurious) => {}
                Err(error) => {
                    log(Level::Error, &format!("{}: {error}", self.channel.name()));
                    return "ENDED";
                }
            }
        }
    }

    fn obey(&mut self, action: MonitorAction) -> Step {
        match action {
            MonitorAction::Attach {
                call,
                follow,
                mode,
                tone,
            } => {
                if self.listen(call, follow) {
                    self.switch(mode, tone);
                } else {
                    self.port.report(MonitorFact::Lost(call));
                }
                Step::On
            }
            MonitorAction::Switch { mode, tone } => {
                self.switch(mode, tone);
                Step::On
            }
            MonitorAction::Idle => {
                self.heard = None;
                self.tap.detach();
                Step::On
            }
            MonitorAction::TakeOver { call } => Step::TakeOver(call),
            MonitorAction::Refuse => {
                self.tap.notice(REFUSED.0, REFUSED.1);
                Step::On
            }
            MonitorAction::End => Step::Over,
        }
    }

    fn switch(&mut self, mode: MonitorMode, tone: Option<Tone>) {
        let Some(heard) = self.heard else { return };
        if let Some(Tone { hertz, lasting }) = tone {
            self.tap
                .beep(heard.agent(), hertz, Duration::from_micros(lasting.0));
        }
        if !self.tap.speak(heard.those_who_hear(mode)) {
            self.lose();
        }
    }

    /// What was heard is gone.
    fn lose(&mut self) {
        self.tap.detach();
        if let Some(Heard { call, .. }) = self.heard.take() {
            self.port.report(MonitorFact::Lost(call));
        }
    }

    /// Takes the agent's place, until the conversation is over. Gives the session back if there is no such place.
    fn take_over(self, call: CallId) -> Result<(), Option<Self>> {
        let both = self.instance.talks.both(call);
        let seat = both.and_then(|(caller, leg)| leg.seat_with(&caller));
        let Some(seat) = seat.filter(|_| !self.channel.hung_up()) else {
            self.port.report(MonitorFact::NoPlace(call));
            return Err(Some(self));
        };
        drop(self.tap);
        let taken = seat.give_to(self.channel, || self.port.report(MonitorFact::TookOver(call)));
        if let Err(NotSeated) = taken {
            let Some(tap) = Tap::new(self.channel) else {
                return Err(None);
            };
            let mut session = Session { tap, ..self };
            session.not_seated(call);
            return Err(Some(session));
        }
        Ok(())
    }

    /// The agent's place was gone in the moment of taking it: goes on listening to what was heard before.
    fn not_seated(&mut self, call: CallId) {
        log(
            Level::Notice,
            &format!(
                "{}: the agent's place was gone before it could be taken",
                self.channel.name()
            ),
        );
        let heard = self.heard.take();
        let again = match heard {
            Some(Heard { call, follow, .. }) => self.listen(call, follow),
            None => true,
        };
        self.port.report(if again {
            MonitorFact::NoPlace(call)
        } else {
            MonitorFact::Lost(call)
        });
    }

    /// Hears a call from now on; false if it is gone.
    fn listen(&mut self, call: CallId, follow: Follow) -> bool {
        let target = self.instance.talks.target(call, follow);
        let heard = target.filter(|target| self.tap.attach(&target.channel, &target.room));
        self.heard = heard.map(|Target { agents_own, .. }| Heard {
            call,
            follow,
            agents_own,
        });
        if self.heard.is_none() {
            self.tap.detach();
        }
        self.heard.is_some()
    }
}
