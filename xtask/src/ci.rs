//! `cargo xtask ci`: what the continuous integration runs, on this machine.

use crate::run;
use crate::workspace::Workspace;
use anyhow::Result;
use std::process::Command;

/// Run .ci/run, as the continuous integration does.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Options of `cargo xtask test`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<String>,
}

/// The command itself.
pub(crate) fn main(args: &Args) -> Result<()> {
    let workspace = Workspace::find()?;
    run::attached(
        Command::new(workspace.root.join(".ci/run"))
            .args(&args.options)
            .current_dir(&workspace.root),
    )
}
