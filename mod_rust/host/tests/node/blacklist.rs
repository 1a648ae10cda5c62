//! The blacklist of a node: who is let through, what is changed and kept, and what is told of it.

mod kept;

use std::time::Duration;

use hotline_blacklist::entry::Names;
use hotline_blacklist::index::Builder;
use hotline_blacklist::{Action, Entry, Plan, Profile, What};
use hotline_host::engine::Engine;
use hotline_host::engine::codec::journal::Reader;
use hotline_host::wire::blacklist::{ListChange, ListEntry, ListOrder, ListSource, ScreenAction};
use hotline_host::wire::{Command, Event, Outcome, Refusal};
use hotline_host::{Block, Fact, Presented, Screened};

use crate::bed::{Bed, Client};

const SETTINGS: &str = r#"
[blacklist]
directory = "@FOLDER@/blacklist"
index = "@FOLDER@/list.index"
places = ["fraud,s,1"]
say = ["go-away"]
malformed = "release:28"
[blacklist.tarpit]
calls = 1
seconds = 9
[[blacklist.automatic]]
name = "often"
calls_over = 2
within_seconds = 600
[[blacklist.automatic]]
name = "impatient"
hang_ups_over = 1
hung_up_within_seconds = 60
within_seconds = 600
action = "busy"
lasting_seconds = 3600
"#;

fn entry(number: &str, action: &str) -> ListEntry {
    ListEntry {
        number: number.into(),
        action: action.into(),
        reason: "test".into(),
        ..ListEntry::default()
    }
}

fn add(bed: &Bed, entry: ListEntry) -> Outcome {
    bed.host.blacklist("li", ListOrder::Add { entry })
}

fn caller(number: &str) -> Presented<'_> {
    Presented {
        number,
        queue: Some("support"),
        tier: "",
        seen: None,
    }
}

/// Not counted by any rule.
fn screen(bed: &Bed, number: &str) -> Screened {
    bed.host.screen(&Presented {
        seen: Some(""),
        ..caller(number)
    })
}

fn block(screened: Screened) -> Block {
    match screened {
        Screened::Blocked { block, .. } => block,
        other => panic!("{other:?}"),
    }
}

fn listed(bed: &Bed, find: &str) -> Vec<ListEntry> {
    let order = ListOrder::List {
        find: find.into(),
        after: String::new(),
        limit: 1_000,
        review: false,
    };
    match bed.host.blacklist("li", order) {
        Outcome::Listed { entries, .. } => entries,
        other => panic!("{other:?}"),
    }
}

fn message(outcome: Outcome) -> String {
    match outcome {
        Outcome::Refused { message, .. } => message,
        other => panic!("{other:?}"),
    }
}

fn changed(
    client: &mut Client,
    wanted: ListChange,
) -> (Option<Box<ListEntry>>, Option<Box<ListEntry>>, String) {
    let (_, found) = client.event(|event| match event {
        Event::BlacklistChanged {
            change,
            before,
            after,
            author,
            ..
        } if *change == wanted => Some((before.clone(), after.clone(), author.clone())),
        _ => None,
    });
    found
}

#[test]
fn a_change_acts_on_the_next_call_and_is_told() {
    let bed = Bed::with(SETTINGS);
    let mut client = bed.client(None, true);
    assert_eq!(screen(&bed, "13800138000"), Screened::Passed);
    assert_eq!(add(&bed, entry("013800138000", "busy")), Outcome::Done);
    let say = vec!["go-away".to_owned()];
    assert_eq!(block(screen(&bed, "+8613800138000")), Block::Busy { say });
    assert_eq!(add(&bed, entry("+86 13800138000", "allow")), Outcome::Done);
    assert_eq!(screen(&bed, "13800138000"), Screened::Passed);
    let remove = ListOrder::Remove {
        number: "13800138000".into(),
        reason: "was wrong".into(),
    };
    assert_eq!(bed.host.blacklist("wang", remove.clone()), Outcome::Done);
    assert!(message(bed.host.blacklist("wang", remove)).contains("**********8000 is not on the list"));

    let (before, after, author) = changed(&mut client, ListChange::Added);
    assert_eq!((before, author.as_str()), (None, "li"));
    let after = after.unwrap();
    assert_eq!(
        (after.number.as_str(), after.author.as_str()),
        ("+8613800138000", "li")
    );
    let (seq, ()) = client.event(|event| match event {
        Event::CallScreened {
            action: ScreenAction::Busy,
            number,
            entry,
            queue,
            ..
        } => {
            assert_eq!(
                (number.as_str(), entry.as_str()),
                ("+8613800138000", "+8613800138000")
            );
            assert_eq!(queue, "support");
            Some(())
        }
        _ => None,
    });
    assert!(seq > 0);
    let (before, after, _) = changed(&mut client, ListChange::Added);
    assert_eq!(before.unwrap().action, "busy");
    assert_eq!(after.unwrap().action, "allow");
    let (before, after, author) = changed(&mut client, ListChange::Removed);
    assert_eq!(
        (before.unwrap().action.as_str(), after, author.as_str()),
        ("allow", None, "wang")
    );
    // Logs show no number.
    assert!(bed.logged("**********8000 was none, is busy now, by li"));
    assert!(!bed.logged("13800138000"));
}

#[test]
fn every_action_comes_as_what_is_to_be_done() {
    let bed = Bed::with(SETTINGS);
    for (number, action) in [
        ("13800000001", "release:17"),
        ("13800000002", "divert:fraud,s,1"),
        ("13800000003", "tarpit"),
        ("13800000004", "flag"),
    ] {
        assert_eq!(add(&bed, entry(number, action)), Outcome::Done);
    }
    assert_eq!(block(screen(&bed, "13800000001")), Block::Release { cause: 17 });
    let place = "fraud,s,1".to_owned();
    assert_eq!(block(screen(&bed, "13800000002")), Block::Divert { place });
    let reason = "test".to_owned();
    assert_eq!(screen(&bed, "13800000004"), Screened::Flagged { reason });
    // One place in the tarpit.
    let first = screen(&bed, "13800000003");
    let Block::Tarpit { lasting, .. } = block(first.clone()) else {
        panic!("{first:?}");
    };
    assert_eq!(lasting, Duration::from_secs(9));
    assert!(matches!(block(screen(&bed, "13800000003")), Block::Busy { .. }));
    drop(first);
    assert!(matches!(block(screen(&bed, "13800000003")), Block::Tarpit { .. }));
    // What is no number, and what is none at all.
    assert_eq!(block(screen(&bed, "alice")), Block::Release { cause: 28 });
    assert_eq!(screen(&bed, "anonymous"), Screened::Passed);
    assert!(message(add(&bed, entry("1", "divert:elsewhere,s,1"))).contains("add it to [blacklist] places"));
    assert!(message(add(&bed, entry("bob", "busy"))).contains("number: 'b' has no place in a number"));
}

#[test]
fn a_stricter_rule_goes_beyond_a_milder_one() {
    let rules = |action: &str, over: u32| {
        format!(
            "[[blacklist.automatic]]\nname = \"{action}\"\ncalls_over = {over}\nwithin_seconds = 600\naction = \"{action}\"\nlasting_seconds = 600\n"
        )
    };
    let settings = SETTINGS.split("[[blacklist.automatic]]").next().unwrap();
    let bed = Bed::with(&format!("{settings}{}{}", rules("flag", 1), rules("busy", 4)));
    let mut client = bed.client(None, true);
    let number = "13800138000";
    let mut call = |times: usize| {
        for _ in 0..times {
            let _ = bed.host.screen(&caller(number));
        }
        changed(&mut client, ListChange::Automatic).1.unwrap().action
    };
    assert_eq!(call(2), "flag");
    assert_eq!(call(3), "busy");
    // The milder one finds the caller again and again, and leaves it at that.
    for _ in 0..6 {
        let _ = bed.host.screen(&caller(number));
    }
    assert_eq!(add(&bed, entry("13900138000", "busy")), Outcome::Done);
    let actions: Vec<String> = listed(&bed, number)
        .into_iter()
        .map(|entry| entry.action)
        .collect();
    assert_eq!(actions, ["busy"]);
}

#[test]
fn a_number_has_no_more_entries_than_a_caller_can_wait_for() {
    let bed = Bed::with(SETTINGS);
    let scoped = |queue: usize| ListEntry {
        queues: vec![format!("q{queue}")],
        ..entry("13800138000", "busy")
    };
    for queue in 0..64 {
        let told = add(&bed, scoped(queue));
        assert!(
            matches!(&told, Outcome::Told { lines } if lines[1].contains("no queue q")),
            "{told:?}"
        );
    }
    assert!(message(add(&bed, scoped(64))).contains("more than 64 entries"));
    // In place of one of them.
    assert!(matches!(add(&bed, scoped(7)), Outcome::Told { .. }));
    let export = bed.folder.path().join("out.csv").display().to_string();
    let ask = |order| bed.host.blacklist("test", order);
    assert!(matches!(
        ask(ListOrder::Export { path: export.clone() }),
        Outcome::Told { .. }
    ));
    let import = ListOrder::Import {
        path: export,
        skip_bad: false,
        reason: String::new(),
    };
    assert!(matches!(ask(import), Outcome::Told { .. }));
    let late = ListEntry {
        until: Some(u64::MAX),
        ..entry("13900138000", "busy")
    };
    assert!(message(add(&bed, late)).contains("9999"));
    let everybody = add(&bed, entry("0*", "busy"));
    assert!(
        matches!(&everybody, Outcome::Told { lines } if lines[1].contains("everybody")),
        "{everybody:?}"
    );
}

fn write_index(bed: &Bed, numbers: &[&str], reason: &str) {
    let plan = Plan::default();
    let mut builder = Builder::new(&plan);
    for number in numbers {
        let profile = Profile {
            action: Action::Busy,
            tiers: Names::default(),
            queues: Names::default(),
            from: 0,
            until: None,
            reason: reason.into(),
            author: "builder".into(),
            added: 1,
        };
        let what = What::parse(number, &plan).unwrap();
        builder.add(&Entry { what, profile }).unwrap();
    }
    builder.write(&bed.folder.path().join("list.index"), 7).unwrap();
}

#[test]
fn an_index_is_put_beneath_and_a_damaged_one_refused() {
    let mut bed = Bed::with(SETTINGS);
    assert!(bed.logged("the blacklist has no index until one is loaded"));
    let mut client = bed.client(None, true);
    write_index(&bed, &["13800000001", "13800000002", "137*"], "first");
    let Outcome::Told { lines } = bed.host.blacklist("li", ListOrder::Load) else {
        panic!("not loaded");
    };
    assert_eq!(lines, ["3 entries of the index are in force."]);
    client.event(|event| match event {
        Event::BlacklistReplaced {
            source: ListSource::Loaded,
            taken: 3,
            author,
            ..
        } => (author == "li").then_some(()),
        _ => None,
    });
    assert!(matches!(block(screen(&bed, "13700000000")), Block::Busy { .. }));
    // What is changed lies over it.
    let number = "13800000001".to_owned();
    let remove = ListOrder::Remove {
        number,
        reason: String::new(),
    };
    assert_eq!(bed.host.blacklist("li", remove), Outcome::Done);
    assert_eq!(screen(&bed, "13800000001"), Screened::Passed);
    // Damaged: the old one stays.
    let path = bed.folder.path().join("list.index");
    let good = std::fs::read(&path).unwrap();
    let mut damaged = good.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 4;
    for (bytes, why) in [
        (&damaged[..], "damaged"),
        (&good[..good.len() - 9], "incomplete"),
        (b"film", "no index"),
    ] {
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, bytes).unwrap();
        let refused = message(bed.host.blacklist("li", ListOrder::Load));
        assert!(
            refused.contains(why) && refused.contains("list.index"),
            "{refused}"
        );
        assert!(matches!(block(screen(&bed, "13800000002")), Block::Busy { .. }));
    }
    // The last good one is there even after a restart.
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, &damaged).unwrap();
    bed.restart();
    assert!(bed.logged("the blacklist has the 3 entries of the last good index"));
    assert!(matches!(block(screen(&bed, "13800000002")), Block::Busy { .. }));
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, &good).unwrap();
    bed.restart();
    assert_eq!(screen(&bed, "13800000001"), Screened::Passed);
    assert!(matches!(block(screen(&bed, "13800000002")), Block::Busy { .. }));
    let info = bed.host.snapshot().unwrap().blacklist.unwrap();
    assert_eq!(
        (info.index_entries, info.changes, info.index_built),
        (3, 1, Some(7))
    );
    // One that was built without the removed number leaves nothing to be changed.
    write_index(&bed, &["13800000002"], "second");
    assert!(matches!(
        bed.host.blacklist("li", ListOrder::Load),
        Outcome::Told { .. }
    ));
    assert_eq!(bed.host.snapshot().unwrap().blacklist.unwrap().changes, 0);
    assert_eq!(screen(&bed, "13800000001"), Screened::Passed);
}

#[test]
fn rules_find_who_calls_often_and_who_hangs_up() {
    let bed = Bed::with(SETTINGS);
    let mut client = bed.client(None, true);
    for _ in 0..3 {
        assert_eq!(bed.host.screen(&caller("13800000001")), Screened::Passed);
        // Looking again counts for nothing.
        assert_eq!(screen(&bed, "13800000001"), Screened::Passed);
    }
    let (_, after, author) = changed(&mut client, ListChange::Automatic);
    let after = after.unwrap();
    assert_eq!((author.as_str(), after.action.as_str()), ("auto:often", "flag"));
    assert!(after.reason.contains("more than 2 calls within 600 s") && after.until.is_some());
    assert!(matches!(screen(&bed, "13800000001"), Screened::Flagged { .. }));

    for _ in 0..2 {
        let mut call = bed.call_from("13800000002", "support", None);
        call.0.report(Fact::CallerGone);
    }
    let (_, after, author) = changed(&mut client, ListChange::Automatic);
    assert_eq!(
        (author.as_str(), after.unwrap().action.as_str()),
        ("auto:impatient", "busy")
    );
    assert!(matches!(block(screen(&bed, "13800000002")), Block::Busy { .. }));

    // Reviewed: one stays, the other is an ordinary caller from now on, however often he calls.
    let review = ListOrder::List {
        find: String::new(),
        after: String::new(),
        limit: 10,
        review: true,
    };
    let Outcome::Listed { entries, .. } = bed.host.blacklist("li", review.clone()) else {
        panic!("nothing is listed");
    };
    assert_eq!(entries.len(), 2);
    let keep = ListOrder::Keep {
        number: "13800000002".into(),
        reason: String::new(),
    };
    assert_eq!(bed.host.blacklist("li", keep.clone()), Outcome::Done);
    assert!(message(bed.host.blacklist("li", keep)).contains("no automatic rule"));
    assert_eq!(add(&bed, entry("13800000001", "allow")), Outcome::Done);
    assert_eq!(
        bed.host.blacklist("li", review),
        Outcome::Listed {
            entries: vec![],
            next: None
        }
    );
    assert_eq!(listed(&bed, "13800000002")[0].until, None);
    for _ in 0..9 {
        assert_eq!(bed.host.screen(&caller("13800000001")), Screened::Passed);
    }
}

#[test]
fn files_are_imported_whole_or_not_at_all() {
    let mut bed = Bed::with(SETTINGS);
    let path = |name: &str| bed.folder.path().join(name).display().to_string();
    let (good, bad, out) = (path("good.csv"), path("bad.csv"), path("out.csv"));
    let lines: String = (0..5_000).map(|n| format!("139{n:08}\n")).collect();
    std::fs::write(&good, format!("number\n{lines}")).unwrap();
    std::fs::write(
        &bad,
        "number,action\n13700000001,busy\nalice,busy\n13700000002,divert:x,s,1\n",
    )
    .unwrap();
    let import = |path: &str, skip_bad| ListOrder::Import {
        path: path.into(),
        skip_bad,
        reason: "list".into(),
    };
    let mut client = bed.client(None, true);
    let refused = message(bed.host.blacklist("li", import(&bad, false)));
    assert!(refused.contains("line 3: number: 'a' has no place"), "{refused}");
    assert!(refused.contains("nothing is taken"), "{refused}");
    assert_eq!(listed(&bed, "").len(), 0);
    let Outcome::Told { lines } = bed.host.blacklist("li", import(&bad, true)) else {
        panic!("not imported");
    };
    assert!(
        lines[0].starts_with("1 entries are taken") && lines[1].contains("2 bad lines"),
        "{lines:?}"
    );
    assert!(matches!(
        bed.host.blacklist("li", import(&good, false)),
        Outcome::Told { .. }
    ));
    client.event(|event| match event {
        Event::BlacklistReplaced {
            source: ListSource::Imported,
            taken: 5_000,
            entries: 5_001,
            ..
        } => Some(()),
        _ => None,
    });
    // Page by page.
    let (mut after, mut count) = (String::new(), 0);
    loop {
        let order = ListOrder::List {
            find: "+86139".into(),
            after: after.clone(),
            limit: 999,
            review: false,
        };
        let Outcome::Listed { entries, next } = bed.host.blacklist("li", order) else {
            panic!("nothing is listed");
        };
        count += entries.len();
        match next {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(count, 5_000);
    let export = ListOrder::Export { path: out.clone() };
    assert!(matches!(
        bed.host.blacklist("li", export.clone()),
        Outcome::Told { .. }
    ));
    assert!(message(bed.host.blacklist("li", export)).contains("exists already"));
    assert_eq!(std::fs::read_to_string(&out).unwrap().lines().count(), 5_002);
    assert!(message(bed.host.blacklist("li", import("relative.csv", false))).contains("must begin with /"));
    bed.restart();
    assert_eq!(bed.host.snapshot().unwrap().blacklist.unwrap().entries, 5_001);
}

#[test]
fn no_more_is_changed_than_there_is_room_for() {
    let bed = Bed::with(&SETTINGS.replace("malformed", "max_changes = 1000\nmalformed"));
    let path = bed.folder.path().join("list.csv");
    let list = |from: u32, to: u32| {
        let lines: String = (from..to).map(|n| format!("139{n:08}\n")).collect();
        std::fs::write(&path, format!("number\n{lines}")).unwrap();
        let order = ListOrder::Import {
            path: path.display().to_string(),
            skip_bad: false,
            reason: String::new(),
        };
        bed.host.blacklist("li", order)
    };
    assert!(message(list(0, 1_001)).contains("more than 1000 numbers would be changed"));
    assert!(matches!(list(0, 1_000), Outcome::Told { .. }));
    // Once more is no more.
    assert!(matches!(list(0, 1_000), Outcome::Told { .. }));
    assert!(message(list(999, 1_001)).contains("more than 1000 numbers"));
    assert!(message(add(&bed, entry("13800000001", "busy"))).contains("more than 1000 numbers"));
    assert_eq!(add(&bed, entry("13900000001", "flag")), Outcome::Done);
    assert_eq!(listed(&bed, "+8613900000001").len(), 1);
}

#[test]
fn what_was_decided_replays() {
    let bed = Bed::with(SETTINGS);
    assert_eq!(add(&bed, entry("13800138000", "busy")), Outcome::Done);
    let Screened::Blocked { reference, .. } = screen(&bed, "13800138000") else {
        panic!("let through");
    };
    let call = bed.host.call_of(&reference).unwrap();
    bed.host.snapshot().unwrap();
    bed.host.stop();
    let journal = std::fs::read_dir(bed.folder.path().join("journal"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let bytes = std::fs::read(journal.path()).unwrap();
    let (head, records) = Reader::open(&bytes).unwrap();
    let mut engine = Engine::new(head.config, head.booted, head.seed).unwrap();
    let mut events = Vec::new();
    for record in records {
        let record = record.unwrap();
        events.extend(engine.handle(record.at, record.input).events);
    }
    use hotline_host::engine::Event as Told;
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Told::ListChanged { .. }))
    );
    let screened = |event: &Told| matches!(event, Told::CallScreened { call: of, .. } if *of == call);
    assert!(events.iter().any(screened));
}

#[test]
fn without_a_blacklist_everybody_goes_on_and_orders_are_refused() {
    let bed = Bed::start();
    assert_eq!(bed.host.screen(&caller("13800138000")), Screened::Passed);
    assert_eq!(bed.host.blacklisted("13800138000", None, ""), "allow");
    let outcome = bed
        .client(None, false)
        .command("1", Command::Blacklist(ListOrder::Load));
    assert!(matches!(
        outcome,
        Outcome::Refused {
            reason: Refusal::NoBlacklist,
            ..
        }
    ));
    assert_eq!(bed.host.snapshot().unwrap().blacklist, None);
}

#[test]
fn rules_of_the_settings_change_with_them() {
    let bed = Bed::with(SETTINGS);
    assert_eq!(screen(&bed, "anonymous"), Screened::Passed);
    let text = std::fs::read_to_string(bed.settings_file()).unwrap();
    let text = text.replace(
        "malformed = \"release:28\"",
        "anonymous = \"busy\"\nwhisper = \"hm\"",
    );
    std::fs::write(bed.settings_file(), text).unwrap();
    bed.host.reload("li").unwrap();
    // The writer takes the rules before it takes this.
    assert_eq!(add(&bed, entry("13800138000", "busy")), Outcome::Done);
    assert!(matches!(block(screen(&bed, "anonymous")), Block::Busy { .. }));
    assert_eq!(screen(&bed, "alice"), Screened::Passed);
    assert_eq!(bed.host.whisper(), "hm");
}

#[test]
fn a_check_says_why() {
    let bed = Bed::with(SETTINGS);
    let scoped = ListEntry {
        queues: vec!["desk".into()],
        ..entry("138*", "busy")
    };
    assert_eq!(add(&bed, scoped), Outcome::Done);
    let check = |number: &str, queue: &str| {
        let order = ListOrder::Check {
            number: number.into(),
            queue: queue.into(),
            tier: String::new(),
        };
        match bed.host.blacklist("li", order) {
            Outcome::Told { lines } => lines.join("\n"),
            other => panic!("{other:?}"),
        }
    };
    assert!(check("0138 0013 8000", "desk").contains("busy: by +86138*, \"test\", added by li"));
    assert!(
        check("013800138000", "support").contains("+8613800138000 (queue support, tier standard)\ngoes on")
    );
    assert!(check("bob", "").contains("no number: 'b' has no place"));
    assert!(check("", "").contains("a withheld number"));
    assert_eq!(bed.host.blacklisted("13800138000", Some("desk"), ""), "busy");
}
