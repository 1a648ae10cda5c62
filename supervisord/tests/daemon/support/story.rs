//! Stories that a node tells: random calls with a seed, always consistent.

use std::collections::{BTreeMap, VecDeque};

use hotline_wire::event::{
    CallOutcome, CallbackOutcome, Estimate, Exit, Limit, OfferResult, Party, RefusedCall, TalkState,
};
use hotline_wire::snapshot::{AgentInfo, AgentState, Door, MemberInfo, PhoneState, QueueInfo};
use hotline_wire::{Command, Event, Outcome, Refusal};

use super::node::FakeNode;

pub const SECOND: u64 = 1_000_000;
/// 2026-01-05 08:00 UTC.
pub const MORNING: u64 = 1_767_600_000 * SECOND;

pub fn queue(name: &str) -> QueueInfo {
    QueueInfo {
        name: name.into(),
        strategy: "longest-idle".into(),
        service_target: 20 * SECOND,
        max_waiting: 100,
        door: Door::Open,
    }
}

pub fn agent(number: &str, queues: &[&str]) -> AgentInfo {
    AgentInfo {
        number: number.into(),
        name: format!("Agent {number}"),
        phone: format!("PJSIP/a{number}"),
        queues: queues.iter().map(|queue| member(queue)).collect(),
        skills: Vec::new(),
        state: AgentState::Ready,
        since: MORNING,
        reason: String::new(),
        forced: None,
        next: None,
        phone_state: PhoneState::Available,
        owes_disposition: false,
        call: None,
    }
}

fn member(queue: &str) -> MemberInfo {
    MemberInfo {
        queue: queue.into(),
        level: 1,
    }
}

/// A call that joins and waits.
pub fn joined(call: &str, queue: &str, tier: &str, number: &str) -> Event {
    Event::CallJoined {
        call: call.into(),
        queue: queue.into(),
        tier: tier.into(),
        number: number.into(),
        waiting: 1,
        position: 1,
        predicted: None,
        flag: String::new(),
        attached: Default::default(),
        callback: None,
    }
}

/// A call that leaves a queue without having talked.
pub fn left(call: &str, queue: &str, tier: &str, outcome: CallOutcome, wait: u64, to: Exit) -> Event {
    Event::CallFinished {
        call: call.into(),
        queue: queue.into(),
        tier: tier.into(),
        outcome,
        agent: None,
        wait,
        talk: 0,
        hold: 0,
        by: Party::Caller,
        to,
    }
}

/// The first event of every boot.
pub fn settings(queues: &[&str], agents: Vec<AgentInfo>) -> Event {
    Event::ConfigApplied {
        author: "boot".into(),
        queues: queues.iter().map(|name| queue(name)).collect(),
        agents,
        tiers: vec!["standard".into(), "gold".into()],
        dispositions: Vec::new(),
    }
}

/// A complaint is `07`, what is resolved `01`.
pub fn said(call: &str, queue: &str, agent: &str, code: &str, before: &str) -> Event {
    Event::DispositionSet {
        call: call.into(),
        agent: agent.into(),
        queue: queue.into(),
        code: code.into(),
        complaint: code == "07",
        resolved: code == "01",
        follow_up: code == "07",
        note: format!("said {code} of it"),
        before: before.into(),
        author: format!("agent:{agent}"),
    }
}

pub struct Story {
    random: fastrand::Rng,
    boot: String,
    at: u64,
    calls: u64,
    offers: u64,
    agents: BTreeMap<String, AgentInfo>,
    waiting: VecDeque<(String, &'static str, &'static str, u64)>,
    talking: Vec<(String, &'static str, &'static str, u64, u64, String)>,
    /// Conversations that ended.
    ended: usize,
    /// Callbacks, in the order of their placing.
    owed: VecDeque<(String, &'static str, &'static str, u64)>,
}

const QUEUES: [&str; 2] = ["sales", "support"];
const TIERS: [&str; 2] = ["standard", "gold"];

impl Story {
    pub fn new(seed: u64, boot: &str) -> Story {
        let agents = (1..=6).map(|i| {
            agent(
                &format!("10{i:02}"),
                if i % 3 == 0 { &QUEUES } else { &QUEUES[..1 + i % 2] },
            )
        });
        Story {
            random: fastrand::Rng::with_seed(seed),
            boot: boot.into(),
            at: MORNING,
            calls: 0,
            offers: 0,
            agents: agents.map(|agent| (agent.number.clone(), agent)).collect(),
            waiting: VecDeque::new(),
            talking: Vec::new(),
            ended: 0,
            owed: VecDeque::new(),
        }
    }

    /// The same story, beginning then.
    pub fn from(mut self, at: u64) -> Story {
        self.at = at;
        for agent in self.agents.values_mut() {
            agent.since = at;
        }
        self
    }

    /// The moment it has come to.
    pub fn now(&self) -> u64 {
        self.at
    }

    pub fn begin(&self, node: &FakeNode) {
        node.tell_at(
            self.at,
            settings(&QUEUES, self.agents.values().cloned().collect()),
        );
    }

    /// Tells one more step, one to a few events.
    pub fn step(&mut self, node: &FakeNode) {
        self.at += self.random.u64(1..3 * SECOND);
        match self.random.u8(0..10) {
            0..=3 => self.join(node),
            4..=5 => self.connect(node),
            6..=7 => self.hang_up(node),
            8 => self.leave(node),
            _ => self.else_happens(node),
        }
    }

    fn join(&mut self, node: &FakeNode) {
        self.calls += 1;
        let call = format!("{}-{}-{}", node.name, self.boot, self.calls);
        let (queue, tier) = (QUEUES[self.random.usize(0..2)], TIERS[self.random.usize(0..2)]);
        self.enter(node, call, queue, tier);
    }

    fn enter(&mut self, node: &FakeNode, call: String, queue: &'static str, tier: &'static str) {
        self.waiting.push_back((call.clone(), queue, tier, self.at));
        let number = format!("1380013{:04}", self.calls % 10_000);
        let mut event = joined(&call, queue, tier, &number);
        let ahead = self.waiting.len() as u32;
        if let Event::CallJoined {
            waiting,
            position,
            predicted,
            ..
        } = &mut event
        {
            (*waiting, *position) = (ahead, ahead);
            *predicted = Some(Estimate {
                p50: u64::from(ahead) * 20 * SECOND,
                p90: u64::from(ahead) * 45 * SECOND,
            });
        }
        node.tell_at(self.at, event);
    }

    fn change(&mut self, node: &FakeNode, number: &str, state: AgentState, call: Option<String>) {
        let agent = self.agents.get_mut(number).unwrap();
        let from = agent.state;
        agent.state = state;
        agent.since = self.at;
        agent.call = call;
        node.tell_at(
            self.at,
            Event::AgentChanged {
                from,
                agent: agent.clone().into(),
            },
        );
    }

    fn connect(&mut self, node: &FakeNode) {
        let ready = self
            .agents
            .values()
            .find(|agent| agent.state == AgentState::Ready);
        let (Some(number), Some((call, queue, tier, joined))) =
            (ready.map(|agent| agent.number.clone()), self.waiting.pop_front())
        else {
            return;
        };
        self.offers += 1;
        let offer = self.offers;
        let dispatch = self.random.u64(100..40_000);
        let (name, agent) = (queue.to_owned(), number.clone());
        node.tell_at(
            self.at,
            Event::OfferMade {
                offer,
                call: call.clone(),
                agent,
                queue: name,
                dispatch,
            },
        );
        self.change(node, &number, AgentState::Offered, Some(call.clone()));
        node.tell_at(self.at, Event::OfferRinging { offer });
        let ring = self.random.u64(SECOND..8 * SECOND);
        self.at += ring;
        let answers = self.random.u8(0..5) > 0;
        let result = if answers {
            OfferResult::Answered
        } else {
            OfferResult::NoAnswer
        };
        node.tell_at(
            self.at,
            Event::OfferEnded {
                offer,
                call: call.clone(),
                agent: number.clone(),
                queue: queue.into(),
                result,
                ring,
            },
        );
        if !answers {
            self.change(node, &number, AgentState::Ready, None);
            self.waiting.push_front((call, queue, tier, joined));
            return;
        }
        let wait = self.at - joined;
        node.tell_at(
            self.at,
            Event::CallConnected {
                call: call.clone(),
                agent: number.clone(),
                queue: queue.into(),
                tier: tier.into(),
                wait,
            },
        );
        self.change(node, &number, AgentState::OnCall, Some(call.clone()));
        self.talking.push((call, queue, tier, wait, self.at, number));
    }

    fn hang_up(&mut self, node: &FakeNode) {
        if self.talking.is_empty() {
            return;
        }
        let (call, queue, tier, wait, since, number) =
            self.talking.swap_remove(self.random.usize(0..self.talking.len()));
        let hold = if self.random.u8(0..3) == 0 {
            self.hold(node, &call, queue, &number)
        } else {
            0
        };
        // By turns nothing is said of a call, during it, after it, or after it once more.
        self.ended += 1;
        let turn = self.ended % 4;
        let named = call.clone();
        if turn == 1 {
            node.tell_at(self.at, said(&call, queue, &number, "07", ""));
        }
        node.tell_at(
            self.at,
            Event::CallFinished {
                call,
                queue: queue.into(),
                tier: tier.into(),
                outcome: CallOutcome::Answered,
                agent: Some(number.clone()),
                wait,
                talk: self.at - since,
                hold,
                by: Party::Caller,
                to: Exit::Onward,
            },
        );
        self.change(node, &number, AgentState::WrapUp, None);
        if turn > 1 {
            node.tell_at(self.at, said(&named, queue, &number, "07", ""));
        }
        if turn == 3 {
            node.tell_at(self.at, said(&named, queue, &number, "01", "07"));
        }
        self.at += self.random.u64(1..9 * SECOND);
        self.change(node, &number, AgentState::Ready, None);
    }

    /// Puts the caller on hold and back. Returns for how long.
    fn hold(&mut self, node: &FakeNode, call: &str, queue: &str, number: &str) -> u64 {
        let talk = |from, to, lasted| Event::TalkChanged {
            call: call.into(),
            agent: number.into(),
            queue: queue.into(),
            from,
            to,
            lasted,
        };
        let lasted = self.random.u64(1..80 * SECOND);
        node.tell_at(self.at, talk(TalkState::Talking, TalkState::OnHold, 0));
        self.change(node, number, AgentState::OnHold, Some(call.into()));
        self.at += lasted;
        if lasted > 60 * SECOND {
            let (call, agent) = (call.into(), number.into());
            let limit = Limit::Hold { call, agent };
            node.tell_at(
                self.at,
                Event::LimitReached {
                    limit,
                    level: 1,
                    lasted,
                },
            );
        }
        node.tell_at(self.at, talk(TalkState::OnHold, TalkState::Talking, lasted));
        self.change(node, number, AgentState::OnCall, Some(call.into()));
        lasted
    }

    /// Hangs up, chooses a callback, is diverted, or goes on in another queue.
    fn leave(&mut self, node: &FakeNode) {
        let Some((call, queue, tier, joined)) = self.waiting.pop_back() else {
            return;
        };
        let wait = self.at - joined;
        let (outcome, to) = match self.random.u8(0..6) {
            0 => {
                let (call, queue) = (call.clone(), queue.to_owned());
                node.tell_at(
                    self.at,
                    Event::KeyPressed {
                        call,
                        queue,
                        key: '1',
                    },
                );
                (CallOutcome::Callback, Exit::Callback)
            }
            1 => (CallOutcome::Callback, Exit::Callback),
            2 => (CallOutcome::Diverted, Exit::Place("ivr,s,1".into())),
            3 if queue == QUEUES[0] => (CallOutcome::Overflowed, Exit::Queue(QUEUES[1].into())),
            _ => (CallOutcome::Abandoned, Exit::Onward),
        };
        if outcome == CallOutcome::Callback {
            self.owed.push_back((call.clone(), queue, tier, self.at));
            node.tell_at(
                self.at,
                Event::CallbackPlaced {
                    callback: call.clone(),
                    queue: queue.into(),
                    tier: tier.into(),
                    number: "13800139999".into(),
                    position: 1,
                },
            );
        }
        node.tell_at(self.at, left(&call, queue, tier, outcome, wait, to));
        if outcome == CallOutcome::Overflowed {
            self.enter(node, call, QUEUES[1], tier);
        }
    }

    /// Calls the first back who is owed a call. Returns whether anybody is.
    fn call_back(&mut self, node: &FakeNode) -> bool {
        let Some((callback, queue, tier, placed)) = self.owed.pop_front() else {
            return false;
        };
        let (name, attempt) = (callback.clone(), 1);
        node.tell_at(
            self.at,
            Event::CallbackDialled {
                callback: name,
                queue: queue.into(),
                attempt,
            },
        );
        self.at += self.random.u64(1..9 * SECOND);
        let answers = self.random.bool();
        if !answers {
            node.tell_at(
                self.at,
                Event::CallbackMissed {
                    callback: callback.clone(),
                    queue: queue.into(),
                    attempt,
                },
            );
        }
        let outcome = if answers {
            CallbackOutcome::Resumed
        } else {
            CallbackOutcome::Failed
        };
        self.calls += u64::from(answers);
        let call = answers.then(|| format!("{}-{}-{}", node.name, self.boot, self.calls));
        node.tell_at(
            self.at,
            Event::CallbackEnded {
                callback,
                queue: queue.into(),
                tier: tier.into(),
                outcome,
                call: call.clone(),
                after: self.at - placed,
            },
        );
        if let Some(call) = call {
            self.enter(node, call, queue, tier);
        }
        true
    }

    fn else_happens(&mut self, node: &FakeNode) {
        if self.random.bool() && self.call_back(node) {
            return;
        }
        let event = if self.random.bool() {
            Event::CallRefused {
                call: "x".into(),
                queue: "nowhere".into(),
                reason: RefusedCall::UnknownQueue,
            }
        } else {
            let refused = Outcome::Refused {
                reason: Refusal::UnknownAgent,
                message: "no agent 9".into(),
            };
            Event::CommandAnswered {
                author: "cli".into(),
                command: Command::ForceIdle { agent: "9".into() },
                outcome: if self.random.bool() {
                    Outcome::Done
                } else {
                    refused
                },
            }
        };
        node.tell_at(self.at, event);
    }
}
