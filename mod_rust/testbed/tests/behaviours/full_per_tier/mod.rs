//! A full queue: for one tier sooner than for all, with an exit to another place of the dialplan or a busy tone.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::Tone;
use hotline_wire::event::{CallOutcome, Exit};

use crate::EXTENSIONS;
use crate::steps::{join, try_to_join, visits};

#[test]
fn bronze_is_full_while_gold_still_joins() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let waiting = ["bronze", "gold", "gold"].map(|tier| bed.caller(tier));
    let (bronze, gold) = (bed.caller("bronze"), bed.caller("gold"));
    join(&bed, &waiting[0], "support")?;
    let call = try_to_join(&bed, &bronze, "support")?;
    let elsewhere = |number: &str| {
        let expected = [("Number", number), ("Place", "full"), ("Status", "FULL")];
        bed.manager.user_event("Elsewhere", &expected)
    };
    elsewhere(bronze.user())?;
    let to = format!("{:?}", Exit::Place("elsewhere,full,1".into()));
    let expected = ("support".to_owned(), CallOutcome::Full, to);
    assert_eq!(visits(&bed, &call, 1)?, std::slice::from_ref(&expected));
    // Gold fills it up.
    join(&bed, &waiting[1], "support")?;
    join(&bed, &waiting[2], "support")?;
    let call = try_to_join(&bed, &gold, "support")?;
    elsewhere(gold.user())?;
    assert_eq!(visits(&bed, &call, 1)?, [expected]);
    // As many as there is room for are there, and one who goes makes room for bronze.
    assert_eq!(bed.snapshot()?.calls.len(), 3);
    waiting[0].hang_up();
    waiting[0].expect_hangup()?;
    bed.node.event("the bronze caller to be gone", |event| {
        matches!(
            event,
            hotline_wire::Event::CallFinished {
                outcome: CallOutcome::Abandoned,
                ..
            }
        )
        .then_some(())
    })?;
    join(&bed, &bronze, "support")?;
    bronze.hears_music()?;
    bed.finish()
}

#[test]
fn busy_is_a_way_out() -> Result<()> {
    let busy = Tone::nth(9);
    let bed = Bed::boot_with(include_str!("hotline.toml"), EXTENSIONS, |setup| {
        let tones = format!(
            "[general]\ncountry=us\n[us]\ndescription = testbed\nbusy = {}\n",
            busy.hertz()
        );
        setup.files.push(("indications.conf".into(), tones));
    })?;
    let (waiting, turned_away) = (bed.caller("gold"), bed.caller("gold"));
    join(&bed, &waiting, "small")?;
    let call = join(&bed, &turned_away, "small")?;
    let expected = ("small".to_owned(), CallOutcome::Full, "Busy".to_owned());
    assert_eq!(visits(&bed, &call, 1)?, [expected]);
    turned_away.hears_tone(busy)?;
    turned_away.hang_up();
    let status = [("Number", turned_away.user()), ("Status", "FULL")];
    bed.manager.user_event("Gone", &status)?;
    waiting.hears_music()?;
    bed.finish()
}
