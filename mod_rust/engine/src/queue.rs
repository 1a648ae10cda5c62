//! A queue: who waits in it and who could take them, both in the order in which they are served.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::action::CallAction;
use crate::config::{self, NeedsAgents, Strategy};
use crate::event::QueueView;
use crate::ids::{AgentId, CallId, QueueId, TierId};
use crate::skills::SkillSet;
use crate::sorted::Sorted;
use crate::time::{Span, Time};

/// A caller's place in the order of service, over all queues: the moment of joining less everything that the caller
/// is worth on top, then the call number. All callers age alike, so it never changes by itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Rank {
    at: i64,
    pub(crate) call: CallId,
}

impl Rank {
    pub(crate) fn new(arrived: Time, worth: [Span; 4], call: CallId) -> Rank {
        let signed = |micros: u64| i64::try_from(micros).unwrap_or(i64::MAX);
        let worth = worth
            .into_iter()
            .fold(0_i64, |sum, span| sum.saturating_add(signed(span.0)));
        Rank {
            at: signed(arrived.0).saturating_sub(worth),
            call,
        }
    }

    /// What a caller who joined then was worth on top.
    pub(crate) fn worth(self, arrived: Time) -> Span {
        let arrived = i64::try_from(arrived.0).unwrap_or(i64::MAX);
        Span(u64::try_from(arrived.saturating_sub(self.at)).unwrap_or(0))
    }
}

/// An agent's place among those available in a queue: what the strategy looks at, then since when idle, then the agent's
/// number in the table. The least is best.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Merit {
    pub(crate) primary: u64,
    pub(crate) idle_since: Time,
    pub(crate) agent: AgentId,
}

/// Seeking callers of a queue with the same needs.
#[derive(Debug)]
pub(crate) struct Lane {
    /// The worst level that will do; 0 is nobody's.
    pub(crate) cap: u8,
    pub(crate) skills: SkillSet,
    pub(crate) callers: Sorted<Rank>,
}

impl Lane {
    pub(crate) fn suits(&self, level: u8, skills: SkillSet) -> bool {
        level <= self.cap && skills.includes(self.skills)
    }

    /// Whether any member will do.
    fn is_plain(&self) -> bool {
        self.cap == u8::MAX && self.skills.is_empty()
    }
}

/// Available members of a queue with the same qualification.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) level: u8,
    pub(crate) skills: SkillSet,
    pub(crate) agents: Sorted<Merit>,
}

/// What a freed agent looks at first in each of its queues; all of them together fit into a near cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Front {
    /// The first of those who seek.
    pub(crate) first: Option<Rank>,
    /// Whether any member will do for any of them.
    pub(crate) plain: bool,
}

impl Front {
    pub(crate) const EMPTY: Front = Front {
        first: None,
        plain: true,
    };
}

#[derive(Debug)]
pub(crate) struct Queue {
    /// As in the settings; it never changes.
    pub(crate) name: Arc<str>,
    pub(crate) settings: config::Queue,
    /// No longer in the settings: nobody may join, talking calls go on.
    pub(crate) removed: bool,
    /// Callers that are not connected yet, whether anybody rings for them or not.
    pub(crate) waiting: u32,
    /// The same by tier.
    pub(crate) tier_waiting: Vec<u32>,
    /// Those of them who wait or are rung for.
    pub(crate) line: Sorted<Rank>,
    /// Members who are signed in.
    pub(crate) signed_in: u32,
    /// Members who are at work.
    pub(crate) at_work: u32,
    /// Callers who could take (another) agent of this queue now. None is empty.
    pub(crate) lanes: Vec<Lane>,
    /// Members who could take a call now. Empty ones stay until a kind is new: there are few kinds at any time.
    pub(crate) benches: Vec<Bench>,
    /// How many sit on them.
    pub(crate) seated: u32,
    /// Of the agent last offered a call here; for round robin.
    pub(crate) cursor: Option<u32>,
    /// The patience of the agent last chosen; for strategies by chance.
    pub(crate) clock: u64,
    /// Bands of the rules that have tripped: predicted wait, callers waiting.
    pub(crate) tripped: Vec<[bool; 2]>,
    /// Callbacks owed but those that pause after a miss.
    pub(crate) owed: Sorted<Rank>,
    /// All callbacks owed, by number.
    pub(crate) callbacks: BTreeMap<String, CallId>,
}

impl Queue {
    pub(crate) fn new(settings: config::Queue) -> Queue {
        Queue {
            name: settings.name.as_str().into(),
            removed: false,
            waiting: 0,
            tier_waiting: Vec::new(),
            line: Sorted::default(),
            signed_in: 0,
            at_work: 0,
            lanes: Vec::new(),
            benches: Vec::new(),
            seated: 0,
            cursor: None,
            clock: 0,
            tripped: vec![[false; 2]; settings.rules.len()],
            owed: Sorted::default(),
            callbacks: BTreeMap::new(),
            settings,
        }
    }

    /// Takes other settings of the same name.
    pub(crate) fn install(&mut self, settings: config::Queue) {
        self.tripped = vec![[false; 2]; settings.rules.len()];
        self.settings = settings;
        self.removed = false;
    }

    /// Whether its callers may not wait for want of agents.
    pub(crate) fn is_unmanned(&self) -> bool {
        match self.settings.needs_agents {
            NeedsAgents::None => false,
            NeedsAgents::SignedIn => self.signed_in == 0,
            NeedsAgents::AtWork => self.at_work == 0,
        }
    }

    pub(crate) fn count_waiting(&mut self, tier: TierId, comes: bool) {
        let tier = usize::from(tier.0);
        if self.tier_waiting.len() <= tier {
            self.tier_waiting.resize(tier + 1, 0);
        }
        if comes {
            self.waiting += 1;
            self.tier_waiting[tier] += 1;
        } else {
            self.waiting -= 1;
            self.tier_waiting[tier] -= 1;
        }
    }

    /// Whether another caller of that tier would be one too many.
    pub(crate) fn is_full_for(&self, tier: TierId, name: &str) -> bool {
        let most = self.settings.tier(name).and_then(|limits| limits.max_waiting);
        let waiting = self.tier_waiting.get(usize::from(tier.0)).copied().unwrap_or(0);
        self.waiting >= self.settings.max_waiting || most.is_some_and(|most| waiting >= most)
    }

    /// How many are served before `rank`.
    pub(crate) fn ahead_of(&self, rank: Rank) -> usize {
        self.line.before(rank) + self.owed.before(rank)
    }

    /// The place of somebody behind those; 1 is next.
    pub(crate) fn place_behind(&self, rank: Rank) -> u32 {
        u32::try_from(self.ahead_of(rank) + 1).unwrap_or(u32::MAX)
    }

    pub(crate) fn has_available(&self) -> bool {
        self.seated > 0
    }

    /// The best available agent for such a caller.
    pub(crate) fn best(&self, cap: u8, skills: SkillSet) -> Option<Merit> {
        if self.seated == 0 {
            return None;
        }
        let suiting = self
            .benches
            .iter()
            .filter(|bench| bench.level <= cap && bench.skills.includes(skills));
        if self.settings.strategy == Strategy::RoundRobin
            && let Some(cursor) = self.cursor
        {
            let next = Merit {
                primary: u64::from(cursor) + 1,
                idle_since: Time(0),
                agent: AgentId(0),
            };
            let after = suiting
                .clone()
                .filter_map(|bench| bench.agents.at_least(next))
                .min();
            if after.is_some() {
                return after;
            }
        }
        suiting.filter_map(|bench| bench.agents.first()).min()
    }

    /// A member became available.
    pub(crate) fn seat(&mut self, level: u8, skills: SkillSet, merit: Merit) {
        let kind = |bench: &&mut Bench| bench.level == level && bench.skills == skills;
        if let Some(bench) = self.benches.iter_mut().find(kind) {
            self.seated += u32::from(bench.agents.insert(merit).is_some());
            return;
        }
        // Supervisors make ever new kinds by changing levels and skills; those that nobody is of any more go.
        self.benches.retain(|bench| !bench.agents.is_empty());
        self.benches.push(Bench {
            level,
            skills,
            agents: [merit].into_iter().collect(),
        });
        self.seated += 1;
    }

    /// A member is no longer available.
    pub(crate) fn unseat(&mut self, level: u8, skills: SkillSet, merit: Merit) {
        let kind = |bench: &&mut Bench| bench.level == level && bench.skills == skills;
        if let Some(bench) = self.benches.iter_mut().find(kind) {
            self.seated -= u32::from(bench.agents.remove(merit));
        }
    }

    /// A caller began to seek.
    pub(crate) fn line_up(&mut self, front: &mut Front, cap: u8, skills: SkillSet, rank: Rank) {
        let kind = |lane: &&mut Lane| lane.cap == cap && lane.skills == skills;
        match self.lanes.iter_mut().find(kind) {
            Some(lane) => {
                lane.callers.insert(rank);
                front.first = front.first.min(Some(rank)).or(Some(rank));
            }
            None => {
                self.lanes.push(Lane {
                    cap,
                    skills,
                    callers: [rank].into_iter().collect(),
                });
                *front = self.front();
            }
        }
    }

    /// A caller seeks no more.
    pub(crate) fn step_out(&mut self, front: &mut Front, cap: u8, skills: SkillSet, rank: Rank) {
        let kind = |lane: &Lane| lane.cap == cap && lane.skills == skills;
        let Some(at) = self.lanes.iter().position(kind) else {
            return;
        };
        self.lanes[at].callers.remove(rank);
        let emptied = self.lanes[at].callers.is_empty();
        if emptied {
            self.lanes.swap_remove(at);
        }
        if emptied || front.first == Some(rank) {
            *front = self.front();
        }
    }

    pub(crate) fn front(&self) -> Front {
        Front {
            first: self.lanes.iter().filter_map(|lane| lane.callers.first()).min(),
            plain: self.lanes.iter().all(Lane::is_plain),
        }
    }

    /// What its waiting callers hear.
    pub(crate) fn music(&self) -> CallAction {
        CallAction::Music {
            class: self.settings.music.clone(),
            after: self.settings.music_after,
        }
    }

    pub(crate) fn view(&self, queue: QueueId) -> QueueView {
        QueueView {
            queue,
            name: self.settings.name.clone(),
            strategy: self.settings.strategy,
            service_target: self.settings.service_target,
            max_waiting: self.settings.max_waiting,
            door: self.settings.door,
        }
    }
}

impl config::Queue {
    /// What differs for a tier.
    pub(crate) fn tier(&self, name: &str) -> Option<&config::TierLimits> {
        self.tiers.iter().find(|limits| limits.tier == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_members_that_there_were_are_forgotten() {
        let mut queue = Queue::new(config::Queue::named("support".to_owned()));
        let merit = |agent| Merit {
            primary: 0,
            idle_since: Time(0),
            agent: AgentId(agent),
        };
        queue.seat(1, SkillSet::default(), merit(0));
        for level in 2..=255 {
            queue.seat(level, SkillSet::default(), merit(1));
            assert_eq!(queue.best(u8::MAX, SkillSet::default()), Some(merit(0)));
            queue.unseat(level, SkillSet::default(), merit(1));
        }
        assert_eq!(queue.benches.len(), 2);
    }
}
