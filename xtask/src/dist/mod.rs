//! `cargo xtask dist`: Debian packages of the module and of the daemon, and the proof that they install.

mod check;
mod contents;
mod package;

use crate::artefacts::{self, Profile};
use crate::progress::Step;
use crate::provision::{self, Pbx, Root};
use crate::run;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use contents::Built;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Build the Debian packages hotline-asterisk and hotline-supervisord.
///
/// The same commit makes the same packages, byte for byte, with the same compiler in any folder. The module's package
/// depends on the very interface of the Asterisk that it was built against.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the packages go
    #[arg(long, value_name = "DIR", default_value = "target/dist")]
    out: PathBuf,
    /// Install, upgrade, remove and purge them in a Debian of their own, with its Asterisk; needs root rights
    #[arg(long)]
    check: bool,
}

/// The command itself.
pub(crate) fn main(args: &Args) -> Result<()> {
    let workspace = Workspace::find()?;
    let packages = build(&workspace, Profile::Dist, &args.out, args.check)?;
    for package in &packages.files {
        println!("{}", package.display());
    }
    if args.check {
        println!("{}", check::run(&workspace, &packages)?);
    }
    Ok(())
}

/// The part of `cargo xtask test`: the packages with programs that the other parts have built already.
pub(crate) fn test(workspace: &Workspace) -> Result<String> {
    let packages = build(workspace, Profile::Dev, &workspace.target.join("dist/test"), true)?;
    check::run(workspace, &packages)
}

/// The packages, and what is tried with them.
struct Packages {
    /// As they are to be installed.
    files: Vec<PathBuf>,
    /// The same things under an earlier version, for upgrades.
    earlier: Vec<PathBuf>,
    /// A Debian to try them in.
    root: Option<Root>,
}

fn build(workspace: &Workspace, profile: Profile, out: &Path, check: bool) -> Result<Packages> {
    provision::packaging_tools(check)?;
    let pbx = provision::pbx(workspace)?;
    let abi = abi(&pbx)?;
    // First, since it takes longest where it is not there yet, and may fail.
    let root = if check {
        Some(Root::provide(workspace, &abi)?)
    } else {
        None
    };
    let daemon = artefacts::daemon(workspace, profile)?;
    let built = Built {
        module: artefacts::built_module(workspace, &pbx, profile, false)?,
        supervisord: daemon.supervisord,
        hotlinectl: daemon.hotlinectl,
        check: artefacts::check(workspace, profile)?,
    };
    let step = Step::start("make packages");
    let commit = Commit::read(workspace)?;
    let version = env!("CARGO_PKG_VERSION");
    let contents = contents::all(&built, &modules_dir(&pbx)?, &abi);
    let out = workspace.root.join(out);
    fs::create_dir_all(&out).with_context(|| format!("cannot make the folder {}", out.display()))?;
    let make = |version: &str| -> Result<Vec<PathBuf>> {
        contents
            .iter()
            .map(|contents| package::make(workspace, contents, version, &commit, &out))
            .collect()
    };
    let packages = Packages {
        files: make(version)?,
        // Sorts before any release.
        earlier: if check { make("0.0.1~earlier")? } else { Vec::new() },
        root,
    };
    step.done(version);
    Ok(packages)
}

/// The commit that is packaged: its time is that of every file.
struct Commit {
    /// Seconds since the Unix epoch.
    time: u64,
    /// As Debian's changelogs have it.
    date: String,
}

impl Commit {
    fn read(workspace: &Workspace) -> Result<Commit> {
        let told = |format: &str| {
            run::output(Command::new("git").current_dir(&workspace.root).args([
                "log",
                "-1",
                &format!("--format={format}"),
            ]))
            .map(|said| said.trim().to_owned())
        };
        let time = match std::env::var("SOURCE_DATE_EPOCH") {
            Ok(epoch) => epoch,
            Err(_) => told("%ct")?,
        };
        let time: u64 = time
            .parse()
            .with_context(|| format!("SOURCE_DATE_EPOCH is no number of seconds: {time:?}"))?;
        let date =
            run::output(Command::new("date").args(["--utc", "--rfc-email", &format!("--date=@{time}")]))?;
        Ok(Commit {
            time,
            date: date.trim().to_owned(),
        })
    }
}

/// The checksum of the options that an Asterisk was built with: it loads no module of another.
fn abi(pbx: &Pbx) -> Result<String> {
    let header = pbx.include_dir.join("asterisk/buildopts.h");
    let text = fs::read_to_string(&header).with_context(|| format!("cannot read {}", header.display()))?;
    let sum = text
        .lines()
        .find_map(|line| line.strip_prefix("#define AST_BUILDOPT_SUM"))
        .map(|rest| rest.trim().trim_matches('"').to_owned());
    match sum {
        Some(sum) if !sum.is_empty() => Ok(sum),
        _ => bail!("{} names no AST_BUILDOPT_SUM", header.display()),
    }
}

/// Where the PBX looks for modules once it is installed.
fn modules_dir(pbx: &Pbx) -> Result<PathBuf> {
    let shown = pbx.modules_dir.display();
    let text = pbx.modules_dir.to_string_lossy();
    let at = text
        .rfind("/usr/")
        .with_context(|| format!("the modules of the PBX are in {shown}, which is not below /usr"))?;
    Ok(PathBuf::from(&text[at + 1..]))
}
