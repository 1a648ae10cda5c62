//! Traffic balancing: while the predicted wait is long, bronze callers are diverted to self-service and gold callers queue.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::Phone;
use hotline_wire::Event;
use hotline_wire::event::{CallOutcome, Exit};

use crate::EXTENSIONS;
use crate::steps::{Agents, join, try_to_join, visits};

/// A new bronze caller, who is diverted.
fn diverted(bed: &Bed) -> Result<()> {
    let caller = bed.caller("bronze");
    let call = try_to_join(bed, &caller, "support")?;
    let place = [
        ("Number", caller.user()),
        ("Place", "selfservice"),
        ("Status", "DIVERTED"),
    ];
    bed.manager.user_event("Elsewhere", &place)?;
    let to = format!("{:?}", Exit::Place("elsewhere,selfservice,1".into()));
    let expected = ("support".to_owned(), CallOutcome::Diverted, to);
    assert_eq!(visits(bed, &call, 1)?, [expected]);
    Ok(())
}

/// A new caller, who waits: the call, and the predicted wait in seconds that it was told.
fn waits(bed: &Bed, tier: &str) -> Result<(Phone, u64)> {
    let caller = bed.caller(tier);
    let call = join(bed, &caller, "support")?;
    let predicted = bed.node.event("the prediction", |event| match event {
        Event::CallJoined {
            call: of, predicted, ..
        } if *of == call => Some(predicted.map(|estimate| estimate.p50)),
        _ => None,
    })?;
    let waiting = bed.snapshot()?.calls;
    assert!(
        waiting
            .iter()
            .any(|waiting| waiting.call == call && waiting.connected.is_none())
    );
    Ok((caller, predicted.unwrap_or(0) / 1_000_000))
}

/// Hangs up, and waits until the queue knows.
fn goes(bed: &Bed, caller: &Phone) -> Result<()> {
    let place = bed.node.now();
    caller.hang_up();
    bed.node
        .event_after(place, "a caller to be gone", |event| match event {
            Event::CallFinished {
                outcome: CallOutcome::Abandoned,
                ..
            } => Some(()),
            _ => None,
        })
}

#[test]
fn bronze_is_diverted_until_the_wait_is_short_again() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let agents = Agents::of(&bed, &["1001"]);
    let talking = bed.caller("gold");
    let call = join(&bed, &talking, "support")?;
    agents.answer(&bed, &call)?;
    let (first, wait) = waits(&bed, "bronze")?;
    assert_eq!(wait, 40);
    let (second, wait) = waits(&bed, "bronze")?;
    assert_eq!(wait, 100);
    // The next would make it 160 s.
    diverted(&bed)?;
    // Gold waits all the same, before bronze.
    let (third, wait) = waits(&bed, "gold")?;
    assert_eq!(wait, 40);
    diverted(&bed)?;
    // Back to 100 s with the next: below what tripped it, and not yet below what lets go.
    goes(&bed, &third)?;
    goes(&bed, &second)?;
    diverted(&bed)?;
    // 40 s.
    goes(&bed, &first)?;
    let (_, wait) = waits(&bed, "bronze")?;
    assert_eq!(wait, 40);
    // And 100 s are fine again.
    let (last, wait) = waits(&bed, "bronze")?;
    assert_eq!(wait, 100);
    last.hears_music()?;
    talking.hears(agents.phone("1001")?)?;
    bed.finish()
}
