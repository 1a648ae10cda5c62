//! Recordings of conversations.
//!
//! One thread has them all: it tells the PBX's recorder, which writes on threads of its own, looks after the room on the disk, and
//! is told by the system when a file is closed. So no thread that serves a call ever waits for the disk.

mod files;
mod tapes;

use std::io::{PipeWriter, Write, pipe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use asterisk::{Level, log, recording};
use hotline_engine::ids::{CallId, RecordingId};
use hotline_engine::input::RecordOrder;
use hotline_host::Host;

use files::Closings;
use tapes::Tapes;

use crate::talks::Talks;

/// See the head of this file.
pub(crate) struct Recorder {
    talks: Arc<Talks>,
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
    Record(RecordingId, CallId, RecordOrder),
    /// Closes all, and ends the thread.
    Stop,
}

impl Recorder {
    pub(crate) fn new(talks: Arc<Talks>) -> Arc<Recorder> {
        Arc::new(Recorder {
            talks,
            inbox: Mutex::default(),
            thread: Mutex::default(),
        })
    }

    /// Begins. What was asked for before is done then.
    pub(crate) fn start(self: &Arc<Recorder>, host: Host) -> Result<(), String> {
        if host.settings().recording.is_some() && !recording::available() {
            log(
                Level::Error,
                "NOTHING IS RECORDED: the PBX's recorder is not there; load the module app_mixmonitor",
            );
        }
        let (wake, waker) = pipe().map_err(|error| format!("a pipe: {error}"))?;
        let closings =
            Closings::new().map_err(|error| format!("no word of files that are closed: {error}"))?;
        self.lock().wake = Some(waker);
        let recorder = Arc::clone(self);
        let thread = std::thread::Builder::new()
            .name("hotline-record".to_owned())
            .spawn(move || Tapes::new(recorder, host, wake, closings).run())
            .map_err(|error| format!("a thread: {error}"))?;
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }

    /// Ends all recordings, waits until their files are closed, but not for ever, and ends the thread.
    pub(crate) fn stop(&self) {
        self.add(Order::Stop);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }

    /// Does that with a recording. Never blocks.
    pub(crate) fn order(&self, recording: RecordingId, call: CallId, order: RecordOrder) {
        self.add(Order::Record(recording, call, order));
    }

    fn add(&self, order: Order) {
        let mut inbox = self.lock();
        // With orders left the thread has been woken already, so the pipe never fills.
        let asleep = inbox.orders.is_empty();
        inbox.orders.push(order);
        if asleep && let Some(wake) = &mut inbox.wake {
            // It fails only when the thread is gone.
            let _ = wake.write(&[0]);
        }
    }

    fn take(&self) -> Vec<Order> {
        std::mem::take(&mut self.lock().orders)
    }

    fn lock(&self) -> MutexGuard<'_, Inbox> {
        // Each change is whole before anything can panic.
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
