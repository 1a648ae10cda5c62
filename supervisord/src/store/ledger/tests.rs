//! The ledger in unit tests: agents' time without hole or overlap, visits through boots and gaps.

use hotline_wire::event::{CallOutcome, Exit, Party};
use hotline_wire::frame::{EventFrame, Gap, GapReason};
use hotline_wire::snapshot::{AgentInfo, AgentState, CallInfo, PhoneState};
use hotline_wire::{Event, Snapshot};

use super::rows::{Cut, Interval, Visit};
use super::*;

const SECOND: u64 = 1_000_000;

fn agent(number: &str, state: AgentState, since: u64) -> AgentInfo {
    AgentInfo {
        number: number.into(),
        name: String::new(),
        phone: String::new(),
        queues: Vec::new(),
        skills: Vec::new(),
        state,
        since: since * SECOND,
        reason: String::new(),
        forced: None,
        next: None,
        phone_state: PhoneState::Available,
        owes_disposition: false,
        call: None,
    }
}

/// A ledger that is told a story of one node.
struct Tale {
    ledger: Ledger,
    seq: u64,
}

impl Tale {
    fn begin(agents: Vec<AgentInfo>, at: u64) -> Tale {
        let mut tale = Tale {
            ledger: Ledger::new(Numbers::default()),
            seq: 0,
        };
        tale.told(
            at,
            Event::ConfigApplied {
                author: "boot".into(),
                queues: Vec::new(),
                agents,
                tiers: Vec::new(),
                dispositions: Vec::new(),
            },
        );
        tale
    }

    /// At so many seconds.
    fn told(&mut self, at: u64, event: Event) {
        self.seq += 1;
        let frame = EventFrame {
            seq: self.seq,
            at: at * SECOND,
            event,
        };
        self.ledger.apply("n", "b1", Told::Event(&frame));
    }

    fn changed(&mut self, at: u64, from: AgentState, to: AgentState) {
        let agent = agent("1", to, at);
        self.told(
            at,
            Event::AgentChanged {
                from,
                agent: agent.into(),
            },
        );
    }

    fn lost(&mut self, events: u64) {
        let gap = Gap {
            first: self.seq + 1,
            last: self.seq + events,
            reason: GapReason::Overflow,
        };
        self.seq += events;
        self.ledger.apply("n", "b1", Told::Gap(&gap));
    }

    fn snapshot(&mut self, at: u64, agents: Vec<AgentInfo>, calls: Vec<CallInfo>) {
        let snapshot = Snapshot {
            seq: self.seq,
            at: at * SECOND,
            agents,
            calls,
            ..Snapshot::default()
        };
        self.ledger.apply("n", "b1", Told::Snapshot(&snapshot));
    }

    fn intervals(&self) -> Vec<Interval> {
        let mut all: Vec<_> = self.ledger.changed.intervals.values().cloned().collect();
        all.sort_by_key(|interval| (interval.from, interval.born));
        all
    }

    /// From, until and state in words, and what cut it.
    fn time(&self) -> Vec<(u64, u64, &'static str, Cut)> {
        let word = |state: Option<AgentState>| state.map_or("unknown", AgentState::label);
        let open = u64::MAX;
        self.intervals()
            .into_iter()
            .map(|one| {
                let until = one.until.map_or(open, |until| until / SECOND);
                (one.from / SECOND, until, word(one.state), one.cut)
            })
            .collect()
    }

    fn visits(&self) -> Vec<Visit> {
        self.ledger.changed.visits.values().cloned().collect()
    }
}

fn joined(call: &str, queue: &str) -> Event {
    Event::CallJoined {
        call: call.into(),
        queue: queue.into(),
        tier: "gold".into(),
        number: "13800138000".into(),
        waiting: 1,
        position: 1,
        predicted: None,
        flag: String::new(),
        attached: Default::default(),
        callback: None,
    }
}

fn finished(call: &str, queue: &str, outcome: CallOutcome, wait: u64, talk: u64) -> Event {
    let answered = outcome == CallOutcome::Answered;
    Event::CallFinished {
        call: call.into(),
        queue: queue.into(),
        tier: "gold".into(),
        outcome,
        agent: answered.then(|| "1".into()),
        wait: wait * SECOND,
        talk: talk * SECOND,
        hold: 0,
        by: Party::Caller,
        to: Exit::Onward,
    }
}

fn connected(call: &str, wait: u64) -> Event {
    Event::CallConnected {
        call: call.into(),
        agent: "1".into(),
        queue: "sales".into(),
        tier: "gold".into(),
        wait: wait * SECOND,
    }
}

#[test]
fn one_state_follows_the_other_while_signed_in() {
    use AgentState::*;
    let mut tale = Tale::begin(vec![agent("1", SignedOut, 0)], 10);
    tale.changed(20, SignedOut, Ready);
    // A detail is no change.
    tale.changed(25, Ready, Ready);
    tale.changed(30, Ready, NotReady);
    tale.changed(30, NotReady, Ready);
    tale.changed(50, Ready, SignedOut);
    tale.changed(70, SignedOut, Ready);
    assert_eq!(
        tale.time(),
        [
            (20, 30, "ready", Cut::None),
            (30, 30, "not_ready", Cut::None),
            (30, 50, "ready", Cut::None),
            (70, u64::MAX, "ready", Cut::None)
        ]
    );
}

#[test]
fn what_a_gap_hides_is_an_interval_of_its_own() {
    use AgentState::*;
    let mut tale = Tale::begin(vec![agent("1", Ready, 0), agent("2", SignedOut, 0)], 10);
    tale.changed(20, Ready, NotReady);
    tale.lost(5);
    // Ready since 40, and told so at 60.
    tale.snapshot(
        60,
        vec![agent("1", Ready, 40), agent("2", NotReady, 45)],
        Vec::new(),
    );
    assert_eq!(
        tale.time(),
        [
            (10, 20, "ready", Cut::None),
            (20, 20, "not_ready", Cut::Gap),
            (20, 40, "unknown", Cut::None),
            (20, 45, "unknown", Cut::None),
            (40, u64::MAX, "ready", Cut::None),
            (45, u64::MAX, "not_ready", Cut::None),
        ]
    );
    // In the same state as before the gap: nothing is unknown.
    let mut tale = Tale::begin(vec![agent("1", Ready, 0)], 10);
    tale.told(30, joined("c", "sales"));
    tale.lost(1);
    tale.snapshot(60, vec![agent("1", Ready, 10)], Vec::new());
    tale.changed(70, Ready, NotReady);
    let unknown = tale
        .time()
        .iter()
        .filter(|one| one.2 == "unknown")
        .map(|one| one.1 - one.0)
        .sum::<u64>();
    assert_eq!(unknown, 0, "{:?}", tale.time());
    // An event tells before the snapshot does.
    let mut tale = Tale::begin(vec![agent("1", Ready, 0)], 10);
    tale.lost(1);
    tale.changed(30, OnCall, WrapUp);
    tale.snapshot(40, vec![agent("1", WrapUp, 30)], Vec::new());
    assert_eq!(
        tale.time(),
        [
            (10, 10, "ready", Cut::Gap),
            (10, 30, "unknown", Cut::None),
            (30, u64::MAX, "wrap_up", Cut::None)
        ]
    );
}

#[test]
fn a_boot_ends_what_was_open_at_the_last_that_was_heard() {
    let mut tale = Tale::begin(vec![agent("1", AgentState::Ready, 0)], 10);
    tale.told(15, joined("c", "sales"));
    tale.told(18, connected("c", 3));
    tale.told(20, joined("d", "sales"));
    tale.ledger.apply("n", "b2", Told::Boot);
    assert_eq!(tale.time(), [(10, 20, "ready", Cut::Boot)]);
    for visit in tale.visits() {
        assert_eq!(
            (visit.outcome, visit.ended, visit.cut, visit.settled),
            (Some(CallOutcome::Error), Some(20 * SECOND), Cut::Boot, true)
        );
    }
    let queues: Vec<_> = tale.ledger.changed.queues.values().collect();
    assert_eq!(
        (
            queues[0].arrivals,
            queues[0].answered,
            queues[0].cut_off,
            queues[0].error
        ),
        (2, 1, 1, 1)
    );
    assert!(
        tale.ledger
            .changed
            .calls
            .values()
            .all(|call| call.ended == Some(20 * SECOND))
    );
}

#[test]
fn after_call_work_belongs_to_the_call_before_it() {
    use AgentState::*;
    let mut tale = Tale::begin(vec![agent("1", Ready, 0)], 10);
    tale.told(15, joined("c", "sales"));
    let mut offered = agent("1", Offered, 16);
    offered.call = Some("c".into());
    tale.told(
        16,
        Event::AgentChanged {
            from: Ready,
            agent: offered.into(),
        },
    );
    tale.told(18, connected("c", 3));
    let mut talks = agent("1", OnCall, 18);
    talks.call = Some("c".into());
    tale.told(
        18,
        Event::AgentChanged {
            from: Offered,
            agent: talks.into(),
        },
    );
    tale.told(48, finished("c", "sales", CallOutcome::Answered, 3, 30));
    tale.changed(48, OnCall, WrapUp);
    let open = &tale.visits()[0];
    assert!(!open.settled && open.wrap_up == 0);
    tale.changed(58, WrapUp, Ready);
    let visit = &tale.visits()[0];
    assert_eq!(
        (visit.wait, visit.talk, visit.wrap_up),
        (3 * SECOND, 30 * SECOND, 10 * SECOND)
    );
    assert!(visit.settled);
    let about: Vec<_> = tale.intervals().iter().map(|one| one.queue.clone()).collect();
    assert_eq!(about, ["", "sales", "sales", "sales", ""]);
}

#[test]
fn a_call_that_an_agent_sends_on_is_one_call_of_several_visits() {
    let mut tale = Tale::begin(vec![agent("1", AgentState::Ready, 0)], 10);
    tale.told(15, joined("c", "sales"));
    tale.told(20, connected("c", 5));
    let mut sent = finished("c", "sales", CallOutcome::Answered, 5, 30);
    if let Event::CallFinished { to, .. } = &mut sent {
        *to = Exit::Queue("support".into());
    }
    tale.told(50, sent);
    tale.told(50, joined("c", "support"));
    tale.told(59, finished("c", "support", CallOutcome::Abandoned, 9, 0));
    let calls: Vec<_> = tale.ledger.changed.calls.values().cloned().collect();
    assert_eq!(calls.len(), 1);
    let call = &calls[0];
    assert_eq!(
        (call.visits, call.began, call.ended),
        (2, 15 * SECOND, Some(59 * SECOND))
    );
    assert_eq!(
        (call.outcome, call.agent.as_deref()),
        (Some(CallOutcome::Abandoned), Some("1"))
    );
    let visits = tale.visits();
    assert_eq!(
        (visits[0].outcome, visits[0].talk, visits[0].exit.as_deref()),
        (Some(CallOutcome::Answered), 30 * SECOND, Some("queue"))
    );
    assert_eq!(
        (visits[1].outcome, visits[1].wait),
        (Some(CallOutcome::Abandoned), 9 * SECOND)
    );
}

#[test]
fn a_call_that_moves_on_is_one_call_of_several_visits() {
    let mut tale = Tale::begin(Vec::new(), 10);
    tale.told(15, joined("c", "sales"));
    tale.told(20, finished("c", "sales", CallOutcome::Overflowed, 5, 0));
    let call = |tale: &Tale| tale.ledger.changed.calls.values().next().cloned().unwrap();
    assert_eq!(call(&tale).ended, None);
    tale.told(20, joined("c", "support"));
    tale.told(29, finished("c", "support", CallOutcome::Abandoned, 9, 0));
    let call = call(&tale);
    assert_eq!(
        (call.visits, call.ended, call.began),
        (2, Some(29 * SECOND), 15 * SECOND)
    );
    assert_eq!(
        (call.queue.as_str(), call.outcome),
        ("sales", Some(CallOutcome::Abandoned))
    );
    assert_eq!(call.caller.as_deref(), Some("+8613800138000"));
    assert_eq!(tale.visits().len(), 2);

    // The same, the first end unseen.
    let mut tale = Tale::begin(Vec::new(), 10);
    tale.told(15, joined("c", "sales"));
    tale.lost(3);
    let info = CallInfo {
        call: "c".into(),
        queue: "support".into(),
        tier: "gold".into(),
        number: "13800138000".into(),
        flag: String::new(),
        attached: Default::default(),
        joined: 20 * SECOND,
        connected: Some(24 * SECOND),
        agent: Some("1".into()),
        talk: Default::default(),
        muted: false,
        recording: None,
        position: 0,
        estimate: None,
    };
    tale.snapshot(30, Vec::new(), vec![info]);
    let visits = tale.visits();
    assert_eq!(visits[0].outcome, Some(CallOutcome::Error));
    assert_eq!(
        (visits[1].nth, visits[1].wait, visits[1].outcome),
        (2, 4 * SECOND, None)
    );
    let calls = &tale.ledger.changed.calls;
    assert_eq!(
        calls.values().next().map(|call| (call.visits, call.ended)),
        Some((2, None))
    );
}
