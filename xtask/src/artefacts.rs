//! Builds what runs on the PBX and beside it: the module and the daemon.

use crate::provision::Pbx;
use crate::run;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use cargo_metadata::Message;
use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How programs are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quick to build, with all checks: for tests.
    Dev,
    /// As operators have it: for measurements.
    Release,
    /// As operators have it, and without the names of this machine's folders: for packages.
    Dist,
}

/// The daemon and its tool.
#[derive(Debug, Clone)]
pub(crate) struct Daemon {
    pub(crate) supervisord: PathBuf,
    pub(crate) hotlinectl: PathBuf,
}

/// Builds the module against `pbx`; another build with other features writes the same file.
///
/// With `faults` it has the switches that tests use to make it panic.
pub(crate) fn built_module(
    workspace: &Workspace,
    pbx: &Pbx,
    profile: Profile,
    faults: bool,
) -> Result<PathBuf> {
    let mut args = vec!["--package", "app_hotline"];
    if faults {
        args.extend(["--features", "fault-injection"]);
    }
    build(workspace, profile, &args, Some(pbx))?
        .into_iter()
        .find(|file| file.file_name().is_some_and(|name| name == "libapp_hotline.so"))
        .context("building app_hotline makes no libapp_hotline.so: its crate-type must be cdylib")
}

/// The same, put under the name that the PBX loads into a folder of its own.
pub(crate) fn module(workspace: &Workspace, pbx: &Pbx, profile: Profile, faults: bool) -> Result<PathBuf> {
    let built = built_module(workspace, pbx, profile, faults)?;
    // A build with other features writes the same file: keep this one apart.
    let kind = match (profile, faults) {
        (Profile::Dev, true) => "faults",
        (Profile::Dev, false) => "dev",
        (Profile::Release, true) => "release-faults",
        (Profile::Release, false) => "release",
        (Profile::Dist, true) => "dist-faults",
        (Profile::Dist, false) => "dist",
    };
    let dir = workspace.pbx_dir().join("module").join(kind);
    fs::create_dir_all(&dir).with_context(|| format!("cannot make the folder {}", dir.display()))?;
    let module = dir.join("app_hotline.so");
    let partial = dir.join("app_hotline.so.partial");
    // Renamed into place: a PBX that runs the old one keeps it.
    fs::copy(&built, &partial).with_context(|| format!("cannot copy {}", built.display()))?;
    fs::rename(&partial, &module).with_context(|| format!("cannot make {}", module.display()))?;
    Ok(module)
}

/// Builds the daemon and its tool.
pub(crate) fn daemon(workspace: &Workspace, profile: Profile) -> Result<Daemon> {
    let made = build(
        workspace,
        profile,
        &["--package", "hotline-supervisord", "--bins"],
        None,
    )?;
    Ok(Daemon {
        supervisord: named(&made, "hotline-supervisord")?,
        hotlinectl: named(&made, "hotlinectl")?,
    })
}

/// Builds the program that checks the module's settings.
pub(crate) fn check(workspace: &Workspace, profile: Profile) -> Result<PathBuf> {
    named(
        &build(workspace, profile, &["--package", "hotline-check"], None)?,
        "hotline-check",
    )
}

fn named(made: &[PathBuf], name: &str) -> Result<PathBuf> {
    let found = made
        .iter()
        .find(|file| file.file_name().is_some_and(|file| file == name))
        .cloned();
    found.with_context(|| format!("the build makes no {name}"))
}

/// A cargo command in the workspace; with a PBX, one that builds against its headers.
pub(crate) fn cargo(workspace: &Workspace, pbx: Option<&Pbx>) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(&workspace.root);
    // What cargo set for xtask itself is not meant for what xtask builds.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR" {
            cargo.env_remove(name);
        }
    }
    if let Some(pbx) = pbx {
        cargo.env("ASTERISK_INCLUDE_DIR", &pbx.include_dir);
    }
    cargo
}

/// Builds and returns the files that it made; cargo shows its own progress.
fn build(workspace: &Workspace, profile: Profile, args: &[&str], pbx: Option<&Pbx>) -> Result<Vec<PathBuf>> {
    let mut command = cargo(workspace, pbx);
    command
        .args(["build", "--message-format=json-render-diagnostics"])
        .args(args);
    match profile {
        Profile::Dev => {}
        Profile::Release => {
            command.arg("--release");
        }
        Profile::Dist => {
            command.arg("--release").env("RUSTFLAGS", remap(workspace));
        }
    }
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let Some(stdout) = child.stdout.take() else {
        bail!("cargo has no output to read")
    };
    let mut files = Vec::new();
    for message in Message::parse_stream(BufReader::new(stdout)) {
        if let Message::CompilerArtifact(made) = message? {
            files.extend(made.filenames.iter().map(|file| Path::new(file).to_owned()));
            files.extend(made.executable.iter().map(|file| Path::new(file).to_owned()));
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!(
            "`cargo build {}` failed ({status}): what it says is above",
            args.join(" ")
        );
    }
    Ok(files)
}

/// Names in place of this machine's folders, so that two machines make the same programs.
fn remap(workspace: &Workspace) -> String {
    let mut flags = format!("--remap-path-prefix={}=hotline", workspace.root.display());
    if let Some(home) = cargo_home() {
        flags.push_str(&format!(" --remap-path-prefix={}=cargo", home.display()));
    }
    flags
}

/// A cargo command that is not part of cargo, `cargo-nextest`: the user's own, else built into target/tools.
pub(crate) fn cargo_tool(workspace: &Workspace, name: &str, version: &str, why: &str) -> Result<PathBuf> {
    if let Some(installed) = run::which(name).or_else(|| in_cargo_home(name)) {
        return Ok(installed);
    }
    let root = workspace.target.join("tools");
    let tool = root.join("bin").join(name);
    if run::is_program(&tool) {
        return Ok(tool);
    }
    eprintln!(
        "{name} is missing ({why}): building {name} {version} into {}, a few minutes",
        root.display()
    );
    // A build without optimisation is ready in a third of the time and quick enough.
    run::attached(
        cargo(workspace, None)
            .args(["install", "--locked", "--debug", "--version", version, "--root"])
            .arg(&root)
            .arg(name)
            .env("CARGO_TARGET_DIR", root.join("build")),
    )?;
    fs::remove_dir_all(root.join("build"))?;
    Ok(tool)
}

fn in_cargo_home(name: &str) -> Option<PathBuf> {
    let tool = cargo_home()?.join("bin").join(name);
    run::is_program(&tool).then_some(tool)
}

fn cargo_home() -> Option<PathBuf> {
    std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))
}
