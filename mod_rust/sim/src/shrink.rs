//! Makes a failing run shorter: chunks of its inputs are left out as long as it fails in the same way, then settings are
//! made plainer.

use core::fmt;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hotline_engine::codec::journal::Head;
use hotline_engine::config::{Config, Queue};
use hotline_engine::ids::{AgentId, CallId, OfferId};
use hotline_engine::{Event, Input, Time};

use crate::pair::{Pair, Wrong};
use crate::readable::{plain, settings};
use crate::run::write_journal;

/// How long it may take.
const LONGEST: Duration = Duration::from_secs(20);

/// Queues or agents looked at, to be made plainer.
const MOST_PLACES: usize = 64;

/// A shorter run that fails in the same way.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// What is wrong in it.
    pub what: String,
    /// Its journal.
    pub journal: Vec<u8>,
    head: Head,
    inputs: Vec<(Time, Input)>,
}

impl fmt::Display for Shrunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shrunk {
            what, head, inputs, ..
        } = self;
        writeln!(f, "settings: {}", settings(&head.config))?;
        for (number, (at, input)) in (1..).zip(inputs) {
            let seconds = (at.0 as f64 - head.booted.0 as f64) / 1e6;
            let said = match input {
                Input::Reload { config, .. } => format!("Reload {}", settings(config)),
                Input::Join { .. }
                | Input::CallerGone { .. }
                | Input::Ringing { .. }
                | Input::Answered { .. }
                | Input::OfferFailed { .. }
                | Input::Connected { .. }
                | Input::Ended { .. }
                | Input::Digit { .. }
                | Input::Talk { .. }
                | Input::CallbackFailed { .. }
                | Input::Owed { .. }
                | Input::DisconnectSettled { .. }
                | Input::HandedOver { .. }
                | Input::Held { .. }
                | Input::Muted { .. }
                | Input::Recording { .. }
                | Input::NotDone { .. }
                | Input::WentAway { .. }
                | Input::CameBack { .. }
                | Input::Surveyed { .. }
                | Input::JoinConsult { .. }
                | Input::Consult { .. }
                | Input::RetrieveFailed { .. }
                | Input::Monitor { .. }
                | Input::Phone { .. }
                | Input::Command { .. }
                | Input::Screened { .. }
                | Input::ListChanged { .. }
                | Input::Deed { .. }
                | Input::Tick => plain(input),
            };
            writeln!(f, "{number:4} {seconds:+12.6} {said}")?;
        }
        f.write_str(what)
    }
}

/// An offer as it is known whatever came before: the n-th one of that agent for that call.
type Attempt = (CallId, AgentId, u32);

/// A run as recorded, and what its offers were.
struct Recorded {
    inputs: Vec<(Time, Input)>,
    attempts: BTreeMap<OfferId, Attempt>,
}

pub(crate) fn shrink(head: &Head, inputs: &[(Time, Input)], kind: &str) -> Shrunk {
    let end = Instant::now() + LONGEST;
    let (found, wrong) = again(head, inputs.to_vec(), None);
    let mut search = Search {
        kind,
        end,
        head: head.clone(),
        best: found,
        wrong,
    };
    search.leave_out_inputs();
    search.make_settings_plainer();
    search.make_inputs_plainer();
    search.leave_out_inputs();
    let Search {
        head, best, wrong, ..
    } = search;
    Shrunk {
        what: wrong.map(|wrong| wrong.what).unwrap_or_default(),
        journal: write_journal(&head, &best.inputs).unwrap_or_default(),
        head,
        inputs: best.inputs,
    }
}

/// The shortest run so far that fails in the same way.
struct Search<'a> {
    kind: &'a str,
    end: Instant,
    head: Head,
    best: Recorded,
    wrong: Option<Wrong>,
}

impl Search<'_> {
    /// Whether a run fails in the same way; then it is the best so far.
    fn attempt(&mut self, head: Head, inputs: Vec<(Time, Input)>) -> bool {
        let (found, wrong) = again(&head, inputs, Some(&self.best.attempts));
        let same = wrong.as_ref().is_some_and(|wrong| wrong.kind == self.kind);
        if same {
            (self.best, self.wrong, self.head) = (found, wrong, head);
        }
        same
    }

    /// What only lets time pass, as such.
    fn make_inputs_plainer(&mut self) {
        for at in 0..self.best.inputs.len() {
            let mut inputs = self.best.inputs.clone();
            match inputs.get_mut(at) {
                Some((_, input)) if *input != Input::Tick && Instant::now() < self.end => {
                    *input = Input::Tick
                }
                Some(_) | None => continue,
            }
            self.attempt(self.head.clone(), inputs);
        }
    }

    fn leave_out_inputs(&mut self) {
        let mut chunk = self.best.inputs.len().div_ceil(2);
        while chunk > 0 {
            let mut from = 0;
            let mut shorter = false;
            while from < self.best.inputs.len() {
                if Instant::now() >= self.end {
                    return;
                }
                let to = (from + chunk).min(self.best.inputs.len());
                let mut fewer = self.best.inputs[..from].to_vec();
                fewer.extend_from_slice(&self.best.inputs[to..]);
                if self.attempt(self.head.clone(), fewer) {
                    shorter = true;
                } else {
                    from = to;
                }
            }
            chunk = if shorter && chunk == 1 { 1 } else { chunk / 2 };
        }
    }

    /// Those at the start, and those of each reload.
    fn make_settings_plainer(&mut self) {
        let is_reload = |(_, input): &(Time, Input)| matches!(input, Input::Reload { .. });
        let reloads = self.best.inputs.iter().filter(|input| is_reload(input)).count();
        for which in 0..=reloads {
            for plainer in PLAINER {
                for at in 0..MOST_PLACES {
                    let (mut head, mut inputs) = (self.head.clone(), self.best.inputs.clone());
                    let mut configs = inputs.iter_mut().filter_map(|(_, input)| match input {
                        Input::Reload { config, .. } => Some(&mut **config),
                        _ => None,
                    });
                    let mut one = if which == 0 {
                        Some(&mut head.config)
                    } else {
                        configs.nth(which - 1)
                    };
                    if Instant::now() >= self.end {
                        return;
                    }
                    if !one.as_mut().is_some_and(|config| plainer(config, at)) {
                        break;
                    }
                    let right = one.is_some_and(|config| config.check().is_ok());
                    let changed = head.config != self.head.config || inputs != self.best.inputs;
                    if right && changed {
                        self.attempt(head, inputs);
                    }
                }
            }
        }
    }
}

/// Runs inputs that were recorded, up to the first failure. Offers mean the same attempts as in the recording, and facts
/// about those that are not made are left out.
fn again(
    head: &Head,
    inputs: Vec<(Time, Input)>,
    before: Option<&BTreeMap<OfferId, Attempt>>,
) -> (Recorded, Option<Wrong>) {
    let mut recorded = Recorded {
        inputs: Vec::new(),
        attempts: BTreeMap::new(),
    };
    let mut pair = match Pair::new(head) {
        Ok(pair) => pair,
        Err(wrong) => return (recorded, Some(wrong)),
    };
    let mut made: BTreeMap<(CallId, AgentId), u32> = BTreeMap::new();
    for (at, mut input) in inputs {
        if let (
            Input::Ringing { offer } | Input::Answered { offer } | Input::OfferFailed { offer, .. },
            Some(before),
        ) = (&mut input, before)
        {
            let attempt = before.get(offer);
            let mut now = recorded.attempts.iter();
            match now.find(|(_, other)| Some(*other) == attempt) {
                Some((id, _)) => *offer = *id,
                None => continue,
            }
        }
        recorded.inputs.push((at, input.clone()));
        let seen = pair.events.len();
        let step = pair.step(at, &input);
        for event in &pair.events[seen..] {
            if let Event::OfferMade {
                offer, call, agent, ..
            } = event
            {
                let count = made.entry((*call, *agent)).or_default();
                *count += 1;
                recorded.attempts.insert(*offer, (*call, *agent, *count));
            }
        }
        if let Err(wrong) = step {
            return (recorded, Some(wrong));
        }
    }
    let wrong = pair.audit.finish().err();
    (recorded, wrong)
}

/// Makes the settings plainer at one place of several; whether there was such a place.
type Plainer = fn(&mut Config, usize) -> bool;

const PLAINER: &[Plainer] = &[
    |config, at| {
        // From the end, so that places stay the same.
        let last = config.agents.len().checked_sub(at + 1);
        last.map(|at| config.agents.remove(at)).is_some()
    },
    |config, at| of_queue(config, at, |queue| queue.rules.clear()),
    |config, at| of_queue(config, at, |queue| queue.exits = Default::default()),
    |config, at| of_queue(config, at, |queue| queue.warn = Default::default()),
    |config, at| of_queue(config, at, |queue| queue.callback = Default::default()),
    |config, at| of_queue(config, at, |queue| queue.tiers.clear()),
    |config, at| {
        of_queue(config, at, |queue| {
            *queue = Queue {
                rules: core::mem::take(&mut queue.rules),
                exits: core::mem::take(&mut queue.exits),
                warn: core::mem::take(&mut queue.warn),
                callback: core::mem::take(&mut queue.callback),
                tiers: core::mem::take(&mut queue.tiers),
                ..Queue::named(core::mem::take(&mut queue.name))
            };
        })
    },
    |config, at| {
        let queue = config.queues.len().checked_sub(at + 1);
        let name = queue.map(|at| config.queues.remove(at).name);
        for agent in &mut config.agents {
            agent.queues.retain(|member| Some(&member.queue) != name.as_ref());
        }
        name.is_some()
    },
    |config, at| at == 0 && !config.menus.drain(..).as_slice().is_empty(),
    |config, at| at == 0 && !config.reasons.drain(..).as_slice().is_empty(),
    |config, at| {
        let agent = config.agents.get_mut(at);
        agent.map(|agent| agent.skills.clear()).is_some()
    },
    |config, at| {
        for (n, tier) in config.tiers.iter_mut().enumerate() {
            if n == at {
                tier.handicap = hotline_engine::Span::ZERO;
            }
        }
        at < config.tiers.len()
    },
];

fn of_queue(config: &mut Config, at: usize, change: impl FnOnce(&mut Queue)) -> bool {
    config.queues.get_mut(at).map(change).is_some()
}
