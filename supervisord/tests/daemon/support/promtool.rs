//! promtool, where there is one.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Checks a `/metrics` text.
pub fn check(metrics: &str) {
    let Some(output) = run(&["check", "metrics"], Path::new("."), metrics) else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.trim().is_empty(),
        "promtool: {said}"
    );
}

/// Runs promtool in a folder, with this on its standard input. Without a promtool the check is passed over with a note;
/// `HOTLINE_PROMTOOL` set means that there must be one.
pub fn run(arguments: &[&str], folder: &Path, input: &str) -> Option<Output> {
    let named = std::env::var_os("HOTLINE_PROMTOOL");
    let program = named.clone().unwrap_or_else(|| "promtool".into());
    let child = Command::new(&program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) if named.is_none() => {
            eprintln!("NOT CHECKED by promtool, as there is none ({error}): `cargo xtask test` provides it");
            return None;
        }
        Err(error) => panic!("HOTLINE_PROMTOOL={program:?}: {error}; `cargo xtask test` provides one"),
    };
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    Some(child.wait_with_output().unwrap())
}
