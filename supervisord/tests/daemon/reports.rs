//! Reports against a naive recount of the same events, on clocks that change.

use std::collections::BTreeMap;
use std::process::Command as Program;

use hotline_wire::Event;
use hotline_wire::event::{CallOutcome, OfferResult};
use hotline_wire::frame::EventFrame;
use hotline_wire::snapshot::AgentState;
use jiff::Timestamp;
use supervisord::reports::{self, By, Key, Query, Report, Step, period};
use supervisord::settings::{ReportSettings, StoreSettings, TeamSettings};
use supervisord::store::SqliteStore;
use supervisord::store::sqlite::Sqlite;

use crate::support::daemon::{DaemonProcess, write_settings};
use crate::support::kept::Kept;
use crate::support::node::FakeNode;
use crate::support::recount::{Recount, Visit, recount};
use crate::support::story::{MORNING, SECOND, Story};

const HOUR: u64 = 3_600 * SECOND;

/// A story of so many steps, and the store that has it.
struct Told {
    kept: Kept<Sqlite>,
    frames: Vec<EventFrame>,
    _dir: tempfile::TempDir,
}

fn tell(seed: u64, from: u64, steps: usize) -> Told {
    let dir = tempfile::tempdir().unwrap();
    let settings = StoreSettings {
        path: dir.path().join("events.db"),
        ..StoreSettings::default()
    };
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(seed, "b1").from(from);
    story.begin(&node);
    (0..steps).for_each(|_| story.step(&node));
    let frames = node.take_held();
    let mut kept = Kept::open(SqliteStore::open(&settings).unwrap());
    kept.boot("pbx1", "b1");
    frames
        .chunks(700)
        .for_each(|piece| kept.events("pbx1", "b1", piece));
    Told {
        kept,
        frames,
        _dir: dir,
    }
}

fn question(by: By, step: Step, zone: &str, when: &str) -> Query {
    let zone = period::zone(zone).unwrap();
    let (from, to) = period::range(when, &zone, Timestamp::now()).unwrap();
    Query::new(by, from, to, step, &ReportSettings::default(), u64::MAX >> 1)
}

fn ask(told: &mut Told, query: &Query) -> Report {
    reports::run(query, told.kept.store.engine()).unwrap()
}

fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

fn over(part: f64, whole: f64) -> Option<f64> {
    (whole != 0.0).then(|| part / whole)
}

fn same(report: &reports::ReportRow, name: &str, expected: Option<f64>) {
    let found = report.figures.value(name);
    let near = match (found, expected) {
        (Some(found), Some(expected)) => (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
        (found, expected) => found == expected,
    };
    assert!(
        near,
        "{name} of {:?} {:?}: {found:?}, recounted {expected:?}",
        report.of, report.period.name
    );
}

/// The row is what a recount of these visits gives.
fn assert_visits(row: &reports::ReportRow, visits: &[&Visit], query: &Query) {
    let count = |is: &dyn Fn(&Visit) -> bool| visits.iter().filter(|visit| is(visit)).count() as f64;
    let sum = |of: &dyn Fn(&Visit) -> u64| seconds(visits.iter().map(|visit| of(visit)).sum());
    let target = query.target.unwrap_or(20) * SECOND;
    let short = query.short_abandon * SECOND;
    let is = |outcome: CallOutcome| move |visit: &Visit| visit.outcome == Some(outcome);
    let answered = |visit: &Visit| visit.connected.is_some();
    let over_now = |visit: &Visit| answered(visit) && visit.outcome.is_some();
    let abandoned = is(CallOutcome::Abandoned);
    let (ans, ab) = (count(&answered), count(&abandoned));
    let fo = count(&|visit| visit.outcome.is_some() && !answered(visit) && !abandoned(visit));
    let ans_t = count(&|visit| answered(visit) && visit.wait <= target);
    let ab_t = count(&|visit| abandoned(visit) && visit.wait <= target);
    let sa = count(&|visit| abandoned(visit) && visit.wait <= short);
    let offered = ans + ab + fo;
    same(row, "arrivals", Some(visits.len() as f64));
    same(row, "offered", Some(offered));
    same(row, "answered", Some(ans));
    same(row, "abandoned", Some(ab));
    same(row, "short_abandoned", Some(sa));
    same(row, "flowed_out", Some(fo));
    same(row, "waiting", Some(visits.len() as f64 - offered));
    same(row, "overflowed", Some(count(&is(CallOutcome::Overflowed))));
    same(row, "diverted", Some(count(&is(CallOutcome::Diverted))));
    same(row, "callback", Some(count(&is(CallOutcome::Callback))));
    same(row, "service_level_a", over(ans_t, ans));
    same(row, "service_level_b", over(ans_t + ab_t, ans + ab));
    same(row, "service_level_c", over(ans_t, ans + ab));
    same(row, "service_level_d", over(ans_t, ans + ab - ab_t));
    let e = query.service_level_e;
    let plus = if e.flowed_out { fo } else { 0.0 };
    let minus = if e.less_short { sa } else { 0.0 };
    same(row, "service_level_e", over(ans_t, ans + ab + plus - minus));
    same(
        row,
        "speed_of_answer",
        over(sum(&|visit| if answered(visit) { visit.wait } else { 0 }), ans),
    );
    let unrung = |visit: &Visit| {
        if answered(visit) {
            visit.wait - visit.ring
        } else {
            0
        }
    };
    same(row, "speed_of_answer_without_ring", over(sum(&unrung), ans));
    same(
        row,
        "abandon_wait",
        over(sum(&|visit| if abandoned(visit) { visit.wait } else { 0 }), ab),
    );
    same(row, "abandon_rate", over(ab, offered));
    same(row, "abandon_rate_without_short", over(ab - sa, offered - sa));
    same(row, "answer_rate", over(ans, offered));
    let handled = count(&over_now);
    same(row, "handled", Some(handled));
    same(
        row,
        "handling_time",
        over(sum(&|visit| visit.talk + visit.wrap_up), handled),
    );
    same(
        row,
        "talk_time",
        over(sum(&|visit| visit.talk - visit.hold), handled),
    );
    same(row, "wrap_up_time", over(sum(&|visit| visit.wrap_up), handled));
    let said = count(&|visit| visit.said.is_some());
    let complaints = count(&|visit| visit.said.as_deref() == Some("07"));
    same(row, "disposed", Some(said));
    same(row, "disposed_rate", over(said, handled));
    same(row, "complaints", Some(complaints));
    same(row, "complaints_per_thousand", over(complaints * 1000.0, ans));
    same(row, "resolved_rate", over(said - complaints, said));
    let held = count(&|visit| visit.hold > 0);
    same(row, "hold_time", over(sum(&|visit| visit.hold), held));
    same(row, "hold_rate", over(held, ans));
    same(
        row,
        "transfer_rate",
        over(count(&is(CallOutcome::Overflowed)), offered),
    );
    if row.period.to - row.period.from > 30 * 60 * SECOND && ans > 0.0 {
        let mut busy: BTreeMap<u64, f64> = BTreeMap::new();
        for visit in visits {
            *busy
                .entry((visit.joined - row.period.from) / (30 * 60 * SECOND))
                .or_default() += 1.0;
        }
        let intervals = ((row.period.to - row.period.from) as f64 / (1_800.0 * SECOND as f64)).ceil();
        let busiest = busy.values().copied().fold(0.0, f64::max);
        same(row, "fluctuation", over(busiest, visits.len() as f64 / intervals));
    }
}

/// Time of the states within the row's period.
fn time_in(
    row: &reports::ReportRow,
    recount: &Recount,
    agents: &dyn Fn(&str) -> bool,
    states: &[AgentState],
) -> f64 {
    let parts = recount
        .time
        .iter()
        .filter(|(agent, _, _, state)| agents(agent) && states.contains(state));
    let within = |from: u64, until: u64| until.min(row.period.to).saturating_sub(from.max(row.period.from));
    seconds(parts.map(|(_, from, until, _)| within(*from, *until)).sum())
}

fn assert_agents(row: &reports::ReportRow, recount: &Recount, agents: &dyn Fn(&str) -> bool) {
    use AgentState::*;
    let time = |states: &[AgentState]| time_in(row, recount, agents, states);
    let (ready, wrap, talk, hold, ring) = (
        time(&[Ready]),
        time(&[WrapUp]),
        time(&[OnCall]),
        time(&[OnHold]),
        time(&[Offered]),
    );
    same(row, "ready", Some(ready));
    same(row, "after_call_work", Some(wrap));
    same(row, "talking", Some(talk));
    same(row, "holding", Some(hold));
    same(row, "ringing", Some(ring));
    let busy = wrap + talk + hold;
    same(row, "signed_in", Some(busy + ready + ring));
    same(row, "occupancy", over(busy, busy + ready));
    same(row, "utilisation", over(busy, busy + ready + ring));
    let within = |at: u64| (row.period.from..row.period.to).contains(&at);
    let offers: Vec<_> = recount
        .offers
        .iter()
        .filter(|offer| agents(&offer.0) && within(offer.1))
        .collect();
    let missed = offers
        .iter()
        .filter(|offer| offer.2 == OfferResult::NoAnswer)
        .count() as f64;
    same(row, "offers", Some(offers.len() as f64));
    same(row, "rona_rate", over(missed, offers.len() as f64));
    same(
        row,
        "ring_time",
        over(
            seconds(offers.iter().map(|offer| offer.3).sum()),
            offers.len() as f64,
        ),
    );
}

fn assert_report(told: &mut Told, recount: &Recount, query: &Query) -> usize {
    let report = ask(told, query);
    let mut arrivals = 0.0;
    for row in &report.rows {
        let within = |at: u64| (row.period.from..row.period.to).contains(&at);
        let Key {
            queue,
            tier,
            agent,
            team,
            disposition: _,
        } = &row.of;
        let of = |name: &str, wanted: &str| wanted.is_empty() || name == wanted;
        if query.by == By::Agent {
            assert_agents(row, recount, &|number| number == agent);
            let connected = |visit: &&Visit| visit.agent == *agent && visit.connected.is_some_and(within);
            let visits: Vec<_> = recount.visits.iter().filter(connected).collect();
            same(row, "answered", Some(visits.len() as f64));
            let handled = visits.iter().filter(|visit| visit.outcome.is_some()).count() as f64;
            let aht = seconds(visits.iter().map(|visit| visit.talk + visit.wrap_up).sum());
            same(row, "handling_time", over(aht, handled));
            let complaints = visits.iter().filter(|visit| visit.said.as_deref() == Some("07"));
            same(row, "complaints", Some(complaints.count() as f64));
            continue;
        }
        let mine = |visit: &&Visit| {
            within(visit.joined)
                && of(&visit.queue, queue)
                && of(&visit.tier, tier)
                && (team.is_empty() || (team == "north") == (visit.queue == "sales"))
        };
        let visits: Vec<_> = recount.visits.iter().filter(mine).collect();
        assert_visits(row, &visits, query);
        arrivals += visits.len() as f64;
        match query.by {
            By::All => assert_agents(row, recount, &|_| true),
            By::Team => assert_agents(row, recount, &|number| (team == "north") == (number <= "1003")),
            _ => {}
        }
    }
    if query.by != By::Agent {
        let from = query.from.timestamp().as_microsecond() as u64;
        let to = query.to.timestamp().as_microsecond() as u64;
        let all = recount
            .visits
            .iter()
            .filter(|visit| (from..to).contains(&visit.joined))
            .count();
        assert_eq!(arrivals, all as f64, "no visit is in no row");
    }
    report.rows.len()
}

#[test]
fn reports_agree_with_a_recount_to_the_last_call() {
    for seed in [21, 22, fastrand::u64(..)] {
        eprintln!("seed {seed}");
        let mut told = tell(seed, MORNING + seed % HOUR, 2_500);
        let recount = recount(&told.frames);
        assert!(
            recount.visits.len() > 800
                && recount
                    .time
                    .iter()
                    .any(|(_, from, until, _)| until - from > 900 * SECOND)
        );
        let mut rows = 0;
        for by in [By::All, By::Queue, By::Tier, By::QueueTier, By::Agent, By::Team] {
            for step in [
                Step::Whole,
                Step::Quarter,
                Step::Half,
                Step::Hour,
                Step::Day,
                Step::Month,
            ] {
                let mut query = question(by, step, "Asia/Shanghai", "2026-01-05..2026-01-07");
                query.teams = vec![
                    TeamSettings {
                        name: "north".into(),
                        queues: vec!["sa*".into()],
                        agents: vec!["1001".into(), "1002".into(), "1003".into()],
                        ..Default::default()
                    },
                    TeamSettings {
                        name: "south".into(),
                        queues: vec!["support".into()],
                        agents: ["1004", "1005", "1006"].map(String::from).to_vec(),
                        ..Default::default()
                    },
                ];
                rows += assert_report(&mut told, &recount, &query);
                query.target = Some(60);
                query.short_abandon = 15;
                query.service_level_e.flowed_out = false;
                query.service_level_e.less_short = step == Step::Hour;
                rows += assert_report(&mut told, &recount, &query);
            }
        }
        assert!(rows > 500, "{rows}");
    }
}

#[test]
fn days_are_those_of_the_zone_where_clocks_change() {
    // Europe: clocks go back in the night to 2026-10-25, at 01:00 UTC, and forward to 2026-03-29.
    for (day, hours) in [("2026-10-25", 25), ("2026-03-29", 23)] {
        let begin: Timestamp = format!("{day}T00:00:00Z").parse().unwrap();
        let begin = begin.as_microsecond() as u64 - 2 * HOUR;
        let mut told = tell(23, begin, 2_000);
        let recount = recount(&told.frames);
        for step in [Step::Quarter, Step::Hour, Step::Day] {
            for by in [By::All, By::Queue, By::Agent] {
                assert_report(&mut told, &recount, &question(by, step, "Europe/Berlin", day));
            }
        }
        let report = ask(&mut told, &question(By::All, Step::Hour, "Europe/Berlin", day));
        assert_eq!(report.rows.len(), hours);
        let names: Vec<_> = report.rows.iter().map(|row| row.period.name.clone()).collect();
        let mut once = names.clone();
        once.dedup();
        assert_eq!(once.len(), hours, "{names:?}");
        let whole = ask(&mut told, &question(By::All, Step::Day, "Europe/Berlin", day));
        let sum: f64 = report
            .rows
            .iter()
            .filter_map(|row| row.figures.value("arrivals"))
            .sum();
        assert_eq!(whole.rows[0].figures.value("arrivals"), Some(sum));
        assert!(sum > 0.0);
    }
}

/// A story of nothing but calls that join and end, written by hand.
fn by_hand(calls: &[(u64, &str, Option<u64>)]) -> Told {
    let dir = tempfile::tempdir().unwrap();
    let settings = StoreSettings {
        path: dir.path().join("events.db"),
        ..StoreSettings::default()
    };
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(1, "b1").begin(&node);
    for (i, (wait, number, answered)) in calls.iter().enumerate() {
        let call = format!("c{i}");
        let at = MORNING + i as u64 * SECOND;
        node.tell_at(at, crate::support::story::joined(&call, "sales", "gold", number));
        let mut end = crate::support::story::left(
            &call,
            "sales",
            "gold",
            CallOutcome::Abandoned,
            wait * SECOND,
            Default::default(),
        );
        if let (
            Some(time),
            Event::CallFinished {
                outcome, agent, talk, ..
            },
        ) = (answered, &mut end)
        {
            (*outcome, *agent, *talk) = (CallOutcome::Answered, Some("1001".into()), time * SECOND);
            node.tell_at(
                at,
                Event::CallConnected {
                    call,
                    agent: "1001".into(),
                    queue: "sales".into(),
                    tier: "gold".into(),
                    wait: wait * SECOND,
                },
            );
        }
        node.tell_at(at, end);
    }
    let frames = node.take_held();
    let mut kept = Kept::open(SqliteStore::open(&settings).unwrap());
    kept.boot("pbx1", "b1");
    kept.events("pbx1", "b1", &frames);
    Told {
        kept,
        frames,
        _dir: dir,
    }
}

#[test]
fn the_golden_values_of_service_levels() {
    // 1000 answered, 860 of them within 20 s; 60 abandoned, 20 of them within.
    let mut calls = Vec::new();
    calls.extend(std::iter::repeat_n((20, "", Some(60)), 860));
    calls.extend(std::iter::repeat_n((21, "", Some(60)), 140));
    calls.extend(std::iter::repeat_n((20, "", None), 20));
    calls.extend(std::iter::repeat_n((40, "", None), 40));
    let mut told = by_hand(&calls);
    for target in [None, Some(20)] {
        let mut query = question(By::Queue, Step::Whole, "UTC", "2026-01-05");
        query.target = target;
        query.staffing = Some(reports::Staffing {
            working_seconds: 3_600.0,
            attendance: 0.95,
            utilisation: 0.85,
        });
        let report = ask(&mut told, &query);
        let row = &report.rows[0];
        let percent = |name: &str| (row.figures.value(name).unwrap() * 1_000.0).round() / 10.0;
        assert_eq!(percent("service_level_a"), 86.0);
        assert_eq!(percent("service_level_b"), 83.0);
        assert_eq!(percent("service_level_c"), 81.1);
        // 860 / 1040 is 82.69 %.
        assert_eq!(percent("service_level_d"), 82.7);
        let definition = &row
            .figures
            .0
            .iter()
            .find(|figure| figure.name == "service_level_d")
            .unwrap()
            .definition;
        assert!(
            definition.starts_with("SL-D: ans<=T / (ans + ab>T), T = "),
            "{definition}"
        );
        // 1060 calls x 60 s x 1000/1060 / (3600 s x 0.95 x 0.85).
        same(row, "agents_needed", Some(60_000.0 / (3_600.0 * 0.95 * 0.85)));
    }
}

#[test]
fn who_calls_again_was_not_helped_at_first() {
    let once = [
        (1, "13800138000", Some(9)),
        (1, "13800138001", Some(9)),
        (1, "", Some(9)),
    ];
    let mut told = by_hand(&once);
    let query = question(By::Queue, Step::Whole, "UTC", "2026-01-05");
    let of = |report: &Report| report.rows[0].figures.value("first_call_resolution");
    assert_eq!(of(&ask(&mut told, &query)), Some(1.0));
    // In another form, and without success.
    let again = [once[0], once[1], once[2], (3, "+86 138 0013 8000", None)];
    let mut told = by_hand(&again);
    assert_eq!(of(&ask(&mut told, &query)), Some(0.5));
    let nobody = [(1, "", Some(9)), (1, "anonymous", Some(9))];
    assert_eq!(of(&ask(&mut by_hand(&nobody), &query)), None);
}

#[test]
fn a_report_says_that_events_are_lost() {
    let mut told = by_hand(&[(1, "", None)]);
    let query = question(By::All, Step::Whole, "UTC", "2026-01-05");
    let lost = |report: Report| {
        report
            .notes
            .iter()
            .any(|note| note.starts_with("7 events of this time are lost"))
    };
    assert!(!lost(ask(&mut told, &query)));
    let last = told.frames.last().unwrap().seq;
    told.kept.gap("pbx1", "b1", last + 1, last + 7);
    assert!(lost(ask(&mut told, &query)));
    assert!(!lost(ask(
        &mut told,
        &question(By::All, Step::Whole, "UTC", "2026-01-06")
    )));
}

#[test]
fn what_cannot_be_asked_is_refused_with_what_can() {
    let mut told = by_hand(&[(1, "", None)]);
    let mut refused = |change: &dyn Fn(&mut Query), says: &str| {
        let mut query = question(By::Queue, Step::Day, "UTC", "2026-01-05");
        change(&mut query);
        let error = reports::run(&query, told.kept.store.engine())
            .unwrap_err()
            .to_string();
        assert!(error.contains(says), "{error}");
    };
    refused(&|query| query.target = Some(25), "[5, 10, 15, 20, 30");
    refused(&|query| query.short_abandon = 7, "short abandon");
    refused(&|query| query.by = By::Team, "[[team]]");
    refused(&|query| query.fluctuation_minutes = 7, "15 or 30");
    refused(&|query| query.repeat_days = u32::MAX, "1 to 90 days");
    refused(&|query| query.agents = vec!["1001".into()], "by agent alone");
    refused(
        &|query| (query.most_rows, query.step) = (0, Step::Whole),
        "more than 0 rows",
    );
}

#[test]
fn of_some_queues_alone_nothing_is_said_of_agents_whole_time() {
    let mut told = tell(25, MORNING, 600);
    let teams = vec![TeamSettings {
        agent_phones: Vec::new(),
        name: "north".into(),
        queues: vec!["*".into()],
        agents: vec!["*".into()],
    }];
    for by in [By::All, By::Team, By::Agent] {
        for (queues, tiers) in [(vec!["sales"], vec![]), (vec![], vec!["gold"]), (vec![], vec![])] {
            let mut query = question(by, Step::Whole, "UTC", "2026-01-05");
            query.teams.clone_from(&teams);
            query.queues = queues.into_iter().map(str::to_owned).collect();
            query.tiers = tiers.into_iter().map(str::to_owned).collect();
            let chosen = !query.queues.is_empty() || !query.tiers.is_empty();
            let report = ask(&mut told, &query);
            assert!(!report.rows.is_empty());
            for row in &report.rows {
                // Who is ready is so for all queues: of one alone, everybody would be busy all the time.
                for name in ["occupancy", "utilisation", "signed_in", "ready"] {
                    assert_eq!(row.figures.value(name).is_some(), !chosen, "{by:?} {name}");
                }
                assert!(row.figures.value("offers").is_some());
            }
            assert_eq!(
                report
                    .notes
                    .iter()
                    .any(|note| note.contains("calls and offers only")),
                chosen
            );
        }
    }
}

#[test]
fn hotlinectl_reports_while_the_daemon_runs() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(24, "b1");
    story.begin(&node);
    (0..400).for_each(|_| story.step(&node));
    let more = "[reports]\ntime_zone = \"Asia/Shanghai\"\n";
    let settings = write_settings(dir.path(), &[&node.socket], "off", more);
    let daemon = DaemonProcess::start(&settings);
    node.wait_all_acked();
    let report = |arguments: &[&str]| {
        let output = Program::new(env!("CARGO_BIN_EXE_hotlinectl"))
            .arg("report")
            .args(arguments)
            .arg("--config")
            .arg(&settings)
            .output()
            .unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), said)
    };
    let (done, table) = report(&["2026-01-05..2026-01-06"]);
    assert!(done, "{table}");
    assert!(
        table.starts_with("PERIOD") && table.contains("sales") && table.contains("SL-C"),
        "{table}"
    );
    let (_, text) = report(&[
        "2026-01-05..2026-01-06",
        "--by",
        "queue-tier",
        "--every",
        "hour",
        "--csv",
    ]);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let titles = reader.headers().unwrap().clone();
    assert_eq!(&titles[3], "queue");
    assert!(
        titles.iter().any(|title| title
            == "service_level_c [SL-C: ans<=T / (ans + ab), T = the queue's own target] (ratio)")
    );
    let place = titles
        .iter()
        .position(|title| title.starts_with("arrivals ["))
        .unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.unwrap()).collect();
    let arrivals: f64 = rows.iter().map(|row| row[place].parse::<f64>().unwrap()).sum();
    let told: u64 = node.state().nodes["pbx1"]
        .counts
        .queues
        .values()
        .flat_map(|queue| queue.tiers.values())
        .map(|tier| tier.offered)
        .sum();
    assert_eq!(arrivals, told as f64);
    let (_, text) = report(&["2026-01", "--by", "agent", "--every", "day", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["time_zone"], "Asia/Shanghai");
    assert_eq!(
        json["rows"][0]["figures"]["occupancy"]["definition"],
        "(talk + hold + wrap-up) / (that + ready-idle)"
    );
    assert!(
        json["unknown"]
            .as_array()
            .unwrap()
            .iter()
            .any(|unknown| unknown["figure"] == "adherence, shrinkage")
    );
    let (done, refused) = report(&["2026-01-05", "--target", "25"]);
    assert!(!done && refused.contains("give one of"), "{refused}");
    let (done, refused) = report(&["tomorrow"]);
    assert!(!done && refused.contains("is no time"), "{refused}");
    daemon.stop();
    let erlang = Program::new(env!("CARGO_BIN_EXE_hotlinectl"))
        .args([
            "erlang",
            "--calls",
            "25",
            "--per",
            "15m",
            "--handling",
            "752s",
            "--level",
            "0.9",
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&erlang.stdout).into_owned();
    assert!(
        said.lines()
            .any(|line| line.starts_with("agents") && line.ends_with(" 28")),
        "{said}"
    );
    // No answer to be waited for.
    let erlang = Program::new(env!("CARGO_BIN_EXE_hotlinectl"))
        .args([
            "erlang",
            "--calls",
            "25",
            "--handling",
            "4m",
            "--agents",
            "4294967295",
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&erlang.stderr).into_owned();
    assert!(
        !erlang.status.success() && said.contains("up to 100,000"),
        "{said}"
    );
}
