//! A whole Debian with Asterisk, as an archive: packages are installed into a fresh copy of it.

use super::apt::{self, TAKE_STALE};
use super::mirror::Mirror;
use super::private::SUITES;
use crate::progress::Step;
use crate::run;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// What the packages depend on, and what a test of them looks with.
const PACKAGES: &[&str] = &["asterisk", "dbus", "iproute2", "polkitd", "systemd"];
/// Documentation is a third of it.
const LEAVE_OUT: &[&str] = &["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*"];

/// The archive of such a system.
pub(crate) struct Root {
    pub(crate) archive: PathBuf,
}

impl Root {
    /// Makes it, or finds the one made before whose Asterisk has the interface `abi`.
    ///
    /// # Errors
    /// Without root rights, or if the archive of Debian does not give it.
    pub(crate) fn provide(workspace: &Workspace, abi: &str) -> Result<Root> {
        let id = run::output(Command::new("id").arg("-u"))?;
        if id.trim() != "0" {
            bail!("installing packages into a Debian of its own needs root rights: run this as root");
        }
        let dir = workspace.target.join("dist");
        fs::create_dir_all(&dir).with_context(|| format!("cannot make the folder {}", dir.display()))?;
        let (archive, note) = (dir.join("root.tar"), dir.join("root.recipe"));
        let recipe = format!("{SUITES:?} {PACKAGES:?} {LEAVE_OUT:?} {abi}");
        if archive.exists() && fs::read_to_string(&note).is_ok_and(|made| made == recipe) {
            return Ok(Root { archive });
        }
        let mirror = Mirror::of_this_machine()?;
        if mirror.distribution != "debian" {
            bail!(
                "this is {}, not Debian, of whose archive a system is made",
                mirror.distribution
            );
        }
        let step = Step::start("provide a Debian to install into");
        let partial = dir.join("root.partial.tar");
        let mut reasons = Vec::new();
        for suite in SUITES {
            match make(&mirror, suite, &partial, &step) {
                Ok(()) => {
                    fs::rename(&partial, &archive)?;
                    fs::write(&note, recipe)?;
                    step.done(suite);
                    return Ok(Root { archive });
                }
                Err(error) => reasons.push(format!("{suite}: {error:#}")),
            }
        }
        bail!(
            "no Debian can be made from {}:\n  {}",
            mirror.uri,
            reasons.join("\n  ")
        )
    }
}

fn make(mirror: &Mirror, suite: &str, into: &std::path::Path, step: &Step) -> Result<()> {
    let strap = |stale: bool| {
        let mut command = Command::new("mmdebstrap");
        command
            .args(["--mode=root", "--format=tar", "--variant=minbase"])
            .arg(format!("--include={}", PACKAGES.join(",")))
            .arg("--aptopt=APT::Install-Recommends \"false\"");
        if stale {
            command.arg(format!("--aptopt={TAKE_STALE}"));
        }
        for path in LEAVE_OUT {
            command.arg(format!("--dpkgopt=path-exclude={path}"));
        }
        let source = match &mirror.signed_by {
            Some(key) => format!("deb [signed-by={key}] {} {suite} main", mirror.uri),
            None => format!("deb {} {suite} main", mirror.uri),
        };
        command.arg(suite).arg(into).arg(source);
        step.note(format!("packages of {suite}"));
        run::output(&mut command)
    };
    match strap(false) {
        Err(error) if apt::is_stale(&error) => {
            apt::tell_stale(mirror, suite);
            strap(true)
        }
        made => made,
    }
    .map(|_| ())
}
