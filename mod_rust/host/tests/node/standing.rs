//! What supervisors decided is there again after a restart of the PBX.

use hotline_host::Fact;
use hotline_host::engine::action::Status;
use hotline_host::wire::command::Place;
use hotline_host::wire::snapshot::{AgentInfo, AgentState, Door};
use hotline_host::wire::{Command, Event, Outcome, Refusal, Snapshot};

use crate::bed::{Bed, PATIENCE};

fn bed() -> Bed {
    Bed::with("[state]\ndirectory = \"@FOLDER@/state\"")
}

fn lock(number: &str, reason: &str, seconds: u64) -> Command {
    Command::ForceBusy {
        agent: number.into(),
        reason: reason.into(),
        seconds,
    }
}

fn agent<'a>(snapshot: &'a Snapshot, number: &str) -> &'a AgentInfo {
    snapshot
        .agents
        .iter()
        .find(|agent| agent.number == number)
        .unwrap()
}

fn until(said: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !said() {
        assert!(begun.elapsed() < PATIENCE, "it is never said");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

fn seen(bed: &Bed, number: &str) -> AgentInfo {
    agent(&bed.host.snapshot().unwrap(), number).clone()
}

#[test]
fn locks_and_live_changes_survive_a_restart() {
    let mut bed = bed();
    let mut client = bed.client(None, false);
    for (id, command) in [
        lock("1001", "training", 3_600),
        lock("1002", "shouted", 0),
        Command::SetMembership {
            agent: "1001".into(),
            queue: "desk".into(),
            place: Some(Place { level: 3, weight: 1 }),
        },
        Command::SetSkill {
            agent: "1002".into(),
            skill: "french".into(),
            has: true,
        },
        Command::SetDoor {
            queue: "desk".into(),
            door: Door::Closed,
        },
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(client.command(&id.to_string(), command), Outcome::Done);
    }
    let before = seen(&bed, "1001").forced.unwrap();
    drop(client);

    for _ in 0..2 {
        bed.restart();
        let snapshot = bed.host.snapshot().unwrap();
        let first = agent(&snapshot, "1001");
        assert_eq!(first.state, AgentState::ForcedBusy);
        let lock = first.forced.clone().unwrap();
        assert_eq!(lock.reason, "training");
        assert!(lock.author.ends_with(" (restored)") && lock.author.starts_with(&before.author));
        assert_eq!(lock.author.matches("restored").count(), 1, "{}", lock.author);
        assert_eq!(before.until, lock.until);
        let desk = first.queues.iter().find(|member| member.queue == "desk").unwrap();
        assert_eq!(desk.level, 3);
        assert_eq!(agent(&snapshot, "1002").skills, ["french"]);
        let desk = snapshot.queues.iter().find(|queue| queue.name == "desk").unwrap();
        assert_eq!(desk.door, Door::Closed);
    }

    // A lock waits for an agent who was not signed in, who cannot get rid of it.
    let mut client = bed.client(None, false);
    let sign_in = Command::SignIn {
        agent: "1002".into(),
        phone: String::new(),
    };
    assert_eq!(client.command("in", sign_in), Outcome::Done);
    assert_eq!(seen(&bed, "1002").state, AgentState::ForcedBusy);
    let sign_out = Command::SignOut { agent: "1002".into() };
    match client.command("out", sign_out) {
        Outcome::Refused { reason, .. } => assert_eq!(reason, Refusal::ForcedBusy),
        outcome => panic!("{outcome:?}"),
    }
    for number in ["1001", "1002"] {
        let idle = Command::ForceIdle { agent: number.into() };
        assert_eq!(client.command(number, idle), Outcome::Done);
    }
    drop(client);
    bed.restart();
    for number in ["1001", "1002"] {
        assert_eq!(seen(&bed, number).forced, None, "what was lifted stays lifted");
    }
}

fn file(bed: &Bed) -> std::path::PathBuf {
    bed.folder.path().join("state/t.standing.json")
}

fn said(bed: &Bed, words: &str) -> usize {
    let log = bed.pbx.log.lock().unwrap();
    log.iter().filter(|line| line.contains(words)).count()
}

/// Lines of the file that make no sense, with why.
const DAMAGED: &[(&str, &str)] = &[
    ("{\"decided\":{\"author\":\"a\",\"comm", "EOF while parsing"),
    ("\u{1b}[2J", "expected value"),
    (
        r#"{"decided":{"author":"a","command":{"do":"dance"}}}"#,
        "unknown variant `dance`",
    ),
    (
        r#"{"decided":{"author":"a","command":{"do":"reload"}}}"#,
        "only locks and changes",
    ),
    (
        r#"{"decided":{"author":"a","command":{"do":"sign_in","agent":"1001"}}}"#,
        "only locks and changes",
    ),
    (
        r#"{"decided":{"author":"a","until":18446744073709551615,"command":{"do":"force_busy","agent":"1001"}}}"#,
        "until: it lies more than",
    ),
    (
        r#"{"decided":{"author":"a","command":{"do":"force_busy","agent":"1001","seconds":18446744073709551615}}}"#,
        "until: it is missing",
    ),
    (
        r#"{"decided":{"author":"a","until":9,"command":{"do":"force_busy","agent":"1001","seconds":18446744073709551615}}}"#,
        "seconds go up to",
    ),
    (
        r#"{"decided":{"author":"a","until":9,"command":{"do":"set_door","queue":"desk","door":"closed"}}}"#,
        "only a lock ends",
    ),
    (
        r#"{"decided":{"author":"a","command":{"do":"set_membership","agent":"1001","queue":"desk","place":{"level":0,"weight":1}}}}"#,
        "levels go from 1",
    ),
    (
        r#"{"decided":{"author":"a","command":{"do":"set_membership","agent":"1001","queue":"desk","place":{"level":256,"weight":1}}}}"#,
        "expected u8",
    ),
    (
        r#"{"owed":{"callback":"c","queue":"q","tier":"t","number":13800138000}}"#,
        "integer `*******8000`",
    ),
    (
        r#"{"decided":{"author":"a","command":{"do":"set_skill","agent":"1001","skill":"","has":true}}}"#,
        "a skill needs a name",
    ),
];

#[test]
fn a_line_that_makes_no_sense_costs_none_of_the_others() {
    let mut bed = bed();
    let mut client = bed.client(None, false);
    assert_eq!(client.command("l", lock("1001", "training", 0)), Outcome::Done);
    assert_eq!(client.command("m", lock("1002", "shouted", 600)), Outcome::Done);
    drop(client);
    bed.host.stop();
    let whole = std::fs::read_to_string(file(&bed)).unwrap();
    let [first, second] = *whole.lines().collect::<Vec<_>>() else {
        panic!("{whole}");
    };
    let long = "x".repeat(5_000);
    let authored =
        format!(r#"{{"decided":{{"author":"{long}","command":{{"do":"force_busy","agent":"1001"}}}}}}"#);
    let skilled = format!(
        r#"{{"decided":{{"author":"a","command":{{"do":"set_skill","agent":"1001","skill":"{long}","has":true}}}}}}"#
    );
    let mut lines = vec![first];
    lines.extend(DAMAGED.iter().map(|(line, _)| *line));
    lines.extend([&*authored, &*skilled, second]);
    let damaged = lines.join("\n");
    std::fs::write(file(&bed), &damaged).unwrap();
    bed.restart();
    for number in ["1001", "1002"] {
        assert!(seen(&bed, number).forced.is_some(), "{number}");
    }
    for ((_, why), number) in DAMAGED.iter().zip(2..) {
        let line = format!("Error: {}: line {number} is not restored: ", file(&bed).display());
        let log = bed.pbx.log.lock().unwrap();
        let named = log.iter().find(|said| said.starts_with(&line)).unwrap();
        assert!(named.contains(why), "{named}");
        assert!(!named.contains('\u{1b}'), "{named:?}");
    }
    assert_eq!(said(&bed, "author is longer than 256 bytes"), 1);
    assert_eq!(said(&bed, "a text of it is longer than 256 bytes"), 1);
    assert_eq!(said(&bed, "is not restored: "), DAMAGED.len() + 2);
    let path = file(&bed);
    let copy = |number: u32| match number {
        0 => path.with_extension("json.damaged"),
        _ => path.with_extension(format!("json.damaged.{number}")),
    };

    // What was understood is written anew, so that the next start finds nothing wrong; what it was is kept aside.
    bed.host.stop();
    assert_eq!(std::fs::read_to_string(copy(0)).unwrap(), damaged);
    let mended = std::fs::read_to_string(file(&bed)).unwrap();
    assert_eq!(mended.lines().count(), 2, "{mended}");
    bed.restart();
    assert!(!copy(1).exists());

    // Another damage is another copy, up to a limit; none is ever written over, and a file that cannot be kept stays.
    bed.host.stop();
    for number in 1..20 {
        std::fs::write(copy(number), "kept").unwrap();
    }
    let damaged_again = format!("nonsense\n{first}");
    std::fs::write(file(&bed), &damaged_again).unwrap();
    bed.restart();
    assert!(seen(&bed, "1001").forced.is_some());
    bed.host.stop();
    assert!(said(&bed, "there are 20 earlier ones") > 0);
    assert_eq!(std::fs::read_to_string(copy(19)).unwrap(), "kept");
    assert_eq!(std::fs::read_to_string(copy(0)).unwrap(), damaged);
    assert_eq!(std::fs::read_to_string(file(&bed)).unwrap(), damaged_again);
    // Once there is room it goes on.
    std::fs::remove_file(copy(7)).unwrap();
    bed.restart();
    bed.host.stop();
    assert_eq!(std::fs::read_to_string(copy(7)).unwrap(), damaged_again);
    assert!(!std::fs::read_to_string(file(&bed)).unwrap().contains("nonsense"));
}

#[test]
fn a_lock_ends_when_it_was_to_end_however_long_starting_takes() {
    let mut bed = bed();
    let mut client = bed.client(None, false);
    assert_eq!(
        client.command("l", lock("1001", "training", 3_600)),
        Outcome::Done
    );
    drop(client);
    let until = seen(&bed, "1001").forced.unwrap().until.unwrap();
    bed.restart();
    assert_eq!(seen(&bed, "1001").forced.unwrap().until, Some(until));

    // One that ended meanwhile is gone, with a word.
    bed.host.stop();
    let text = std::fs::read_to_string(file(&bed)).unwrap();
    std::fs::write(file(&bed), text.replace(&until.to_string(), "1000000")).unwrap();
    bed.restart();
    assert_eq!(seen(&bed, "1001").forced, None);
    assert_eq!(
        said(&bed, "not restored: agent 1001: lock (training): it has ended"),
        1
    );
}

#[test]
fn what_the_settings_have_no_place_for_waits_until_they_have() {
    let mut bed = bed();
    let mut client = bed.client(None, false);
    let door = Command::SetDoor {
        queue: "desk".into(),
        door: Door::Closed,
    };
    for (id, command) in [lock("1002", "shouted", 0), door].into_iter().enumerate() {
        assert_eq!(client.command(&id.to_string(), command), Outcome::Done);
    }
    drop(client);
    let right = std::fs::read_to_string(bed.settings_file()).unwrap();
    let wrong = right.replace("number = \"1002\"", "number = \"1020\"");
    std::fs::write(bed.settings_file(), &wrong).unwrap();
    let waits = "not applied: agent 1002: lock (shouted): there is no agent of that number";
    for starts in 1..=2 {
        bed.restart();
        let diff = bed.host.config_diff().unwrap();
        assert_eq!(diff, ["queue desk: door: open -> closed", waits]);
        assert_eq!(
            said(
                &bed,
                "not restored: agent 1002: lock (shouted): there is no agent"
            ),
            starts
        );
    }
    std::fs::write(bed.settings_file(), &right).unwrap();
    bed.host.reload("test").unwrap();
    let lock = seen(&bed, "1002").forced.unwrap();
    assert_eq!((&*lock.reason, lock.until), ("shouted", None));
    assert_eq!(
        bed.host.config_diff().unwrap(),
        ["queue desk: door: open -> closed"]
    );

    // Somebody may have it forgotten instead.
    std::fs::write(bed.settings_file(), &wrong).unwrap();
    bed.restart();
    assert_eq!(bed.host.config_diff().unwrap()[1..], [waits]);
    bed.host.config_forget("test", "1001").unwrap_err();
    assert_eq!(
        bed.host.config_forget("test", "1002").unwrap(),
        ["forgotten: agent 1002: lock (shouted)"]
    );
    assert_eq!(said(&bed, "forgotten: agent 1002: lock (shouted), by test"), 1);
    bed.host.config_forget("test", "").unwrap_err();
    std::fs::write(bed.settings_file(), &right).unwrap();
    bed.restart();
    assert_eq!(seen(&bed, "1002").forced, None);
}

#[test]
fn a_console_is_held_to_the_same_bounds_as_the_file() {
    let bed = bed();
    let mut client = bed.client(None, false);
    let refused = [
        lock("1001", "for ever", u64::MAX),
        lock("1001", &"x".repeat(5_000), 0),
        Command::SetMembership {
            agent: "1001".into(),
            queue: "desk".into(),
            place: Some(Place { level: 0, weight: 1 }),
        },
    ];
    for (id, command) in refused.into_iter().enumerate() {
        match client.command(&id.to_string(), command) {
            Outcome::Refused { reason, .. } => assert_eq!(reason, Refusal::OutOfRange),
            outcome => panic!("{outcome:?}"),
        }
    }
    assert_eq!(seen(&bed, "1001").forced, None);
}

#[test]
fn a_disk_that_takes_nothing_is_said_once_and_when_it_is_over() {
    let bed = bed();
    let mut client = bed.client(None, false);
    // A folder in place of the file beside: nothing can be written there.
    let beside = bed.folder.path().join("state/t.standing.json.new");
    std::fs::create_dir(&beside).unwrap();
    let said = |words: &str| said(&bed, words);
    assert_eq!(client.command("1", lock("1001", "a", 0)), Outcome::Done);
    until(|| said("would not survive a restart now") == 1);
    assert_eq!(client.command("2", lock("1001", "b", 0)), Outcome::Done);
    std::fs::remove_dir(&beside).unwrap();
    assert_eq!(client.command("3", lock("1001", "c", 0)), Outcome::Done);
    until(|| said("is kept again") == 1);
    assert_eq!(said("would not survive a restart now"), 1);
}

#[test]
fn live_changes_are_told_apart_from_the_settings_and_written_into_a_copy() {
    let bed = bed();
    let mut client = bed.client(None, false);
    assert_eq!(bed.host.config_diff().unwrap(), Vec::<String>::new());
    let member = |agent: &str, queue: &str, place| Command::SetMembership {
        agent: agent.into(),
        queue: queue.into(),
        place,
    };
    let skill = |has| Command::SetSkill {
        agent: "1002".into(),
        skill: "french".into(),
        has,
    };
    for (id, command) in [
        member("1001", "desk", Some(Place { level: 3, weight: 1 })),
        member("1001", "support", None),
        member("1002", "desk", Some(Place { level: 1, weight: 5 })),
        skill(true),
        Command::SetDoor {
            queue: "desk".into(),
            door: Door::Closed,
        },
        lock("1001", "no setting", 0),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(client.command(&id.to_string(), command), Outcome::Done);
    }
    assert_eq!(
        bed.host.config_diff().unwrap(),
        [
            "agent 1001: queue desk: level 2 -> level 3",
            "agent 1001: queue support: level 1 -> not served",
            "agent 1002: queue desk: not served -> level 1, weight 5",
            "agent 1002: skill french: no -> yes",
            "queue desk: door: open -> closed",
        ]
    );

    let text = std::fs::read_to_string(bed.settings_file()).unwrap();
    std::fs::write(bed.settings_file(), format!("# ours\n{text}")).unwrap();
    let copy = bed.folder.path().join("copy.toml");
    assert_eq!(bed.host.config_save("test", &copy).unwrap(), 5);
    let written = std::fs::read_to_string(&copy).unwrap();
    assert!(written.starts_with("# ours\n"), "{written}");
    let why = bed.host.config_save("test", &copy).unwrap_err();
    assert!(why.contains("copy.toml: ") && why.contains("exists"), "{why}");

    // With the copy in place of the settings, nothing differs any more, and what was taken back differs again.
    std::fs::rename(&copy, bed.settings_file()).unwrap();
    assert_eq!(client.command("r", Command::Reload), Outcome::Done);
    assert_eq!(bed.host.config_diff().unwrap(), Vec::<String>::new());
    assert_eq!(client.command("s", skill(false)), Outcome::Done);
    assert_eq!(
        bed.host.config_diff().unwrap(),
        ["agent 1002: skill french: yes -> no"]
    );
}

/// A caller of that number leaves the queue `desk` to be called back.
fn owe(bed: &Bed, number: &str) {
    let mut caller = bed.call_from(number, "desk", None);
    caller.0.report(Fact::Digit('1'));
    assert_eq!(caller.released(), Status::Callback);
}

fn owed(bed: &Bed) -> Vec<(String, u32)> {
    let callbacks = bed.host.snapshot().unwrap().callbacks.into_iter();
    callbacks
        .map(|callback| (callback.number, callback.position))
        .collect()
}

#[test]
fn owed_callbacks_survive_a_restart_in_their_order() {
    let mut bed = bed();
    // The only agent of that queue talks.
    let mut talking = bed.call_to("desk");
    talking.connect();
    let numbers = ["13800000001", "13800000002", "13800000003"];
    for number in numbers {
        owe(&bed, number);
    }
    let in_order = numbers.map(str::to_owned).into_iter().zip(1..);
    let in_order: Vec<(String, u32)> = in_order.collect();
    assert_eq!(owed(&bed), in_order);
    let (first, _) = bed.called_back();
    bed.host.callback_failed(first);
    let before = bed.host.snapshot().unwrap().callbacks;
    for round in 0..2 {
        bed.restart();
        let mut client = bed.client(None, true);
        let restored = numbers.map(|_| {
            let (_, found) = client.event(|event| match event {
                Event::CallbackRestored {
                    before,
                    number,
                    placed,
                    attempts,
                    ..
                } => Some((before.clone(), number.clone(), *placed, *attempts)),
                _ => None,
            });
            found
        });
        for (was, (_, number, placed, attempts)) in before.iter().zip(restored) {
            assert_eq!((&was.number, was.placed), (&number, placed));
            // Whose turn it is is called at once after a restart.
            assert!(attempts == was.attempts || round > 0, "{number}: {attempts}");
        }
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(file(&bed)).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o640);

    // Who is next has not changed, and who calls again is known.
    let redials = bed.call_from(numbers[2], "desk", None);
    bed.host.snapshot().unwrap();
    assert_eq!(owed(&bed).len(), 2);
    drop(redials);
    let log = bed.pbx.log.lock().unwrap().join("\n");
    assert!(!log.contains("1380000000"), "{log}");
}

#[test]
fn a_callback_of_a_queue_that_is_missing_waits_for_it_and_is_masked() {
    let mut bed = bed();
    let mut talking = bed.call_to("desk");
    talking.connect();
    owe(&bed, "13800000001");
    let right = std::fs::read_to_string(bed.settings_file()).unwrap();
    let wrong = right
        .replace("name = \"desk\"", "name = \"dexk\"")
        .replace("\"desk:2\"", "\"dexk:2\"");
    std::fs::write(bed.settings_file(), wrong).unwrap();
    bed.restart();
    assert_eq!(owed(&bed), []);
    assert_eq!(
        bed.host.config_diff().unwrap(),
        ["not applied: queue desk: callback to *******0001: there is no queue of that name"]
    );
    std::fs::write(bed.settings_file(), right).unwrap();
    bed.restart();
    assert_eq!(owed(&bed), [("13800000001".to_owned(), 1)]);

    // Lines that no caller can have left behind.
    bed.host.stop();
    let text = std::fs::read_to_string(file(&bed)).unwrap();
    let line = text.lines().next().unwrap();
    let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
    let mut lines = String::new();
    for (field, absurd) in [
        ("number", serde_json::json!("1@evil")),
        ("expires", serde_json::json!(u64::MAX)),
        ("placed", serde_json::json!(0)),
        ("worth", serde_json::json!(u64::MAX)),
        ("flag", serde_json::json!("x".repeat(5_000))),
    ] {
        let before = value["owed"][field].take();
        value["owed"][field] = absurd;
        lines += &format!("{value}\n");
        value["owed"][field] = before;
    }
    std::fs::write(file(&bed), lines).unwrap();
    bed.restart();
    assert_eq!(owed(&bed), []);
    assert_eq!(said(&bed, "is not restored: "), 5);
}

#[test]
fn live_changes_are_shown_and_written_out_over_the_control_socket() {
    let bed = bed();
    let mut client = bed.client(None, false);
    let door = Command::SetDoor {
        queue: "desk".into(),
        door: Door::Closed,
    };
    assert_eq!(client.command("d", door), Outcome::Done);
    let told = |outcome| match outcome {
        Outcome::Told { lines } => lines,
        outcome => panic!("{outcome:?}"),
    };
    let differs = "queue desk: door: open -> closed";
    assert_eq!(told(client.command("1", Command::ConfigDiff)), [differs]);
    let mut save = |id: &str, name: &str| client.command(id, Command::ConfigSave { name: name.into() });
    let copy = bed.folder.path().join("state/new.toml");
    assert_eq!(
        told(save("2", "new.toml")),
        [format!(
            "written with 1 changes on the PBX's machine: {}",
            copy.display()
        )]
    );
    assert!(
        std::fs::read_to_string(&copy)
            .unwrap()
            .contains("door = \"closed\"")
    );
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&copy).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o640);
    assert_eq!(said(&bed, "new.toml, by test"), 1);
    // Nothing that is there is written over, and nothing outside of that folder.
    for name in [
        "new.toml",
        "../new2.toml",
        "/tmp/new.toml",
        ".new.toml",
        "t.standing.json",
        "",
    ] {
        match save(name, name) {
            Outcome::Refused { reason, .. } => assert_eq!(reason, Refusal::BadFile, "{name}"),
            outcome => panic!("{name}: {outcome:?}"),
        }
    }
    let forget = Command::ConfigForget { about: String::new() };
    match client.command("f", forget) {
        Outcome::Refused { reason, .. } => assert_eq!(reason, Refusal::NothingToDo),
        outcome => panic!("{outcome:?}"),
    }
    // Each is told, with its author.
    let mut watcher = bed.client(None, true);
    let mut next = || {
        let answered = watcher.event(|event| match event {
            Event::CommandAnswered {
                author,
                command: command @ (Command::ConfigSave { .. } | Command::ConfigForget { .. }),
                outcome,
            } => Some((author.clone(), command.clone(), outcome.clone())),
            _ => None,
        });
        assert_eq!(answered.1.0, "test");
        (answered.1.1, answered.1.2)
    };
    let name = copy.display().to_string();
    assert_eq!(next(), (Command::ConfigSave { name }, Outcome::Done));
    for _ in 0..6 {
        let (command, outcome) = next();
        assert!(matches!(command, Command::ConfigSave { .. }));
        assert!(matches!(
            outcome,
            Outcome::Refused {
                reason: Refusal::BadFile,
                ..
            }
        ));
    }
    let (command, outcome) = next();
    assert!(matches!(command, Command::ConfigForget { .. }));
    assert!(matches!(
        outcome,
        Outcome::Refused {
            reason: Refusal::NothingToDo,
            ..
        }
    ));
}

#[test]
fn what_is_no_file_to_read_costs_no_service_and_is_not_lost() {
    let mut bed = bed();
    for pipe in [true, false] {
        bed.host.stop();
        let path = file(&bed);
        std::fs::rename(&path, path.with_extension(format!("before-{pipe}"))).ok();
        if pipe {
            let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
            assert!(made.success());
        } else {
            std::fs::create_dir(&path).unwrap();
        }
        bed.restart();
        assert!(bed.logged("nothing of what stood before is restored"), "{pipe}");
        assert!(bed.logged("it is no regular file"));
        let mut client = bed.client(None, false);
        assert_eq!(client.command("l", lock("1001", "training", 0)), Outcome::Done);
        drop(client);
        bed.host.stop();
        // It is out of the way, as it was, and what stands is kept.
        let aside = path.with_extension("json.damaged");
        let kept = std::fs::symlink_metadata(&aside).unwrap();
        assert_eq!((kept.is_dir(), path.is_file()), (!pipe, true));
        assert!(std::fs::read_to_string(&path).unwrap().contains("training"));
        std::fs::rename(&aside, path.with_extension(format!("aside-{pipe}"))).unwrap();
    }
}
