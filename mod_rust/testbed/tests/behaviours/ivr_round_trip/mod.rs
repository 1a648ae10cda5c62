//! An agent sends the caller into the dialplan and gets the caller back with a result: nobody else hears what is said and keyed in
//! there, and the agent stays reserved. Whoever goes meanwhile leaves nothing behind.

use anyhow::{Context, Result};
use hotline_testbed::asterisk::Manifest;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::{Phone, Tone};
use hotline_wire::command::ToIvr;
use hotline_wire::event::{CallOutcome, Exit, Follow, IvrOutcome, MonitorMode, Party};
use hotline_wire::snapshot::AgentState;
use hotline_wire::{Command, Event, Outcome, Refusal};

use crate::sounds::record;
use crate::steps::{changed, join, refused, visits};
use crate::supervision::{INAUDIBLE, leaves, listens, sign_in, wish};
use crate::{EXTENSIONS, call_of, finished};

const PROMPT: Tone = Tone::nth(50);

fn extensions() -> String {
    format!(
        "[globals]\n\
         HOTLINE_PIN_PROMPT=ask/pin\n\
         {EXTENSIONS}\n\
         [long]\n\
         exten => s,1,UserEvent(There,Number: ${{CALLERID(num)}})\n \
         same => n,Read(KEYS,ask/pin,4,,9,20)\n \
         same => n,HotlineReturn(LATE)\n\
         [end]\n\
         exten => s,1,NoOp()\n\
         [hangup]\n\
         exten => s,1,Hangup()\n\
         [queue]\n\
         exten => s,1,Hotline(support)\n \
         same => n,HotlineReturn(${{HOTLINESTATUS}})\n"
    )
}

fn boot() -> Result<Bed> {
    let bed = Bed::boot(include_str!("hotline.toml"), &extensions())?;
    record(&bed, "ask/pin", PROMPT)?;
    Ok(bed)
}

/// A caller who talks with 1001.
fn talk(bed: &Bed) -> Result<(Phone, Phone)> {
    let (caller, agent) = (bed.caller("gold"), bed.phone("a1001"));
    // Whatever of the prompt is heard is remembered.
    caller.follow(&[PROMPT]);
    agent.follow(&[PROMPT, caller.tone()]);
    caller.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    hear_each_other(&caller, &agent)?;
    Ok((caller, agent))
}

fn hear_each_other(caller: &Phone, agent: &Phone) -> Result<()> {
    caller.hears_just(&[agent], &[])?;
    agent.hears_just(&[caller], &[])
}

fn ivr(to: &str, timeout_seconds: Option<u32>) -> Command {
    Command::Ivr {
        agent: "1001".into(),
        to: ToIvr::of(to),
        timeout_seconds,
    }
}

/// The caller is sent, and goes.
fn send(bed: &Bed, to: &str, timeout_seconds: Option<u32>) -> Result<()> {
    let place = bed.node.now();
    let command = ivr(to, timeout_seconds);
    assert_eq!(bed.node.command("console", command)?, Outcome::Pending);
    bed.node
        .event_after(place, "the caller to go", |event| match event {
            Event::IvrStarted {
                agent, ivr, author, ..
            } if agent == "1001" => {
                assert_eq!((ivr.as_str(), author.as_str()), (to, "console"));
                Some(())
            }
            _ => None,
        })?;
    bed.node
        .event_after(place, "the command to be done", |event| match event {
            Event::CommandAnswered {
                command: Command::Ivr { .. },
                outcome: Outcome::Done,
                ..
            } => Some(()),
            _ => None,
        })?;
    // The caller may be back by now.
    changed(bed, place, "1001", AgentState::Reserved)
}

/// How the caller's latest time away ended.
fn ended(bed: &Bed, caller: &Phone) -> Result<(IvrOutcome, String)> {
    let of = call_of(bed, caller)?;
    bed.node.story("the caller's time away to end", |events| {
        let ends = |event: &Event| matches!(event, Event::IvrEnded { call, .. } if *call == of);
        let starts = |event: &Event| matches!(event, Event::IvrStarted { call, .. } if *call == of);
        let times =
            |which: &dyn Fn(&Event) -> bool| events.iter().filter(|frame| which(&frame.event)).count();
        let all = times(&ends) == times(&starts);
        events.iter().rev().find_map(|frame| match &frame.event {
            Event::IvrEnded {
                call,
                outcome,
                result,
                lasted,
                ..
            } if all && *call == of => {
                assert!(*lasted > 0);
                Some((*outcome, result.clone()))
            }
            _ => None,
        })
    })
}

/// What the dialplan sees of a phone's channel.
fn variable(bed: &Bed, start: &str, name: &str) -> Result<String> {
    let channels = bed.asterisk.cli("core show channels concise")?;
    let named = channels
        .lines()
        .filter_map(|line| line.split('!').next())
        .find(|name| name.starts_with(start));
    bed.manager
        .variable(named.with_context(|| format!("no channel {start}"))?, name)
}

fn is_there(bed: &Bed, caller: &Phone) -> Result<()> {
    bed.manager
        .user_event("There", &[("Number", caller.user())])
        .map(drop)
}

#[test]
fn a_pin_is_verified_and_nobody_else_hears_it() -> Result<()> {
    let bed = boot()?;
    let supervisor = bed.phone("s9001");
    supervisor.follow(&[PROMPT]);
    sign_in(&bed, &supervisor, "9001")?;
    let (caller, agent) = talk(&bed)?;
    let number = caller.user();
    bed.asterisk.cli(&format!("database put pin {number} 4711"))?;
    listens(&bed, &supervisor, "9001", MonitorMode::Listen, Follow::Call)?;
    supervisor.hears(&caller)?;

    // Wrong once, then right.
    send(&bed, "pin", None)?;
    caller.hears_tone(PROMPT)?;
    caller.press("4712");
    agent.hears_music()?;
    agent.misses(&caller)?;
    caller.misses(&agent)?;
    supervisor.misses(&caller)?;
    caller.hears_tone(PROMPT)?;
    caller.press("4711");
    assert_eq!(
        ended(&bed, &caller)?,
        (IvrOutcome::Returned, "VERIFIED".to_owned())
    );
    bed.node.agent_is("1001", AgentState::OnCall)?;
    hear_each_other(&caller, &agent)?;
    supervisor.hears(&caller)?;
    assert_eq!(variable(&bed, "PJSIP/a1001-", "HOTLINE_IVR_RESULT")?, "VERIFIED");
    assert_eq!(variable(&bed, "PJSIP/gold-", "HOTLINE_IVR_RESULT")?, "VERIFIED");

    // Of what was played and keyed in there nothing has reached anybody else.
    for phone in [&agent, &supervisor] {
        assert!(phone.loudest(PROMPT) < INAUDIBLE, "{}", phone.user());
        assert_eq!(phone.keys_heard(), 0, "{}", phone.user());
    }
    // Keys of the conversation still come through.
    caller.press("5");
    bed.node.agent_is("1001", AgentState::OnCall)?;
    hear_each_other(&caller, &agent)?;

    // Three times wrong, and by the console's words.
    let shown = bed.asterisk.cli("hotline agent ivr 1001 pin 30")?;
    assert!(shown.contains("Pending"), "{shown}");
    bed.node.agent_is("1001", AgentState::Reserved)?;
    caller.hears_tone(PROMPT)?;
    caller.press("999999999999");
    assert_eq!(ended(&bed, &caller)?, (IvrOutcome::Returned, "FAILED".to_owned()));
    hear_each_other(&caller, &agent)?;
    supervisor.hears(&caller)?;
    leaves(&bed, &supervisor, "9001")?;
    agent.hang_up();
    bed.expect_left(&caller, "ANSWERED")?;
    bed.finish()
}

#[test]
fn a_caller_comes_back_at_the_end_of_the_dialplan_and_of_the_time() -> Result<()> {
    let bed = boot()?;
    let (caller, agent) = talk(&bed)?;
    send(&bed, "end,s,1", None)?;
    assert_eq!(ended(&bed, &caller)?, (IvrOutcome::RanOut, String::new()));
    hear_each_other(&caller, &agent)?;
    assert_eq!(variable(&bed, "PJSIP/a1001-", "HOTLINE_IVR_RESULT")?, "NONE");
    send(&bed, "long,s,1", Some(1))?;
    caller.hears_tone(PROMPT)?;
    assert_eq!(ended(&bed, &caller)?, (IvrOutcome::TimedOut, String::new()));
    hear_each_other(&caller, &agent)?;
    assert_eq!(variable(&bed, "PJSIP/gold-", "HOTLINE_IVR_RESULT")?, "TIMEOUT");
    // It cannot go to a queue meanwhile.
    send(&bed, "queue,s,1", None)?;
    assert_eq!(ended(&bed, &caller)?, (IvrOutcome::Returned, "ERROR".to_owned()));
    hear_each_other(&caller, &agent)?;
    // Hangup() there is the caller's.
    let command = ivr("hangup,s,1", None);
    assert_eq!(bed.node.command("console", command)?, Outcome::Pending);
    caller.expect_hangup()?;
    agent.expect_hangup()?;
    assert_eq!(ended(&bed, &caller)?.0, IvrOutcome::HungUp);
    assert_eq!(finished(&bed, &caller)?.by, Party::Caller);
    bed.finish()
}

#[test]
fn what_cannot_be_is_refused() -> Result<()> {
    let bed = boot()?;
    refused(&bed, ivr("pin", None), Refusal::NotTalking)?;
    let (caller, agent) = talk(&bed)?;
    refused(&bed, ivr("none", None), Refusal::UnknownIvr)?;
    refused(&bed, ivr("pin", Some(0)), Refusal::OutOfRange)?;
    refused(&bed, ivr("pin", Some(3_601)), Refusal::OutOfRange)?;
    // A place that is not there is found out by the PBX.
    let place = bed.node.now();
    assert_eq!(
        bed.node.command("console", ivr("nowhere", None))?,
        Outcome::Pending
    );
    let why = bed
        .node
        .event_after(place, "the PBX to refuse", |event| match event {
            Event::CommandAnswered {
                command: Command::Ivr { to, .. },
                outcome: Outcome::Refused { reason, .. },
                ..
            } if to.text() == "nowhere" => Some(*reason),
            _ => None,
        })?;
    assert_eq!(why, Refusal::NotTalking);
    hear_each_other(&caller, &agent)?;
    send(&bed, "long,s,1", None)?;
    is_there(&bed, &caller)?;
    refused(&bed, ivr("pin", None), Refusal::NotAlone)?;
    let agent_number = || "1001".to_owned();
    let agent_hold = Command::Hold {
        agent: agent_number(),
    };
    refused(&bed, agent_hold, Refusal::NotAlone)?;
    let survey = Command::Survey {
        agent: agent_number(),
    };
    refused(&bed, survey, Refusal::NotAlone)?;
    let said = bed.asterisk.cli("module unload app_hotline.so")?;
    let shown = bed.asterisk.cli("module show like app_hotline")?;
    assert!(shown.contains("1 modules loaded"), "{said}{shown}");
    bed.asterisk.cli("hotline reload")?;
    caller.press("1234");
    assert_eq!(ended(&bed, &caller)?, (IvrOutcome::Returned, "LATE".to_owned()));
    hear_each_other(&caller, &agent)?;
    bed.finish()
}

#[test]
fn from_a_hold_the_caller_comes_back_into_it() -> Result<()> {
    let bed = boot()?;
    let (caller, agent) = talk(&bed)?;
    let hold = |on: bool| {
        let agent = "1001".to_owned();
        if on {
            Command::Hold { agent }
        } else {
            Command::Retrieve { agent }
        }
    };
    assert_eq!(bed.node.command("console", hold(true))?, Outcome::Pending);
    bed.node.agent_is("1001", AgentState::OnHold)?;
    caller.hears_music()?;
    send(&bed, "long,s,1", None)?;
    caller.hears_tone(PROMPT)?;
    caller.press("1234");
    assert_eq!(ended(&bed, &caller)?, (IvrOutcome::Returned, "LATE".to_owned()));
    bed.node.agent_is("1001", AgentState::OnHold)?;
    caller.hears_music()?;
    assert_eq!(bed.node.command("console", hold(false))?, Outcome::Pending);
    bed.node.agent_is("1001", AgentState::OnCall)?;
    hear_each_other(&caller, &agent)?;
    bed.finish()
}

#[test]
fn a_caller_who_hangs_up_there_frees_the_agent() -> Result<()> {
    let bed = boot()?;
    let (caller, agent) = talk(&bed)?;
    send(&bed, "long,s,1", None)?;
    caller.hears_tone(PROMPT)?;
    caller.hang_up();
    agent.expect_hangup()?;
    assert_eq!(ended(&bed, &caller)?.0, IvrOutcome::HungUp);
    let finished = finished(&bed, &caller)?;
    assert_eq!(
        (finished.outcome, finished.by),
        (CallOutcome::Answered, Party::Caller)
    );
    bed.node.agent_is("1001", AgentState::WrapUp)?;
    bed.finish()
}

#[test]
fn an_agent_who_goes_leaves_the_caller_the_first_place() -> Result<()> {
    let bed = boot()?;
    let (caller, agent) = talk(&bed)?;
    let second = bed.phone("a1002");
    // Somebody waits who came later.
    let later = bed.caller("gold");
    join(&bed, &later, "support")?;
    send(&bed, "long,s,1", None)?;
    caller.hears_tone(PROMPT)?;
    agent.hang_up();
    bed.node.agent_is("1001", AgentState::WrapUp)?;
    assert_eq!(ended(&bed, &caller)?.0, IvrOutcome::AgentGone);
    let call = call_of(&bed, &caller)?;
    let first = bed.node.event("the first visit to end", |event| match event {
        Event::CallFinished { call: of, to, by, .. } if *of == call => Some((to.clone(), *by)),
        _ => None,
    })?;
    assert_eq!(first, (Exit::Queue("support".into()), Party::Agent));
    // Before the caller is back there is nobody to be offered: who came later is served meanwhile.
    let place = bed.node.now();
    let sign_in = Command::SignIn {
        agent: "1002".into(),
        phone: String::new(),
    };
    assert_eq!(bed.node.command("console", sign_in)?, Outcome::Done);
    second.expect_ring()?;
    second.answer();
    second.hears(&later)?;
    let offered = bed.node.event_after(place, "an offer", |event| match event {
        Event::OfferMade { call, .. } => Some(call.clone()),
        _ => None,
    })?;
    assert_ne!(offered, call);
    // A third one comes, and still is behind.
    let third = bed.caller("gold");
    join(&bed, &third, "support")?;
    caller.press("1234");
    caller.hears_music()?;
    let ready = Command::SetReady { agent: "1001".into() };
    assert_eq!(bed.node.command("console", ready)?, Outcome::Done);
    agent.expect_ring()?;
    agent.answer();
    hear_each_other(&caller, &agent)?;
    agent.hang_up();
    bed.expect_left(&caller, "ANSWERED")?;
    assert_eq!(visits(&bed, &call, 2)?.len(), 2);
    bed.finish()
}

#[test]
fn when_agent_and_caller_go_the_caller_has_given_up() -> Result<()> {
    let bed = boot()?;
    let (caller, agent) = talk(&bed)?;
    send(&bed, "long,s,1", None)?;
    caller.hears_tone(PROMPT)?;
    agent.hang_up();
    assert_eq!(ended(&bed, &caller)?.0, IvrOutcome::AgentGone);
    caller.hang_up();
    let call = call_of(&bed, &caller)?;
    let ends: Vec<CallOutcome> = visits(&bed, &call, 2)?
        .into_iter()
        .map(|(_, outcome, _)| outcome)
        .collect();
    assert_eq!(ends, [CallOutcome::Answered, CallOutcome::Abandoned]);

    // The agent's phone vanishes with the time up: the caller is brought back to wait.
    let again = bed.caller("gold");
    let ready = Command::SetReady { agent: "1001".into() };
    assert_eq!(bed.node.command("console", ready)?, Outcome::Done);
    again.follow(&[PROMPT]);
    again.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    hear_each_other(&again, &agent)?;
    send(&bed, "long,s,1", Some(2))?;
    agent.hang_up();
    bed.node.agent_is("1001", AgentState::WrapUp)?;
    again.hears_music()?;
    let waits = bed.snapshot()?.calls;
    assert_eq!((waits.len(), waits[0].position), (1, 1));
    bed.finish()
}

#[test]
fn a_key_of_the_agents_phone_sends_the_caller() -> Result<()> {
    let extensions = extensions().replace(
        "HOTLINE_PIN_PROMPT=ask/pin\n",
        "HOTLINE_PIN_PROMPT=ask/pin\nDYNAMIC_FEATURES=pin#ask\n",
    );
    let features = "[general]\n[applicationmap]\n\
                    pin => *8,self/callee,HotlineAgent,\"ivr,,pin\"\n\
                    ask => *9,self/callee,HotlineAgent,\"survey\"\n";
    let bed = Bed::boot_with(include_str!("hotline.toml"), &extensions, |setup| {
        setup.files.push(("features.conf".into(), features.into()));
    })?;
    record(&bed, "ask/pin", PROMPT)?;
    let (caller, agent) = talk(&bed)?;
    let number = caller.user();
    bed.asterisk.cli(&format!("database put pin {number} 4711"))?;
    agent.press("*8");
    caller.hears_tone(PROMPT)?;
    bed.node.agent_is("1001", AgentState::Reserved)?;
    caller.press("4711");
    assert_eq!(
        ended(&bed, &caller)?,
        (IvrOutcome::Returned, "VERIFIED".to_owned())
    );
    hear_each_other(&caller, &agent)?;
    let author = bed.node.event("who asked for it", |event| match event {
        Event::IvrStarted { author, .. } => Some(author.clone()),
        _ => None,
    })?;
    assert_eq!(author, "agent:1001");
    // Of a queue without a survey the caller stays.
    agent.press("*9");
    bed.node.event("the survey to be refused", |event| match event {
        Event::CommandAnswered {
            command: Command::Survey { .. },
            outcome: Outcome::Refused { reason, .. },
            ..
        } => Some(*reason == Refusal::NoSurvey),
        _ => None,
    })?;
    hear_each_other(&caller, &agent)?;
    bed.finish()
}

#[test]
fn whoever_has_the_agents_place_meanwhile_gets_the_caller() -> Result<()> {
    // Which phones use that hand over a call.
    let refer = Manifest::find()?.modules_dir.join("res_pjsip_refer.so");
    let bed = Bed::boot_with(include_str!("hotline.toml"), &extensions(), |setup| {
        setup.modules.push(("res_pjsip_refer".into(), refer));
    })?;
    record(&bed, "ask/pin", PROMPT)?;
    let supervisor = bed.phone("s9001");
    sign_in(&bed, &supervisor, "9001")?;
    // A supervisor takes over.
    let (caller, agent) = talk(&bed)?;
    listens(&bed, &supervisor, "9001", MonitorMode::Listen, Follow::Agent)?;
    send(&bed, "long,s,1", None)?;
    caller.hears_tone(PROMPT)?;
    let take_over = wish("9001", MonitorMode::TakeOver, Follow::Agent);
    bed.node.command("boss", take_over)?;
    agent.expect_hangup()?;
    bed.node.agent_is("1001", AgentState::WrapUp)?;
    assert_eq!(ended(&bed, &caller)?.0, IvrOutcome::AgentGone);
    caller.hears_just(&[&supervisor], &[&agent])?;
    supervisor.hears_just(&[&caller], &[&agent])?;
    caller.hang_up();
    supervisor.expect_hangup()?;

    // A colleague gets the agent's place.
    let ready = Command::SetReady { agent: "1001".into() };
    assert_eq!(bed.node.command("console", ready)?, Outcome::Done);
    let (caller, agent) = talk(&bed)?;
    let colleague = bed.phone("free1");
    agent.set_lines(2);
    agent.dial("701")?;
    colleague.expect_ring()?;
    colleague.answer();
    agent.hears(&colleague)?;
    send(&bed, "long,s,1", None)?;
    caller.hears_tone(PROMPT)?;
    agent.hand_over("701");
    agent.expect_settled()?;
    // A phone hangs up once it is told that it is done.
    agent.hang_up();
    assert_eq!(ended(&bed, &caller)?.0, IvrOutcome::AgentGone);
    caller.press("1234");
    caller.hears(&colleague)?;
    colleague.hears(&caller)?;
    let call = call_of(&bed, &caller)?;
    let ends = visits(&bed, &call, 2)?;
    assert_eq!(ends[1].1, CallOutcome::Withdrawn);
    assert!(bed.snapshot()?.calls.is_empty());
    caller.hang_up();
    bed.finish()
}
