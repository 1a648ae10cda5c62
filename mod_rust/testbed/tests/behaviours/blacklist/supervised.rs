//! The list in a supervisor's hands: hotlinectl changes what happens to the next call, builds an index and puts it in force,
//! and the metrics count whom the list met.

use anyhow::Result;
use hotline_testbed::daemon::{Daemon, Said};

use super::{joined, listed, listener, start};

fn blocked(daemon: &Daemon, action: &str, count: f64) -> Result<()> {
    let of = [("action", action)];
    let awaited = format!("{count} callers met by {action}");
    daemon.metrics_when(&awaited, |metrics| {
        metrics.sum("hotline_calls_blocked_total", &of) == count
    })?;
    Ok(())
}

fn done(said: &Said) {
    assert!(said.success, "{said:?}");
}

#[test]
fn a_supervisor_changes_the_list_and_sees_what_comes_of_it() -> Result<()> {
    let (bed, state) = start()?;
    let daemon = bed.daemon()?;
    daemon.await_supervision()?;
    let ctl = |arguments: &[&str]| daemon.ctl(&[&["blacklist"], arguments].concat());
    let caller = listener(&bed);
    blocked(&daemon, "busy", 0.0)?;

    let said = ctl(&["add", caller.user(), "busy", "--reason", "rings and hangs up"])?;
    assert_eq!(said.output, "done\n", "{said:?}");
    caller.dial("support")?;
    assert_eq!(caller.expect_hangup()?.status, 486);
    blocked(&daemon, "busy", 1.0)?;
    let entries = listed(&bed, caller.user())?;
    assert!(entries[0].author.starts_with("dbus:"), "{entries:?}");
    let shown = ctl(&["search", "hangs up"])?;
    assert!(shown.output.contains("rings and hangs up"), "{shown:?}");
    let check = ctl(&["check", caller.user(), "--queue", "support"])?;
    assert!(check.success && check.output.contains("busy"), "{check:?}");

    // An index built off-line, put in force while calls go on; what was changed lies over it.
    let other = listener(&bed);
    let at = |name: &str| state.path().join(name).display().to_string();
    std::fs::write(
        at("list.csv"),
        format!("number,action\n{},release:34\n", other.user()),
    )?;
    done(&ctl(&["build", &at("list.csv"), "--output", &at("list.index")])?);
    done(&ctl(&["load"])?);
    other.dial("support")?;
    assert_eq!(other.expect_hangup()?.status, 503);
    blocked(&daemon, "release", 1.0)?;
    std::fs::write(at("list.index"), "no index")?;
    let refused = ctl(&["load"])?;
    assert!(
        !refused.success && refused.errors.contains("this is no index of a blacklist"),
        "{refused:?}"
    );
    other.dial("support")?;
    assert_eq!(other.expect_hangup()?.status, 503);

    done(&ctl(&["allow", caller.user(), "--reason", "asked pardon"])?);
    caller.call("support")?;
    caller.hears_music()?;
    assert!(joined(&bed, &caller));
    done(&ctl(&["export", &at("all.csv")])?);
    let all = std::fs::read_to_string(at("all.csv"))?;
    assert!(
        all.contains("release:34") && all.contains("asked pardon"),
        "{all}"
    );
    let metrics = daemon.metrics()?;
    assert_eq!(metrics.sum("hotline_blacklist_entries", &[]), 2.0, "{metrics:?}");
    assert_eq!(metrics.sum("hotline_calls_blocked_total", &[]), 3.0);
    // Nothing that the daemon says has anybody's number.
    assert!(!daemon.log().contains(caller.user()) && !daemon.log().contains(other.user()));
    let unknown = ctl(&["add", "alice", "busy"])?;
    assert!(
        !unknown.success && unknown.errors.contains("number"),
        "{unknown:?}"
    );
    drop(daemon);
    bed.finish()
}
