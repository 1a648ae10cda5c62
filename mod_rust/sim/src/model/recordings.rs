//! What is recorded, and what the host has still to close.

use hotline_engine::action::{CommandOutcome, Refusal};
use hotline_engine::chance::{Draw, share};
use hotline_engine::config::RecordingMode;
use hotline_engine::event::{RecordingFailure, RecordingStep};
use hotline_engine::ids::{AgentId, CallId, CommandId, QueueId, RecordingId};
use hotline_engine::input::{RecordOrder, RecordingFact};
use hotline_engine::view::RecordingView;
use hotline_engine::{Action, Event, Span, Time};

use super::Model;
use super::call::Call;
use super::commands::Answer;

/// A recording of which the host has not said the last word.
#[derive(Clone, Debug)]
pub(super) struct Recording {
    id: RecordingId,
    call: CallId,
    agent: usize,
    queue: usize,
    ruled: bool,
    file: Option<(String, Time)>,
    over: Option<Time>,
    /// Begin and end of each pause.
    pauses: Vec<(Time, Option<Time>)>,
    /// Paused by ourselves, while the caller is away.
    by_errand: bool,
    /// Who waits for what.
    wishes: Vec<(RecordOrder, CommandId, String)>,
}

impl Recording {
    fn is_paused(&self) -> bool {
        self.pauses.last().is_some_and(|(_, end)| end.is_none())
    }

    /// Once all wishes have come true.
    fn is_to_be_paused(&self) -> bool {
        let wished = self.wishes.iter().find_map(|(wanted, ..)| match wanted {
            RecordOrder::Pause => Some(true),
            RecordOrder::Resume => Some(false),
            RecordOrder::Start | RecordOrder::Stop => None,
        });
        wished.unwrap_or(self.is_paused())
    }

    fn wish(&mut self, order: RecordOrder) -> Option<(CommandId, String)> {
        let at = self.wishes.iter().position(|(wanted, ..)| *wanted == order)?;
        let (_, asked, author) = self.wishes.remove(at);
        Some((asked, author))
    }
}

impl Model {
    pub(super) fn rule_records(&mut self, call: CallId) {
        let Some(queue) = self.call(call).map(|call| call.queue) else {
            return;
        };
        let settings = self.queues[queue].settings.recording;
        if settings.mode == RecordingMode::Always
            && share(self.seed, Draw::Recording, call) < settings.percent
        {
            self.record(call, vec![]);
        }
    }

    fn record(&mut self, id: CallId, wishes: Vec<(RecordOrder, CommandId, String)>) {
        let Some((call, talk)) = self.call(id).and_then(|call| Some((call, call.talk?))) else {
            return;
        };
        let begun = Recording {
            id: RecordingId(self.recordings_made + 1),
            call: id,
            agent: talk.agent,
            queue: call.queue,
            ruled: wishes.is_empty(),
            file: None,
            over: None,
            pauses: vec![],
            by_errand: false,
            wishes,
        };
        self.recordings_made += 1;
        if let Some(talk) = self.call_mut(id).and_then(|call| call.talk.as_mut()) {
            talk.recording = Some(begun.id);
        }
        self.order_recorder(begun.id, id, RecordOrder::Start);
        self.recordings.push(begun);
    }

    /// The place of what records a conversation.
    fn recording_of(&self, call: CallId) -> Option<usize> {
        let runs = |known: &Recording| known.call == call && known.over.is_none();
        self.recordings.iter().position(runs)
    }

    pub(super) fn wants_record(&mut self, id: CommandId, agent: &str, order: RecordOrder) -> Answer {
        let (call, talk) = self.talk_of(agent)?;
        if order != RecordOrder::Stop && self.call(call).is_some_and(|call| call.visitor.errand.is_some()) {
            return Err(Refusal::NotAlone);
        }
        let at = self.recording_of(call);
        let wish = (order, id, self.author.clone());
        let Some(at) = at else {
            if order != RecordOrder::Start {
                return Err(Refusal::NotRecorded);
            }
            let queue = self.call(call).ok_or(Refusal::NotTalking)?.queue;
            if self.queues[queue].settings.recording.mode == RecordingMode::Never {
                return Err(Refusal::RecordingOff);
            }
            if talk.holds() {
                return Err(Refusal::OnHold);
            }
            self.record(call, vec![wish]);
            return Ok(CommandOutcome::Pending);
        };
        let known = &mut self.recordings[at];
        match order {
            RecordOrder::Start => return Err(Refusal::NothingToDo),
            RecordOrder::Stop if known.ruled => return Err(Refusal::RecordedByRule),
            RecordOrder::Stop => {
                known.wishes.push(wish);
                self.record_no_more(call);
            }
            RecordOrder::Pause | RecordOrder::Resume => {
                let pause = order == RecordOrder::Pause;
                if known.is_to_be_paused() == pause {
                    return Err(Refusal::NothingToDo);
                }
                let other = if pause {
                    RecordOrder::Resume
                } else {
                    RecordOrder::Pause
                };
                let before = known.wish(other);
                known.wishes.push(wish);
                let recording = known.id;
                if let Some((asked, _)) = before {
                    self.reply(asked, CommandOutcome::Refused(Refusal::Overtaken));
                }
                self.order_recorder(recording, call, order);
            }
        }
        Ok(CommandOutcome::Pending)
    }

    /// What a caller who is away hears and keys in is nobody's business. Whether the caller stays until the recorder says so.
    pub(super) fn recording_waits_for(&mut self, call: CallId) -> bool {
        let Some(at) = self.recording_of(call) else {
            return false;
        };
        let known = &mut self.recordings[at];
        if known.is_to_be_paused() {
            return !known.is_paused();
        }
        known.by_errand = true;
        let id = known.id;
        self.order_recorder(id, call, RecordOrder::Pause);
        true
    }

    pub(super) fn recording_need_not_wait(&mut self, call: CallId) {
        let Some(at) = self.recording_of(call) else { return };
        let known = &mut self.recordings[at];
        if std::mem::take(&mut known.by_errand) {
            let id = known.id;
            self.order_recorder(id, call, RecordOrder::Resume);
        }
    }

    pub(super) fn record_no_more(&mut self, call: CallId) {
        let now = self.now;
        let Some(at) = self.recording_of(call) else { return };
        let known = &mut self.recordings[at];
        known.over = Some(now);
        let id = known.id;
        self.order_recorder(id, call, RecordOrder::Stop);
    }

    fn order_recorder(&mut self, recording: RecordingId, call: CallId, order: RecordOrder) {
        self.actions.push(Action::Record {
            recording,
            call,
            order,
        });
    }

    pub(super) fn recorder_says(&mut self, id: RecordingId, fact: &RecordingFact) {
        let Some(at) = self.recordings.iter().position(|known| known.id == id) else {
            return;
        };
        let now = self.now;
        let known = &mut self.recordings[at];
        match fact {
            RecordingFact::Started { file } => {
                if known.file.is_some() {
                    return;
                }
                known.file = Some((file.clone(), now));
                let (asked, author) = known.wish(RecordOrder::Start).unzip();
                let file = file.clone();
                let author = author.unwrap_or_default();
                self.tell_recording(at, RecordingStep::Started { file, author });
                if let Some(asked) = asked {
                    self.reply(asked, CommandOutcome::Done);
                }
            }
            RecordingFact::Paused | RecordingFact::Resumed => {
                if known.file.is_none() || known.over.is_some() {
                    return;
                }
                let pause = *fact == RecordingFact::Paused;
                let order = if pause {
                    RecordOrder::Pause
                } else {
                    RecordOrder::Resume
                };
                let (asked, author) = known.wish(order).unzip();
                let author = author.unwrap_or_default();
                if known.is_paused() != pause {
                    let step = if pause {
                        known.pauses.push((now, None));
                        RecordingStep::Paused { author }
                    } else {
                        let last = known.pauses.last_mut();
                        let since = last.map_or(now, |(since, end)| {
                            *end = Some(now);
                            *since
                        });
                        let lasted = now.since(since);
                        RecordingStep::Resumed { author, lasted }
                    };
                    self.tell_recording(at, step);
                }
                if let Some(asked) = asked {
                    self.reply(asked, CommandOutcome::Done);
                }
                let known = &self.recordings[at];
                if known.is_paused() && known.is_to_be_paused() {
                    self.goes_away(known.call);
                }
            }
            RecordingFact::Finished { bytes } => self.recorded(at, *bytes, None),
            RecordingFact::Failed { why, bytes } => self.recorded(at, *bytes, Some(*why)),
        }
    }

    fn recorded(&mut self, at: usize, bytes: u64, failed: Option<RecordingFailure>) {
        let known = self.recordings[at].clone();
        let until = known.over.unwrap_or(self.now);
        let pauses = known.pauses.iter();
        let paused = Span(pauses.map(|(from, to)| to.unwrap_or(until).since(*from).0).sum());
        let (file, lasted) = match known.file {
            Some((file, since)) => (file, until.since(since)),
            None => (String::new(), Span::ZERO),
        };
        let step = match failed {
            Some(why) => RecordingStep::Failed {
                file,
                why,
                lasted,
                bytes,
            },
            None => RecordingStep::Finished {
                file,
                lasted,
                paused,
                bytes,
            },
        };
        self.tell_recording(at, step);
        self.recordings.remove(at);
        for (order, asked, _) in known.wishes {
            let outcome = match (order, failed) {
                (RecordOrder::Stop, _) => CommandOutcome::Done,
                (_, Some(_)) => CommandOutcome::Refused(Refusal::RecorderFailed),
                (_, None) => CommandOutcome::Refused(Refusal::NotTalking),
            };
            self.reply(asked, outcome);
        }
        self.goes_away(known.call);
    }

    fn tell_recording(&mut self, at: usize, step: RecordingStep) {
        let known = &self.recordings[at];
        self.events.push(Event::Recording {
            recording: known.id,
            call: known.call,
            agent: AgentId(known.agent as u32),
            queue: QueueId(known.queue as u32),
            step,
        });
    }

    pub(super) fn shown_recording(&self, call: &Call) -> Option<RecordingView> {
        let last = call.talk?.recording?;
        let known = self.recordings.iter().find(|known| known.id == last)?;
        known.file.as_ref().map(|_| RecordingView {
            recording: known.id,
            paused: known.is_paused(),
        })
    }
}
