//! How unfair settings can be: the longest that a caller of each tier can be overtaken.
//!
//! All callers age alike, so a caller is overtaken only by callers who joined later by no more than they are worth more.
//! What the dialplan or a supervisor gives a single call ([`Caller::priority`](crate::input::Caller::priority)) comes on
//! top, and so does what rules give once more to who is moved by a supervisor or returns from a callback.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Choice, Config, Exit, MAX_HOPS, Menu, Operation, Queue, Tier, Way};
use crate::time::Span;

/// The longest overtaking of each queue and tier, in the order of the settings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fairness {
    /// One for each queue and tier.
    pub rows: Vec<Overtaking>,
}

/// How long one kind of caller can be overtaken, and by whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Overtaking {
    /// Queue of the caller.
    pub queue: String,
    /// Tier of the caller.
    pub tier: String,
    /// Queue of those who overtake longest.
    pub by_queue: String,
    /// Tier of those.
    pub by_tier: String,
    /// By callers who joined so much later at most; `None`: without bound, since a rule raises callers again and again.
    pub longest: Option<Span>,
}

impl Config {
    /// States the longest that callers can be overtaken by others whom the same agents serve.
    pub fn fairness(&self) -> Fairness {
        let queues: BTreeMap<&str, &Queue> = self.queues.iter().map(|queue| (&*queue.name, queue)).collect();
        let rivals = self.rivals();
        let raised: Vec<Raised> = self.tiers.iter().map(|tier| self.raised(tier)).collect();
        let mut rows = Vec::new();
        for queue in &self.queues {
            for tier in &self.tiers {
                let own = worth(queue, tier);
                let others = rivals.get(&*queue.name).into_iter().flatten();
                let kinds = others.filter_map(|name| queues.get(name)).flat_map(|other| {
                    let kinds = self.tiers.iter().zip(&raised);
                    // Nobody overtakes their own kind, but by being raised.
                    kinds.map(|(rival, raised)| (gain(other, rival, raised), &*other.name, &*rival.name))
                });
                // The first of equals, unbounded before all.
                let worst = kinds.fold(
                    None,
                    |worst: Option<(Option<Span>, &str, &str)>, kind| match worst {
                        Some(worst) if exceeds(worst.0, kind.0) => Some(worst),
                        Some(_) | None => Some(kind),
                    },
                );
                let Some((gain, by_queue, by_tier)) = worst else {
                    continue;
                };
                rows.push(Overtaking {
                    queue: queue.name.clone(),
                    tier: tier.name.clone(),
                    by_queue: by_queue.to_owned(),
                    by_tier: by_tier.to_owned(),
                    longest: gain.map(|gain| Span(gain.0.saturating_sub(own.0))),
                });
            }
        }
        Fairness { rows }
    }

    /// For each queue the queues whose callers its own compete with: those that share an agent, itself first.
    fn rivals(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut shared: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for agent in &self.agents {
            // Whoever serves a queue may be sent the callers of those that overflow into it.
            let served: BTreeSet<&str> = agent
                .queues
                .iter()
                .flat_map(|member| self.feeding(&member.queue))
                .collect();
            for queue in &served {
                shared.entry(queue).or_default().extend(&served);
            }
        }
        let all = self.queues.iter().map(|queue| {
            let own = &*queue.name;
            let others = shared.get(own).into_iter().flatten().copied();
            let mut all = vec![own];
            all.extend(others.filter(|other| *other != own));
            (own, all)
        });
        all.collect()
    }

    /// The queue itself, and those whose rules add it.
    fn feeding<'a>(&'a self, queue: &'a str) -> Vec<&'a str> {
        let adds = |other: &&Queue| {
            let mut done = other.rules.iter().flat_map(|rule| &rule.then);
            done.any(|operation| matches!(operation, Operation::AddQueue(added) if added == queue))
        };
        let adding = self.queues.iter().filter(adds).map(|other| &*other.name);
        std::iter::once(queue).chain(adding).collect()
    }
}

fn worth(queue: &Queue, tier: &Tier) -> Span {
    Span(queue.handicap.0.saturating_add(tier.handicap.0))
}

/// What rules can have raised callers of one tier by at most, by the queue they are in; `None` is without bound.
type Raised<'a> = BTreeMap<&'a str, Option<Span>>;

impl Config {
    fn raised(&self, tier: &Tier) -> Raised<'_> {
        let own: Raised<'_> = self
            .queues
            .iter()
            .map(|queue| (&*queue.name, raises(queue, tier)))
            .collect();
        let mut raised = own.clone();
        // A caller brings along what was raised in the queues before, one hop further each time.
        for _ in 0..MAX_HOPS {
            let before = raised.clone();
            for queue in &self.queues {
                let brought = before.get(&*queue.name).copied().flatten();
                for next in queue.leads_to(&self.menus) {
                    let (Some(most), Some(own)) = (raised.get_mut(next), own.get(next)) else {
                        continue;
                    };
                    let sum = brought
                        .zip(*own)
                        .map(|(brought, own)| Span(brought.0.saturating_add(own.0)));
                    if exceeds(sum, *most) {
                        *most = sum;
                    }
                }
            }
            if raised == before {
                break;
            }
        }
        raised
    }
}

impl Queue {
    /// The queues that its callers may be sent on to.
    fn leads_to<'a>(&'a self, menus: &'a [Menu]) -> impl Iterator<Item = &'a str> {
        let exits = &self.exits;
        let exits = [
            &exits.full,
            &exits.timeout,
            &exits.no_agents,
            &exits.closed,
            &exits.emergency,
        ];
        let done = self.rules.iter().flat_map(|rule| &rule.then);
        let by_rules = done.flat_map(move |operation| match operation {
            Operation::Divert(way) => vec![way],
            Operation::Menu(name) => menus
                .iter()
                .filter(|menu| menu.name == *name)
                .flat_map(Menu::ways)
                .collect(),
            Operation::AcceptLevel(_)
            | Operation::DropSkill(_)
            | Operation::AddQueue(_)
            | Operation::Raise(_)
            | Operation::Say(_) => Vec::new(),
        });
        exits.into_iter().chain(by_rules).filter_map(|way| match &way.to {
            Exit::Queue(queue) => Some(queue.as_str()),
            Exit::Onward | Exit::Place(_) | Exit::Busy | Exit::Callback => None,
        })
    }
}

impl Menu {
    fn ways(&self) -> impl Iterator<Item = &Way> {
        self.keys.iter().filter_map(|key| match &key.choice {
            Choice::Leave(way) => Some(way),
            Choice::Wait { .. } => None,
        })
    }
}

/// What callers of a kind can be worth at most; `None` is without bound.
fn gain(queue: &Queue, tier: &Tier, raised: &Raised<'_>) -> Option<Span> {
    let raised = raised.get(&*queue.name).copied().flatten()?;
    Some(Span(worth(queue, tier).0.saturating_add(raised.0)))
}

/// What the rules of one queue raise callers of a tier by in one visit; `None` is without bound.
fn raises(queue: &Queue, tier: &Tier) -> Option<Span> {
    let mut all = Span::ZERO;
    for rule in &queue.rules {
        if !rule.tiers.is_empty() && !rule.tiers.contains(&tier.name) {
            continue;
        }
        for operation in &rule.then {
            if let Operation::Raise(by) = operation {
                if rule.every.is_some() && *by > Span::ZERO {
                    return None;
                }
                all = Span(all.0.saturating_add(by.0));
            }
        }
    }
    Some(all)
}

/// Whether the first is no less than the second.
fn exceeds(first: Option<Span>, second: Option<Span>) -> bool {
    match (first, second) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(first), Some(second)) => first >= second,
    }
}
