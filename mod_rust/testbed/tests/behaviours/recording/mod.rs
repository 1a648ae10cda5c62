//! Conversations are recorded by rule and on demand, each side in a file of its own, with pauses; what goes wrong with that is told,
//! and the call goes on.

mod tape;

use std::time::Duration;

use anyhow::{Result, anyhow};
use hotline_testbed::bed::Bed;
use hotline_testbed::node::Node;
use hotline_testbed::phone::{Auto, Phone, Tone};
use hotline_wire::command::{ConsultStep, Destination, ToIvr};
use hotline_wire::event::{RecordOrder, RecordingFailure};
use hotline_wire::frame::EventFrame;
use hotline_wire::snapshot::AgentState;
use hotline_wire::{Command, Event, Outcome, Refusal};

use crate::EXTENSIONS;
use crate::sounds::record_at;
use crate::steps::{ask, connected, refused};

use tape::Tape;

/// What agents and callers say that is not to be recorded.
const SECRET: Tone = Tone::nth(50);

fn boot() -> Result<Bed> {
    Bed::boot(include_str!("hotline.toml"), EXTENSIONS)
}

fn boot_with(recording: &str) -> Result<Bed> {
    let settings = include_str!("hotline.toml");
    let (_, rest) = settings.split_once("[[queue]]").unwrap_or_default();
    Bed::boot(&format!("{recording}\n[[queue]]{rest}"), EXTENSIONS)
}

/// A caller and the agent of a queue talk: the call, and both phones.
fn talk(bed: &Bed, queue: &str, agent: &str) -> Result<(String, Phone, Phone)> {
    let (caller, agent) = (bed.caller("gold"), bed.phone(agent));
    let call = crate::steps::join(bed, &caller, queue)?;
    agent.expect_ring()?;
    agent.answer();
    connected(bed, &call)?;
    caller.hears(&agent)?;
    agent.hears(&caller)?;
    Ok((call, caller, agent))
}

/// Both say enough to be found in a file.
fn speak(caller: &Phone, agent: &Phone) -> Result<()> {
    for _ in 0..4 {
        caller.hears_just(&[agent], &[])?;
        agent.hears_just(&[caller], &[])?;
    }
    Ok(())
}

/// A recording of both, each on the own side, without a word that is not to be recorded.
fn without_secret(bed: &Bed, file: &str, caller: &Phone, agent: &Phone) -> Result<Tape> {
    let tape = Tape::of(bed, file)?;
    tape.has_sides(caller.tone(), agent.tone())?;
    assert_eq!(tape.caller.count(SECRET) + tape.agent.count(SECRET), 0);
    Ok(tape)
}

fn record(agent: &str, order: RecordOrder) -> Command {
    let agent = agent.into();
    Command::Record { agent, order }
}

/// The file of the call's recording number `nth`, from 0, and who asked for it.
fn started(bed: &Bed, wanted: &str, nth: usize) -> Result<(String, String)> {
    bed.node.story(&format!("recording {nth} of {wanted}"), |events| {
        let mut starts = events.iter().filter_map(|frame| match &frame.event {
            Event::RecordingStarted {
                call, file, author, ..
            } if call == wanted => Some((file.clone(), author.clone())),
            _ => None,
        });
        starts.nth(nth)
    })
}

/// How long a recording and its pauses were, and its size.
fn finished(bed: &Bed, wanted: &str) -> Result<(u64, u64, u64)> {
    bed.node
        .event(&format!("{wanted} to be finished"), |event| match event {
            Event::RecordingFinished {
                file,
                lasted,
                paused,
                bytes,
                ..
            } if file == wanted => Some(Ok((*lasted, *paused, *bytes))),
            Event::RecordingFailed { file, reason, .. } if file == wanted => Some(Err(*reason)),
            _ => None,
        })?
        .map_err(|reason| anyhow!("{wanted} failed: {}", reason.label()))
}

/// Why a call's recording failed.
fn failed(bed: &Bed, wanted: &str) -> Result<RecordingFailure> {
    bed.node.event(
        &format!("the recording of {wanted} to fail"),
        |event| match event {
            Event::RecordingFailed { call, reason, .. } if call == wanted => Some(*reason),
            _ => None,
        },
    )
}

/// A call's recordings that began, and those that ended in any way.
fn begun_and_ended(events: &[EventFrame], call: &str) -> (usize, usize) {
    let (mut begun, mut ended) = (0, 0);
    for frame in events {
        match &frame.event {
            Event::RecordingStarted { call: of, .. } if of == call => begun += 1,
            Event::RecordingFinished { call: of, .. } if of == call => ended += 1,
            Event::RecordingFailed { call: of, file, .. } if of == call => {
                ended += 1;
                begun += usize::from(file.is_empty());
            }
            _ => {}
        }
    }
    (begun, ended)
}

#[test]
fn a_rule_records_both_sides_and_nothing_else() -> Result<()> {
    let bed = boot()?;
    let caller = bed.caller("gold");
    let agent = bed.phone("a1001");
    // Music while waiting is no conversation.
    let call = crate::steps::join(&bed, &caller, "support")?;
    agent.expect_ring()?;
    caller.hears_music()?;
    agent.answer();
    caller.hears(&agent)?;
    agent.hears(&caller)?;
    let (file, author) = started(&bed, &call, 0)?;
    assert_eq!(author, "");
    assert!(!file.contains(caller.user()) && file.contains(&call), "{file}");
    let recording = bed.snapshot()?.calls[0].recording;
    assert!(recording.is_some_and(|recording| !recording.paused));
    refused(&bed, record("1001", RecordOrder::Start), Refusal::NothingToDo)?;
    refused(&bed, record("1001", RecordOrder::Stop), Refusal::RecordedByRule)?;
    speak(&caller, &agent)?;
    caller.hang_up();
    agent.expect_hangup()?;
    let (lasted, paused, bytes) = finished(&bed, &file)?;
    let tape = Tape::of(&bed, &file)?;
    tape.has_sides(caller.tone(), agent.tone())?;
    assert_eq!(tape.caller.count(Tone::MUSIC) + tape.agent.count(Tone::MUSIC), 0);
    assert_eq!((paused, bytes), (0, tape.bytes));
    // Both are as long as each other, but for a packet that was on its way.
    assert!(tape.caller.len().abs_diff(tape.agent.len()) <= 1_600);
    // A sample is 125 µs; the file cannot be longer than the conversation, but for how the packets come.
    assert!(tape.caller.len() as u64 * 125 <= lasted + 1_000_000);
    refused(&bed, record("1001", RecordOrder::Pause), Refusal::NotTalking)?;
    bed.finish()
}

#[test]
fn on_demand_from_here_to_there() -> Result<()> {
    let bed = boot()?;
    let (_, caller, agent) = talk(&bed, "private", "a1001")?;
    refused(&bed, record("1001", RecordOrder::Start), Refusal::RecordingOff)?;
    caller.hang_up();
    agent.expect_hangup()?;
    let (call, caller, agent) = talk(&bed, "desk", "a1002")?;
    for order in [RecordOrder::Stop, RecordOrder::Pause, RecordOrder::Resume] {
        refused(&bed, record("1002", order), Refusal::NotRecorded)?;
    }
    agent.speak(SECRET);
    caller.hears_tone(SECRET)?;
    agent.speak(agent.tone());
    caller.hears(&agent)?;
    caller.misses_tone(SECRET)?;
    for nth in 0..2 {
        ask(&bed, &record("1002", RecordOrder::Start))?;
        let (file, author) = started(&bed, &call, nth)?;
        assert_eq!(author, "console");
        speak(&caller, &agent)?;
        ask(&bed, &record("1002", RecordOrder::Stop))?;
        finished(&bed, &file)?;
        assert_eq!(bed.snapshot()?.calls[0].recording, None);
        agent.speak(SECRET);
        caller.hears_tone(SECRET)?;
        agent.speak(agent.tone());
        caller.hears(&agent)?;
        caller.misses_tone(SECRET)?;
        let tape = Tape::of(&bed, &file)?;
        tape.has_sides(caller.tone(), agent.tone())?;
        assert_eq!(tape.agent.count(SECRET), 0);
    }
    // In words.
    let said = bed.asterisk.cli("hotline agent record 1002 start")?;
    assert!(said.contains("Pending"), "{said}");
    let (file, author) = started(&bed, &call, 2)?;
    assert_eq!(author, "cli");
    agent.hang_up();
    bed.expect_left(&caller, "ANSWERED")?;
    finished(&bed, &file)?;
    bed.finish()
}

#[test]
fn what_is_said_in_a_pause_is_in_no_file() -> Result<()> {
    let bed = boot()?;
    let (call, caller, agent) = talk(&bed, "support", "a1001")?;
    let (file, _) = started(&bed, &call, 0)?;
    refused(&bed, record("1001", RecordOrder::Resume), Refusal::NothingToDo)?;
    for _ in 0..2 {
        ask(&bed, &record("1001", RecordOrder::Pause))?;
        refused(&bed, record("1001", RecordOrder::Pause), Refusal::NothingToDo)?;
        let recording = bed.snapshot()?.calls[0].recording;
        assert!(recording.is_some_and(|recording| recording.paused));
        agent.speak(SECRET);
        caller.speak(SECRET);
        caller.hears_tone(SECRET)?;
        agent.hears_tone(SECRET)?;
        agent.speak(agent.tone());
        caller.speak(caller.tone());
        caller.misses_tone(SECRET)?;
        agent.misses_tone(SECRET)?;
        ask(&bed, &record("1001", RecordOrder::Resume))?;
        speak(&caller, &agent)?;
    }
    ask(&bed, &record("1001", RecordOrder::Pause))?;
    caller.hang_up();
    let (lasted, paused, _) = finished(&bed, &file)?;
    assert!(paused > 0 && paused < lasted);
    without_secret(&bed, &file, &caller, &agent)?;
    bed.finish()
}

#[test]
fn it_follows_the_call_over_a_hold_and_begins_anew_with_the_next_agent() -> Result<()> {
    let bed = boot()?;
    let (call, caller, first) = talk(&bed, "support", "a1001")?;
    let (file, _) = started(&bed, &call, 0)?;
    let hold = Command::Hold { agent: "1001".into() };
    ask(&bed, &hold)?;
    caller.hears_music()?;
    ask(&bed, &Command::Retrieve { agent: "1001".into() })?;
    speak(&caller, &first)?;
    let to = Destination::Queue {
        queue: "desk".into(),
        tier: String::new(),
        priority: None,
    };
    let second = bed.phone("a1002");
    let transfer = Command::Transfer {
        agent: "1001".into(),
        to,
        reason: String::new(),
    };
    assert_eq!(bed.node.command("console", transfer)?, Outcome::Pending);
    second.expect_ring()?;
    second.answer();
    caller.hears(&second)?;
    second.hears(&caller)?;
    finished(&bed, &file)?;
    let tape = Tape::of(&bed, &file)?;
    tape.has_sides(caller.tone(), first.tone())?;
    assert_eq!(tape.agent.count(second.tone()), 0);
    // Not a word of the second until somebody asks, and in files of its own.
    assert_eq!(bed.snapshot()?.calls[0].recording, None);
    ask(&bed, &Command::Hold { agent: "1002".into() })?;
    refused(&bed, record("1002", RecordOrder::Start), Refusal::OnHold)?;
    ask(&bed, &Command::Retrieve { agent: "1002".into() })?;
    ask(&bed, &record("1002", RecordOrder::Start))?;
    let (next, _) = started(&bed, &call, 1)?;
    assert_ne!(next, file);
    speak(&caller, &second)?;
    caller.hang_up();
    finished(&bed, &next)?;
    let tape = Tape::of(&bed, &next)?;
    tape.has_sides(caller.tone(), second.tone())?;
    assert_eq!(tape.agent.count(first.tone()), 0);
    bed.finish()
}

#[test]
fn nothing_is_recorded_of_a_caller_who_is_away_in_the_dialplan() -> Result<()> {
    let away =
        "[away]\nexten => s,1,Playback(ask/pin)\n same => n,Wait(1)\n same => n,HotlineReturn(KNOWN)\n";
    let bed = Bed::boot(include_str!("hotline.toml"), &format!("{EXTENSIONS}\n{away}"))?;
    record_at(&bed.asterisk.path("data/sounds"), "ask/pin", SECRET, 300)?;
    let (call, caller, agent) = talk(&bed, "support", "a1001")?;
    let (file, _) = started(&bed, &call, 0)?;
    ask(
        &bed,
        &Command::Ivr {
            agent: "1001".into(),
            to: ToIvr::of("away,s,1"),
            timeout_seconds: None,
        },
    )?;
    caller.speak(SECRET);
    caller.hears_tone(SECRET)?;
    refused(&bed, record("1001", RecordOrder::Resume), Refusal::NotAlone)?;
    caller.speak(caller.tone());
    bed.node.event("the caller to be back", |event| match event {
        Event::IvrEnded { result, .. } if result == "KNOWN" => Some(()),
        _ => None,
    })?;
    speak(&caller, &agent)?;
    caller.hang_up();
    let (lasted, paused, _) = finished(&bed, &file)?;
    assert!(paused > 0 && paused < lasted);
    without_secret(&bed, &file, &caller, &agent)?;
    bed.finish()
}

#[test]
fn what_is_said_to_whom_the_agent_consults_is_in_no_file() -> Result<()> {
    let bed = boot()?;
    let (call, caller, agent) = talk(&bed, "support", "a1001")?;
    let (file, _) = started(&bed, &call, 0)?;
    let colleague = bed.phone("a1002");
    let consult = Command::Consult {
        agent: "1001".into(),
        to: Destination::Agent { agent: "1002".into() },
    };
    assert_eq!(bed.node.command("console", consult)?, Outcome::Pending);
    colleague.expect_ring()?;
    colleague.answer();
    colleague.hears(&agent)?;
    agent.hears(&colleague)?;
    agent.speak(SECRET);
    colleague.hears_tone(SECRET)?;
    agent.speak(agent.tone());
    colleague.misses_tone(SECRET)?;
    ask(
        &bed,
        &Command::Consultation {
            agent: "1001".into(),
            step: ConsultStep::Drop,
            reason: String::new(),
        },
    )?;
    speak(&caller, &agent)?;
    caller.hang_up();
    finished(&bed, &file)?;
    let tape = without_secret(&bed, &file, &caller, &agent)?;
    assert_eq!(tape.agent.count(colleague.tone()), 0);
    bed.finish()
}

#[test]
fn whoever_hangs_up_whenever_each_recording_ends_once() -> Result<()> {
    let bed = boot()?;
    for phase in 0..3 {
        for by_caller in [true, false] {
            let (caller, agent) = (bed.caller("gold"), bed.phone("a1001"));
            let call = crate::steps::join(&bed, &caller, "support")?;
            agent.expect_ring()?;
            agent.answer();
            connected(&bed, &call)?;
            if phase > 0 {
                started(&bed, &call, 0)?;
            }
            match phase {
                1 => ask(&bed, &record("1001", RecordOrder::Pause))?,
                2 => ask(&bed, &Command::Hold { agent: "1001".into() })?,
                _ => {}
            }
            if by_caller {
                caller.hang_up();
                agent.expect_hangup()?;
            } else {
                agent.hang_up();
                bed.expect_left(&caller, "ANSWERED")?;
            }
            bed.node.agent_is("1001", AgentState::Ready)?;
            bed.node.story("the recording to end", |events| {
                let (begun, ended) = begun_and_ended(events, &call);
                (begun == 1 && ended == 1).then_some(())
            })?;
        }
    }
    bed.finish()
}

#[test]
fn without_the_recorder_it_is_told_and_the_call_goes_on() -> Result<()> {
    let bed = boot()?;
    bed.asterisk.cli("module unload app_mixmonitor.so")?;
    let (call, caller, agent) = talk(&bed, "support", "a1001")?;
    assert_eq!(failed(&bed, &call)?, RecordingFailure::Recorder);
    speak(&caller, &agent)?;
    let files = std::fs::read_dir(bed.asterisk.path("run/recordings"))?;
    let day = files.flatten().next();
    assert!(day.is_some_and(|day| empty_below(&day.path())));
    assert!(bed.asterisk.log().contains("load the module app_mixmonitor"));
    caller.hang_up();
    agent.expect_hangup()?;
    bed.asterisk.cli("module load app_mixmonitor.so")?;
    let (call, ..) = talk(&bed, "support", "a1001")?;
    started(&bed, &call, 0)?;
    bed.finish()
}

/// Whether there are but folders.
fn empty_below(folder: &std::path::Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|mut entries| {
        entries.all(|entry| entry.is_ok_and(|entry| entry.path().is_dir() && empty_below(&entry.path())))
    })
}

#[test]
fn a_folder_that_cannot_be_written_is_told_and_the_call_goes_on() -> Result<()> {
    let bed = boot_with("[recording]\nfolder = \"/dev/null/recordings\"")?;
    let (call, caller, agent) = talk(&bed, "support", "a1001")?;
    assert_eq!(failed(&bed, &call)?, RecordingFailure::Folder);
    speak(&caller, &agent)?;
    bed.finish()
}

#[test]
fn a_disk_without_room_is_told_and_the_call_goes_on() -> Result<()> {
    let bed = boot_with("[recording]\nfolder = \"@RUN@/recordings\"\nkeep_free_mib = 1073741824")?;
    let (call, caller, agent) = talk(&bed, "desk", "a1002")?;
    let place = bed.node.now();
    let start = record("1002", RecordOrder::Start);
    assert_eq!(bed.node.command("console", start.clone())?, Outcome::Pending);
    assert_eq!(failed(&bed, &call)?, RecordingFailure::DiskFull);
    let why = bed.node.event_after(place, "the refusal", |event| match event {
        Event::CommandAnswered {
            command,
            outcome: Outcome::Refused { reason, .. },
            ..
        } if *command == start => Some(*reason),
        _ => None,
    })?;
    assert_eq!(why, Refusal::RecorderFailed);
    speak(&caller, &agent)?;
    bed.finish()
}

#[test]
fn new_settings_and_the_modules_end() -> Result<()> {
    let mut bed = boot()?;
    let (call, caller, agent) = talk(&bed, "support", "a1001")?;
    let (file, _) = started(&bed, &call, 0)?;
    bed.asterisk.cli("hotline reload")?;
    // With a call in it, it stays; and so does what is recorded.
    let said = bed.asterisk.cli("module unload app_hotline.so")?;
    assert!(bed.snapshot()?.calls[0].recording.is_some(), "{said}");
    speak(&caller, &agent)?;
    caller.hang_up();
    agent.expect_hangup()?;
    finished(&bed, &file)?;
    Tape::of(&bed, &file)?.has_sides(caller.tone(), agent.tone())?;
    bed.bank.hang_up_all();
    bed.asterisk.expect_no_leak(bed.before())?;
    let said = bed.asterisk.cli("module unload app_hotline.so")?;
    let shown = bed.asterisk.cli("module show like app_hotline")?;
    assert!(shown.contains("0 modules loaded"), "{said}{shown}");
    bed.asterisk.cli("module load app_hotline.so")?;
    bed.node = Node::connect(&bed.asterisk.path(hotline_testbed::bed::SOCKET))?;
    let (call, ..) = talk(&bed, "support", "a1001")?;
    let (again, _) = started(&bed, &call, 0)?;
    assert_ne!(again, file);
    bed.finish()
}

#[test]
fn twenty_at_once() -> Result<()> {
    let mut settings = include_str!("hotline.toml").to_owned();
    for agent in 2001..2021 {
        settings.push_str(&format!(
            "\n[[agent]]\nnumber = \"{agent}\"\nphone = \"PJSIP/a{agent}\"\nqueues = [\"support\"]\nalways_signed_in = true\n"
        ));
    }
    let settings = settings.replace("queues = [\"support\", \"private\"]", "queues = [\"private\"]");
    let bed = Bed::boot(&settings, EXTENSIONS)?;
    for agent in 2001..2021 {
        let auto = Auto {
            ring: Duration::ZERO..Duration::from_millis(1),
            talk: None,
            tone: Tone::nth(agent),
            listen_for: Tone::MUSIC,
        };
        bed.bank.auto_phone(&format!("a{agent}"), auto);
    }
    let callers: Vec<Phone> = (0..20).map(|_| bed.caller("gold")).collect();
    let mut files = Vec::new();
    for caller in &callers {
        let call = crate::steps::join(&bed, caller, "support")?;
        files.push(started(&bed, &call, 0)?.0);
    }
    let calls = bed.snapshot()?.calls;
    assert!(calls.iter().all(|call| call.recording.is_some()), "{calls:?}");
    for caller in &callers {
        caller.hang_up();
    }
    for file in &files {
        finished(&bed, file)?;
    }
    bed.finish()
}
