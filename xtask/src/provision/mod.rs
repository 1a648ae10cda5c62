//! `cargo xtask pbx`: everything that the module and its tests need from outside of the workspace.
//!
//! An Asterisk with its headers (the system's own, else Debian's package unpacked under target/, with no root
//! rights and no chroot), the programs of the host (compiler, libclang, SIPp, D-Bus, Python, curl), Prometheus, PostgreSQL and
//! schemathesis. A second run takes milliseconds; runs at the same time wait for each other.

mod apt;
mod host;
mod mirror;
mod postgres;
mod private;
mod prometheus;
mod root;
mod schemathesis;
mod system;

pub(crate) use postgres::Postgres;
pub(crate) use prometheus::Prometheus;
pub(crate) use root::Root;

use crate::progress::Step;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Provide Asterisk with its headers and the tools that the tests need.
///
/// A system Asterisk 18 or newer with headers is used if there is one; else Debian's own package is unpacked into
/// target/pbx/root, which needs no root rights. Missing host programs are installed by apt-get, as root or by sudo.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Start over: forget the Asterisk that was unpacked before
    #[arg(long)]
    fresh: bool,
    /// Unpack Debian's Asterisk even if the system has one
    #[arg(long)]
    private: bool,
    /// Print target/pbx/pbx.json instead of a summary
    #[arg(long)]
    json: bool,
}

/// Where an Asterisk came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Unpacked under target/pbx/root.
    Private,
    /// Installed on this machine.
    System,
}

/// An Asterisk to build against and to run: the contents of target/pbx/pbx.json.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pbx {
    /// Where it came from.
    pub(crate) kind: Kind,
    /// Its version, `22.10.1`.
    pub(crate) version: String,
    /// The command that starts it; Asterisk's own arguments follow.
    pub(crate) run: Vec<String>,
    /// The folder of its loadable modules.
    pub(crate) modules_dir: PathBuf,
    /// Its read-only data: documentation, sounds, music.
    pub(crate) data_dir: PathBuf,
    /// The folder that holds asterisk.h and asterisk/.
    pub(crate) include_dir: PathBuf,
    /// How it was made; another recipe makes it anew.
    pub(crate) recipe: String,
}

impl Pbx {
    /// The file that describes it, for tests and other programs.
    pub(crate) fn file(workspace: &Workspace) -> PathBuf {
        workspace.pbx_dir().join("pbx.json")
    }

    /// What is left of an earlier run, if it is whole.
    fn load(file: &Path) -> Option<Self> {
        let pbx: Self = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
        let whole = pbx.run.first().is_some_and(|program| Path::new(program).exists())
            && pbx.include_dir.join("asterisk.h").exists()
            && pbx.modules_dir.is_dir();
        whole.then_some(pbx)
    }

    /// Written last and in one piece, so that the file says that everything else is there.
    fn save(&self, file: &Path) -> Result<()> {
        let partial = file.with_extension("json.partial");
        let mut out =
            File::create(&partial).with_context(|| format!("cannot write {}", partial.display()))?;
        serde_json::to_writer_pretty(&mut out, self)?;
        out.write_all(b"\n")?;
        out.sync_all()?;
        std::fs::rename(&partial, file).with_context(|| format!("cannot write {}", file.display()))
    }
}

/// The command itself.
pub(crate) fn main(args: &Args) -> Result<()> {
    let workspace = Workspace::find()?;
    host::ensure(host::EVERYTHING)?;
    let pbx = provide(&workspace, args.fresh, args.private)?;
    let prometheus = prometheus(&workspace)?;
    let postgres = postgres(&workspace)?;
    let schemathesis = schemathesis(&workspace)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&pbx)?);
    } else {
        println!("Asterisk {} ({:?})", pbx.version, pbx.kind);
        println!("  run        {}", pbx.run.join(" "));
        println!("  headers    {}", pbx.include_dir.display());
        println!("  modules    {}", pbx.modules_dir.display());
        println!("  promtool   {}", prometheus.promtool.display());
        println!("  prometheus {}", prometheus.server.display());
        println!("  postgres   {}", postgres.bin.display());
        println!("  schemathesis {}", schemathesis.display());
        println!("  all of it, for programs: {}", Pbx::file(&workspace).display());
    }
    Ok(())
}

/// Everything that building the module and running it with callers and agents needs.
pub(crate) fn pbx(workspace: &Workspace) -> Result<Pbx> {
    host::ensure(host::EVERYTHING)?;
    provide(workspace, false, false)
}

/// Prometheus and promtool, for the tests of the metrics: the system's own, else Debian's.
pub(crate) fn prometheus(workspace: &Workspace) -> Result<Prometheus> {
    let _lock = lock(workspace)?;
    prometheus::provide(&workspace.pbx_dir())
}

/// What packages are made and installed with.
pub(crate) fn packaging_tools(check: bool) -> Result<()> {
    host::ensure(host::PACKAGING)?;
    if check {
        host::ensure(host::INSTALLING)?;
    }
    Ok(())
}

/// PostgreSQL, for the tests of the store: the system's own, else Debian's.
pub(crate) fn postgres(workspace: &Workspace) -> Result<Postgres> {
    let _lock = lock(workspace)?;
    postgres::provide(&workspace.pbx_dir())
}

/// schemathesis, for the test of the API.
pub(crate) fn schemathesis(workspace: &Workspace) -> Result<PathBuf> {
    let _lock = lock(workspace)?;
    schemathesis::provide(&workspace.target)
}

fn provide(workspace: &Workspace, fresh: bool, private: bool) -> Result<Pbx> {
    let _lock = lock(workspace)?;
    let file = Pbx::file(workspace);
    if fresh && file.exists() {
        std::fs::remove_file(&file)?;
    }
    let loaded = Pbx::load(&file);
    // Once unpacked it stays in use, whatever is installed later: `--fresh` looks again.
    if let Some(pbx) = &loaded
        && pbx.recipe == private::recipe()
    {
        return Ok(pbx.clone());
    }
    let system = if private { None } else { system::find() };
    let pbx = match (system, loaded) {
        (Some(system), Some(pbx)) if pbx.recipe == system.recipe() => return Ok(pbx),
        (Some(system), _) => system.describe()?,
        (None, _) => private::install(&workspace.pbx_dir())?,
    };
    pbx.save(&file)?;
    Ok(pbx)
}

/// Runs at the same time wait for each other; the lock goes with the process, however it ends.
fn lock(workspace: &Workspace) -> Result<File> {
    let dir = workspace.pbx_dir();
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make the folder {}", dir.display()))?;
    let path = dir.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let step = Step::start("wait for another run that is providing the PBX");
            file.lock()?;
            step.done("");
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock {}", path.display()));
        }
    }
    Ok(file)
}

/// Removes a folder with all that is in it; none there is fine.
fn remove(dir: &Path) -> Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot delete {}", dir.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("hotline-xtask-{}-{name}", std::process::id()));
        remove(&dir).unwrap();
        std::fs::create_dir_all(&dir).unwrap();
        dir
    }

    fn pbx(dir: &Path) -> Pbx {
        Pbx {
            kind: Kind::Private,
            version: "22.10.1".into(),
            run: vec![dir.join("loader").display().to_string(), "asterisk".into()],
            modules_dir: dir.join("modules"),
            data_dir: dir.join("data"),
            include_dir: dir.join("include"),
            recipe: "r".into(),
        }
    }

    #[test]
    fn a_description_counts_only_while_what_it_names_is_there() {
        let dir = scratch("marker");
        let pbx = pbx(&dir);
        let file = dir.join("pbx.json");
        pbx.save(&file).unwrap();
        assert_eq!(Pbx::load(&file), None);
        std::fs::create_dir_all(&pbx.modules_dir).unwrap();
        std::fs::create_dir_all(&pbx.include_dir).unwrap();
        std::fs::write(pbx.include_dir.join("asterisk.h"), "").unwrap();
        std::fs::write(dir.join("loader"), "").unwrap();
        assert_eq!(Pbx::load(&file), Some(pbx));
        std::fs::remove_file(dir.join("loader")).unwrap();
        assert_eq!(Pbx::load(&file), None);
        remove(&dir).unwrap();
    }

    #[test]
    fn a_torn_description_is_no_description() {
        let dir = scratch("torn");
        let file = dir.join("pbx.json");
        std::fs::write(&file, "{\"kind\":\"private\",").unwrap();
        assert_eq!(Pbx::load(&file), None);
        remove(&dir).unwrap();
    }

    #[test]
    fn two_runs_at_once_wait_for_each_other() {
        let dir = scratch("lock");
        let workspace = Workspace {
            root: dir.clone(),
            target: dir.clone(),
        };
        let held = lock(&workspace).unwrap();
        let other = File::create(workspace.pbx_dir().join("lock")).unwrap();
        assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
        drop(held);
        assert!(other.try_lock().is_ok());
        remove(&dir).unwrap();
    }
}
