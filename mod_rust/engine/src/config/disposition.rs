//! What a call can have been about.

use std::collections::BTreeSet;

use crate::config::{ConfigError, DispositionFault, Queue, WrapUp};
use crate::time::Span;

/// The most dispositions.
pub const MAX_DISPOSITIONS: usize = 500;

/// What a call was about, as its agent says (小结).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Disposition {
    /// What agents key in and reports count by. Never empty, each once.
    pub code: String,
    /// What it is called in Chinese; may be empty.
    pub zh: String,
    /// What it is called in English; may be empty.
    pub en: String,
    /// The caller complained (投诉).
    pub complaint: bool,
    /// What the caller called for is done.
    pub resolved: bool,
    /// The caller is to be called again (回访).
    pub follow_up: bool,
    /// For calls of these queues; empty is all.
    pub queues: Vec<String>,
}

impl Disposition {
    /// Whether calls of that queue can have it.
    pub fn suits(&self, queue: &str) -> bool {
        self.queues.is_empty() || self.queues.iter().any(|known| known == queue)
    }
}

pub(super) fn check(dispositions: &[Disposition], queues: &[Queue]) -> Result<(), ConfigError> {
    if dispositions.len() > MAX_DISPOSITIONS {
        return Err(ConfigError::TooManyDispositions);
    }
    let names: BTreeSet<&str> = queues.iter().map(|queue| queue.name.as_str()).collect();
    let mut seen = BTreeSet::new();
    for disposition in dispositions {
        let wrong = |fault| {
            Err(ConfigError::Disposition {
                code: disposition.code.clone(),
                fault,
            })
        };
        if disposition.code.is_empty() {
            return wrong(DispositionFault::NoCode);
        }
        if !seen.insert(&disposition.code) {
            return wrong(DispositionFault::Twice);
        }
        let mut of = disposition.queues.iter();
        if let Some(queue) = of.find(|queue| !names.contains(queue.as_str())) {
            return wrong(DispositionFault::UnknownQueue(queue.clone()));
        }
    }
    let lacks = |queue: &&Queue| {
        queue.needs_disposition && !dispositions.iter().any(|known| known.suits(&queue.name))
    };
    // After-call work that is over as it begins waits for nothing.
    let no_time = |queue: &&Queue| {
        let usual = match queue.wrap_up {
            WrapUp::Timed(time) => time,
            WrapUp::Manual => return false,
        };
        queue.needs_disposition && usual.max(queue.wrap_up_max) == Span::ZERO
    };
    if let Some(queue) = queues.iter().find(no_time) {
        return Err(ConfigError::Queue {
            queue: queue.name.clone(),
            fault: crate::config::QueueFault::NoTimeForDisposition,
        });
    }
    match queues.iter().find(lacks) {
        Some(queue) => Err(ConfigError::Queue {
            queue: queue.name.clone(),
            fault: crate::config::QueueFault::NoDisposition,
        }),
        None => Ok(()),
    }
}
