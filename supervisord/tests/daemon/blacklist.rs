//! Blacklists from the command line to the node, what is counted of them, and indexes built off-line.

use std::sync::{Arc, Mutex};

use hotline_wire::blacklist::{ListChange, ListEntry, ListOrder, ListSource, ScreenAction};
use hotline_wire::{Command, Event, Outcome, Refusal};

use crate::hotlinectl::{hotlinectl, shown, text};
use crate::support::bus::PrivateBus;
use crate::support::daemon::{DaemonProcess, value, write_settings};
use crate::support::node::FakeNode;
use crate::support::story::{MORNING, SECOND, agent, settings};

struct Floor {
    bus: PrivateBus,
    node: FakeNode,
    heard: Arc<Mutex<Vec<ListOrder>>>,
    daemon: DaemonProcess,
    _dir: tempfile::TempDir,
}

fn entry(number: &str) -> ListEntry {
    ListEntry {
        number: number.into(),
        action: "busy".into(),
        reason: "rings and \u{1b}[2Jhangs up".into(),
        author: "cli".into(),
        until: Some(1_800_000_000_000_000),
        queues: vec!["sales".into()],
        ..ListEntry::default()
    }
}

impl Floor {
    fn open() -> Floor {
        let dir = tempfile::tempdir().unwrap();
        let bus = PrivateBus::start(dir.path());
        let node = FakeNode::start(dir.path(), "pbx1", "b1");
        node.tell_at(MORNING, settings(&["sales"], vec![agent("1001", &["sales"])]));
        let heard: Arc<Mutex<Vec<ListOrder>>> = Arc::default();
        let log = heard.clone();
        node.answer_with(move |author, command| {
            assert!(author.starts_with("dbus:"), "{author}");
            let Command::Blacklist(order) = command else {
                panic!("{command:?}");
            };
            log.lock().unwrap().push(order.clone());
            vec![match order {
                ListOrder::List { after, .. } => {
                    let page = |number: &str, next: Option<&str>| Outcome::Listed {
                        entries: vec![entry(number)],
                        next: next.map(str::to_owned),
                    };
                    match after.as_str() {
                        "" => page("+8613800138000", Some("+8613800138000")),
                        _ => page("+8613900139000", None),
                    }
                }
                ListOrder::Keep { .. } => Outcome::Refused {
                    reason: Refusal::NothingToDo,
                    message: "no automatic rule added it".into(),
                },
                ListOrder::Check { .. }
                | ListOrder::Import { .. }
                | ListOrder::Export { .. }
                | ListOrder::Load => Outcome::Told {
                    lines: vec!["so it is".into()],
                },
                ListOrder::Add { .. } | ListOrder::Remove { .. } => Outcome::Done,
            }]
        });
        let daemon = DaemonProcess::start(&write_settings(dir.path(), &[&node.socket], bus.address(), ""));
        shown(bus.address(), 1);
        node.wait_all_acked();
        Floor {
            bus,
            node,
            heard,
            daemon,
            _dir: dir,
        }
    }

    fn type_in(&self, words: &[&str]) -> (Option<i32>, String) {
        let words: Vec<&str> = ["blacklist"].iter().chain(words).copied().collect();
        let output = hotlinectl(self.bus.address(), &words);
        (output.status.code(), text(&output))
    }

    fn heard(&self) -> Option<ListOrder> {
        self.heard.lock().unwrap().pop()
    }
}

#[test]
fn supervisors_change_a_blacklist() {
    let floor = Floor::open();
    let done = (Some(0), "done\n".to_owned());
    let told = (Some(0), "so it is\n".to_owned());
    let add = |action: &str, reason: &str| ListEntry {
        number: "138*".into(),
        action: action.into(),
        reason: reason.into(),
        ..ListEntry::default()
    };

    let words = "add 138* release:21 --reason rings --until 2027-01-15T08:00:00Z --from 2027-01-01T00:00:00Z \
                 --queues sales,support --tiers gold";
    let words: Vec<&str> = words.split_whitespace().collect();
    assert_eq!(floor.type_in(&words), done);
    let expected = ListEntry {
        from: 1_798_761_600_000_000,
        until: Some(1_800_000_000_000_000),
        queues: vec!["sales".into(), "support".into()],
        tiers: vec!["gold".into()],
        ..add("release:21", "rings")
    };
    assert_eq!(floor.heard(), Some(ListOrder::Add { entry: expected }));

    assert_eq!(floor.type_in(&["allow", "138*"]), done);
    let entry = add("allow", "");
    assert_eq!(floor.heard(), Some(ListOrder::Add { entry }));

    assert_eq!(floor.type_in(&["add", "138*", "busy", "--for", "30d"]), done);
    let Some(ListOrder::Add { entry }) = floor.heard() else {
        panic!("it was not added");
    };
    assert!(entry.until.unwrap() > 1_800_000_000_000_000 - 400 * 86_400_000_000);

    let (number, reason) = ("138*".to_owned(), "sorry".to_owned());
    assert_eq!(floor.type_in(&["remove", "138*", "--reason", "sorry"]), done);
    assert_eq!(floor.heard(), Some(ListOrder::Remove { number, reason }));

    let (code, said) = floor.type_in(&["keep", "138*"]);
    assert_eq!(
        (code, said.as_str()),
        (
            Some(3),
            "hotlinectl: refused: no automatic rule added it (NothingToDo)\n"
        )
    );

    assert_eq!(
        floor.type_in(&["check", "", "--queue", "sales", "--node", "pbx1"]),
        told
    );
    let (number, queue, tier) = (String::new(), "sales".to_owned(), String::new());
    assert_eq!(floor.heard(), Some(ListOrder::Check { number, queue, tier }));

    assert_eq!(floor.type_in(&["import", "/tmp/list.csv", "--skip-bad"]), told);
    let (path, reason) = ("/tmp/list.csv".to_owned(), String::new());
    let skip_bad = true;
    assert_eq!(
        floor.heard(),
        Some(ListOrder::Import {
            path,
            skip_bad,
            reason
        })
    );
    assert_eq!(floor.type_in(&["export", "/tmp/all.csv"]), told);
    assert_eq!(floor.type_in(&["load"]), told);
    assert_eq!(floor.heard(), Some(ListOrder::Load));

    for words in [
        &["add", "138*"][..],
        &["add", "138*", "busy", "--for", "soon"],
        &[
            "add",
            "138*",
            "busy",
            "--for",
            "1d",
            "--until",
            "2027-01-15T08:00:00Z",
        ],
        &["build", "list.csv"],
    ] {
        assert_eq!(floor.type_in(words).0, Some(2), "{words:?}");
    }
    let long = "1".repeat(300);
    let (code, said) = floor.type_in(&["remove", &long]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("number is longer than 256 bytes"), "{said}");
}

#[test]
fn a_list_is_shown_page_by_page() {
    let floor = Floor::open();
    let (code, table) = floor.type_in(&["list"]);
    assert_eq!(code, Some(0));
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(lines[1].starts_with("+8613800138000  busy") && lines[2].starts_with("+8613900139000"));
    assert!(
        lines[1].contains("2027-01-15T08:00:00Z") && !table.contains('\u{1b}'),
        "{table}"
    );

    let (_, json) = floor.type_in(&["search", "+86138", "--json"]);
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(rows[1]["number"], "+8613900139000");
    assert_eq!(rows[0]["queues"][0], "sales");
    let asked = floor.heard();
    let Some(ListOrder::List { find, review, .. }) = asked else {
        panic!("{asked:?}");
    };
    assert_eq!((find.as_str(), review), ("+86138", false));
    floor.type_in(&["review"]);
    assert!(matches!(
        floor.heard(),
        Some(ListOrder::List { review: true, .. })
    ));
}

#[test]
fn what_happened_is_counted_without_a_number() {
    let floor = Floor::open();
    let screened = |action| Event::CallScreened {
        call: "pbx1-b1-70".into(),
        queue: "sales".into(),
        tier: "gold".into(),
        number: "13800138000".into(),
        action,
        detail: String::new(),
        entry: "+86138*".into(),
        reason: "rings".into(),
        author: "cli".into(),
    };
    for action in [ScreenAction::Busy, ScreenAction::Flag, ScreenAction::Busy] {
        floor.node.tell_at(MORNING + SECOND, screened(action));
    }
    let changed = Event::BlacklistChanged {
        author: "cli".into(),
        change: ListChange::Added,
        reason: String::new(),
        before: None,
        after: Some(Box::new(entry("+86138*"))),
        entries: 41,
    };
    floor.node.tell_at(MORNING + SECOND, changed);
    floor.node.wait_all_acked();
    let blocked = |metrics: &str, action: &str| {
        let series = format!("hotline_calls_blocked_total{{action=\"{action}\",node=\"pbx1\"}}");
        value(metrics, &series)
    };
    let entries = "hotline_blacklist_entries{node=\"pbx1\"}";
    let metrics = floor.daemon.metrics();
    assert_eq!(
        ["busy", "flag", "tarpit"].map(|action| blocked(&metrics, action)),
        [2.0, 1.0, 0.0]
    );
    assert_eq!(value(&metrics, entries), 41.0);
    assert!(!metrics.contains("138001") && !metrics.contains("86138"));

    let replaced = Event::BlacklistReplaced {
        author: "cli".into(),
        source: ListSource::Imported,
        file: "/tmp/list.csv".into(),
        taken: 1_000,
        bad: 0,
        entries: 1_041,
    };
    floor.node.tell_at(MORNING + 2 * SECOND, replaced);
    floor.node.wait_all_acked();
    assert_eq!(value(&floor.daemon.metrics(), entries), 1_041.0);
}

#[test]
fn an_index_is_built_without_daemon_or_node() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(path("a.csv"), "number,action\n13800138000,busy\n139*,flag\n").unwrap();
    std::fs::write(path("b.csv"), "number,action\n13800138000,allow\nnobody,busy\n").unwrap();
    let build = |words: &[&str]| {
        let (a, b, out) = (path("a.csv"), path("b.csv"), path("out.index"));
        let line = ["blacklist", "build", &a, &b, "--output", &out];
        let words: Vec<&str> = line.iter().chain(words).copied().collect();
        let output = hotlinectl("unix:path=/nowhere", &words);
        (output.status.code(), text(&output))
    };
    let (code, said) = build(&[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("b.csv: ") && said.contains("line 3"), "{said}");
    assert!(!dir.path().join("out.index").exists());

    let (code, said) = build(&["--skip-bad"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.starts_with("left out: ") && said.contains("out.index: 3 entries"),
        "{said}"
    );
    let plan = hotline_blacklist::number::Plan::default();
    let index =
        hotline_blacklist::index::Index::open(&dir.path().join("out.index"), &plan, u64::MAX).unwrap();
    assert_eq!(index.len(), 2);

    let (code, said) = build(&["--skip-bad", "--country", "0"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("country code"), "{said}");
}
