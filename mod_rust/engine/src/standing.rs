//! What supervisors decided and still stands, as the commands that would bring it about again: a host that keeps it gives it
//! back after a restart.

use crate::engine::Engine;
use crate::input::Command;
use crate::time::{Span, Time};

/// One such decision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Who decided; empty where nobody is on record.
    pub author: String,
    /// What to ask for again. A lock lasts from now on; [`Standing::at`] sets that right later.
    pub command: Command,
    /// When it ends by itself.
    pub until: Option<Time>,
}

impl Standing {
    /// What to ask for at `now`; `None` if it has ended meanwhile.
    pub fn at(self, now: Time) -> Option<Command> {
        match (self.command, self.until) {
            (Command::ForceBusy { agent, reason, .. }, Some(until)) => {
                let left = until.since(now);
                let lasting = Some(left);
                (left > Span::ZERO).then_some(Command::ForceBusy {
                    agent,
                    reason,
                    lasting,
                })
            }
            (command, _) => Some(command),
        }
    }
}

impl Engine {
    /// Counts the changes of what [`standing`](Self::standing) tells.
    pub fn standing_changes(&self) -> u64 {
        self.standing_changes
    }

    /// All that was changed over the settings, and all locks.
    pub fn standing(&self) -> Vec<Standing> {
        let changed = self.overlay.commands().map(|command| Standing {
            author: String::new(),
            command,
            until: None,
        });
        let locks = self.agents.iter().filter_map(|agent| {
            let lock = agent.forced.as_ref()?;
            let lasting = lock.until.map(|until| until.since(self.now));
            Some(Standing {
                author: lock.author.clone(),
                command: Command::ForceBusy {
                    agent: agent.number().to_string(),
                    reason: lock.reason.clone(),
                    lasting,
                },
                until: lock.until,
            })
        });
        changed.chain(locks).collect()
    }
}
