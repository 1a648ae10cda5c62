//! An agent without a phone of its own signs in wherever there is one, with the shortest of calls, while a caller waits.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_wire::Event;
use hotline_wire::event::OfferResult;
use hotline_wire::snapshot::AgentState;

use crate::EXTENSIONS;

#[test]
fn a_sign_in_that_is_over_at_once_leaves_the_phone_free() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    // The second round meets phones that were watched before.
    for name in ["free1", "free2", "free3", "free1", "free2", "free3"] {
        let (phone, caller) = (bed.phone(name), bed.caller("gold"));
        caller.call("support")?;
        caller.hears_music()?;
        let place = bed.node.now();
        phone.dial("*511001")?;
        bed.node
            .event_after(place, "an answer to the feature code", |event| {
                matches!(event, Event::CommandAnswered { .. }).then_some(())
            })?;
        phone.hang_up();
        phone.expect_hangup()?;
        phone.expect_ring()?;
        phone.answer();
        caller.hears(&phone)?;
        caller.hang_up();
        phone.expect_hangup()?;
        bed.asterisk.cli("hotline agent signout 1001")?;
        bed.node.agent_is("1001", AgentState::SignedOut)?;
    }
    let missed = bed.node.events().into_iter().find(
        |frame| matches!(frame.event, Event::OfferEnded { result, .. } if result != OfferResult::Answered),
    );
    assert!(missed.is_none(), "offered into the feature code: {missed:?}");
    bed.finish()
}
