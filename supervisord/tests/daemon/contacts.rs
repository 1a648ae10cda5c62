//! Earlier calls of a caller, as they are found in either database.

use hotline_wire::Event;
use hotline_wire::event::{CallOutcome, Party};
use supervisord::reports::contacts::of_caller;
use supervisord::settings::StoreSettings;
use supervisord::store::base::SqlStore;
use supervisord::store::sql::Engine;
use supervisord::store::{PostgresStore, SqliteStore};

use crate::support::kept::{Kept, reopen};
use crate::support::node::FakeNode;
use crate::support::postgres::PrivatePostgres;
use crate::support::story::{MORNING, SECOND, Story, joined, left, said};

/// Call, queue, agent, outcome and disposition of what is found.
fn found<E: Engine>(store: SqlStore<E>, settings: &StoreSettings) -> Vec<Vec<[String; 5]>> {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(3, "b1").begin(&node);
    let wait = SECOND;
    for (call, at, number) in [
        ("a", 0, "13900001111"),
        ("b", 10, "13800138000"),
        ("c", 20, "+86 139 0000 1111"),
    ] {
        let at = MORNING + at * SECOND;
        node.tell_at(at, joined(call, "sales", "gold", number));
        let (name, queue, tier) = (call.to_owned(), "sales".to_owned(), "gold".to_owned());
        let agent = "1001".to_owned();
        node.tell_at(
            at + wait,
            Event::CallConnected {
                call: name.clone(),
                agent: agent.clone(),
                queue: queue.clone(),
                tier: tier.clone(),
                wait,
            },
        );
        if call == "a" {
            node.tell_at(at + wait, said(call, "sales", "1001", "07", ""));
        }
        node.tell_at(
            at + 2 * wait,
            Event::CallFinished {
                call: name,
                queue,
                tier,
                outcome: CallOutcome::Answered,
                agent: Some(agent),
                wait,
                talk: SECOND,
                hold: 0,
                by: Party::Caller,
                to: Default::default(),
            },
        );
    }
    node.tell_at(
        MORNING + 30 * SECOND,
        joined("d", "support", "gold", "013900001111"),
    );
    let gone = left(
        "d",
        "support",
        "gold",
        CallOutcome::Abandoned,
        wait,
        Default::default(),
    );
    node.tell_at(MORNING + 31 * SECOND, gone);
    node.tell_at(
        MORNING + 40 * SECOND,
        joined("e", "support", "gold", "13900001111"),
    );
    let mut kept = Kept::open(store);
    kept.boot("pbx1", "b1");
    kept.events("pbx1", "b1", &node.take_held());
    let mut of = |number: &str, most: u32| -> Vec<[String; 5]> {
        let contacts = of_caller(kept.store.engine(), settings, number, "e", most).unwrap();
        let told = contacts.into_iter().map(|one| {
            let or = |text: Option<String>| text.unwrap_or_default();
            [
                one.call,
                one.queue,
                or(one.agent),
                or(one.outcome),
                or(one.disposition),
            ]
        });
        told.collect()
    };
    vec![
        of("13900001111", 5),
        of("13900001111", 2),
        of("", 5),
        of("nobody", 5),
    ]
}

fn expected() -> Vec<Vec<[String; 5]>> {
    let row = |texts: [&str; 5]| texts.map(str::to_owned);
    let all = vec![
        row(["d", "support", "", "abandoned", ""]),
        row(["c", "sales", "1001", "answered", ""]),
        row(["a", "sales", "1001", "answered", "07"]),
    ];
    vec![all.clone(), all[..2].to_vec(), Vec::new(), Vec::new()]
}

#[test]
fn the_latest_come_first_whatever_form_the_number_has() {
    let dir = tempfile::tempdir().unwrap();
    let settings = StoreSettings {
        path: dir.path().join("events.db"),
        ..StoreSettings::default()
    };
    let told = found(reopen(|| SqliteStore::open(&settings)), &settings);
    assert_eq!(told, expected());
    if let Some(postgres) = PrivatePostgres::start() {
        let settings = StoreSettings {
            database: Some(postgres.url()),
            ..StoreSettings::default()
        };
        let told = found(reopen(|| PostgresStore::open(&settings)), &settings);
        assert_eq!(told, expected(), "in PostgreSQL");
    }
}
