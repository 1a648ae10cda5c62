//! `cargo xtask test`: every check and every test, on the PBX that is provided for it.

use crate::artefacts::{self, Daemon, Profile, cargo, cargo_tool};
use crate::dist;
use crate::progress::human;
use crate::provision::{self, Pbx};
use crate::run;
use crate::tidy;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// Versions that build with the oldest Rust that the workspace allows.
const NEXTEST: &str = "0.9.128";
const DENY: &str = "0.20.2";
/// Seeds that the simulator tries; each is a shift of its own.
const SEEDS: u32 = 3_000;

/// Run every check and every test, on a real PBX.
///
/// Provides the PBX and the tools first (see `cargo xtask pbx`), builds the module and the daemon, and runs all
/// parts, also after one has failed. The table at the end says what each took.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run these parts only
    #[arg(long, value_delimiter = ',', value_name = "PART")]
    only: Vec<Part>,
    /// Leave these parts out
    #[arg(long, value_delimiter = ',', value_name = "PART")]
    skip: Vec<Part>,
    /// Tests to run, for the parts unit and testbed: any part of a test's name
    #[arg(last = true, value_name = "FILTER")]
    filters: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The sources are formatted
    Fmt,
    /// The project's own rules hold
    Tidy,
    /// Licences, sources and known faults of dependencies
    Deny,
    /// Clippy finds nothing, in all crates and tests
    Clippy,
    /// The tests that need no PBX
    Unit,
    /// The examples in the documentation
    Doc,
    /// The simulator, over several hundred seeds
    Sim,
    /// The product on a real PBX with callers and agents
    Testbed,
    /// The demo, for 15 seconds
    Demo,
    /// The packages, in a Debian of their own, which needs root and is made at first; only if it is asked for
    Dist,
}

impl Part {
    fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    /// Runs if no parts are named.
    fn is_usual(self) -> bool {
        self != Part::Dist
    }

    /// Compiles against the PBX's headers.
    fn needs_pbx(self) -> bool {
        !matches!(
            self,
            Part::Fmt | Part::Tidy | Part::Deny | Part::Sim | Part::Demo | Part::Dist
        )
    }
}

/// What the parts share.
struct Session {
    workspace: Workspace,
    filters: Vec<String>,
    pbx: Option<Pbx>,
    prometheus: Option<provision::Prometheus>,
    postgres: Option<provision::Postgres>,
    schemathesis: Option<PathBuf>,
}

/// One line of the table at the end.
struct Outcome {
    name: String,
    took: Duration,
    result: Result<String>,
}

/// The command itself.
pub(crate) fn main(args: &Args) -> Result<()> {
    let parts: Vec<Part> = Part::value_variants()
        .iter()
        .copied()
        .filter(|part| match args.only.as_slice() {
            [] => part.is_usual(),
            only => only.contains(part),
        })
        .filter(|part| !args.skip.contains(part))
        .collect();
    if parts.is_empty() {
        bail!("nothing is left to run: --only and --skip exclude all parts");
    }
    let mut session = Session {
        workspace: Workspace::find()?,
        filters: args.filters.clone(),
        pbx: None,
        prometheus: None,
        postgres: None,
        schemathesis: None,
    };
    let begun = Instant::now();
    let mut outcomes = Vec::new();
    if parts.iter().any(|part| part.needs_pbx()) {
        let tests = parts
            .iter()
            .any(|part| matches!(part, Part::Unit | Part::Testbed));
        outcomes.push(timed("pbx", || session.provide(tests)));
    }
    // Without a PBX nothing that compiles against it can be judged; the rest can.
    let provided = outcomes.iter().all(|outcome| outcome.result.is_ok());
    for part in parts.into_iter().filter(|part| provided || !part.needs_pbx()) {
        outcomes.push(timed(&part.name(), || session.run(part)));
    }
    report(&outcomes, begun.elapsed())
}

fn timed(name: &str, work: impl FnOnce() -> Result<String>) -> Outcome {
    eprintln!("\n== {name}");
    let begun = Instant::now();
    let result = work();
    if let Err(error) = &result {
        eprintln!("{name} failed: {error:#}");
    }
    Outcome {
        name: name.to_owned(),
        took: begun.elapsed(),
        result,
    }
}

fn report(outcomes: &[Outcome], took: Duration) -> Result<()> {
    println!();
    for outcome in outcomes {
        let (mark, note) = match &outcome.result {
            Ok(note) => ("ok", note.clone()),
            Err(error) => (
                "FAILED",
                error.to_string().lines().next().unwrap_or_default().to_owned(),
            ),
        };
        println!(
            "{:<8} {:<6} {:>12}  {note}",
            outcome.name,
            mark,
            human(outcome.took)
        );
    }
    println!("{:<8} {:<6} {:>12}", "all", "", human(took));
    let failed: Vec<&str> = outcomes
        .iter()
        .filter(|outcome| outcome.result.is_err())
        .map(|outcome| outcome.name.as_str())
        .collect();
    if !failed.is_empty() {
        bail!(
            "failed: {}; one alone: `cargo xtask test --only {}`",
            failed.join(", "),
            failed[0]
        );
    }
    Ok(())
}

impl Session {
    fn provide(&mut self, tests: bool) -> Result<String> {
        let pbx = provision::pbx(&self.workspace)?;
        if tests {
            self.prometheus = Some(provision::prometheus(&self.workspace)?);
            self.postgres = Some(provision::postgres(&self.workspace)?);
            self.schemathesis = Some(provision::schemathesis(&self.workspace)?);
        }
        let said = format!("Asterisk {} ({:?})", pbx.version, pbx.kind);
        self.pbx = Some(pbx);
        Ok(said)
    }

    fn run(&self, part: Part) -> Result<String> {
        match part {
            Part::Fmt => self.cargo(&["fmt", "--all", "--", "--check"]),
            Part::Tidy => tidy::check(&self.workspace),
            Part::Deny => self.deny(),
            Part::Clippy => self.cargo(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--all-features",
                "--",
                "-D",
                "warnings",
            ]),
            Part::Unit => self.nextest(&["--workspace", "--exclude", "hotline-testbed"], &[]),
            Part::Doc => self.cargo(&["test", "--doc", "--workspace"]),
            Part::Sim => self.cargo(&[
                "run",
                "--quiet",
                "--release",
                "--package",
                "hotline-sim",
                "--",
                "--runs",
                &SEEDS.to_string(),
            ]),
            Part::Testbed => self.testbed(),
            Part::Demo => demo(),
            Part::Dist => dist::test(&self.workspace),
        }
    }

    fn cargo(&self, args: &[&str]) -> Result<String> {
        run::attached(cargo(&self.workspace, self.pbx.as_ref()).args(args)).map(|()| String::new())
    }

    fn nextest(&self, args: &[&str], env: &[(&str, PathBuf)]) -> Result<String> {
        let nextest = cargo_tool(&self.workspace, "cargo-nextest", NEXTEST, "it runs the tests")?;
        let mut command = cargo(&self.workspace, self.pbx.as_ref());
        // The tool is called as cargo calls it: it may be in a folder that cargo doesn't search.
        let mut command = rename(&mut command, &nextest);
        command
            .args(["nextest", "run", "--no-tests=pass"])
            .args(args)
            .args(&self.filters);
        command.env("HOTLINE_PBX", Pbx::file(&self.workspace));
        if let Some(prometheus) = &self.prometheus {
            command.env("HOTLINE_PROMTOOL", &prometheus.promtool);
            command.env("HOTLINE_PROMETHEUS", &prometheus.server);
        }
        if let Some(postgres) = &self.postgres {
            command.env("HOTLINE_POSTGRES", &postgres.bin);
            if let Some(libs) = &postgres.libs {
                command.env("HOTLINE_POSTGRES_LIBS", libs);
            }
        }
        if let Some(schemathesis) = &self.schemathesis {
            command.env("HOTLINE_SCHEMATHESIS", schemathesis);
        }
        command.envs(env.iter().map(|(name, value)| (*name, value)));
        run::attached(&mut command).map(|()| String::new())
    }

    fn testbed(&self) -> Result<String> {
        let pbx = self.pbx.as_ref().context("no PBX was provided")?;
        let module = artefacts::module(&self.workspace, pbx, Profile::Dev, true)?;
        let Daemon {
            supervisord,
            hotlinectl,
        } = artefacts::daemon(&self.workspace, Profile::Dev)?;
        self.nextest(
            &["--package", "hotline-testbed"],
            &[
                ("HOTLINE_MODULE", module),
                ("HOTLINE_SUPERVISORD", supervisord),
                ("HOTLINECTL", hotlinectl),
            ],
        )
    }

    fn deny(&self) -> Result<String> {
        let tool = cargo_tool(
            &self.workspace,
            "cargo-deny",
            DENY,
            "it checks the dependencies' licences",
        )?;
        let deny = || {
            let mut cargo = cargo(&self.workspace, None);
            let mut command = rename(&mut cargo, &tool);
            command.args(["--log-level", "error"]);
            command
        };
        run::attached(deny().args(["check", "bans", "licenses", "sources"]))?;
        run::attached(
            deny()
                .args([
                    "--manifest-path",
                    "mod_rust/app_hotline/Cargo.toml",
                    "--config",
                    "deny-module.toml",
                ])
                .args(["check", "licenses"]),
        )?;
        match run::output(deny().args(["check", "advisories"])) {
            Ok(_) => Ok("advisories too".into()),
            Err(error) if error.to_string().contains("failed to fetch advisory database") => {
                Ok("without advisories: their database can't be fetched from here".into())
            }
            Err(error) => Err(error),
        }
    }
}

/// The same command for another program.
fn rename(command: &mut Command, program: &std::path::Path) -> Command {
    let mut other = Command::new(program);
    if let Some(dir) = command.get_current_dir() {
        other.current_dir(dir);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => other.env(name, value),
            None => other.env_remove(name),
        };
    }
    other
}

/// Runs the demo as a user would, and believes its last line.
fn demo() -> Result<String> {
    let xtask = std::env::current_exe().context("where is xtask itself?")?;
    let said = run::output(Command::new(xtask).args(["demo", "--seconds", "15", "--json"]))?;
    judge_demo(said.lines().last().unwrap_or_default())
}

fn judge_demo(summary: &str) -> Result<String> {
    let json: serde_json::Value = serde_json::from_str(summary)
        .with_context(|| format!("the demo's last line is no JSON: {summary:?}"))?;
    let count = |name: &str| {
        json[name]
            .as_u64()
            .with_context(|| format!("the demo's summary has no count {name}: {summary}"))
    };
    let (offered, answered, abandoned) = (
        count("calls_offered")?,
        count("calls_answered")?,
        count("calls_abandoned")?,
    );
    if answered == 0 || answered + abandoned > offered {
        bail!("the demo offered {offered} calls, {answered} were answered, {abandoned} abandoned: {summary}");
    }
    if json["audio_ok"] != true {
        bail!("the demo's callers and agents did not hear each other (audio_ok): {summary}");
    }
    if json["counters_agree"] != true {
        bail!("the metrics do not count what the events and the phones count (counters_agree): {summary}");
    }
    Ok(format!("{answered} of {offered} calls answered, with audio"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_is_judged_by_its_summary() {
        let good = r#"{"calls_offered":9,"calls_answered":7,"calls_abandoned":1,"audio_ok":true,"counters_agree":true}"#;
        assert_eq!(judge_demo(good).unwrap(), "7 of 9 calls answered, with audio");
        for bad in [
            "",
            "{}",
            r#"{"calls_offered":9,"calls_answered":0,"calls_abandoned":1,"audio_ok":true,"counters_agree":true}"#,
            r#"{"calls_offered":9,"calls_answered":9,"calls_abandoned":1,"audio_ok":true,"counters_agree":true}"#,
            r#"{"calls_offered":9,"calls_answered":7,"calls_abandoned":1,"audio_ok":false,"counters_agree":true}"#,
            r#"{"calls_offered":9,"calls_answered":7,"calls_abandoned":1,"audio_ok":true,"counters_agree":false}"#,
        ] {
            assert!(judge_demo(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_failed_part_fails_the_run_and_is_named() {
        let one = |name: &str, result| Outcome {
            name: name.into(),
            took: Duration::ZERO,
            result,
        };
        assert!(report(&[one("fmt", Ok(String::new()))], Duration::ZERO).is_ok());
        let outcomes = [
            one("fmt", Ok(String::new())),
            one("sim", Err(anyhow::anyhow!("seed 7"))),
        ];
        let error = report(&outcomes, Duration::ZERO).unwrap_err().to_string();
        assert!(error.contains("--only sim"), "{error}");
    }
}
