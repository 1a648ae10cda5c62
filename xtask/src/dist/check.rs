//! Installs the packages as an operator would, in a Debian of their own, and looks whether everything is as the
//! documentation says: `inside.sh` is what happens in there.

use super::Packages;
use crate::progress::Step;
use crate::run;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;
use std::process::Command;

const INSIDE: &str = include_str!("inside.sh");
/// The most that `systemd-analyze security` may find, in tenths.
const EXPOSURE: &str = "15";
/// Rules of Debian's archive that a package from elsewhere need not keep, and why.
const LINTIAN_LETS_PASS: &[&str] = &[
    // The project has no address for mail.
    "bogus-mail-host",
    "bogus-mail-host-in-debian-changelog",
    // It is about Debian's own bug tracker.
    "initial-upload-closes-no-bugs",
    // `--help` and docs/ say it all.
    "no-manual-page",
];

/// Returns what was seen, in a few words.
pub(super) fn run(workspace: &Workspace, packages: &Packages) -> Result<String> {
    let Some(root) = &packages.root else {
        bail!("no Debian was provided to install into");
    };
    lintian(packages)?;
    let step = Step::start("install, upgrade, remove and purge in a Debian of its own");
    let dir = workspace.target.join("dist/root");
    if dir.exists() {
        fs::remove_dir_all(&dir)?;
    }
    fs::create_dir_all(&dir)?;
    step.note("unpack");
    run::output(
        Command::new("tar")
            .arg("--extract")
            .arg("--file")
            .arg(&root.archive)
            .arg("--directory")
            .arg(&dir),
    )?;
    for (files, into) in [(&packages.files, "new"), (&packages.earlier, "earlier")] {
        let into = dir.join("packages").join(into);
        fs::create_dir_all(&into)?;
        for file in files {
            let name = file.file_name().context("a package has a name")?;
            fs::copy(file, into.join(name))?;
        }
    }
    fs::write(dir.join("packages/inside.sh"), INSIDE)?;
    let said = inside(&dir, &step)?;
    let checks = said.lines().filter(|line| line.starts_with("ok: ")).count();
    if !said.lines().any(|line| line == "all is as it should be") {
        bail!("the checks ended early, after {checks}:\n{said}");
    }
    fs::remove_dir_all(&dir)?;
    step.done(&format!("{checks} checks"));
    Ok(format!("{checks} checks of the installed packages"))
}

/// Runs the script in there. Its processes, mounts and network are its own, and end with it.
fn inside(dir: &Path, step: &Step) -> Result<String> {
    let mut command = Command::new("unshare");
    command
        .args([
            "--mount",
            "--pid",
            "--net",
            "--ipc",
            "--uts",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ])
        .arg(format!("--root={}", dir.display()))
        .args(["/bin/bash", "/packages/inside.sh"])
        .env_clear()
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        .env("LC_ALL", "C.UTF-8")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("EXPOSURE", EXPOSURE);
    run::lines(&mut command, |line| {
        if let Some(what) = line.strip_prefix("ok: ") {
            step.note(what.chars().take(60).collect::<String>());
        }
    })
}

fn lintian(packages: &Packages) -> Result<()> {
    let step = Step::start("lintian");
    run::output(
        Command::new("lintian")
            .args([
                "--fail-on",
                "error,warning",
                "--suppress-tags",
                &LINTIAN_LETS_PASS.join(","),
            ])
            .arg("--allow-root")
            .args(&packages.files),
    )?;
    step.done("");
    Ok(())
}
