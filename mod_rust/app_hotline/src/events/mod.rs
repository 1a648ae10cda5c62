//! Manager events: what happened, for listeners of the PBX's manager interface. Times are in milliseconds.

mod told;

use asterisk::manager;
use hotline_wire::Event;
use hotline_wire::event::{Party, RefusedCall};

use told::Told;

/// Tells the PBX's listeners.
pub(crate) fn publish(event: &Event) {
    let Told {
        category,
        name,
        fields,
    } = translated(event);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(key, value)| (*key, value.as_str())).collect();
    manager::event(category, name, &fields);
}

fn translated(event: &Event) -> Told {
    match event {
        Event::CallJoined {
            call,
            queue,
            tier,
            number,
            waiting,
            position,
            predicted,
            flag,
            attached,
            callback,
        } => Told::call("HotlineCallJoined")
            .with("Call", call)
            .with("Queue", queue)
            .with("Tier", tier)
            .with("CallerIDNum", number)
            .with("Waiting", waiting)
            .with("Position", position)
            .expecting(*predicted)
            .with("Flag", flag)
            .with("Path", attached.path.join(">"))
            .with("Callback", callback.as_deref().unwrap_or_default()),
        Event::RuleApplied {
            call,
            queue,
            rule,
            operation,
        } => Told::call("HotlineRuleApplied")
            .with("Call", call)
            .with("Queue", queue)
            .with("Rule", rule)
            .operation(operation),
        Event::KeyPressed { call, queue, key } => Told::call("HotlineKeyPressed")
            .with("Call", call)
            .with("Queue", queue)
            .with("Key", key),
        Event::CallReprioritised {
            call,
            queue,
            priority,
            before,
            position,
        } => Told::call("HotlineCallReprioritised")
            .with("Call", call)
            .with("Queue", queue)
            .with("Priority", priority)
            .with("Before", before.unwrap_or_default())
            .with("Position", position),
        Event::CallScreened {
            call,
            queue,
            tier,
            number,
            action,
            detail,
            entry,
            reason,
            author,
        } => Told::call("HotlineCallScreened")
            .with("Call", call)
            .with("Queue", queue)
            .with("Tier", tier)
            .with("Number", number)
            .with("Action", action.label())
            .with("Detail", detail)
            .with("Entry", entry)
            .with("Reason", reason)
            .with("Author", author),
        Event::BlacklistChanged {
            author,
            change,
            reason,
            before,
            after,
            entries,
        } => Told::call("HotlineBlacklistChanged")
            .with("Author", author)
            .with("Change", change.label())
            .with("Reason", reason)
            .entries(before.as_deref(), after.as_deref())
            .with("Entries", entries),
        Event::BlacklistReplaced {
            author,
            source,
            file,
            taken,
            bad,
            entries,
        } => Told::call("HotlineBlacklistReplaced")
            .with("Author", author)
            .with("Source", source.label())
            .with("File", file)
            .with("Taken", taken)
            .with("Bad", bad)
            .with("Entries", entries),
        Event::CallRefused { call, queue, reason } => Told::call("HotlineCallRefused")
            .with("Call", call)
            .with("Queue", queue)
            .with(
                "Reason",
                match reason {
                    RefusedCall::UnknownQueue => "unknown_queue",
                    RefusedCall::AtLimit => "at_limit",
                },
            ),
        Event::CallConnected {
            call,
            agent,
            queue,
            tier,
            wait,
        } => Told::call("HotlineCallConnected")
            .with("Call", call)
            .with("Agent", agent)
            .with("Queue", queue)
            .with("Tier", tier)
            .lasting("WaitTime", *wait),
        Event::TalkChanged {
            call,
            agent,
            queue,
            from,
            to,
            lasted,
        } => Told::call("HotlineTalkChanged")
            .with("Call", call)
            .with("Agent", agent)
            .with("Queue", queue)
            .with("From", from.label())
            .with("State", to.label())
            .lasting("Lasted", *lasted),
        Event::MuteChanged {
            call,
            agent,
            queue,
            muted,
        } => Told::call("HotlineMuteChanged")
            .with("Call", call)
            .with("Agent", agent)
            .with("Queue", queue)
            .with("Muted", if *muted { "yes" } else { "no" }),
        Event::ConsultChanged {
            call,
            agent,
            queue,
            to,
            colleague,
            state,
            end,
        } => Told::call("HotlineConsultChanged")
            .with("Call", call)
            .with("Agent", agent)
            .with("Queue", queue)
            .with("To", to.parts().0)
            .with("Target", to.parts().1)
            .with("Colleague", colleague)
            .with("State", state.label())
            .with("End", end.map_or("", |end| end.label())),
        Event::RecordingStarted {
            recording,
            call,
            agent,
            queue,
            file,
            author,
        } => Told::recording("HotlineRecordingStarted", *recording, [call, agent, queue])
            .with("File", file)
            .with("Author", author),
        Event::RecordingPaused {
            recording,
            call,
            agent,
            queue,
            author,
        } => {
            Told::recording("HotlineRecordingPaused", *recording, [call, agent, queue]).with("Author", author)
        }
        Event::RecordingResumed {
            recording,
            call,
            agent,
            queue,
            author,
            lasted,
        } => Told::recording("HotlineRecordingResumed", *recording, [call, agent, queue])
            .with("Author", author)
            .lasting("Lasted", *lasted),
        Event::RecordingFinished {
            recording,
            call,
            agent,
            queue,
            file,
            lasted,
            paused,
            bytes,
        } => Told::recording("HotlineRecordingFinished", *recording, [call, agent, queue])
            .with("File", file)
            .lasting("Lasted", *lasted)
            .lasting("Paused", *paused)
            .with("Bytes", bytes),
        Event::RecordingFailed {
            recording,
            call,
            agent,
            queue,
            file,
            reason,
            lasted,
            bytes,
        } => Told::recording("HotlineRecordingFailed", *recording, [call, agent, queue])
            .with("File", file)
            .with("Reason", reason.label())
            .lasting("Lasted", *lasted)
            .with("Bytes", bytes),
        Event::CallTransferred {
            call,
            agent,
            queue,
            to,
            reason,
            author,
        } => Told::call("HotlineCallTransferred")
            .with("Call", call)
            .with("Agent", agent)
            .with("Queue", queue)
            .with("To", to.parts().0)
            .with("Target", to.parts().1)
            .with("Reason", reason)
            .with("Author", author),
        // The agent's own words are for the store alone.
        Event::DispositionSet {
            call,
            agent,
            queue,
            code,
            complaint,
            resolved,
            follow_up,
            note: _,
            before,
            author,
        } => Told::call("HotlineDispositionSet")
            .with("Call", call)
            .with("Agent", agent)
            .with("Queue", queue)
            .with("Code", code)
            .with("Complaint", if *complaint { "yes" } else { "no" })
            .with("Resolved", if *resolved { "yes" } else { "no" })
            .with("FollowUp", if *follow_up { "yes" } else { "no" })
            .with("Before", before)
            .with("Author", author),
        Event::IvrStarted {
            call,
            agent,
            queue,
            ivr,
            author,
        } => Told::call("HotlineIvrStarted")
            .with("Call", call)
            .with("Agent", agent)
            .with("Queue", queue)
            .with("Ivr", ivr)
            .with("Author", author),
        Event::IvrEnded {
            call,
            agent,
            queue,
            ivr,
            outcome,
            result,
            lasted,
        } => Told::call("HotlineIvrEnded")
            .with("Call", call)
            .with("Agent", agent)
            .with("Queue", queue)
            .with("Ivr", ivr)
            .with("Outcome", outcome.label())
            .with("Result", result)
            .lasting("Lasted", *lasted),
        Event::SurveyOffered {
            call,
            agent,
            queue,
            author,
        } => Told::call("HotlineSurveyOffered")
            .with("Call", call)
            .with("Agent", agent)
            .with("Queue", queue)
            .with("Author", author),
        Event::SurveyAnswered {
            call,
            agent,
            queue,
            score,
            highest,
        } => Told::call("HotlineSurveyAnswered")
            .with("Call", call)
            .with("Agent", agent)
            .with("Queue", queue)
            .with("Score", score.to_string())
            .with("Highest", highest.to_string()),
        Event::SurveyUnanswered { call, agent, queue } => Told::call("HotlineSurveyUnanswered")
            .with("Call", call)
            .with("Agent", agent)
            .with("Queue", queue),
        Event::CallFinished {
            call,
            queue,
            tier,
            outcome,
            agent,
            wait,
            talk,
            hold,
            by,
            to,
        } => Told::call("HotlineCallFinished")
            .with("Call", call)
            .with("Queue", queue)
            .with("Tier", tier)
            .with("Outcome", outcome.label())
            .with("Agent", agent.as_deref().unwrap_or_default())
            .lasting("WaitTime", *wait)
            .lasting("TalkTime", *talk)
            .lasting("HoldTime", *hold)
            .with("EndedBy", party(*by))
            .to(to),
        Event::CallbackPlaced {
            callback,
            queue,
            tier,
            number,
            position,
        } => Told::call("HotlineCallbackPlaced")
            .with("Callback", callback)
            .with("Queue", queue)
            .with("Tier", tier)
            .with("CallerIDNum", number)
            .with("Position", position),
        Event::CallbackRestored {
            callback,
            before,
            queue,
            tier,
            number,
            position,
            placed: _,
            attempts,
        } => Told::call("HotlineCallbackRestored")
            .with("Callback", callback)
            .with("Before", before)
            .with("Queue", queue)
            .with("Tier", tier)
            .with("CallerIDNum", number)
            .with("Position", position)
            .with("Attempts", attempts),
        Event::CallbackDialled {
            callback,
            queue,
            attempt,
        } => attempted("HotlineCallbackDialled", callback, queue, *attempt),
        Event::CallbackMissed {
            callback,
            queue,
            attempt,
        } => attempted("HotlineCallbackMissed", callback, queue, *attempt),
        Event::CallbackEnded {
            callback,
            queue,
            tier,
            outcome,
            call,
            after,
        } => Told::call("HotlineCallbackEnded")
            .with("Callback", callback)
            .with("Queue", queue)
            .with("Tier", tier)
            .with("Outcome", outcome.label())
            .with("Call", call.as_deref().unwrap_or_default())
            .lasting("After", *after),
        Event::OfferMade {
            offer,
            call,
            agent,
            queue,
            dispatch,
        } => Told::agent("HotlineOfferMade")
            .with("Offer", offer)
            .with("Call", call)
            .with("Agent", agent)
            .with("Queue", queue)
            .lasting("Dispatch", *dispatch),
        Event::OfferRinging { offer } => Told::agent("HotlineOfferRinging").with("Offer", offer),
        Event::OfferEnded {
            offer,
            call,
            agent,
            queue,
            result,
            ring,
        } => Told::agent("HotlineOfferEnded")
            .with("Offer", offer)
            .with("Call", call)
            .with("Agent", agent)
            .with("Queue", queue)
            .with("Result", result.label())
            .lasting("RingTime", *ring),
        Event::LimitReached { limit, level, lasted } => Told::agent("HotlineLimitReached")
            .limit(limit)
            .with("Level", level)
            .lasting("Lasted", *lasted),
        Event::LimitCleared { limit, level, lasted } => Told::agent("HotlineLimitCleared")
            .limit(limit)
            .with("Level", level)
            .lasting("Lasted", *lasted),
        Event::Retrieve {
            call,
            agent,
            queue,
            result,
            reason,
        } => Told::agent("HotlineRetrieve")
            .with("Call", call)
            .with("Agent", agent)
            .with("Queue", queue)
            .with("Result", result.label())
            .with("Reason", reason.map_or("", |reason| reason.label())),
        Event::SupervisorChanged { supervisor } => Told::agent("HotlineSupervisorChanged")
            .with("Supervisor", &supervisor.number)
            .with("SupervisorName", &supervisor.name)
            .with("Phone", &supervisor.phone),
        Event::MonitorStarted { monitor, author } => Told::agent("HotlineMonitorStarted")
            .monitor(monitor)
            .with("Author", author),
        Event::MonitorChanged {
            monitor,
            from,
            author,
        } => Told::agent("HotlineMonitorChanged")
            .monitor(monitor)
            .with("From", from.label())
            .with("Author", author),
        Event::MonitorEnded {
            monitor,
            outcome,
            lasted,
            author,
        } => Told::agent("HotlineMonitorEnded")
            .monitor(monitor)
            .with("Outcome", outcome.label())
            .lasting("Lasted", *lasted)
            .with("Author", author),
        Event::TalkCut {
            call,
            agent,
            queue,
            how,
            author,
        } => Told::call("HotlineTalkCut")
            .with("Call", call)
            .with("Agent", agent)
            .with("Queue", queue)
            .with("How", how.label())
            .with("Author", author),
        Event::QueueChanged { queue } => Told::agent("HotlineQueueChanged")
            .with("Queue", &queue.name)
            .with("Door", queue.door.label()),
        Event::AgentChanged { from, agent } => Told::agent("HotlineAgentChanged")
            .with("From", from.label())
            .state_of(agent),
        Event::CommandAnswered {
            author,
            command,
            outcome,
        } => Told::agent("HotlineCommandAnswered")
            .with("Author", author)
            .asked(command)
            .answered(outcome),
        Event::ConfigApplied {
            author,
            queues,
            agents,
            ..
        } => Told::agent("HotlineConfigApplied")
            .with("Author", author)
            .with("Queues", queues.len())
            .with("Agents", agents.len()),
        Event::Fault { what } => Told::agent("HotlineFault").with("What", what),
    }
}

fn attempted(name: &'static str, callback: &str, queue: &str, attempt: u32) -> Told {
    Told::call(name)
        .with("Callback", callback)
        .with("Queue", queue)
        .with("Attempt", attempt)
}

fn party(party: Party) -> &'static str {
    match party {
        Party::Caller => "caller",
        Party::Agent => "agent",
        Party::System => "system",
        Party::Supervisor => "supervisor",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use asterisk::manager::Category;
    use hotline_wire::event::{CallOutcome, Exit, Limit, Operation};
    use hotline_wire::{Command, Outcome};

    fn told(event: &Event) -> (Category, &'static str, Vec<(&'static str, String)>) {
        let told = translated(event);
        (told.category, told.name, told.fields)
    }

    #[test]
    fn a_finished_call_has_its_figures_in_milliseconds() {
        let event = Event::CallFinished {
            call: "n-b-1".into(),
            queue: "support".into(),
            tier: "gold".into(),
            outcome: CallOutcome::Answered,
            agent: Some("1001".into()),
            wait: 2_500_999,
            talk: 60_000_000,
            hold: 1_000_000,
            by: Party::Agent,
            to: Exit::Queue("sales".into()),
        };
        let (category, name, fields) = told(&event);
        assert_eq!((category, name), (Category::Call, "HotlineCallFinished"));
        for field in [
            ("WaitTime", "2500"),
            ("TalkTime", "60000"),
            ("HoldTime", "1000"),
            ("EndedBy", "agent"),
            ("To", "queue"),
            ("ToQueue", "sales"),
        ] {
            assert!(fields.contains(&(field.0, field.1.into())), "{field:?}");
        }
    }

    #[test]
    fn what_a_rule_did_and_what_a_limit_is_on_are_named() {
        let (_, name, fields) = told(&Event::RuleApplied {
            call: "n-b-1".into(),
            queue: "support".into(),
            rule: 2,
            operation: Operation::Raise(30_000_000),
        });
        assert_eq!(name, "HotlineRuleApplied");
        assert!(
            fields.contains(&("Operation", "raise".into())) && fields.contains(&("Value", "30000".into()))
        );
        let (category, _, fields) = told(&Event::LimitReached {
            limit: Limit::Hold {
                call: "n-b-1".into(),
                agent: "1001".into(),
            },
            level: 2,
            lasted: 90_000_000,
        });
        assert_eq!(category, Category::Agent);
        assert_eq!(fields[0], ("Limit", "hold".into()));
        assert!(fields.contains(&("Agent", "1001".into())) && fields.contains(&("Level", "2".into())));
    }

    #[test]
    fn a_command_says_what_it_is_about_and_how_it_went() {
        let (_, _, fields) = told(&Event::CommandAnswered {
            author: "cli".into(),
            command: Command::MoveCall {
                call: "n-b-1".into(),
                queue: "sales".into(),
            },
            outcome: Outcome::Done,
        });
        let expected = [
            ("Author", "cli"),
            ("Command", "move_call"),
            ("Call", "n-b-1"),
            ("Queue", "sales"),
            ("Outcome", "done"),
            ("Reason", ""),
        ];
        assert_eq!(fields, expected.map(|(key, value)| (key, value.to_owned())));
    }
}
