//! The lines to those who are called: what their thread does.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io::{PipeReader, Read};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use asterisk::aside::NotPlayed;
use asterisk::frame::{Waiter, Woken};
use asterisk::{Channel, Control, Frame, HangupCause, Level, Outgoing, device, log, manager, place};
use hotline_engine::config::Answering;
use hotline_engine::event::RetrieveFailure;
use hotline_engine::ids::{CallId, MonitorId};
use hotline_engine::{action as conversation_line, input as conversation};
use hotline_host::Host;

use super::consults::{self, Consults};
use super::{ANSWERED, Answered, Callbacks, Order, Request, SUMMONED, Summoned, Summons};
use crate::ivr;
use crate::phones::pick_up;
use crate::table::masked;

/// Where who answers goes on in the dialplan.
const CONTEXT: &str = "hotline-callback";
const EXTENSION: &str = "answered";
/// The same for supervisors.
const MONITOR_CONTEXT: &str = "hotline-monitor";

/// The manager action of `res_pjsip_notify`, which can be used without linking to a module that may not be there.
const NOTIFY: &str = "PJSIPNotify";

/// How long a caller who leaves to be called back may take to hang up. The engine waits a little longer for an answer.
const LEAVING: Duration = Duration::from_secs(10);
/// How long it may take until a caller's thread knows that the caller leaves.
const NOTICE: Duration = Duration::from_millis(300);
/// Most calls at once: each has its share of the thread's stack while it waits.
const MOST_AT_ONCE: usize = 200;

/// What the thread knows.
pub(super) struct Lines {
    callbacks: Arc<Callbacks>,
    host: Host,
    wake: PipeReader,
    waiter: Waiter,
    /// Taken from the inbox, and not carried out yet.
    orders: VecDeque<Order>,
    /// Calls to be placed, once the callers are off the line.
    held: Vec<Held>,
    /// Callers who are still on the line.
    leaving: HashSet<CallId>,
    ringing: Vec<Line>,
    /// The channels, by their unique id, of those who answered and are not in the queue yet.
    answered: HashMap<CallId, String>,
    consults: Consults,
}

/// A call to be placed.
struct Held {
    request: Request,
    earliest: Instant,
    latest: Instant,
}

/// A call that rings.
struct Line {
    errand: Errand,
    call: Outgoing,
    /// The device that rings. Another one may pick the call up.
    device: String,
    until: Instant,
}

/// Why somebody is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Errand {
    Callback(CallId),
    Monitor(MonitorId),
    /// Whom the agent of a call consults.
    Consult(CallId),
}

impl Lines {
    pub(super) fn new(callbacks: Arc<Callbacks>, host: Host, wake: PipeReader) -> Lines {
        Lines {
            callbacks,
            host,
            wake,
            waiter: Waiter::default(),
            orders: VecDeque::new(),
            held: Vec::new(),
            leaving: HashSet::new(),
            ringing: Vec::new(),
            answered: HashMap::new(),
            consults: Consults::default(),
        }
    }

    /// Lets the agent of a call consult somebody.
    fn consult(&mut self, call: CallId, line: conversation_line::Line) {
        let Some(placed) = self.consults.begin(&self.callbacks, &self.host, call, &line) else {
            return;
        };
        self.ringing.push(Line {
            errand: Errand::Consult(call),
            device: placed.device(),
            call: placed,
            until: Instant::now() + consults::ring_time(&line),
        });
    }

    fn arrange(&mut self, call: CallId, how: conversation::Arrangement) {
        match how {
            conversation::Arrangement::Alone
            | conversation::Arrangement::Parted
            | conversation::Arrangement::HandedOver => self.stop_calling(Errand::Consult(call)),
            conversation::Arrangement::Apart
            | conversation::Arrangement::WithCaller
            | conversation::Arrangement::Together => {}
        }
        self.consults.arrange(&self.callbacks, &self.host, call, how);
    }

    pub(super) fn run(mut self) {
        // A panic harms what was done at that moment.
        while asterisk::caught("calling back", || self.step()).unwrap_or(true) {}
    }

    /// Does what is due, and sleeps until there is more. False at the end.
    fn step(&mut self) -> bool {
        self.orders
            .extend(std::mem::take(&mut self.callbacks.lock().orders));
        // One by one: a panic harms one of them.
        while let Some(order) = self.orders.pop_front() {
            if matches!(order, Order::Stop) {
                return false;
            }
            self.obey(order);
        }
        self.call_due();
        self.give_up();
        let ringing = self.ringing.iter().map(|line| line.until);
        let limit = ringing.chain(self.held.iter().map(|held| self.due(held))).min();
        let limit = limit.map(|until| until.saturating_duration_since(Instant::now()));
        let channels = self.ringing.iter().map(|line| &*line.call);
        match self.waiter.wait(channels, self.wake.as_fd(), limit) {
            Ok(Woken::Fd) => {
                // What it says is in the inbox.
                let _ = self.wake.read(&mut [0; 64]);
            }
            Ok(Woken::Channel(place)) => self.hear(place),
            Ok(Woken::Spurious) => {}
            Err(error) => {
                log(Level::Error, &format!("nobody is called back any more: {error}"));
                return false;
            }
        }
        true
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Call(request) => self.hold(request),
            Order::Cancel(callback) => self.cancel(callback),
            Order::Leaving(callback) => {
                self.leaving.insert(callback);
            }
            Order::Left(callback) => {
                self.leaving.remove(&callback);
            }
            Order::Joined(callback) => {
                self.answered.remove(&callback);
            }
            Order::Gone(callback, channel) => self.gone(callback, &channel),
            Order::Summon(summons) => self.summon(&summons),
            Order::Dismiss(monitor) => {
                self.stop_calling(Errand::Monitor(monitor));
            }
            Order::Disconnect(call, whom) => {
                if !self.callbacks.talks.hang_up(call, whom) {
                    self.host.disconnect_settled(call, whom, false);
                }
            }
            Order::Comfort(call, files) => self.comfort(call, &files),
            Order::Retrieve {
                call,
                event,
                unannounced,
            } => self.retrieve(call, &event, unannounced),
            Order::Hold(call, on) => {
                if self.callbacks.talks.hold(call, on) {
                    self.host.held(call, on);
                } else {
                    self.host.not_done(call, conversation::Order::Hold);
                }
            }
            Order::Mute(call, on) => {
                if self.callbacks.talks.mute(call, on) {
                    self.host.muted(call, on);
                } else {
                    self.host.not_done(call, conversation::Order::Mute);
                }
            }
            Order::SendAway(call, place) => ivr::send(&self.host, &self.callbacks.talks, call, &place),
            Order::BringBack(call) => self.callbacks.talks.bring_back(call),
            Order::Consult(call, line) => self.consult(call, line),
            Order::Arrange(call, how) => self.arrange(call, how),
            Order::LineGone(call, channel) => self.consults.line_gone(&self.host, call, &channel),
            Order::Stop => {}
        }
    }

    fn comfort(&self, call: CallId, files: &[String]) {
        let Some((caller, _)) = self.callbacks.talks.both(call) else {
            // Over meanwhile.
            return;
        };
        match caller.play_on_hold(files) {
            // One that lasts longer than the pause between two is heard to its end.
            Ok(()) | Err(NotPlayed::Plays) => {}
            Err(NotPlayed::NoPlace) => log(
                Level::Notice,
                &format!(
                    "{} hears no prompt on hold: it is in no conversation now",
                    caller.name()
                ),
            ),
        }
    }

    /// A call is to be placed. The first follows at once on the caller's leaving, who has to hang up first.
    fn hold(&mut self, request: Request) {
        let now = Instant::now();
        let (earliest, latest) = if request.attempt == 1 {
            (now + NOTICE, now + LEAVING)
        } else {
            (now, now)
        };
        self.held.push(Held {
            request,
            earliest,
            latest,
        });
    }

    /// When a call is to be placed as it looks now.
    fn due(&self, held: &Held) -> Instant {
        if self.leaving.contains(&held.request.callback) {
            held.latest
        } else {
            held.earliest
        }
    }

    fn call_due(&mut self) {
        let now = Instant::now();
        while let Some(place) = self.held.iter().position(|held| self.due(held) <= now) {
            let Held { request, .. } = self.held.swap_remove(place);
            self.call(&request);
        }
    }

    fn call(&mut self, request: &Request) {
        let Request {
            callback,
            attempt,
            dial,
            number,
            queue,
        } = request;
        let refused = |why: &str| {
            log(
                Level::Warning,
                &format!("{} cannot be called back for {queue}: {why}", masked(number)),
            );
            self.host.callback_failed(*callback);
        };
        if !place::exists(CONTEXT, EXTENSION) {
            return refused("the dialplan has no hotline-callback,answered,1; hotline.conf brings it");
        }
        if self.ringing.len() >= MOST_AT_ONCE {
            return refused("as many as can be are called at this moment");
        }
        let placed = Outgoing::dial(dial, number, |channel| {
            channel.set_variable("HOTLINE_CALLBACK", &self.host.reference_of(*callback));
            channel.set_variable("HOTLINE_QUEUE", queue);
            channel.set_variable("HOTLINE_CALLER", number);
            channel.set_variable("HOTLINE_ATTEMPT", &attempt.to_string());
        });
        match placed {
            Ok(call) => self.ringing.push(Line {
                errand: Errand::Callback(*callback),
                device: call.device(),
                call,
                until: Instant::now() + self.ring_time(queue),
            }),
            Err(cause) => refused(&format!("{cause:?}")),
        }
    }

    /// Only the phone can end its hold: the PBX asks it by a NOTIFY in the dialog.
    fn retrieve(&self, call: CallId, event: &str, unannounced: bool) {
        if let Err(why) = self.ask_to_retrieve(call, event, unannounced) {
            self.host.retrieve_failed(call, why);
        }
    }

    fn ask_to_retrieve(&self, call: CallId, event: &str, unannounced: bool) -> Result<(), RetrieveFailure> {
        // Over meanwhile, or about to be.
        let talks = &self.callbacks.talks;
        let both = talks.both(call).zip(talks.handset(call));
        let ((caller, leg), handset) = both.ok_or(RetrieveFailure::NotSent)?;
        let name = leg.name();
        if !name.starts_with("PJSIP/") {
            return Err(RetrieveFailure::NoSipPhone);
        }
        // Whoever the agent calls on another line would be put on hold instead; by the keys of features.conf the PBX holds the
        // caller, not the phone. At an endpoint that is shared nobody knows whose the other lines are.
        let own = leg.unique_id();
        let lines = device::channels_at(&leg.device()).filter(|_| !handset.shared);
        let elsewhere = lines.is_some_and(|lines| lines.iter().any(|line| *line != own));
        if elsewhere || leg.seat_with(&caller).is_none() {
            return Err(RetrieveFailure::Consulting);
        }
        let announced = |known: &String| known.eq_ignore_ascii_case(event);
        if !unannounced && !handset.events.iter().any(announced) {
            log(
                Level::Notice,
                &format!(
                    "{name} does not announce that it understands Event: {event} (Allow-Events of its answer, by res_pjsip_header_funcs): \
                     it is not asked to retrieve its caller; see retrieve_unannounced"
                ),
            );
            return Err(RetrieveFailure::NotAnnounced);
        }
        let event = format!("Event={event}");
        manager::action(NOTIFY, &[("Channel", &name), ("Variable", &event)]).map_err(|why| {
            log(
                Level::Warning,
                &format!("{name} cannot be asked to retrieve its caller from hold: {why}"),
            );
            RetrieveFailure::NotSent
        })
    }

    fn summon(&mut self, summons: &Summons) {
        let Summons {
            monitor,
            phone,
            supervisor,
            agent,
            answering,
            ring_time,
        } = summons;
        let refused = |why: &str| {
            log(
                Level::Warning,
                &format!("supervisor {supervisor} cannot be called at {phone}: {why}"),
            );
            self.host.monitor_failed(*monitor);
        };
        if !place::exists(MONITOR_CONTEXT, EXTENSION) {
            return refused("the dialplan has no hotline-monitor,answered,1; hotline.conf brings it");
        }
        if self.ringing.len() >= MOST_AT_ONCE {
            return refused("as many as can be are called at this moment");
        }
        let placed = Outgoing::dial(phone, supervisor, |channel| {
            channel.set_variable("HOTLINE_MONITOR", &monitor.0.to_string());
            channel.set_variable("HOTLINE_SUPERVISOR", supervisor);
            channel.set_variable("HOTLINE_AGENT", agent);
            channel.show_name(&format!("Monitor {agent}"));
            match answering {
                Answering::Automatic => pick_up(channel),
                Answering::Manual => {}
            }
        });
        match placed {
            Ok(call) => self.ringing.push(Line {
                errand: Errand::Monitor(*monitor),
                device: call.device(),
                call,
                until: Instant::now() + *ring_time,
            }),
            Err(cause) => refused(&format!("{cause:?}")),
        }
    }

    /// How long one is tried. The engine would wait a little longer.
    fn ring_time(&self, queue: &str) -> Duration {
        let settings = self.host.settings();
        let queue = settings.config.queues.iter().find(|known| known.name == queue);
        let span = queue.map_or(30_000_000, |queue| queue.callback.ring_time.0);
        Duration::from_micros(span)
    }

    fn cancel(&mut self, callback: CallId) {
        self.held.retain(|held| held.request.callback != callback);
        self.stop_calling(Errand::Callback(callback));
        if let Some(channel) = self.answered.remove(&callback)
            && let Some(channel) = Channel::find(&channel)
        {
            channel.ask_to_hang_up();
        }
    }

    fn stop_calling(&mut self, errand: Errand) {
        if let Some(place) = self.ringing.iter().position(|line| line.errand == errand) {
            self.ringing.swap_remove(place).call.cancel();
        }
    }

    /// Who answered has hung up. Before being in the queue, that is no better than no answer.
    fn gone(&mut self, callback: CallId, channel: &str) {
        if self.answered.get(&callback).is_some_and(|known| known == channel) {
            self.answered.remove(&callback);
            self.host.callback_failed(callback);
        }
    }

    /// Hangs up what has rung long enough.
    fn give_up(&mut self) {
        let now = Instant::now();
        while let Some(place) = self.ringing.iter().position(|line| line.until <= now) {
            self.fail(place, HangupCause::NoAnswer);
        }
    }

    fn fail(&mut self, place: usize, cause: HangupCause) {
        let line = self.ringing.swap_remove(place);
        line.call.failed(cause);
        match line.errand {
            Errand::Consult(call) => self.consults.failed(&self.host, call, cause),
            Errand::Callback(_) | Errand::Monitor(_) => self.failed(line.errand),
        }
    }

    /// Calling somebody came to nothing.
    fn failed(&mut self, errand: Errand) {
        match errand {
            Errand::Callback(callback) => {
                self.answered.remove(&callback);
                self.host.callback_failed(callback);
            }
            Errand::Monitor(monitor) => self.host.monitor_failed(monitor),
            Errand::Consult(call) => self.consults.failed(&self.host, call, HangupCause::NotSet),
        }
    }

    /// What a line says.
    fn hear(&mut self, place: usize) {
        let Some(line) = self.ringing.get(place) else {
            return;
        };
        let failure = match line.call.read() {
            Frame::Hangup => Some(line.call.hangup_cause()),
            // Whoever is called back is called at this number.
            _ if line.call.forwarded() => Some(HangupCause::Rejected),
            Frame::Control(Control::Busy) => Some(HangupCause::Busy),
            Frame::Control(Control::Congestion) => Some(HangupCause::Unreachable(0)),
            Frame::Control(Control::Ringing | Control::Answer | Control::Other(_))
            | Frame::Dtmf(_)
            | Frame::Other => None,
        };
        match failure {
            Some(cause) => self.fail(place, cause),
            None if line.call.is_up() => self.answered(place),
            None => {}
        }
    }

    fn answered(&mut self, place: usize) {
        let Line {
            errand, call, device, ..
        } = self.ringing.swap_remove(place);
        if let Errand::Monitor(_) = errand
            && call.device() != device
        {
            log(
                Level::Warning,
                &format!(
                    "{} picked up what {device} was called for: nobody listens",
                    call.device()
                ),
            );
            call.cancel();
            return self.failed(errand);
        }
        if let Errand::Consult(consult) = errand {
            return self.consults.answered(&self.callbacks, &self.host, consult, call);
        }
        // The channel's end tells what has become of it.
        let (attached, context) = match errand {
            Errand::Callback(callback) => {
                let channel = call.unique_id();
                let attached = call.attach(&ANSWERED, || Answered {
                    callbacks: Arc::clone(&self.callbacks),
                    callback,
                    channel: channel.clone(),
                });
                self.answered.insert(callback, channel);
                (attached.is_some(), CONTEXT)
            }
            Errand::Monitor(monitor) => {
                let host = self.host.clone();
                let attached = call.attach(&SUMMONED, || Summoned { host, monitor });
                (attached.is_some(), MONITOR_CONTEXT)
            }
            Errand::Consult(_) => return,
        };
        if !attached || !call.run_dialplan(context, EXTENSION) {
            log(
                Level::Warning,
                "the PBX takes no more calls: somebody who was called answered for nothing",
            );
            self.failed(errand);
        }
    }
}
