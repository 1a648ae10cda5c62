//! An operator sends a waiting caller elsewhere in the dialplan: the call is withdrawn from its queue, not abandoned.

use anyhow::{Context, Result};
use hotline_testbed::bed::Bed;
use hotline_wire::event::CallOutcome;

use crate::{EXTENSIONS, finished};

#[test]
fn a_waiting_caller_who_is_redirected_did_not_give_up() -> Result<()> {
    let extensions = format!(
        "{EXTENSIONS}\n[elsewhere]\nexten => 1,1,UserEvent(Elsewhere,Number: ${{CALLERID(num)}})\n same => n,Echo()\n"
    );
    let bed = Bed::boot(include_str!("hotline.toml"), &extensions)?;
    let (taken, gone) = (bed.caller("gold"), bed.caller("gold"));
    taken.call("support")?;
    taken.hears_music()?;
    let channels = bed.asterisk.cli("core show channels concise")?;
    let channel = channels
        .lines()
        .find_map(|line| {
            line.split('!')
                .next()
                .filter(|name| name.starts_with("PJSIP/gold"))
        })
        .context("the caller's channel")?;
    bed.manager.action(&[
        ("Action", "Redirect"),
        ("Channel", channel),
        ("Context", "elsewhere"),
        ("Exten", "1"),
        ("Priority", "1"),
    ])?;
    bed.manager.user_event("Elsewhere", &[("Number", taken.user())])?;
    assert_eq!(finished(&bed, &taken)?.outcome, CallOutcome::Withdrawn);
    taken.misses_music()?;

    gone.call("support")?;
    gone.hears_music()?;
    gone.hang_up();
    assert_eq!(finished(&bed, &gone)?.outcome, CallOutcome::Abandoned);
    bed.finish()
}
