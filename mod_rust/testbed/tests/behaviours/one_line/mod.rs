//! A phone with a single line takes call after call. The end of one and the beginning of the next reach it in any order: one
//! that is still in the first is rung again before it counts as busy.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_wire::Event;
use hotline_wire::event::OfferResult;

use crate::EXTENSIONS;
use crate::steps::{connected, join};

/// How the offers ended so far, once there are this many.
fn results(bed: &Bed, count: usize) -> Result<Vec<OfferResult>> {
    bed.node.story(&format!("{count} offers to end"), |events| {
        let results: Vec<OfferResult> = events
            .iter()
            .filter_map(|frame| match frame.event {
                Event::OfferEnded { result, .. } => Some(result),
                _ => None,
            })
            .collect();
        (results.len() >= count).then_some(results)
    })
}

/// Waits until a phone rings for the call.
fn rings(bed: &Bed, call: &str) -> Result<()> {
    let offer = bed.node.event("an offer", |event| match event {
        Event::OfferMade { offer, call: of, .. } if of == call => Some(*offer),
        _ => None,
    })?;
    bed.node.event("the phone to ring", |event| {
        matches!(event, Event::OfferRinging { offer: of } if *of == offer).then_some(())
    })
}

#[test]
fn callers_who_hang_up_leave_the_phone_free_for_the_next() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let agent = bed.phone("a1001");
    let mut talking = bed.caller("gold");
    let mut call = join(&bed, &talking, "support")?;
    for _ in 0..20 {
        agent.expect_ring()?;
        agent.answer();
        connected(&bed, &call)?;
        let next = bed.caller("gold");
        call = join(&bed, &next, "support")?;
        talking.hears(&agent)?;
        talking.hang_up();
        talking = next;
    }
    agent.expect_ring()?;
    assert_eq!(results(&bed, 20)?, [OfferResult::Answered; 20]);
    bed.finish()
}

#[test]
fn callers_who_give_up_leave_the_phone_free_for_the_next() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let _agent = bed.phone("a1001");
    let mut ringing = bed.caller("gold");
    let mut call = join(&bed, &ringing, "support")?;
    for _ in 0..20 {
        let next = bed.caller("gold");
        let next_call = join(&bed, &next, "support")?;
        rings(&bed, &call)?;
        ringing.hang_up();
        (ringing, call) = (next, next_call);
    }
    rings(&bed, &call)?;
    assert_eq!(results(&bed, 20)?, [OfferResult::Cancelled; 20]);
    bed.finish()
}

#[test]
fn a_busy_phone_is_tried_again_only_right_after_a_call() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (agent, first, next) = (bed.phone("a1001"), bed.caller("gold"), bed.caller("gold"));
    let call = join(&bed, &first, "support")?;
    agent.expect_ring()?;
    agent.answer();
    connected(&bed, &call)?;
    let call = join(&bed, &next, "support")?;
    // The phone takes no further call, as if the agent dialled at once.
    agent.set_lines(0);
    first.hang_up();
    assert_eq!(results(&bed, 2)?[1], OfferResult::Busy);
    assert_eq!(agent.offered(), 1 + 3);
    assert_eq!(results(&bed, 3)?[2], OfferResult::Busy);
    assert_eq!(agent.offered(), 1 + 3 + 1);
    agent.set_lines(1);
    agent.expect_ring()?;
    agent.answer();
    connected(&bed, &call)?;
    next.hears(&agent)?;
    bed.finish()
}
