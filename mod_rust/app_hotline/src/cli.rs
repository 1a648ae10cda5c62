//! The PBX's command line: `hotline …`.

use asterisk::cli::{self, Invocation, Outcome, RegisteredCommand};
use asterisk::dialplan::Taken;
use hotline_wire::command::{Command, Outcome as Answer};
use hotline_wire::snapshot::{AgentInfo, AgentState, CallInfo, Snapshot};

use crate::table::{duration, masked, table};
use crate::{Instance, instance};

/// Who the engine is told asks.
const AUTHOR: &str = "cli";

pub(crate) fn register() -> Result<Vec<RegisteredCommand>, Taken> {
    [
        cli::Command {
            pattern: c"hotline show {queues|agents|calls|status}",
            summary: c"Show Hotline's queues, agents, calls or health",
            usage: c"Usage: hotline show queues
       hotline show agents [<queue>]
       hotline show calls [verbose]
       hotline show status
       Shows what Hotline does now. Caller numbers keep their last four digits only, unless verbose.\n",
            run: show,
            complete: complete_show,
        },
        cli::Command {
            pattern: c"hotline agent {signin|signout|ready|notready|forcebusy|forceidle|forcesignout}",
            summary: c"Change the state of a Hotline agent",
            usage: c"Usage: hotline agent signin <number> [<phone>]
       hotline agent signout <number>
       hotline agent ready <number>
       hotline agent notready <number> [<reason>]
       hotline agent forcebusy <number> [<seconds>] [<reason>]
       hotline agent forceidle <number>
       hotline agent forcesignout <number> [<reason>]
       Does what the agent, or with force... what a supervisor could do. 0 seconds, or none, is until lifted.\n",
            run: agent,
            complete: complete_agent,
        },
        cli::Command {
            pattern: c"hotline reload",
            summary: c"Read Hotline's settings again",
            usage: c"Usage: hotline reload
       Reads the settings file again. A file with a mistake is refused whole, and the settings in force stay.\n",
            run: reload,
            complete: |_| Vec::new(),
        },
    ]
    .into_iter()
    .map(cli::register)
    .collect()
}

fn running(invocation: &Invocation) -> Option<std::sync::Arc<Instance>> {
    let instance = instance();
    if instance.is_none() {
        invocation.print("Hotline is not running.\n");
    }
    instance
}

fn show(invocation: &Invocation) -> Outcome {
    let Some(instance) = running(invocation) else {
        return Outcome::Failure;
    };
    let words = invocation.words();
    let option = words.get(3).map(String::as_str);
    if words.len() > 4 {
        return Outcome::ShowUsage;
    }
    let Some(snapshot) = instance.host.snapshot() else {
        invocation.print("Hotline is out of service; see the log.\n");
        return Outcome::Failure;
    };
    let text = match (words.get(2).map(String::as_str), option) {
        (Some("queues"), None) => queues(&snapshot),
        (Some("agents"), queue) => agents(&snapshot, queue),
        (Some("calls"), None) => calls(&snapshot, false),
        (Some("calls"), Some("verbose")) => calls(&snapshot, true),
        (Some("status"), None) => status(&instance, &snapshot),
        _ => return Outcome::ShowUsage,
    };
    invocation.print(&text);
    Outcome::Success
}

fn queues(snapshot: &Snapshot) -> String {
    let rows: Vec<Vec<String>> = snapshot
        .queues
        .iter()
        .map(|queue| {
            let calls = || snapshot.calls.iter().filter(|call| call.queue == queue.name);
            let waiting = || calls().filter(|call| call.connected.is_none());
            let agents = || {
                snapshot
                    .agents
                    .iter()
                    .filter(|agent| agent.queues.contains(&queue.name))
            };
            let count = |state| agents().filter(|agent| agent.state == state).count().to_string();
            let signed_in = agents()
                .filter(|agent| agent.state != AgentState::SignedOut)
                .count();
            let longest = waiting().map(|call| call.joined).min();
            vec![
                queue.name.clone(),
                queue.strategy.clone(),
                waiting().count().to_string(),
                queue.max_waiting.to_string(),
                longest.map_or("-".to_owned(), |joined| {
                    duration(snapshot.at.saturating_sub(joined))
                }),
                calls()
                    .filter(|call| call.connected.is_some())
                    .count()
                    .to_string(),
                signed_in.to_string(),
                count(AgentState::Ready),
                format!("{} s", queue.service_target / 1_000_000),
            ]
        })
        .collect();
    let head = [
        "Queue",
        "Strategy",
        "Waiting",
        "Most",
        "Longest",
        "Talking",
        "Signed in",
        "Ready",
        "Service target",
    ];
    table(&head, &rows) + &counted(rows.len(), "queue")
}

fn agents(snapshot: &Snapshot, queue: Option<&str>) -> String {
    let rows: Vec<Vec<String>> = snapshot
        .agents
        .iter()
        .filter(|agent| queue.is_none_or(|queue| agent.queues.iter().any(|name| name == queue)))
        .map(|agent| {
            vec![
                agent.number.clone(),
                agent.name.clone(),
                agent.state.label().to_owned(),
                duration(snapshot.at.saturating_sub(agent.since)),
                details(agent, snapshot.at),
                agent.phone.clone(),
                agent.phone_state.label().to_owned(),
                agent.queues.join(","),
            ]
        })
        .collect();
    table(
        &[
            "Agent", "Name", "State", "For", "Details", "Phone", "Phone is", "Queues",
        ],
        &rows,
    ) + &counted(rows.len(), "agent")
}

/// Reason, lock and next state in words.
fn details(agent: &AgentInfo, now: u64) -> String {
    let mut details = Vec::new();
    if !agent.reason.is_empty() {
        details.push(agent.reason.clone());
    }
    if let Some(forced) = &agent.forced {
        details.push(match forced.until {
            Some(until) => {
                format!(
                    "forced by {}, {} left",
                    forced.author,
                    duration(until.saturating_sub(now))
                )
            }
            None => format!("forced by {}", forced.author),
        });
    }
    if let Some(next) = agent.next {
        details.push(format!("then {}", next.label()));
    }
    details.join("; ")
}

fn calls(snapshot: &Snapshot, verbose: bool) -> String {
    let rows: Vec<Vec<String>> = snapshot
        .calls
        .iter()
        .map(|call| {
            let (state, since) = match call.connected {
                Some(connected) => ("talking", connected),
                None => ("waiting", call.joined),
            };
            vec![
                call.call.clone(),
                call.queue.clone(),
                call.tier.clone(),
                number(call, verbose),
                state.to_owned(),
                duration(snapshot.at.saturating_sub(since)),
                call.agent.clone().unwrap_or_default(),
            ]
        })
        .collect();
    table(
        &["Call", "Queue", "Tier", "Caller", "State", "For", "Agent"],
        &rows,
    ) + &counted(rows.len(), "call")
}

fn number(call: &CallInfo, verbose: bool) -> String {
    if verbose && !call.number.is_empty() {
        call.number.clone()
    } else {
        masked(&call.number)
    }
}

fn status(instance: &Instance, snapshot: &Snapshot) -> String {
    let mut rows = vec![
        vec!["Version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()],
        vec!["PBX".to_owned(), asterisk::version()],
        vec!["Node".to_owned(), instance.host.settings().node.clone()],
        vec!["Settings".to_owned(), instance.settings.display().to_string()],
        vec![
            "Control socket".to_owned(),
            instance.host.settings().socket.display().to_string(),
        ],
        vec!["Last event".to_owned(), snapshot.seq.to_string()],
        vec!["Queues".to_owned(), snapshot.queues.len().to_string()],
        vec![
            "Callers waiting".to_owned(),
            snapshot
                .calls
                .iter()
                .filter(|call| call.connected.is_none())
                .count()
                .to_string(),
        ],
        vec![
            "Callers talking".to_owned(),
            snapshot
                .calls
                .iter()
                .filter(|call| call.connected.is_some())
                .count()
                .to_string(),
        ],
        vec!["Agents".to_owned(), snapshot.agents.len().to_string()],
    ];
    for state in AgentState::ALL {
        let count = snapshot
            .agents
            .iter()
            .filter(|agent| agent.state == *state)
            .count();
        rows.push(vec![format!("  {}", state.label()), count.to_string()]);
    }
    table(&["Hotline", ""], &rows)
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}\n", if count == 1 { "" } else { "s" })
}

fn agent(invocation: &Invocation) -> Outcome {
    let Some(command) = command(&invocation.words()[2..]) else {
        return Outcome::ShowUsage;
    };
    let Some(instance) = running(invocation) else {
        return Outcome::Failure;
    };
    match instance.host.command(AUTHOR, command) {
        Answer::Done => {
            invocation.print("Done.\n");
            Outcome::Success
        }
        Answer::Pending => {
            invocation.print("Pending: takes effect after the call the agent is in.\n");
            Outcome::Success
        }
        Answer::Refused { message, .. } => {
            invocation.print(&format!("Refused: {message}\n"));
            Outcome::Failure
        }
    }
}

/// The command in the words from the verb on.
fn command(words: &[String]) -> Option<Command> {
    let (verb, rest) = words.split_first()?;
    let (agent, rest) = rest.split_first()?;
    let agent = agent.clone();
    let text = rest.join(" ");
    Some(match (verb.as_str(), rest.len()) {
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
        _ => return None,
    })
}

fn reload(invocation: &Invocation) -> Outcome {
    let Some(instance) = running(invocation) else {
        return Outcome::Failure;
    };
    match instance.host.reload(AUTHOR) {
        Ok(what) => {
            invocation.print(&format!("{what}.\n"));
            Outcome::Success
        }
        Err(why) => {
            invocation.print(&format!("Refused, the settings stay as they are: {why}\n"));
            Outcome::Failure
        }
    }
}

fn complete_show(words: &[String]) -> Vec<String> {
    match (words.get(2).map(String::as_str), words.len()) {
        (Some("agents"), 3) => {
            names(|settings| settings.queues.iter().map(|queue| queue.name.clone()).collect())
        }
        (Some("calls"), 3) => vec!["verbose".to_owned()],
        _ => Vec::new(),
    }
}

fn complete_agent(words: &[String]) -> Vec<String> {
    if words.len() == 3 {
        names(|settings| settings.agents.iter().map(|agent| agent.number.clone()).collect())
    } else {
        Vec::new()
    }
}

fn names(of: impl Fn(&hotline_engine::Config) -> Vec<String>) -> Vec<String> {
    instance()
        .map(|instance| of(&instance.host.settings().config))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Option<Command> {
        command(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn agent_commands_are_read() {
        assert_eq!(
            parsed("forcebusy 1001 600 fire drill"),
            Some(Command::ForceBusy {
                agent: "1001".into(),
                reason: "fire drill".into(),
                seconds: 600
            })
        );
        assert_eq!(
            parsed("forcebusy 1001 training"),
            Some(Command::ForceBusy {
                agent: "1001".into(),
                reason: "training".into(),
                seconds: 0
            })
        );
        assert_eq!(
            parsed("signin 1001 PJSIP/a1"),
            Some(Command::SignIn {
                agent: "1001".into(),
                phone: "PJSIP/a1".into()
            })
        );
        assert_eq!(parsed("ready 1001 now"), None);
        assert_eq!(parsed("ready"), None);
        assert_eq!(parsed("dance 1001"), None);
    }
}
