//! The programs of this machine that builds and tests start. Each is looked for itself, wherever it came from; what
//! is missing is installed by apt-get.

use crate::progress::Step;
use crate::run;
use anyhow::{Result, bail};
use std::io::{IsTerminal, stdin};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Something that must be on this machine, and the Debian packages that bring it.
pub(crate) struct Need {
    what: &'static str,
    why: &'static str,
    packages: &'static [&'static str],
    present: fn() -> bool,
}

/// All that the module and the testbed need.
pub(crate) const EVERYTHING: &[Need] = &[
    Need {
        what: "a C compiler",
        why: "to link Rust programs and to compile Asterisk's inline functions",
        packages: &["gcc", "libc6-dev"],
        present: || run::which("cc").is_some() && Path::new("/usr/include/stdlib.h").exists(),
    },
    Need {
        what: "libclang with its own headers",
        why: "bindgen reads Asterisk's headers with it",
        packages: &["clang"],
        present: libclang,
    },
    Need {
        what: "sipp",
        why: "the callers and agents of tests and measurements",
        packages: &["sip-tester"],
        present: || run::which("sipp").is_some(),
    },
    Need {
        what: "dbus-daemon",
        why: "a private bus for the daemon under test",
        packages: &["dbus"],
        present: || run::which("dbus-daemon").is_some(),
    },
    Need {
        what: "Python that makes environments",
        why: "schemathesis, which tries the API, is installed into one",
        packages: &["python3", "python3-venv"],
        present: || run::output(Command::new("python3").args(["-c", "import ensurepip, venv"])).is_ok(),
    },
    Need {
        what: "curl",
        why: "the examples of the documentation are run with it",
        packages: &["curl", "ca-certificates"],
        present: || run::which("curl").is_some(),
    },
];

/// What packages are built with.
pub(crate) const PACKAGING: &[Need] = &[
    Need {
        what: "dpkg-deb",
        why: "it writes the packages",
        packages: &["dpkg"],
        present: || run::which("dpkg-deb").is_some(),
    },
    Need {
        what: "strip and objdump",
        why: "programs are packaged without symbols, and need the libc that they name",
        packages: &["binutils"],
        present: || run::which("strip").is_some() && run::which("objdump").is_some(),
    },
];

/// What packages are tried with.
pub(crate) const INSTALLING: &[Need] = &[
    Need {
        what: "mmdebstrap",
        why: "it makes a Debian of its own, into which the packages are installed",
        packages: &["mmdebstrap"],
        present: || run::which("mmdebstrap").is_some(),
    },
    Need {
        what: "lintian",
        why: "it knows Debian's rules for packages",
        packages: &["lintian"],
        present: || run::which("lintian").is_some(),
    },
];

/// Installs what is missing of `needs`, saying what and why.
///
/// # Errors
/// When something is missing and it can't be installed from here: the one command to run.
pub(crate) fn ensure(needs: &[Need]) -> Result<()> {
    let missing: Vec<&Need> = needs.iter().filter(|need| !(need.present)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("missing on this machine:");
    for need in &missing {
        eprintln!("  {} ({}), from {}", need.what, need.why, need.packages.join(" "));
    }
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages).copied().collect();
    if run::which("apt-get").is_none() {
        let what: Vec<&str> = missing.iter().map(|need| need.what).collect();
        bail!(
            "install {} by this system's own package manager, then run again",
            what.join(", ")
        );
    }
    let Some(privilege) = privilege() else {
        bail!(
            "these need root rights to install; run this once, then try again:\n  \
             su -c 'apt-get update && apt-get install --yes {}'",
            packages.join(" ")
        );
    };
    let step = Step::start(format!("install {}", packages.join(" ")));
    step.note("package lists");
    run::output(privileged(privilege).args(["apt-get", "update"]))?;
    run::lines(
        privileged(privilege)
            .args([
                "env",
                "DEBIAN_FRONTEND=noninteractive",
                "apt-get",
                "install",
                "--yes",
            ])
            .arg("--no-install-recommends")
            .args(&packages),
        |line| step.note(line.chars().take(60).collect::<String>()),
    )?;
    if let Some(still) = missing.iter().find(|need| !(need.present)()) {
        bail!(
            "{} is still not found after installing {}",
            still.what,
            still.packages.join(" ")
        );
    }
    step.done("");
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Privilege {
    Root,
    Sudo,
}

/// Whether this run has all rights.
pub(super) fn is_root() -> bool {
    run::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// How this run can install packages. sudo asks for its password here, before any progress is shown.
fn privilege() -> Option<Privilege> {
    if is_root() {
        return Some(Privilege::Root);
    }
    run::which("sudo")?;
    let mut sudo = Command::new("sudo");
    if !stdin().is_terminal() {
        sudo.arg("-n");
    }
    sudo.arg("-v")
        .status()
        .is_ok_and(|status| status.success())
        .then_some(Privilege::Sudo)
}

/// A command that runs its arguments with root rights.
fn privileged(privilege: Privilege) -> Command {
    match privilege {
        Privilege::Root => Command::new("env"),
        Privilege::Sudo => {
            let mut sudo = Command::new("sudo");
            sudo.arg("-n");
            sudo
        }
    }
}

/// The library, and the headers of the compiler (stddef.h) without which it reads nothing.
fn libclang() -> bool {
    let mut dirs: Vec<PathBuf> = std::env::var_os("LIBCLANG_PATH")
        .map(PathBuf::from)
        .into_iter()
        .collect();
    let llvm = children("/usr/lib", "llvm-");
    dirs.extend(llvm.iter().map(|dir| dir.join("lib")));
    dirs.extend(["/usr/lib", "/usr/lib64", "/usr/local/lib"].map(PathBuf::from));
    dirs.extend(
        children("/usr/lib", "")
            .into_iter()
            .filter(|dir| dir.to_string_lossy().ends_with("-linux-gnu")),
    );
    let library = dirs.iter().any(|dir| {
        children(dir, "libclang").iter().any(|file| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            name.contains(".so") && !name.starts_with("libclang-cpp")
        })
    });
    let mut headers: Vec<PathBuf> = llvm.iter().map(|dir| dir.join("lib/clang")).collect();
    headers.extend(["/usr/lib/clang", "/usr/lib64/clang"].map(PathBuf::from));
    let headers = headers.iter().any(|dir| {
        children(dir, "")
            .iter()
            .any(|version| version.join("include/stddef.h").exists())
    });
    library && headers
}

/// What is in `dir` and begins with `prefix`.
fn children(dir: impl AsRef<Path>, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok())
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_present_installs_nothing() {
        ensure(&[Need {
            what: "a shell",
            why: "test",
            packages: &["no-such-package"],
            present: || true,
        }])
        .unwrap();
    }
}
