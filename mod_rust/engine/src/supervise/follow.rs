//! Whom a supervisor who listens stays with, and how that ends.

use crate::action::{Action, CommandOutcome, MonitorAction, Refusal};
use crate::consult::Consult;
use crate::engine::Engine;
use crate::event::{Event, MonitorOutcome};
use crate::ids::{AgentId, CallId, MonitorId};
use crate::input::{Follow, MonitorMode};
use crate::supervise::Monitor;

impl Engine {
    /// The caller goes on without the agent: who follows the caller does so as well.
    pub(crate) fn handed_over(&mut self, call: CallId) {
        // Whom the agent has consulted may be with the caller in the agent's place.
        if self.consult(call).is_some() {
            return;
        }
        self.drop_transfer(call, Refusal::NotTalking);
        self.supervision.no_place_in(call);
        if let Some(of) = self.calls.get_mut(call.0) {
            // Who is away goes nowhere without coming back first: the agent has just left.
            if of.errand.as_ref().is_some_and(|errand| errand.is_under_way()) {
                return;
            }
            of.handed_over = true;
        }
        let mut unheard = Vec::new();
        for (id, monitor) in &mut self.supervision.monitors {
            if monitor.call == Some(call) && monitor.follow == Follow::Call && !monitor.handed {
                monitor.handed = true;
                if monitor.since.is_some() && !monitor.attached && monitor.mode != MonitorMode::TakeOver {
                    unheard.push(*id);
                }
            }
        }
        for id in unheard {
            self.attach(id);
        }
    }

    /// What was listened to is over, or gone: waits for the agent's next call, or ends. `tell` whether the channel is to let
    /// go of it.
    pub(super) fn lose_call(&mut self, id: MonitorId, tell: bool) {
        let Some(monitor) = self.supervision.monitors.get_mut(&id) else {
            return;
        };
        if monitor.follow == Follow::Call || monitor.since.is_none() {
            return self.end_monitor(id, MonitorOutcome::CallOver, "");
        }
        monitor.call = None;
        let attached = core::mem::take(&mut monitor.attached);
        let from = monitor.mode;
        // There is no place to take any more.
        let asked = monitor.asked.take();
        if from == MonitorMode::TakeOver {
            monitor.mode = MonitorMode::Listen;
        }
        let monitor = monitor.view(id);
        self.events.push(Event::MonitorChanged {
            monitor,
            from,
            author: String::new(),
        });
        if tell && attached {
            self.tell_monitor(id, MonitorAction::Idle);
        }
        let refused = CommandOutcome::Refused(Refusal::NotTalking);
        self.answers.extend(asked.map(|asked| (asked, refused)));
    }

    /// An agent talks: who follows the agent listens.
    pub(crate) fn attach_followers(&mut self, agent: AgentId, call: CallId) {
        for id in self.supervision.of_agent(agent) {
            let Some(monitor) = self.supervision.monitors.get_mut(&id) else {
                continue;
            };
            if monitor.follow == Follow::Call || monitor.since.is_none() {
                continue;
            }
            monitor.call = Some(call);
            let from = monitor.mode;
            let monitor = monitor.view(id);
            self.events.push(Event::MonitorChanged {
                monitor,
                from,
                author: String::new(),
            });
            self.attach(id);
        }
    }

    /// A caller is no longer on hold: who was to hear the call does.
    pub(crate) fn attach_waiting(&mut self, agent: AgentId, call: CallId) {
        for id in self.supervision.of_agent(agent) {
            let of = self.supervision.monitors.get(&id);
            let waits = |monitor: &Monitor| {
                let up = monitor.since.is_some() && monitor.mode != MonitorMode::TakeOver;
                up && monitor.call == Some(call) && !monitor.attached
            };
            if of.is_some_and(waits) {
                self.attach(id);
            }
        }
    }

    /// Who listens to a conversation hears nothing before the caller is back: what is said and keyed in there is for nobody.
    pub(crate) fn close_ears(&mut self, agent: AgentId, call: CallId) {
        for id in self.supervision.of_agent(agent) {
            let Some(monitor) = self.supervision.monitors.get_mut(&id) else {
                continue;
            };
            let hears = monitor.call == Some(call) && monitor.mode != MonitorMode::TakeOver;
            if hears && core::mem::take(&mut monitor.attached) {
                self.tell_monitor(id, MonitorAction::Idle);
            }
        }
    }

    /// A conversation of an agent has ended.
    pub(crate) fn detach_followers(&mut self, agent: AgentId, call: CallId) {
        for id in self.supervision.of_agent(agent) {
            let of = self.supervision.monitors.get(&id);
            if of.is_some_and(|monitor| monitor.call == Some(call) && !monitor.handed) {
                self.lose_call(id, true);
            }
        }
    }

    /// An agent has signed out.
    pub(crate) fn dismiss_followers(&mut self, agent: AgentId) {
        for id in self.supervision.of_agent(agent) {
            let of = self.supervision.monitors.get(&id);
            if of.is_some_and(|monitor| !monitor.handed) {
                self.end_monitor(id, MonitorOutcome::AgentSignedOut, "");
            }
        }
    }

    /// Hears the call that the monitor is for, once its caller is not on hold; a consultation by command is heard as well.
    pub(super) fn attach(&mut self, id: MonitorId) {
        let Some(monitor) = self.supervision.monitors.get_mut(&id) else {
            return;
        };
        let (mode, follow) = (monitor.mode, monitor.follow);
        if let Some(call) = monitor.call {
            let of = self.calls.get(call.0);
            // Whom the host has taken apart is held by no other's phone.
            let consult = of.and_then(|call| call.consult.as_deref());
            let apart = consult.is_some_and(Consult::is_under_way);
            let holds = of
                .and_then(|call| call.talk)
                .is_some_and(|talk| talk.state.holds() && !apart);
            let away = of.is_some_and(|call| call.errand.is_some());
            if !monitor.attached && !monitor.handed && (holds || away) {
                return;
            }
            monitor.attached = true;
            let tone = self.supervision.tone(mode);
            let attach = MonitorAction::Attach {
                call,
                follow,
                mode,
                tone,
            };
            self.tell_monitor(id, attach);
        }
    }

    pub(crate) fn end_monitor(&mut self, id: MonitorId, outcome: MonitorOutcome, author: &str) {
        let Some(monitor) = self.supervision.monitors.remove(&id) else {
            return;
        };
        self.supervision.by_agent.remove(&(monitor.agent, id));
        self.supervision.get_mut(monitor.supervisor).monitor = None;
        if let Some(since) = monitor.since {
            self.events.push(Event::MonitorEnded {
                monitor: monitor.view(id),
                outcome,
                lasted: self.now.since(since),
                author: author.to_owned(),
            });
        }
        let rang = monitor.since.is_none();
        let answer = match outcome {
            MonitorOutcome::TookOver => CommandOutcome::Done,
            MonitorOutcome::Stopped => CommandOutcome::Refused(Refusal::Overtaken),
            MonitorOutcome::HungUp if rang => CommandOutcome::Refused(Refusal::NoAnswer),
            MonitorOutcome::HungUp => CommandOutcome::Refused(Refusal::Overtaken),
            MonitorOutcome::CallOver => CommandOutcome::Refused(Refusal::NotTalking),
            MonitorOutcome::AgentSignedOut => CommandOutcome::Refused(Refusal::NotSignedIn),
            MonitorOutcome::SignedOut => CommandOutcome::Refused(Refusal::NoSupervisorThere),
        };
        self.answers.extend(monitor.asked.map(|asked| (asked, answer)));
        match outcome {
            MonitorOutcome::HungUp | MonitorOutcome::TookOver => {}
            MonitorOutcome::Stopped
            | MonitorOutcome::CallOver
            | MonitorOutcome::AgentSignedOut
            | MonitorOutcome::SignedOut => {
                if !rang {
                    self.tell_monitor(id, MonitorAction::End);
                } else if monitor.called {
                    self.actions.push(Action::CancelCallSupervisor { monitor: id });
                }
            }
        }
    }

    pub(super) fn tell_monitor(&mut self, monitor: MonitorId, action: MonitorAction) {
        self.actions.push(Action::Monitor { monitor, action });
    }

    /// The call that an agent talks in.
    pub(crate) fn conversation_of(&self, agent: AgentId) -> Option<CallId> {
        let call = self.agents[agent.0 as usize].engaged?.call;
        let talk = self.calls.get(call.0)?.talk?;
        (talk.agent == agent).then_some(call)
    }
}
