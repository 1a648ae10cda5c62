//! What the list is after a restart, a kill or damage, and when its entries end.

use super::*;

#[test]
fn changes_survive_a_restart_and_a_kill_in_the_middle_of_one() {
    let mut bed = Bed::with(SETTINGS);
    assert_eq!(add(&bed, entry("13800138000", "busy")), Outcome::Done);
    assert_eq!(add(&bed, entry("138*", "flag")), Outcome::Done);
    bed.restart();
    assert!(matches!(block(screen(&bed, "13800138000")), Block::Busy { .. }));
    assert_eq!(listed(&bed, "").len(), 2);
    // A second node must keep out.
    let other = bed.folder.path().join("other.toml");
    let text = std::fs::read_to_string(bed.settings_file()).unwrap();
    std::fs::write(&other, text.replace("node.sock", "other.sock")).unwrap();
    let refused = hotline_host::Host::start(bed.pbx.clone(), &other).err().unwrap();
    assert!(refused.to_string().contains("another node"), "{refused}");
    // Half a change.
    bed.host.stop();
    let log = bed.folder.path().join("blacklist/blacklist.log");
    let mut bytes = std::fs::read(&log).unwrap();
    let whole = bytes.len();
    bytes.extend_from_slice(&[200, 0, 0, 0, 1, 2, 3, 4, b'p', b'u', b't']);
    std::fs::write(&log, bytes).unwrap();
    bed.restart();
    assert!(bed.logged("11 bytes of a change of the blacklist that was not finished were dropped"));
    assert_eq!(std::fs::read(&log).unwrap().len(), whole);
    let dropped = bed.folder.path().join("blacklist/blacklist.dropped");
    assert_eq!(std::fs::read(dropped).unwrap().len(), 11);
    assert_eq!(add(&bed, entry("139*", "flag")), Outcome::Done);
    bed.restart();
    assert_eq!(listed(&bed, "").len(), 3);
}

#[test]
fn a_log_that_is_none_of_ours_is_not_written_over_and_keeps_nobody_out() {
    let mut bed = Bed::with(SETTINGS);
    assert_eq!(add(&bed, entry("13800138000", "busy")), Outcome::Done);
    bed.host.stop();
    let log = bed.folder.path().join("blacklist/blacklist.log");
    std::fs::write(&log, "something else").unwrap();
    bed.restart();
    assert!(bed.logged("NO CALLER IS SCREENED"));
    assert!(bed.logged("no log of a blacklist's changes"));
    assert_eq!(screen(&bed, "13800138000"), Screened::Passed);
    assert!(message(add(&bed, entry("13800138000", "busy"))).contains("could not be read"));
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "something else");
    // A pipe is not waited for.
    std::fs::remove_file(&log).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &log, rustix::fs::Mode::RWXU).unwrap();
    bed.restart();
    assert!(bed.logged("no regular file"));
    std::fs::remove_file(&log).unwrap();
    bed.restart();
    assert_eq!(add(&bed, entry("13800138000", "busy")), Outcome::Done);
}

#[test]
fn damage_in_the_middle_of_the_log_costs_what_it_hit_and_is_told() {
    let mut bed = Bed::with(SETTINGS);
    let log = bed.folder.path().join("blacklist/blacklist.log");
    for number in ["13800138000", "13800138001", "13800138002"] {
        assert_eq!(add(&bed, entry(number, "busy")), Outcome::Done);
    }
    bed.host.stop();
    let whole = std::fs::read(&log).unwrap();
    for round in 0..3 {
        let mut bytes = whole.clone();
        bytes[whole.len() / 2] ^= 0x10 << round;
        // The head of a log is no frame's.
        bytes[round] ^= 0x40;
        std::fs::write(&log, &bytes).unwrap();
        bed.pbx.log.lock().unwrap().clear();
        bed.restart();
        assert!(bed.logged("changes of the blacklist are lost"));
        let aside = ["blacklist.damaged", "blacklist.damaged.1", "blacklist.damaged.2"][round];
        assert_eq!(
            std::fs::read(bed.folder.path().join("blacklist").join(aside)).unwrap(),
            bytes
        );
        // Told once, and kept once.
        bed.pbx.log.lock().unwrap().clear();
        bed.restart();
        assert!(!bed.logged("are lost") && !bed.folder.path().join("blacklist/blacklist.damaged.3").exists());
        let numbers: Vec<String> = listed(&bed, "").into_iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, ["+8613800138000", "+8613800138002"]);
        bed.host.stop();
    }
}

#[test]
fn another_plan_costs_what_it_cannot_read_alone() {
    let mut bed = Bed::with(SETTINGS);
    for number in ["13800138000", "10086", "138*"] {
        assert_eq!(add(&bed, entry(number, "busy")), Outcome::Done);
    }
    bed.host.stop();
    let settings = bed.settings_file();
    let text = std::fs::read_to_string(&settings).unwrap();
    let text = text.replace("malformed =", "international_prefix = \"10\"\nmalformed =");
    std::fs::write(&settings, text).unwrap();
    bed.restart();
    assert!(bed.logged("1 of its changes make no sense by the plan of [blacklist]"));
    let numbers: Vec<String> = listed(&bed, "").into_iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, ["+8613800138000", "+86138*"]);
    // It stays in the log, for the plan may be put right, and is kept aside once.
    assert_eq!(add(&bed, entry("13800138001", "busy")), Outcome::Done);
    bed.restart();
    let aside = |name: &str| bed.folder.path().join("blacklist").join(name).exists();
    assert!(aside("blacklist.damaged") && !aside("blacklist.damaged.1"));
}

#[test]
fn what_was_changed_over_an_index_waits_for_it() {
    let mut bed = Bed::with(SETTINGS);
    write_index(&bed, &["13800138000", "13800138001"], "nuisance");
    let ask = |bed: &Bed, order| bed.host.blacklist("test", order);
    assert!(matches!(ask(&bed, ListOrder::Load), Outcome::Told { .. }));
    let remove = ListOrder::Remove {
        number: "13800138000".into(),
        reason: "a mistake".into(),
    };
    assert_eq!(ask(&bed, remove), Outcome::Done);
    let for_sales = ListEntry {
        queues: vec!["support".into()],
        ..entry("13800138001", "flag")
    };
    assert_eq!(add(&bed, for_sales), Outcome::Done);
    // Neither the index nor its other name is there.
    bed.host.stop();
    let index = bed.folder.path().join("list.index");
    let away = bed.folder.path().join("away");
    std::fs::rename(&index, &away).unwrap();
    std::fs::remove_file(bed.folder.path().join("blacklist/last-good.index")).unwrap();
    bed.restart();
    assert!(bed.logged("no index until one is loaded"));
    assert_eq!(add(&bed, entry("13800138002", "busy")), Outcome::Done);
    for _ in 0..2 {
        std::fs::copy(&away, &index).unwrap();
        assert!(matches!(ask(&bed, ListOrder::Load), Outcome::Told { .. }));
        assert_eq!(screen(&bed, "13800138000"), Screened::Passed, "let go before");
        assert!(matches!(screen(&bed, "13800138001"), Screened::Flagged { .. }));
        assert_eq!(listed(&bed, "13800138001").len(), 2, "that of the index and ours");
        assert!(matches!(block(screen(&bed, "13800138002")), Block::Busy { .. }));
        bed.restart();
    }
}

#[test]
fn what_ends_while_the_index_is_missing_takes_nothing_of_it_along() {
    let mut bed = Bed::with(SETTINGS);
    write_index(&bed, &["13800138000"], "nuisance");
    let index = bed.folder.path().join("list.index");
    let away = bed.folder.path().join("away");
    bed.host.stop();
    std::fs::rename(&index, &away).unwrap();
    bed.restart();
    let mut client = bed.client(None, true);
    let short = ListEntry {
        queues: vec!["support".into()],
        until: Some(bed.host.snapshot().unwrap().at + 300_000),
        ..entry("13800138000", "flag")
    };
    assert_eq!(add(&bed, short), Outcome::Done);
    let for_desk = ListEntry {
        queues: vec!["desk".into()],
        ..entry("13800138000", "flag")
    };
    assert_eq!(add(&bed, for_desk), Outcome::Done);
    changed(&mut client, ListChange::Expired);
    std::fs::copy(&away, &index).unwrap();
    for _ in 0..2 {
        assert!(matches!(
            bed.host.blacklist("test", ListOrder::Load),
            Outcome::Told { .. }
        ));
        assert!(matches!(block(screen(&bed, "13800138000")), Block::Busy { .. }));
        assert_eq!(listed(&bed, "").len(), 2, "that of the index and ours");
        bed.restart();
    }
}

#[test]
fn the_last_good_index_is_no_link_to_a_bad_one() {
    let mut bed = Bed::with(SETTINGS);
    write_index(&bed, &["13800138000"], "nuisance");
    let index = bed.folder.path().join("list.index");
    std::fs::rename(&index, bed.folder.path().join("monday")).unwrap();
    std::os::unix::fs::symlink("monday", &index).unwrap();
    assert!(matches!(
        bed.host.blacklist("test", ListOrder::Load),
        Outcome::Told { .. }
    ));
    bed.host.stop();
    std::fs::remove_file(&index).unwrap();
    std::fs::write(bed.folder.path().join("tuesday"), "bad").unwrap();
    std::os::unix::fs::symlink("tuesday", &index).unwrap();
    bed.restart();
    assert!(bed.logged("entries of the last good index"));
    assert!(matches!(block(screen(&bed, "13800138000")), Block::Busy { .. }));
}

#[test]
fn an_entry_expires_by_itself() {
    let mut bed = Bed::with(SETTINGS);
    let mut client = bed.client(None, true);
    let now = bed.host.snapshot().unwrap().at;
    let until = now + 300_000;
    let short = ListEntry {
        until: Some(until),
        ..entry("13800138000", "busy")
    };
    assert_eq!(add(&bed, short), Outcome::Done);
    assert_eq!(add(&bed, entry("138*", "flag")), Outcome::Done);
    let (before, after, author) = changed(&mut client, ListChange::Expired);
    assert_eq!(
        (before.unwrap().until, after, author.as_str()),
        (Some(until), None, "expiry")
    );
    assert!(matches!(screen(&bed, "13800138000"), Screened::Flagged { .. }));
    assert_eq!(listed(&bed, "").len(), 1);
    let past = ListEntry {
        until: Some(now),
        ..entry("13800138000", "busy")
    };
    assert!(message(add(&bed, past)).contains("until"));
    bed.restart();
    assert_eq!(listed(&bed, "").len(), 1);
}

#[test]
fn thousands_of_entries_end_at_once() {
    let bed = Bed::with(SETTINGS);
    let now = bed.host.snapshot().unwrap().at;
    let until = hotline_blacklist::time::show(now + 2_000_000);
    let mut text = String::from("number,until\n");
    for number in 0..25_000 {
        text.push_str(&format!("138{number:08},{until}\n"));
    }
    let file = bed.folder.path().join("short.csv");
    std::fs::write(&file, text).unwrap();
    let mut client = bed.client(None, true);
    let import = ListOrder::Import {
        path: file.display().to_string(),
        skip_bad: false,
        reason: String::new(),
    };
    assert!(matches!(bed.host.blacklist("test", import), Outcome::Told { .. }));
    for _ in 0..25_000 {
        changed(&mut client, ListChange::Expired);
    }
    assert_eq!(listed(&bed, "").len(), 0);
    // A step for each would have been a frame for each.
    assert_eq!(add(&bed, entry("13900138000", "busy")), Outcome::Done);
}

#[test]
fn nothing_is_imported_while_the_module_goes() {
    let bed = Bed::with(SETTINGS);
    // No line of it is an entry: nothing but reading it takes time.
    let file = bed.folder.path().join("list.csv");
    std::fs::write(&file, "number\nalice\n").unwrap();
    let import = ListOrder::Import {
        path: file.display().to_string(),
        skip_bad: true,
        reason: String::new(),
    };
    assert!(matches!(
        bed.host.blacklist("test", import.clone()),
        Outcome::Told { .. }
    ));
    bed.host.stop();
    assert!(message(bed.host.blacklist("test", import)).contains("the module is being unloaded"));
}
