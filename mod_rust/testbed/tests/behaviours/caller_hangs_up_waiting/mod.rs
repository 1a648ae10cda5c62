//! A caller who hangs up while waiting has abandoned, and nobody is rung.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_wire::event::{CallOutcome, Party};

use crate::{EXTENSIONS, Finished, finished};

#[test]
fn a_waiting_caller_who_hangs_up_has_abandoned() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (caller, agent) = (bed.caller("gold"), bed.phone("a1001"));
    caller.call("support")?;
    caller.hears_music()?;
    assert_eq!(bed.snapshot()?.calls.len(), 1);
    caller.hang_up();
    let expected = Finished {
        outcome: CallOutcome::Abandoned,
        agent: None,
        by: Party::Caller,
    };
    assert_eq!(finished(&bed, &caller)?, expected);
    bed.manager
        .user_event("Gone", &[("Number", caller.user()), ("Status", "HANGUP")])?;
    assert_eq!(agent.offered(), 0);
    bed.finish()
}
