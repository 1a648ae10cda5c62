//! Rules that find nuisance callers by what they do.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::Phone;
use hotline_wire::Event;
use hotline_wire::blacklist::{ListChange, ListEntry};

use super::{expect_verdict, operate, start};

fn found(bed: &Bed, rule: &str) -> Result<Box<ListEntry>> {
    bed.node.event(
        &format!("the rule {rule} to find somebody"),
        |event| match event {
            Event::BlacklistChanged {
                author,
                change: ListChange::Automatic,
                after,
                ..
            } if author == &format!("auto:{rule}") => after.clone(),
            _ => None,
        },
    )
}

fn talk(bed: &Bed, caller: &Phone) -> Result<()> {
    let agent = bed.phone("a1001");
    caller.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    caller.hears(&agent)?;
    caller.hang_up();
    agent.expect_hangup()?;
    caller.expect_hangup().map(drop)
}

#[test]
fn who_calls_too_often_is_kept_away_until_reviewed() -> Result<()> {
    let (bed, _state) = start()?;
    let (often, once) = (bed.caller("gold"), bed.caller("gold"));
    talk(&bed, &once)?;
    for _ in 0..3 {
        talk(&bed, &often)?;
    }
    let entry = found(&bed, "often")?;
    assert!(
        entry.number.ends_with(often.user()) && entry.until.is_some(),
        "{entry:?}"
    );
    often.dial("support")?;
    assert_eq!(often.expect_hangup()?.status, 403);
    talk(&bed, &once)?;
    let review = operate(&bed, "review verbose")?;
    assert!(
        review.contains(often.user()) && review.ends_with("1 entry\n"),
        "{review}"
    );
    assert_eq!(operate(&bed, &format!("allow {}", often.user()))?, "Done.\n");
    assert!(operate(&bed, "review")?.ends_with("0 entries\n"));
    for _ in 0..4 {
        talk(&bed, &often)?;
    }
    bed.finish()
}

#[test]
fn who_hangs_up_at_once_again_and_again_is_kept_away() -> Result<()> {
    let (bed, _state) = start()?;
    let caller = bed.caller("gold");
    for _ in 0..2 {
        caller.call("sales")?;
        caller.hears_music()?;
        caller.hang_up();
        expect_verdict(&bed, &caller, "PASSED")?;
        caller.expect_hangup()?;
    }
    let entry = found(&bed, "impatient")?;
    assert_eq!(
        (entry.action.as_str(), entry.author.as_str()),
        ("busy", "auto:impatient")
    );
    caller.dial("sales")?;
    assert_eq!(caller.expect_hangup()?.status, 486);
    assert_eq!(operate(&bed, &format!("keep {}", caller.user()))?, "Done.\n");
    assert!(operate(&bed, "review")?.ends_with("0 entries\n"));
    bed.finish()
}
