//! The publisher: one thread that turns the engine's events into lines for the control socket and tells the PBX's own
//! listeners, in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender};

use hotline_engine::{Event, Time, View};
use hotline_wire::frame::EventFrame;
use hotline_wire::{FromNode, Snapshot, line};

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
        let mut expected = 1;
        for publication in publications {
            self.depth.fetch_sub(1, Ordering::Relaxed);
            match publication {
                Publication::Event { seq, at, event } => {
                    if seq != expected {
                        let lost = seq.saturating_sub(expected);
                        self.pbx.log(
                            Level::Error,
                            &format!("{lost} events were lost: more came than could be published"),
                        );
                    }
                    expected = seq + 1;
                    let event = self.vocabulary.event(event);
                    if let hotline_wire::Event::Fault { what } = &event {
                        let advice = "this is a defect, please report it";
                        self.pbx.log(
                            Level::Error,
                            &format!("the engine met what must not happen: {what}; {advice}"),
                        );
                    }
                    self.pbx.publish(at.0, &event);
                    overflowing =
                        self.keep(FromNode::Event(EventFrame { seq, at: at.0, event }), overflowing);
                }
                Publication::Snapshot { seq, at, view, reply } => {
                    // The asker may have gone meanwhile.
                    let _ = reply.try_send(self.vocabulary.snapshot(seq, at, view));
                }
                Publication::Stop => break,
            }
        }
    }

    /// Returns whether the log is overflowing now, and says so when that begins.
    fn keep(&self, frame: FromNode, overflowing: bool) -> bool {
        let FromNode::Event(EventFrame { seq, .. }) = frame else {
            return overflowing;
        };
        match line::encode(&frame) {
            Ok(line) => {
                let dropped = self.log.append(seq, line.into()) > 0;
                if dropped && !overflowing {
                    let advice = "no supervisor stores them; is hotline-supervisord running?";
                    self.pbx.log(
                        Level::Warning,
                        &format!("the event log is full, the oldest events are dropped: {advice}"),
                    );
                }
                dropped
            }
            Err(error) => {
                self.pbx.log(
                    Level::Error,
                    &format!("event {seq} cannot be encoded and is lost: {error}"),
                );
                overflowing
            }
        }
    }
}
