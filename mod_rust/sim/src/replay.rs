//! Replays a journal through a new engine.

use core::fmt;

use hotline_engine::codec::journal::{JournalError, Reader};
use hotline_engine::{Action, ConfigError, Drain, Engine, Event, Input, Time};

/// What one record of a journal led to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replayed {
    /// When.
    pub at: Time,
    /// With what.
    pub input: Input,
    /// What the host was told.
    pub actions: Vec<Action>,
    /// What happened.
    pub events: Vec<Event>,
}

/// Why a journal cannot be replayed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReplayError {
    /// It cannot be read.
    Journal(JournalError),
    /// No engine starts with its settings.
    Config(ConfigError),
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReplayError::Journal(error) => error.fmt(f),
            ReplayError::Config(error) => write!(f, "the journal's settings are wrong: {error}"),
        }
    }
}

impl core::error::Error for ReplayError {}

/// Replays a journal, step by step; an unreadable rest is the last item, as an error.
///
/// # Errors
/// The journal's head is unreadable, or its settings are wrong.
pub fn replay(journal: &[u8]) -> Result<impl Iterator<Item = Result<Replayed, JournalError>>, ReplayError> {
    let (head, reader) = Reader::open(journal).map_err(ReplayError::Journal)?;
    let mut engine = Engine::new(head.config, head.booted, head.seed).map_err(ReplayError::Config)?;
    Ok(reader.map(move |record| {
        let record = record?;
        let Drain { actions, events } = engine.handle(record.at, record.input.clone());
        let (actions, events) = (actions.collect(), events.collect());
        Ok(Replayed {
            at: record.at,
            input: record.input,
            actions,
            events,
        })
    }))
}
