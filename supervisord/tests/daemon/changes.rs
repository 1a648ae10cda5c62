//! What the audit record tells of before and after: derived from events, to the letter, however they come in.

use hotline_wire::event::{CallOutcome, CallbackOutcome, Exit};
use hotline_wire::frame::EventFrame;
use hotline_wire::snapshot::{AgentInfo, AgentState, Door, ForcedInfo, MemberInfo};
use hotline_wire::{Command, Event, Outcome, Refusal};
use supervisord::audit;
use supervisord::settings::StoreSettings;
use supervisord::store::base::SqlStore;
use supervisord::store::sql::Engine;
use supervisord::store::{PostgresStore, SqliteStore};

use crate::support::kept::{Kept, reopen};
use crate::support::postgres::PrivatePostgres;
use crate::support::story::{agent, joined, left, queue, settings};

/// Events, several at one moment each.
#[derive(Default)]
struct Steps {
    frames: Vec<EventFrame>,
    at: u64,
}

impl Steps {
    /// All that one step of the node led to.
    fn step(&mut self, events: impl IntoIterator<Item = Event>) {
        self.at += 1_000;
        for event in events {
            self.frames.push(EventFrame {
                seq: self.frames.len() as u64 + 1,
                at: self.at,
                event,
            });
        }
    }
}

fn answered(command: Command, outcome: Outcome) -> Event {
    Event::CommandAnswered {
        author: "http:anna".into(),
        command,
        outcome,
    }
}

fn refused(reason: Refusal, message: &str) -> Outcome {
    Outcome::Refused {
        reason,
        message: message.into(),
    }
}

fn changed(from: AgentState, agent: &AgentInfo) -> Event {
    Event::AgentChanged {
        from,
        agent: agent.clone().into(),
    }
}

/// One of each, in the order in which a node tells them.
fn story() -> Vec<EventFrame> {
    let mut steps = Steps::default();
    let (mut one, mut two) = (agent("1001", &["sales"]), agent("1002", &["sales"]));
    let agents = vec![one.clone(), two.clone()];
    steps.step([settings(&["sales", "support"], agents)]);

    // Done at once.
    one.state = AgentState::ForcedBusy;
    one.reason = "training".into();
    one.forced = Some(ForcedInfo {
        reason: "training".into(),
        until: Some(9_000_000),
        author: "http:anna".into(),
    });
    let force = Command::ForceBusy {
        agent: "1001".into(),
        reason: "training".into(),
        seconds: 9,
    };
    steps.step([
        changed(AgentState::Ready, &one),
        answered(force.clone(), Outcome::Done),
    ]);
    // Refused: nothing changes, and what changed the moment before is not of it.
    let ready = Command::SetReady { agent: "1001".into() };
    steps.step([answered(
        ready,
        refused(Refusal::ForcedBusy, "agent 1001 is forced busy"),
    )]);
    let unknown = Command::SetReady { agent: "9999".into() };
    steps.step([answered(unknown, refused(Refusal::UnknownAgent, "no agent 9999"))]);
    let (before, lifted) = (one.clone(), agent("1001", &["sales"]));
    one = lifted;
    steps.step([
        changed(before.state, &one),
        answered(Command::ForceIdle { agent: "1001".into() }, Outcome::Done),
    ]);

    // Pending until the call ends.
    two.state = AgentState::OnCall;
    two.call = Some("pbx1-b1-1".into());
    steps.step([
        joined("pbx1-b1-1", "sales", "gold", "13800138000"),
        changed(AgentState::Ready, &two),
    ]);
    let lunch = Command::SetNotReady {
        agent: "1002".into(),
        reason: "lunch".into(),
    };
    two.next = Some(AgentState::NotReady);
    steps.step([
        changed(AgentState::OnCall, &two),
        answered(lunch.clone(), Outcome::Pending),
    ]);
    steps.step([Event::OfferRinging { offer: 7 }]);
    two.state = AgentState::NotReady;
    two.reason = "lunch".into();
    (two.next, two.call) = (None, None);
    steps.step([
        left(
            "pbx1-b1-1",
            "sales",
            "gold",
            CallOutcome::Answered,
            0,
            Exit::Onward,
        ),
        changed(AgentState::OnCall, &two),
        answered(lunch, Outcome::Done),
    ]);

    // What agents may do and where.
    one.skills = vec!["french".into()];
    let skill = Command::SetSkill {
        agent: "1001".into(),
        skill: "french".into(),
        has: true,
    };
    steps.step([changed(AgentState::Ready, &one), answered(skill, Outcome::Done)]);
    one.queues.push(MemberInfo {
        queue: "support".into(),
        level: 2,
    });
    let place = Command::SetMembership {
        agent: "1001".into(),
        queue: "support".into(),
        place: Some(hotline_wire::command::Place { level: 2, weight: 5 }),
    };
    steps.step([changed(AgentState::Ready, &one), answered(place, Outcome::Done)]);
    let mut closed = queue("sales");
    closed.door = Door::Closed;
    let door = Command::SetDoor {
        queue: "sales".into(),
        door: Door::Closed,
    };
    steps.step([
        Event::QueueChanged { queue: closed },
        answered(door, Outcome::Done),
    ]);

    // Waiting calls.
    let call = || "pbx1-b1-2".to_owned();
    steps.step([joined("pbx1-b1-2", "sales", "standard", "13900139000")]);
    let worth = |priority, before| {
        let event = Event::CallReprioritised {
            call: call(),
            queue: "sales".into(),
            priority,
            before: Some(before),
            position: 1,
        };
        [
            event,
            answered(
                Command::Reprioritise {
                    call: call(),
                    priority,
                },
                Outcome::Done,
            ),
        ]
    };
    steps.step(worth(60, 15));
    steps.step(worth(0, 60));
    let moved = Command::MoveCall {
        call: call(),
        queue: "support".into(),
    };
    steps.step([
        left(
            "pbx1-b1-2",
            "sales",
            "standard",
            CallOutcome::Moved,
            1,
            Exit::Queue("support".into()),
        ),
        joined("pbx1-b1-2", "support", "standard", "13900139000"),
        answered(moved, Outcome::Done),
    ]);
    let withdraw = Command::Withdraw {
        call: call(),
        place: String::new(),
    };
    steps.step([
        left(
            "pbx1-b1-2",
            "support",
            "standard",
            CallOutcome::Withdrawn,
            1,
            Exit::Onward,
        ),
        answered(withdraw, Outcome::Done),
    ]);
    steps.step([Event::CallbackPlaced {
        callback: "pbx1-b1-3".into(),
        queue: "sales".into(),
        tier: "gold".into(),
        number: "13700137000".into(),
        position: 1,
    }]);
    let cancel = Command::CancelCallback {
        callback: "pbx1-b1-3".into(),
    };
    steps.step([
        Event::CallbackEnded {
            callback: "pbx1-b1-3".into(),
            queue: "sales".into(),
            tier: "gold".into(),
            outcome: CallbackOutcome::Cancelled,
            call: None,
            after: 1,
        },
        answered(cancel, Outcome::Done),
    ]);

    // Other settings: one agent gone, one changed, one new; a queue with another target.
    let mut named = agent("1002", &["sales"]);
    named.name = "Bo".into();
    let mut sales = queue("sales");
    sales.service_target = 30_000_000;
    steps.step([Event::ConfigApplied {
        author: "cli:root".into(),
        queues: vec![sales, queue("support")],
        agents: vec![named, agent("1003", &["support"])],
        tiers: vec!["standard".into(), "gold".into()],
        dispositions: Vec::new(),
    }]);
    steps.frames
}

/// Every row of the record, a line each.
fn rows<E: Engine>(kept: &mut Kept<E>) -> Vec<String> {
    let mut rows = Vec::new();
    let verified = audit::verify(kept.store.engine(), None, |row| {
        let action = &row.action;
        rows.push(format!(
            "{} {} {}: {} -> {}",
            action.action, action.target, action.result, action.before, action.after
        ));
    });
    let verified = verified.unwrap();
    rows.push(verified.head.to_string());
    rows
}

const TOLD: &[&str] = &[
    r#"settings  done:  -> {"agents":2,"queues":2,"tiers":["standard","gold"]}"#,
    r#"force_busy 1001 done: {"state":"ready","phone":"PJSIP/a1001"} -> {"state":"forced_busy","reason":"training","forced":{"reason":"training","until":9000000,"author":"http:anna"},"phone":"PJSIP/a1001"}"#,
    r#"set_ready 1001 refused: {"state":"forced_busy","reason":"training","forced":{"reason":"training","until":9000000,"author":"http:anna"},"phone":"PJSIP/a1001"} -> {"state":"forced_busy","reason":"training","forced":{"reason":"training","until":9000000,"author":"http:anna"},"phone":"PJSIP/a1001"}"#,
    r"set_ready 9999 refused:  -> ",
    r#"force_idle 1001 done: {"state":"forced_busy","reason":"training","forced":{"reason":"training","until":9000000,"author":"http:anna"},"phone":"PJSIP/a1001"} -> {"state":"ready","phone":"PJSIP/a1001"}"#,
    r#"set_not_ready 1002 pending: {"state":"on_call","phone":"PJSIP/a1002","call":"pbx1-b1-1"} -> {"state":"on_call","next":"not_ready","phone":"PJSIP/a1002","call":"pbx1-b1-1"}"#,
    r#"set_not_ready 1002 done: {"state":"on_call","next":"not_ready","phone":"PJSIP/a1002","call":"pbx1-b1-1"} -> {"state":"not_ready","reason":"lunch","phone":"PJSIP/a1002"}"#,
    r#"set_skill 1001 done: {"skills":[]} -> {"skills":["french"]}"#,
    r#"set_membership 1001 done: {"queue":"support","level":null} -> {"queue":"support","level":2}"#,
    r#"set_door sales done: {"door":"open"} -> {"door":"closed"}"#,
    r#"reprioritise pbx1-b1-2 done: {"queue":"sales","tier":"standard","joined":13000,"priority":15} -> {"queue":"sales","tier":"standard","joined":13000,"priority":60}"#,
    r#"reprioritise pbx1-b1-2 done: {"queue":"sales","tier":"standard","joined":13000,"priority":60} -> {"queue":"sales","tier":"standard","joined":13000,"priority":0}"#,
    r#"move_call pbx1-b1-2 done: {"queue":"sales","tier":"standard","joined":13000} -> {"queue":"support","tier":"standard","joined":16000}"#,
    r#"withdraw pbx1-b1-2 done: {"queue":"support","tier":"standard","joined":16000} -> "#,
    r#"cancel_callback pbx1-b1-3 done: {"queue":"sales","tier":"gold","placed":18000,"attempts":0} -> "#,
    r#"settings  done: {"agents":2,"queues":2,"tiers":["standard","gold"],"changed_agents":{"1001":{"name":"Agent 1001","queues":[["sales",1],["support",2]],"skills":["french"]},"1002":{"name":"Agent 1002","queues":[["sales",1]],"skills":[]}},"changed_queues":{"sales":{"name":"sales","strategy":"longest-idle","service_target":20000000,"max_waiting":100,"door":"closed"}}} -> {"agents":2,"queues":2,"tiers":["standard","gold"],"changed_agents":{"1002":{"name":"Bo","queues":[["sales",1]],"skills":[]},"1003":{"name":"Agent 1003","queues":[["support",1]],"skills":[]}},"changed_queues":{"sales":{"name":"sales","strategy":"longest-idle","service_target":30000000,"max_waiting":100,"door":"open"}}}"#,
];

fn settings_of(dir: &std::path::Path, name: &str) -> StoreSettings {
    StoreSettings {
        path: dir.join(name),
        ..StoreSettings::default()
    }
}

#[test]
fn every_row_tells_before_and_after() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings_of(dir.path(), "whole.db");
    let mut kept = Kept::open(reopen(|| SqliteStore::open(&settings)));
    kept.boot("pbx1", "b1");
    kept.events("pbx1", "b1", &story());
    let told = rows(&mut kept);
    let (_, lines) = told.split_last().unwrap();
    for (line, wanted) in lines.iter().zip(TOLD) {
        assert_eq!(line, wanted);
    }
    assert_eq!(lines.len(), TOLD.len());
    // Made anew, records are; the record of who did what stays as it was, but for the row that says so.
    kept.store.rebuild("test", 1).unwrap();
    let again = rows(&mut kept);
    assert_eq!(again[..lines.len()], *lines);
    assert_eq!(again.len(), lines.len() + 2);
}

/// Stores the story in two pieces, with the end of the daemon between, by checkpoint or without.
fn broken_off<E: Engine>(open: &dyn Fn() -> SqlStore<E>, at: usize, checkpoint: bool) -> Vec<String> {
    let frames = story();
    let mut kept = Kept::open(open());
    kept.boot("pbx1", "b1");
    let (before, after) = frames.split_at(at);
    kept.events("pbx1", "b1", before);
    if checkpoint {
        use supervisord::store::EventStore;
        kept.store.checkpoint(&kept.state, None).unwrap();
    }
    drop(kept);
    let mut kept = Kept::open(open());
    // The node tells again what was not acknowledged.
    kept.events("pbx1", "b1", before);
    after.chunks(3).for_each(|piece| kept.events("pbx1", "b1", piece));
    rows(&mut kept)
}

#[test]
fn rows_are_the_same_wherever_a_step_is_broken_off() {
    let dir = tempfile::tempdir().unwrap();
    let mut told = None;
    for at in 0..=story().len() {
        for checkpoint in [false, true] {
            let settings = settings_of(dir.path(), &format!("{at}-{checkpoint}.db"));
            let open = || reopen(|| SqliteStore::open(&settings));
            let rows = broken_off(&open, at, checkpoint);
            let first = told.get_or_insert_with(|| rows.clone());
            assert_eq!(rows, *first, "broken off at {at}, checkpoint {checkpoint}");
        }
    }
    let told = told.unwrap();
    assert_eq!(told[..told.len() - 1], *TOLD);
    if let Some(postgres) = PrivatePostgres::start() {
        let settings = StoreSettings {
            database: Some(postgres.url()),
            ..StoreSettings::default()
        };
        let open = || reopen(|| PostgresStore::open(&settings));
        // In the middle of the step that ends what was pending.
        let at = story().len() / 2;
        assert_eq!(broken_off(&open, at, false), told, "in PostgreSQL");
    }
}

#[test]
fn a_store_of_the_version_before_keeps_its_rows_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings_of(dir.path(), "old.db");
    let frames = story();
    // Behind a whole step: what was known within one, that version did not keep.
    let at = frames.iter().position(|frame| frame.at == 5_000).unwrap();
    let mut kept = Kept::open(reopen(|| SqliteStore::open(&settings)));
    kept.boot("pbx1", "b1");
    kept.events("pbx1", "b1", &frames[..at]);
    drop(kept);
    let db = rusqlite::Connection::open(&settings.path).unwrap();
    db.execute_batch(
        "DROP INDEX audit_target; DROP INDEX audit_at; DROP TABLE surveys; DELETE FROM migrations WHERE version >= 4;
         ALTER TABLE visits DROP COLUMN disposition; ALTER TABLE visits DROP COLUMN complaint;
         ALTER TABLE visits DROP COLUMN resolved; ALTER TABLE visits DROP COLUMN follow_up; ALTER TABLE visits DROP COLUMN note;
         ALTER TABLE queue_stats DROP COLUMN disposed; ALTER TABLE queue_stats DROP COLUMN complaints;
         ALTER TABLE queue_stats DROP COLUMN resolved; ALTER TABLE queue_stats DROP COLUMN follow_ups;
         ALTER TABLE agent_stats DROP COLUMN disposed; ALTER TABLE agent_stats DROP COLUMN complaints;
         ALTER TABLE agent_stats DROP COLUMN resolved; ALTER TABLE agent_stats DROP COLUMN follow_ups;
         UPDATE checkpoint SET state = json_remove(state, '$.nodes.pbx1.moment')",
    )
    .unwrap();
    drop(db);
    let mut kept = Kept::open(reopen(|| SqliteStore::open(&settings)));
    kept.events("pbx1", "b1", &frames[at..]);
    let told = rows(&mut kept);
    assert_eq!(told[..told.len() - 1], *TOLD);
    assert_eq!(kept.number("SELECT max(version) FROM migrations"), 6);
    let found = "SELECT count(*) FROM sqlite_master WHERE name IN ('audit_target', 'audit_at')";
    assert_eq!(kept.number(found), 2);
}

#[test]
fn a_change_of_before_or_after_is_found() {
    let dir = tempfile::tempdir().unwrap();
    for (column, row) in [("before", 2), ("after", 2), ("before", 11), ("after", 16)] {
        let settings = settings_of(dir.path(), &format!("{column}{row}.db"));
        let mut kept = Kept::open(reopen(|| SqliteStore::open(&settings)));
        kept.boot("pbx1", "b1");
        kept.events("pbx1", "b1", &story());
        audit::verify(kept.store.engine(), None, |_| {}).unwrap();
        drop(kept);
        let database = rusqlite::Connection::open(&settings.path).unwrap();
        let change = format!("UPDATE audit SET {column} = replace({column}, '0', '1') WHERE id = {row}");
        let changed = match row {
            // No digit of it is a 0 that is not one of a name.
            2 => format!("UPDATE audit SET {column} = replace({column}, 'PJSIP', 'Local') WHERE id = {row}"),
            _ => change,
        };
        assert_eq!(database.execute(&changed, []).unwrap(), 1);
        drop(database);
        let mut kept = Kept::open(reopen(|| SqliteStore::open(&settings)));
        let error = audit::verify(kept.store.engine(), None, |_| {})
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with(&format!("row {row} ")),
            "{column} of {row}: {error}"
        );
    }
}
