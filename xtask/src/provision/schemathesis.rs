//! schemathesis, which tries the daemon's API against its OpenAPI document: from PyPI, in a Python environment of its own.

use crate::progress::Step;
use crate::run;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const VERSION: &str = "4.32.5";

/// Finds the program, or installs it into `target`/tools.
pub(crate) fn provide(target: &Path) -> Result<PathBuf> {
    let dir = target.join("tools").join(format!("schemathesis-{VERSION}"));
    let program = dir.join("bin/schemathesis");
    // Written last: what it stands in is whole and was seen to start.
    let whole = dir.join("whole");
    if whole.exists() {
        return Ok(program);
    }
    let step = Step::start(format!(
        "provide schemathesis {VERSION}: from PyPI, into target/tools"
    ));
    super::remove(&dir)?;
    step.note("environment");
    run::output(Command::new("python3").args(["-m", "venv"]).arg(&dir))
        .context("python3 cannot make an environment: install python3-venv")?;
    step.note("packages");
    run::output(
        Command::new(dir.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check"])
            .arg(format!("schemathesis=={VERSION}")),
    )
    .context("schemathesis cannot be installed; is PyPI to be reached from here?")?;
    run::output(Command::new(&program).arg("--version"))
        .context("the installed schemathesis does not start")?;
    fs::write(&whole, "").with_context(|| format!("cannot write {}", whole.display()))?;
    step.done("");
    Ok(program)
}
