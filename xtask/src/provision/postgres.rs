//! PostgreSQL, for the tests of the daemon's store: the machine's own, else Debian's, not installed but unpacked, so that no
//! server is set up or started here.

use super::apt::{self, Apt, Package};
use super::host;
use super::mirror::Mirror;
use crate::progress::Step;
use crate::run;
use anyhow::{Context, Result, bail};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `nobody`: PostgreSQL does not run as root, so tests that do start it as this user.
const NOBODY: u32 = 65_534;
/// Libraries that every machine has, and those of parts that tests do not use.
const NOT_NEEDED: &[&str] = &["libc6", "libc-bin", "libllvm", "libperl", "libgcc", "libstdc++"];

/// The programs of the server.
pub(crate) struct Postgres {
    /// The folder with initdb and postgres.
    pub(crate) bin: PathBuf,
    /// Libraries that they need and this machine may not have.
    pub(crate) libs: Option<PathBuf>,
}

/// Finds it, or unpacks it into `dir`/postgres.
pub(crate) fn provide(dir: &Path) -> Result<Postgres> {
    match newest(Path::new("/usr/lib/postgresql")) {
        Some(bin) => Ok(Postgres { bin, libs: None }),
        None => unpacked(dir),
    }
}

/// Debian has the programs in a folder for each version.
fn newest(versions: &Path) -> Option<PathBuf> {
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let mut found: Vec<PathBuf> = fs::read_dir(versions)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|version| {
            ["initdb", "postgres"]
                .iter()
                .all(|name| run::is_program(&version.join("bin").join(name)))
        })
        .collect();
    found.sort_by_key(|version| number(version));
    found.pop().map(|version| version.join("bin"))
}

fn unpacked(dir: &Path) -> Result<Postgres> {
    let root = dir.join("postgres");
    if let Some(found) = in_root(&root) {
        return Ok(found);
    }
    let step = Step::start("provide PostgreSQL: Debian's package, into target/pbx/postgres");
    step.note("package lists");
    let mirror = Mirror::of_this_machine()?;
    let apt = Apt::open(
        &dir.join("apt-postgres"),
        &mirror,
        &mirror.suite,
        &mirror.components,
    )?;
    let packages: Vec<Package> = apt
        .resolve(&["postgresql"])?
        .into_iter()
        .filter(|package| is_needed(&package.name))
        .collect();
    let debs = apt.download(&packages, &step)?;
    let partial = dir.join("postgres.partial");
    super::remove(&partial)?;
    for (index, deb) in debs.iter().enumerate() {
        step.note(format!("unpack {} of {}", index + 1, debs.len()));
        apt::unpack(deb, &partial)?;
    }
    let Some(found) = in_root(&partial) else {
        bail!("Debian's package has no initdb in it: install PostgreSQL, then run again");
    };
    starts(&found)?;
    super::remove(&root)?;
    // Renamed last: what is there is whole and was seen to start.
    fs::rename(&partial, &root).with_context(|| format!("cannot make {}", root.display()))?;
    apt.close()?;
    step.done("");
    in_root(&root).with_context(|| format!("{} has no initdb in it", root.display()))
}

/// The server itself and libraries.
fn is_needed(name: &str) -> bool {
    let server = name
        .strip_prefix("postgresql-")
        .is_some_and(|version| version.bytes().all(|byte| byte.is_ascii_digit()));
    server || (name.starts_with("lib") && !NOT_NEEDED.iter().any(|not| name.starts_with(not)))
}

fn in_root(root: &Path) -> Option<Postgres> {
    let bin = newest(&root.join("usr/lib/postgresql"))?;
    let triplet = format!("{}-linux-gnu", std::env::consts::ARCH);
    Some(Postgres {
        bin,
        libs: Some(root.join("usr/lib").join(triplet)),
    })
}

/// As the user who will start it.
fn starts(postgres: &Postgres) -> Result<()> {
    let mut command = Command::new(postgres.bin.join("initdb"));
    command.arg("--version").current_dir("/");
    if let Some(libs) = &postgres.libs {
        command.env("LD_LIBRARY_PATH", libs);
    }
    if host::is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    run::output(&mut command).map(drop).context(
        "the unpacked PostgreSQL does not start as a user who is not root: move this folder to where everybody may \
         read, or install PostgreSQL",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_and_its_libraries_are_needed() {
        for name in ["postgresql-15", "libpq5", "libicu72", "libxml2"] {
            assert!(is_needed(name), "{name}");
        }
        for name in [
            "postgresql",
            "postgresql-client-15",
            "postgresql-common",
            "perl",
            "libc6",
            "libllvm14",
            "libperl5.36",
        ] {
            assert!(!is_needed(name), "{name}");
        }
    }

    #[test]
    fn the_newest_version_that_is_whole_is_taken() {
        let dir = std::env::temp_dir().join(format!("hotline-xtask-{}-postgres", std::process::id()));
        super::super::remove(&dir).unwrap();
        for (version, programs) in [("9", 2), ("15", 2), ("17", 1)] {
            let bin = dir.join(version).join("bin");
            fs::create_dir_all(&bin).unwrap();
            for name in ["initdb", "postgres"].iter().take(programs) {
                let program = bin.join(name);
                fs::write(&program, "").unwrap();
                fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
            }
        }
        assert_eq!(newest(&dir), Some(dir.join("15/bin")));
        super::super::remove(&dir).unwrap();
    }
}
