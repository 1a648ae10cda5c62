//! What a caller on hold hears now and then: a prompt in place of the music, which the agent does not hear and which is never in the
//! way of the conversation.

use anyhow::Result;
use hotline_testbed::asterisk::Manifest;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::{Phone, Tone};
use hotline_wire::event::{CallOutcome, Party};
use hotline_wire::snapshot::AgentState;
use tempfile::TempDir;

use crate::sounds::{record, record_at};
use crate::supervision::INAUDIBLE;
use crate::{EXTENSIONS, finished};

const PLEASE: Tone = Tone::nth(40);
const THANKS: Tone = Tone::nth(42);
const ENDLESS: Tone = Tone::nth(44);
const LONG: Tone = Tone::nth(46);

/// Caller and agent of a queue, who hear each other.
struct Pair {
    bed: Bed,
    caller: Phone,
    agent: Phone,
    _sounds: TempDir,
}

/// With a prompt of a minute in the queue `endless`, far beyond what any wait of a test lasts.
fn talking(number: &str) -> Result<Pair> {
    let sounds = tempfile::tempdir()?;
    record_at(sounds.path(), "endless", ENDLESS, 3000)?;
    record_at(sounds.path(), "long", LONG, 125)?;
    let settings = include_str!("hotline.toml").replace("@SOUNDS@", &sounds.path().display().to_string());
    let extensions = format!(
        "{EXTENSIONS}\n[callers](+)\nexten => 900,1,Dial(Local/endless@callers)\nexten => passed,1,Hotline(endless,t)\n same => n,UserEvent(Left,Number:${{CALLERID(num)}},Status:${{HOTLINESTATUS}})\n"
    );
    let refer = Manifest::find()?.modules_dir.join("res_pjsip_refer.so");
    let bed = Bed::boot_with(&settings, &extensions, |setup| {
        setup.modules.push(("res_pjsip_refer".into(), refer));
    })?;
    record(&bed, "hold/please", PLEASE)?;
    record(&bed, "hold/thanks", THANKS)?;
    let (caller, agent) = (bed.caller("gold"), bed.phone("a1001"));
    caller.follow(&[Tone::MUSIC, PLEASE, THANKS, ENDLESS, LONG]);
    agent.follow(&[PLEASE, THANKS, ENDLESS]);
    caller.call(number)?;
    agent.expect_ring()?;
    agent.answer();
    caller.hears(&agent)?;
    agent.hears(&caller)?;
    Ok(Pair {
        bed,
        caller,
        agent,
        _sounds: sounds,
    })
}

/// The same, and the caller is on hold and hears the endless prompt.
fn prompted(number: &str) -> Result<Pair> {
    let pair = talking(number)?;
    pair.agent.hold();
    pair.caller.heard(&[Tone::MUSIC, ENDLESS])?;
    Ok(pair)
}

impl Pair {
    /// The agent retrieves, and they hear each other at once.
    fn retrieve(&self) -> Result<()> {
        self.agent.retrieve();
        self.caller.hears(&self.agent)?;
        self.agent.hears(&self.caller)
    }

    /// The agent has heard nothing of any prompt.
    fn unheard(&self) {
        for tone in [PLEASE, THANKS, ENDLESS] {
            let loudest = self.agent.loudest(tone);
            assert!(loudest < INAUDIBLE, "{tone:?} was {loudest} loud at the agent");
        }
    }
}

#[test]
fn the_prompt_comes_between_the_music_and_the_agent_hears_nothing_of_it() -> Result<()> {
    let pair = talking("support")?;
    let Pair {
        bed, caller, agent, ..
    } = &pair;
    agent.hold();
    caller.heard(&[
        Tone::MUSIC,
        PLEASE,
        THANKS,
        Tone::MUSIC,
        PLEASE,
        THANKS,
        Tone::MUSIC,
    ])?;
    caller.misses(agent)?;
    bed.node.agent_is("1001", AgentState::OnHold)?;
    pair.retrieve()?;
    caller.misses_music()?;
    pair.unheard();
    pair.bed.finish()
}

#[test]
fn retrieving_does_not_wait_for_the_prompt_to_end() -> Result<()> {
    let pair = prompted("endless")?;
    let Pair {
        bed, caller, agent, ..
    } = &pair;
    pair.retrieve()?;
    bed.node.agent_is("1001", AgentState::OnCall)?;
    // Of another hold there is another prompt.
    agent.hold();
    caller.hears_tone(ENDLESS)?;
    pair.retrieve()?;
    pair.unheard();
    pair.bed.finish()
}

#[test]
fn a_caller_who_hangs_up_in_the_prompt_is_gone() -> Result<()> {
    let Pair {
        bed, caller, agent, ..
    } = prompted("endless")?;
    caller.hang_up();
    agent.expect_hangup()?;
    let record = finished(&bed, &caller)?;
    assert_eq!(
        (record.outcome, record.by),
        (CallOutcome::Answered, Party::Caller)
    );
    bed.node.agent_is("1001", AgentState::Ready)?;
    bed.finish()
}

#[test]
fn an_agent_who_hangs_up_in_the_prompt_lets_the_caller_go_on() -> Result<()> {
    let Pair {
        bed, caller, agent, ..
    } = prompted("endless")?;
    agent.hang_up();
    bed.expect_left(&caller, "ANSWERED")?;
    bed.node.agent_is("1001", AgentState::Ready)?;
    bed.finish()
}

#[test]
fn a_caller_whose_channel_was_taken_out_of_the_way_hears_it() -> Result<()> {
    let pair = talking("900")?;
    let Pair {
        bed, caller, agent, ..
    } = &pair;
    // The thread of `Hotline()` is out of it, and the queue's caller is the channel that the agent talks with.
    bed.manager.user_event("Gone", &[("Number", caller.user())])?;
    agent.hold();
    caller.heard(&[Tone::MUSIC, ENDLESS])?;
    pair.retrieve()?;
    pair.unheard();
    pair.bed.finish()
}

#[test]
fn a_caller_who_is_transferred_in_the_prompt_talks_to_the_next_one() -> Result<()> {
    let pair = prompted("passed")?;
    let Pair {
        bed, caller, agent, ..
    } = &pair;
    let colleague = bed.phone("free1");
    colleague.follow(&[ENDLESS]);
    agent.press("#701#");
    colleague.expect_ring()?;
    agent.expect_hangup()?;
    colleague.answer();
    caller.hears(&colleague)?;
    colleague.hears(caller)?;
    assert!(colleague.loudest(ENDLESS) < INAUDIBLE);
    pair.unheard();
    bed.node.agent_is("1001", AgentState::Ready)?;
    caller.hang_up();
    colleague.expect_hangup()?;
    pair.bed.finish()
}

#[test]
fn a_prompt_longer_than_the_pause_is_heard_to_its_end() -> Result<()> {
    let pair = talking("long")?;
    pair.agent.hold();
    // 2.5 s, every second.
    pair.caller
        .heard(&[Tone::MUSIC, LONG, THANKS, Tone::MUSIC, LONG, THANKS])?;
    pair.retrieve()?;
    pair.bed.finish()
}

#[test]
fn a_caller_who_holds_in_the_prompt_holds_the_agent() -> Result<()> {
    let pair = prompted("endless")?;
    let Pair { caller, agent, .. } = &pair;
    // The PBX passes on what a phone says that holds, past the music, once the other one retrieves: phones say nothing then.
    caller.be_silent(true);
    caller.hold();
    agent.retrieve();
    agent.hears_music()?;
    caller.retrieve();
    caller.be_silent(false);
    caller.hears(agent)?;
    agent.hears(caller)?;
    pair.unheard();
    pair.bed.finish()
}

#[test]
fn a_caller_who_retrieves_in_the_prompt_holds_the_agent_no_more() -> Result<()> {
    let pair = talking("endless")?;
    let Pair { caller, agent, .. } = &pair;
    caller.be_silent(true);
    caller.hold();
    agent.hears_music()?;
    agent.be_silent(true);
    agent.hold();
    pair.bed.node.agent_is("1001", AgentState::OnHold)?;
    caller.retrieve();
    caller.be_silent(false);
    caller.hears_tone(ENDLESS)?;
    agent.be_silent(false);
    pair.retrieve()?;
    pair.unheard();
    pair.bed.finish()
}

#[test]
fn a_key_ends_the_prompt() -> Result<()> {
    let pair = prompted("endless")?;
    pair.caller.press("5");
    pair.caller.heard(&[Tone::MUSIC, ENDLESS, Tone::MUSIC])?;
    pair.retrieve()?;
    pair.bed.finish()
}

#[test]
fn a_caller_who_is_handed_over_in_the_prompt_talks_to_the_next_one() -> Result<()> {
    for attended in [false, true] {
        let pair = prompted("passed")?;
        let Pair {
            bed, caller, agent, ..
        } = &pair;
        let colleague = bed.phone("free1");
        colleague.follow(&[ENDLESS]);
        if attended {
            agent.set_lines(2);
            agent.dial("701")?;
            colleague.expect_ring()?;
            colleague.answer();
            agent.hears(&colleague)?;
            agent.hand_over("701");
        } else {
            agent.refer("701");
            colleague.expect_ring()?;
            colleague.answer();
        }
        caller.hears(&colleague)?;
        colleague.hears(caller)?;
        assert!(colleague.loudest(ENDLESS) < INAUDIBLE);
        pair.unheard();
        // A phone hangs up once it is told that it is done.
        agent.hang_up();
        agent.expect_hangup()?;
        bed.node.agent_is("1001", AgentState::Ready)?;
        caller.hang_up();
        colleague.expect_hangup()?;
        pair.bed.finish()?;
    }
    Ok(())
}
