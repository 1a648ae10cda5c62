//! The fold on small stories.

use hotline_wire::event::{
    CallOutcome, CallbackOutcome, Estimate, Exit, Limit, OfferResult, Party, RefusedCall, TalkState,
};
use hotline_wire::frame::GapReason;
use hotline_wire::snapshot::{AgentInfo, AgentState, CallInfo, Door, MemberInfo, PhoneState, QueueInfo};
use hotline_wire::{Command, Event, Outcome, Refusal};

use super::*;

mod gaps;
mod visits;

const SECOND: u64 = 1_000_000;
const START: u64 = 1_000 * SECOND;

/// A node's story in the making; times are seconds after its start.
struct Tale {
    state: State,
    seq: u64,
    boot: &'static str,
}

impl Tale {
    /// Two queues with a target of 20 s, agents 1001 (sales) and 1002 (both), ready.
    fn begin() -> Tale {
        let mut tale = Tale {
            state: State::default(),
            seq: 0,
            boot: "b1",
        };
        assert_eq!(
            tale.apply(Body::Boot {
                number: 0,
                socket: "/run/x.sock".into()
            }),
            Applied::New
        );
        let agents = vec![agent("1001", &["sales"]), agent("1002", &["sales", "support"])];
        tale.tell(0, settings(&["sales", "support"], agents));
        tale
    }

    fn apply(&mut self, body: Body) -> Applied {
        let record = Record {
            node: "pbx1".into(),
            boot: self.boot.into(),
            body,
        };
        self.state.apply(&record, &mut Changes::default())
    }

    fn tell(&mut self, at: u64, event: Event) {
        self.seq += 1;
        let frame = EventFrame {
            seq: self.seq,
            at: START + at * SECOND,
            event,
        };
        assert_eq!(self.apply(Body::Event(frame)), Applied::New);
    }

    fn node(&self) -> &Node {
        &self.state.nodes["pbx1"]
    }

    fn tier(&self, queue: &str) -> counts::TierCounts {
        let queue = self.node().counts.queues.get(queue);
        queue
            .and_then(|queue| queue.tiers.get("gold"))
            .cloned()
            .unwrap_or_default()
    }

    /// Offered = finished + in progress.
    fn assert_balanced(&self) {
        for name in self.node().queues.keys() {
            let counts = self.tier(name);
            let live = self
                .node()
                .calls
                .values()
                .filter(|call| call.queue == *name)
                .count() as u64;
            assert_eq!(
                counts.offered,
                counts.finished.values().sum::<u64>() + live,
                "{name}"
            );
        }
    }
}

fn settings(queues: &[&str], agents: Vec<AgentInfo>) -> Event {
    let queues = queues.iter().map(|name| QueueInfo {
        name: (*name).into(),
        strategy: "ring-all".into(),
        service_target: 20 * SECOND,
        max_waiting: 9,
        door: Door::Open,
    });
    Event::ConfigApplied {
        author: "boot".into(),
        queues: queues.collect(),
        agents,
        tiers: vec!["gold".into()],
        dispositions: Vec::new(),
    }
}

fn agent(number: &str, queues: &[&str]) -> AgentInfo {
    AgentInfo {
        number: number.into(),
        name: String::new(),
        phone: String::new(),
        queues: queues
            .iter()
            .map(|queue| MemberInfo {
                queue: (*queue).into(),
                level: 1,
            })
            .collect(),
        skills: Vec::new(),
        state: AgentState::Ready,
        since: START,
        reason: String::new(),
        forced: None,
        next: None,
        phone_state: PhoneState::Available,
        owes_disposition: false,
        call: None,
    }
}

fn joined(call: &str, queue: &str) -> Event {
    let (queue, tier, number) = (queue.into(), "gold".into(), "13800138000".into());
    Event::CallJoined {
        call: call.into(),
        queue,
        tier,
        number,
        waiting: 1,
        position: 1,
        predicted: None,
        flag: String::new(),
        attached: Default::default(),
        callback: None,
    }
}

fn connected(call: &str, agent: &str, queue: &str, wait: u64) -> Event {
    let (queue, tier) = (queue.into(), "gold".into());
    Event::CallConnected {
        call: call.into(),
        agent: agent.into(),
        queue,
        tier,
        wait,
    }
}

fn finished(call: &str, queue: &str, outcome: CallOutcome, wait: u64, talk: u64) -> Event {
    left(call, queue, outcome, wait, talk, Exit::Onward)
}

fn left(call: &str, queue: &str, outcome: CallOutcome, wait: u64, talk: u64, to: Exit) -> Event {
    let (queue, tier) = (queue.into(), "gold".into());
    Event::CallFinished {
        call: call.into(),
        queue,
        tier,
        outcome,
        agent: None,
        wait,
        talk,
        hold: talk / 4,
        by: Party::Caller,
        to,
    }
}

fn changed(number: &str, queues: &[&str], from: AgentState, to: AgentState, since: u64) -> Event {
    let agent = AgentInfo {
        state: to,
        since: START + since * SECOND,
        ..agent(number, queues)
    };
    Event::AgentChanged {
        from,
        agent: agent.into(),
    }
}

fn call(call: &str, queue: &str, joined: u64, connected: Option<u64>) -> CallInfo {
    CallInfo {
        call: call.into(),
        queue: queue.into(),
        tier: "gold".into(),
        number: String::new(),
        flag: String::new(),
        attached: Default::default(),
        joined: START + joined * SECOND,
        connected: connected.map(|at| START + at * SECOND),
        agent: connected.map(|_| "1001".into()),
        talk: TalkState::Talking,
        muted: false,
        recording: None,
        position: 0,
        estimate: None,
    }
}

fn snapshot(tale: &Tale, seq: u64, at: u64, calls: Vec<CallInfo>) -> Snapshot {
    Snapshot {
        seq,
        at: START + at * SECOND,
        tiers: tale.node().tiers.clone(),
        queues: tale
            .node()
            .queues
            .values()
            .map(|queue| queue.info.clone())
            .collect(),
        agents: tale
            .node()
            .agents
            .values()
            .map(|agent| (*agent.info).clone())
            .collect(),
        calls,
        callbacks: tale.node().callbacks.values().cloned().collect(),
        ..Snapshot::default()
    }
}

fn lost(first: u64, last: u64) -> Body {
    Body::Gap(Gap {
        first,
        last,
        reason: GapReason::Overflow,
    })
}

#[test]
fn an_answered_call_is_counted_at_every_step() {
    let mut tale = Tale::begin();
    tale.tell(10, joined("c1", "sales"));
    assert_eq!(
        tale.node().queues["sales"].waiting.first(),
        Some(&(START + 10 * SECOND, "c1".into()))
    );
    assert_eq!(tale.tier("sales").offered, 1);
    let offer = |result| Event::OfferEnded {
        offer: 1,
        call: "c1".into(),
        agent: "1001".into(),
        queue: "sales".into(),
        result,
        ring: 5 * SECOND,
    };
    tale.tell(
        10,
        Event::OfferMade {
            offer: 1,
            call: "c1".into(),
            agent: "1001".into(),
            queue: "sales".into(),
            dispatch: 1_500,
        },
    );
    tale.tell(
        10,
        changed("1001", &["sales"], AgentState::Ready, AgentState::Offered, 10),
    );
    tale.tell(15, offer(OfferResult::Answered));
    tale.tell(15, connected("c1", "1001", "sales", 5 * SECOND));
    tale.tell(
        15,
        changed("1001", &["sales"], AgentState::Offered, AgentState::OnCall, 15),
    );
    let queue = &tale.node().queues["sales"];
    assert_eq!((queue.waiting.len(), queue.talking), (0, 1));
    assert_eq!(
        (queue.agents(AgentState::OnCall), queue.agents(AgentState::Ready)),
        (1, 1)
    );
    assert_eq!(tale.node().queues["support"].agents(AgentState::Ready), 1);
    assert_eq!(tale.tier("sales").answered_within, 1);
    assert!(tale.tier("sales").finished.is_empty());

    tale.tell(
        75,
        finished("c1", "sales", CallOutcome::Answered, 5 * SECOND, 60 * SECOND),
    );
    tale.tell(
        75,
        changed("1001", &["sales"], AgentState::OnCall, AgentState::WrapUp, 75),
    );
    tale.tell(
        85,
        changed("1001", &["sales"], AgentState::WrapUp, AgentState::Ready, 85),
    );
    let counts = &tale.node().counts.queues["sales"];
    assert_eq!(
        (counts.answer_wait.count(), counts.answer_wait.sum()),
        (1, 5 * SECOND)
    );
    assert_eq!((counts.talk.count(), counts.talk.sum()), (1, 60 * SECOND));
    assert_eq!((counts.wrap_up.count(), counts.wrap_up.sum()), (1, 10 * SECOND));
    assert_eq!((counts.ring.count(), counts.ring.sum()), (1, 5 * SECOND));
    assert_eq!((counts.dispatch.count(), counts.dispatch.sum()), (1, 1_500));
    assert_eq!(counts.offers[&OfferResult::Answered], 1);
    assert_eq!(tale.tier("sales").finished[&CallOutcome::Answered], 1);
    assert!(tale.node().calls.is_empty());
    assert_eq!(tale.node().queues["sales"].talking, 0);
    // Two agents for 85 s; one of them 5 s offered, 60 on call, 10 in wrap-up.
    let time = &tale.node().counts.state_time;
    assert_eq!(time[&AgentState::Ready], (2 * 85 - 75) * SECOND);
    assert_eq!(time[&AgentState::Offered], 5 * SECOND);
    assert_eq!(time[&AgentState::OnCall], 60 * SECOND);
    assert_eq!(time[&AgentState::WrapUp], 10 * SECOND);
}

#[test]
fn a_wait_as_long_as_the_target_is_within_it() {
    let mut tale = Tale::begin();
    for (i, (wait, outcome)) in [
        (20 * SECOND, CallOutcome::Answered),
        (20 * SECOND + 1, CallOutcome::Answered),
        (20 * SECOND, CallOutcome::Abandoned),
        (20 * SECOND + 1, CallOutcome::Abandoned),
        (SECOND, CallOutcome::Timeout),
        (SECOND, CallOutcome::Full),
    ]
    .into_iter()
    .enumerate()
    {
        let call = format!("c{i}");
        tale.tell(1, joined(&call, "sales"));
        if outcome == CallOutcome::Answered {
            tale.tell(1, connected(&call, "1001", "sales", wait));
        }
        tale.tell(1, finished(&call, "sales", outcome, wait, 0));
    }
    let counts = tale.tier("sales");
    assert_eq!((counts.answered_within, counts.abandoned_within), (1, 1));
    assert_eq!(tale.node().counts.queues["sales"].abandon_wait.count(), 2);
    assert_eq!(tale.node().counts.queues["sales"].talk.count(), 2);
    tale.assert_balanced();
}

#[test]
fn settings_that_remove_a_queue_keep_its_counts() {
    let mut tale = Tale::begin();
    tale.tell(1, joined("c1", "support"));
    tale.tell(1, finished("c1", "support", CallOutcome::Removed, 0, 0));
    tale.tell(2, settings(&["sales"], vec![agent("1002", &["sales"])]));
    assert_eq!(tale.node().queues.keys().collect::<Vec<_>>(), ["sales"]);
    assert_eq!(tale.node().agents.keys().collect::<Vec<_>>(), ["1002"]);
    assert_eq!(tale.node().queues["sales"].agents(AgentState::Ready), 1);
    assert_eq!(tale.node().agents_in(AgentState::Ready), 1);
    assert_eq!(tale.tier("support").finished[&CallOutcome::Removed], 1);
}

#[test]
fn commands_refusals_and_faults_are_counted() {
    let mut tale = Tale::begin();
    let command = Command::ForceBusy {
        agent: "1001".into(),
        reason: String::new(),
        seconds: 0,
    };
    let refused = Outcome::Refused {
        reason: Refusal::UnknownAgent,
        message: String::new(),
    };
    for (author, outcome) in [
        ("dbus:anna", Outcome::Pending),
        ("dbus:anna", Outcome::Done),
        ("cli", refused),
        ("agent:1001", Outcome::Done),
    ] {
        tale.tell(
            1,
            Event::CommandAnswered {
                author: author.into(),
                command: command.clone(),
                outcome,
            },
        );
    }
    let counted = &tale.node().counts.actions["force_busy"];
    assert_eq!(
        (counted["pending"], counted["done"], counted["refused"]),
        (1, 1, 1)
    );
    for reason in [
        RefusedCall::UnknownQueue,
        RefusedCall::AtLimit,
        RefusedCall::AtLimit,
    ] {
        tale.tell(
            1,
            Event::CallRefused {
                call: "x".into(),
                queue: "nowhere".into(),
                reason,
            },
        );
    }
    let refused = &tale.node().counts.refused;
    assert_eq!((refused["unknown_queue"], refused["at_limit"]), (1, 2));
    tale.tell(
        1,
        Event::Fault {
            what: "an impossible thing".into(),
        },
    );
    assert_eq!(tale.node().counts.faults, 1);
    assert!(
        !tale.node().counts.queues.contains_key("nowhere"),
        "what callers ask for is no label"
    );
}
