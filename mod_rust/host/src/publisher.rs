//! The publisher: one thread that turns the engine's events into lines for the control socket and tells the PBX's own
//! listeners, in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender};

use hotline_engine::{Event, Time, View};
use hotline_wire::event::RefusedCall;
use hotline_wire::frame::EventFrame;
use hotline_wire::{FromNode, MAX_LINE, Snapshot, line};

use crate::convert::Vocabulary;
use crate::log::EventLog;
use crate::pbx::{Level, Pbx};

/// What the engine's thread hands over, in the order of its story.
pub(crate) enum Publication {
    Event {
        seq: u64,
        at: Time,
        event: Event,
    },
    Snapshot {
        seq: u64,
        at: Time,
        view: View,
        reply: SyncSender<Snapshot>,
    },
    Stop,
}

/// The engine's end: never blocks. More than `max` unpublished events are dropped and met by every client as a gap.
pub(crate) struct Outlet {
    channel: Sender<Publication>,
    depth: Arc<AtomicUsize>,
    max: usize,
}

impl Outlet {
    pub(crate) fn new(channel: Sender<Publication>, depth: Arc<AtomicUsize>, max: usize) -> Outlet {
        Outlet { channel, depth, max }
    }

    pub(crate) fn send(&self, publication: Publication) {
        if self.depth.fetch_add(1, Ordering::Relaxed) >= self.max
            && matches!(publication, Publication::Event { .. })
        {
            self.depth.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        // The publisher outlives the engine's thread but when both stop: then nobody listens any more.
        let _ = self.channel.send(publication);
    }
}

pub(crate) struct Publisher {
    pub(crate) vocabulary: Vocabulary,
    pub(crate) log: Arc<EventLog>,
    pub(crate) pbx: Arc<dyn Pbx>,
    pub(crate) depth: Arc<AtomicUsize>,
}

impl Publisher {
    pub(crate) fn run(mut self, publications: &Receiver<Publication>) {
        let mut overflowing = false;
        let mut refused = None;
        let mut expected = 1;
        for publication in publications {
            self.depth.fetch_sub(1, Ordering::Relaxed);
            match publication {
                Publication::Event { seq, at, event } => {
                    self.lost(expected, seq);
                    expected = seq + 1;
                    let event = self.vocabulary.event(event);
                    self.mention(&event, &mut refused);
                    self.pbx.publish(at.0, &event);
                    overflowing = self.keep(EventFrame { seq, at: at.0, event }, overflowing);
                }
                Publication::Snapshot { seq, at, view, reply } => {
                    // Lost events that no later one has shown: whoever waits for them must not.
                    self.lost(expected, seq + 1);
                    expected = seq + 1;
                    // The asker may have gone meanwhile.
                    let _ = reply.try_send(self.vocabulary.snapshot(seq, at, view));
                }
                Publication::Stop => break,
            }
        }
    }

    /// The events from `expected` up to, not including, `next` never came.
    fn lost(&self, expected: u64, next: u64) {
        if expected < next {
            let lost = next - expected;
            self.error(&format!(
                "{lost} events were lost: more came than could be published"
            ));
            self.log.skip_to(next);
        }
    }

    fn error(&self, message: &str) {
        self.pbx.log(Level::Error, message);
    }

    /// Logs what an operator must hear of. A refusal that goes on is said once.
    fn mention(&self, event: &hotline_wire::Event, refused: &mut Option<(String, RefusedCall)>) {
        match event {
            hotline_wire::Event::Fault { what } => {
                let advice = "this is a defect, please report it";
                self.error(&format!("the engine met what must not happen: {what}; {advice}"));
            }
            hotline_wire::Event::CallRefused { queue, reason, .. } => {
                let now = Some((queue.clone(), *reason));
                if *refused == now {
                    return;
                }
                *refused = now;
                let why = match reason {
                    RefusedCall::UnknownQueue => "there is no such queue in the settings",
                    RefusedCall::AtLimit => "as many calls are up as [limits] calls allows",
                };
                self.pbx.log(
                    Level::Warning,
                    &format!("callers of queue {queue:?} are refused: {why}"),
                );
            }
            _ => {}
        }
    }

    /// Returns whether the log is overflowing now, and says so when that begins.
    fn keep(&self, frame: EventFrame, overflowing: bool) -> bool {
        let seq = frame.seq;
        let line = match line::encode(&FromNode::Event(frame)) {
            Ok(line) if line.len() <= MAX_LINE => line,
            Ok(line) => {
                let length = line.len();
                self.log.skip_to(seq + 1);
                self.error(&format!(
                    "event {seq} is lost: its {length} bytes are more than a line may have"
                ));
                return overflowing;
            }
            Err(error) => {
                self.log.skip_to(seq + 1);
                self.error(&format!("event {seq} cannot be encoded and is lost: {error}"));
                return overflowing;
            }
        };
        let dropped = self.log.append(seq, line.into());
        if dropped && !overflowing {
            let advice = match self.log.info().spool {
                None => "no supervisor stores them, and there is no [spool]; is hotline-supervisord running?",
                Some(_) => {
                    "no supervisor stores them, and the spool cannot be written fast enough, or not at all"
                }
            };
            self.error(&format!(
                "the event log is full, the oldest events are dropped: {advice}"
            ));
        }
        dropped
    }
}
