//! Manager events: what happened, for listeners of the PBX's manager interface. Times are in milliseconds.

use asterisk::manager::{self, Category};
use hotline_wire::Event;
use hotline_wire::command::{Command, Outcome};
use hotline_wire::event::{Party, RefusedCall};

/// Tells the PBX's listeners.
pub(crate) fn publish(event: &Event) {
    let (category, name, fields) = translated(event);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(key, value)| (*key, value.as_str())).collect();
    manager::event(category, name, &fields);
}

type Fields = Vec<(&'static str, String)>;

fn translated(event: &Event) -> (Category, &'static str, Fields) {
    match event {
        Event::CallJoined {
            call,
            queue,
            tier,
            number,
            waiting,
        } => (
            Category::Call,
            "HotlineCallJoined",
            vec![
                ("Call", call.clone()),
                ("Queue", queue.clone()),
                ("Tier", tier.clone()),
                ("CallerIDNum", number.clone()),
                ("Waiting", waiting.to_string()),
            ],
        ),
        Event::CallRefused { call, queue, reason } => {
            let reason = match reason {
                RefusedCall::UnknownQueue => "unknown_queue",
                RefusedCall::AtLimit => "at_limit",
            };
            (
                Category::Call,
                "HotlineCallRefused",
                vec![
                    ("Call", call.clone()),
                    ("Queue", queue.clone()),
                    ("Reason", reason.to_owned()),
                ],
            )
        }
        Event::OfferMade {
            offer,
            call,
            agent,
            queue,
            dispatch,
        } => (
            Category::Agent,
            "HotlineOfferMade",
            vec![
                ("Offer", offer.to_string()),
                ("Call", call.clone()),
                ("Agent", agent.clone()),
                ("Queue", queue.clone()),
                ("Dispatch", milliseconds(*dispatch)),
            ],
        ),
        Event::OfferRinging { offer } => (
            Category::Agent,
            "HotlineOfferRinging",
            vec![("Offer", offer.to_string())],
        ),
        Event::OfferEnded {
            offer,
            call,
            agent,
            queue,
            result,
            ring,
        } => (
            Category::Agent,
            "HotlineOfferEnded",
            vec![
                ("Offer", offer.to_string()),
                ("Call", call.clone()),
                ("Agent", agent.clone()),
                ("Queue", queue.clone()),
                ("Result", result.label().to_owned()),
                ("RingTime", milliseconds(*ring)),
            ],
        ),
        Event::CallConnected {
            call,
            agent,
            queue,
            tier,
            wait,
        } => (
            Category::Call,
            "HotlineCallConnected",
            vec![
                ("Call", call.clone()),
                ("Agent", agent.clone()),
                ("Queue", queue.clone()),
                ("Tier", tier.clone()),
                ("WaitTime", milliseconds(*wait)),
            ],
        ),
        Event::CallFinished {
            call,
            queue,
            tier,
            outcome,
            agent,
            wait,
            talk,
            by,
        } => (
            Category::Call,
            "HotlineCallFinished",
            vec![
                ("Call", call.clone()),
                ("Queue", queue.clone()),
                ("Tier", tier.clone()),
                ("Outcome", outcome.label().to_owned()),
                ("Agent", agent.clone().unwrap_or_default()),
                ("WaitTime", milliseconds(*wait)),
                ("TalkTime", milliseconds(*talk)),
                ("EndedBy", party(*by).to_owned()),
            ],
        ),
        Event::AgentChanged { from, agent } => (
            Category::Agent,
            "HotlineAgentChanged",
            vec![
                ("Agent", agent.number.clone()),
                ("AgentName", agent.name.clone()),
                ("From", from.label().to_owned()),
                ("State", agent.state.label().to_owned()),
                ("Reason", agent.reason.clone()),
                (
                    "Next",
                    agent.next.map(|next| next.label().to_owned()).unwrap_or_default(),
                ),
                (
                    "Forced",
                    if agent.forced.is_some() { "yes" } else { "no" }.to_owned(),
                ),
                ("Phone", agent.phone.clone()),
                ("PhoneState", agent.phone_state.label().to_owned()),
                ("Queues", agent.queues.join(",")),
                ("Call", agent.call.clone().unwrap_or_default()),
            ],
        ),
        Event::CommandAnswered {
            author,
            command,
            outcome,
        } => {
            let (command, agent) = described(command);
            let (outcome, reason) = match outcome {
                Outcome::Done => ("done", String::new()),
                Outcome::Pending => ("pending", String::new()),
                Outcome::Refused { message, .. } => ("refused", message.clone()),
            };
            (
                Category::Agent,
                "HotlineCommandAnswered",
                vec![
                    ("Author", author.clone()),
                    ("Command", command.to_owned()),
                    ("Agent", agent.to_owned()),
                    ("Outcome", outcome.to_owned()),
                    ("Reason", reason),
                ],
            )
        }
        Event::ConfigApplied {
            author,
            queues,
            agents,
            ..
        } => (
            Category::Agent,
            "HotlineConfigApplied",
            vec![
                ("Author", author.clone()),
                ("Queues", queues.len().to_string()),
                ("Agents", agents.len().to_string()),
            ],
        ),
        Event::Fault { what } => (Category::Agent, "HotlineFault", vec![("What", what.clone())]),
    }
}

fn described(command: &Command) -> (&'static str, &str) {
    match command {
        Command::SignIn { agent, .. } => ("sign_in", agent),
        Command::SignOut { agent } => ("sign_out", agent),
        Command::SetReady { agent } => ("set_ready", agent),
        Command::SetNotReady { agent, .. } => ("set_not_ready", agent),
        Command::ForceBusy { agent, .. } => ("force_busy", agent),
        Command::ForceIdle { agent } => ("force_idle", agent),
        Command::ForceSignOut { agent, .. } => ("force_sign_out", agent),
        Command::Reload => ("reload", ""),
    }
}

fn party(party: Party) -> &'static str {
    match party {
        Party::Caller => "caller",
        Party::Agent => "agent",
        Party::System => "system",
    }
}

fn milliseconds(microseconds: u64) -> String {
    (microseconds / 1000).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_call_has_its_figures_in_milliseconds() {
        let event = Event::CallFinished {
            call: "n-b-1".into(),
            queue: "support".into(),
            tier: "gold".into(),
            outcome: hotline_wire::event::CallOutcome::Answered,
            agent: Some("1001".into()),
            wait: 2_500_999,
            talk: 60_000_000,
            by: Party::Agent,
        };
        let (category, name, fields) = translated(&event);
        assert_eq!((category, name), (Category::Call, "HotlineCallFinished"));
        assert!(fields.contains(&("WaitTime", "2500".into())));
        assert!(fields.contains(&("TalkTime", "60000".into())));
        assert!(fields.contains(&("EndedBy", "agent".into())));
    }
}
