//! Recordings of conversations.

use hotline_engine::event::{RecordingFailure, RecordingStep};
use hotline_engine::ids::{AgentId, CallId, QueueId, RecordingId};
use hotline_engine::input::RecordOrder;
use hotline_wire as wire;
use hotline_wire::event as words;

use super::Vocabulary;

impl Vocabulary {
    pub(super) fn recording(
        &self,
        RecordingId(recording): RecordingId,
        call: CallId,
        agent: AgentId,
        queue: QueueId,
        step: RecordingStep,
    ) -> wire::Event {
        let (call, agent, queue) = (self.call(call), self.agent(agent), self.queue(queue));
        match step {
            RecordingStep::Started { file, author } => wire::Event::RecordingStarted {
                recording,
                call,
                agent,
                queue,
                file,
                author,
            },
            RecordingStep::Paused { author } => wire::Event::RecordingPaused {
                recording,
                call,
                agent,
                queue,
                author,
            },
            RecordingStep::Resumed { author, lasted } => wire::Event::RecordingResumed {
                recording,
                call,
                agent,
                queue,
                author,
                lasted: lasted.0,
            },
            RecordingStep::Finished {
                file,
                lasted,
                paused,
                bytes,
            } => wire::Event::RecordingFinished {
                recording,
                call,
                agent,
                queue,
                file,
                lasted: lasted.0,
                paused: paused.0,
                bytes,
            },
            RecordingStep::Failed {
                file,
                why,
                lasted,
                bytes,
            } => wire::Event::RecordingFailed {
                recording,
                call,
                agent,
                queue,
                file,
                reason: failure(why),
                lasted: lasted.0,
                bytes,
            },
        }
    }
}

fn failure(why: RecordingFailure) -> words::RecordingFailure {
    match why {
        RecordingFailure::Folder => words::RecordingFailure::Folder,
        RecordingFailure::DiskFull => words::RecordingFailure::DiskFull,
        RecordingFailure::Recorder => words::RecordingFailure::Recorder,
        RecordingFailure::TooLate => words::RecordingFailure::TooLate,
        RecordingFailure::Incomplete => words::RecordingFailure::Incomplete,
    }
}

pub(super) fn order_asked(order: words::RecordOrder) -> RecordOrder {
    match order {
        words::RecordOrder::Start => RecordOrder::Start,
        words::RecordOrder::Stop => RecordOrder::Stop,
        words::RecordOrder::Pause => RecordOrder::Pause,
        words::RecordOrder::Resume => RecordOrder::Resume,
    }
}

pub(super) fn order_told(order: RecordOrder) -> words::RecordOrder {
    match order {
        RecordOrder::Start => words::RecordOrder::Start,
        RecordOrder::Stop => words::RecordOrder::Stop,
        RecordOrder::Pause => words::RecordOrder::Pause,
        RecordOrder::Resume => words::RecordOrder::Resume,
    }
}
