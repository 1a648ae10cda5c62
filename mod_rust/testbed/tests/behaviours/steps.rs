//! Steps that many behaviours take: a whole call, who is offered what, agents who come and go.

use anyhow::{Context, Result};
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::Phone;
use hotline_wire::event::CallOutcome;
use hotline_wire::snapshot::AgentState;
use hotline_wire::{Command, Event, Outcome, Refusal};

use crate::supervision::refusal;

/// Agents of a bed, by number; the phone of 1001 is `a1001`.
pub(crate) struct Agents(Vec<Phone>);

impl Agents {
    pub(crate) fn of(bed: &Bed, numbers: &[&str]) -> Agents {
        let phones = numbers.iter().map(|number| bed.phone(&format!("a{number}")));
        Agents(phones.collect())
    }

    pub(crate) fn phone(&self, number: &str) -> Result<&Phone> {
        let named = |phone: &&Phone| phone.user().strip_prefix('a') == Some(number);
        let phone = self.0.iter().find(named);
        phone.with_context(|| format!("agent {number} has no phone in this bed"))
    }

    /// The agent who is offered the call picks up: the number.
    pub(crate) fn answer(&self, bed: &Bed, call: &str) -> Result<String> {
        let agent = offered(bed, call)?;
        let phone = self.phone(&agent)?;
        phone.expect_ring()?;
        phone.answer();
        connected(bed, call)?;
        Ok(agent)
    }

    /// A whole call of a new caller. The number of the agent who was offered it first, answered, and is ready again.
    pub(crate) fn serve(&self, bed: &Bed, queue: &str) -> Result<String> {
        self.serve_again(bed, &bed.caller("gold"), queue)
    }

    /// The same for a caller who may have called before.
    pub(crate) fn serve_again(&self, bed: &Bed, caller: &Phone, queue: &str) -> Result<String> {
        let call = join(bed, caller, queue)?;
        let agent = self.answer(bed, &call)?;
        let place = bed.node.now();
        caller.hang_up();
        self.phone(&agent)?.expect_hangup()?;
        changed(bed, place, &agent, AgentState::Ready)?;
        Ok(agent)
    }
}

/// The caller joins a queue, now, and waits there: the reference of the call.
pub(crate) fn join(bed: &Bed, caller: &Phone, queue: &str) -> Result<String> {
    let call = try_to_join(bed, caller, queue)?;
    caller.expect_answer()?;
    Ok(call)
}

/// The same for a caller who may be turned away and gone before anybody looks.
pub(crate) fn try_to_join(bed: &Bed, caller: &Phone, queue: &str) -> Result<String> {
    let place = bed.node.now();
    caller.dial(queue)?;
    bed.node.event_after(
        place,
        &format!("{} to join {queue}", caller.user()),
        |event| match event {
            Event::CallJoined { call, number, .. } if number == caller.user() => Some(call.clone()),
            _ => None,
        },
    )
}

/// The number of the agent whom the call is offered first.
pub(crate) fn offered(bed: &Bed, call: &str) -> Result<String> {
    bed.node
        .event(&format!("an offer of call {call}"), |event| match event {
            Event::OfferMade { call: of, agent, .. } if of == call => Some(agent.clone()),
            _ => None,
        })
}

/// How long the caller waited for the conversation, in microseconds.
pub(crate) fn connected(bed: &Bed, call: &str) -> Result<u64> {
    bed.node
        .event(&format!("call {call} to be connected"), |event| match event {
            Event::CallConnected { call: of, wait, .. } if of == call => Some(*wait),
            _ => None,
        })
}

/// How the visits of a call to queues ended so far, once there are this many: queue, outcome, and agent or exit.
pub(crate) fn visits(bed: &Bed, call: &str, count: usize) -> Result<Vec<(String, CallOutcome, String)>> {
    bed.node
        .story(&format!("call {call} to have ended {count} visits"), |events| {
            let visits: Vec<_> = events
                .iter()
                .filter_map(|frame| match &frame.event {
                    Event::CallFinished {
                        call: of,
                        queue,
                        outcome,
                        agent,
                        to,
                        ..
                    } if of == call => {
                        let whither = agent.clone().unwrap_or_else(|| format!("{to:?}"));
                        Some((queue.clone(), *outcome, whither))
                    }
                    _ => None,
                })
                .collect();
            (visits.len() >= count).then_some(visits)
        })
}

/// Waits until an agent's state becomes this one after `place`.
pub(crate) fn changed(bed: &Bed, place: usize, number: &str, state: AgentState) -> Result<()> {
    bed.node.event_after(
        place,
        &format!("agent {number} to become {state:?}"),
        |event| match event {
            Event::AgentChanged { agent, .. } if agent.number == number && agent.state == state => Some(()),
            _ => None,
        },
    )
}

/// Asks for something that the PBX has to do first, and waits until it has.
pub(crate) fn ask(bed: &Bed, command: &Command) -> Result<()> {
    let place = bed.node.now();
    assert_eq!(bed.node.command("console", command.clone())?, Outcome::Pending);
    bed.node
        .event_after(place, &format!("{command:?} to be done"), |event| match event {
            Event::CommandAnswered {
                command: of,
                outcome: Outcome::Done,
                ..
            } if of == command => Some(()),
            _ => None,
        })
}

/// A command that must be refused, and why.
pub(crate) fn refused(bed: &Bed, command: Command, why: Refusal) -> Result<()> {
    let outcome = bed.node.command("console", command)?;
    assert_eq!(refusal(outcome).map(|(reason, _)| reason), Some(why));
    Ok(())
}

/// A command that must be done at once.
pub(crate) fn order(bed: &Bed, command: Command) -> Result<()> {
    let asked = format!("{command:?}");
    assert_eq!(bed.node.command("testbed", command)?, Outcome::Done, "{asked}");
    Ok(())
}

/// An agent comes to work, on the phone of the settings.
pub(crate) fn sign_in(bed: &Bed, number: &str) -> Result<()> {
    let (agent, phone) = (number.into(), String::new());
    order(bed, Command::SignIn { agent, phone })
}

/// An agent goes not ready.
pub(crate) fn away(bed: &Bed, number: &str) -> Result<()> {
    let reason = "lunch".into();
    let agent = number.into();
    order(bed, Command::SetNotReady { agent, reason })?;
    bed.node.agent_is(number, AgentState::NotReady)
}

/// An agent goes ready. Meanwhile a call may be offered.
pub(crate) fn back(bed: &Bed, number: &str) -> Result<()> {
    let agent = number.into();
    order(bed, Command::SetReady { agent })
}
