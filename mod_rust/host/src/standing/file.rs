//! The file of what stands: a line of JSON for each thing, so that one that makes no sense costs none of the others.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use hotline_engine::config::MAX_SKILLS;
use hotline_engine::input::{Attached, Caller};
use hotline_engine::{Owed, Span, Standing, Time, is_dialable};
use hotline_framed::file;
use hotline_wire as wire;
use hotline_wire::mask::masked;
use serde::{Deserialize, Serialize};

use super::{Kept, RESTORED};
use crate::convert::{self, References, Vocabulary};
use crate::pbx::{Level, Pbx};
use crate::runner::Message;

/// When what could not be written is tried again.
const AGAIN: Duration = Duration::from_secs(10);

/// Most bytes that are read: many times what the largest floor comes to.
const MAX_BYTES: u64 = 256 << 20;

/// So many digits may be a caller's number.
const NUMBER: usize = 5;

/// Most lines that the log names, of those that are not restored.
const MAX_NAMED: usize = 100;

/// One thing that stands, as the file has it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Line {
    /// A lock, or what was changed over the settings.
    Decided {
        author: String,
        /// When it ends by itself, in microseconds since 1970.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<u64>,
        command: wire::Command,
    },
    /// Who was signed in, or not ready.
    Present { command: wire::Command },
    /// A call that is owed. Moments are in microseconds since 1970, lengths of time in microseconds.
    Owed {
        callback: String,
        queue: String,
        tier: String,
        number: String,
        #[serde(default)]
        priority: u32,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        skills: Vec<String>,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        agent: String,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        flag: String,
        /// When the caller first joined a queue.
        arrived: u64,
        /// Of what the caller is worth: what rules made it.
        raised: u64,
        /// What the caller is worth on top of waiting since then: the two make the place in the order of service.
        worth: u64,
        placed: u64,
        expires: u64,
        attempts: u32,
        /// Not to be tried before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_at: Option<u64>,
    },
}

impl Line {
    pub(super) fn of(kept: Kept, vocabulary: &Vocabulary) -> Line {
        match kept {
            Kept::Decided(standing) => Line::Decided {
                author: standing.author,
                until: standing.until.map(|until| until.0),
                command: vocabulary.command(standing.command),
            },
            Kept::Present(standing) => Line::Present {
                command: vocabulary.command(standing.command),
            },
            Kept::Owed { callback, owed } => Line::Owed {
                callback,
                queue: owed.queue,
                tier: owed.caller.tier,
                number: owed.caller.number,
                priority: owed.caller.priority,
                skills: owed.caller.skills,
                agent: owed.caller.agent,
                flag: owed.caller.flag,
                arrived: owed.arrived.0,
                raised: owed.raised.0,
                worth: owed.worth.0,
                placed: owed.placed.0,
                expires: owed.expires.0,
                attempts: owed.attempts,
                retry_at: owed.retry_at.map(|at| at.0),
            },
        }
    }
}

/// What stood before, and whether the file has something that makes no sense, which the log names. Such a file is kept aside before
/// it is written anew.
///
/// # Errors
/// When the file is there and cannot be read.
pub(super) fn read(
    path: &Path,
    references: &References,
    now: Time,
    pbx: &dyn Pbx,
) -> io::Result<(Vec<Kept>, bool)> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    match std::fs::metadata(path) {
        // A pipe would be waited for, and a device has no end.
        Ok(there) if !there.is_file() => return Err(named(io::Error::other("it is no regular file"))),
        Ok(_) => File::open(path)
            .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
            .map_err(named)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), false)),
        Err(error) => return Err(named(error)),
    };
    let (mut standing, mut damage) = (Vec::new(), Vec::new());
    if bytes.len() as u64 > MAX_BYTES {
        damage.push(format!("what is behind {} MB is not read", MAX_BYTES >> 20));
    }
    for (line, number) in bytes.split(|byte| *byte == b'\n').zip(1..) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let read = serde_json::from_slice(line).map_err(|error| unnumbered(&error.to_string()));
        match read.and_then(|line| understand(line, references, now)) {
            Ok(kept) => standing.push(kept),
            Err(why) => damage.push(format!("line {number} is not restored: {}", plain(&why))),
        }
    }
    say(path, &damage, pbx);
    Ok((standing, !damage.is_empty()))
}

/// What a line means.
///
/// # Errors
/// Why it makes no sense, for people.
fn understand(line: Line, references: &References, now: Time) -> Result<Kept, String> {
    match line {
        Line::Decided {
            author,
            until,
            command,
        } => {
            text("author", author.strip_suffix(RESTORED).unwrap_or(&author))?;
            match (&command, until) {
                (wire::Command::ForceBusy { seconds: 1.., .. }, None) => {
                    return Err("until: it is missing, and the lock ends by itself".to_owned());
                }
                (wire::Command::ForceBusy { .. }, _) | (_, None) => {}
                (_, Some(_)) => return Err("until: only a lock ends by itself".to_owned()),
            }
            within("until", until.unwrap_or_default(), now)?;
            Ok(Kept::Decided(Standing {
                author,
                command: convert::standing(command, references)?,
                until: until.map(Time),
            }))
        }
        Line::Present { command } => Ok(Kept::Present(Standing {
            author: String::new(),
            command: convert::presence(command, references)?,
            until: None,
        })),
        Line::Owed {
            callback,
            queue,
            tier,
            number,
            priority,
            skills,
            agent,
            flag,
            arrived,
            raised,
            worth,
            placed,
            expires,
            attempts,
            retry_at,
        } => {
            let texts = [&callback, &queue, &tier, &agent, &flag]
                .into_iter()
                .chain(&skills);
            for one in texts {
                text("a text", one)?;
            }
            if skills.len() > MAX_SKILLS {
                return Err(format!("skills: there are more than {MAX_SKILLS}"));
            }
            if !is_dialable(&number) {
                return Err("number: it cannot be called back".to_owned());
            }
            if !(arrived <= placed && placed <= expires) {
                return Err("arrived, placed and expires: they are not in that order".to_owned());
            }
            within("expires", expires, now)?;
            within("retry_at", retry_at.unwrap_or_default(), now)?;
            let longest = Span::seconds(wire::command::MAX_SECONDS).0.saturating_mul(2);
            if raised > longest || worth > longest {
                return Err("raised and worth: they are out of range".to_owned());
            }
            Ok(Kept::Owed {
                callback,
                owed: Owed {
                    queue,
                    caller: Caller {
                        number,
                        tier,
                        priority,
                        skills,
                        agent,
                        flag,
                        attached: Attached::default(),
                        callback: None,
                    },
                    arrived: Time(arrived),
                    raised: Span(raised),
                    worth: Span(worth),
                    placed: Time(placed),
                    expires: Time(expires),
                    attempts,
                    retry_at: retry_at.map(Time),
                },
            })
        }
    }
}

/// Whether a moment lies no further ahead than anything may last.
fn within(what: &str, moment: u64, now: Time) -> Result<(), String> {
    let most = wire::command::MAX_SECONDS;
    if Time(moment) > now + Span::seconds(most) {
        return Err(format!("{what}: it lies more than {most} s ahead"));
    }
    Ok(())
}

fn text(what: &str, text: &str) -> Result<(), String> {
    let most = wire::command::MAX_TEXT;
    if text.len() > most {
        return Err(format!("{what} is longer than {most} bytes"));
    }
    Ok(())
}

/// What a log may show of a reason: one line, not for ever.
fn plain(why: &str) -> String {
    let shown = why.chars().filter(|c| !c.is_control());
    shown.take(300).collect()
}

/// What quotes the file, without a caller's number.
fn unnumbered(why: &str) -> String {
    let letters: Vec<char> = why.chars().collect();
    let digits = letters.chunk_by(|a, b| a.is_ascii_digit() && b.is_ascii_digit());
    let parts = digits.map(|part| {
        let text: String = part.iter().collect();
        let number = part.len() >= NUMBER && part[0].is_ascii_digit();
        if number { masked(&text) } else { text }
    });
    parts.collect()
}

fn say(path: &Path, damage: &[String], pbx: &dyn Pbx) {
    for what in damage.iter().take(MAX_NAMED) {
        pbx.log(Level::Error, &format!("{}: {what}", path.display()));
    }
    let more = damage.len().saturating_sub(MAX_NAMED);
    if more > 0 {
        let message = format!("{}: {more} more lines are not restored", path.display());
        pbx.log(Level::Error, &message);
    }
}

/// The thread that writes: the latest of what it is handed, whole or not at all. What could not be written is tried again, a
/// last time at the end.
pub(super) struct Writer {
    pub(super) path: PathBuf,
    /// The file that is there has something that made no sense, and is not kept aside yet.
    pub(super) damaged: bool,
    pub(super) lines: Receiver<Vec<Line>>,
    /// Handed lines that it has not tried to write yet.
    pub(super) busy: Arc<AtomicBool>,
    /// Where the engine's thread is told that it may hand over more.
    pub(super) inbox: Sender<Message>,
    pub(super) pbx: Arc<dyn Pbx>,
}

impl Writer {
    pub(super) fn run(mut self) {
        let mut unwritten: Option<Vec<Line>> = None;
        loop {
            let received = match unwritten {
                None => self.lines.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(_) => self.lines.recv_timeout(AGAIN),
            };
            let over = matches!(received, Err(RecvTimeoutError::Disconnected));
            let before = unwritten.take();
            let failing = before.is_some();
            let Some(mut latest) = received.ok().or(before) else {
                return;
            };
            while let Ok(later) = self.lines.try_recv() {
                latest = later;
            }
            match self.write(&latest) {
                Ok(()) if failing => self
                    .pbx
                    .log(Level::Notice, "what stands over a restart is kept again"),
                Ok(()) => {}
                Err(error) => {
                    if !failing {
                        let what = "locks, live changes, sign-ins and owed callbacks would not survive a restart now";
                        let message = format!("{what}: {error}; it is tried again every 10 s");
                        self.pbx.log(Level::Error, &message);
                    }
                    unwritten = Some(latest);
                }
            }
            self.busy.store(false, Ordering::Release);
            // A node that has stopped has nothing more to hand over.
            let _ = self.inbox.send(Message::Kept);
            if over {
                return;
            }
        }
    }

    fn write(&mut self, lines: &[Line]) -> io::Result<()> {
        if self.damaged {
            let kept = file::link_aside(&self.path, &self.path.with_extension("json.damaged"))?;
            self.damaged = false;
            if let Some(kept) = kept {
                let remedy = "to use it again, stop the PBX, mend it and give it its name back";
                let message = format!(
                    "{} as it was is now {}: {remedy}",
                    self.path.display(),
                    kept.display()
                );
                self.pbx.log(Level::Error, &message);
            }
        }
        file::replace(&self.path, |file| {
            lines.iter().try_for_each(|line| {
                serde_json::to_writer(&mut *file, line)?;
                file.write_all(b"\n")
            })
        })
    }
}
