//! Calls that go from queue to queue, callbacks, holds, doors and limits.

use super::*;

fn placed(callback: &str) -> Event {
    Event::CallbackPlaced {
        callback: callback.into(),
        queue: "sales".into(),
        tier: "gold".into(),
        number: "13800138000".into(),
        position: 2,
    }
}

fn restored(callback: &str) -> Event {
    Event::CallbackRestored {
        callback: callback.into(),
        before: "c2".into(),
        queue: "sales".into(),
        tier: "gold".into(),
        number: "13800138000".into(),
        position: 1,
        placed: START + SECOND,
        attempts: 1,
    }
}

fn ended(callback: &str, outcome: CallbackOutcome) -> Event {
    Event::CallbackEnded {
        callback: callback.into(),
        queue: "sales".into(),
        tier: "gold".into(),
        outcome,
        call: None,
        after: SECOND,
    }
}

/// Placed + restored = ended + lost + owed.
fn assert_callbacks_balanced(tale: &Tale) {
    let counts = tale.tier("sales");
    let ended: u64 = counts.callbacks_ended.values().sum();
    let owed = u64::from(tale.node().queues.get("sales").map_or(0, |queue| queue.owed));
    assert_eq!(owed, tale.node().callbacks.len() as u64);
    assert_eq!(
        counts.callbacks_placed + counts.callbacks_restored,
        ended + counts.callbacks_lost + owed
    );
}

#[test]
fn a_call_that_goes_on_in_another_queue_is_a_visit_in_each() {
    let mut tale = Tale::begin();
    tale.tell(1, joined("c1", "sales"));
    let to = || Exit::Queue("support".into());
    tale.tell(
        5,
        left("c1", "sales", CallOutcome::Overflowed, 4 * SECOND, 0, to()),
    );
    tale.tell(5, joined("c1", "support"));
    tale.assert_balanced();
    assert_eq!(tale.node().queues["sales"].waiting.len(), 0);
    assert_eq!(
        tale.node().queues["support"].waiting.first(),
        Some(&(START + 5 * SECOND, "c1".into()))
    );
    tale.tell(
        7,
        left(
            "c1",
            "support",
            CallOutcome::Moved,
            2 * SECOND,
            0,
            Exit::Queue("sales".into()),
        ),
    );
    tale.tell(7, joined("c1", "sales"));
    tale.tell(9, connected("c1", "1001", "sales", 2 * SECOND));
    tale.tell(
        9 + 40,
        finished("c1", "sales", CallOutcome::Answered, 2 * SECOND, 40 * SECOND),
    );
    tale.assert_balanced();
    let counts = tale.tier("sales");
    assert_eq!(counts.offered, 2);
    assert_eq!(counts.finished[&CallOutcome::Overflowed], 1);
    assert_eq!(counts.finished[&CallOutcome::Answered], 1);
    // A supervisor's move is no diversion.
    assert_eq!(counts.diverted, BTreeMap::from([("queue".to_owned(), 1)]));
    assert_eq!(tale.tier("support").diverted, BTreeMap::new());
    let counts = &tale.node().counts.queues["sales"];
    assert_eq!((counts.talk.sum(), counts.hold.sum()), (40 * SECOND, 10 * SECOND));
}

#[test]
fn a_call_that_moved_on_in_a_gap_ends_its_visit_unseen() {
    let mut tale = Tale::begin();
    tale.tell(1, joined("c1", "sales"));
    tale.tell(1, joined("c2", "sales"));
    let last = tale.seq;
    assert_eq!(tale.apply(super::lost(last + 1, last + 9)), Applied::New);
    tale.seq = last + 9;
    // The end comes before the snapshot.
    tale.tell(8, finished("c1", "support", CallOutcome::Abandoned, SECOND, 0));
    tale.assert_balanced();
    let calls = vec![super::call("c2", "support", 6, None)];
    let state = snapshot(&tale, tale.seq, 9, calls);
    tale.apply(Body::Snapshot(Box::new(state)));
    tale.assert_balanced();
    assert_eq!(tale.tier("sales").finished[&CallOutcome::Error], 2);
    assert_eq!(tale.tier("support").offered, 2);
    assert_eq!(tale.node().queues["support"].waiting.len(), 1);
}

#[test]
fn a_callback_is_a_diversion_unless_the_caller_chose_it() {
    let mut tale = Tale::begin();
    let leaves = |call| left(call, "sales", CallOutcome::Callback, SECOND, 0, Exit::Callback);
    let presses = |call: &str| Event::KeyPressed {
        call: call.into(),
        queue: "sales".into(),
        key: '1',
    };
    for call in ["c1", "c2", "c3"] {
        tale.tell(1, joined(call, "sales"));
    }
    tale.tell(5, presses("c1"));
    tale.tell(5, placed("c1"));
    tale.tell(5, leaves("c1"));
    assert!(tale.tier("sales").diverted.is_empty());
    // Goes on waiting with a key, and is sent away later.
    tale.tell(6, presses("c2"));
    tale.tell(9, placed("c2"));
    tale.tell(9, leaves("c2"));
    tale.tell(9, placed("c3"));
    tale.tell(9, leaves("c3"));
    assert_eq!(
        tale.tier("sales").diverted,
        BTreeMap::from([("callback".to_owned(), 2)])
    );
    tale.assert_balanced();
    assert_callbacks_balanced(&tale);
}

#[test]
fn callbacks_are_followed_to_their_end() {
    let mut tale = Tale::begin();
    for callback in ["c1", "c2", "c3"] {
        tale.tell(1, placed(callback));
    }
    assert_eq!(tale.node().queues["sales"].owed, 3);
    let (queue, attempt) = ("sales".to_owned(), 1);
    let callback = "c1".to_owned();
    tale.tell(
        2,
        Event::CallbackDialled {
            callback: callback.clone(),
            queue: queue.clone(),
            attempt,
        },
    );
    let info = &tale.node().callbacks["c1"];
    assert_eq!(
        (info.attempts, info.dialling, info.placed),
        (1, true, START + SECOND)
    );
    tale.tell(
        3,
        Event::CallbackMissed {
            callback,
            queue,
            attempt,
        },
    );
    assert!(!tale.node().callbacks["c1"].dialling);
    tale.tell(4, ended("c1", CallbackOutcome::Failed));
    assert_callbacks_balanced(&tale);

    // In a gap one ends, one is placed, and one is placed and ends.
    let last = tale.seq;
    assert_eq!(tale.apply(super::lost(last + 1, last + 9)), Applied::New);
    tale.seq = last + 9;
    tale.tell(5, ended("came and went", CallbackOutcome::Resumed));
    let mut state = snapshot(&tale, tale.seq, 6, Vec::new());
    state.callbacks.retain(|callback| callback.callback != "c2");
    let came = hotline_wire::snapshot::CallbackInfo {
        callback: "c4".into(),
        position: 7,
        ..state.callbacks[0].clone()
    };
    state.callbacks.push(came);
    tale.apply(Body::Snapshot(Box::new(state)));
    assert_callbacks_balanced(&tale);
    assert_eq!(tale.tier("sales").callbacks_placed, 5);
    assert_eq!(tale.tier("sales").callbacks_lost, 1);
    assert_eq!(
        tale.node().callbacks["c4"].position,
        0,
        "nobody tells how it changes"
    );

    // What a node owed, it takes with it.
    (tale.boot, tale.seq) = ("b2", 0);
    let socket = "/run/x.sock".into();
    assert_eq!(tale.apply(Body::Boot { socket, number: 0 }), Applied::New);
    assert_eq!(tale.tier("sales").callbacks_lost, 3);
    assert!(tale.node().callbacks.is_empty());

    // Or keeps over its restart: owed as ever, to nobody new.
    tale.tell(7, settings(&["sales", "support"], Vec::new()));
    tale.tell(7, restored("c5"));
    assert_callbacks_balanced(&tale);
    let kept = &tale.node().callbacks["c5"];
    assert_eq!((kept.placed, kept.attempts), (START + SECOND, 1));
    assert_eq!(tale.tier("sales").callbacks_restored, 1);
    assert_eq!(tale.tier("sales").callbacks_placed, 5);
    tale.tell(8, ended("c5", CallbackOutcome::Resumed));
    assert_callbacks_balanced(&tale);

    // In a gap as well.
    let last = tale.seq;
    assert_eq!(tale.apply(super::lost(last + 1, last + 9)), Applied::New);
    tale.seq = last + 9;
    let mut state = snapshot(&tale, tale.seq, 9, Vec::new());
    state.callbacks.push(hotline_wire::snapshot::CallbackInfo {
        callback: "c6".into(),
        queue: "sales".into(),
        tier: "gold".into(),
        number: "13800138000".into(),
        placed: START,
        attempts: 0,
        dialling: false,
        position: 1,
        restored: true,
    });
    tale.apply(Body::Snapshot(Box::new(state)));
    assert_callbacks_balanced(&tale);
    assert_eq!(tale.tier("sales").callbacks_restored, 2);
    assert_eq!(tale.tier("sales").callbacks_placed, 5);
}

#[test]
fn doors_predictions_holds_and_limits_are_shown() {
    let mut tale = Tale::begin();
    let mut event = joined("c1", "sales");
    let wait = Estimate {
        p50: 7 * SECOND,
        p90: 9 * SECOND,
    };
    if let Event::CallJoined { predicted, .. } = &mut event {
        *predicted = Some(wait);
    }
    tale.tell(1, event);
    assert_eq!(tale.node().queues["sales"].predicted, Some(wait));
    // Who is turned away says nothing about the wait.
    let mut event = joined("c2", "sales");
    if let Event::CallJoined { position, .. } = &mut event {
        *position = 0;
    }
    tale.tell(2, event);
    assert_eq!(tale.node().queues["sales"].predicted, Some(wait));

    let counts = &tale.node().counts.queues["sales"];
    assert_eq!((counts.predictions, counts.predicted), (1, wait.p50));

    let mut queue = tale.node().queues["sales"].info.clone();
    queue.door = Door::Emergency;
    tale.tell(3, Event::QueueChanged { queue });
    let queue = &tale.node().queues["sales"];
    assert_eq!(queue.info.door, Door::Emergency);
    assert_eq!((queue.waiting.len(), queue.agents(AgentState::Ready)), (2, 2));

    tale.tell(4, connected("c1", "1001", "sales", 3 * SECOND));
    tale.tell(
        5,
        Event::TalkChanged {
            call: "c1".into(),
            agent: "1001".into(),
            queue: "sales".into(),
            from: TalkState::Talking,
            to: TalkState::OnHold,
            lasted: SECOND,
        },
    );
    assert_eq!(tale.node().calls["c1"].talk, TalkState::OnHold);
    for level in [1, 2, 2, 200] {
        let (call, agent) = ("c1".into(), "1001".into());
        let limit = Limit::Hold { call, agent };
        tale.tell(
            6,
            Event::LimitReached {
                limit,
                level,
                lasted: SECOND,
            },
        );
    }
    let levels = &tale.node().counts.warnings["hold"];
    assert_eq!(*levels, BTreeMap::from([(1, 1), (2, 2), (8, 1)]));
}

#[test]
fn a_recording_shows_until_it_is_over_and_counts_by_result() {
    let mut tale = Tale::begin();
    let started = |recording| Event::RecordingStarted {
        recording,
        call: "c1".into(),
        agent: "1001".into(),
        queue: "sales".into(),
        file: format!("day/{recording}"),
        author: String::new(),
    };
    let shown = |tale: &Tale| tale.node().calls["c1"].recording.map(|known| known.recording);
    tale.tell(1, joined("c1", "sales"));
    tale.tell(2, connected("c1", "1001", "sales", SECOND));
    tale.tell(2, started(1));
    tale.tell(5, started(2));
    // The files of the first are closed late: the second goes on.
    tale.tell(
        6,
        Event::RecordingFinished {
            recording: 1,
            call: "c1".into(),
            agent: "1001".into(),
            queue: "sales".into(),
            file: "day/1".into(),
            lasted: 3 * SECOND,
            paused: 0,
            bytes: 7,
        },
    );
    assert_eq!(shown(&tale), Some(2));
    tale.tell(
        7,
        Event::RecordingFailed {
            recording: 2,
            call: "c1".into(),
            agent: "1001".into(),
            queue: "sales".into(),
            file: "day/2".into(),
            reason: hotline_wire::event::RecordingFailure::DiskFull,
            lasted: 2 * SECOND,
            bytes: 1,
        },
    );
    assert_eq!(shown(&tale), None);
    let counted = &tale.node().counts.queues["sales"].recordings;
    assert_eq!((counted["finished"], counted["disk_full"]), (1, 1));
}
