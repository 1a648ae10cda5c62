//! What supervisors decided is there again after a restart of the PBX.

use hotline_host::wire::command::Place;
use hotline_host::wire::snapshot::{AgentInfo, AgentState, Door};
use hotline_host::wire::{Command, Outcome, Refusal, Snapshot};

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
        // Whole seconds are kept of what was left.
        let (was, is) = (before.until.unwrap(), lock.until.unwrap());
        assert!(was.abs_diff(is) <= 1_000_000, "{was} {is}");
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

#[test]
fn a_damaged_file_is_put_aside_and_said() {
    let mut bed = bed();
    let mut client = bed.client(None, false);
    assert_eq!(client.command("l", lock("1001", "training", 0)), Outcome::Done);
    drop(client);
    bed.host.stop();
    let file = bed.folder.path().join("state/t.standing.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, &text[..text.len() / 2]).unwrap();
    bed.restart();
    assert_eq!(seen(&bed, "1001").forced, None);
    let log = bed.pbx.log.lock().unwrap().join("\n");
    assert!(
        log.contains("locks and live changes of before are not restored: "),
        "{log}"
    );
    assert!(file.with_extension("json.damaged").exists());
}

#[test]
fn a_disk_that_takes_nothing_is_said_once_and_when_it_is_over() {
    let bed = bed();
    let mut client = bed.client(None, false);
    // A folder in place of the file beside: nothing can be written there.
    let beside = bed.folder.path().join("state/t.standing.json.new");
    std::fs::create_dir(&beside).unwrap();
    let said = |words: &str| {
        let log = bed.pbx.log.lock().unwrap();
        log.iter().filter(|line| line.contains(words)).count()
    };
    assert_eq!(client.command("1", lock("1001", "a", 0)), Outcome::Done);
    until(|| said("would not survive a restart now") == 1);
    assert_eq!(client.command("2", lock("1001", "b", 0)), Outcome::Done);
    std::fs::remove_dir(&beside).unwrap();
    assert_eq!(client.command("3", lock("1001", "c", 0)), Outcome::Done);
    until(|| said("are kept again") == 1);
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
    assert_eq!(bed.host.config_save(&copy).unwrap(), 5);
    let written = std::fs::read_to_string(&copy).unwrap();
    assert!(written.starts_with("# ours\n"), "{written}");
    let why = bed.host.config_save(&copy).unwrap_err();
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
