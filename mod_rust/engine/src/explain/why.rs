//! The answers, in words. Calls are named by their number in this boot, the last part of their reference.

use std::collections::{BTreeMap, BTreeSet};

use crate::agent::{Agent, describe};
use crate::call::{Call, State};
use crate::engine::Engine;
use crate::event::{AgentState, OfferResult};
use crate::explain::words::{clock, outcome_word, result_word, state_word, strategy_word};
use crate::explain::{Chosen, Line, Note, OfferMade};
use crate::ids::{AgentId, CallId, QueueId};
use crate::input::PhoneState;
use crate::queue::Rank;
use crate::time::{Span, Time};

/// Agents listed one by one; more are counted.
const MOST_AGENTS: usize = 40;
/// Decisions told.
const MOST_DECISIONS: usize = 20;

impl Engine {
    /// Why a call is where it is, line by line: what it needs, what was decided about it, and for each agent who could
    /// take it why that one does not. `None` if neither the engine nor its record of decisions knows the call.
    pub fn why_call(&self, id: CallId) -> Option<Vec<String>> {
        let call = self.calls.get(id.0);
        let history = self.history_of(id);
        if call.is_none() && history.is_empty() {
            return None;
        }
        let mut lines = match call {
            Some(call) => self.describe_call(call),
            None => vec![format!("call {} is over", id.0)],
        };
        lines.extend(history);
        if let Some(call) = call.filter(|call| call.waits()) {
            lines.extend(self.candidates(call));
        }
        Some(lines)
    }

    /// Why an agent is not offered a call, line by line: its state, for each of its queues the first caller and what stands in
    /// the way, and the last decisions that passed it over. `None` if there is no such agent.
    pub fn why_not(&self, number: &str) -> Option<Vec<String>> {
        let id = self.agent_of(number).ok()?;
        let agent = &self.agents[id.0 as usize];
        let name = if agent.name().is_empty() {
            String::new()
        } else {
            format!(" ({})", agent.name())
        };
        let mut lines = vec![format!("agent {number}{name}: {}", self.obstacle(agent))];
        for member in &agent.members {
            lines.push(self.front_of(agent, member.queue));
        }
        if agent.members.is_empty() {
            lines.push("  serves no queue".to_owned());
        }
        if let Some(first) = agent.rest.wanted_by.first() {
            let count = agent.rest.wanted_by.len();
            lines.push(format!(
                "  {count} waiting for this agent alone; first is call {}",
                first.call.0
            ));
        }
        lines.extend(self.passed_over(agent));
        Some(lines)
    }

    fn describe_call(&self, call: &Call) -> Vec<String> {
        let queue = &self.queues[call.queue.0 as usize];
        let tier = &self.tiers[usize::from(call.tier.0)];
        let state = match call.state {
            State::Waiting => "waiting",
            State::Ringing => "waiting while phones ring",
            State::Connecting => "being connected after waiting",
            State::Talking => "talking",
            State::Gone => "over",
        };
        let since = call.talk.map_or(call.joined, |talk| talk.since);
        let mut first = format!(
            "call {} of tier {} in {}: {state} for {}",
            call.id.0,
            tier.name,
            queue.settings.name,
            clock(self.now.since(since))
        );
        if let Some(talk) = call.talk {
            first = format!("{first}, with {}", self.number(talk.agent));
        }
        let mut lines = vec![first];
        if !call.waits() {
            return lines;
        }
        let (position, estimate) = self.place_of(call);
        let expected = match estimate {
            Some(estimate) => format!(
                "expected to wait {} more (90 %: {})",
                clock(estimate.p50),
                clock(estimate.p90)
            ),
            None => "no estimate: nobody is at work".to_owned(),
        };
        lines.push(format!(
            "  place {position} of {}; {expected}",
            queue.line.len() + queue.owed.len()
        ));
        let [of_tier, of_queue] = call.handicaps;
        let worth = [
            of_tier,
            of_queue,
            Span::seconds(u64::from(call.caller.priority)),
            call.raised,
        ];
        let all = worth.iter().fold(0_u64, |sum, span| sum.saturating_add(span.0));
        let [of_tier, of_queue, of_call, of_rules] = worth.map(clock);
        lines.push(format!(
            "  counts as having waited {} more: tier {of_tier}, queue {of_queue}, call {of_call}, rules {of_rules}",
            clock(Span(all))
        ));
        lines.push(format!("  needs {}", self.needs(call)));
        lines
    }

    fn needs(&self, call: &Call) -> String {
        if let Some((agent, until)) = call.sticky {
            return format!(
                "agent {}, for {} yet",
                self.number(agent),
                clock(until.since(self.now))
            );
        }
        let unknown: Vec<&str> = self
            .required(call)
            .filter(|name| self.skills.get(name).is_none())
            .collect();
        if !unknown.is_empty() {
            return format!("skill {}, which nobody has ever had", unknown.join(", "));
        }
        let places: Vec<String> = self
            .places_of(call)
            .map(|(queue, cap)| {
                let name = &self.queues[queue.0 as usize].settings.name;
                match cap {
                    u8::MAX => format!("any level in {name}"),
                    0..=1 => format!("level 1 in {name}"),
                    2.. => format!("level 1 to {cap} in {name}"),
                }
            })
            .collect();
        let skills: BTreeSet<&str> = self.required(call).collect();
        if skills.is_empty() {
            places.join(" or ")
        } else {
            let skills: Vec<&str> = skills.into_iter().collect();
            format!("{}; skill {}", places.join(" or "), skills.join(", "))
        }
    }

    /// What was decided about a call, oldest first.
    fn history_of(&self, id: CallId) -> Vec<String> {
        let mut ends = BTreeMap::new();
        let mut lines = Vec::new();
        for (at, note) in self.record.latest_first() {
            let ago = clock(self.now.since(at));
            let line = match note {
                Note::Other(Line::Ended { offer, result }) => {
                    ends.insert(offer, (at, result));
                    continue;
                }
                Note::Offer(OfferMade {
                    offer,
                    call,
                    agent,
                    queue,
                    dispatch,
                    next,
                    chosen,
                }) if call == id => {
                    let end = match ends.get(&offer) {
                        Some((end, result)) => {
                            if *result == OfferResult::Answered {
                                let ago = clock(self.now.since(*end));
                                lines.push(format!("  {ago} ago: connected with {}", self.number(agent)));
                            }
                            format!("{} after {}", result_word(*result), clock(end.since(at)))
                        }
                        None => "rings".to_owned(),
                    };
                    let queue_name = &self.queues[queue.0 as usize].settings.name;
                    let next = match (chosen, next) {
                        (None, _) => String::new(),
                        (Some(_), Some(next)) => format!("; next would have been {}", self.number(next)),
                        (Some(_), None) => {
                            format!("; nobody else could{}", self.others_at(queue, agent, at))
                        }
                    };
                    let how = match chosen {
                        None => "as its own agent".to_owned(),
                        Some(_) => format!(
                            "by {}",
                            strategy_word(self.queues[queue.0 as usize].settings.strategy)
                        ),
                    };
                    format!(
                        "  {ago} ago: offered to {} in {queue_name} {how}, {} ms after both were free: {end}{next}",
                        self.number(agent),
                        dispatch.0 / 1000
                    )
                }
                Note::Other(Line::Rule { call, rule }) if call == id => {
                    format!("  {ago} ago: rule {rule} applied")
                }
                Note::Other(Line::Finished { call, outcome }) if call == id => {
                    format!("  {ago} ago: left as {}", outcome_word(outcome))
                }
                Note::Offer(_) | Note::Other(_) => continue,
            };
            lines.push(line);
            if lines.len() == MOST_DECISIONS {
                break;
            }
        }
        lines.reverse();
        lines
    }

    /// What the other members of a queue did at that time, as far as the record goes back. Walks the record once, however
    /// many there are.
    fn others_at(&self, queue: QueueId, but: AgentId, at: Time) -> String {
        let mut then: Vec<Option<AgentState>> = vec![None; self.agents.len()];
        for (since, note) in self.record.latest_first() {
            if let Note::Other(Line::Agent { agent, state }) = note
                && since <= at
            {
                then[agent.0 as usize].get_or_insert(state);
            }
        }
        let mut states: BTreeMap<AgentState, u32> = BTreeMap::new();
        for (agent, then) in self.agents.iter().zip(then) {
            let known = if agent.since <= at {
                Some(agent.published)
            } else {
                then
            };
            if let Some(state) = known
                && agent.id != but
                && agent.serves(queue)
            {
                *states.entry(state).or_default() += 1;
            }
        }
        let states: Vec<String> = states
            .into_iter()
            .map(|(state, count)| format!("{count} {}", state_word(state)))
            .collect();
        if states.is_empty() {
            String::new()
        } else {
            format!(" ({})", states.join(", "))
        }
    }

    fn state_at(&self, agent: &Agent, at: Time) -> Option<AgentState> {
        if agent.since <= at {
            return Some(agent.published);
        }
        self.record.latest_first().find_map(|(since, note)| match note {
            Note::Other(Line::Agent { agent: id, state }) if id == agent.id && since <= at => Some(state),
            Note::Other(_) | Note::Offer(_) => None,
        })
    }

    /// For each agent who could take a call, why that one does not.
    fn candidates(&self, call: &Call) -> Vec<String> {
        let places: Vec<(QueueId, u8)> = self.places_of(call).collect();
        let serves = |agent: &&Agent| {
            let wanted = call.sticky.is_some_and(|(wanted, _)| wanted == agent.id);
            wanted || places.iter().any(|(queue, _)| agent.serves(*queue))
        };
        let agents: Vec<&Agent> = self.agents.iter().filter(serves).collect();
        if agents.is_empty() {
            return vec!["  no agent serves it".to_owned()];
        }
        let mut lines: Vec<String> = agents
            .iter()
            .take(MOST_AGENTS)
            .map(|agent| format!("  {}: {}", agent.number(), self.why_not_for(call, agent)))
            .collect();
        let mut rest: BTreeMap<AgentState, usize> = BTreeMap::new();
        for agent in agents.iter().skip(MOST_AGENTS) {
            *rest.entry(agent.state()).or_default() += 1;
        }
        for (state, count) in rest {
            lines.push(format!("  and {count} more: {}", state_word(state)));
        }
        lines
    }

    fn why_not_for(&self, call: &Call, agent: &Agent) -> String {
        if agent.engaged.is_some_and(|engaged| engaged.call == call.id) {
            return "is being rung for it".to_owned();
        }
        if let Some((wanted, _)) = call.sticky
            && wanted != agent.id
        {
            return format!("it still waits for {}", self.number(wanted));
        }
        if self.suits_via(call, agent).is_none() {
            let lacks = |name: &&str| !self.skills.get(name).is_some_and(|skill| agent.skills.has(skill));
            let missing: BTreeSet<&str> = self.required(call).filter(lacks).collect();
            if !missing.is_empty() {
                let missing: Vec<&str> = missing.into_iter().collect();
                return format!("lacks skill {}", missing.join(", "));
            }
            let levels = self.places_of(call).filter_map(|(queue, cap)| {
                let level = agent.member(queue)?.level;
                let name = &self.queues[queue.0 as usize].settings.name;
                Some(format!(
                    "has level {level} in {name}, it accepts {cap} at worst so far"
                ))
            });
            return levels.collect::<Vec<_>>().join("; ");
        }
        if agent.available {
            return match call.offers.len() {
                0 => "is ready and suits it, and will be offered it now".to_owned(),
                1 => "is ready and suits it, but a phone rings for it already".to_owned(),
                phones => format!("is ready and suits it, but {phones} phones ring for it already"),
            };
        }
        self.obstacle(agent)
    }

    /// What an agent does that keeps calls away, or that nothing does.
    fn obstacle(&self, agent: &Agent) -> String {
        let state = agent.state();
        let since = clock(self.now.since(agent.since));
        let reason = match agent.state_reason() {
            reason if reason.is_empty() => String::new(),
            reason => format!(" ({reason})"),
        };
        let mut text = format!("{}{reason} for {since}", state_word(state));
        if let Some(alarm) = agent.rest.cool_down_alarm.as_ref()
            && let Some(cool_down) = agent.cool_down
            && agent.phone_state == PhoneState::Available
        {
            let left = clock(alarm.at().since(self.now));
            text = if state == AgentState::Unavailable {
                format!("{text}; no offers for {left} yet")
            } else {
                format!("{text}; {}: no offers for {left} yet", describe(cool_down.cause))
            };
        }
        if let Some(engaged) = agent.engaged {
            text = format!("{text}, with call {}", engaged.call.0);
        }
        if let Some(lock) = &agent.forced {
            text = format!("{text}; locked by {}", lock.author);
        }
        text
    }

    /// The first caller who seeks in a queue, and whether the agent suits it.
    fn front_of(&self, agent: &Agent, queue: QueueId) -> String {
        let at = &self.queues[queue.0 as usize];
        let level = agent.member(queue).map_or(0, |member| member.level);
        let seeking = at.lanes.iter().map(|lane| lane.callers.len()).sum::<usize>();
        let own = |rank: &Rank| {
            self.calls
                .get(rank.call.0)
                .is_some_and(|call| call.sticky.is_some())
        };
        let mut text = format!(
            "  {} (level {level}): {} waiting, {seeking} seeking an agent",
            at.settings.name,
            at.line.len()
        );
        match at.line.iter().filter(own).count() {
            0 => {}
            count => text = format!("{text}, {count} waiting for their own"),
        }
        let first = at.lanes.iter().filter_map(|lane| lane.callers.first()).min();
        if let Some(first) = first
            && let Some(call) = self.calls.get(first.call.0)
        {
            let why = if self.suits_via(call, agent).is_some() {
                "suits".to_owned()
            } else {
                self.why_not_for(call, agent)
            };
            text = format!("{text}; first is call {}: {why}", call.id.0);
        }
        text
    }

    /// The last offers in an agent's queues: its own, and those for which another was preferred.
    fn passed_over(&self, agent: &Agent) -> Vec<String> {
        let mut lines = Vec::new();
        for (at, note) in self.record.latest_first() {
            let Note::Offer(OfferMade {
                call,
                agent: chosen,
                queue,
                next,
                chosen: needs,
                ..
            }) = note
            else {
                continue;
            };
            let served = chosen == agent.id || agent.serves(queue);
            if !served {
                continue;
            }
            let ago = clock(self.now.since(at));
            let name = &self.queues[queue.0 as usize].settings.name;
            lines.push(if chosen == agent.id {
                format!("  {ago} ago: was offered call {} in {name}", call.0)
            } else {
                let why = match self.state_at(agent, at) {
                    Some(AgentState::Ready) if next == Some(agent.id) => "would have been next".to_owned(),
                    Some(AgentState::Ready) => match (needs, agent.member(queue)) {
                        (None, _) => "was ready, but the caller waited for the other".to_owned(),
                        (Some(Chosen { cap, .. }), Some(member)) if member.level > cap => {
                            format!(
                                "was ready, but has level {}, it accepted {cap} at worst",
                                member.level
                            )
                        }
                        (Some(Chosen { skills, .. }), _) if !agent.skills.includes(skills) => {
                            "was ready, but lacks a skill".to_owned()
                        }
                        (Some(_), _) => format!(
                            "was ready, but {} preferred the other",
                            strategy_word(self.queues[queue.0 as usize].settings.strategy)
                        ),
                    },
                    Some(state) => format!("was {}", state_word(state)),
                    None => "its state then is no longer on record".to_owned(),
                };
                format!(
                    "  {ago} ago: call {} in {name} went to {}: {why}",
                    call.0,
                    self.number(chosen)
                )
            });
            if lines.len() == MOST_DECISIONS {
                break;
            }
        }
        lines.reverse();
        lines
    }

    fn number(&self, agent: AgentId) -> &str {
        self.agents[agent.0 as usize].number()
    }
}
