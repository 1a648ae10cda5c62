//! Debian's own Asterisk, unpacked under target/: no root rights, no chroot, nothing installed.
//!
//! Its binary is started through the loader and the libraries that were unpacked with it, so the release it comes
//! from may be newer than this machine's.

use super::apt::{self, Apt, Package};
use super::mirror::Mirror;
use super::{Kind, Pbx, system};
use crate::progress::Step;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The releases of Debian that have an Asterisk, the steadier first.
pub(super) const SUITES: &[&str] = &["forky", "sid"];
/// What is run, with all that it depends on.
const RUN: &[&str] = &[
    "asterisk",
    "asterisk-core-sounds-en-gsm",
    "asterisk-moh-opsound-gsm",
];
/// What is only read: its dependencies are not needed.
const READ: &str = "asterisk-dev";
/// What stays of the unpacked files; the rest is documentation and programs that are never run.
const KEEP: &[&str] = &[
    "usr/lib",
    "usr/lib64",
    "usr/sbin/asterisk",
    "usr/share/asterisk",
    "usr/include/asterisk",
];
/// Counts up when the steps themselves change.
const STEPS: u32 = 1;

/// Names how the tree is made: a tree of another recipe is made anew.
pub(crate) fn recipe() -> String {
    format!(
        "private {STEPS} {} {SUITES:?} {RUN:?} {READ} {KEEP:?}",
        std::env::consts::ARCH
    )
}

/// Downloads and unpacks it into `dir`/root; a run that was interrupted is started over.
pub(crate) fn install(dir: &Path) -> Result<Pbx> {
    let triplet = match std::env::consts::ARCH {
        arch @ ("x86_64" | "aarch64") => format!("{arch}-linux-gnu"),
        arch => bail!(
            "Debian's Asterisk is not provided for {arch}: install Asterisk 18 or newer with its headers"
        ),
    };
    let mirror = Mirror::of_this_machine()?;
    if mirror.distribution != "debian" {
        bail!(
            "no Asterisk 18 or newer with headers here, and this is {}, not Debian, whose package could be used: \
             install Asterisk and its headers (asterisk-dev), then run again",
            mirror.distribution
        );
    }
    let root = dir.join("root");
    let partial = dir.join("root.partial");
    super::remove(&root)?;
    super::remove(&partial)?;
    fs::create_dir_all(&partial).with_context(|| format!("cannot make the folder {}", partial.display()))?;

    let step = Step::start("provide Asterisk: Debian's package, into target/pbx/root");
    step.note("package lists");
    let (apt, packages) = resolve(&dir.join("apt"), &mirror)?;
    let debs = apt.download(&packages, &step)?;
    for (index, deb) in debs.iter().enumerate() {
        step.note(format!("unpack {} of {}", index + 1, debs.len()));
        apt::unpack(deb, &partial)?;
    }
    step.note("clean up");
    apt.close()?;
    shrink(&partial)?;
    complete(&partial)?;
    fs::rename(&partial, &root).with_context(|| format!("cannot make {}", root.display()))?;
    let pbx = describe(&root, &triplet)?;
    step.done(&format!("Asterisk {}", pbx.version));
    Ok(pbx)
}

/// All packages to unpack, from the first release that has them.
fn resolve(dir: &Path, mirror: &Mirror) -> Result<(Apt, Vec<Package>)> {
    let mut reasons = Vec::new();
    for suite in SUITES {
        let found = Apt::open(dir, mirror, suite, "main").and_then(|apt| {
            let mut packages = apt.resolve(RUN)?;
            // The headers of just that build: its checksum is compared when the module is loaded.
            let Some(asterisk) = packages.iter().find(|package| package.name == "asterisk") else {
                bail!("asterisk is not in its own plan");
            };
            packages.push(Package {
                name: READ.into(),
                version: asterisk.version.clone(),
            });
            Ok((apt, packages))
        });
        match found {
            Ok(found) => return Ok(found),
            Err(error) => reasons.push(format!("{suite}: {error:#}")),
        }
    }
    bail!(
        "Debian's Asterisk can't be had from {}:\n  {}\nCheck the network, or install Asterisk 18 or newer with its \
         headers yourself",
        mirror.uri,
        reasons.join("\n  ")
    )
}

/// Deletes what nothing here reads: five sixths of it.
fn shrink(root: &Path) -> Result<()> {
    prune(root, Path::new(""))
}

fn prune(root: &Path, at: &Path) -> Result<()> {
    for entry in fs::read_dir(root.join(at))? {
        let entry = entry?;
        let name = at.join(entry.file_name());
        let kept = KEEP.iter().any(|keep| name.starts_with(keep))
            || name.to_string_lossy().ends_with("include/asterisk.h");
        if kept {
            continue;
        }
        if !entry.file_type()?.is_dir() {
            fs::remove_file(entry.path())?;
        } else if KEEP.iter().any(|keep| Path::new(keep).starts_with(&name)) {
            prune(root, &name)?;
        } else {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Does what the packages' own scripts would have done: the default language's sounds get their name.
fn complete(root: &Path) -> Result<()> {
    let sounds = root.join("usr/share/asterisk/sounds");
    let link = sounds.join("en");
    if sounds.join("en_US_f_Allison").is_dir() && !link.exists() {
        std::os::unix::fs::symlink("en_US_f_Allison", &link)
            .with_context(|| format!("cannot make {}", link.display()))?;
    }
    Ok(())
}

fn describe(root: &Path, triplet: &str) -> Result<Pbx> {
    let libs = root.join("usr/lib").join(triplet);
    let Some(loader) = system::loader(&libs) else {
        bail!("no loader (ld-linux*.so.*) in {}", libs.display());
    };
    let asterisk = root.join("usr/sbin/asterisk");
    let run: Vec<String> = [loader.as_path(), Path::new("--library-path"), &libs, &asterisk]
        .iter()
        .map(|part| part.display().to_string())
        .collect();
    let version = system::version(Command::new(&run[0]).args(&run[1..]))
        .context("the unpacked Asterisk does not start: `cargo xtask pbx --fresh` fetches it anew")?;
    Ok(Pbx {
        kind: Kind::Private,
        version,
        run,
        modules_dir: libs.join("asterisk/modules"),
        data_dir: root.join("usr/share/asterisk"),
        include_dir: root.join("usr/include"),
        recipe: recipe(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shrinking_keeps_what_is_run_and_read() {
        let root = std::env::temp_dir().join(format!("hotline-xtask-{}-shrink", std::process::id()));
        super::super::remove(&root).unwrap();
        let keep = [
            "usr/lib/x86_64-linux-gnu/libc.so.6",
            "usr/sbin/asterisk",
            "usr/share/asterisk/sounds/en/beep.gsm",
            "usr/include/asterisk.h",
            "usr/include/asterisk/module.h",
        ];
        let drop = [
            "etc/passwd",
            "usr/bin/perl",
            "usr/sbin/useradd",
            "usr/share/doc/x/copyright",
            "usr/include/stdio.h",
        ];
        for file in keep.iter().chain(&drop) {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        shrink(&root).unwrap();
        for file in keep {
            assert!(root.join(file).exists(), "{file} is gone");
        }
        for file in drop {
            assert!(!root.join(file).exists(), "{file} is still there");
        }
        super::super::remove(&root).unwrap();
    }
}
