//! Each queue has its own music; a class that does not exist is no reason to lose a caller. And a node has a ceiling.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::Tone;
use hotline_wire::Event;
use hotline_wire::event::RefusedCall;

use crate::EXTENSIONS;

const OTHER: Tone = Tone::nth(40);

#[test]
fn a_queue_plays_its_own_music_and_the_node_refuses_one_call_too_many() -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("tone.ulaw"), OTHER.packet().repeat(500))?;
    let classes = format!(
        "[default]\nmode=files\ndirectory=@DIR@/music\n[other]\nmode=files\ndirectory={}\n",
        folder.path().display()
    );
    let bed = Bed::boot_with(include_str!("hotline.toml"), EXTENSIONS, |setup| {
        setup.files.push(("musiconhold.conf".into(), classes));
    })?;
    let (first, second, third) = (bed.caller("gold"), bed.caller("gold"), bed.caller("gold"));
    first.call("support")?;
    first.hears_tone(OTHER)?;
    second.call("silent")?;
    third.dial("support")?;
    bed.manager.user_event("Left", &[("Number", third.user())])?;
    bed.node.event("a refusal", |event| {
        matches!(
            event,
            Event::CallRefused {
                reason: RefusedCall::AtLimit,
                ..
            }
        )
        .then_some(())
    })?;
    assert_eq!(bed.snapshot()?.calls.len(), 2);
    assert!(second.is_up());
    bed.finish()
}
