//! One simulated run.

use core::fmt;

use hotline_engine::codec::journal::{self, Head};
use hotline_engine::{Event, Input, Time};

use crate::audit::Counts;
use crate::pair::{Pair, Wrong};
use crate::replay::replay;
use crate::shrink::{self, Shrunk};
use crate::world::World;

/// A run that went well.
#[derive(Clone, Debug)]
pub struct Run {
    /// What it consisted of.
    pub counts: Counts,
    /// Its journal.
    pub journal: Vec<u8>,
}

/// A run that did not.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Of which seed.
    pub seed: u64,
    /// At which step, counted from 1.
    pub step: u64,
    /// The input of that step.
    pub input: String,
    /// What was wrong.
    pub what: String,
    /// The same for failures of one kind.
    pub kind: String,
    /// The journal up to there.
    pub journal: Vec<u8>,
    pub(crate) head: Head,
    pub(crate) inputs: Vec<(Time, Input)>,
}

impl Failure {
    /// Looks for a shorter run that fails in the same way, for a bounded time.
    pub fn shrink(&self) -> Shrunk {
        shrink::shrink(&self.head, &self.inputs, &self.kind)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "seed {} fails at step {} ({}):",
            self.seed, self.step, self.input
        )?;
        f.write_str(&self.what)
    }
}

impl core::error::Error for Failure {}

/// Runs a seed for so many steps, then until everybody has gone home.
///
/// # Errors
/// What went wrong first.
pub fn run(seed: u64, steps: u64) -> Result<Run, Box<Failure>> {
    let (mut world, config, booted) = World::new(seed);
    let head = Head { config, booted, seed };
    let mut inputs = Vec::new();
    let failed = |wrong: Wrong, inputs: Vec<(Time, Input)>| {
        let input = inputs.last().map(|(_, input)| format!("{input:?}"));
        Box::new(Failure {
            seed,
            step: inputs.len() as u64,
            input: input.unwrap_or_default(),
            what: wrong.what,
            kind: wrong.kind,
            journal: write_journal(&head, &inputs).unwrap_or_default(),
            head: head.clone(),
            inputs,
        })
    };
    let mut pair = Pair::new(&head).map_err(|wrong| failed(wrong, vec![]))?;
    loop {
        let step = inputs.len() as u64 + 1;
        let (at, input) = if step == 1 {
            (booted, Some(Input::Tick))
        } else if step <= steps {
            let (at, input) = world.next(pair.engine.deadline());
            (at, Some(input))
        } else {
            world.closing(&pair.engine.view())
        };
        let Some(input) = input else { break };
        inputs.push((at, input.clone()));
        match pair.step(at, &input) {
            Ok(actions) => world.obey(&actions, &pair.engine.view()),
            Err(wrong) => return Err(failed(wrong, inputs)),
        }
    }
    let journal = pair
        .audit
        .finish()
        .and_then(|()| write_journal(&head, &inputs))
        .and_then(|journal| replays(&journal, &pair.events).map(|()| journal));
    match journal {
        Ok(journal) => Ok(Run {
            counts: pair.audit.counts,
            journal,
        }),
        Err(wrong) => Err(failed(wrong, inputs)),
    }
}

/// The inputs as a journal.
pub(crate) fn write_journal(head: &Head, inputs: &[(Time, Input)]) -> Result<Vec<u8>, Wrong> {
    let mut journal = Vec::new();
    let mut written = journal::write_head(&mut journal, head);
    for (at, input) in inputs {
        written = written.and_then(|()| journal::write_record(&mut journal, *at, input));
    }
    let too_long = |error: journal::TooLong| Wrong::new("journal", error.to_string());
    written.map(|()| journal).map_err(too_long)
}

/// A journal gives the same events again, bit for bit.
fn replays(journal: &[u8], events: &[Event]) -> Result<(), Wrong> {
    let wrong = |error: &dyn fmt::Display| Wrong::new("replay", error.to_string());
    let mut replayed = Vec::new();
    for step in replay(journal).map_err(|error| wrong(&error))? {
        replayed.extend(step.map_err(|error| wrong(&error))?.events);
    }
    if replayed == events {
        Ok(())
    } else {
        Err(wrong(&"the journal replays to other events"))
    }
}
