//! Where the sources, the build output and the provisioned PBX are.

use anyhow::{Context, Result};
use cargo_metadata::MetadataCommand;
use std::path::PathBuf;

/// The folders that the commands work in.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    /// The root of the sources.
    pub(crate) root: PathBuf,
    /// Cargo's target folder, wherever the user put it (`CARGO_TARGET_DIR`, `build.target-dir`).
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// Asks cargo, which knows all the ways in which a target folder can be set.
    pub(crate) fn find() -> Result<Self> {
        let metadata = MetadataCommand::new()
            .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
            .no_deps()
            .other_options(vec!["--offline".into()])
            .exec()
            .context("cargo metadata does not answer: run `cargo metadata` to see why")?;
        Ok(Self {
            root: metadata.workspace_root.into_std_path_buf(),
            target: metadata.target_directory.into_std_path_buf(),
        })
    }

    /// All of the PBX that provisioning makes lives under this folder and can be deleted with it. What comes from elsewhere than Debian
    /// is in `tools` beside it.
    pub(crate) fn pbx_dir(&self) -> PathBuf {
        self.target.join("pbx")
    }
}
