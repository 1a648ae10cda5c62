//! Prometheus, which scrapes the daemon, and promtool, which checks the metrics page and the alert rules: the machine's own,
//! else Debian's, not installed but unpacked.

use super::apt::{self, Apt};
use super::mirror::Mirror;
use crate::progress::Step;
use crate::run;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program, and the packages that may have it: the first that there is.
struct Program {
    name: &'static str,
    packages: &'static [&'static str],
}

const SERVER: Program = Program {
    name: "prometheus",
    packages: &["prometheus"],
};
/// Newer releases have it in a package of its own, older ones in that of the server.
const PROMTOOL: Program = Program {
    name: "promtool",
    packages: &["promtool", "prometheus"],
};

/// The programs.
pub(crate) struct Prometheus {
    pub(crate) server: PathBuf,
    pub(crate) promtool: PathBuf,
}

/// Finds them, or unpacks them into `dir`/tools.
pub(crate) fn provide(dir: &Path) -> Result<Prometheus> {
    Ok(Prometheus {
        server: program(dir, &SERVER)?,
        promtool: program(dir, &PROMTOOL)?,
    })
}

fn program(dir: &Path, wanted: &Program) -> Result<PathBuf> {
    let Program { name, packages } = *wanted;
    if let Some(installed) = run::which(name) {
        return Ok(installed);
    }
    let tools = dir.join("tools");
    let program = tools.join(name);
    if run::is_program(&program) {
        return Ok(program);
    }
    let step = Step::start(format!("provide {name}: Debian's package, into target/pbx/tools"));
    step.note("package lists");
    let mirror = Mirror::of_this_machine()?;
    let apt = Apt::open(&dir.join("apt-tools"), &mirror, &mirror.suite, &mirror.components)?;
    let Some(package) = packages.iter().find_map(|name| apt.candidate(name)) else {
        bail!(
            "{} has no package with {name}: install Prometheus, then run again",
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
    fs::create_dir_all(&tools)?;
    // The package of one may have the other too.
    for Program { name: found, .. } in [wanted, &SERVER, &PROMTOOL] {
        let inside = unpacked.join("usr/bin").join(found);
        if !run::is_program(&inside) {
            continue;
        }
        run::output(Command::new(&inside).arg("--version"))
            .with_context(|| format!("the unpacked {found} does not start"))?;
        // Renamed last: a program that is there is whole and was seen to start.
        let place = tools.join(found);
        fs::rename(&inside, &place).with_context(|| format!("cannot make {}", place.display()))?;
    }
    if !run::is_program(&program) {
        bail!("Debian's package has no {name} in it: install Prometheus, then run again");
    }
    super::remove(&unpacked)?;
    apt.close()?;
    step.done("");
    Ok(program)
}
