//! Recording of conversations (录音): by rule, on demand, with pauses.
//!
//! A recording is of one conversation. The engine decides that and when; the host records, and only what it says counts. It says
//! of each recording that it was told to start, once, that it is finished or has failed, and until then it is known here: files are
//! closed after the conversation they are of.

use std::collections::BTreeMap;

use crate::action::{Action, CommandOutcome, Refusal};
use crate::call::Talk;
use crate::chance::{Draw, share};
use crate::command::{Answer, Asked, PENDING};
use crate::config::RecordingMode;
use crate::engine::Engine;
use crate::event::{Event, RecordingFailure, RecordingStep};
use crate::ids::{AgentId, CallId, QueueId, RecordingId};
use crate::input::{RecordOrder, RecordingFact};
use crate::time::{Span, Time};
use crate::view::RecordingView;

/// Everything that is recorded, and what the host has not closed yet.
#[derive(Default, Debug)]
pub(crate) struct Recordings {
    open: BTreeMap<RecordingId, Recording>,
    last: u64,
}

#[derive(Debug)]
struct Recording {
    call: CallId,
    agent: AgentId,
    queue: QueueId,
    by_rule: bool,
    /// Since the host said so.
    started: Option<Time>,
    /// What the host called it; empty before.
    file: String,
    /// When it was told to end.
    ended: Option<Time>,
    /// Since when nothing is recorded.
    paused: Option<Time>,
    /// How long nothing was, until then.
    pauses: Span,
    /// Nothing is because the caller is away in the dialplan.
    rests: bool,
    start: Option<Asked>,
    pause: Option<(bool, Asked)>,
    stop: Option<Asked>,
}

impl Recording {
    /// Once all that was asked for is done.
    fn is_to_be_paused(&self) -> bool {
        let asked = self.pause.as_ref().map(|(on, _)| *on);
        asked.unwrap_or(self.paused.is_some())
    }

    fn goes_on(&mut self, now: Time) {
        if let Some(since) = self.paused.take() {
            self.pauses = Span(self.pauses.0.saturating_add(now.since(since).0));
        }
    }
}

impl Engine {
    /// A conversation begins: the queue's rule says whether it is recorded.
    pub(crate) fn record_by_rule(&mut self, call: CallId) {
        let Some(of) = self.calls.get(call.0) else { return };
        let settings = &self.queues[of.queue.0 as usize].settings.recording;
        let by_rule = match settings.mode {
            RecordingMode::Never | RecordingMode::OnDemand => false,
            RecordingMode::Always => share(self.seed, Draw::Recording, call) < settings.percent,
        };
        if by_rule {
            self.start_recording(call, None);
        }
    }

    fn start_recording(&mut self, id: CallId, asked: Option<Asked>) {
        let Some(call) = self.calls.get_mut(id.0) else {
            return;
        };
        let queue = call.queue;
        let Some(talk) = call.talk.as_mut() else { return };
        self.recordings.last += 1;
        let recording = RecordingId(self.recordings.last);
        talk.recording = Some(recording);
        let agent = talk.agent;
        let begun = Recording {
            call: id,
            agent,
            queue,
            by_rule: asked.is_none(),
            started: None,
            file: String::new(),
            ended: None,
            paused: None,
            pauses: Span::ZERO,
            rests: false,
            start: asked,
            pause: None,
            stop: None,
        };
        self.recordings.open.insert(recording, begun);
        self.tell_recorder(recording, id, RecordOrder::Start);
    }

    pub(crate) fn ask_record(&mut self, agent: AgentId, order: RecordOrder, asked: &Asked) -> Answer {
        let (call, talk) = self.conversation(agent)?;
        let away = self.calls.get(call.0).is_some_and(|call| call.errand.is_some());
        if away && order != RecordOrder::Stop {
            return Err(Refusal::NotAlone);
        }
        let running = talk
            .recording
            .and_then(|id| Some((id, self.recordings.open.get_mut(&id)?)))
            .filter(|(_, recording)| recording.ended.is_none());
        match (order, running) {
            (RecordOrder::Start, Some(_)) => return Err(Refusal::NothingToDo),
            (RecordOrder::Start, None) => {
                let queue = self.calls.get(call.0).ok_or(Refusal::NotTalking)?.queue;
                if self.queues[queue.0 as usize].settings.recording.mode == RecordingMode::Never {
                    return Err(Refusal::RecordingOff);
                }
                // A host may have to connect the two in another way for it, which would end the hold.
                if talk.state.holds() {
                    return Err(Refusal::OnHold);
                }
                self.start_recording(call, Some(asked.clone()));
            }
            (RecordOrder::Stop | RecordOrder::Pause | RecordOrder::Resume, None) => {
                return Err(Refusal::NotRecorded);
            }
            (RecordOrder::Stop, Some((id, recording))) => {
                if recording.by_rule {
                    return Err(Refusal::RecordedByRule);
                }
                recording.stop = Some(asked.clone());
                self.end_recording(call, id);
            }
            (RecordOrder::Pause | RecordOrder::Resume, Some((id, recording))) => {
                let on = order == RecordOrder::Pause;
                if recording.is_to_be_paused() == on {
                    return Err(Refusal::NothingToDo);
                }
                if let Some((_, before)) = recording.pause.replace((on, asked.clone())) {
                    self.overtaken(before);
                }
                self.tell_recorder(id, call, order);
            }
        }
        PENDING
    }

    /// The caller is about to go away: what is said and keyed in there is not recorded. Whether that has to be waited for.
    pub(crate) fn rest_recording(&mut self, call: CallId) -> bool {
        let Some((id, recording)) = self.running(call) else {
            return false;
        };
        let rests = !recording.is_to_be_paused();
        recording.rests |= rests;
        let waits = recording.paused.is_none() || rests;
        if rests {
            self.tell_recorder(id, call, RecordOrder::Pause);
        }
        waits
    }

    /// The caller is back.
    pub(crate) fn go_on_recording(&mut self, call: CallId) {
        if let Some((id, recording)) = self.running(call)
            && std::mem::take(&mut recording.rests)
        {
            self.tell_recorder(id, call, RecordOrder::Resume);
        }
    }

    fn running(&mut self, call: CallId) -> Option<(RecordingId, &mut Recording)> {
        let id = self.calls.get(call.0)?.talk?.recording?;
        let recording = self.recordings.open.get_mut(&id)?;
        recording.ended.is_none().then_some((id, recording))
    }

    /// A conversation is over: so is what records it.
    pub(crate) fn stop_recording(&mut self, call: CallId, talk: Talk) {
        let id = talk.recording;
        let runs = |id: &RecordingId| {
            let known = self.recordings.open.get(id);
            known.is_some_and(|recording| recording.ended.is_none())
        };
        if let Some(id) = id.filter(runs) {
            self.end_recording(call, id);
        }
    }

    /// Nothing of that conversation is recorded from now on.
    fn end_recording(&mut self, call: CallId, id: RecordingId) {
        let now = self.now;
        if let Some(recording) = self.recordings.open.get_mut(&id) {
            recording.ended = Some(now);
        }
        self.tell_recorder(id, call, RecordOrder::Stop);
    }

    fn tell_recorder(&mut self, recording: RecordingId, call: CallId, order: RecordOrder) {
        self.actions.push(Action::Record {
            recording,
            call,
            order,
        });
    }

    /// What became of a recording.
    pub(crate) fn recording_fact(&mut self, id: RecordingId, fact: RecordingFact) {
        match fact {
            RecordingFact::Started { file } => self.recording_started(id, file),
            RecordingFact::Paused => self.recording_paused(id, true),
            RecordingFact::Resumed => self.recording_paused(id, false),
            RecordingFact::Finished { bytes } => self.recording_over(id, bytes, None),
            RecordingFact::Failed { why, bytes } => self.recording_over(id, bytes, Some(why)),
        }
    }

    fn recording_started(&mut self, id: RecordingId, file: String) {
        let now = self.now;
        let Some(recording) = self.recordings.open.get_mut(&id) else {
            return;
        };
        if recording.started.is_some() {
            return;
        }
        recording.started = Some(now);
        recording.file.clone_from(&file);
        let asked = recording.start.take();
        let author = asked
            .as_ref()
            .map_or_else(String::new, |asked| asked.author.clone());
        self.tell_of_recording(id, RecordingStep::Started { file, author });
        if let Some(asked) = asked {
            self.done(asked);
        }
    }

    fn recording_paused(&mut self, id: RecordingId, on: bool) {
        let now = self.now;
        let Some(recording) = self.recordings.open.get_mut(&id) else {
            return;
        };
        if recording.ended.is_some() || recording.started.is_none() {
            return;
        }
        let asked = recording.pause.take_if(|(wanted, _)| *wanted == on);
        let author = asked
            .as_ref()
            .map_or_else(String::new, |(_, asked)| asked.author.clone());
        let step = match (on, recording.paused) {
            (true, None) => {
                recording.paused = Some(now);
                Some(RecordingStep::Paused { author })
            }
            (false, Some(since)) => {
                recording.goes_on(now);
                let lasted = now.since(since);
                Some(RecordingStep::Resumed { author, lasted })
            }
            (true, Some(_)) | (false, None) => None,
        };
        if let Some(step) = step {
            self.tell_of_recording(id, step);
        }
        if let Some((_, asked)) = asked {
            self.done(asked);
        }
        let rests = |recording: &Recording| recording.paused.is_some() && recording.is_to_be_paused();
        if let Some(recording) = self.recordings.open.get(&id).filter(|known| rests(known)) {
            self.send_away(recording.call);
        }
    }

    fn recording_over(&mut self, id: RecordingId, bytes: u64, failed: Option<RecordingFailure>) {
        let now = self.now;
        let Some(mut recording) = self.recordings.open.remove(&id) else {
            return;
        };
        let talk = self.calls.get_mut(recording.call.0);
        if let Some(talk) = talk.and_then(|call| call.talk.as_mut()) {
            talk.recording.take_if(|known| *known == id);
        }
        recording.goes_on(recording.ended.unwrap_or(now));
        let until = recording.ended.unwrap_or(now);
        let lasted = recording.started.map_or(Span::ZERO, |since| until.since(since));
        let file = recording.file;
        let step = match failed {
            None => RecordingStep::Finished {
                file,
                lasted,
                paused: recording.pauses,
                bytes,
            },
            Some(why) => RecordingStep::Failed {
                file,
                why,
                lasted,
                bytes,
            },
        };
        self.events.push(Event::Recording {
            recording: id,
            call: recording.call,
            agent: recording.agent,
            queue: recording.queue,
            step,
        });
        if let Some(asked) = recording.stop {
            self.done(asked);
        }
        let why = match failed {
            None => Refusal::NotTalking,
            Some(_) => Refusal::RecorderFailed,
        };
        for asked in recording
            .start
            .into_iter()
            .chain(recording.pause.map(|(_, asked)| asked))
        {
            self.answers.push((asked, CommandOutcome::Refused(why)));
        }
        self.send_away(recording.call);
    }

    fn tell_of_recording(&mut self, id: RecordingId, step: RecordingStep) {
        let Some(recording) = self.recordings.open.get(&id) else {
            return;
        };
        self.events.push(Event::Recording {
            recording: id,
            call: recording.call,
            agent: recording.agent,
            queue: recording.queue,
            step,
        });
    }

    /// What records a conversation at this moment, or is about to be closed.
    pub(crate) fn recorded(&self, talk: Option<Talk>) -> Option<RecordingView> {
        let id = talk.and_then(|talk| talk.recording)?;
        let recording = self.recordings.open.get(&id);
        let runs = recording.filter(|recording| recording.started.is_some());
        runs.map(|recording| RecordingView {
            recording: id,
            paused: recording.paused.is_some(),
        })
    }
}
