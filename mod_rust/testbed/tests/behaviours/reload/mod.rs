//! New settings: good ones are taken while calls are up, bad ones are refused whole, with file, line and key.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_wire::event::CallOutcome;
use hotline_wire::{Command, Outcome, Refusal};

use crate::{EXTENSIONS, finished};

/// Appends to the settings of the instance.
fn change(bed: &Bed, from: &str, to: &str) -> Result<()> {
    let file = bed.asterisk.path("etc/hotline.toml");
    let text = std::fs::read_to_string(&file)?;
    assert!(text.contains(from));
    Ok(std::fs::write(&file, text.replace(from, to))?)
}

#[test]
fn a_bad_file_is_refused_whole() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let before = bed.snapshot()?;
    change(
        &bed,
        "always_signed_in = true",
        "always_signed_in = true\n[[queue]]\nname = \"new\"\nring_secs = 4",
    )?;
    let file = bed.asterisk.path("etc/hotline.toml");
    let text = std::fs::read_to_string(&file)?;
    let line = 1 + text
        .lines()
        .take_while(|line| !line.starts_with("ring_secs"))
        .count();

    let said = bed.asterisk.cli("hotline reload")?;
    assert!(
        said.contains(&format!("{}:{line}:", file.display())) && said.contains("ring_secs"),
        "{said}"
    );
    match bed.node.command("testbed", Command::Reload)? {
        Outcome::Refused {
            reason: Refusal::BadConfig,
            message,
        } => {
            assert!(
                message.contains(&format!(":{line}:")) && message.contains("ring_secs"),
                "{message}"
            );
        }
        other => panic!("{other:?}"),
    }
    let after = bed.snapshot()?;
    assert_eq!((before.queues, before.agents), (after.queues, after.agents));
    let (caller, agent) = (bed.caller("gold"), bed.phone("a1001"));
    caller.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    caller.hears(&agent)?;
    bed.finish()
}

#[test]
fn a_good_file_is_taken_with_a_call_up_and_one_waiting() -> Result<()> {
    let bed = Bed::boot_with(include_str!("hotline.toml"), EXTENSIONS, |setup| {
        setup.phones.push("a1002".into())
    })?;
    let (talking, waiting) = (bed.caller("gold"), bed.caller("gold"));
    let (agent, newcomer) = (bed.phone("a1001"), bed.phone("a1002"));
    talking.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    talking.hears(&agent)?;
    waiting.call("support")?;
    waiting.hears_music()?;
    change(
        &bed,
        "always_signed_in = true",
        "always_signed_in = true\n[[agent]]\nnumber = \"1002\"\nphone = \"PJSIP/a1002\"\nqueues = [\"support\"]\nalways_signed_in = true",
    )?;
    bed.asterisk.cli("module reload app_hotline.so")?;
    newcomer.expect_ring()?;
    newcomer.answer();
    waiting.hears(&newcomer)?;
    talking.hears(&agent)?;
    bed.finish()
}

#[test]
fn who_waits_in_a_queue_that_is_removed_goes_on() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (talking, waiting, agent) = (bed.caller("gold"), bed.caller("gold"), bed.phone("a1001"));
    talking.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    talking.hears(&agent)?;
    waiting.call("support")?;
    waiting.hears_music()?;
    change(&bed, "support", "sales")?;
    bed.asterisk.cli("hotline reload")?;
    bed.expect_left(&waiting, "REMOVED")?;
    assert_eq!(finished(&bed, &waiting)?.outcome, CallOutcome::Removed);
    talking.hears(&agent)?;
    talking.hang_up();
    agent.expect_hangup()?;
    let next = bed.caller("gold");
    next.call("sales")?;
    agent.expect_ring()?;
    bed.finish()
}
