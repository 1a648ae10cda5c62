//! A story counted as anybody would who reads it, with none of the daemon's code.

use std::collections::BTreeMap;

use hotline_wire::Event;
use hotline_wire::event::{CallOutcome, OfferResult, TalkState};
use hotline_wire::frame::EventFrame;
use hotline_wire::snapshot::AgentState;

/// A visit as anybody would write it down who reads the story.
#[derive(Clone, Debug, Default)]
pub struct Visit {
    pub queue: String,
    pub tier: String,
    pub joined: u64,
    pub connected: Option<u64>,
    pub agent: String,
    pub wait: u64,
    pub ring: u64,
    pub talk: u64,
    pub hold: u64,
    pub wrap_up: u64,
    pub outcome: Option<CallOutcome>,
    pub consulted: bool,
    /// The code of its disposition.
    pub said: Option<String>,
}

#[derive(Default)]
pub struct Recount {
    pub visits: Vec<Visit>,
    /// Agent, when made, result, ring, queue.
    pub offers: Vec<(String, u64, OfferResult, u64, String)>,
    /// Agent, from, until, state.
    pub time: Vec<(String, u64, u64, AgentState)>,
}

pub fn recount(frames: &[EventFrame]) -> Recount {
    let mut recount = Recount::default();
    let mut open: BTreeMap<String, usize> = BTreeMap::new();
    let mut last: BTreeMap<String, usize> = BTreeMap::new();
    let mut states: BTreeMap<String, (u64, AgentState)> = BTreeMap::new();
    let mut rings: BTreeMap<String, u64> = BTreeMap::new();
    let end = frames.last().unwrap().at;
    for EventFrame { at, event, .. } in frames {
        match event {
            Event::ConfigApplied { agents, .. } => {
                for agent in agents {
                    states.insert(agent.number.clone(), (*at, agent.state));
                }
            }
            Event::AgentChanged { agent, .. } => {
                let (from, state) = states.insert(agent.number.clone(), (*at, agent.state)).unwrap();
                recount.time.push((agent.number.clone(), from, *at, state));
                if state == AgentState::WrapUp {
                    recount.visits[last[&agent.number]].wrap_up += at - from;
                }
            }
            Event::CallJoined {
                call, queue, tier, ..
            } => {
                open.insert(call.clone(), recount.visits.len());
                recount.visits.push(Visit {
                    queue: queue.clone(),
                    tier: tier.clone(),
                    joined: *at,
                    ..Visit::default()
                });
            }
            Event::OfferEnded {
                call,
                agent,
                queue,
                result,
                ring,
                ..
            } => {
                recount
                    .offers
                    .push((agent.clone(), at - ring, *result, *ring, queue.clone()));
                rings.insert(call.clone(), *ring);
            }
            Event::CallConnected {
                call, agent, wait, ..
            } => {
                let visit = &mut recount.visits[open[call]];
                visit.connected = Some(*at);
                visit.agent = agent.clone();
                visit.wait = *wait;
                visit.ring = rings[call];
                last.insert(agent.clone(), open[call]);
            }
            Event::DispositionSet { agent, code, .. } => {
                recount.visits[last[agent]].said = Some(code.clone());
            }
            Event::TalkChanged { call, to, .. } => {
                recount.visits[open[call]].consulted |= *to == TalkState::Consulting;
            }
            Event::CallFinished {
                call,
                outcome,
                wait,
                talk,
                hold,
                ..
            } => {
                let visit = &mut recount.visits[open.remove(call).unwrap()];
                visit.outcome = Some(*outcome);
                (visit.wait, visit.talk, visit.hold) = (*wait, *talk, *hold);
            }
            _ => {}
        }
    }
    for (agent, (from, state)) in states {
        recount.time.push((agent, from, end, state));
    }
    recount
}
