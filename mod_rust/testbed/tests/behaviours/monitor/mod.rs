//! A supervisor on the own phone hears an agent's conversation, and is heard by whom the mode says, and by nobody else: each
//! party speaks with a tone of its own, and each tone is measured in what each party receives.

use anyhow::Result;
use hotline_testbed::asterisk::Manifest;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::Tone;
use hotline_wire::event::{Follow, MonitorMode};
use hotline_wire::{Command, Event, Outcome, Refusal};

use crate::EXTENSIONS;
use crate::supervision::{
    INAUDIBLE, Trio, ask, leaves, listens, monitor_ended, monitor_started, refusal, sign_in, switched, wish,
};

/// What the agent hears when a supervisor barges in: 3,300 Hz.
const BEEP: Tone = Tone::nth(59);
/// What a supervisor hears whose key is refused: 400 Hz.
const REFUSED: Tone = Tone::nth(1);

/// Who hears whom in a mode.
fn heard(trio: &Trio, mode: MonitorMode) -> Result<()> {
    let Trio {
        caller,
        agent,
        supervisor,
    } = trio;
    match mode {
        MonitorMode::Listen => {
            agent.hears_just(&[caller], &[agent, supervisor])?;
            caller.hears_just(&[agent], &[caller, supervisor])
        }
        MonitorMode::Whisper => {
            agent.hears_just(&[caller, supervisor], &[agent])?;
            caller.hears_just(&[agent], &[caller, supervisor])
        }
        MonitorMode::Barge => {
            agent.hears_just(&[caller, supervisor], &[agent])?;
            caller.hears_just(&[agent, supervisor], &[caller])
        }
        MonitorMode::TakeOver => anyhow::bail!("taking over is no way to listen"),
    }?;
    supervisor.hears_just(&[caller, agent], &[supervisor])
}

#[test]
fn each_mode_is_heard_by_whom_it_says_and_switched_by_key_and_command() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let trio = Trio::talking(&bed)?;
    sign_in(&bed, &trio.supervisor, "9001")?;
    trio.supervisor.call("*5711001")?;
    monitor_started(&bed, "9001")?;
    for follow in [Follow::Agent, Follow::Call] {
        if follow == Follow::Call {
            let outcome = ask(&bed, "9001", MonitorMode::Listen, follow)?;
            assert_eq!(outcome, Outcome::Done);
        }
        heard(&trio, MonitorMode::Listen)?;
        for (key, mode) in [
            ("5", MonitorMode::Whisper),
            ("6", MonitorMode::Barge),
            ("4", MonitorMode::Listen),
            ("6", MonitorMode::Barge),
            ("5", MonitorMode::Whisper),
        ] {
            let place = bed.node.now();
            trio.supervisor.press(key);
            switched(&bed, place, "9001", mode)?;
            heard(&trio, mode)?;
        }
        for mode in [MonitorMode::Listen, MonitorMode::Barge, MonitorMode::Whisper] {
            assert_eq!(ask(&bed, "9001", mode, follow)?, Outcome::Done);
            heard(&trio, mode)?;
        }
    }
    let shown = bed.asterisk.cli("hotline show monitors")?;
    assert!(shown.contains("Ma Bing") && shown.contains("whisper"), "{shown}");
    let monitors = bed.snapshot()?.monitors;
    assert_eq!(monitors.len(), 1);
    assert_eq!(
        (monitors[0].name.as_str(), monitors[0].mode),
        ("Ma Bing", MonitorMode::Whisper)
    );
    trio.supervisor.hang_up();
    trio.goes_on()?;
    bed.finish()
}

#[test]
fn who_listens_is_heard_by_nobody_at_any_time() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let trio = Trio::talking(&bed)?;
    sign_in(&bed, &trio.supervisor, "9001")?;
    for follow in [Follow::Agent, Follow::Call] {
        listens(&bed, &trio.supervisor, "9001", MonitorMode::Listen, follow)?;
        heard(&trio, MonitorMode::Listen)?;
        trio.agent.hold();
        trio.caller.hears_music()?;
        trio.agent.retrieve();
        heard(&trio, MonitorMode::Listen)?;
        leaves(&bed, &trio.supervisor, "9001")?;
    }
    trio.goes_on()?;
    let loudest = [&trio.caller, &trio.agent].map(|phone| phone.loudest(trio.supervisor.tone()));
    assert!(loudest.iter().all(|loudest| *loudest < INAUDIBLE), "{loudest:?}");
    bed.finish()
}

#[test]
fn a_barge_sounds_a_tone_to_the_agent_alone() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let trio = Trio::of(&bed);
    trio.agent.follow(&[BEEP]);
    trio.caller.follow(&[BEEP]);
    trio.talk(&bed, "support")?;
    sign_in(&bed, &trio.supervisor, "9001")?;
    listens(
        &bed,
        &trio.supervisor,
        "9001",
        MonitorMode::Whisper,
        Follow::Agent,
    )?;
    heard(&trio, MonitorMode::Whisper)?;
    assert!(trio.agent.loudest(BEEP) < INAUDIBLE, "whispering is no barge");
    trio.supervisor.press("6");
    trio.agent.heard(&[BEEP])?;
    heard(&trio, MonitorMode::Barge)?;
    let loudest = trio.caller.loudest(BEEP);
    assert!(loudest < INAUDIBLE, "{loudest}");
    bed.finish()
}

#[test]
fn only_a_signed_in_supervisors_own_phone_may_listen() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let trio = Trio::talking(&bed)?;
    let (stranger, other) = (bed.phone("free1"), bed.phone("s9002"));
    let place = bed.node.now();
    let answers = |reason: Refusal, author: &str| {
        bed.node
            .event_after(place, &format!("{author} to be refused"), |event| match event {
                Event::CommandAnswered {
                    author: by,
                    outcome: Outcome::Refused { reason: why, .. },
                    ..
                } => (by == author && *why == reason).then_some(()),
                _ => None,
            })
    };
    // Nobody is signed in yet.
    assert_eq!(
        refusal(ask(&bed, "9001", MonitorMode::Listen, Follow::Agent)?).map(|(reason, _)| reason),
        Some(Refusal::NoSupervisorThere)
    );
    // Not from another's phone.
    other.call("*589001")?;
    answers(Refusal::NotAllowed, "supervisor:9001")?;
    other.expect_hangup()?;
    sign_in(&bed, &trio.supervisor, "9001")?;
    stranger.call("*5711001")?;
    answers(Refusal::NoSupervisorThere, "phone:PJSIP/free1")?;
    stranger.expect_hangup()?;
    // Nor may a client name a phone.
    let typed = Command::Monitor {
        supervisor: "9001".into(),
        from: "PJSIP/free1".into(),
        agent: "1001".into(),
        mode: MonitorMode::Listen,
        follow: Follow::Agent,
    };
    let signs_in = Command::SignInSupervisor {
        supervisor: "9001".into(),
        phone: "PJSIP/free1".into(),
    };
    for command in [typed, signs_in] {
        assert_eq!(
            refusal(bed.node.command("boss", command)?).map(|(reason, _)| reason),
            Some(Refusal::NotAllowed)
        );
    }
    assert_eq!(stranger.offered(), 0);
    trio.goes_on()?;
    bed.finish()
}

#[test]
fn a_pin_is_asked_for_and_rights_are_kept() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let trio = Trio::talking(&bed)?;
    let phone = bed.phone("free1");
    phone.call("*589003")?;
    phone.press("4711#");
    bed.node.event("9003 to sign in", |event| match event {
        Event::SupervisorChanged { supervisor } => {
            (supervisor.number == "9003" && supervisor.phone == "PJSIP/free1").then_some(())
        }
        _ => None,
    })?;
    phone.hang_up();
    phone.expect_hangup()?;
    assert_eq!(
        refusal(ask(&bed, "9003", MonitorMode::Whisper, Follow::Agent)?).map(|(reason, _)| reason),
        Some(Refusal::NotAllowed)
    );
    phone.follow(&[REFUSED]);
    listens(&bed, &phone, "9003", MonitorMode::Listen, Follow::Agent)?;
    phone.hears_just(&[&trio.caller, &trio.agent], &[])?;
    phone.press("6");
    phone.heard(&[REFUSED])?;
    trio.agent.hears_just(&[&trio.caller], &[&phone])?;
    bed.finish()
}

#[test]
fn several_listen_and_one_speaks_whose_name_the_other_is_told() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let trio = Trio::talking(&bed)?;
    let (first, second) = (&trio.supervisor, bed.phone("s9002"));
    sign_in(&bed, first, "9001")?;
    sign_in(&bed, &second, "9002")?;
    listens(&bed, first, "9001", MonitorMode::Whisper, Follow::Agent)?;
    let refused = refusal(ask(&bed, "9002", MonitorMode::Whisper, Follow::Agent)?);
    let (reason, message) = refused.unwrap_or((Refusal::Unavailable, String::new()));
    assert_eq!(reason, Refusal::Speaking);
    assert!(message.contains("Ma Bing"), "{message}");
    for follow in [Follow::Agent, Follow::Call] {
        listens(&bed, &second, "9002", MonitorMode::Listen, follow)?;
        // Who listens hears who speaks, as well; nobody the own voice.
        second.hears_just(&[&trio.caller, &trio.agent, first], &[&second])?;
        first.hears_just(&[&trio.caller, &trio.agent], &[first, &second])?;
        if follow == Follow::Agent {
            leaves(&bed, &second, "9002")?;
        }
    }
    trio.agent.hears_just(&[&trio.caller, first], &[&second])?;
    let place = bed.node.now();
    second.press("6");
    let told = bed
        .node
        .event_after(place, "the key to be refused", |event| match event {
            Event::CommandAnswered {
                author,
                outcome: Outcome::Refused { reason, message },
                ..
            } => (author == "supervisor:9002").then(|| (*reason, message.clone())),
            _ => None,
        })?;
    assert_eq!(told.0, Refusal::Speaking);
    assert!(told.1.contains("Ma Bing"), "{}", told.1);
    // As soon as the first is silent, the other may speak.
    first.press("4");
    switched(&bed, place, "9001", MonitorMode::Listen)?;
    assert_eq!(
        ask(&bed, "9002", MonitorMode::Barge, Follow::Call)?,
        Outcome::Done
    );
    trio.caller.hears_just(&[&trio.agent, &second], &[first])?;
    trio.agent.hears_just(&[&trio.caller, &second], &[first])?;
    first.hears_just(&[&trio.caller, &trio.agent, &second], &[first])?;
    second.hears_just(&[&trio.caller, &trio.agent], &[first, &second])?;
    bed.finish()
}

#[test]
fn who_barges_is_heard_once_whomever_one_follows() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let trio = Trio::talking(&bed)?;
    let (speaker, listener) = (&trio.supervisor, bed.phone("s9002"));
    sign_in(&bed, speaker, "9001")?;
    sign_in(&bed, &listener, "9002")?;
    for (speaks, listened) in [(Follow::Agent, Follow::Call), (Follow::Call, Follow::Agent)] {
        listens(&bed, speaker, "9001", MonitorMode::Barge, speaks)?;
        listens(&bed, &listener, "9002", MonitorMode::Listen, listened)?;
        listener.hears_just(&[&trio.caller, &trio.agent, speaker], &[&listener])?;
        // Twice, at different times, would be louder or softer than once.
        let (voice, agent) = (
            listener.loudness(speaker.tone()),
            listener.loudness(trio.agent.tone()),
        );
        let ratio = voice / agent;
        assert!((0.8..1.25).contains(&ratio), "{speaks:?}: {voice} beside {agent}");
        leaves(&bed, &listener, "9002")?;
        leaves(&bed, speaker, "9001")?;
    }
    bed.finish()
}

#[test]
fn a_phone_that_is_not_answered_is_told_and_leaves_nothing() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let trio = Trio::talking(&bed)?;
    sign_in(&bed, &trio.supervisor, "9001")?;
    let no_answer = |place| {
        bed.node
            .event_after(place, "nobody to have answered", |event| match event {
                Event::CommandAnswered {
                    command: Command::Monitor { .. },
                    outcome: Outcome::Refused { reason, .. },
                    ..
                } => Some(*reason),
                _ => None,
            })
    };
    let place = bed.node.now();
    let command = wish("9001", MonitorMode::Barge, Follow::Agent);
    assert_eq!(bed.node.command("boss", command)?, Outcome::Pending);
    trio.supervisor.expect_ring()?;
    let header = trio.supervisor.invite_header("Call-Info").unwrap_or_default();
    assert!(header.contains("answer-after=0"), "{header}");
    trio.supervisor.decline();
    assert_eq!(no_answer(place)?, Refusal::NoAnswer);
    // Given up while it rings.
    let place = bed.node.now();
    assert_eq!(
        ask(&bed, "9001", MonitorMode::Listen, Follow::Agent)?,
        Outcome::Pending
    );
    trio.supervisor.expect_ring()?;
    let supervisor = "9001".into();
    let stop = Command::StopMonitor { supervisor };
    assert_eq!(bed.node.command("boss", stop)?, Outcome::Done);
    trio.supervisor.expect_hangup()?;
    assert_eq!(no_answer(place)?, Refusal::Overtaken);
    assert!(bed.snapshot()?.monitors.is_empty());
    trio.goes_on()?;
    bed.finish()
}

#[test]
fn who_picks_up_a_supervisors_ringing_phone_elsewhere_hears_nothing() -> Result<()> {
    // A phone of the office that can pick up what rings at another.
    let extensions = format!("{EXTENSIONS}\n[phones](+)\nexten => pick,1,PickupChan(PJSIP/s9001,p)\n");
    let pickup = Manifest::find()?.modules_dir.join("app_directed_pickup.so");
    let bed = Bed::boot_with(include_str!("hotline.toml"), &extensions, |setup| {
        setup.modules.push(("app_directed_pickup".into(), pickup));
    })?;
    let trio = Trio::talking(&bed)?;
    let stranger = bed.phone("free1");
    sign_in(&bed, &trio.supervisor, "9001")?;
    for mode in [MonitorMode::Listen, MonitorMode::TakeOver] {
        let place = bed.node.now();
        assert_eq!(ask(&bed, "9001", mode, Follow::Agent)?, Outcome::Pending);
        trio.supervisor.expect_ring()?;
        stranger.follow(&[trio.caller.tone(), trio.agent.tone()]);
        stranger.dial("pick")?;
        let reason = bed
            .node
            .event_after(place, "nobody to listen", |event| match event {
                Event::CommandAnswered {
                    command: Command::Monitor { .. },
                    outcome: Outcome::Refused { reason, .. },
                    ..
                } => Some(*reason),
                _ => None,
            })?;
        assert_eq!(reason, Refusal::NoAnswer);
        stranger.expect_hangup()?;
        trio.supervisor.expect_hangup()?;
        let loudest = [&trio.caller, &trio.agent].map(|phone| stranger.loudest(phone.tone()));
        assert!(loudest.iter().all(|loudest| *loudest < INAUDIBLE), "{loudest:?}");
        trio.goes_on()?;
    }
    assert!(bed.snapshot()?.monitors.is_empty());
    bed.finish()
}

#[test]
fn who_takes_the_place_of_a_supervisor_on_the_line_hears_nothing() -> Result<()> {
    let refer = Manifest::find()?.modules_dir.join("res_pjsip_refer.so");
    let bed = Bed::boot_with(include_str!("hotline.toml"), EXTENSIONS, |setup| {
        setup.modules.push(("res_pjsip_refer".into(), refer));
    })?;
    let trio = Trio::talking(&bed)?;
    let stranger = bed.phone("free1");
    sign_in(&bed, &trio.supervisor, "9001")?;
    listens(&bed, &trio.supervisor, "9001", MonitorMode::Barge, Follow::Agent)?;
    trio.supervisor.hears_just(&[&trio.caller, &trio.agent], &[])?;
    trio.agent.hears(&trio.supervisor)?;
    let place = bed.node.now();
    stranger.dial_in_place_of(&trio.supervisor, "701")?;
    monitor_ended(&bed, place, "9001")?;
    trio.supervisor.expect_hangup()?;
    stranger.expect_hangup()?;
    trio.caller
        .hears_just(&[&trio.agent], &[&stranger, &trio.supervisor])?;
    trio.agent
        .hears_just(&[&trio.caller], &[&stranger, &trio.supervisor])?;
    bed.finish()
}

#[test]
fn whom_a_supervisor_refers_to_the_own_place_hears_nothing() -> Result<()> {
    let refer = Manifest::find()?.modules_dir.join("res_pjsip_refer.so");
    let bed = Bed::boot_with(include_str!("hotline.toml"), EXTENSIONS, |setup| {
        setup.modules.push(("res_pjsip_refer".into(), refer));
    })?;
    let trio = Trio::talking(&bed)?;
    let (supervisor, stranger) = (&trio.supervisor, bed.phone("free1"));
    supervisor.set_lines(2);
    sign_in(&bed, supervisor, "9001")?;
    listens(&bed, supervisor, "9001", MonitorMode::Barge, Follow::Agent)?;
    supervisor.hears_just(&[&trio.caller, &trio.agent], &[])?;
    // The stranger is called, and then handed what is listened to.
    let place = bed.node.now();
    supervisor.dial("701")?;
    stranger.expect_ring()?;
    stranger.answer();
    supervisor.hears(&stranger)?;
    supervisor.hand_over("701");
    monitor_ended(&bed, place, "9001")?;
    supervisor.hang_up();
    stranger.expect_hangup()?;
    trio.caller.hears_just(&[&trio.agent], &[&stranger, supervisor])?;
    trio.agent.hears_just(&[&trio.caller], &[&stranger, supervisor])?;
    bed.finish()
}

#[test]
fn a_supervisor_who_signs_out_listens_no_more() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let trio = Trio::talking(&bed)?;
    sign_in(&bed, &trio.supervisor, "9001")?;
    listens(&bed, &trio.supervisor, "9001", MonitorMode::Barge, Follow::Agent)?;
    let place = bed.node.now();
    let shown = bed.asterisk.cli("hotline supervisor signout 9001")?;
    assert!(shown.contains("Done"), "{shown}");
    trio.supervisor.expect_hangup()?;
    let outcome = monitor_ended(&bed, place, "9001")?;
    assert_eq!(outcome.label(), "signed_out");
    trio.goes_on()?;
    bed.finish()
}
