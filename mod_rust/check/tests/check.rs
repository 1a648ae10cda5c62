//! The program as it is called.
#![allow(clippy::unwrap_used, missing_docs, reason = "test code")]

use std::path::Path;
use std::process::{Command, Output};

fn check(file: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hotline-check"))
        .arg(file)
        .arg("--json")
        .output()
        .unwrap()
}

#[test]
fn the_settings_that_are_shipped_are_right() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/hotline.toml");
    let output = check(&shipped);
    assert!(output.status.success());
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["node"], "pbx1");
    assert_eq!(said["socket"], "/run/hotline/pbx1.sock");
}

#[test]
fn a_bad_file_is_named_with_its_line() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "node = \"pbx1\"\n[limits]\ncals = 1\n").unwrap();
    let output = check(file.path());
    assert_eq!(output.status.code(), Some(1));
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let error = said["error"].as_str().unwrap();
    assert!(error.contains(":3: ") && error.contains("cals"), "{error}");
}

#[test]
fn folders_are_named_that_the_module_writes_to() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let shipped = include_str!("../../../packaging/hotline.toml");
    let folders = |settings: &str| {
        std::fs::write(file.path(), format!("{shipped}\n{settings}")).unwrap();
        let output = check(file.path());
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(said["right"], true, "{said}");
        said["folders"].clone()
    };
    assert_eq!(folders(""), serde_json::json!([]));
    assert_eq!(
        folders("[state]\ndirectory = \"/s\"\n"),
        serde_json::json!(["/s"])
    );
    assert_eq!(
        folders("[state]\ndirectory = \"/s\"\n[spool]\ndirectory = \"/p\"\n"),
        serde_json::json!(["/p", "/s"])
    );
}
