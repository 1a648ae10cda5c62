//! What was decided or promised and still stands: kept in a file, and brought about again after a restart of the PBX.
//!
//! The engine's thread hands over what stands when it has nothing else to do, and the file before is written; a thread of its
//! own writes the file, whole or not at all. What came about in the last moment before a PBX is killed may be missing.
//!
//! What the engine refuses after a restart, since the settings have no such agent or queue, is kept in the file all the same, and
//! tried again at each reload and start, until it ends by itself or somebody has it forgotten.

mod file;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use hotline_engine::ids::{CallId, CommandId};
use hotline_engine::{Command, Engine, Input, Owed, Standing, Time};

use self::file::{Line, Writer};
use crate::convert::{References, Vocabulary};
use crate::live;
use crate::pbx::{Level, Pbx};
use crate::runner::Message;

/// Appended to the author of what is asked for again.
const RESTORED: &str = " (restored)";

/// One thing that stands.
#[derive(Clone, Debug)]
pub(crate) enum Kept {
    /// A lock, or what was changed over the settings.
    Decided(Standing),
    /// Who was signed in, or not ready.
    Present(Standing),
    /// A call that is owed.
    Owed {
        /// Its reference.
        callback: String,
        /// The rest.
        owed: Owed,
    },
}

/// What the settings have no place for at present.
#[derive(Clone, Debug)]
pub(crate) struct Unapplied {
    pub(crate) kept: Kept,
    /// Why the engine refused it; empty before it was asked.
    pub(crate) why: String,
}

/// The engine thread's end.
pub(crate) struct Keeper {
    /// Of the engine's changes, how many were handed over; `None` if more than those has changed.
    kept: Option<(u64, u64)>,
    /// Whether who is signed in is kept as well.
    sign_ins: bool,
    unapplied: Vec<Unapplied>,
    references: References,
    vocabulary: Vocabulary,
    busy: Arc<AtomicBool>,
    lines: Option<Sender<Vec<Line>>>,
    /// Joined at the latest when this is dropped: no thread may outlive the module.
    writer: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Reads `FOLDER/NODE.standing.json`, and keeps what stands there from now on. What stood before is
    /// [unapplied](Self::take_unapplied) at first. A line that makes no sense is named in the log.
    ///
    /// # Errors
    /// When the folder cannot be made, or no thread be started.
    pub(crate) fn start(
        folder: &Path,
        node: &str,
        sign_ins: bool,
        references: &References,
        now: Time,
        inbox: Sender<Message>,
        pbx: Arc<dyn Pbx>,
    ) -> io::Result<Keeper> {
        std::fs::create_dir_all(folder).map_err(|error| {
            let remedy = "make that folder for the PBX's user, or change [state] directory";
            io::Error::new(error.kind(), format!("{}: {error}; {remedy}", folder.display()))
        })?;
        let path = folder.join(format!("{node}.standing.json"));
        // Callers are served whatever the file is; it is not written over before it is kept.
        let (standing, damaged) = file::read(&path, references, now, &*pbx).unwrap_or_else(|error| {
            let what = "nothing of what stood before is restored, no lock, no live change, no sign-in, no owed callback";
            pbx.log(Level::Error, &format!("{what}: {error}"));
            (Vec::new(), true)
        });
        let wanted = |kept: &Kept| sign_ins || !matches!(kept, Kept::Present(_));
        let unapplied = standing.into_iter().filter(wanted).map(|kept| Unapplied {
            kept,
            why: String::new(),
        });
        let unapplied = unapplied.collect();
        let (sender, lines) = channel();
        let busy = Arc::new(AtomicBool::new(false));
        let writer = Writer {
            path,
            damaged,
            lines,
            busy: Arc::clone(&busy),
            inbox,
            pbx,
        };
        let writer = std::thread::Builder::new()
            .name("hotline-state".into())
            .spawn(move || writer.run())?;
        Ok(Keeper {
            kept: None,
            sign_ins,
            unapplied,
            references: references.clone(),
            vocabulary: Vocabulary::new(references.clone()),
            busy,
            lines: Some(sender),
            writer: Some(writer),
        })
    }

    /// Hands over what stands now, if that has changed and the writer has nothing else to write. Never blocks.
    pub(crate) fn keep(&mut self, engine: &Engine) {
        if !self.busy.load(Ordering::Acquire) {
            self.keep_last(engine);
        }
    }

    /// Hands over what stands now, if that has changed, whatever the writer is about.
    pub(crate) fn keep_last(&mut self, engine: &Engine) {
        let presence = if self.sign_ins {
            engine.presence_changes()
        } else {
            0
        };
        let changes = (engine.standing_changes(), presence);
        if self.kept == Some(changes) {
            return;
        }
        self.kept = Some(changes);
        let decided = engine.standing().into_iter().map(Kept::Decided);
        let owed = engine.owed().into_iter().map(|(callback, owed)| Kept::Owed {
            callback: self.references.of(callback),
            owed,
        });
        // Behind the locks, so that nobody is ready in between; before the calls, which need agents.
        let present = if self.sign_ins {
            engine.presence()
        } else {
            Vec::new()
        };
        let present = present.into_iter().map(Kept::Present);
        let mut standing: Vec<Kept> = decided.chain(present).chain(owed).collect();
        self.drop_superseded(&standing);
        standing.extend(self.unapplied.iter().map(|unapplied| unapplied.kept.clone()));
        let lines = standing.into_iter().map(|kept| Line::of(kept, &self.vocabulary));
        let lines = lines.collect();
        self.busy.store(true, Ordering::Release);
        if let Some(sender) = &self.lines {
            // A writer that is gone has said why.
            let _ = sender.send(lines);
        }
    }

    /// What was decided anew about the same thing counts.
    fn drop_superseded(&mut self, standing: &[Kept]) {
        if self.unapplied.is_empty() {
            return;
        }
        let decided: BTreeSet<_> = standing.iter().filter_map(Kept::subject).collect();
        self.unapplied.retain(|unapplied| {
            let subject = unapplied.kept.subject();
            subject.is_none_or(|subject| !decided.contains(&subject))
        });
    }

    /// What is to be tried (again). What remains unapplied is [put back](Self::put_back).
    pub(crate) fn take_unapplied(&mut self) -> Vec<Unapplied> {
        self.kept = None;
        core::mem::take(&mut self.unapplied)
    }

    pub(crate) fn put_back(&mut self, unapplied: Unapplied) {
        self.unapplied.push(unapplied);
    }

    /// What the settings have no place for and has not ended, for people.
    pub(crate) fn unapplied(&self, now: Time) -> Vec<String> {
        let lasting = self
            .unapplied
            .iter()
            .filter(|unapplied| !unapplied.kept.is_over(now));
        lasting
            .map(|Unapplied { kept, why }| format!("not applied: {}: {why}", live::kept(kept)))
            .collect()
    }

    /// Forgets what is unapplied of that agent or queue, or all of it if that is empty. Gives what it was, for people.
    pub(crate) fn forget(&mut self, about: &str) -> Vec<String> {
        let goes = |unapplied: &mut Unapplied| about.is_empty() || unapplied.kept.about() == Some(about);
        let gone: Vec<String> = self
            .unapplied
            .extract_if(.., goes)
            .map(|unapplied| format!("forgotten: {}", live::kept(&unapplied.kept)))
            .collect();
        if !gone.is_empty() {
            self.kept = None;
        }
        gone
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

impl Kept {
    /// Whether it has ended by itself.
    pub(crate) fn is_over(&self, now: Time) -> bool {
        match self {
            Kept::Decided(standing) => standing.clone().at(now).is_none(),
            // Who was refused signs in again: nobody is to be signed in by a change of the settings days later.
            Kept::Present(_) => true,
            Kept::Owed { owed, .. } => now >= owed.expires,
        }
    }

    /// What brings it about again at `now`; `None` for a lock that has ended meanwhile. A callback that has ended does so in the
    /// engine, so that it is told.
    pub(crate) fn input(&self, id: CommandId, now: Time, new_call: impl FnOnce() -> CallId) -> Option<Input> {
        match self {
            Kept::Decided(standing) | Kept::Present(standing) => {
                let author = match standing.author.strip_suffix(RESTORED) {
                    Some(_) => standing.author.clone(),
                    None => format!("{}{RESTORED}", standing.author).trim_start().to_owned(),
                };
                let command = standing.clone().at(now)?;
                Some(Input::Command { id, author, command })
            }
            Kept::Owed { callback, owed } => Some(Input::Owed {
                id,
                callback: new_call(),
                before: callback.clone(),
                owed: Box::new(owed.clone()),
            }),
        }
    }

    /// Agent number, or queue name.
    fn about(&self) -> Option<&str> {
        match self {
            Kept::Owed { owed, .. } => Some(&owed.queue),
            Kept::Present(_) => None,
            Kept::Decided(standing) => match &standing.command {
                Command::ForceBusy { agent, .. }
                | Command::SetMembership { agent, .. }
                | Command::SetSkill { agent, .. } => Some(agent),
                Command::SetDoor { queue, .. } => Some(queue),
                _ => None,
            },
        }
    }

    /// What only one such thing can stand about.
    fn subject(&self) -> Option<(u8, &str, &str)> {
        match self {
            Kept::Owed { owed, .. } => Some((0, &owed.queue, &owed.caller.number)),
            Kept::Present(_) => None,
            Kept::Decided(standing) => match &standing.command {
                Command::ForceBusy { agent, .. } => Some((1, agent, "")),
                Command::SetMembership { agent, queue, .. } => Some((2, agent, queue)),
                Command::SetSkill { agent, skill, .. } => Some((3, agent, skill)),
                Command::SetDoor { queue, .. } => Some((4, queue, "")),
                _ => None,
            },
        }
    }
}
