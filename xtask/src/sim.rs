//! `cargo xtask sim`: the simulator, built as it is released, with whatever arguments it takes.

use crate::artefacts::cargo;
use crate::run;
use crate::workspace::Workspace;
use anyhow::Result;

/// The simulator: random calls and mishaps against a reference model, journals replayed.
///
/// `cargo xtask sim --seed 7` runs a seed, `--forever` runs on until one fails, `replay FILE` prints what a journal led to, `replay FILE --with other.toml` reports
/// what other settings would have given. `cargo xtask sim -- --help` has all of it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Passed on to the simulator
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
    arguments: Vec<String>,
}

/// The command itself.
pub(crate) fn main(args: &Args) -> Result<()> {
    let workspace = Workspace::find()?;
    let mut command = cargo(&workspace, None);
    command.args([
        "run",
        "--quiet",
        "--release",
        "--package",
        "hotline-sim",
        "--bin",
        "hotline-sim",
    ]);
    // Files are named from where the user is, not from the workspace.
    if let Ok(here) = std::env::current_dir() {
        let manifest = workspace.root.join("Cargo.toml");
        command.current_dir(here).arg("--manifest-path").arg(manifest);
    }
    run::attached(command.arg("--").args(&args.arguments))
}
