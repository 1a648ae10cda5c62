//! What callers said of agents: records that survive a rebuild and a restart of the node, and the figures of reports.

use hotline_wire::Event;
use hotline_wire::event::{CallOutcome, Exit, Party};
use hotline_wire::frame::EventFrame;
use jiff::Timestamp;
use supervisord::reports::{self, By, Query, Report, Step, period};
use supervisord::settings::{ReportSettings, StoreSettings};
use supervisord::store::SqliteStore;
use supervisord::store::sqlite::Sqlite;

use crate::support::kept::{Kept, assert_same, reopen};
use crate::support::node::FakeNode;
use crate::support::story::{MORNING, SECOND, Story, joined};

/// A call of an agent that ends with the caller being asked, at so many seconds.
fn asked(node: &FakeNode, at: u64, call: &str, queue: &str, agent: &str) {
    let at = MORNING + at * SECOND;
    node.tell_at(at, joined(call, queue, "gold", "13800138000"));
    node.tell_at(
        at,
        Event::CallConnected {
            call: call.into(),
            agent: agent.into(),
            queue: queue.into(),
            tier: "gold".into(),
            wait: 0,
        },
    );
    node.tell_at(
        at + SECOND,
        Event::SurveyOffered {
            call: call.into(),
            agent: agent.into(),
            queue: queue.into(),
            author: String::new(),
        },
    );
    node.tell_at(
        at + SECOND,
        Event::CallFinished {
            call: call.into(),
            queue: queue.into(),
            tier: "gold".into(),
            outcome: CallOutcome::Answered,
            agent: Some(agent.into()),
            wait: 0,
            talk: SECOND,
            hold: 0,
            by: Party::Agent,
            to: Exit::Place("survey,s,1".into()),
        },
    );
}

fn answered(node: &FakeNode, at: u64, call: &str, queue: &str, agent: &str, score: Option<(u8, u8)>) {
    let (call, queue, agent) = (call.to_owned(), queue.to_owned(), agent.to_owned());
    let event = match score {
        Some((score, highest)) => Event::SurveyAnswered {
            call,
            agent,
            queue,
            score,
            highest,
        },
        None => Event::SurveyUnanswered { call, agent, queue },
    };
    node.tell_at(MORNING + at * SECOND, event);
}

/// Five callers of two queues and agents; the last has not answered when the node starts anew.
fn story(node: &FakeNode) -> Vec<EventFrame> {
    Story::new(1, "b1").begin(node);
    for (i, (queue, agent, score)) in [
        ("sales", "1001", Some((5, 5))),
        ("sales", "1002", Some((3, 5))),
        ("support", "1001", Some((8, 9))),
        ("support", "1001", None),
    ]
    .into_iter()
    .enumerate()
    {
        let call = format!("c{i}");
        asked(node, 10 * i as u64, &call, queue, agent);
        answered(node, 10 * i as u64 + 5, &call, queue, agent, score);
    }
    asked(node, 60, "c4", "sales", "1002");
    node.take_held()
}

fn report(kept: &mut Kept<Sqlite>, by: By) -> Report {
    let zone = period::zone("UTC").unwrap();
    let (from, to) = period::range("2026-01-05", &zone, Timestamp::now()).unwrap();
    let settings = ReportSettings::default();
    let query = Query::new(by, from, to, Step::Whole, &settings, u64::MAX >> 1);
    reports::run(&query, kept.store.engine()).unwrap()
}

/// Of each row: whose, asked, responses, response rate and satisfaction.
fn figures(report: &Report) -> Vec<(String, [Option<f64>; 4])> {
    let rows = report.rows.iter().map(|row| {
        let of = format!("{}{}", row.of.queue, row.of.agent);
        let names = [
            "surveys",
            "survey_responses",
            "survey_response_rate",
            "satisfaction",
        ];
        (of, names.map(|name| row.figures.value(name)))
    });
    rows.filter(|(_, figures)| figures[0] > Some(0.0)).collect()
}

#[test]
fn satisfaction_is_of_who_answered_by_queue_and_agent() {
    let dir = tempfile::tempdir().unwrap();
    let settings = StoreSettings {
        path: dir.path().join("events.db"),
        ..StoreSettings::default()
    };
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let frames = story(&node);
    let mut kept = Kept::open(SqliteStore::open(&settings).unwrap());
    kept.boot("pbx1", "b1");
    kept.events("pbx1", "b1", &frames[..frames.len() - 1]);
    // What is open is found again.
    drop(kept);
    let mut kept = Kept::open(reopen(|| SqliteStore::open(&settings)));
    kept.events("pbx1", "b1", &frames[frames.len() - 1..]);
    let open = "SELECT count(*) FROM surveys WHERE settled = 0";
    assert_eq!(kept.number(open), 1);
    // Who may still answer is not counted yet.
    let all = figures(&report(&mut kept, By::All));
    assert_eq!(
        all,
        [(String::new(), [Some(4.0), Some(3.0), Some(0.75), Some(2.0 / 3.0)])]
    );
    kept.boot("pbx1", "b2");
    assert_eq!(kept.number(open), 0);

    let by_queue = [
        (
            "sales".to_owned(),
            [Some(3.0), Some(2.0), Some(2.0 / 3.0), Some(0.5)],
        ),
        ("support".to_owned(), [Some(2.0), Some(1.0), Some(0.5), Some(1.0)]),
    ];
    assert_eq!(figures(&report(&mut kept, By::Queue)), by_queue);
    let by_agent = [
        (
            "1001".to_owned(),
            [Some(3.0), Some(2.0), Some(2.0 / 3.0), Some(1.0)],
        ),
        ("1002".to_owned(), [Some(2.0), Some(1.0), Some(0.5), Some(0.0)]),
    ];
    assert_eq!(figures(&report(&mut kept, By::Agent)), by_agent);

    let before = kept.dump();
    kept.store.rebuild("test", 1).unwrap();
    assert_same(&before, &kept.dump(), "rebuilt");
}

#[test]
fn an_answer_whose_question_is_lost_in_a_gap_counts() {
    let dir = tempfile::tempdir().unwrap();
    let settings = StoreSettings {
        path: dir.path().join("events.db"),
        ..StoreSettings::default()
    };
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(1, "b1").begin(&node);
    asked(&node, 0, "c", "sales", "1001");
    answered(&node, 9, "c", "sales", "1001", Some((4, 5)));
    let frames = node.take_held();
    let lost = frames.len() - 4;
    let (first, last) = (frames[lost].seq, frames[frames.len() - 2].seq);
    let mut kept = Kept::open(SqliteStore::open(&settings).unwrap());
    kept.boot("pbx1", "b1");
    kept.events("pbx1", "b1", &frames[..lost]);
    kept.gap("pbx1", "b1", first, last);
    kept.events("pbx1", "b1", &frames[frames.len() - 1..]);
    let all = figures(&report(&mut kept, By::Agent));
    assert_eq!(
        all,
        [("1001".to_owned(), [Some(1.0), Some(1.0), Some(1.0), Some(1.0)])]
    );
    assert_eq!(kept.number("SELECT count(*) FROM surveys WHERE cut = 'gap'"), 1);
}
