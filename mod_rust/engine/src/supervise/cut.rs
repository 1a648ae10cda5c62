//! Conversations that a supervisor ends: by taking the agent's place, or by force.

use crate::action::{Action, CommandOutcome, MonitorAction, Refusal};
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

/// Whose place a supervisor was told to take, and by whose word.
#[derive(Debug)]
pub(super) struct Taking {
    call: CallId,
    agent: AgentId,
    queue: QueueId,
    author: String,
    /// Whoever had the place has left it to somebody else, or there is no caller any more.
    void: bool,
}

impl super::Supervision {
    /// That supervisor has not taken a place in that conversation, and will not.
    pub(super) fn no_place_for(&mut self, id: MonitorId, call: CallId) {
        if self.taking.get(&id).is_some_and(|taking| taking.call == call) {
            self.taking.remove(&id);
        }
    }

    /// There is no place to take in that conversation any more.
    pub(crate) fn no_place_in(&mut self, call: CallId) {
        let all = self.taking.values_mut();
        for taking in all.filter(|taking| taking.call == call) {
            taking.void = true;
        }
    }

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

    /// Whether a supervisor is about to end that conversation.
    pub(crate) fn cuts(&self, call: CallId) -> bool {
        self.cuts.contains_key(&call)
    }

    /// Whether that is to be the caller's end as well.
    pub(crate) fn cuts_caller(&self, call: CallId) -> bool {
        self.cuts.get(&call).is_some_and(|pending| match pending.how {
            Cut::Disconnected(Whom::Caller | Whom::Both) | Cut::TakenOver => true,
            Cut::Disconnected(Whom::Agent) => false,
        })
    }

    pub(super) fn cut_calls(&self) -> impl Iterator<Item = &CallId> {
        self.cuts.keys()
    }
}

impl Engine {
    pub(crate) fn ask_disconnect(&mut self, agent: AgentId, whom: Whom, asked: &Asked) -> Answer {
        let call = self.conversation_of(agent).ok_or(Refusal::NotTalking)?;
        self.drop_transfer(call, Refusal::Overtaken);
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
        if whom == Whom::Agent && !done {
            self.drop_transfer(call, Refusal::NotTalking);
        }
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

    /// Tells a supervisor on the line to take the agent's place.
    pub(super) fn let_take_over(&mut self, id: MonitorId, call: CallId) {
        self.tell_monitor(id, MonitorAction::TakeOver { call });
        let talk = self.calls.get(call.0).and_then(|of| Some((of.talk?, of.queue)));
        if let (Some(monitor), Some((talk, queue))) = (self.supervision.monitors.get(&id), talk) {
            let asked = monitor.asked.as_ref();
            let taking = Taking {
                call,
                agent: talk.agent,
                queue,
                author: asked.map_or(&monitor.author, |asked| &asked.author).clone(),
                void: false,
            };
            self.supervision.taking.insert(id, taking);
        }
    }

    /// The supervisor has the agent's place.
    pub(super) fn took_over(&mut self, id: MonitorId, call: CallId) {
        if self
            .supervision
            .taking
            .get(&id)
            .is_none_or(|taking| taking.call != call)
        {
            return;
        }
        let Some(taking) = self.supervision.taking.remove(&id) else {
            return;
        };
        // Otherwise it was told to stop, too late.
        let monitor = self.supervision.monitors.get(&id);
        if monitor.is_some_and(|monitor| monitor.mode == MonitorMode::TakeOver && monitor.call == Some(call))
        {
            self.end_monitor(id, MonitorOutcome::TookOver, &taking.author);
        }
        let Taking {
            agent,
            queue,
            author,
            void,
            ..
        } = taking;
        if void {
            return;
        }
        let how = Cut::TakenOver;
        // The agent's phone, which lost its place, was told gone before.
        let talk = self.calls.get(call.0).and_then(|call| call.talk);
        if talk.is_none_or(|talk| talk.agent != agent) {
            self.events.push(Event::TalkCut {
                call,
                agent,
                queue,
                how,
                author,
            });
            return;
        }
        self.handed_over(call);
        let asked = None;
        self.cut(call, Pending { how, author, asked });
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
