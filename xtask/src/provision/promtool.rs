//! promtool, which checks the metrics page and the alert rules: the machine's own, else Debian's, not installed but
//! unpacked.

use super::apt::{self, Apt};
use super::mirror::Mirror;
use crate::progress::Step;
use crate::run;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Newer releases have it in a package of its own, older ones in prometheus.
const PACKAGES: &[&str] = &["promtool", "prometheus"];

/// Finds it, or unpacks it into `dir`/tools.
pub(crate) fn provide(dir: &Path) -> Result<PathBuf> {
    if let Some(installed) = run::which("promtool") {
        return Ok(installed);
    }
    let tools = dir.join("tools");
    let promtool = tools.join("promtool");
    if run::is_program(&promtool) {
        return Ok(promtool);
    }
    let step = Step::start("provide promtool: Debian's package, into target/pbx/tools");
    step.note("package lists");
    let mirror = Mirror::of_this_machine()?;
    let apt = Apt::open(&dir.join("apt-tools"), &mirror, &mirror.suite, &mirror.components)?;
    let Some(package) = PACKAGES.iter().find_map(|name| apt.candidate(name)) else {
        bail!(
            "{} has no package with promtool: install Prometheus, then run again",
            mirror.suite
        );
    };
    let debs = apt.download(&[package], &step)?;
    let unpacked = dir.join("tools.partial");
    super::remove(&unpacked)?;
    for deb in &debs {
        step.note("unpack");
        apt::unpack(deb, &unpacked)?;
    }
    let inside = unpacked.join("usr/bin/promtool");
    run::output(Command::new(&inside).arg("--version")).context("the unpacked promtool does not start")?;
    fs::create_dir_all(&tools)?;
    // Renamed last: a promtool that is there is whole and was seen to start.
    fs::rename(&inside, &promtool).with_context(|| format!("cannot make {}", promtool.display()))?;
    super::remove(&unpacked)?;
    apt.close()?;
    step.done("");
    Ok(promtool)
}
