//! What supervisors decided and still stands: kept in a file, and asked for again after a restart of the PBX.
//!
//! The engine's thread hands over what stands when it has nothing else to do; a thread of its own writes the file, whole or
//! not at all. What was decided in the last moment before a PBX is killed may be missing.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use hotline_engine::ids::MonitorId;
use hotline_engine::{Standing, Time};
use hotline_wire as wire;
use serde::{Deserialize, Serialize};

use crate::convert::{self, References, Vocabulary};
use crate::pbx::{Level, Pbx};

/// When what could not be written is tried again.
const AGAIN: Duration = Duration::from_secs(10);

/// Appended to the author of what is asked for again.
const RESTORED: &str = " (restored)";

/// A decision as the file has it.
#[derive(Serialize, Deserialize)]
struct Line {
    author: String,
    /// When it ends by itself, in microseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
    command: wire::Command,
}

/// The engine thread's end.
pub(crate) struct Keeper {
    /// Of the engine's changes, how many were handed over.
    kept: u64,
    vocabulary: Vocabulary,
    lines: Option<Sender<Vec<Line>>>,
    /// Joined at the latest when this is dropped: no thread may outlive the module.
    writer: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Reads `FOLDER/NODE.standing.json`, and keeps what stands there from now on. Gives who decided what, to be asked
    /// for again. A file that cannot be understood is put aside, with a word in the log.
    ///
    /// # Errors
    /// When the folder cannot be made, the file not be read, or no thread be started.
    pub(crate) fn start(
        folder: &Path,
        node: &str,
        references: &References,
        now: Time,
        pbx: Arc<dyn Pbx>,
    ) -> io::Result<(Keeper, Vec<(String, hotline_engine::Command)>)> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(format!("{node}.standing.json"));
        let lines = read(&path, &*pbx)?;
        let standing = lines.into_iter().filter_map(|line| again(line, references, now));
        let standing = standing.collect();
        let (sender, receiver) = channel();
        let writer = std::thread::Builder::new()
            .name("hotline-state".into())
            .spawn(move || write(&path, &receiver, &*pbx))?;
        let keeper = Keeper {
            kept: 0,
            vocabulary: Vocabulary::new(references.clone()),
            lines: Some(sender),
            writer: Some(writer),
        };
        Ok((keeper, standing))
    }

    /// Hands over what stands now, if that has changed. Never blocks.
    pub(crate) fn keep(&mut self, changes: u64, standing: impl FnOnce() -> Vec<Standing>) {
        if self.kept == changes {
            return;
        }
        self.kept = changes;
        let line = |standing: Standing| Line {
            author: standing.author,
            until: standing.until.map(|until| until.0),
            command: self.vocabulary.command(standing.command),
        };
        let lines = standing().into_iter().map(line).collect();
        if let Some(sender) = &self.lines {
            // A writer that is gone has said why.
            let _ = sender.send(lines);
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.lines = None;
        if let Some(writer) = self.writer.take() {
            // It panicked, then, and the PBX's log has it.
            let _ = writer.join();
        }
    }
}

/// What to ask for again, and as whom.
fn again(line: Line, references: &References, now: Time) -> Option<(String, hotline_engine::Command)> {
    // Nobody's listening stands over a restart, so no number is needed for it.
    let convert::Asked::Order(command) = convert::asked(line.command, references, || MonitorId(0)).ok()?
    else {
        return None;
    };
    let standing = Standing {
        author: String::new(),
        command,
        until: line.until.map(Time),
    };
    let author = match line.author.strip_suffix(RESTORED) {
        Some(_) => line.author,
        None => format!("{}{RESTORED}", line.author).trim_start().to_owned(),
    };
    standing.at(now).map(|command| (author, command))
}

fn read(path: &Path, pbx: &dyn Pbx) -> io::Result<Vec<Line>> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(named(path, &error)),
    };
    match serde_json::from_slice(&text) {
        Ok(lines) => Ok(lines),
        Err(error) => {
            let aside = path.with_extension("json.damaged");
            std::fs::rename(path, &aside).map_err(|error| named(path, &error))?;
            pbx.log(
                Level::Error,
                &format!(
                    "locks and live changes of before are not restored: {} is damaged ({error}); it is now {}",
                    path.display(),
                    aside.display()
                ),
            );
            Ok(Vec::new())
        }
    }
}

fn write(path: &Path, lines: &Receiver<Vec<Line>>, pbx: &dyn Pbx) {
    // What could not be written yet is tried again, a last time at the end.
    let mut unwritten: Option<Vec<Line>> = None;
    loop {
        let received = match unwritten {
            None => lines.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(_) => lines.recv_timeout(AGAIN),
        };
        let over = matches!(received, Err(RecvTimeoutError::Disconnected));
        let before = unwritten.take();
        let failing = before.is_some();
        let Some(mut latest) = received.ok().or(before) else {
            return;
        };
        while let Ok(later) = lines.try_recv() {
            latest = later;
        }
        let written = hotline_blacklist::file::replace(path, |file| {
            serde_json::to_writer_pretty(file, &latest).map_err(io::Error::from)
        });
        match written {
            Ok(()) if failing => pbx.log(Level::Notice, "locks and live changes are kept again"),
            Ok(()) => {}
            Err(error) => {
                if !failing {
                    let what = "locks and live changes would not survive a restart now";
                    pbx.log(
                        Level::Error,
                        &format!("{what}: {error}; it is tried again every 10 s"),
                    );
                }
                unwritten = Some(latest);
            }
        }
        if over {
            return;
        }
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
