//! The PBX starts with settings that are wrong, and stops with calls up.

use anyhow::Result;
use hotline_testbed::asterisk::{Asterisk, Setup};
use hotline_testbed::bed::{Bed, add_hotline};
use hotline_testbed::phone::PhoneBank;

use crate::EXTENSIONS;

#[test]
fn stopping_with_calls_up_is_clean() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (talking, ringing, waiting) = (bed.caller("gold"), bed.caller("gold"), bed.caller("gold"));
    let (first, second) = (bed.phone("a1001"), bed.phone("a1002"));
    talking.call("support")?;
    first.expect_ring()?;
    first.answer();
    talking.hears(&first)?;
    ringing.call("support")?;
    second.expect_ring()?;
    waiting.call("support")?;
    waiting.hears_music()?;
    bed.asterisk.stop()
}

#[test]
fn wrong_settings_at_the_start_cost_hotline_and_not_the_pbx() -> Result<()> {
    let bank = PhoneBank::open()?;
    let mut setup = Setup {
        extensions: EXTENSIONS.into(),
        ..Setup::default()
    };
    add_hotline(
        &mut setup,
        "node = \"pbx1\"\n[[queue]]\nname = \"support\"\nring_seconds = -1\n",
    )?;
    let asterisk = Asterisk::boot(&setup, bank.sip_address())?;
    let file = asterisk.path("etc/hotline.toml");
    let log = asterisk.log();
    assert!(
        log.contains(&format!("{}:4: ring_seconds", file.display())),
        "{log}"
    );
    assert!(asterisk.cli("core show version")?.contains("Asterisk"));

    // Put right, it loads.
    let text = std::fs::read_to_string(&file)?;
    let socket = asterisk.path("run/pbx1.sock");
    let text = text.replace(
        "ring_seconds = -1",
        &format!("[control]\nsocket = \"{}\"", socket.display()),
    );
    std::fs::write(&file, text)?;
    asterisk.cli("module load app_hotline.so")?;
    let queues = asterisk.cli("hotline show queues")?;
    assert!(queues.contains("support"), "{queues}");
    asterisk.stop()
}
