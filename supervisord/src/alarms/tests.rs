//! The board: what is raised, told, taken care of, and over.

use super::*;
use crate::authority::Authority;
use crate::settings::{DbusSettings, NodeSettings};
use crate::state::Record;
use crate::state::{Body, Changes};
use crate::timings::Timings;

const SECOND: u64 = 1_000_000;

fn rule(text: &str) -> AlarmSettings {
    toml::from_str(text).unwrap()
}

/// By both clocks.
fn at(micros: u64) -> Moment {
    Moment {
        wall: micros,
        steady: micros,
    }
}

fn shared() -> Shared {
    let node = NodeSettings {
        socket: "/run/hotline/pbx1.sock".into(),
    };
    Shared::new(
        &[node],
        &DbusSettings::default(),
        Authority::default(),
        Timings::default(),
    )
}

/// Nobody has heard of the node yet: it is away.
#[test]
fn an_alarm_is_raised_worse_taken_care_of_and_over() {
    let shared = shared();
    let board = Board::new(
        &[rule(
            "name = \"away\"\nfigure = \"node_away\"\nabove = [5, 60]\naction = \"look\"",
        )],
        None,
    );
    let mut news = board.news();
    let mut told = || {
        let mut told = Vec::new();
        while let Ok(News { step, alarm, .. }) = news.try_recv() {
            told.push((step, alarm.level));
        }
        told
    };
    for second in 0..=5 {
        assert!(!board.look(&shared, at(second * SECOND)));
    }
    assert_eq!(told(), []);
    assert!(board.look(&shared, at(6 * SECOND)));
    assert_eq!(told(), [(Step::Raised, 1)]);
    let [alarm] = &board.alarms()[..] else { panic!() };
    assert_eq!(alarm.text, "node pbx1: node away is 6 s, above 5 s");
    assert_eq!((alarm.action.as_str(), alarm.raised), ("look", 6 * SECOND));

    let id = alarm.id;
    board.acknowledge(id, "anna", "on my way").unwrap();
    assert_eq!(told(), [(Step::Acknowledged, 1)]);
    assert_eq!(
        board.acknowledge(id, "bo", "").unwrap_err(),
        NotAcknowledged::Already("anna".into())
    );
    assert_eq!(
        board.acknowledge(id + 1, "bo", "").unwrap_err(),
        NotAcknowledged::Unknown(id + 1)
    );
    assert_eq!(
        board.acknowledge(id, "bo", &"x".repeat(501)).unwrap_err(),
        NotAcknowledged::TooLong
    );

    // Worse: whoever took care is asked again.
    board.look(&shared, at(61 * SECOND));
    assert_eq!(told(), [(Step::Level, 2)]);
    assert!(board.alarm(id).unwrap().acknowledged.is_none());
    shared.links()[0].commands = Some(tokio::sync::mpsc::channel(1).0);
    board.look(&shared, at(62 * SECOND));
    assert_eq!(told(), [(Step::Cleared, 2)]);
    assert!(board.alarms().is_empty());
    let (_, on, steps) = board.counts().remove(0);
    assert_eq!(on, [0, 0]);
    assert_eq!(steps.into_values().collect::<Vec<_>>(), [1, 1, 1, 1]);
}

#[test]
fn what_is_on_survives_a_restart_with_who_takes_care_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("events.alarms.json");
    let shared = shared();
    let rules = [rule("name = \"away\"\nfigure = \"node_away\"\nabove = [5]")];
    let board = Board::new(&rules, Some(&file));
    board.look(&shared, at(0));
    board.look(&shared, at(6 * SECOND));
    let id = board.alarms()[0].id;
    board.acknowledge(id, "anna", "").unwrap();
    board.write();

    let again = Board::new(&rules, Some(&file));
    let mut news = again.news();
    // Away since this start only, and so below the value: it is over by the same rules as ever.
    let kept = again.alarm(id).unwrap();
    assert_eq!(kept.acknowledged.as_ref().unwrap().author, "anna");
    again.look(&shared, at(7 * SECOND));
    assert_eq!(news.try_recv().unwrap().step, Step::Cleared);
    // Numbers go on.
    again.look(&shared, at(20 * SECOND));
    assert_eq!(again.alarms()[0].id, id + 1);

    // One whose rule is gone is over; what makes no sense is kept aside.
    assert!(Board::new(&[], Some(&file)).alarms().is_empty());
    std::fs::write(&file, "nonsense").unwrap();
    assert!(Board::new(&rules, Some(&file)).alarms().is_empty());
    assert_eq!(
        std::fs::read_to_string(dir.path().join("events.alarms.json.damaged")).unwrap(),
        "nonsense"
    );
}

#[test]
fn a_queue_has_an_alarm_of_its_own_until_it_is_removed() {
    let shared = shared();
    shared.links()[0].commands = Some(tokio::sync::mpsc::channel(1).0);
    shared.links()[0].version = "1".into();
    let tell = |body| {
        let record = Record {
            node: "pbx1".into(),
            boot: "b".into(),
            body,
        };
        shared.state_mut().apply(&record, &mut Changes::default());
    };
    tell(Body::Boot {
        socket: "s".into(),
        number: 0,
    });
    let snapshot = |queues: &[&str]| {
        let queue = |name: &&str| serde_json::json!({"name": name, "strategy": "linear", "service_target": 20_000_000, "max_waiting": 10});
        let queues: Vec<_> = queues.iter().map(queue).collect();
        let snapshot =
            serde_json::json!({"seq": 0, "at": 0, "tiers": [], "queues": queues, "agents": [], "calls": []});
        Body::Snapshot(Box::new(serde_json::from_value(snapshot).unwrap()))
    };
    tell(snapshot(&["desk", "support"]));
    let board = Board::new(
        &[
            rule("name = \"nobody\"\nfigure = \"agents_ready\"\nbelow = [1]\nqueues = [\"support\"]"),
            rule("name = \"empty\"\nfigure = \"agents_signed_in\"\nbelow = [1]"),
        ],
        None,
    );
    board.look(&shared, at(SECOND));
    let on = |board: &Board| {
        let of = |alarm: &Arc<Alarm>| (alarm.name.clone(), alarm.queue.clone().unwrap_or_default());
        let mut on: Vec<_> = board.alarms().iter().map(of).collect();
        on.sort();
        on
    };
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        let owned = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
        pairs.iter().map(owned).collect()
    };
    assert_eq!(
        on(&board),
        pairs(&[("empty", "desk"), ("empty", "support"), ("nobody", "support")])
    );
    tell(snapshot(&["desk"]));
    board.look(&shared, at(2 * SECOND));
    assert_eq!(on(&board), pairs(&[("empty", "desk")]));
    // What is not known any more changes nothing.
    shared.links()[0].commands = None;
    board.look(&shared, at(3 * SECOND));
    assert_eq!(on(&board), pairs(&[("empty", "desk")]));
}

#[test]
fn an_alarm_neither_waits_nor_hurries_when_somebody_sets_the_clock() {
    let shared = shared();
    let rules = [rule(
        "name = \"away\"\nfigure = \"node_away\"\nabove = [5]\nfor_seconds = 2",
    )];
    let board = Board::new(&rules, None);
    let hour = 3_600 * SECOND;
    let look = |wall, second| {
        board.look(
            &shared,
            Moment {
                wall,
                steady: second * SECOND,
            },
        );
        board.alarms().len()
    };
    assert_eq!(look(10 * hour, 0), 0);
    // An hour on, and it is away for six seconds only, beyond for none.
    assert_eq!(look(11 * hour, 6), 0);
    // Two hours back, and it is away all the same.
    assert_eq!(look(9 * hour, 7), 0);
    assert_eq!(look(9 * hour, 8), 1);
}

#[test]
fn what_was_on_stays_until_its_node_is_heard_of_and_a_number_is_none_twice() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("events.alarms.json");
    let shared = shared();
    shared.links()[0].commands = Some(tokio::sync::mpsc::channel(1).0);
    shared.links()[0].version = "1".into();
    let alarm = |id: u64, level: u8, name: &str| {
        serde_json::json!({"id": id, "name": name, "figure": "waiting", "node": "pbx1", "queue": name, "level": level,
            "value": 7.0, "threshold": 5.0, "text": "", "action": "", "raised": 1, "changed": 1,
            "acknowledged": {"author": "anna", "at": 1, "note": ""}})
    };
    let rules = [
        rule("name = \"crowd\"\nfigure = \"waiting\"\nabove = [5]"),
        rule("name = \"none\"\nfigure = \"waiting\"\nabove = [5]"),
    ];
    let kept = serde_json::json!({"last": 3, "alarms": [alarm(41, 1, "crowd"), alarm(42, 0, "none")]});
    std::fs::write(&file, kept.to_string()).unwrap();
    let board = Board::new(&rules, Some(&file));
    // Connected, and its first snapshot is still to come.
    board.look(&shared, at(SECOND));
    let on: Vec<u64> = board.alarms().iter().map(|alarm| alarm.id).collect();
    assert_eq!(on, [41], "one of no level is no alarm");
    assert_eq!(board.counts()[0].1, [1]);
    assert_eq!(board.lock().last, 42);
    let bad = serde_json::json!({"last": u64::MAX, "alarms": []});
    std::fs::write(&file, bad.to_string()).unwrap();
    assert_eq!(Board::new(&rules, Some(&file)).lock().last, 0);
}

#[test]
fn who_says_twice_that_they_take_care_is_answered_twice() {
    let shared = shared();
    let board = Board::new(
        &[rule("name = \"away\"\nfigure = \"node_away\"\nabove = [5]")],
        None,
    );
    board.look(&shared, at(0));
    board.look(&shared, at(6 * SECOND));
    let id = board.alarms()[0].id;
    let mut news = board.news();
    let first = board.acknowledge(id, "anna", "mine").unwrap();
    assert_eq!(board.acknowledge(id, "anna", "mine").unwrap(), first);
    assert_eq!(news.try_recv().unwrap().step, Step::Acknowledged);
    assert!(news.try_recv().is_err(), "told once");
    assert!(board.acknowledge(id, "anna", "another").is_err());
}

#[tokio::test]
async fn who_is_left_behind_by_a_storm_is_told_of_all_that_differs() {
    let shared = shared();
    let rules = [rule("name = \"away\"\nfigure = \"node_away\"\nabove = [5]")];
    let board = Arc::new(Board::new(&rules, None));
    let mut teller = Teller::new(board.clone(), "a test");
    let mut second = 0;
    let mut raise = || {
        shared.links()[0].commands = None;
        board.look(&shared, at(second * SECOND));
        board.look(&shared, at((second + 6) * SECOND));
        second += 10;
    };
    let clear = || {
        shared.links()[0].commands = Some(tokio::sync::mpsc::channel(1).0);
        board.look(&shared, at(SECOND));
    };
    let steps = |news: Vec<News>| -> Vec<(Step, u64)> {
        news.iter().map(|news| (news.step, news.alarm.id)).collect()
    };
    raise();
    assert_eq!(steps(teller.next().await.unwrap()), [(Step::Raised, 1)]);

    // Nobody reads while more steps are taken than wait for it.
    let last = 2 + NEWS as u64 / 2;
    for _ in 2..=last {
        clear();
        raise();
    }
    board.acknowledge(last, "anna", "mine").unwrap();
    let told = teller.next().await.unwrap();
    assert_eq!(told[2].alarm.acknowledged.as_ref().unwrap().author, "anna");
    assert_eq!(
        steps(told),
        [
            (Step::Cleared, 1),
            (Step::Raised, last),
            (Step::Acknowledged, last)
        ]
    );
    // And each step from there on, once.
    clear();
    assert_eq!(steps(teller.next().await.unwrap()), [(Step::Cleared, last)]);
    raise();
    assert_eq!(steps(teller.next().await.unwrap()), [(Step::Raised, last + 1)]);

    // A storm that comes to nothing is nothing to tell.
    for _ in 0..NEWS {
        clear();
        raise();
    }
    let now = last + 1 + NEWS as u64;
    assert_eq!(
        steps(teller.next().await.unwrap()),
        [(Step::Cleared, last + 1), (Step::Raised, now)]
    );
    drop(board);
}
