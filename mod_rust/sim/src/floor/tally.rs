//! What a floor gave, as a fold of its events. Definitions: service levels as contact centres define them, ring time included.

use std::collections::BTreeMap;

use hotline_engine::event::{AgentState, CallOutcome, Estimate, Event};
use hotline_engine::ids::{AgentId, CallId, QueueId};
use hotline_engine::{Span, Time};
use serde::Serialize;

/// Service levels, as shares from 0 to 1; `None` where nobody counts.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Levels {
    /// Answered within target / answered.
    pub a: Option<f64>,
    /// (Answered + abandoned within target) / (answered + abandoned).
    pub b: Option<f64>,
    /// Answered within target / (answered + abandoned).
    pub c: Option<f64>,
    /// Answered within target / (answered + abandoned after target).
    pub d: Option<f64>,
}

/// The figures of a queue, or of all.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Figures {
    /// Queue name; `all` for all together.
    pub queue: String,
    /// Visits: answered, abandoned and left otherwise.
    pub offered: u64,
    /// Visits that an agent answered.
    pub answered: u64,
    /// Callers who hung up while waiting.
    pub abandoned: u64,
    /// Visits that ended otherwise: turned away, diverted, to be called back.
    pub left: u64,
    /// Service levels.
    pub service_level: Levels,
    /// Average speed of answer in seconds, ring time included; `None` if nobody was answered.
    pub asa_seconds: Option<f64>,
    /// The longest wait of an answered caller, in seconds.
    pub longest_seconds: f64,
    /// Abandoned / offered.
    pub abandon_rate: Option<f64>,
    /// Mean conversation in seconds.
    pub talk_seconds: Option<f64>,
    /// Handling / (handling + ready and idle), for all agents; only for all queues together.
    pub occupancy: Option<f64>,
}

#[derive(Clone, Default, Debug)]
struct Counts {
    name: String,
    target: Span,
    answered: u64,
    in_target: u64,
    abandoned: u64,
    abandoned_in_target: u64,
    left: u64,
    waited: u64,
    longest: u64,
    talked: u64,
    talks: u64,
}

/// A wait that was predicted, and what it was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checked {
    pub(super) queue: QueueId,
    pub(super) predicted: Estimate,
    pub(super) wait: Span,
}

/// The fold.
#[derive(Default, Debug)]
pub(super) struct Tally {
    queues: BTreeMap<QueueId, Counts>,
    agents: BTreeMap<AgentId, (AgentState, Time)>,
    handling: u64,
    idle: u64,
    predicted: BTreeMap<CallId, Option<Estimate>>,
    pub(super) checked: Vec<Checked>,
    /// Callers who were told something, and those who were let in, by queue.
    told: BTreeMap<CallId, bool>,
    pub(super) silent: BTreeMap<QueueId, (u64, u64)>,
}

impl Tally {
    /// Counts one event; the number of an agent who begins after-call work.
    pub(super) fn take(&mut self, now: Time, event: &Event) -> Option<String> {
        match event {
            Event::ConfigApplied { queues, agents, .. } => {
                for queue in queues {
                    let counts = self.queues.entry(queue.queue).or_default();
                    (counts.name, counts.target) = (queue.name.clone(), queue.service_target);
                }
                for agent in agents {
                    self.agents.entry(agent.agent).or_insert((agent.state, now));
                }
            }
            Event::CallJoined { call, predicted, .. } => {
                self.predicted.insert(*call, *predicted);
            }
            Event::CallConnected {
                call, queue, wait, ..
            } => {
                let counts = self.queues.entry(*queue).or_default();
                counts.answered += 1;
                counts.in_target += u64::from(*wait <= counts.target);
                counts.waited += wait.0;
                counts.longest = counts.longest.max(wait.0);
                if let Some(Some(predicted)) = self.predicted.remove(call) {
                    let (queue, wait) = (*queue, *wait);
                    self.checked.push(Checked {
                        queue,
                        predicted,
                        wait,
                    });
                }
                self.heard(*call, *queue, *wait);
            }
            Event::CallFinished {
                call,
                queue,
                outcome,
                wait,
                talk,
                ..
            } => {
                let counts = self.queues.entry(*queue).or_default();
                match outcome {
                    CallOutcome::Answered => {
                        counts.talks += 1;
                        counts.talked += talk.0;
                    }
                    CallOutcome::Abandoned => {
                        counts.abandoned += 1;
                        counts.abandoned_in_target += u64::from(*wait <= counts.target);
                    }
                    CallOutcome::Withdrawn
                    | CallOutcome::Timeout
                    | CallOutcome::Full
                    | CallOutcome::NoAgents
                    | CallOutcome::Removed
                    | CallOutcome::Closed
                    | CallOutcome::Emergency
                    | CallOutcome::Diverted
                    | CallOutcome::Left
                    | CallOutcome::Callback
                    | CallOutcome::Overflowed
                    | CallOutcome::Moved
                    | CallOutcome::Error => counts.left += 1,
                }
                self.predicted.remove(call);
                self.told.remove(call);
            }
            Event::AgentChanged { agent, to, .. } => {
                self.state_ends(*agent, now);
                let before = self.agents.insert(*agent, (to.state, now));
                let begins = before.is_none_or(|(state, _)| state != AgentState::WrapUp);
                if to.state == AgentState::WrapUp && begins {
                    return Some((*to.card.number).to_owned());
                }
            }
            _ => {}
        }
        None
    }

    /// A waiting caller was told something.
    pub(super) fn said(&mut self, call: CallId) {
        self.told.insert(call, true);
    }

    /// Of those who waited long enough to be told.
    fn heard(&mut self, call: CallId, queue: QueueId, wait: Span) {
        if wait > Span::seconds(1) {
            let (silent, all) = self.silent.entry(queue).or_default();
            *silent += u64::from(!self.told.contains_key(&call));
            *all += 1;
        }
        self.told.remove(&call);
    }

    fn state_ends(&mut self, agent: AgentId, now: Time) {
        let Some((state, since)) = self.agents.get(&agent) else {
            return;
        };
        let spent = now.since(*since).0;
        match state {
            AgentState::OnCall
            | AgentState::OnHold
            | AgentState::Consulting
            | AgentState::Conferencing
            | AgentState::Reserved
            | AgentState::WrapUp => self.handling += spent,
            AgentState::Ready => self.idle += spent,
            AgentState::SignedOut
            | AgentState::NotReady
            | AgentState::ForcedBusy
            | AgentState::Unavailable
            | AgentState::Offered => {}
        }
    }

    /// The story is over: counts the states that go on.
    pub(super) fn close(&mut self, now: Time) {
        let agents: Vec<AgentId> = self.agents.keys().copied().collect();
        for agent in agents {
            self.state_ends(agent, now);
            if let Some((_, since)) = self.agents.get_mut(&agent) {
                *since = now;
            }
        }
    }

    pub(super) fn queue_name(&self, queue: QueueId) -> String {
        let known = self.queues.get(&queue);
        known.map(|counts| counts.name.clone()).unwrap_or_default()
    }

    /// All queues that anybody called, then all together.
    pub(super) fn figures(&self) -> Vec<Figures> {
        let mut all = Counts {
            name: "all".to_owned(),
            ..Counts::default()
        };
        let mut rows = Vec::new();
        for counts in self.queues.values() {
            all.answered += counts.answered;
            all.in_target += counts.in_target;
            all.abandoned += counts.abandoned;
            all.abandoned_in_target += counts.abandoned_in_target;
            all.left += counts.left;
            all.waited += counts.waited;
            all.longest = all.longest.max(counts.longest);
            all.talked += counts.talked;
            all.talks += counts.talks;
            let row = counts.figures(None);
            if row.offered > 0 {
                rows.push(row);
            }
        }
        rows.push(all.figures(share(self.handling, self.handling + self.idle)));
        rows
    }
}

impl Counts {
    fn figures(&self, occupancy: Option<f64>) -> Figures {
        let both = self.answered + self.abandoned;
        let late = self.answered + self.abandoned - self.abandoned_in_target;
        let seconds = |sum: u64, count: u64| share(sum, count).map(|micros| micros / 1e6);
        Figures {
            queue: self.name.clone(),
            offered: both + self.left,
            answered: self.answered,
            abandoned: self.abandoned,
            left: self.left,
            service_level: Levels {
                a: share(self.in_target, self.answered),
                b: share(self.in_target + self.abandoned_in_target, both),
                c: share(self.in_target, both),
                d: share(self.in_target, late),
            },
            asa_seconds: seconds(self.waited, self.answered),
            longest_seconds: self.longest as f64 / 1e6,
            abandon_rate: share(self.abandoned, both + self.left),
            talk_seconds: seconds(self.talked, self.talks),
            occupancy,
        }
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
