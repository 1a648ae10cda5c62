//! What an agent's phone is told with the call: to pick up by itself, and that the caller is suspicious.

use anyhow::{Context, Result};
use hotline_testbed::bed::Bed;

use crate::EXTENSIONS;

fn boot() -> Result<Bed> {
    let extensions = format!(
        "{EXTENSIONS}\n[callers](+)\nexten => suspicious,1,Hotline(sales,f(hung up 9 times))\n \
         same => n,Hangup()\n"
    );
    Bed::boot(include_str!("hotline.toml"), &extensions)
}

#[test]
fn a_phone_that_is_to_pick_up_by_itself_is_asked_to() -> Result<()> {
    let bed = boot()?;
    let (automatic, manual) = (bed.phone("a1001"), bed.phone("a1002"));
    let (first, second) = (bed.caller("gold"), bed.caller("gold"));
    first.call("support")?;
    second.call("sales")?;
    automatic.expect_ring()?;
    manual.expect_ring()?;
    let call_info = automatic.invite_header("Call-Info").context("no Call-Info")?;
    assert!(call_info.ends_with(";answer-after=0"), "{call_info}");
    assert_eq!(
        automatic.invite_header("Alert-Info").as_deref(),
        Some("info=alert-autoanswer")
    );
    for header in ["Call-Info", "Alert-Info"] {
        assert_eq!(manual.invite_header(header), None);
    }
    automatic.answer();
    first.hears(&automatic)?;
    bed.finish()
}

#[test]
fn a_suspicious_caller_is_shown_as_such() -> Result<()> {
    let bed = boot()?;
    let (caller, agent) = (bed.caller("gold"), bed.phone("a1002"));
    caller.call("suspicious")?;
    assert_eq!(agent.expect_ring()?.from, caller.user());
    let from = agent.invite_header("From").context("no From")?;
    assert!(from.starts_with("\"! hung up 9 times\""), "{from}");
    let channels = bed.asterisk.cli("core show channels concise")?;
    let channel = channels
        .lines()
        .filter_map(|line| line.split('!').next())
        .find(|name| name.starts_with("PJSIP/a1002"))
        .with_context(|| format!("no channel of the agent among\n{channels}"))?;
    assert_eq!(bed.manager.variable(channel, "HOTLINE_FLAG")?, "hung up 9 times");
    assert_eq!(bed.manager.variable(channel, "HOTLINE_QUEUE")?, "sales");
    bed.finish()
}
