//! Conversations that a supervisor ends: by taking the agent's place, or by force.

use crate::action::{Action, CommandOutcome, Refusal};
use crate::command::{Answer, Asked, PENDING};
use crate::config::Right;
use crate::engine::Engine;
use crate::event::{Cut, Event, MonitorOutcome};
use crate::ids::{AgentId, CallId, MonitorId, QueueId};
use crate::input::{MonitorMode, Party, Whom};

/// How a conversation is about to end, and who waits for that.
#[derive(Debug)]
pub(super) struct Pending {
    how: Cut,
    author: String,
    asked: Option<Asked>,
}

impl super::Supervision {
    /// Whether who asks from that phone may end conversations; a console may.
    pub(crate) fn may_disconnect(&self, from: &str) -> Result<(), Refusal> {
        if from.is_empty() {
            return Ok(());
        }
        let supervisor = self.asking("", from)?;
        if self.get(supervisor).may.contains(&Right::Disconnect) {
            Ok(())
        } else {
            Err(Refusal::NotAllowed)
        }
    }

    pub(super) fn cut_calls(&self) -> impl Iterator<Item = &CallId> {
        self.cuts.keys()
    }
}

impl Engine {
    pub(crate) fn ask_disconnect(&mut self, agent: AgentId, whom: Whom, asked: &Asked) -> Answer {
        let call = self.conversation_of(agent).ok_or(Refusal::NotTalking)?;
        self.cut(
            call,
            Pending {
                how: Cut::Disconnected(whom),
                author: asked.author.clone(),
                asked: Some(asked.clone()),
            },
        );
        self.actions.push(Action::Disconnect { call, whom });
        PENDING
    }

    /// The host has hung somebody up whom the conversation may not need to go on, or there was nobody to hang up.
    pub(crate) fn disconnect_settled(&mut self, call: CallId, whom: Whom, done: bool) {
        // A later word may have gone before.
        let cut = self.supervision.cuts.get_mut(&call);
        let Some(pending) = cut.filter(|pending| pending.how == Cut::Disconnected(whom)) else {
            return;
        };
        let asked = pending.asked.take();
        let outcome = if done {
            CommandOutcome::Done
        } else {
            self.supervision.cuts.remove(&call);
            CommandOutcome::Refused(Refusal::NotTalking)
        };
        self.answers.extend(asked.map(|asked| (asked, outcome)));
    }

    /// A later word goes before an earlier one.
    fn cut(&mut self, call: CallId, pending: Pending) {
        let before = self.supervision.cuts.insert(call, pending);
        if let Some(asked) = before.and_then(|before| before.asked) {
            self.overtaken(asked);
        }
    }

    /// The supervisor has the agent's place.
    pub(super) fn took_over(&mut self, id: MonitorId, call: CallId) {
        let Some(monitor) = self.supervision.monitors.get(&id) else {
            return;
        };
        if monitor.mode != MonitorMode::TakeOver || monitor.call != Some(call) || monitor.since.is_none() {
            return;
        }
        let author = match &monitor.asked {
            Some(asked) => asked.author.clone(),
            None => monitor.author.clone(),
        };
        self.end_monitor(id, MonitorOutcome::TookOver, &author);
        // The agent may have handed the caller over at that very moment.
        if self.calls.get(call.0).is_none_or(|call| call.talk.is_none()) {
            return;
        }
        self.handed_over(call);
        self.cut(
            call,
            Pending {
                how: Cut::TakenOver,
                author,
                asked: None,
            },
        );
        self.talk_ended(call, Party::Supervisor, None);
    }

    /// A conversation ends: tells of it if it was a supervisor's doing. Who ended it.
    pub(crate) fn cut_of(&mut self, call: CallId, agent: AgentId, queue: QueueId, by: Party) -> Party {
        let Some(Pending { how, author, asked }) = self.supervision.cuts.remove(&call) else {
            return by;
        };
        self.events.push(Event::TalkCut {
            call,
            agent,
            queue,
            how,
            author,
        });
        self.answers
            .extend(asked.map(|asked| (asked, CommandOutcome::Done)));
        Party::Supervisor
    }
}
