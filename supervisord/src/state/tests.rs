//! The fold on small stories.

use hotline_wire::event::{OfferResult, Party, RefusedCall};
use hotline_wire::snapshot::PhoneState;
use hotline_wire::{Command, Outcome, Refusal};

use super::*;

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
    });
    Event::ConfigApplied {
        author: "boot".into(),
        queues: queues.collect(),
        agents,
        tiers: vec!["gold".into()],
    }
}

fn agent(number: &str, queues: &[&str]) -> AgentInfo {
    AgentInfo {
        number: number.into(),
        name: String::new(),
        phone: String::new(),
        queues: queues.iter().map(|queue| (*queue).into()).collect(),
        state: AgentState::Ready,
        since: START,
        reason: String::new(),
        forced: None,
        next: None,
        phone_state: PhoneState::Available,
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
    let (queue, tier) = (queue.into(), "gold".into());
    Event::CallFinished {
        call: call.into(),
        queue,
        tier,
        outcome,
        agent: None,
        wait,
        talk,
        by: Party::Caller,
    }
}

fn changed(number: &str, queues: &[&str], from: AgentState, to: AgentState, since: u64) -> Event {
    let agent = AgentInfo {
        state: to,
        since: START + since * SECOND,
        ..agent(number, queues)
    };
    Event::AgentChanged { from, agent }
}

fn call(call: &str, queue: &str, joined: u64, connected: Option<u64>) -> CallInfo {
    CallInfo {
        call: call.into(),
        queue: queue.into(),
        tier: "gold".into(),
        number: String::new(),
        joined: START + joined * SECOND,
        connected: connected.map(|at| START + at * SECOND),
        agent: connected.map(|_| "1001".into()),
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
            .map(|agent| agent.info.clone())
            .collect(),
        calls,
    }
}

fn lost(first: u64, last: u64) -> Body {
    Body::Gap(Gap {
        first,
        last,
        reason: "overflow".into(),
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
fn what_happened_in_a_gap_is_counted_as_far_as_it_can_be_known() {
    let mut tale = Tale::begin();
    tale.tell(1, joined("waits on", "sales"));
    tale.tell(1, joined("is connected", "sales"));
    tale.tell(1, joined("vanishes", "sales"));
    tale.tell(1, joined("ends after", "sales"));
    let last = tale.seq;

    assert_eq!(tale.apply(lost(last + 1, last + 50)), Applied::New);
    tale.seq = last + 50;
    // Events after the gap come before the snapshot that sets the live state right.
    tale.tell(
        40,
        finished("came and went", "sales", CallOutcome::Abandoned, 7 * SECOND, 0),
    );
    tale.tell(41, connected("came", "1001", "sales", 6 * SECOND));
    tale.tell(
        42,
        finished(
            "ends after",
            "sales",
            CallOutcome::Answered,
            9 * SECOND,
            20 * SECOND,
        ),
    );
    tale.assert_balanced();
    let calls = vec![
        call("waits on", "sales", 1, None),
        call("is connected", "sales", 1, Some(31)),
        call("came", "sales", 35, Some(41)),
        call("came too", "support", 36, None),
    ];
    let state = snapshot(&tale, tale.seq, 42, calls);
    assert_eq!(tale.apply(Body::Snapshot(Box::new(state))), Applied::New);

    tale.assert_balanced();
    let counts = tale.tier("sales");
    assert_eq!(counts.offered, 6);
    assert_eq!(counts.finished[&CallOutcome::Error], 1, "vanishes");
    assert_eq!(counts.finished[&CallOutcome::Answered], 1);
    assert_eq!(counts.finished[&CallOutcome::Abandoned], 1);
    // "came" 6 s, "ends after" 9 s, "is connected" 30 s.
    let waits = &tale.node().counts.queues["sales"].answer_wait;
    assert_eq!((waits.count(), waits.sum()), (3, 45 * SECOND));
    assert_eq!(counts.answered_within, 2);
    assert_eq!(tale.tier("support").offered, 1);
    assert_eq!(
        (tale.node().counts.gaps["overflow"], tale.node().counts.lost),
        (1, 50)
    );
    let queue = &tale.node().queues["sales"];
    assert_eq!((queue.waiting.len(), queue.talking), (1, 2));
}

#[test]
fn a_reason_that_nobody_knows_makes_no_label() {
    let mut tale = Tale::begin();
    let gap = Gap {
        first: tale.seq + 1,
        last: tale.seq + 3,
        reason: "13800138000".into(),
    };
    assert_eq!(tale.apply(Body::Gap(gap)), Applied::New);
    assert_eq!(tale.node().counts.gaps, BTreeMap::from([("other".to_owned(), 1)]));
    assert_eq!(tale.node().counts.lost, 3);
}

#[test]
fn a_snapshot_ahead_of_the_story_is_a_gap() {
    let mut tale = Tale::begin();
    let state = snapshot(&tale, 9, 60, Vec::new());
    assert_eq!(tale.apply(Body::Snapshot(Box::new(state.clone()))), Applied::New);
    assert_eq!((tale.node().seq, tale.node().counts.lost), (9, 8));
    assert_eq!(tale.node().counts.gaps["snapshot"], 1);
    // Again at the same place it changes nothing.
    let before = tale.state.clone();
    tale.apply(Body::Snapshot(Box::new(state)));
    assert_eq!(tale.state, before);
}

#[test]
fn what_comes_twice_counts_once_and_what_comes_early_not_yet() {
    let mut tale = Tale::begin();
    tale.tell(1, joined("c1", "sales"));
    let before = tale.state.clone();
    let event = |seq| {
        Body::Event(EventFrame {
            seq,
            at: START,
            event: joined("c1", "sales"),
        })
    };
    assert_eq!(tale.apply(event(2)), Applied::Duplicate);
    assert_eq!(tale.apply(event(1)), Applied::Duplicate);
    assert_eq!(tale.apply(event(4)), Applied::OutOfOrder);
    assert_eq!(
        tale.apply(Body::Boot {
            socket: String::new()
        }),
        Applied::Duplicate
    );
    assert_eq!(tale.apply(lost(1, 2)), Applied::Duplicate);
    assert_eq!(tale.apply(lost(5, 9)), Applied::OutOfOrder);
    tale.boot = "b0";
    assert_eq!(tale.apply(event(3)), Applied::OutOfOrder, "of another boot");
    assert_eq!(tale.state, before);
}

#[test]
fn a_new_boot_takes_the_calls_of_the_old_one_with_it() {
    let mut tale = Tale::begin();
    tale.tell(1, joined("c1", "sales"));
    tale.tell(1, joined("c2", "support"));
    tale.tell(2, connected("c2", "1002", "support", SECOND));
    (tale.boot, tale.seq) = ("b2", 0);
    assert_eq!(
        tale.apply(Body::Boot {
            socket: "/run/x.sock".into()
        }),
        Applied::New
    );
    assert_eq!(tale.tier("sales").finished[&CallOutcome::Error], 1);
    assert_eq!(tale.tier("support").finished[&CallOutcome::Error], 1);
    assert_eq!(
        tale.tier("support").answered_within,
        1,
        "it was answered all the same"
    );
    assert_eq!(tale.node().counts.gaps["boot"], 1);
    assert!(tale.node().calls.is_empty() && tale.node().agents.is_empty() && tale.node().queues.is_empty());
    let ready = tale.node().counts.state_time[&AgentState::Ready];
    // The time in between belongs to no state.
    tale.tell(5_000, settings(&["sales"], vec![agent("1001", &["sales"])]));
    assert_eq!(tale.node().counts.state_time[&AgentState::Ready], ready);
    tale.tell(5_001, joined("c1", "sales"));
    assert_eq!(tale.node().counts.state_time[&AgentState::Ready], ready + SECOND);
    assert_eq!(tale.tier("sales").offered, 2);
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

#[test]
fn a_checkpoint_restores_the_state_wherever_it_is_taken() {
    let mut tale = Tale::begin();
    let story = [
        joined("c1", "sales"),
        joined("c2", "support"),
        changed("1001", &["sales"], AgentState::Ready, AgentState::Offered, 3),
        connected("c1", "1001", "sales", 2 * SECOND),
        changed("1001", &["sales"], AgentState::Offered, AgentState::OnCall, 4),
        finished("c1", "sales", CallOutcome::Answered, 2 * SECOND, SECOND),
        changed("1001", &["sales"], AgentState::OnCall, AgentState::WrapUp, 5),
        finished("c2", "support", CallOutcome::Abandoned, 3 * SECOND, 0),
        changed("1001", &["support"], AgentState::WrapUp, AgentState::Ready, 9),
    ];
    for (at, event) in story.into_iter().enumerate() {
        tale.tell(at as u64, event);
        let mut restored: State = serde_json::from_str(&serde_json::to_string(&tale.state).unwrap()).unwrap();
        restored.complete();
        assert_eq!(restored, tale.state);
    }
    assert_eq!(tale.node().counts.queues["sales"].wrap_up.count(), 1);
}

#[test]
fn a_node_that_tells_of_a_call_twice_cannot_unbalance_the_counts() {
    let mut tale = Tale::begin();
    tale.tell(1, joined("c1", "sales"));
    tale.tell(2, joined("c1", "sales"));
    tale.assert_balanced();
    assert_eq!(tale.node().queues["sales"].waiting.len(), 1);
    tale.tell(3, finished("c1", "sales", CallOutcome::Abandoned, SECOND, 0));
    tale.assert_balanced();
    assert!(tale.node().queues["sales"].waiting.is_empty());

    let twice = vec![call("c2", "sales", 3, None), call("c2", "sales", 4, None)];
    let seq = tale.seq;
    let snapshot = snapshot(&tale, seq, 4, twice);
    tale.apply(Body::Snapshot(Box::new(snapshot)));
    tale.assert_balanced();
    assert_eq!(tale.node().queues["sales"].waiting.len(), 1);
}

#[test]
fn a_clock_that_leaps_to_the_end_of_time_stops_the_count_at_its_end() {
    let mut tale = Tale::begin();
    let mut third = agent("1003", &["sales"]);
    third.state = AgentState::Ready;
    tale.tell(
        1,
        Event::AgentChanged {
            from: AgentState::SignedOut,
            agent: third,
        },
    );
    let frame = EventFrame {
        seq: tale.seq + 1,
        at: i64::MAX as u64,
        event: Event::OfferRinging { offer: 1 },
    };
    assert_eq!(tale.apply(Body::Event(frame)), Applied::New);
    assert_eq!(tale.node().counts.state_time[&AgentState::Ready], u64::MAX);
}
