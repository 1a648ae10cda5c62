//! The thread that has all recordings: each from the order to start it until its files are closed.

use std::collections::BTreeMap;
use std::io::{PipeReader, Read};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use asterisk::{Level, Recording, log};
use hotline_engine::event::RecordingFailure;
use hotline_engine::ids::{CallId, RecordingId};
use hotline_engine::input::{Follow, RecordOrder, RecordingFact};
use hotline_host::Host;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::files::{Closings, News, NoFiles, Pair, is_short, name};
use super::{Order, Recorder};

/// How long the recorder may take to close files.
const CLOSING: Duration = Duration::from_secs(10);
/// How long it may take to open them after it was told to end.
const OPENING: Duration = Duration::from_secs(1);
/// How often the room on the disk is looked at while something is recorded.
const LOOK: Duration = Duration::from_secs(5);
/// Shorter ones may hold nothing.
const SHORT: Duration = Duration::from_secs(2);

pub(super) struct Tapes {
    recorder: Arc<Recorder>,
    host: Host,
    wake: PipeReader,
    closings: Closings,
    tapes: BTreeMap<RecordingId, Tape>,
    /// When the disk is looked at next; `None` while nothing is recorded.
    look: Option<Instant>,
    stopping: bool,
}

struct Tape {
    /// While it records.
    recording: Option<Recording>,
    pair: Pair,
    /// Whether the recorder has opened a file.
    begun: bool,
    /// Of either file, whether it is still to be closed.
    open: [bool; 2],
    keep_free_mib: u64,
    started: Instant,
    /// Since when it does not record, and until when its files may take to be closed.
    ended: Option<(Instant, Instant)>,
    failed: Option<RecordingFailure>,
}

impl Tapes {
    pub(super) fn new(recorder: Arc<Recorder>, host: Host, wake: PipeReader, closings: Closings) -> Tapes {
        Tapes {
            recorder,
            host,
            wake,
            closings,
            tapes: BTreeMap::new(),
            look: None,
            stopping: false,
        }
    }

    pub(super) fn run(mut self) {
        // A panic harms what was done at that moment.
        while asterisk::caught("recording", || self.step()).unwrap_or(true) {}
    }

    /// Sleeps until there is something to do, and does it. False at the end.
    fn step(&mut self) -> bool {
        self.sleep();
        for order in self.recorder.take() {
            match order {
                Order::Record(recording, call, order) => self.carry_out(recording, call, order),
                Order::Stop => {
                    self.stopping = true;
                    for tape in self.tapes.values_mut() {
                        tape.end();
                    }
                }
            }
        }
        self.note_closed();
        self.look_after_room();
        self.finish();
        !(self.stopping && self.tapes.is_empty())
    }

    fn sleep(&mut self) {
        let limits = self.tapes.values().filter_map(|tape| tape.ended);
        let next = limits.map(|(_, limit)| limit).chain(self.look).min();
        let left = next.map(|at| at.saturating_duration_since(Instant::now()));
        let left = left.map(|left| Timespec {
            tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        });
        let closings = self.closings.fd();
        let mut both = [
            PollFd::from_borrowed_fd(self.wake.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(closings, PollFlags::IN),
        ];
        // Interrupted, there may be nothing to do yet.
        let ready = poll(&mut both, left.as_ref()).unwrap_or(0);
        if ready > 0 && !both[0].revents().is_empty() {
            // One byte for all orders there are.
            let _ = self.wake.read(&mut [0; 64]);
        }
    }

    fn carry_out(&mut self, id: RecordingId, call: CallId, order: RecordOrder) {
        match order {
            RecordOrder::Start => {
                if let Err(NoFiles { why, message }) = self.start(id, call) {
                    let level = match why {
                        RecordingFailure::TooLate => Level::Debug,
                        RecordingFailure::Folder
                        | RecordingFailure::DiskFull
                        | RecordingFailure::Recorder
                        | RecordingFailure::Incomplete => Level::Warning,
                    };
                    let call = self.host.reference_of(call);
                    log(level, &format!("{call} is not recorded: {message}"));
                    self.host.recording(id, RecordingFact::Failed { why, bytes: 0 });
                }
            }
            RecordOrder::Stop => {
                if let Some(tape) = self.tapes.get_mut(&id) {
                    tape.end();
                }
            }
            RecordOrder::Pause => self.pause(id, true),
            RecordOrder::Resume => self.pause(id, false),
        }
    }

    fn start(&mut self, id: RecordingId, call: CallId) -> Result<(), NoFiles> {
        let fails = |why, message: &str| NoFiles {
            why,
            message: message.to_owned(),
        };
        let settings = self.host.settings();
        let settings = settings.recording.as_ref().ok_or_else(|| {
            fails(
                RecordingFailure::Folder,
                "the settings name no folder: [recording] folder",
            )
        })?;
        let over = || fails(RecordingFailure::TooLate, "the conversation is over");
        let target = self
            .recorder
            .talks
            .target(call, Follow::Call)
            .filter(|target| !target.channel.hung_up())
            .ok_or_else(over)?;
        let name = name(self.host.now(), &self.host.reference_of(call), id.0);
        let pair = Pair::make(&settings.folder, name, settings.format, settings.keep_free_mib)?;
        if let Err(error) = self.closings.watch(&pair) {
            pair.remove();
            let message = format!("the system does not tell when files are closed: {error}");
            return Err(fails(RecordingFailure::Folder, &message));
        }
        // What was told by now may be of our own making of the files.
        self.note_closed();
        let [caller, agent] = pair.paths().map(|path| path.display().to_string());
        // What comes from the channel is what its own end says.
        let (from, to) = if target.agents_own {
            (&agent, &caller)
        } else {
            (&caller, &agent)
        };
        let Some(recording) = target.channel.record(from, to) else {
            self.closings.leave(&pair);
            pair.remove();
            return Err(if target.channel.hung_up() {
                over()
            } else if asterisk::recording::available() {
                fails(
                    RecordingFailure::Recorder,
                    "the PBX's recorder refused; its log says why",
                )
            } else {
                fails(
                    RecordingFailure::Recorder,
                    "the PBX's recorder is not there; load the module app_mixmonitor",
                )
            });
        };
        let now = Instant::now();
        let file = pair.name.clone();
        self.tapes.insert(
            id,
            Tape {
                recording: Some(recording),
                pair,
                begun: false,
                open: [true; 2],
                keep_free_mib: settings.keep_free_mib,
                started: now,
                ended: None,
                failed: None,
            },
        );
        self.look.get_or_insert(now + LOOK);
        self.host.recording(id, RecordingFact::Started { file });
        Ok(())
    }

    fn pause(&mut self, id: RecordingId, on: bool) {
        let Some(tape) = self.tapes.get_mut(&id) else {
            return;
        };
        let Some(recording) = &tape.recording else { return };
        match recording.pause(on) {
            Ok(()) => self.host.recording(
                id,
                if on {
                    RecordingFact::Paused
                } else {
                    RecordingFact::Resumed
                },
            ),
            // What must not be recorded is not, whatever becomes of the rest.
            Err(why) => {
                log(
                    Level::Warning,
                    &format!(
                        "{} ends: the PBX's recorder neither pauses nor goes on: {why}",
                        tape.pair.name
                    ),
                );
                tape.fail(RecordingFailure::Recorder);
            }
        }
    }

    /// Takes note of the files that the recorder has opened and closed.
    fn note_closed(&mut self) {
        let news = match self.closings.read() {
            Ok(news) => news,
            Err(error) => {
                log(
                    Level::Error,
                    &format!("files of recordings that are closed are not told: {error}"),
                );
                return;
            }
        };
        for (path, what) in news {
            for tape in self.tapes.values_mut() {
                if let Some(side) = tape.pair.paths().iter().position(|of| *of == path) {
                    tape.note(side, what);
                }
            }
        }
    }

    fn look_after_room(&mut self) {
        if self.look.is_none_or(|at| at > Instant::now()) {
            return;
        }
        for tape in self.tapes.values_mut().filter(|tape| tape.ended.is_none()) {
            if is_short(tape.pair.folder(), tape.keep_free_mib) {
                log(
                    Level::Warning,
                    &format!(
                        "{} ends: less than {} MiB are free on its disk ([recording] keep_free_mib)",
                        tape.pair.name, tape.keep_free_mib
                    ),
                );
                tape.fail(RecordingFailure::DiskFull);
            }
        }
        let records = self.tapes.values().any(|tape| tape.ended.is_none());
        self.look = records.then(|| Instant::now() + LOOK);
    }

    /// Tells of recordings whose files are closed.
    fn finish(&mut self) {
        let now = Instant::now();
        let over = |tape: &Tape| {
            let late = tape.ended.is_some_and(|(_, limit)| limit <= now);
            tape.open == [false; 2] || late
        };
        let over: Vec<RecordingId> = self
            .tapes
            .iter()
            .filter(|(_, tape)| over(tape))
            .map(|(id, _)| *id)
            .collect();
        for id in over {
            let Some(tape) = self.tapes.remove(&id) else {
                continue;
            };
            self.closings.leave(&tape.pair);
            if !tape.begun && tape.failed.is_none() {
                tape.pair.remove();
                let (why, bytes) = (RecordingFailure::TooLate, 0);
                self.host.recording(id, RecordingFact::Failed { why, bytes });
                continue;
            }
            let (bytes, whole) = tape.pair.sizes();
            let lasted = tape.ended.unwrap_or((now, now)).0 - tape.started;
            let short = is_short(tape.pair.folder(), tape.keep_free_mib);
            let failed = tape.failed.or_else(|| match (whole, short) {
                (true, _) if tape.open == [false; 2] => None,
                (false, true) => Some(RecordingFailure::DiskFull),
                (false, false) if lasted < SHORT && tape.open == [false; 2] => None,
                (true | false, _) => Some(RecordingFailure::Incomplete),
            });
            let fact = match failed {
                None => RecordingFact::Finished { bytes },
                Some(why) => {
                    log(
                        Level::Warning,
                        &format!("{} is not whole: {}", tape.pair.name, reason(why)),
                    );
                    RecordingFact::Failed { why, bytes }
                }
            };
            self.host.recording(id, fact);
        }
    }
}

fn reason(why: RecordingFailure) -> &'static str {
    match why {
        RecordingFailure::Folder => "its folder cannot be written",
        RecordingFailure::DiskFull => "its disk is full",
        RecordingFailure::Recorder => "the PBX's recorder gave up",
        RecordingFailure::TooLate => "the conversation was over",
        RecordingFailure::Incomplete => "a file is gone, holds nothing or was not closed",
    }
}

impl Tape {
    /// Records no more.
    fn end(&mut self) {
        drop(self.recording.take());
        let now = Instant::now();
        let limit = if self.begun { CLOSING } else { OPENING };
        self.ended.get_or_insert((now, now + limit));
    }

    /// The recorder did that with a file.
    fn note(&mut self, side: usize, what: News) {
        match what {
            News::Opened if !self.begun => {
                self.begun = true;
                if let Some((at, limit)) = &mut self.ended {
                    *limit = *at + CLOSING;
                }
            }
            News::Opened => {}
            News::Closed => {
                self.open[side] = false;
                if self.open == [false; 2] {
                    // It may have ended with the caller's channel.
                    self.end();
                }
            }
        }
    }

    fn fail(&mut self, why: RecordingFailure) {
        self.failed.get_or_insert(why);
        self.end();
    }
}
