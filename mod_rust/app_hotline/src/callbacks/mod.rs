//! Calls to those who are owed one, and to supervisors who are to listen.
//!
//! One thread places them all: it sleeps on the lines that ring and on a pipe by which others hand over what is to be done. Who
//! answers goes on in the dialplan, which lets callers into the queue at their old place, and supervisors listen. It hangs up
//! as well whom a supervisor disconnects, and cares for callers on hold: the engine's thread, which tells so, must not wait for a
//! channel.

mod consults;
mod lines;

use std::io::{PipeWriter, Write, pipe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use asterisk::Channel;
use asterisk::datastore::Kind;
use hotline_engine::action::Line;
use hotline_engine::config::Answering;
use hotline_engine::ids::{CallId, MonitorId};
use hotline_engine::input::{Arrangement, Whom};
use hotline_host::Host;

use lines::Lines;

use crate::phones::Phones;
use crate::talks::Talks;

/// See the head of this file.
pub(crate) struct Callbacks {
    talks: Arc<Talks>,
    phones: Arc<Phones>,
    inbox: Mutex<Inbox>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Inbox {
    orders: Vec<Order>,
    /// Wakes the thread; none before it runs.
    wake: Option<PipeWriter>,
}

/// What is to be done.
enum Order {
    Call(Request),
    Cancel(CallId),
    /// A caller is on the way out, to be called back.
    Leaving(CallId),
    /// That caller has hung up.
    Left(CallId),
    /// Who answered is in the queue.
    Joined(CallId),
    /// The channel of who answered is gone: this one.
    Gone(CallId, String),
    /// A supervisor is to be called, or no longer.
    Summon(Summons),
    Dismiss(MonitorId),
    Disconnect(CallId, Whom),
    /// A caller on hold is to hear these files.
    Comfort(CallId, Vec<String>),
    /// The phone that holds a caller is to be asked to retrieve, in that word.
    Retrieve {
        call: CallId,
        event: String,
        unannounced: bool,
    },
    /// A caller is to be put on hold, or no longer.
    Hold(CallId, bool),
    /// A caller is to hear nothing of the agent, or again.
    Mute(CallId, bool),
    /// A caller is to go to a place of the dialplan, or to come back from there.
    SendAway(CallId, String),
    BringBack(CallId),
    /// An agent is to consult somebody.
    Consult(CallId, Line),
    Arrange(CallId, Arrangement),
    /// The line of a consultation is gone: this channel.
    LineGone(CallId, String),
    Stop,
}

/// Which supervisor to call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Summons {
    pub(crate) monitor: MonitorId,
    /// The phone's device, which can be dialled.
    pub(crate) phone: String,
    pub(crate) supervisor: String,
    pub(crate) agent: String,
    pub(crate) answering: Answering,
    pub(crate) ring_time: Duration,
}

/// Whom to call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Request {
    pub(crate) callback: CallId,
    pub(crate) attempt: u32,
    pub(crate) dial: String,
    pub(crate) number: String,
    pub(crate) queue: String,
}

impl Callbacks {
    pub(crate) fn new(talks: Arc<Talks>, phones: Arc<Phones>) -> Arc<Callbacks> {
        Arc::new(Callbacks {
            talks,
            phones,
            inbox: Mutex::default(),
            thread: Mutex::default(),
        })
    }

    /// Begins to call. What was asked for before is done then.
    pub(crate) fn start(self: &Arc<Callbacks>, host: Host) -> Result<(), String> {
        let (wake, waker) = pipe().map_err(|error| format!("a pipe: {error}"))?;
        self.lock().wake = Some(waker);
        let callbacks = Arc::clone(self);
        let thread = std::thread::Builder::new()
            .name("hotline-callbacks".to_owned())
            .spawn(move || Lines::new(callbacks, host, wake).run())
            .map_err(|error| format!("a thread: {error}"))?;
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }

    /// Ends all that rings, and the thread.
    pub(crate) fn stop(&self) {
        self.order(Order::Stop);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }

    /// Calls somebody. Never blocks.
    pub(crate) fn call(&self, request: Request) {
        self.order(Order::Call(request));
    }

    /// Calls somebody no more. Never blocks.
    pub(crate) fn cancel(&self, callback: CallId) {
        self.order(Order::Cancel(callback));
    }

    /// Calls a supervisor. Never blocks.
    pub(crate) fn summon(&self, summons: Summons) {
        self.order(Order::Summon(summons));
    }

    /// Calls a supervisor no more. Never blocks.
    pub(crate) fn dismiss(&self, monitor: MonitorId) {
        self.order(Order::Dismiss(monitor));
    }

    /// Hangs up somebody of a conversation. Never blocks.
    pub(crate) fn disconnect(&self, call: CallId, whom: Whom) {
        self.order(Order::Disconnect(call, whom));
    }

    /// Plays to a caller on hold. Never blocks.
    pub(crate) fn comfort(&self, call: CallId, files: Vec<String>) {
        self.order(Order::Comfort(call, files));
    }

    /// Asks the phone that holds a caller to retrieve. Never blocks.
    pub(crate) fn retrieve(&self, call: CallId, event: String, unannounced: bool) {
        self.order(Order::Retrieve {
            call,
            event,
            unannounced,
        });
    }

    /// Puts the caller of a conversation on hold, or takes that back. Never blocks.
    pub(crate) fn hold(&self, call: CallId, on: bool) {
        self.order(Order::Hold(call, on));
    }

    /// Lets the caller of a conversation hear nothing of the agent, or again. Never blocks.
    pub(crate) fn mute(&self, call: CallId, on: bool) {
        self.order(Order::Mute(call, on));
    }

    /// Sends the caller of a conversation to a place of the dialplan for a while. Never blocks.
    pub(crate) fn send_away(&self, call: CallId, place: String) {
        self.order(Order::SendAway(call, place));
    }

    /// Brings a caller back who is away. Never blocks.
    pub(crate) fn bring_back(&self, call: CallId) {
        self.order(Order::BringBack(call));
    }

    /// Lets the agent of a call consult somebody. Never blocks.
    pub(crate) fn consult(&self, call: CallId, line: Line) {
        self.order(Order::Consult(call, line));
    }

    /// Arranges who hears whom in a consultation. Never blocks.
    pub(crate) fn arrange(&self, call: CallId, how: Arrangement) {
        self.order(Order::Arrange(call, how));
    }

    /// A caller is told to hang up and to be called back; who is still on the line is not called. Never blocks.
    pub(crate) fn leaving(self: &Arc<Callbacks>, channel: &Channel, callback: CallId) {
        self.order(Order::Leaving(callback));
        let leaving = channel.attach(&LEAVER, || Leaver {
            callbacks: Arc::clone(self),
            callback,
        });
        // It has left before, or there is no memory: then nobody tells when the line is free.
        if leaving.is_none_or(|leaving| leaving.callback != callback) {
            self.order(Order::Left(callback));
        }
    }

    /// Who answered is in the queue: what becomes of the channel is no longer the callback's. Never blocks.
    pub(crate) fn joined(&self, callback: CallId) {
        self.order(Order::Joined(callback));
    }

    fn order(&self, order: Order) {
        let mut inbox = self.lock();
        // With orders left the thread has been woken already, so the pipe never fills.
        let asleep = inbox.orders.is_empty();
        inbox.orders.push(order);
        if asleep && let Some(wake) = &mut inbox.wake {
            // It fails only when the thread is gone.
            let _ = wake.write(&[0]);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inbox> {
        // Each change is whole before anything can panic.
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lives as long as the channel of a caller who is to be called back.
struct Leaver {
    callbacks: Arc<Callbacks>,
    callback: CallId,
}

static LEAVER: Kind<Leaver> = Kind::own(c"hotline_leaver");

impl Drop for Leaver {
    fn drop(&mut self) {
        self.callbacks.order(Order::Left(self.callback));
    }
}

/// Lives as long as the channel of somebody who answered.
struct Answered {
    callbacks: Arc<Callbacks>,
    callback: CallId,
    channel: String,
}

static ANSWERED: Kind<Answered> = Kind::own(c"hotline_callback");

impl Drop for Answered {
    fn drop(&mut self) {
        let channel = std::mem::take(&mut self.channel);
        self.callbacks.order(Order::Gone(self.callback, channel));
    }
}

/// Lives as long as the channel of a supervisor who answered. Once the supervisor listens, the host knows better.
struct Summoned {
    host: Host,
    monitor: MonitorId,
}

static SUMMONED: Kind<Summoned> = Kind::own(c"hotline_supervisor");

impl Drop for Summoned {
    fn drop(&mut self) {
        self.host.monitor_failed(self.monitor);
    }
}
