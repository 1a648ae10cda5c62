//! Starting other programs: their output is kept, and an error carries the command and its last lines.

use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How many of a failed program's last lines an error shows.
const TAIL: usize = 25;

/// Runs `command` to its end and returns what it wrote to stdout.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    lines(command, |_| {})
}

/// Runs `command` to its end, hands each line of its stdout to `each` as it comes, and returns them all.
///
/// # Errors
/// When it can't be started or fails: the command line, its status and its last lines.
pub(crate) fn lines(command: &mut Command, mut each: impl FnMut(&str)) -> Result<String> {
    let shown = show(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{shown}`"))?;
    let (Some(stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
        bail!("`{shown}` has no output to read");
    };
    let errors = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read until an error is what there is to show.
        let _ = stderr.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let mut all = String::new();
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line.with_context(|| format!("reading from `{shown}`"))?;
        let line = String::from_utf8_lossy(&line);
        each(&line);
        all.push_str(&line);
        all.push('\n');
    }
    let status = child.wait().with_context(|| format!("waiting for `{shown}`"))?;
    let errors = errors.join().unwrap_or_default();
    if !status.success() {
        let said = format!("{all}{errors}");
        let said: Vec<&str> = said.lines().collect();
        let tail = said[said.len().saturating_sub(TAIL)..].join("\n  ");
        bail!("`{shown}` failed ({status}):\n  {tail}");
    }
    Ok(all)
}

/// Runs `command` with this terminal as its own.
pub(crate) fn attached(command: &mut Command) -> Result<()> {
    let shown = show(command);
    let status = command
        .status()
        .with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status}): what it says is above");
    }
    Ok(())
}

/// The program of this name on the search path, also in the folders of system programs, which are not on every
/// user's path.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|dir| dir.join(program))
        .find(|candidate| is_program(candidate))
}

/// Whether `path` is a file that may be executed.
pub(crate) fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The command line as a user could type it; long ones are cut.
fn show(command: &Command) -> String {
    const MAX: usize = 200;
    let program = Path::new(command.get_program());
    let mut line = program
        .file_name()
        .unwrap_or(program.as_os_str())
        .to_string_lossy()
        .into_owned();
    for arg in command.get_args() {
        line.push(' ');
        line.push_str(&arg.to_string_lossy());
    }
    if line.chars().count() > MAX {
        line = line.chars().take(MAX).chain(" ...".chars()).collect();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_shows_command_status_and_last_lines() {
        let error = output(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"])).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("sh -c") && text.contains("exit status: 3"),
            "{text}"
        );
        assert!(text.contains("out") && text.contains("err"), "{text}");
    }

    #[test]
    fn lines_come_one_by_one() {
        let mut seen = Vec::new();
        lines(Command::new("printf").arg("a\\nb\\n"), |line| {
            seen.push(line.to_owned())
        })
        .unwrap();
        assert_eq!(seen, ["a", "b"]);
    }

    #[test]
    fn a_program_is_found_or_not() {
        assert!(which("sh").is_some());
        assert!(which("no-such-program-here").is_none());
    }
}
