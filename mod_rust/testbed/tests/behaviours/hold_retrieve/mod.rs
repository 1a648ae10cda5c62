//! A hold that ends by itself: the PBX asks the agent's phone to retrieve the caller, and tells what came of it.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::Phone;
use hotline_wire::Event;
use hotline_wire::event::{Follow, Limit, MonitorMode, RetrieveFailure, RetrieveResult};
use hotline_wire::snapshot::AgentState;

use crate::EXTENSIONS;
use crate::supervision::{Trio, listens, sign_in};

fn boot() -> Result<Bed> {
    Bed::boot(include_str!("hotline.toml"), EXTENSIONS)
}

fn talking(bed: &Bed) -> Result<(Phone, Phone)> {
    let (caller, agent) = (bed.caller("gold"), bed.phone("a1001"));
    caller.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    caller.hears(&agent)?;
    agent.hears(&caller)?;
    Ok((caller, agent))
}

/// What came of retrieving, in order, once there are so many.
fn results(bed: &Bed, count: usize) -> Result<Vec<(String, RetrieveResult, Option<RetrieveFailure>)>> {
    bed.node.story(&format!("{count} news of retrieving"), |events| {
        let results: Vec<_> = events
            .iter()
            .filter_map(|frame| match &frame.event {
                Event::Retrieve {
                    agent,
                    result,
                    reason,
                    ..
                } => Some((agent.clone(), *result, *reason)),
                _ => None,
            })
            .collect();
        (results.len() >= count).then_some(results)
    })
}

fn news(
    result: RetrieveResult,
    reason: Option<RetrieveFailure>,
) -> (String, RetrieveResult, Option<RetrieveFailure>) {
    ("1001".into(), result, reason)
}

#[test]
fn a_phone_that_obeys_has_its_caller_back() -> Result<()> {
    let bed = boot()?;
    let (caller, agent) = talking(&bed)?;
    agent.hold();
    assert_eq!(agent.expect_notify(1)?, ["talk"]);
    assert_eq!(
        results(&bed, 2)?,
        [
            news(RetrieveResult::Asked, None),
            news(RetrieveResult::Retrieved, None)
        ]
    );
    bed.node.agent_is("1001", AgentState::OnCall)?;
    caller.hears(&agent)?;
    agent.hears(&caller)?;
    bed.finish()
}

#[test]
fn a_phone_that_does_not_is_told_and_the_hold_goes_on_with_its_limits() -> Result<()> {
    let bed = boot()?;
    let (caller, agent) = talking(&bed)?;
    agent.ignore_notify();
    agent.hold();
    assert_eq!(
        results(&bed, 2)?,
        [
            news(RetrieveResult::Asked, None),
            news(RetrieveResult::Failed, Some(RetrieveFailure::Ignored))
        ]
    );
    bed.node.event("the limit", |event| match event {
        Event::LimitReached {
            limit: Limit::Hold { .. },
            ..
        } => Some(()),
        _ => None,
    })?;
    caller.hears_music()?;
    bed.node.agent_is("1001", AgentState::OnHold)?;
    agent.retrieve();
    caller.hears(&agent)?;
    agent.hears(&caller)?;
    assert_eq!((results(&bed, 2)?.len(), agent.expect_notify(1)?.len()), (2, 1));
    bed.finish()
}

#[test]
fn a_pbx_that_cannot_ask_says_so() -> Result<()> {
    let bed = Bed::boot_with(include_str!("hotline.toml"), EXTENSIONS, |setup| {
        // What does not parse keeps res_pjsip_notify from loading.
        setup.files.push(("pjsip_notify.conf".into(), "[talk\n".into()));
    })?;
    let (caller, agent) = talking(&bed)?;
    agent.hold();
    assert_eq!(
        results(&bed, 2)?,
        [
            news(RetrieveResult::Asked, None),
            news(RetrieveResult::Failed, Some(RetrieveFailure::NotSent))
        ]
    );
    let log = bed.asterisk.log();
    assert!(log.contains("the PBX has no manager action PJSIPNotify"), "{log}");
    caller.hears_music()?;
    agent.retrieve();
    caller.hears(&agent)?;
    agent.hears(&caller)?;
    bed.finish()
}

/// A phone that may be one that never answers, which costs the call.
#[test]
fn a_phone_that_announces_nothing_is_asked_only_if_the_settings_want_it() -> Result<()> {
    for asked in [false, true] {
        let settings = include_str!("hotline.toml").replace(
            "retrieve_wait_seconds",
            &format!("retrieve_unannounced = {asked}\nretrieve_wait_seconds"),
        );
        let bed = Bed::boot(&settings, EXTENSIONS)?;
        let (caller, agent) = (bed.caller("gold"), bed.phone("a1001"));
        caller.call("support")?;
        agent.expect_ring()?;
        agent.hide_events();
        agent.answer();
        caller.hears(&agent)?;
        agent.hold();
        let last = if asked {
            assert_eq!(agent.expect_notify(1)?, ["talk"]);
            news(RetrieveResult::Retrieved, None)
        } else {
            news(RetrieveResult::Failed, Some(RetrieveFailure::NotAnnounced))
        };
        assert_eq!(results(&bed, 2)?, [news(RetrieveResult::Asked, None), last]);
        if !asked {
            bed.node.agent_is("1001", AgentState::OnHold)?;
            agent.retrieve();
            assert!(
                bed.asterisk
                    .log()
                    .contains("does not announce that it understands")
            );
        }
        caller.hears(&agent)?;
        agent.hears(&caller)?;
        bed.finish()?;
    }
    Ok(())
}

#[test]
fn a_phone_on_whose_other_line_the_agent_consults_is_not_asked() -> Result<()> {
    let bed = boot()?;
    let (caller, agent, colleague) = (bed.caller("gold"), bed.phone("a1001"), bed.phone("free1"));
    agent.set_lines(2);
    caller.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    caller.hears(&agent)?;
    agent.dial("701")?;
    colleague.expect_ring()?;
    agent.hold_first();
    assert_eq!(
        results(&bed, 2)?,
        [
            news(RetrieveResult::Asked, None),
            news(RetrieveResult::Failed, Some(RetrieveFailure::Consulting))
        ]
    );
    colleague.answer();
    agent.hears(&colleague)?;
    caller.hears_music()?;
    bed.finish()
}

#[test]
fn an_agent_who_consults_by_the_keys_of_the_pbx_is_not_asked() -> Result<()> {
    let extensions = format!("{EXTENSIONS}\n[callers](+)\nexten => passed,1,Hotline(support,t)\n");
    // While the keys are pressed the phone may be asked: it holds nobody, and has nothing to do.
    let settings = include_str!("hotline.toml").replace("= 0.5", "= 3");
    let bed = Bed::boot_with(&settings, &extensions, |setup| {
        let keys = "[general]\n[featuremap]\natxfer => *2\n";
        setup.files.push(("features.conf".into(), keys.into()));
    })?;
    let (caller, agent, colleague) = (bed.caller("gold"), bed.phone("a1001"), bed.phone("free1"));
    caller.call("passed")?;
    agent.expect_ring()?;
    agent.answer();
    caller.hears(&agent)?;
    agent.press("*2701");
    colleague.expect_ring()?;
    colleague.answer();
    agent.hears(&colleague)?;
    assert_eq!(
        results(&bed, 2)?,
        [
            news(RetrieveResult::Asked, None),
            news(RetrieveResult::Failed, Some(RetrieveFailure::Consulting))
        ]
    );
    assert_eq!(agent.expect_notify(0)?.len(), 0);
    caller.hears_music()?;
    // The colleague goes first: of a consultation whose three ends vanish at once the PBX may keep an empty bridge.
    colleague.hang_up();
    agent.hears(&caller)?;
    caller.hears(&agent)?;
    bed.finish()
}

#[test]
fn a_supervisor_who_listens_goes_on_hearing_both() -> Result<()> {
    let bed = boot()?;
    let trio = Trio::of(&bed);
    sign_in(&bed, &trio.supervisor, "9001")?;
    trio.talk(&bed, "support")?;
    listens(&bed, &trio.supervisor, "9001", MonitorMode::Listen, Follow::Call)?;
    trio.supervisor.hears_just(&[&trio.caller, &trio.agent], &[])?;
    trio.agent.hold();
    assert_eq!(
        results(&bed, 2)?,
        [
            news(RetrieveResult::Asked, None),
            news(RetrieveResult::Retrieved, None)
        ]
    );
    trio.goes_on()?;
    trio.supervisor.hears_just(&[&trio.caller, &trio.agent], &[])?;
    bed.finish()
}
