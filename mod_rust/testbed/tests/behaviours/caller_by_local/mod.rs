//! A caller comes in through a Local channel, which Asterisk takes out of the way once caller and agent talk: the call goes
//! on for the queue, and its agent with it.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_wire::Event;
use hotline_wire::event::CallOutcome;
use hotline_wire::snapshot::AgentState;

use crate::EXTENSIONS;

#[test]
fn the_agent_is_taken_until_the_conversation_ends() -> Result<()> {
    let extensions = format!("{EXTENSIONS}\n[callers](+)\nexten => 900,1,Dial(Local/support@callers)\n");
    let bed = Bed::boot(include_str!("hotline.toml"), &extensions)?;
    let agent = bed.phone("a1001");
    agent.set_lines(2);
    for caller_first in [true, false] {
        let (caller, next) = (bed.caller("gold"), bed.caller("gold"));
        let place = bed.node.now();
        caller.call("900")?;
        agent.expect_ring()?;
        agent.answer();
        caller.hears(&agent)?;
        agent.hears(&caller)?;
        // The thread of `Hotline()` is out of it.
        bed.manager.user_event("Gone", &[("Number", caller.user())])?;
        let offered = agent.offered();
        next.call("support")?;
        next.hears_music()?;
        bed.node.agent_is("1001", AgentState::OnCall)?;
        caller.hears(&agent)?;
        assert_eq!(agent.offered(), offered, "nobody is offered in mid-conversation");
        if caller_first {
            caller.hang_up();
        } else {
            agent.hang_up();
        }
        let finished = bed
            .node
            .event_after(place, "the call to end", |event| match event {
                Event::CallFinished { outcome, agent, .. } => Some((*outcome, agent.clone())),
                _ => None,
            })?;
        assert_eq!(finished, (CallOutcome::Answered, Some("1001".to_owned())));
        agent.expect_ring()?;
        agent.answer();
        next.hears(&agent)?;
        next.hang_up();
        agent.expect_hangup()?;
        bed.node.agent_is("1001", AgentState::Ready)?;
    }
    bed.finish()
}
