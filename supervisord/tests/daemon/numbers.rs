//! Callers' numbers: erased in every form, masked where the settings say so.

use hotline_wire::Event;
use hotline_wire::blacklist::ScreenAction;
use hotline_wire::event::{CallOutcome, Party};
use hotline_wire::snapshot::AgentState;
use supervisord::audit;
use supervisord::settings::StoreSettings;
use supervisord::store::{EventStore, Maintain, Maintained, SqliteStore};

use crate::support::inside;
use crate::support::kept::{Kept, assert_same, reopen};
use crate::support::node::FakeNode;
use crate::support::story::{MORNING, SECOND, Story, agent, joined, left, said};

#[test]
fn a_number_is_erased_in_every_form_and_its_calls_still_count() {
    let dir = tempfile::tempdir().unwrap();
    let settings = StoreSettings {
        path: dir.path().join("events.db"),
        ..StoreSettings::default()
    };
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(8, "b1");
    story.begin(&node);
    let forms = [
        "13900001111",
        "+8613900001111",
        "008613900001111",
        "013900001111",
        "139-0000-1111",
    ];
    let finished = |call: &str| {
        left(
            call,
            "sales",
            "gold",
            CallOutcome::Abandoned,
            SECOND,
            Default::default(),
        )
    };
    for (i, form) in forms.into_iter().enumerate() {
        node.tell_at(story.now(), joined(&format!("c{i}"), "sales", "gold", form));
        node.tell_at(story.now(), finished(&format!("c{i}")));
    }
    node.tell_at(story.now(), joined("live", "sales", "gold", forms[0]));
    (0..200).for_each(|_| story.step(&node));
    let mut kept = Kept::open(reopen(|| SqliteStore::open(&settings)));
    kept.boot("pbx1", "b1");
    kept.events("pbx1", "b1", &node.take_held());
    let before = kept.dump();
    let head = audit::verify(kept.store.engine(), None, |_| {}).unwrap().head;
    let wrong = kept.store.erase("no number", "test", 1).unwrap_err();
    assert!(wrong.to_string().contains("no caller number"), "{wrong}");

    let erased = kept.store.erase("0139 0000 1111", "test", 1).unwrap();
    assert_eq!((erased.calls, erased.live), (5, 1));
    assert_eq!(erased.events, 6);
    assert_eq!(
        kept.number("SELECT count(*) FROM calls WHERE caller = '+8613900001111'"),
        1,
        "who talks still"
    );
    node.tell_at(story.now(), finished("live"));
    kept.events("pbx1", "b1", &node.take_held());
    let erased = kept.store.erase(forms[1], "test", 2).unwrap();
    assert_eq!((erased.calls, erased.live), (1, 0));
    // Neither in the rows nor in the bytes of the files.
    drop(kept);
    for file in ["events.db", "events.db-wal"] {
        if let Ok(bytes) = std::fs::read(dir.path().join(file)) {
            let found = bytes.windows(8).position(|window| window == b"39000011");
            let around = found.map(|at| String::from_utf8_lossy(&bytes[at.saturating_sub(80)..at + 40]));
            assert!(found.is_none(), "{file}: {around:?}");
        }
    }
    let mut kept = Kept::open(reopen(|| SqliteStore::open(&settings)));
    let verified = audit::verify(kept.store.engine(), Some(head), |_| {}).unwrap();
    assert!(verified.seen, "the chain goes on from where it was");
    let rows = kept.rows("SELECT target FROM audit WHERE action = 'store_erase' ORDER BY id");
    assert_eq!(rows[0].text(0).unwrap(), "**********1111");
    // Nothing that counts has changed, also when made anew.
    kept.store.rebuild("test", 3).unwrap();
    let after = kept.dump();
    assert_eq!(before["visits"].len(), after["visits"].len());
    assert_eq!(
        kept.number("SELECT CAST(sum(arrivals) AS BIGINT) FROM queue_stats"),
        kept.number("SELECT count(*) FROM visits")
    );
    let said_in_a_text = hotline_wire::Event::CommandAnswered {
        author: "li".into(),
        command: hotline_wire::Command::ForceBusy {
            agent: "1001".into(),
            reason: "calls 13900001111 back".into(),
            seconds: 0,
        },
        outcome: hotline_wire::Outcome::Done,
    };
    node.tell_at(story.now(), said_in_a_text);
    kept.events("pbx1", "b1", &node.take_held());
    let erased = kept.store.erase(forms[2], "test", 4).unwrap();
    assert_eq!(
        (erased.events, erased.audit_rows_kept),
        (1, 1),
        "what an action was asked for stays in the audit record"
    );
    assert_eq!(
        kept.number("SELECT count(*) FROM events WHERE body LIKE '%calls erased back%'"),
        1
    );
    audit::verify(kept.store.engine(), None, |_| {}).unwrap();
    // Another number with the same last digits is somebody else's.
    assert!(kept.number("SELECT count(*) FROM calls WHERE number <> ''") > 0);
}

fn placed(number: &str) -> Event {
    Event::CallbackPlaced {
        callback: "owed".into(),
        queue: "sales".into(),
        tier: "gold".into(),
        number: number.into(),
        position: 1,
    }
}

fn screened(number: &str, entry: &str) -> Event {
    Event::CallScreened {
        call: "s".into(),
        queue: "sales".into(),
        tier: "gold".into(),
        number: number.into(),
        action: ScreenAction::Busy,
        detail: String::new(),
        entry: entry.into(),
        reason: String::new(),
        author: "li".into(),
    }
}

#[test]
fn numbers_are_masked_where_the_settings_say_so() {
    for (mask_events, mask_calls) in [(true, false), (false, true), (true, true)] {
        let dir = tempfile::tempdir().unwrap();
        let settings = StoreSettings {
            path: dir.path().join("events.db"),
            ..StoreSettings::default()
        };
        drop(reopen(|| SqliteStore::open(&settings)));
        let settings = StoreSettings {
            mask_events,
            mask_calls,
            ..settings
        };
        let mut kept = Kept::open(reopen(|| SqliteStore::open(&settings)));
        let node = FakeNode::start(dir.path(), "pbx1", "b1");
        Story::new(9, "b1").begin(&node);
        node.tell_at(MORNING, joined("c", "sales", "gold", "13900001111"));
        node.tell_at(MORNING, placed("13900001111"));
        node.tell_at(MORNING, screened("13900001111", "+8613900001111"));
        node.tell_at(MORNING, screened("13900001111", "+86139*"));
        kept.boot("pbx1", "b1");
        kept.events("pbx1", "b1", &node.take_held());
        // Who goes on stands in the checkpoint too.
        kept.store.checkpoint(&kept.state, None).unwrap();
        let like = "SELECT count(*) FROM checkpoint WHERE state LIKE '%13900001111%'";
        assert_eq!(kept.number(like), i64::from(!mask_events));
        let number = kept.rows("SELECT number, coalesce(caller, '') FROM calls");
        let number = (number[0].text(0).unwrap(), number[0].text(1).unwrap());
        let masked = ("*******1111", "");
        assert_eq!(
            number,
            if mask_calls {
                masked
            } else {
                ("13900001111", "+8613900001111")
            }
        );
        let like = "SELECT count(*) FROM events WHERE body LIKE '%13900001111%'";
        assert_eq!(kept.number(like), 4 * i64::from(!mask_events));
        let like = "SELECT count(*) FROM events WHERE body LIKE '%+86139*%'";
        assert_eq!(kept.number(like), 1, "a beginning is nobody's number");
        assert_eq!(
            kept.number("SELECT count(*) FROM numbers"),
            4 * i64::from(!mask_events)
        );
        assert_eq!(
            kept.number("SELECT count(*) FROM audit WHERE action = 'store_masking'"),
            1
        );
        if mask_events && mask_calls {
            drop(kept);
            for file in ["events.db", "events.db-wal"] {
                let bytes = std::fs::read(dir.path().join(file)).unwrap_or_default();
                let found = bytes.windows(8).any(|window| window == b"39000011");
                assert!(!found, "{file}");
            }
        }
    }
}

#[test]
fn a_number_that_people_wrote_is_found_however_they_wrote_it() {
    let dir = tempfile::tempdir().unwrap();
    let settings = StoreSettings {
        path: dir.path().join("events.db"),
        ..StoreSettings::default()
    };
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(11, "b1").begin(&node);
    let said = [
        "he called from +86 139 0000 1111, twice",
        "for 139-0000-1111",
        "2026-11-25 13900001111",
        "8001 13900001111 8002",
        "13900001111/13800138000",
        "１３９００００１１１１",
        "(0139) 0000.1111 rang",
    ];
    for reason in said {
        let mut agent = agent("1001", &["sales"]);
        (agent.state, agent.reason) = (AgentState::NotReady, reason.into());
        let from = AgentState::NotReady;
        node.tell_at(
            MORNING,
            Event::AgentChanged {
                from,
                agent: agent.into(),
            },
        );
    }
    let mut kept = Kept::open(reopen(|| SqliteStore::open(&settings)));
    kept.boot("pbx1", "b1");
    kept.events("pbx1", "b1", &node.take_held());
    let erased = kept.store.erase("13900001111", "test", 1).unwrap();
    assert_eq!(erased.events, said.len() as u64);
    assert_eq!(erased.live, 1, "an agent's reason of now names it");
    let rows = kept.rows("SELECT body FROM events ORDER BY seq");
    let reasons: Vec<String> = rows
        .iter()
        .skip(1)
        .map(|row| {
            let event: serde_json::Value = serde_json::from_str(row.text(0).unwrap()).unwrap();
            event["agent"]["reason"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(
        reasons,
        [
            "he called from erased, twice",
            "for erased",
            "2026-11-25 erased",
            "8001 erased 8002",
            "erased/13800138000",
            "",
            "(erased rang",
        ]
    );
    let rows = kept.rows("SELECT DISTINCT reason FROM agent_time");
    for row in rows {
        let reason = row.text(0).unwrap();
        assert!(!reason.contains("1111"), "{reason}");
    }
}

#[test]
fn what_agents_wrote_of_a_callers_calls_goes_with_the_number() {
    let dir = tempfile::tempdir().unwrap();
    let settings = StoreSettings {
        path: dir.path().join("events.db"),
        ..StoreSettings::default()
    };
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(13, "b1").begin(&node);
    let noted = |call: &str, note: &str| {
        let mut event = said(call, "sales", "1001", "07", "");
        if let Event::DispositionSet { note: of, .. } = &mut event {
            *of = note.to_owned();
        }
        event
    };
    for (call, number, note) in [
        ("c", "13900001111", "lives in the red house"),
        ("d", "13800138000", "sister of 139 0000 1111"),
    ] {
        let (name, wait) = (call.to_owned(), SECOND);
        let mut joining = joined(call, "sales", "gold", number);
        if let Event::CallJoined { attached, .. } = &mut joining {
            let account = format!("of the {call} family");
            attached.data = [
                ("account".to_owned(), account),
                ("other".to_owned(), "0139 00001111".to_owned()),
            ]
            .into();
        }
        node.tell_at(MORNING, joining);
        let connected = Event::CallConnected {
            call: name.clone(),
            agent: "1001".into(),
            queue: "sales".into(),
            tier: "gold".into(),
            wait,
        };
        node.tell_at(MORNING + wait, connected);
        node.tell_at(MORNING + wait, noted(call, note));
        let finished = Event::CallFinished {
            call: name,
            queue: "sales".into(),
            tier: "gold".into(),
            outcome: CallOutcome::Answered,
            agent: Some("1001".into()),
            wait,
            talk: SECOND,
            hold: 0,
            by: Party::Caller,
            to: Default::default(),
        };
        node.tell_at(MORNING + 2 * wait, finished);
    }
    let mut kept = Kept::open(reopen(|| SqliteStore::open(&settings)));
    kept.boot("pbx1", "b1");
    kept.events("pbx1", "b1", &node.take_held());
    kept.store.erase("13900001111", "test", 1).unwrap();
    let column = |kept: &mut Kept<_>, query: &str| -> Vec<String> {
        let rows = kept.rows(query);
        rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect()
    };
    let notes = column(&mut kept, "SELECT coalesce(note, '-') FROM visits ORDER BY call");
    assert_eq!(notes, ["", "sister of erased"]);
    let codes = column(&mut kept, "SELECT disposition FROM visits ORDER BY call");
    assert_eq!(codes, ["07", "07"], "it still counts");
    let bodies = column(&mut kept, "SELECT body FROM events").join("\n");
    assert!(
        !bodies.contains("red house") && !bodies.contains("0000 1111"),
        "{bodies}"
    );
}

#[test]
fn what_was_erased_leaves_the_log_when_nobody_reads_it_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let settings = StoreSettings {
        path: dir.path().join("events.db"),
        ..StoreSettings::default()
    };
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(12, "b1").begin(&node);
    let mut kept = Kept::open(reopen(|| SqliteStore::open(&settings)));
    kept.boot("pbx1", "b1");
    node.tell_at(MORNING, joined("c", "sales", "gold", "13900001111"));
    let wait = SECOND;
    let outcome = CallOutcome::Abandoned;
    node.tell_at(
        MORNING,
        left("c", "sales", "gold", outcome, wait, Default::default()),
    );
    kept.events("pbx1", "b1", &node.take_held());
    // As a report does that takes long.
    let reader = rusqlite::Connection::open(&settings.path).unwrap();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM events;")
        .unwrap();
    assert_eq!(kept.store.erase("13900001111", "test", 1).unwrap().calls, 1);
    let in_log = || {
        let bytes = std::fs::read(dir.path().join("events.db-wal")).unwrap_or_default();
        bytes.windows(8).any(|window| window == b"39000011")
    };
    assert!(in_log(), "it is read as it was");
    drop(reader);
    node.tell_at(MORNING, joined("d", "sales", "gold", "13800138000"));
    kept.events("pbx1", "b1", &node.take_held());
    assert!(!in_log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_daemon_erases_and_rebuilds_between_events() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(10, "b1");
    story.begin(&node);
    let settings = inside::settings(dir.path(), &[&node]);
    let daemon = supervisord::daemon::Daemon::start(settings.clone())
        .await
        .unwrap();
    daemon.ready().await;
    for i in 0..5 {
        let call = format!("e{i}");
        node.tell_at(story.now(), joined(&call, "sales", "gold", "13900001111"));
        let end = left(
            &call,
            "sales",
            "gold",
            CallOutcome::Abandoned,
            SECOND,
            Default::default(),
        );
        node.tell_at(story.now(), end);
    }
    let rebuild = daemon.shared().maintain("http:anna", Maintain::Rebuild).await;
    assert!(matches!(rebuild, Ok(Maintained::Rebuilt(_))), "{rebuild:?}");
    (0..500).for_each(|_| story.step(&node));
    let seq = node.seq();
    inside::until(&daemon, "all is stored", |state| {
        state.nodes.get("pbx1").is_some_and(|node| node.seq == seq)
    })
    .await;
    let number = "+86 139 0000 1111".to_owned();
    let erased = daemon
        .shared()
        .maintain("http:anna", Maintain::Erase { number })
        .await
        .unwrap();
    let Maintained::Erased(erased) = erased else {
        panic!("{erased:?}");
    };
    assert_eq!((erased.calls, erased.events), (5, 5));
    let wrong = daemon
        .shared()
        .maintain("http:anna", Maintain::Erase { number: "x".into() })
        .await;
    assert!(wrong.unwrap_err().to_string().contains("no caller number"));
    // It goes on, and is exact.
    (0..500).for_each(|_| story.step(&node));
    let seq = node.seq();
    inside::until(&daemon, "all is stored", |state| {
        state.nodes.get("pbx1").is_some_and(|node| node.seq == seq)
    })
    .await;
    let shared = daemon.shared().clone();
    daemon.stop().await;
    let ended = shared.maintain("http:anna", Maintain::Rebuild).await;
    assert!(ended.unwrap_err().to_string().contains("ending"));
    let mut kept = Kept::open(reopen(|| SqliteStore::open(&settings.store)));
    let told = kept.dump();
    kept.store.rebuild("test", 1).unwrap();
    assert_same(&told, &kept.dump(), "made anew");
    let authors = kept.rows("SELECT action FROM audit WHERE author = 'http:anna' ORDER BY id");
    assert_eq!(authors.len(), 2);
}
