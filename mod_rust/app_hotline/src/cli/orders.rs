//! Commands in words: what follows `hotline agent`, `hotline queue` and the like.

use hotline_wire::Command;
use hotline_wire::command::{ConsultStep, Destination, Place, ToIvr};
use hotline_wire::event::{Follow, MonitorMode, RecordOrder, Whom};
use hotline_wire::snapshot::Door;

/// `VERB AGENT …`
pub(super) fn agent(words: &[String]) -> Option<Command> {
    let (verb, agent, rest) = split(words)?;
    let text = rest.join(" ");
    Some(match (verb, rest.len()) {
        ("signin", 0 | 1) => Command::SignIn { agent, phone: text },
        ("signout", 0) => Command::SignOut { agent },
        ("ready", 0) => Command::SetReady { agent },
        ("notready", _) => Command::SetNotReady { agent, reason: text },
        ("forcebusy", _) => {
            let (seconds, reason) = match rest.first().and_then(|first| first.parse().ok()) {
                Some(seconds) => (seconds, rest[1..].join(" ")),
                None => (0, text),
            };
            Command::ForceBusy {
                agent,
                reason,
                seconds,
            }
        }
        ("forceidle", 0) => Command::ForceIdle { agent },
        ("forcesignout", _) => Command::ForceSignOut { agent, reason: text },
        ("wrapup", 1) => Command::ExtendWrapUp {
            agent,
            seconds: text.parse().ok()?,
        },
        ("dispose", 1..) => Command::Dispose {
            agent,
            code: rest[0].clone(),
            note: rest[1..].join(" "),
        },
        ("hold", 0) => Command::Hold { agent },
        ("retrieve", 0) => Command::Retrieve { agent },
        ("mute", 0) => Command::Mute { agent },
        ("unmute", 0) => Command::Unmute { agent },
        ("record", 1) => Command::Record {
            agent,
            order: RecordOrder::ALL
                .iter()
                .copied()
                .find(|order| order.label() == text)?,
        },
        ("transfer", 2..) => Command::Transfer {
            agent,
            to: destination(&rest[0], &rest[1])?,
            reason: rest[2..].join(" "),
        },
        ("ivr", 1 | 2) => Command::Ivr {
            agent,
            to: ToIvr::of(&rest[0]),
            timeout_seconds: match rest.get(1) {
                None => None,
                Some(seconds) => Some(seconds.parse().ok()?),
            },
        },
        ("survey", 0) => Command::Survey { agent },
        ("consult", 2) => Command::Consult {
            agent,
            to: destination(&rest[0], &rest[1])?,
        },
        ("swap", 0) => step(agent, ConsultStep::Swap, String::new()),
        ("join", 0) => step(agent, ConsultStep::Join, String::new()),
        ("handover", _) => step(agent, ConsultStep::HandOver, rest.join(" ")),
        ("drop", 0) => step(agent, ConsultStep::Drop, String::new()),
        ("queue", 1..=3) => Command::SetMembership {
            agent,
            queue: rest[0].clone(),
            place: place(&rest[1..])?,
        },
        ("skill", 1 | 2) => Command::SetSkill {
            agent,
            skill: rest[0].clone(),
            has: match rest.get(1).map(String::as_str) {
                None => true,
                Some("drop") => false,
                Some(_) => return None,
            },
        },
        _ => return None,
    })
}

/// `queue NAME[,TIER[,PRIORITY]]`, `agent NUMBER`, `number NUMBER` or `place PLACE`.
fn step(agent: String, step: ConsultStep, reason: String) -> Command {
    Command::Consultation { agent, step, reason }
}

fn destination(kind: &str, target: &str) -> Option<Destination> {
    Some(match kind {
        "queue" => {
            let mut parts = target.split(',');
            let (queue, tier) = (
                parts.next()?.to_owned(),
                parts.next().unwrap_or_default().to_owned(),
            );
            let priority = match parts.next() {
                None => None,
                Some(seconds) => Some(seconds.parse().ok()?),
            };
            if parts.next().is_some() {
                return None;
            }
            Destination::Queue {
                queue,
                tier,
                priority,
            }
        }
        "agent" => Destination::Agent {
            agent: target.to_owned(),
        },
        "number" => Destination::Number {
            number: target.to_owned(),
        },
        "place" => Destination::Place {
            place: target.to_owned(),
        },
        _ => return None,
    })
}

/// `[LEVEL [WEIGHT]]` or `leave`.
fn place(words: &[String]) -> Option<Option<Place>> {
    if words.first().is_some_and(|word| word == "leave") {
        return (words.len() == 1).then_some(None);
    }
    let number = |place: usize| words.get(place).map_or(Some(1), |word| word.parse().ok());
    Some(Some(Place {
        level: u8::try_from(number(0)?).ok()?,
        weight: number(1)?,
    }))
}

/// `VERB QUEUE`
pub(super) fn queue(words: &[String]) -> Option<Command> {
    let (verb, queue, rest) = split(words)?;
    let door = match verb {
        "open" => Door::Open,
        "close" => Door::Closed,
        "emergency" => Door::Emergency,
        _ => return None,
    };
    rest.is_empty().then_some(Command::SetDoor { queue, door })
}

/// `VERB CALL …`
pub(super) fn call(words: &[String]) -> Option<Command> {
    let (verb, call, rest) = split(words)?;
    Some(match (verb, rest) {
        ("prioritise", [seconds]) => Command::Reprioritise {
            call,
            priority: seconds.parse().ok()?,
        },
        ("move", [queue]) => Command::MoveCall {
            call,
            queue: queue.clone(),
        },
        ("withdraw", []) => Command::Withdraw {
            call,
            place: String::new(),
        },
        ("withdraw", [place]) => Command::Withdraw {
            call,
            place: place.clone(),
        },
        _ => return None,
    })
}

/// A mode as people write it.
pub(super) fn word(mode: MonitorMode) -> &'static str {
    match mode {
        MonitorMode::Listen => "listen",
        MonitorMode::Whisper => "whisper",
        MonitorMode::Barge => "barge",
        MonitorMode::TakeOver => "takeover",
    }
}

/// `AGENT SUPERVISOR [MODE] [FOLLOW]`
pub(super) fn monitor(words: &[String]) -> Option<Command> {
    let [agent, supervisor, rest @ ..] = words else {
        return None;
    };
    let find_mode = |text: &String| MonitorMode::ALL.iter().copied().find(|mode| word(*mode) == text);
    let find_follow = |text: &String| Follow::ALL.iter().copied().find(|follow| follow.label() == text);
    let (mode, follow) = match rest {
        [] => (MonitorMode::default(), Follow::default()),
        [mode] => (find_mode(mode)?, Follow::default()),
        [mode, follow] => (find_mode(mode)?, find_follow(follow)?),
        _ => return None,
    };
    Some(Command::Monitor {
        supervisor: supervisor.clone(),
        from: String::new(),
        agent: agent.clone(),
        mode,
        follow,
    })
}

/// `VERB SUPERVISOR`
pub(super) fn supervisor(words: &[String]) -> Option<Command> {
    let (verb, supervisor, rest) = split(words)?;
    match (verb, rest) {
        ("stop", []) => Some(Command::StopMonitor { supervisor }),
        ("signout", []) => Some(Command::SignOutSupervisor { supervisor }),
        _ => None,
    }
}

/// `AGENT [WHOM]`
pub(super) fn disconnect(words: &[String]) -> Option<Command> {
    let whom = match words {
        [_] => Whom::Both,
        [_, whom] => Whom::ALL.iter().copied().find(|known| known.label() == whom)?,
        _ => return None,
    };
    Some(Command::Disconnect {
        agent: words[0].clone(),
        whom,
        from: String::new(),
    })
}

/// `cancel CALLBACK`
pub(super) fn callback(words: &[String]) -> Option<Command> {
    let (verb, callback, rest) = split(words)?;
    (verb == "cancel" && rest.is_empty()).then_some(Command::CancelCallback { callback })
}

/// A verb, what it is about, and the rest.
fn split(words: &[String]) -> Option<(&str, String, &[String])> {
    let (verb, rest) = words.split_first()?;
    let (object, rest) = rest.split_first()?;
    Some((verb, object.clone(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Parser = fn(&[String]) -> Option<Command>;

    fn parsed(parser: Parser, line: &str) -> Option<Command> {
        parser(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn agent_commands_are_read() {
        assert_eq!(
            parsed(agent, "forcebusy 1001 600 fire drill"),
            Some(Command::ForceBusy {
                agent: "1001".into(),
                reason: "fire drill".into(),
                seconds: 600
            })
        );
        assert_eq!(
            parsed(agent, "forcebusy 1001 training"),
            Some(Command::ForceBusy {
                agent: "1001".into(),
                reason: "training".into(),
                seconds: 0
            })
        );
        assert_eq!(
            parsed(agent, "signin 1001 PJSIP/a1"),
            Some(Command::SignIn {
                agent: "1001".into(),
                phone: "PJSIP/a1".into()
            })
        );
        assert_eq!(
            parsed(agent, "wrapup 1001 60"),
            Some(Command::ExtendWrapUp {
                agent: "1001".into(),
                seconds: 60
            })
        );
        assert_eq!(
            parsed(agent, "dispose 1001 07 calls again"),
            Some(Command::Dispose {
                agent: "1001".into(),
                code: "07".into(),
                note: "calls again".into()
            })
        );
        for wrong in [
            "dispose 1001",
            "ready 1001 now",
            "ready",
            "dance 1001",
            "wrapup 1001",
            "wrapup 1001 long",
        ] {
            assert_eq!(parsed(agent, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_agents_queues_and_skills_are_changed() {
        let member = |level, weight| Some(Place { level, weight });
        for (line, place) in [
            ("queue 1001 sales", member(1, 1)),
            ("queue 1001 sales 3", member(3, 1)),
            ("queue 1001 sales 3 50", member(3, 50)),
            ("queue 1001 sales leave", None),
        ] {
            let expected = Command::SetMembership {
                agent: "1001".into(),
                queue: "sales".into(),
                place,
            };
            assert_eq!(parsed(agent, line), Some(expected), "{line}");
        }
        for (line, has) in [("skill 1001 english", true), ("skill 1001 english drop", false)] {
            let expected = Command::SetSkill {
                agent: "1001".into(),
                skill: "english".into(),
                has,
            };
            assert_eq!(parsed(agent, line), Some(expected), "{line}");
        }
        for wrong in [
            "queue 1001",
            "queue 1001 sales 256",
            "queue 1001 sales x",
            "queue 1001 sales leave 2",
            "skill 1001",
            "skill 1001 english maybe",
        ] {
            assert_eq!(parsed(agent, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn supervisors_are_told_whom_to_listen_to_and_how() {
        let listen = |mode, follow| {
            Some(Command::Monitor {
                supervisor: "9001".into(),
                from: String::new(),
                agent: "1001".into(),
                mode,
                follow,
            })
        };
        for (line, expected) in [
            ("1001 9001", listen(MonitorMode::Listen, Follow::Agent)),
            ("1001 9001 barge", listen(MonitorMode::Barge, Follow::Agent)),
            (
                "1001 9001 takeover call",
                listen(MonitorMode::TakeOver, Follow::Call),
            ),
            ("1001", None),
            ("1001 9001 shout", None),
            ("1001 9001 barge queue", None),
        ] {
            assert_eq!(parsed(monitor, line), expected, "{line}");
        }
        assert_eq!(
            parsed(supervisor, "stop 9001"),
            Some(Command::StopMonitor {
                supervisor: "9001".into()
            })
        );
        assert_eq!(parsed(supervisor, "signin 9001"), None);
        for (line, whom) in [("1001", Whom::Both), ("1001 caller", Whom::Caller)] {
            let expected = Command::Disconnect {
                agent: "1001".into(),
                whom,
                from: String::new(),
            };
            assert_eq!(parsed(disconnect, line), Some(expected), "{line}");
        }
        assert_eq!(parsed(disconnect, "1001 nobody"), None);
    }

    #[test]
    fn queues_calls_and_callbacks_have_commands_of_their_own() {
        assert_eq!(
            parsed(queue, "emergency support"),
            Some(Command::SetDoor {
                queue: "support".into(),
                door: Door::Emergency
            })
        );
        assert_eq!(
            parsed(call, "prioritise n-b-7 300"),
            Some(Command::Reprioritise {
                call: "n-b-7".into(),
                priority: 300
            })
        );
        assert_eq!(
            parsed(call, "move n-b-7 sales"),
            Some(Command::MoveCall {
                call: "n-b-7".into(),
                queue: "sales".into()
            })
        );
        for (line, place) in [("withdraw n-b-7", ""), ("withdraw n-b-7 ivr,s,1", "ivr,s,1")] {
            let expected = Command::Withdraw {
                call: "n-b-7".into(),
                place: place.into(),
            };
            assert_eq!(parsed(call, line), Some(expected), "{line}");
        }
        assert_eq!(
            parsed(callback, "cancel n-b-7"),
            Some(Command::CancelCallback {
                callback: "n-b-7".into()
            })
        );
        assert_eq!(parsed(queue, "open"), None);
        assert_eq!(parsed(call, "move n-b-7"), None);
        assert_eq!(parsed(callback, "call n-b-7"), None);
    }
}
