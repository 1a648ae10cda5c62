//! What settings an engine refuses, and why.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{
    Agent, AgentFault, Choice, Config, ConfigError, Exit, IvrFault, MAX_ALSO, MAX_IVR_TIMEOUT, MAX_LEVELS,
    MAX_RULES, MAX_SKILLS, MAX_TIERS, MenuFault, Operation, Queue, QueueFault, ReasonFault, Rule, RuleFault,
    Steps, Strategy, Survey, TierFault, Way,
};
use crate::time::Span;

impl Config {
    /// Says whether an engine would take these settings.
    ///
    /// # Errors
    /// The first thing found wrong; see [`ConfigError`].
    pub fn check(&self) -> Result<(), ConfigError> {
        self.check_tiers()?;
        let names = self.names()?;
        for queue in &self.queues {
            queue.check(&names).map_err(|fault| ConfigError::Queue {
                queue: queue.name.clone(),
                fault,
            })?;
        }
        self.check_menus(&names)?;
        self.check_reasons()?;
        super::disposition::check(&self.dispositions, &self.queues)?;
        self.check_ivrs()?;
        self.check_supervision()?;
        if self.skills().len() > MAX_SKILLS {
            return Err(ConfigError::TooManySkills);
        }
        let mut numbers = BTreeSet::new();
        let mut phones: BTreeMap<&str, &str> = BTreeMap::new();
        for agent in &self.agents {
            let wrong = |fault| {
                Err(ConfigError::Agent {
                    agent: agent.number.clone(),
                    fault,
                })
            };
            agent.check(&names.queues)?;
            if !numbers.insert(agent.number.as_str()) {
                return wrong(AgentFault::Twice);
            }
            if agent.always_signed_in
                && let Some(other) = phones.insert(&agent.phone, &agent.number)
            {
                return wrong(AgentFault::PhoneOf(other.to_owned()));
            }
        }
        if self.limits.calls == 0 {
            return Err(ConfigError::NoCallsAllowed);
        }
        Ok(())
    }

    fn check_tiers(&self) -> Result<(), ConfigError> {
        if self.tiers.is_empty() {
            return Err(ConfigError::NoTiers);
        }
        if self.tiers.len() > MAX_TIERS {
            return Err(ConfigError::TooManyTiers);
        }
        let mut names = BTreeSet::new();
        for tier in &self.tiers {
            let wrong = |fault| {
                Err(ConfigError::Tier {
                    tier: tier.name.clone(),
                    fault,
                })
            };
            if tier.name.is_empty() {
                return wrong(TierFault::NoName);
            }
            if !names.insert(&tier.name) {
                return wrong(TierFault::Twice);
            }
        }
        Ok(())
    }
}

/// What settings may refer to.
struct Names<'a> {
    queues: BTreeSet<&'a str>,
    tiers: BTreeSet<&'a str>,
    menus: BTreeSet<&'a str>,
}

impl Config {
    fn names(&self) -> Result<Names<'_>, ConfigError> {
        let mut queues = BTreeSet::new();
        for queue in &self.queues {
            if !queues.insert(queue.name.as_str()) {
                return Err(ConfigError::Queue {
                    queue: queue.name.clone(),
                    fault: QueueFault::Twice,
                });
            }
        }
        Ok(Names {
            queues,
            tiers: self.tiers.iter().map(|tier| tier.name.as_str()).collect(),
            menus: self.menus.iter().map(|menu| menu.name.as_str()).collect(),
        })
    }

    fn check_menus(&self, names: &Names<'_>) -> Result<(), ConfigError> {
        let mut seen = BTreeSet::new();
        for menu in &self.menus {
            let wrong = |fault| {
                Err(ConfigError::Menu {
                    menu: menu.name.clone(),
                    fault,
                })
            };
            if menu.name.is_empty() {
                return wrong(MenuFault::NoName);
            }
            if !seen.insert(&menu.name) {
                return wrong(MenuFault::Twice);
            }
            let mut keys = BTreeSet::new();
            for key in &menu.keys {
                if !matches!(key.key, '0'..='9' | '*' | '#') {
                    return wrong(MenuFault::NoKey(key.key));
                }
                if !keys.insert(key.key) {
                    return wrong(MenuFault::KeyTwice(key.key));
                }
                if let Choice::Leave(way) = &key.choice
                    && let Some(queue) = way.missing(names)
                {
                    return wrong(MenuFault::UnknownQueue(queue.to_owned()));
                }
            }
        }
        Ok(())
    }

    fn check_reasons(&self) -> Result<(), ConfigError> {
        let mut seen = BTreeSet::new();
        for reason in &self.reasons {
            let wrong = |fault| {
                Err(ConfigError::Reason {
                    reason: reason.name.clone(),
                    fault,
                })
            };
            if reason.name.is_empty() {
                return wrong(ReasonFault::NoName);
            }
            if !seen.insert(&reason.name) {
                return wrong(ReasonFault::Twice);
            }
            if !reason.warn.are_right() {
                return wrong(ReasonFault::Steps);
            }
        }
        Ok(())
    }

    fn check_ivrs(&self) -> Result<(), ConfigError> {
        let mut seen = BTreeSet::new();
        for ivr in &self.ivrs {
            let wrong = |fault| {
                Err(ConfigError::Ivr {
                    ivr: ivr.name.clone(),
                    fault,
                })
            };
            if ivr.name.is_empty() {
                return wrong(IvrFault::NoName);
            }
            if !seen.insert(&ivr.name) {
                return wrong(IvrFault::Twice);
            }
            if ivr.place.is_empty() {
                return wrong(IvrFault::NoPlace);
            }
            if ivr.timeout == Span::ZERO || ivr.timeout > MAX_IVR_TIMEOUT {
                return wrong(IvrFault::Timeout);
            }
        }
        Ok(())
    }

    /// All skill names that the settings use.
    pub(crate) fn skills(&self) -> BTreeSet<&str> {
        let of_queues = self.queues.iter().flat_map(|queue| &queue.skills);
        let of_agents = self.agents.iter().flat_map(|agent| &agent.skills);
        of_queues.chain(of_agents).map(String::as_str).collect()
    }
}

impl Way {
    /// The queue that it leads to, if there is none of that name.
    fn missing(&self, names: &Names<'_>) -> Option<&str> {
        match &self.to {
            Exit::Queue(queue) if !names.queues.contains(queue.as_str()) => Some(queue),
            Exit::Queue(_) | Exit::Onward | Exit::Place(_) | Exit::Busy | Exit::Callback => None,
        }
    }
}

impl Steps {
    fn are_right(&self) -> bool {
        let ascending = self.at.windows(2).all(|pair| pair[0] < pair[1]);
        let whole = self.at.first() != Some(&Span::ZERO) && self.at.len() <= MAX_LEVELS;
        let interval = self.every.is_none_or(|every| every >= Span::seconds(1));
        ascending && whole && interval
    }
}

impl Queue {
    fn check(&self, names: &Names<'_>) -> Result<(), QueueFault> {
        if self.name.is_empty() {
            return Err(QueueFault::NoName);
        }
        if self.ring_time == Span::ZERO {
            return Err(QueueFault::NoRingTime);
        }
        if self.max_wait == Some(Span::ZERO) {
            return Err(QueueFault::NoMaxWait);
        }
        if self.ring_all_max == 0 && self.strategy == Strategy::RingAll {
            return Err(QueueFault::RingsNobody);
        }
        if self.level == 0 {
            return Err(QueueFault::LevelZero);
        }
        if self.handle_time == Span::ZERO {
            return Err(QueueFault::NoHandleTime);
        }
        let mut tiers = BTreeSet::new();
        for limits in &self.tiers {
            if !names.tiers.contains(limits.tier.as_str()) {
                return Err(QueueFault::UnknownTier(limits.tier.clone()));
            }
            if !tiers.insert(&limits.tier) {
                return Err(QueueFault::TierTwice(limits.tier.clone()));
            }
            if limits.max_wait == Some(Span::ZERO) {
                return Err(QueueFault::NoMaxWait);
            }
        }
        let exits = &self.exits;
        let ways = [
            &exits.full,
            &exits.timeout,
            &exits.no_agents,
            &exits.closed,
            &exits.emergency,
        ];
        if let Some(queue) = ways.into_iter().find_map(|way| way.missing(names)) {
            return Err(QueueFault::UnknownQueue(queue.to_owned()));
        }
        let callback = &self.callback;
        if callback.max > 0
            && (callback.attempts == 0 || callback.ring_time == Span::ZERO || callback.dial.is_empty())
        {
            return Err(QueueFault::Callback);
        }
        let warn = &self.warn;
        let steps = [&warn.wait, &warn.ring, &warn.talk, &warn.hold, &warn.wrap_up];
        if !steps.into_iter().all(Steps::are_right) {
            return Err(QueueFault::Steps);
        }
        self.hold.check()?;
        if self.rules.len() > MAX_RULES {
            return Err(QueueFault::TooManyRules);
        }
        let wrong = |survey: &Survey| survey.place.is_empty() || survey.share > 100;
        if self.survey.as_ref().is_some_and(wrong) {
            return Err(QueueFault::Survey);
        }
        for (rule, number) in self.rules.iter().zip(1..) {
            rule.check(names)
                .map_err(|fault| QueueFault::Rule(number, fault))?;
        }
        let added = self.rules.iter().flat_map(|rule| &rule.then);
        let added: BTreeSet<&str> = added
            .filter_map(|operation| match operation {
                Operation::AddQueue(queue) => Some(queue.as_str()),
                Operation::AcceptLevel(_)
                | Operation::DropSkill(_)
                | Operation::Raise(_)
                | Operation::Say(_)
                | Operation::Menu(_)
                | Operation::Divert(_) => None,
            })
            .collect();
        if added.len() > MAX_ALSO {
            return Err(QueueFault::TooManyAlso);
        }
        Ok(())
    }
}

impl Rule {
    fn check(&self, names: &Names<'_>) -> Result<(), RuleFault> {
        if let Some(tier) = self
            .tiers
            .iter()
            .find(|tier| !names.tiers.contains(tier.as_str()))
        {
            return Err(RuleFault::UnknownTier(tier.clone()));
        }
        if self.every.is_some_and(|every| every < Span::seconds(1)) {
            return Err(RuleFault::TooOften);
        }
        let bands = [self.predicted_wait, self.waiting];
        if bands.into_iter().flatten().any(|band| band.until > band.over) {
            return Err(RuleFault::Band);
        }
        for operation in &self.then {
            match operation {
                Operation::AcceptLevel(0) => return Err(RuleFault::LevelZero),
                Operation::AddQueue(queue) if !names.queues.contains(queue.as_str()) => {
                    return Err(RuleFault::UnknownQueue(queue.clone()));
                }
                Operation::Menu(menu) if !names.menus.contains(menu.as_str()) => {
                    return Err(RuleFault::UnknownMenu(menu.clone()));
                }
                Operation::Divert(way) => {
                    if let Some(queue) = way.missing(names) {
                        return Err(RuleFault::UnknownQueue(queue.to_owned()));
                    }
                }
                Operation::AcceptLevel(_)
                | Operation::DropSkill(_)
                | Operation::AddQueue(_)
                | Operation::Raise(_)
                | Operation::Say(_)
                | Operation::Menu(_) => {}
            }
        }
        if self.then.is_empty() {
            return Err(RuleFault::DoesNothing);
        }
        Ok(())
    }
}

impl Agent {
    fn check(&self, queues: &BTreeSet<&str>) -> Result<(), ConfigError> {
        let wrong = |fault| {
            Err(ConfigError::Agent {
                agent: self.number.clone(),
                fault,
            })
        };
        if self.number.is_empty() {
            return wrong(AgentFault::NoNumber);
        }
        if self.always_signed_in && self.phone.is_empty() {
            return wrong(AgentFault::NoPhone);
        }
        let mut served = BTreeSet::new();
        for membership in &self.queues {
            if !queues.contains(membership.queue.as_str()) {
                return wrong(AgentFault::UnknownQueue(membership.queue.clone()));
            }
            if !served.insert(&membership.queue) {
                return wrong(AgentFault::QueueTwice(membership.queue.clone()));
            }
            if membership.level == 0 {
                return wrong(AgentFault::LevelZero(membership.queue.clone()));
            }
            if membership.weight == 0 {
                return wrong(AgentFault::WeightZero(membership.queue.clone()));
            }
        }
        Ok(())
    }
}
