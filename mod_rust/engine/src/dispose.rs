//! What a call was about: the agent says so during the conversation or in after-call work, and may think better of it until that is
//! over. A queue may require it: then after-call work ends with it, or at its longest.

use crate::action::Refusal;
use crate::agent::{AfterCall, Next};
use crate::command::{Answer, Asked, DONE};
use crate::engine::Engine;
use crate::event::{Event, NextState};
use crate::ids::{AgentId, CallId, QueueId};
use crate::time::Time;
use crate::timers::Timer;

/// The longest note to a disposition, in bytes.
pub const MAX_NOTE: usize = 256;

/// What an agent said of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Disposed {
    call: CallId,
    code: String,
    note: String,
}

impl Engine {
    pub(crate) fn ask_dispose(&mut self, id: AgentId, code: &str, note: &str, asked: &Asked) -> Answer {
        let agent = &self.agents[id.0 as usize];
        let (call, queue) = match (self.conversation_of(id), agent.rest.wrap_up) {
            (Some(call), _) => {
                let queue = self.calls.get(call.0).map(|call| call.queue);
                (call, queue.ok_or(Refusal::NotInWrapUp)?)
            }
            (None, Some(work)) => (work.call, work.queue),
            (None, None) => return Err(Refusal::NotInWrapUp),
        };
        if note.len() > MAX_NOTE {
            return Err(Refusal::OutOfRange);
        }
        let name = &self.queues[queue.0 as usize].settings.name;
        let mut known = self.dispositions.iter();
        let known = known
            .find(|known| known.code == code && known.suits(name))
            .ok_or(Refusal::UnknownDisposition)?;
        let new = Disposed {
            call,
            code: code.to_owned(),
            note: note.to_owned(),
        };
        let before = self.disposed(id, call);
        if before == Some(&new) {
            return Err(Refusal::NothingToDo);
        }
        self.events.push(Event::DispositionSet {
            call,
            agent: id,
            queue,
            code: new.code.clone(),
            complaint: known.complaint,
            resolved: known.resolved,
            follow_up: known.follow_up,
            note: new.note.clone(),
            before: before.map(|before| before.code.clone()).unwrap_or_default(),
            author: asked.author.clone(),
        });
        self.agents[id.0 as usize].rest.disposed = Some(Box::new(new));
        self.agent_changed(id);
        self.owes_no_more(id);
        DONE
    }

    /// What an agent said of that call.
    fn disposed(&self, id: AgentId, call: CallId) -> Option<&Disposed> {
        let disposed = self.agents[id.0 as usize].rest.disposed.as_deref();
        disposed.filter(|disposed| disposed.call == call)
    }

    /// Until when an agent whose call is over now owes word of it.
    pub(crate) fn owes(&self, id: AgentId, call: CallId, queue: QueueId) -> Option<Time> {
        let settings = &self.queues[queue.0 as usize].settings;
        let owes = settings.needs_disposition && self.disposed(id, call).is_none();
        let longest = settings.wrap_up_max.max(settings.wrap_up.usual());
        owes.then(|| self.now + longest)
    }

    /// Whether after-call work goes on until the agent has said what the call was about.
    pub(crate) fn owes_disposition(&self, id: AgentId) -> bool {
        let work = self.agents[id.0 as usize].rest.wrap_up;
        work.is_some_and(|work| work.owed.is_some())
    }

    /// After-call work is due: at its end, or at the longest that it goes on for want of a disposition.
    pub(crate) fn wrap_up_is_due(&mut self, id: AgentId) {
        if self.owes_disposition(id) {
            self.owes_no_more(id);
        } else {
            self.resume(id);
        }
    }

    /// After-call work goes on as without a disposition that is required: what was to come after it comes now.
    fn owes_no_more(&mut self, id: AgentId) {
        let agent = &mut self.agents[id.0 as usize];
        let Some(work) = agent.rest.wrap_up.as_mut() else {
            return;
        };
        if work.owed.take().is_none() {
            return;
        }
        let due = work.due();
        self.agent_changed(id);
        let agent = &mut self.agents[id.0 as usize];
        self.timers
            .reset(&mut agent.rest.wrap_up_alarm, due, Timer::WrapUp(id));
        if let Some(next) = agent.next.take() {
            self.presence_changes += 1;
            self.enter_next(id, *next);
        } else if due.is_some_and(|due| due <= self.now) {
            self.resume(id);
        }
    }

    /// To the state that was asked for.
    pub(crate) fn enter_next(&mut self, id: AgentId, next: Next) {
        let Next { state, asked } = next;
        match state {
            NextState::Ready => self.resume(id),
            NextState::NotReady { reason } => self.pause(id, reason),
            NextState::SignedOut { reason } => self.sign_out(id, reason),
        }
        self.done(asked);
    }
}

impl AfterCall {
    /// When it ends by itself as things stand, or is owed a disposition no more.
    pub(crate) fn due(&self) -> Option<Time> {
        self.owed.or(self.until.map(|(_, until)| until))
    }
}
