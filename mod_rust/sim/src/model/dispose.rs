//! What agents say that their calls were about.

use hotline_engine::action::{CommandOutcome, Refusal};
use hotline_engine::config::WrapUp;
use hotline_engine::event::NextState;
use hotline_engine::ids::{AgentId, CallId, QueueId};
use hotline_engine::{Event, MAX_NOTE, Span, Time};

use super::Model;
use super::agent::Doing;
use super::commands::{Answer, DONE};

/// What was said of a call.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Said {
    pub(super) call: CallId,
    code: String,
    note: String,
}

impl Model {
    pub(super) fn says(&mut self, agent: &str, code: &str, note: &str) -> Answer {
        let at = self.agent_numbered(agent).ok_or(Refusal::UnknownAgent)?;
        let (call, queue) = match self.agents[at].doing {
            Doing::Talking(call, _) => (call, self.call(call).ok_or(Refusal::NotInWrapUp)?.queue),
            Doing::WrapUp(work) => (work.call, work.queue),
            Doing::Nothing | Doing::Ready | Doing::NotReady | Doing::Ringing(..) | Doing::Connecting(..) => {
                return Err(Refusal::NotInWrapUp);
            }
        };
        if note.len() > MAX_NOTE {
            return Err(Refusal::OutOfRange);
        }
        let name = &self.queues[queue].settings.name;
        let all = self.config.dispositions.iter();
        let mut fit = all.filter(|known| known.queues.is_empty() || known.queues.contains(name));
        let known = fit.find(|known| known.code == code).cloned();
        let known = known.ok_or(Refusal::UnknownDisposition)?;
        let said = Said {
            call,
            code: code.to_owned(),
            note: note.to_owned(),
        };
        let before = self.agents[at].said.clone().filter(|before| before.call == call);
        if before.as_ref() == Some(&said) {
            return Err(Refusal::NothingToDo);
        }
        self.agents[at].said = Some(said);
        self.events.push(Event::DispositionSet {
            call,
            agent: AgentId(at as u32),
            queue: QueueId(queue as u32),
            code: code.to_owned(),
            complaint: known.complaint,
            resolved: known.resolved,
            follow_up: known.follow_up,
            note: note.to_owned(),
            before: before.map(|before| before.code).unwrap_or_default(),
            author: self.author.clone(),
        });
        self.need_not_say(at);
        DONE
    }

    /// Until when an agent must say what that call was about, if it must.
    pub(super) fn must_say(&self, at: usize, call: CallId, queue: usize) -> Option<Time> {
        let settings = &self.queues[queue].settings;
        let said = self.agents[at]
            .said
            .as_ref()
            .is_some_and(|said| said.call == call);
        let planned = match settings.wrap_up {
            WrapUp::Timed(span) => span,
            WrapUp::Manual => Span::ZERO,
        };
        (settings.needs_disposition && !said).then(|| self.now + planned.max(settings.wrap_up_max))
    }

    /// After-call work ends as it would have without.
    pub(super) fn need_not_say(&mut self, at: usize) {
        let now = self.now;
        let Doing::WrapUp(work) = &mut self.agents[at].doing else {
            return;
        };
        if work.must_say.take().is_none() {
            return;
        }
        let over = work.until.is_some_and(|until| until <= now);
        let next = self.agents[at].next.take();
        let Some((state, id, _)) = next else {
            if over {
                self.agents[at].doing = Doing::Ready;
            }
            return;
        };
        match state {
            NextState::Ready => self.agents[at].doing = Doing::Ready,
            NextState::NotReady { reason } => {
                self.agents[at].doing = Doing::NotReady;
                self.agents[at].reason = reason;
            }
            NextState::SignedOut { .. } => self.sign_out(at),
        }
        self.reply(id, CommandOutcome::Done);
    }

    /// After-call work is over before what was asked for could come.
    pub(super) fn comes_no_more(&mut self, at: usize) {
        if let Some((_, id, _)) = self.agents[at].next.take() {
            let overtaken = CommandOutcome::Refused(Refusal::Overtaken);
            self.reply(id, overtaken);
        }
    }
}
