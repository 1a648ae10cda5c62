//! The module goes and comes back: refused while calls are in it, without a trace otherwise.

use anyhow::Result;
use hotline_testbed::bed::{Bed, SOCKET};
use hotline_testbed::node::Node;

use crate::EXTENSIONS;

fn loaded(bed: &Bed) -> Result<bool> {
    Ok(bed
        .asterisk
        .cli("module show like app_hotline")?
        .contains("1 modules loaded"))
}

#[test]
fn with_calls_up_the_module_stays() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (talking, waiting, agent) = (bed.caller("gold"), bed.caller("gold"), bed.phone("a1001"));
    talking.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    talking.hears(&agent)?;
    waiting.call("support")?;
    waiting.hears_music()?;
    let said = bed.asterisk.cli("module unload app_hotline.so")?;
    assert!(loaded(&bed)?, "{said}");
    talking.hears(&agent)?;
    waiting.hears_music()?;
    talking.hang_up();
    agent.expect_hangup()?;
    agent.expect_ring()?;
    agent.answer();
    waiting.hears(&agent)?;
    bed.finish()
}

#[test]
fn by_force_asterisk_hangs_up_the_calls_and_lives() -> Result<()> {
    let mut bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (talking, waiting, agent) = (bed.caller("gold"), bed.caller("gold"), bed.phone("a1001"));
    talking.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    talking.hears(&agent)?;
    waiting.call("support")?;
    waiting.hears_music()?;
    // Asterisk itself hangs up whoever is in a module that is to go by force.
    bed.asterisk.cli("module unload -f app_hotline.so")?;
    for phone in [&talking, &waiting, &agent] {
        phone.expect_hangup()?;
    }
    let said = bed.asterisk.cli("module unload app_hotline.so")?
        + &bed.asterisk.cli("module load app_hotline.so")?;
    assert!(loaded(&bed)?, "{said}");
    bed.node = Node::connect(&bed.asterisk.path(SOCKET))?;
    let next = bed.caller("gold");
    next.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    next.hears(&agent)?;
    bed.finish()
}

#[test]
fn without_calls_it_goes_and_comes_back() -> Result<()> {
    let mut bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let agent = bed.phone("a1001");
    for _ in 0..3 {
        let caller = bed.caller("gold");
        caller.call("support")?;
        agent.expect_ring()?;
        agent.answer();
        caller.hears(&agent)?;
        agent.hang_up();
        bed.expect_left(&caller, "ANSWERED")?;
        caller.expect_hangup()?;
        agent.expect_hangup()?;
        bed.asterisk.expect_no_leak(bed.before())?;
        let said = bed.asterisk.cli("module unload app_hotline.so")?;
        assert!(!loaded(&bed)?, "{said}");
        assert!(
            !bed.asterisk
                .cli("core show application Hotline")?
                .contains("Synopsis")
        );
        let said = bed.asterisk.cli("module load app_hotline.so")?;
        assert!(loaded(&bed)?, "{said}");
        bed.node = Node::connect(&bed.asterisk.path(SOCKET))?;
    }
    bed.finish()
}
