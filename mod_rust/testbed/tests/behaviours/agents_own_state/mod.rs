//! Agents sign in and out, go ready and not ready: at a phone with the product's own feature codes, from Asterisk's
//! CLI, and through the daemon.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::Phone;
use hotline_wire::event::OfferResult;
use hotline_wire::frame::EventFrame;
use hotline_wire::snapshot::{AgentInfo, AgentState};
use hotline_wire::{Command, Event, Outcome};

use crate::EXTENSIONS;

fn boot() -> Result<Bed> {
    Bed::boot_with(include_str!("hotline.toml"), EXTENSIONS, |setup| {
        setup.phones.push("a1001".into())
    })
}

/// Dials a feature code, presses keys, and hangs up when the node has answered what the code asks for.
fn dial(bed: &Bed, phone: &Phone, code: &str, keys: &str) -> Result<()> {
    let place = bed.node.now();
    phone.call(code)?;
    phone.press(keys);
    bed.node
        .event_after(place, &format!("an answer to {code}"), |event| {
            matches!(event, Event::CommandAnswered { .. }).then_some(())
        })?;
    phone.hang_up();
    phone.expect_hangup().map(drop)
}

/// Dials a feature code: what the node answers.
fn answers(bed: &Bed, phone: &Phone, code: &str) -> Result<Outcome> {
    let place = bed.node.now();
    dial(bed, phone, code, "")?;
    bed.node
        .event_after(place, &format!("the answer to {code}"), |event| match event {
            Event::CommandAnswered { outcome, .. } => Some(outcome.clone()),
            _ => None,
        })
}

/// Signs 1001 in on a phone, with number and PIN keyed in ahead of the prompts.
fn sign_in(bed: &Bed, phone: &Phone) -> Result<()> {
    dial(bed, phone, "*51", "1001#4321#")
}

fn agent(bed: &Bed, number: &str) -> Result<AgentInfo> {
    let mut agents = bed.snapshot()?.agents;
    agents.retain(|agent| agent.number == number);
    Ok(agents.remove(0))
}

#[test]
fn after_call_work_is_made_longer_and_ended_at_the_phone() -> Result<()> {
    let bed = boot()?;
    let (phone, caller) = (bed.phone("a1001"), bed.caller("gold"));
    sign_in(&bed, &phone)?;
    let refused = answers(&bed, &phone, "*56")?;
    assert!(matches!(refused, Outcome::Refused { .. }), "{refused:?}");
    caller.call("casework")?;
    phone.expect_ring()?;
    phone.answer();
    caller.hears(&phone)?;
    caller.hang_up();
    phone.expect_hangup()?;
    bed.node.agent_is("1001", AgentState::WrapUp)?;
    // A minute more, and then as much as there is up to the limit.
    assert_eq!(answers(&bed, &phone, "*56")?, Outcome::Done);
    assert_eq!(answers(&bed, &phone, "*5690")?, Outcome::Done);
    let at_limit = answers(&bed, &phone, "*56")?;
    assert!(matches!(at_limit, Outcome::Refused { .. }), "{at_limit:?}");
    bed.node.agent_is("1001", AgentState::WrapUp)?;
    assert_eq!(answers(&bed, &phone, "*57")?, Outcome::Done);
    bed.node.agent_is("1001", AgentState::Ready)?;
    bed.finish()
}

#[test]
fn at_a_phone_with_number_and_pin() -> Result<()> {
    let bed = boot()?;
    let (phone, caller) = (bed.phone("a1001"), bed.caller("gold"));
    sign_in(&bed, &phone)?;
    bed.node.agent_is("1001", AgentState::Ready)?;
    assert_eq!(agent(&bed, "1001")?.phone, "PJSIP/a1001");
    dial(&bed, &phone, "*54", "")?;
    bed.node.agent_is("1001", AgentState::NotReady)?;
    dial(&bed, &phone, "*547", "")?;
    assert_eq!(agent(&bed, "1001")?.reason, "7");
    caller.call("support")?;
    caller.hears_music()?;
    assert_eq!(phone.offered(), 0);
    dial(&bed, &phone, "*53", "")?;
    phone.expect_ring()?;
    phone.answer();
    caller.hears(&phone)?;
    phone.hang_up();
    bed.expect_left(&caller, "ANSWERED")?;
    dial(&bed, &phone, "*55", "")?;
    bed.node.agent_is("1001", AgentState::NotReady)?;
    dial(&bed, &phone, "*55", "")?;
    bed.node.agent_is("1001", AgentState::Ready)?;
    dial(&bed, &phone, "*52", "")?;
    bed.node.agent_is("1001", AgentState::SignedOut)?;
    bed.finish()
}

#[test]
fn an_agent_who_goes_ready_is_offered_a_call_only_when_the_phone_is_free_again() -> Result<()> {
    let bed = boot()?;
    let (phone, caller) = (bed.phone("a1002"), bed.caller("gold"));
    // The phone has one line: an offer during the feature code's call would find it busy.
    dial(&bed, &phone, "*511002", "")?;
    for round in 0..6 {
        let (away, back) = if round % 2 == 0 {
            ("*54", "*53")
        } else {
            ("*52", "*511002")
        };
        dial(&bed, &phone, away, "")?;
        caller.call("support")?;
        caller.hears_music()?;
        dial(&bed, &phone, back, "")?;
        phone.expect_ring()?;
        phone.answer();
        caller.hears(&phone)?;
        caller.hang_up();
        phone.expect_hangup()?;
    }
    let missed = |frame: &EventFrame| matches!(frame.event, Event::OfferEnded { result, .. } if result != OfferResult::Answered);
    let missed: Vec<EventFrame> = bed.node.events().into_iter().filter(missed).collect();
    assert!(missed.is_empty(), "{missed:?}");
    bed.finish()
}

#[test]
fn an_agent_who_signs_in_on_a_strange_phone_is_offered_a_waiting_call_after_the_feature_code() -> Result<()> {
    let bed = boot()?;
    let (phone, caller) = (bed.phone("free1"), bed.caller("gold"));
    for _ in 0..4 {
        caller.call("support")?;
        caller.hears_music()?;
        dial(&bed, &phone, "*511001", "4321#")?;
        phone.expect_ring()?;
        phone.answer();
        caller.hears(&phone)?;
        caller.hang_up();
        phone.expect_hangup()?;
        dial(&bed, &phone, "*52", "")?;
    }
    let missed = |frame: &EventFrame| matches!(frame.event, Event::OfferEnded { result, .. } if result != OfferResult::Answered);
    let missed: Vec<EventFrame> = bed.node.events().into_iter().filter(missed).collect();
    assert!(missed.is_empty(), "{missed:?}");
    bed.finish()
}

#[test]
fn the_shortest_feature_code_calls_leave_the_phone_free() -> Result<()> {
    let bed = boot()?;
    let phone = bed.phone("a1002");
    dial(&bed, &phone, "*511002", "")?;
    // Over so soon that the PBX may never have seen the phone in use, and tells nobody that it is free again.
    for _ in 0..20 {
        dial(&bed, &phone, "*54", "")?;
        bed.node.agent_is("1002", AgentState::NotReady)?;
        let place = bed.node.now();
        phone.dial("*53")?;
        bed.node.event_after(place, "an answer to *53", |event| {
            matches!(event, Event::CommandAnswered { .. }).then_some(())
        })?;
        phone.hang_up();
        phone.expect_hangup()?;
        bed.node.agent_is("1002", AgentState::Ready)?;
    }
    bed.finish()
}

#[test]
fn a_wrong_pin_signs_nobody_in() -> Result<()> {
    let extensions = format!(
        "{EXTENSIONS}\nexten => wrong,1,HotlineAgent(signin,1001,1111)\n \
         same => n,UserEvent(Agent,Status: ${{HOTLINEAGENTSTATUS}},Reason: ${{HOTLINEAGENTREASON}})\n"
    );
    let bed = Bed::boot_with(include_str!("hotline.toml"), &extensions, |setup| {
        setup.phones.push("a1001".into())
    })?;
    let phone = bed.phone("a1001");
    phone.dial("wrong")?;
    let refused = bed.manager.user_event("Agent", &[("Status", "REFUSED")])?;
    assert!(refused.get("Reason").contains("PIN"), "{refused:?}");
    phone.expect_hangup()?;
    assert_eq!(agent(&bed, "1001")?.state, AgentState::SignedOut);

    // Keyed in, and told that it was wrong, the agent has another try.
    phone.call("*51")?;
    phone.press("1001#1111#");
    phone.hang_up();
    phone.expect_hangup()?;
    sign_in(&bed, &phone)?;
    let asked = |frame: &EventFrame| matches!(frame.event, Event::CommandAnswered { .. });
    assert_eq!(
        bed.node.events().iter().filter(|frame| asked(frame)).count(),
        1,
        "only the right PIN asks for anything"
    );
    assert!(!bed.asterisk.log().contains("4321"), "no PIN in the log");
    bed.finish()
}

#[test]
fn signing_in_elsewhere_moves_the_agent() -> Result<()> {
    let bed = boot()?;
    let (first, second, caller) = (bed.phone("a1001"), bed.phone("free2"), bed.caller("gold"));
    sign_in(&bed, &first)?;
    bed.node.agent_is("1001", AgentState::Ready)?;
    sign_in(&bed, &second)?;
    bed.node.event("the agent at the other phone", |event| {
        matches!(event, Event::AgentChanged { agent, .. } if agent.phone == "PJSIP/free2").then_some(())
    })?;
    caller.call("support")?;
    second.expect_ring()?;
    second.answer();
    caller.hears(&second)?;
    assert_eq!(first.offered(), 0);
    bed.finish()
}

#[test]
fn not_ready_during_a_call_comes_after_it() -> Result<()> {
    let bed = boot()?;
    let (phone, caller, next) = (bed.phone("a1002"), bed.caller("gold"), bed.caller("gold"));
    dial(&bed, &phone, "*511002", "")?;
    bed.node.agent_is("1002", AgentState::Ready)?;
    caller.call("support")?;
    phone.expect_ring()?;
    phone.answer();
    caller.hears(&phone)?;
    // From another phone, because the verbs of a phone are about its latest call.
    let outcome = bed.node.command(
        "agent:1002",
        Command::SetNotReady {
            agent: "1002".into(),
            reason: "lunch".into(),
        },
    )?;
    assert_eq!(outcome, Outcome::Pending);
    assert_eq!(agent(&bed, "1002")?.next, Some(AgentState::NotReady));
    next.call("support")?;
    phone.hang_up();
    bed.expect_left(&caller, "ANSWERED")?;
    bed.node.agent_is("1002", AgentState::NotReady)?;
    next.hears_music()?;
    assert_eq!(phone.offered(), 1);
    bed.finish()
}

#[test]
fn a_forced_busy_agent_cannot_dial_itself_free() -> Result<()> {
    let bed = boot()?;
    let phone = bed.phone("a1002");
    dial(&bed, &phone, "*511002", "")?;
    bed.node.agent_is("1002", AgentState::Ready)?;
    bed.asterisk.cli("hotline agent forcebusy 1002 0 training")?;
    bed.node.agent_is("1002", AgentState::ForcedBusy)?;
    for code in ["*53", "*55", "*52", "*511002", "*53"] {
        dial(&bed, &phone, code, "")?;
        let now = agent(&bed, "1002")?;
        assert!(
            now.forced.is_some() && now.state != AgentState::Ready,
            "after {code} {now:?}"
        );
    }
    bed.asterisk.cli("hotline agent forceidle 1002")?;
    dial(&bed, &phone, "*511002", "")?;
    bed.node.agent_is("1002", AgentState::Ready)?;
    bed.finish()
}

#[test]
fn from_the_cli() -> Result<()> {
    let bed = boot()?;
    let steps = [
        ("signin 1002", AgentState::Ready),
        ("notready 1002 lunch", AgentState::NotReady),
        ("ready 1002", AgentState::Ready),
        ("forcebusy 1002 600 training", AgentState::ForcedBusy),
        ("forceidle 1002", AgentState::Ready),
        ("forcesignout 1002 end of shift", AgentState::SignedOut),
        ("signin 1002 PJSIP/free2", AgentState::Ready),
        ("signout 1002", AgentState::SignedOut),
    ];
    for (command, state) in steps {
        let said = bed.asterisk.cli(&format!("hotline agent {command}"))?;
        assert!(said.contains("Done"), "{command}: {said}");
        bed.node.agent_is("1002", state)?;
    }
    let said = bed.asterisk.cli("hotline agent ready 9999")?;
    assert!(said.contains("Refused") && said.contains("9999"), "{said}");
    let said = bed.asterisk.cli("hotline agent signin 1001")?;
    assert!(said.contains("Refused"), "an agent without a phone: {said}");
    bed.finish()
}

#[test]
fn through_the_daemon() -> Result<()> {
    let bed = boot()?;
    let daemon = bed.daemon()?;
    daemon.await_supervision()?;
    bed.asterisk.cli("hotline agent signin 1002")?;
    bed.node.agent_is("1002", AgentState::Ready)?;
    let steps: [(&[&str], AgentState); 5] = [
        (&["not-ready", "1002"], AgentState::NotReady),
        (&["ready", "1002"], AgentState::Ready),
        (
            &["force-busy", "1002", "--reason", "training", "--for", "15m"],
            AgentState::ForcedBusy,
        ),
        (&["force-idle", "1002"], AgentState::Ready),
        (
            &["force-sign-out", "1002", "--reason", "end of shift"],
            AgentState::SignedOut,
        ),
    ];
    for (ask, state) in steps {
        let said = daemon.ctl(&[&["agent"], ask].concat())?;
        assert!(said.success, "{ask:?}: {said:?}");
        bed.node.agent_is("1002", state)?;
    }
    let refused = daemon.ctl(&["agent", "ready", "9999"])?;
    assert!(!refused.success && refused.errors.contains("9999"), "{refused:?}");
    let shown = daemon.ctl(&["show", "agents", "--json"])?;
    let agents: serde_json::Value = serde_json::from_str(&shown.output)?;
    assert_eq!(agents.as_array().map(Vec::len), Some(2), "{shown:?}");
    drop(daemon);
    bed.finish()
}
