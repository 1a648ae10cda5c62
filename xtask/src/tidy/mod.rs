//! `cargo xtask tidy`: the rules of this project that a program can check.
//!
//! Each rule is a function from the [`Tree`] to findings; a finding names file, line and remedy. What the compiler
//! or clippy can check is left to them.

mod code;
mod crates;
mod text;
mod tree;

use crate::workspace::Workspace;
use anyhow::{Result, bail};
use std::fmt;
use std::path::PathBuf;
use tree::Tree;

/// Check the project's own rules: what may be unsafe, who may depend on whom, what every file must have.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// List the rules and end
    #[arg(long)]
    list: bool,
}

/// A rule and what it is for.
struct Rule {
    name: &'static str,
    why: &'static str,
    check: fn(&Tree) -> Vec<Finding>,
}

const RULES: &[Rule] = &[
    Rule {
        name: "engine-alone",
        why: "the engine has no dependency, so a journal replays to the same events on any machine",
        check: crates::engine_alone,
    },
    Rule {
        name: "arrows",
        why: "the daemon never links the engine, the wrapper of the PBX knows no call distribution",
        check: crates::arrows,
    },
    Rule {
        name: "licences",
        why: "the module carries the PBX's GPL key, everything else may live in other hosts",
        check: crates::licences,
    },
    Rule {
        name: "lints",
        why: "every crate takes the workspace's lints",
        check: crates::lints,
    },
    Rule {
        name: "unsafe",
        why: "unsafe code is only where the PBX's C interface is",
        check: code::no_unsafe,
    },
    Rule {
        name: "forbid-unsafe",
        why: "every other crate says so to the compiler",
        check: code::forbid_unsafe,
    },
    Rule {
        name: "pure-engine",
        why: "the engine has no clock, no thread, no randomness and no I/O of its own",
        check: code::pure_engine,
    },
    Rule {
        name: "guard",
        why: "nothing unwinds into the PBX",
        check: code::guarded_callbacks,
    },
    Rule {
        name: "first-line",
        why: "the reader learns first what a file is for",
        check: text::first_line,
    },
    Rule {
        name: "size",
        why: "a file has one reason to exist",
        check: text::size,
    },
    Rule {
        name: "machine",
        why: "the repository names no machine and no person's folder",
        check: text::machine,
    },
];

/// One place that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    /// A warning is shown and fails nothing.
    warning: bool,
    file: PathBuf,
    /// From 1.
    line: usize,
    /// What is wrong, then what to do.
    message: String,
}

impl Finding {
    fn new(file: impl Into<PathBuf>, line: usize, message: impl Into<String>) -> Self {
        Self {
            warning: false,
            file: file.into(),
            line,
            message: message.into(),
        }
    }

    fn warning(mut self) -> Self {
        self.warning = true;
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.warning { "warning: " } else { "" };
        write!(f, "{}:{}: {kind}{}", self.file.display(), self.line, self.message)
    }
}

/// The command itself.
pub(crate) fn main(args: &Args) -> Result<()> {
    if args.list {
        for rule in RULES {
            println!("{:<14} {}", rule.name, rule.why);
        }
        return Ok(());
    }
    let workspace = Workspace::find()?;
    println!("{}", check(&workspace)?);
    Ok(())
}

/// Checks every rule; returns a summary in one line.
///
/// # Errors
/// With the number of findings, when there are any; they themselves are written to stderr.
pub(crate) fn check(workspace: &Workspace) -> Result<String> {
    let tree = Tree::read(workspace)?;
    let mut errors = 0;
    let mut warnings = 0;
    for rule in RULES {
        for finding in (rule.check)(&tree) {
            eprintln!("{finding} [{}]", rule.name);
            if finding.warning {
                warnings += 1;
            } else {
                errors += 1;
            }
        }
    }
    if errors > 0 {
        bail!("{errors} places break the rules of this project: each is named above with its remedy");
    }
    Ok(format!(
        "{} rules hold in {} files, {warnings} warnings",
        RULES.len(),
        tree.files.len()
    ))
}
