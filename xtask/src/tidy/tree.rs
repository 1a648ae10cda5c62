//! What the rules look at: the files of the repository and the crates of the workspace.

use crate::run;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The whole repository, as far as the rules read it.
pub(crate) struct Tree {
    /// Every text file that git knows, and new ones that it doesn't ignore.
    pub(crate) files: Vec<File>,
    /// The crates of the workspace.
    pub(crate) crates: Vec<Crate>,
    /// The name of this machine, where it has one that means something.
    pub(crate) host: Option<String>,
}

/// A text file; its path is relative to the root.
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// One crate of the workspace.
#[derive(Debug, Clone, Default)]
pub(crate) struct Crate {
    pub(crate) name: String,
    /// Relative to the root.
    pub(crate) manifest: PathBuf,
    pub(crate) license: String,
    /// The first file of its library and of each of its programs, relative to the root.
    pub(crate) roots: Vec<PathBuf>,
    /// What its own manifest names, tests' dependencies left out.
    pub(crate) direct: BTreeSet<String>,
    /// Everything that is linked into it.
    pub(crate) linked: BTreeSet<String>,
}

impl Tree {
    /// Reads all of it.
    pub(crate) fn read(workspace: &Workspace) -> Result<Self> {
        let root = &workspace.root;
        let listed = run::output(Command::new("git").current_dir(root).args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ]))?;
        let mut files = Vec::new();
        for path in listed
            .trim_end()
            .split('\0')
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
        {
            match std::fs::read(root.join(&path)) {
                // What is no text has no lines.
                Ok(bytes) => files.extend(String::from_utf8(bytes).ok().map(|text| File { path, text })),
                // Deleted and not committed yet.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
            }
        }
        let metadata = MetadataCommand::new()
            .manifest_path(root.join("Cargo.toml"))
            .exec()
            .context("cargo metadata does not answer: run `cargo metadata` to see why")?;
        let host = std::fs::read_to_string("/etc/hostname")
            .ok()
            .map(|name| name.trim().to_owned());
        Ok(Self {
            files,
            crates: crates(&metadata, root),
            host,
        })
    }

    /// The Rust sources.
    pub(crate) fn rust(&self) -> impl Iterator<Item = &File> {
        self.files
            .iter()
            .filter(|file| file.path.extension().is_some_and(|extension| extension == "rs"))
    }

    /// The file at `path`.
    pub(crate) fn file(&self, path: &Path) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }
}

impl File {
    /// The file as a flat list of tokens; comments are gone. A file that is no Rust has none: the compiler says so.
    pub(crate) fn tokens(&self) -> Vec<Token> {
        let mut flat = Vec::new();
        if let Ok(stream) = self.text.parse::<TokenStream>() {
            flatten(stream, &mut flat);
        }
        flat
    }
}

/// A word, a sign, a literal, or the edge of a group, with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

fn flatten(stream: TokenStream, into: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                into.push(Token {
                    text: open.into(),
                    line,
                });
                flatten(group.stream(), into);
                into.push(Token {
                    text: close.into(),
                    line: group.span_close().start().line,
                });
            }
            other => into.push(Token {
                text: other.to_string(),
                line,
            }),
        }
    }
}

fn crates(metadata: &Metadata, root: &Path) -> Vec<Crate> {
    let relative = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_path_buf();
    let names: BTreeMap<&PackageId, &str> = metadata
        .packages
        .iter()
        .map(|package| (&package.id, package.name.as_str()))
        .collect();
    let edges: BTreeMap<&PackageId, Vec<&PackageId>> = metadata
        .resolve
        .iter()
        .flat_map(|resolve| &resolve.nodes)
        .map(|node| {
            let normal = node.deps.iter().filter(|dep| {
                dep.dep_kinds
                    .iter()
                    .any(|kind| kind.kind == DependencyKind::Normal)
            });
            (&node.id, normal.map(|dep| &dep.pkg).collect())
        })
        .collect();
    metadata
        .workspace_packages()
        .into_iter()
        .map(|package| {
            let mut linked = BTreeSet::new();
            let mut todo = vec![&package.id];
            while let Some(next) = todo.pop() {
                for dep in edges.get(next).into_iter().flatten() {
                    if linked.insert(*dep) {
                        todo.push(dep);
                    }
                }
            }
            Crate {
                name: package.name.to_string(),
                manifest: relative(package.manifest_path.as_std_path()),
                license: package.license.clone().unwrap_or_default(),
                roots: package
                    .targets
                    .iter()
                    .filter(|target| !target.is_test() && !target.is_bench() && !target.is_example())
                    .map(|target| relative(target.src_path.as_std_path()))
                    .collect(),
                direct: package
                    .dependencies
                    .iter()
                    .filter(|dep| dep.kind != DependencyKind::Development)
                    .map(|dep| dep.name.clone())
                    .collect(),
                linked: linked
                    .into_iter()
                    .filter_map(|id| names.get(id))
                    .map(|name| (*name).to_owned())
                    .collect(),
            }
        })
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A repository of these files and no crate.
    pub(crate) fn of_files(files: &[(&str, &str)]) -> Tree {
        let files = files
            .iter()
            .map(|(path, text)| File {
                path: path.into(),
                text: (*text).to_owned(),
            })
            .collect();
        Tree {
            files,
            crates: Vec::new(),
            host: None,
        }
    }

    #[test]
    fn comments_and_strings_are_no_words() {
        let tree = of_files(&[(
            "a.rs",
            "//! unsafe\n// unsafe\nfn a() { b(\"unsafe\", r#\"unsafe\"#, 'u') }\n",
        )]);
        assert!(tree.files[0].tokens().iter().all(|token| token.text != "unsafe"));
    }

    #[test]
    fn tokens_know_their_lines() {
        let tree = of_files(&[("a.rs", "fn a() {\n    b();\n}\n")]);
        let tokens = tree.files[0].tokens();
        let at = |text: &str| tokens.iter().find(|token| token.text == text).unwrap().line;
        assert_eq!((at("a"), at("b"), at("}")), (1, 2, 3));
    }

    #[test]
    fn this_workspace_is_read() {
        let tree = Tree::read(&Workspace::find().unwrap()).unwrap();
        let engine = tree
            .crates
            .iter()
            .find(|one| one.name == "hotline-engine")
            .unwrap();
        assert_eq!(engine.manifest, Path::new("mod_rust/engine/Cargo.toml"));
        assert_eq!(engine.roots, [Path::new("mod_rust/engine/src/lib.rs")]);
        let host = tree.crates.iter().find(|one| one.name == "xtask").unwrap();
        assert!(host.linked.contains("anyhow") && host.direct.contains("clap"));
        assert!(tree.file(Path::new("Cargo.toml")).is_some());
    }
}
