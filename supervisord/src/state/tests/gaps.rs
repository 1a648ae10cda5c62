//! What is lost, doubled, stored and restored.

use super::*;

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
            number: 0,
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
            number: 0,
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
            agent: third.into(),
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

/// Checkpoints of protocol 1 had the names of an agent's queues alone, and nothing of what came later.
#[test]
fn a_checkpoint_of_an_older_daemon_is_read() {
    const NEW: [&str; 15] = [
        "callbacks",
        "pressed",
        "predicted",
        "predictions",
        "warnings",
        "hold",
        "diverted",
        "callbacks_placed",
        "callbacks_ended",
        "callbacks_lost",
        "door",
        "talk",
        "position",
        "estimate",
        "moment",
    ];
    fn age(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(map) => {
                // Of a queue's counts, talk is a histogram and old.
                map.retain(|key, value| !NEW.contains(&key.as_str()) || (key == "talk" && value.is_object()));
                if let Some(serde_json::Value::Array(queues)) = map.get_mut("queues") {
                    queues.iter_mut().for_each(|queue| *queue = queue[0].take());
                }
                map.values_mut().for_each(age);
            }
            serde_json::Value::Array(values) => values.iter_mut().for_each(age),
            _ => {}
        }
    }
    let mut tale = Tale::begin();
    tale.tell(1, joined("c1", "sales"));
    tale.tell(2, connected("c1", "1001", "sales", SECOND));
    tale.tell(3, finished("c1", "sales", CallOutcome::Answered, SECOND, SECOND));
    tale.tell(4, joined("c2", "sales"));
    let counts = tale.state.nodes.get_mut("pbx1").unwrap().counts.queue("sales");
    counts.hold = histogram::Histogram::default();
    // It knew nothing of the moment that it was taken in.
    tale.state.nodes.get_mut("pbx1").unwrap().forget_moment();
    let mut old = serde_json::to_value(&tale.state).unwrap();
    age(&mut old);
    assert!(old["nodes"]["pbx1"]["agents"]["1002"]["info"]["queues"][1] == "support");
    let mut restored: State = serde_json::from_value(old).unwrap();
    restored.complete();
    assert_eq!(restored, tale.state);
}
