//! A floor and the events of its calls, encoded once: what is told costs the teller next to nothing.
//!
//! Calls run side by side. Each has six stages of one to three events, [`APART`] calls apart, so that some thousand calls are
//! in progress at any time. After the last call the first comes again: whoever tells never runs out.

use hotline_wire::event::{CallOutcome, Exit, OfferResult, Party};
use hotline_wire::snapshot::{AgentInfo, AgentState, Door, MemberInfo, PhoneState, QueueInfo};
use hotline_wire::{Event, FromNode, Snapshot, line};

/// Calls between two stages of the same call.
const APART: usize = 1_000;
/// In place of a moment: as wide as today's microseconds.
const MOMENT: u64 = 1_111_111_111_111_111;
/// Microseconds in a second.
const SECOND: u64 = 1_000_000;

/// How large a floor is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) agents: usize,
    pub(crate) queues: usize,
    pub(crate) tiers: usize,
    /// Queues of each agent.
    pub(crate) each: usize,
}

/// An event's text, and where in it the moment belongs.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) body: String,
    pub(crate) moment: Option<usize>,
}

/// A floor, and what happens there.
#[derive(Debug)]
pub(crate) struct Story {
    /// The line with the floor before the first event.
    pub(crate) snapshot: Vec<u8>,
    pub(crate) events: Vec<Encoded>,
}

impl Story {
    pub(crate) fn new(size: Size, node: &str, boot: &str) -> Result<Story, Box<dyn std::error::Error>> {
        let floor = Floor { size, node, boot };
        let snapshot = Snapshot {
            at: MOMENT,
            tiers: (0..size.tiers).map(tier).collect(),
            queues: (0..size.queues).map(queue).collect(),
            agents: (0..size.agents)
                .map(|i| floor.agent(i, AgentState::Ready, None))
                .collect(),
            ..Snapshot::default()
        };
        let snapshot = line::encode(&FromNode::Snapshot {
            snapshot: Box::new(snapshot),
        })?;
        let now = super::node::now().to_string();
        let snapshot = String::from_utf8(snapshot)?
            .replace(&MOMENT.to_string(), &now)
            .into_bytes();
        let mut stages = Vec::new();
        for call in 0..size.agents {
            stages.push(floor.call(call));
        }
        let apart = APART.min(size.agents / 10).max(1);
        let mut events = Vec::new();
        // The first turn has no calls from before it; from then on all stages come round.
        for turn in 0..size.agents {
            for stage in 0..STAGES {
                let call = (turn + size.agents - stage * apart) % size.agents;
                let of_call: &[Vec<Event>; STAGES] = &stages[call];
                for event in &of_call[stage] {
                    let body = serde_json::to_string(event)?;
                    let moment = body.find(&MOMENT.to_string());
                    events.push(Encoded { body, moment });
                }
            }
        }
        Ok(Story { snapshot, events })
    }
}

const STAGES: usize = 6;

struct Floor<'a> {
    size: Size,
    node: &'a str,
    boot: &'a str,
}

impl Floor<'_> {
    fn agent(&self, i: usize, state: AgentState, call: Option<String>) -> AgentInfo {
        let Size { queues, each, .. } = self.size;
        AgentInfo {
            number: number(i),
            name: format!("Agent {i}"),
            phone: format!("PJSIP/a{i:05}"),
            queues: (0..each.min(queues))
                .map(|place| MemberInfo {
                    queue: queue_name((i + place * queues / each) % queues),
                    level: 1,
                })
                .collect(),
            skills: Vec::new(),
            state,
            since: MOMENT,
            reason: String::new(),
            forced: None,
            next: None,
            phone_state: PhoneState::Available,
            owes_disposition: false,
            call,
        }
    }

    /// The call that the agent of the same place takes.
    fn call(&self, i: usize) -> [Vec<Event>; STAGES] {
        let call = format!("{}-{}-{i}", self.node, self.boot);
        let queue = queue_name(i % self.size.queues);
        let tier = tier(i % self.size.tiers);
        let agent = number(i);
        let offer = i as u64 + 1;
        let wait = (i as u64 * 7_919) % (90 * SECOND);
        let changed = |from, state, call| Event::AgentChanged {
            from,
            agent: self.agent(i, state, call).into(),
        };
        let with = || Some(call.clone());
        [
            vec![Event::CallJoined {
                call: call.clone(),
                queue: queue.clone(),
                tier: tier.clone(),
                number: format!("1380{i:07}"),
                waiting: 3,
                position: 3,
                predicted: None,
                flag: String::new(),
                attached: Default::default(),
                callback: None,
            }],
            vec![
                Event::OfferMade {
                    offer,
                    call: call.clone(),
                    agent: agent.clone(),
                    queue: queue.clone(),
                    dispatch: 1_500,
                },
                changed(AgentState::Ready, AgentState::Offered, with()),
            ],
            vec![Event::OfferRinging { offer }],
            vec![
                Event::OfferEnded {
                    offer,
                    call: call.clone(),
                    agent: agent.clone(),
                    queue: queue.clone(),
                    result: OfferResult::Answered,
                    ring: 3 * SECOND,
                },
                Event::CallConnected {
                    call: call.clone(),
                    agent: agent.clone(),
                    queue: queue.clone(),
                    tier: tier.clone(),
                    wait,
                },
                changed(AgentState::Offered, AgentState::OnCall, with()),
            ],
            vec![
                Event::CallFinished {
                    call: call.clone(),
                    queue,
                    tier,
                    outcome: CallOutcome::Answered,
                    agent: Some(agent),
                    wait,
                    talk: 180 * SECOND,
                    hold: 0,
                    by: Party::Caller,
                    to: Exit::default(),
                },
                changed(AgentState::OnCall, AgentState::WrapUp, None),
            ],
            vec![changed(AgentState::WrapUp, AgentState::Ready, None)],
        ]
    }
}

fn number(i: usize) -> String {
    format!("{:05}", 10_000 + i)
}

fn queue_name(i: usize) -> String {
    format!("queue-{i:04}")
}

fn tier(i: usize) -> String {
    format!("tier-{i}")
}

fn queue(i: usize) -> QueueInfo {
    QueueInfo {
        name: queue_name(i),
        strategy: "longest-idle".into(),
        service_target: 20 * SECOND,
        max_waiting: 1_000,
        door: Door::Open,
    }
}
