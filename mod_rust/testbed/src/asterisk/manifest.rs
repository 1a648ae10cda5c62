//! Which Asterisk there is: the manifest that `cargo xtask pbx` writes.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

/// Names the manifest, where it is not `target/pbx/pbx.json` of the workspace.
const MANIFEST: &str = "HOTLINE_PBX";

/// An Asterisk that can be run.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Manifest {
    /// `22.10.1`.
    pub version: String,
    /// The command that starts it; Asterisk's own arguments follow.
    pub run: Vec<String>,
    /// The folder of its loadable modules.
    pub modules_dir: PathBuf,
    /// Its documentation and sounds.
    pub data_dir: PathBuf,
}

impl Manifest {
    /// Finds and reads the manifest.
    ///
    /// # Errors
    /// There is none, or it is not readable.
    pub fn find() -> Result<Manifest> {
        Manifest::read(&std::env::var_os(MANIFEST).map_or_else(default_path, PathBuf::from))
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// It is not there, or not readable.
    pub fn read(path: &Path) -> Result<Manifest> {
        let text = std::fs::read_to_string(path).with_context(|| {
            format!(
                "no Asterisk is provided at {}: run `cargo xtask pbx`",
                path.display()
            )
        })?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} is no manifest: run `cargo xtask pbx --fresh`", path.display()))
    }
}

fn default_path() -> PathBuf {
    target_dir().join("pbx/pbx.json")
}

/// The workspace's build output.
pub fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}

/// The root of the sources.
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}
