//! Rules about crates: who may depend on whom, licences, lints.

use super::Finding;
use super::tree::{Crate, Tree};
use std::path::PathBuf;

const ENGINE: &str = "hotline-engine";
/// The crate with the PBX's GPL key in it.
const MODULE: &str = "app_hotline";

/// Which crates must not be linked into which, and why. `hotline-*` stands for all crates of that prefix.
const FORBIDDEN: &[(&str, &[&str], &str)] = &[
    (
        "hotline-supervisord",
        &[ENGINE, "hotline-host", "asterisk", "asterisk-sys"],
        "the daemon knows the node by its control protocol only: use hotline-wire",
    ),
    (
        "hotline-wire",
        &["hotline-*"],
        "the protocol has types of its own: convert in hotline-host",
    ),
    (
        "hotline-framed",
        &["hotline-*", "asterisk", "asterisk-sys"],
        "files know nothing of what is in them",
    ),
    (
        "hotline-spool",
        &[
            ENGINE,
            "hotline-blacklist",
            "hotline-wire",
            "hotline-host",
            "asterisk",
            "asterisk-sys",
        ],
        "a spool keeps lines and knows nothing of what they say: convert in hotline-host",
    ),
    (
        "hotline-blacklist",
        &[
            ENGINE,
            "hotline-spool",
            "hotline-wire",
            "hotline-host",
            "asterisk",
            "asterisk-sys",
        ],
        "the blacklist knows neither calls nor a PBX: convert in hotline-host",
    ),
    (
        "hotline-host",
        &["asterisk", "asterisk-sys"],
        "the host crate runs the engine for any PBX: go through its Pbx trait",
    ),
    (
        "hotline-sim",
        &["asterisk", "asterisk-sys"],
        "the simulator runs with no PBX",
    ),
    (
        "asterisk-sys",
        &["hotline-*"],
        "the bindings know no call distribution",
    ),
    (
        "asterisk",
        &["hotline-*"],
        "the wrapper of the PBX knows no call distribution: put it into app_hotline",
    ),
    (
        MODULE,
        &["hotline-supervisord"],
        "the module never needs the daemon",
    ),
];

/// The engine has no dependency at all.
pub(super) fn engine_alone(tree: &Tree) -> Vec<Finding> {
    let Some(engine) = tree.crates.iter().find(|one| one.name == ENGINE) else {
        return vec![Finding::new(
            "Cargo.toml",
            1,
            format!("there is no crate {ENGINE}: name the engine so"),
        )];
    };
    let finding = |name: &String| {
        let line = line_of(tree, engine, name);
        Finding::new(
            &engine.manifest,
            line,
            format!("the engine depends on {name}: do without, or pass it in as an input"),
        )
    };
    engine.direct.iter().map(finding).collect()
}

/// Dependencies go in one direction.
pub(super) fn arrows(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, forbidden, remedy) in FORBIDDEN {
        for one in tree.crates.iter().filter(|one| one.name == *name) {
            for linked in one
                .linked
                .iter()
                .filter(|linked| forbidden.iter().any(|pattern| matches(pattern, linked)))
            {
                let line = line_of(tree, one, linked);
                findings.push(Finding::new(
                    &one.manifest,
                    line,
                    format!("{name} links {linked}: {remedy}"),
                ));
            }
        }
    }
    findings
}

/// Each crate has the licence that it can live with.
pub(super) fn licences(tree: &Tree) -> Vec<Finding> {
    tree.crates
        .iter()
        .filter_map(|one| {
            let wanted = if one.name == MODULE {
                "GPL-2.0-or-later"
            } else {
                "MIT"
            };
            let message = format!(
                "{} is licensed as {:?}: it must be {wanted}",
                one.name, one.license
            );
            (one.license != wanted)
                .then(|| Finding::new(&one.manifest, line_of(tree, one, "license"), message))
        })
        .collect()
}

/// Every crate takes the lints of the workspace.
pub(super) fn lints(tree: &Tree) -> Vec<Finding> {
    tree.crates
        .iter()
        .filter(|one| {
            tree.file(&one.manifest).is_some_and(|file| {
                let mut lines = file
                    .text
                    .lines()
                    .map(str::trim)
                    .skip_while(|line| *line != "[lints]");
                lines.next();
                lines.next().map(|line| line.replace(' ', "")).as_deref() != Some("workspace=true")
            })
        })
        .map(|one| {
            Finding::new(
                &one.manifest,
                1,
                "the workspace's lints are not taken: add `[lints]` with `workspace = true`",
            )
        })
        .collect()
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

/// The line of the crate's manifest that sets `key`; 1 if it isn't there itself.
fn line_of(tree: &Tree, one: &Crate, key: &str) -> usize {
    let manifest: &PathBuf = &one.manifest;
    let found = tree.file(manifest).and_then(|file| {
        file.text.lines().position(|line| {
            line.trim_start()
                .strip_prefix(key)
                .is_some_and(|rest| rest.trim_start().starts_with(['=', '.']))
        })
    });
    found.map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::super::tree::tests::of_files;
    use super::*;

    fn one(name: &str, license: &str, linked: &[&str]) -> Crate {
        let linked: std::collections::BTreeSet<String> =
            linked.iter().map(|name| (*name).to_owned()).collect();
        Crate {
            name: name.into(),
            manifest: format!("{name}/Cargo.toml").into(),
            license: license.into(),
            direct: linked.clone(),
            linked,
            ..Crate::default()
        }
    }

    fn of_crates(crates: Vec<Crate>) -> Tree {
        Tree {
            crates,
            ..of_files(&[])
        }
    }

    #[test]
    fn an_engine_with_a_dependency_is_found_at_its_line() {
        let mut tree = of_files(&[("hotline-engine/Cargo.toml", "[dependencies]\n\nserde = \"1\"\n")]);
        tree.crates = vec![one(ENGINE, "MIT", &["serde"])];
        let found = engine_alone(&tree);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 3);
        assert!(found[0].message.contains("serde"));
        assert!(engine_alone(&of_crates(vec![one(ENGINE, "MIT", &[])])).is_empty());
    }

    #[test]
    fn a_lost_engine_is_found() {
        assert_eq!(engine_alone(&of_crates(vec![])).len(), 1);
    }

    #[test]
    fn a_daemon_with_an_engine_is_found() {
        let tree = of_crates(vec![one("hotline-supervisord", "MIT", &["tokio", ENGINE])]);
        let found = arrows(&tree);
        assert_eq!(found.len(), 1);
        assert!(found[0].message.contains("hotline-wire"), "{}", found[0]);
    }

    #[test]
    fn a_wrapper_that_knows_call_distribution_is_found() {
        assert_eq!(
            arrows(&of_crates(vec![one(
                "asterisk",
                "MIT",
                &["asterisk-sys", "hotline-wire"]
            )]))
            .len(),
            1
        );
        assert!(arrows(&of_crates(vec![one("asterisk", "MIT", &["asterisk-sys"])])).is_empty());
    }

    #[test]
    fn licences_that_do_not_fit_are_found() {
        let tree = of_crates(vec![
            one(MODULE, "MIT", &[]),
            one(ENGINE, "Apache-2.0", &[]),
            one("asterisk", "MIT", &[]),
        ]);
        let found = licences(&tree);
        assert_eq!(found.len(), 2);
        assert!(found[0].message.contains("GPL-2.0-or-later") && found[1].message.contains("must be MIT"));
    }

    #[test]
    fn a_crate_with_lints_of_its_own_is_found() {
        let mut tree = of_files(&[
            ("a/Cargo.toml", "[package]\n[lints]\nworkspace = true\n"),
            ("b/Cargo.toml", "[package]\n[lints.rust]\n"),
        ]);
        tree.crates = vec![one("a", "MIT", &[]), one("b", "MIT", &[])];
        let found = lints(&tree);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].file, PathBuf::from("b/Cargo.toml"));
    }
}
