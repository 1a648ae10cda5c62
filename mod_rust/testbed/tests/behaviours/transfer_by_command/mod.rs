//! An agent's caller is sent on by command: into a queue, to an agent, to a place of the dialplan or a number; any number of times,
//! with the attached data and the agents before.

use anyhow::{Context, Result};
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::Phone;
use hotline_wire::command::Destination;
use hotline_wire::event::{CallOutcome, Exit, Follow, MonitorMode, MonitorOutcome};
use hotline_wire::snapshot::AgentState;
use hotline_wire::{Command, Event, Outcome, Refusal};

use crate::EXTENSIONS;
use crate::steps::{Agents, join, visits};
use crate::supervision::{leaves, listens, refusal, sign_in};

fn settings() -> &'static str {
    include_str!("hotline.toml")
}

fn extensions() -> String {
    format!(
        "{EXTENSIONS}\n\
         [hotline-transfer](+)\n\
         exten => _7XX,1,UserEvent(Number,Dialled: ${{EXTEN}},Agents: ${{HOTLINE_AGENTS()}},Number: ${{CALLERID(num)}})\n \
         same => n,Dial(PJSIP/free1)\n\
         [again]\n\
         exten => s,1,UserEvent(Again,Status: ${{HOTLINESTATUS}},Agents: ${{HOTLINE_AGENTS()}},Number: ${{CALLERID(num)}})\n \
         same => n,Hotline(desk,t(${{LINE}}))\n \
         same => n,UserEvent(Left,Status: ${{HOTLINESTATUS}},Number: ${{CALLERID(num)}})\n"
    )
}

fn to_queue(queue: &str) -> Destination {
    Destination::Queue {
        queue: queue.into(),
        tier: String::new(),
        priority: None,
    }
}

fn to_agent(agent: &str) -> Destination {
    let agent = agent.into();
    Destination::Agent { agent }
}

fn transfer(agent: &str, to: Destination) -> Command {
    Command::Transfer {
        agent: agent.into(),
        to,
        reason: "knows more".into(),
    }
}

/// The agent's caller is sent on: the agent is out of it and in wrap-up.
fn send(bed: &Bed, agent: &str, to: &Destination) -> Result<()> {
    let place = bed.node.now();
    let command = transfer(agent, to.clone());
    assert_eq!(bed.node.command("console", command.clone())?, Outcome::Pending);
    bed.node
        .event_after(place, "the transfer to be done", |event| match event {
            Event::CommandAnswered {
                command: of,
                outcome: Outcome::Done,
                ..
            } if *of == command => Some(()),
            _ => None,
        })?;
    bed.node.event_after(place, "the transfer", |event| match event {
        Event::CallTransferred {
            agent: of,
            to: where_to,
            reason,
            author,
            ..
        } if of == agent => {
            assert_eq!((reason.as_str(), author.as_str()), ("knows more", "console"));
            (where_to == to).then_some(())
        }
        _ => None,
    })?;
    bed.node.agent_is(agent, AgentState::WrapUp)
}

fn refused(bed: &Bed, to: Destination, why: Refusal) -> Result<()> {
    crate::steps::refused(bed, transfer("1001", to), why)
}

fn hear_each_other(caller: &Phone, agent: &Phone) -> Result<()> {
    caller.hears(agent)?;
    agent.hears(caller)
}

/// What the dialplan sees of an agent's channel.
fn variable(bed: &Bed, phone: &Phone, name: &str) -> Result<String> {
    let channels = bed.asterisk.cli("core show channels concise")?;
    let start = format!("PJSIP/{}-", phone.user());
    let named = channels
        .lines()
        .filter_map(|line| line.split('!').next())
        .find(|name| name.starts_with(&start));
    bed.manager
        .variable(named.context("no channel of that phone")?, name)
}

/// A caller who talks with 1001: the call's reference.
fn talk(bed: &Bed, agents: &Agents, caller: &Phone) -> Result<String> {
    let call = join(bed, caller, "support")?;
    assert_eq!(agents.answer(bed, &call)?, "1001");
    hear_each_other(caller, agents.phone("1001")?)?;
    Ok(call)
}

/// The phone rings for a caller who was sent, and is answered.
fn picks_up(bed: &Bed, caller: &Phone, phone: &Phone, before: &str) -> Result<()> {
    phone.expect_ring()?;
    assert_eq!(variable(bed, phone, "HOTLINE_AGENTS")?, before);
    assert_eq!(variable(bed, phone, "HOTLINE_DATA_ACCOUNT")?, "4711");
    phone.answer();
    hear_each_other(caller, phone)
}

#[test]
fn from_queue_to_agent_to_queue_with_all_that_is_known() -> Result<()> {
    let bed = Bed::boot(settings(), &extensions())?;
    let agents = Agents::of(&bed, &["1001", "1002", "1003"]);
    let [first, second, third] = [
        agents.phone("1001")?,
        agents.phone("1002")?,
        agents.phone("1003")?,
    ];
    let caller = bed.caller("bronze");
    let call = talk(&bed, &agents, &caller)?;
    let to = Destination::Queue {
        queue: "desk".into(),
        tier: "gold".into(),
        priority: Some(7),
    };
    let place = bed.node.now();
    send(&bed, "1001", &to)?;
    first.expect_hangup()?;
    let tier = bed
        .node
        .event_after(place, "the next visit", |event| match event {
            Event::CallJoined {
                call: of,
                tier,
                queue,
                ..
            } if *of == call => {
                assert_eq!(queue, "desk");
                Some(tier.clone())
            }
            _ => None,
        })?;
    assert_eq!(tier, "gold");
    picks_up(&bed, &caller, second, "1001")?;
    // On hold by command, and on to an agent past whom the queue would have asked.
    let hold = Command::Hold { agent: "1002".into() };
    assert_eq!(bed.node.command("console", hold)?, Outcome::Pending);
    bed.node.agent_is("1002", AgentState::OnHold)?;
    caller.hears_music()?;
    send(&bed, "1002", &to_agent("1003"))?;
    second.expect_hangup()?;
    picks_up(&bed, &caller, third, "1001,1002")?;
    // And back to who had the caller first.
    let ready = Command::SetReady { agent: "1001".into() };
    assert_eq!(bed.node.command("console", ready)?, Outcome::Done);
    send(&bed, "1003", &to_agent("1001"))?;
    picks_up(&bed, &caller, first, "1001,1002,1003")?;
    caller.hang_up();
    first.expect_hangup()?;
    let told = |visit: &(String, CallOutcome, String)| format!("{} {}", visit.0, visit.2);
    let visits: Vec<String> = visits(&bed, &call, 4)?.iter().map(told).collect();
    assert_eq!(
        visits,
        ["support 1001", "desk 1002", "support 1003", "support 1001"]
    );
    bed.finish()
}

#[test]
fn who_does_not_answer_is_waited_for_a_while_and_then_anybody_may() -> Result<()> {
    let bed = Bed::boot(settings(), &extensions())?;
    let agents = Agents::of(&bed, &["1001", "1002", "1003"]);
    let caller = bed.caller("gold");
    talk(&bed, &agents, &caller)?;
    let (asked, other) = (agents.phone("1003")?, agents.phone("1002")?);
    send(&bed, "1001", &to_agent("1003"))?;
    asked.expect_ring()?;
    asked.decline();
    picks_up(&bed, &caller, other, "1001")?;
    bed.finish()
}

#[test]
fn to_the_dialplan_and_back_into_a_queue() -> Result<()> {
    let bed = Bed::boot(settings(), &extensions())?;
    let agents = Agents::of(&bed, &["1001", "1002", "1003"]);
    let caller = bed.caller("gold");
    let call = talk(&bed, &agents, &caller)?;
    let place = "again,s,1".to_owned();
    send(&bed, "1001", &Destination::Place { place: place.clone() })?;
    bed.manager.user_event(
        "Again",
        &[
            ("Number", caller.user()),
            ("Status", "TRANSFERRED"),
            ("Agents", "1001"),
        ],
    )?;
    let to = bed.node.event("where the caller went", |event| match event {
        Event::CallFinished { call: of, to, .. } if *of == call => Some(to.clone()),
        _ => None,
    })?;
    assert_eq!(to, Exit::Place(place));
    picks_up(&bed, &caller, agents.phone("1002")?, "1001")?;
    agents.phone("1002")?.hang_up();
    bed.expect_left(&caller, "ANSWERED")?;
    bed.finish()
}

#[test]
fn to_numbers_that_the_dialplan_allows() -> Result<()> {
    let bed = Bed::boot(settings(), &extensions())?;
    let agents = Agents::of(&bed, &["1001", "1002", "1003"]);
    let (caller, outside) = (bed.caller("gold"), bed.phone("free1"));
    talk(&bed, &agents, &caller)?;
    let number = |number: &str| Destination::Number {
        number: number.into(),
    };
    refused(&bed, number("00123"), Refusal::UnknownTarget)?;
    refused(&bed, number("7,1"), Refusal::OutOfRange)?;
    hear_each_other(&caller, agents.phone("1001")?)?;
    let shown = bed
        .asterisk
        .cli("hotline agent transfer 1001 number 701 wants to go out")?;
    assert!(shown.contains("Pending"), "{shown}");
    bed.manager.user_event(
        "Number",
        &[("Dialled", "701"), ("Agents", "1001"), ("Number", caller.user())],
    )?;
    outside.expect_ring()?;
    outside.answer();
    hear_each_other(&caller, &outside)?;
    bed.node.agent_is("1001", AgentState::WrapUp)?;
    caller.hang_up();
    outside.expect_hangup()?;
    bed.finish()
}

#[test]
fn what_takes_nobody_leaves_the_agent_with_the_caller() -> Result<()> {
    let bed = Bed::boot(settings(), &extensions())?;
    let agents = Agents::of(&bed, &["1001", "1002", "1003"]);
    let caller = bed.caller("gold");
    let nothing = transfer("1001", to_queue("desk"));
    let idle = bed.node.command("console", nothing)?;
    assert_eq!(refusal(idle).map(|(reason, _)| reason), Some(Refusal::NotTalking));
    talk(&bed, &agents, &caller)?;
    for (to, why) in [
        (to_queue("tiny"), Refusal::QueueFull),
        (to_queue("shut"), Refusal::QueueClosed),
        (to_queue("nobody"), Refusal::QueueUnmanned),
        (to_queue("none"), Refusal::UnknownQueue),
        (to_agent("1001"), Refusal::NothingToDo),
        (to_agent("1004"), Refusal::TargetAway),
        (to_agent("1999"), Refusal::UnknownTarget),
    ] {
        refused(&bed, to, why)?;
    }
    hear_each_other(&caller, agents.phone("1001")?)?;
    bed.finish()
}

#[test]
fn a_caller_who_hangs_up_on_the_way_leaves_nothing_behind() -> Result<()> {
    let bed = Bed::boot(settings(), &extensions())?;
    let agents = Agents::of(&bed, &["1001", "1002", "1003"]);
    let (caller, next) = (bed.caller("gold"), bed.caller("gold"));
    // While the next phone rings.
    let call = talk(&bed, &agents, &caller)?;
    send(&bed, "1001", &to_queue("desk"))?;
    agents.phone("1002")?.expect_ring()?;
    caller.hang_up();
    agents.phone("1002")?.expect_hangup()?;
    let outcomes: Vec<CallOutcome> = visits(&bed, &call, 2)?.iter().map(|visit| visit.1).collect();
    assert_eq!(outcomes, [CallOutcome::Answered, CallOutcome::Abandoned]);
    bed.node.agent_is("1002", AgentState::Ready)?;
    // In the very moment of the command: either it comes in time, or not; the call is over once.
    let ready = Command::SetReady { agent: "1001".into() };
    assert_eq!(bed.node.command("console", ready)?, Outcome::Done);
    let call = talk(&bed, &agents, &next)?;
    next.hang_up();
    let outcome = bed.node.command("console", transfer("1001", to_queue("desk")))?;
    let late = refusal(outcome.clone()).map(|(reason, _)| reason) == Some(Refusal::NotTalking);
    assert!(late || outcome == Outcome::Pending, "{outcome:?}");
    agents.phone("1001")?.expect_hangup()?;
    visits(&bed, &call, 1)?;
    bed.node.agent_is("1001", AgentState::WrapUp)?;
    bed.bank.hang_up_all();
    bed.asterisk.expect_no_leak(bed.before())?;
    assert_eq!(bed.snapshot()?.calls, []);
    bed.finish()
}

#[test]
fn an_agent_whose_phone_goes_at_the_same_time_and_a_reload_change_nothing() -> Result<()> {
    let bed = Bed::boot(settings(), &extensions())?;
    let agents = Agents::of(&bed, &["1001", "1002", "1003"]);
    let caller = bed.caller("gold");
    talk(&bed, &agents, &caller)?;
    agents.phone("1001")?.plug(false);
    send(&bed, "1001", &to_queue("desk"))?;
    bed.asterisk.cli("hotline reload")?;
    picks_up(&bed, &caller, agents.phone("1002")?, "1001")?;
    agents.phone("1001")?.plug(true);
    // Who is sent waits as anybody does, and can be taken out by a supervisor.
    send(&bed, "1002", &to_queue("desk"))?;
    caller.hears_music()?;
    let call = bed.snapshot()?.calls.first().map(|call| call.call.clone());
    let withdraw = Command::Withdraw {
        call: call.context("nobody waits")?,
        place: String::new(),
    };
    assert_eq!(bed.node.command("console", withdraw)?, Outcome::Done);
    bed.expect_left(&caller, "WITHDRAWN")?;
    bed.finish()
}

#[test]
fn to_and_fro_many_times_nothing_is_left_behind() -> Result<()> {
    let bed = Bed::boot(settings(), &extensions())?;
    let agents = Agents::of(&bed, &["1001", "1002", "1003"]);
    let caller = bed.caller("gold");
    let call = talk(&bed, &agents, &caller)?;
    let ready = |agent: &str| -> Result<()> {
        let agent = agent.to_owned();
        let outcome = bed.node.command("console", Command::SetReady { agent })?;
        assert_eq!(outcome, Outcome::Done);
        Ok(())
    };
    let mut before = vec!["1001"];
    for turn in 0..12 {
        let (from, to) = if turn % 2 == 0 {
            ("1001", "1003")
        } else {
            ("1003", "1001")
        };
        // Muted and on hold as it may be: the next agent knows nothing of it.
        let agent = from.to_owned();
        let what = match turn % 3 {
            0 => Command::Mute { agent },
            1 => Command::Hold { agent },
            _ => Command::Unmute { agent },
        };
        bed.node.command("console", what)?;
        send(&bed, from, &to_agent(to))?;
        picks_up(&bed, &caller, agents.phone(to)?, &before.join(","))?;
        before.push(to);
        ready(from)?;
    }
    assert_eq!(visits(&bed, &call, 12)?.len(), 12);
    caller.hang_up();
    agents.phone("1001")?.expect_hangup()?;
    bed.finish()
}

#[test]
fn who_follows_the_agent_stays_and_who_follows_the_call_is_let_go() -> Result<()> {
    let supervisor = "\n[[supervisor]]\nnumber = \"9001\"\nphones = [\"PJSIP/s9001\"]\n";
    let bed = Bed::boot(&format!("{}{supervisor}", settings()), &extensions())?;
    let agents = Agents::of(&bed, &["1001", "1002", "1003"]);
    let boss = bed.phone("s9001");
    sign_in(&bed, &boss, "9001")?;
    for (follow, outcome) in [
        (Follow::Agent, None),
        (Follow::Call, Some(MonitorOutcome::CallOver)),
    ] {
        let caller = bed.caller("gold");
        let ready = Command::SetReady { agent: "1001".into() };
        bed.node.command("console", ready)?;
        talk(&bed, &agents, &caller)?;
        listens(&bed, &boss, "9001", MonitorMode::Listen, follow)?;
        boss.hears(&caller)?;
        let place = bed.node.now();
        send(&bed, "1001", &to_queue("desk"))?;
        match outcome {
            None => {
                picks_up(&bed, &caller, agents.phone("1002")?, "1001")?;
                boss.misses(&caller)?;
                leaves(&bed, &boss, "9001")?;
            }
            Some(outcome) => {
                let ended = bed
                    .node
                    .event_after(place, "the listening to end", |event| match event {
                        Event::MonitorEnded { outcome, .. } => Some(*outcome),
                        _ => None,
                    })?;
                assert_eq!(ended, outcome);
                boss.expect_hangup()?;
                caller.hears_music()?;
            }
        }
        caller.hang_up();
        bed.node.agent_is("1001", AgentState::WrapUp)?;
    }
    bed.finish()
}
