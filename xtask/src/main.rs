//! `cargo xtask`: the project's own commands. Each is one module; what they share is in `workspace` (where things
//! are), `progress` (what the user sees) and `run` (starting programs).
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks on both"
)]

mod artefacts;
mod bench;
mod ci;
mod demo;
mod dist;
mod progress;
mod provision;
mod run;
mod sim;
mod test;
mod tidy;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Hotline's own commands. Progress goes to stderr, results to stdout.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Args),
    Test(test::Args),
    Pbx(provision::Args),
    Bench(bench::Bench),
    Sim(sim::Args),
    Tidy(tidy::Args),
    Ci(ci::Args),
    Dist(dist::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Demo(args) => demo::main(&args),
        Command::Test(args) => test::main(&args),
        Command::Pbx(args) => provision::main(&args),
        Command::Bench(args) => bench::main(&args),
        Command::Sim(args) => sim::main(&args),
        Command::Tidy(args) => tidy::main(&args),
        Command::Ci(args) => ci::main(&args),
        Command::Dist(args) => dist::main(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
