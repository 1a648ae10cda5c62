//! The PBX's command line: `hotline …`.

mod blacklist;
mod config;
mod orders;
mod spool;
mod tables;

use std::sync::Arc;

use asterisk::cli::{self, Invocation, Outcome, RegisteredCommand};
use asterisk::dialplan::Taken;
use hotline_wire::command::{Command, Outcome as Answer};
use hotline_wire::event::{Follow, MonitorMode, RecordOrder};
use hotline_wire::snapshot::Snapshot;

use crate::{Instance, instance};

/// Who the engine is told asks.
const AUTHOR: &str = "cli";

pub(crate) fn register() -> Result<Vec<RegisteredCommand>, Taken> {
    commands().into_iter().map(cli::register).collect()
}

fn commands() -> [cli::Command; 13] {
    [
        cli::Command {
            pattern: c"hotline show {queues|agents|calls|callbacks|dispositions|supervisors|monitors|fairness|resources|spool|status}",
            summary: c"Show Hotline's queues, agents, calls, callbacks, dispositions, supervisors, fairness, resources, spool or health",
            usage: c"Usage: hotline show queues
       hotline show agents [<queue>]
       hotline show calls [verbose]
       hotline show callbacks [verbose]
       hotline show dispositions [<queue>]
       hotline show supervisors
       hotline show monitors
       hotline show fairness
       hotline show resources
       hotline show spool
       hotline show status
       Shows what Hotline does now. Caller numbers keep their last four digits only, unless verbose. The wait to
       expect is the median, and what nine of ten callers do not exceed. Fairness is the longest that callers of
       each queue and tier can be overtaken under the settings in force. Resources are what Hotline holds of the PBX: none
       are left when nobody calls. The spool is where events are kept that no supervisor has stored yet.\n",
            run: show,
            complete: complete_show,
        },
        cli::Command {
            pattern: c"hotline agent {signin|signout|ready|notready|forcebusy|forceidle|forcesignout|wrapup|dispose|hold|retrieve|mute|unmute|record|transfer|ivr|survey|consult|swap|join|handover|drop|queue|skill}",
            summary: c"Change the state, queues or skills of a Hotline agent",
            usage: c"Usage: hotline agent signin <number> [<phone>]
       hotline agent signout <number>
       hotline agent ready <number>
       hotline agent notready <number> [<reason>]
       hotline agent forcebusy <number> [<seconds>] [<reason>]
       hotline agent forceidle <number>
       hotline agent forcesignout <number> [<reason>]
       hotline agent wrapup <number> <seconds>
       hotline agent dispose <number> <code> [<note>]
       hotline agent hold <number>
       hotline agent retrieve <number>
       hotline agent mute <number>
       hotline agent unmute <number>
       hotline agent record <number> {start|stop|pause|resume}
       hotline agent transfer <number> queue <queue>[,<tier>[,<priority>]] [<reason>]
       hotline agent transfer <number> {agent|number|place} <target> [<reason>]
       hotline agent ivr <number> {<name>|<context>,<extension>,<priority>} [<seconds>]
       hotline agent survey <number>
       hotline agent consult <number> {agent|queue|number} <target>
       hotline agent swap <number>
       hotline agent join <number>
       hotline agent handover <number> [<reason>]
       hotline agent drop <number>
       hotline agent queue <number> <queue> [<level> [<weight>]|leave]
       hotline agent skill <number> <skill> [drop]
       Does what the agent, or with force... what a supervisor could do. 0 seconds, or none, is until lifted.
       consult has the caller hear music while the agent talks with somebody else; swap talks with the other of the
       two, join lets all three talk, handover leaves the caller to the other, drop goes back to the caller.
       wrapup makes after-call work longer. dispose says what the call was about; `hotline show dispositions` has the
       codes. ivr sends the caller to an [[ivr]] of the settings, or to any place of the
       dialplan, from where the caller comes back; survey ends the agent's side and has the caller asked. queue puts the agent into a queue, or changes the level there, from
       1 (best) to 255; it and skill lie over the settings until the module is loaded anew.\n",
            run: |invocation| order(invocation, orders::agent),
            complete: complete_agent,
        },
        cli::Command {
            pattern: c"hotline queue {open|close|emergency}",
            summary: c"Open or close a Hotline queue",
            usage: c"Usage: hotline queue open <queue>
       hotline queue close <queue>
       hotline queue emergency <queue>
       Nobody may join a closed queue, and who waits is served. In an emergency who waits leaves, too. Lies over
       the settings until the module is loaded anew.\n",
            run: |invocation| order(invocation, orders::queue),
            complete: |words| at(words, 3, queue_names),
        },
        cli::Command {
            pattern: c"hotline call {prioritise|move|withdraw}",
            summary: c"Reprioritise, move or withdraw a caller who waits",
            usage: c"Usage: hotline call prioritise <call> <seconds>
       hotline call move <call> <queue>
       hotline call withdraw <call> [<context>,<extension>,<priority>]
       Changes what a waiting call is worth on top of its tier, puts it into another queue at its old place in the
       order of callers, or takes it out of its queue. `hotline show calls` has the names of calls.\n",
            run: |invocation| order(invocation, orders::call),
            complete: complete_call,
        },
        cli::Command {
            pattern: c"hotline callback cancel",
            summary: c"Forget a callback",
            usage: c"Usage: hotline callback cancel <callback>
       The caller is called back no more. `hotline show callbacks` has the names of callbacks.\n",
            run: |invocation| order(invocation, orders::callback),
            complete: |words| at(words, 3, callback_names),
        },
        blacklist::command(),
        config::command(),
        cli::Command {
            pattern: c"hotline monitor",
            summary: c"Let a supervisor listen to an agent, or switch how",
            usage: c"Usage: hotline monitor <agent> <supervisor> [listen|whisper|barge|takeover] [agent|call]
       Calls the phone on which the supervisor is signed in, and lets the supervisor listen to the agent; one who listens
       already is switched. listen, which it is without, is unheard, whisper is heard by the agent, barge by agent and
       caller, takeover takes the agent's place. The supervisor follows the agent from call to call, which it is without,
       or the call through hold and transfer. `hotline show monitors` shows who listens.\n",
            run: |invocation| order(invocation, orders::monitor),
            complete: complete_monitor,
        },
        cli::Command {
            pattern: c"hotline supervisor {stop|signout}",
            summary: c"End a supervisor's listening, or sign a supervisor out",
            usage: c"Usage: hotline supervisor stop <supervisor>
       hotline supervisor signout <supervisor>
       Supervisors sign in from their own phones.\n",
            run: |invocation| order(invocation, orders::supervisor),
            complete: |words| at(words, 3, supervisor_numbers),
        },
        cli::Command {
            pattern: c"hotline disconnect",
            summary: c"End the conversation of an agent",
            usage: c"Usage: hotline disconnect <agent> [caller|agent|both]
       Hangs up the caller, the agent, or both, which it is without. A caller who is not hung up goes on in the dialplan.\n",
            run: |invocation| order(invocation, orders::disconnect),
            complete: |words| match words.len() {
                2 => agent_numbers(),
                3 => ["caller", "agent", "both"].map(str::to_owned).to_vec(),
                _ => Vec::new(),
            },
        },
        cli::Command {
            pattern: c"hotline why",
            summary: c"Explain to whom a call was offered",
            usage: c"Usage: hotline why <call>
       Tells why a call was offered to whom it was, and to nobody else.\n",
            run: |invocation| explain(invocation, |instance, call| instance.host.why_call(call)),
            complete: |words| at(words, 2, call_names),
        },
        cli::Command {
            pattern: c"hotline why-not",
            summary: c"Explain why an agent is offered no call",
            usage: c"Usage: hotline why-not <number>
       Tells why an agent is offered no call.\n",
            run: |invocation| explain(invocation, |instance, agent| instance.host.why_not(agent)),
            complete: |words| at(words, 2, agent_numbers),
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
}

fn running(invocation: &Invocation) -> Option<Arc<Instance>> {
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
    let words: Vec<&str> = invocation.words().iter().skip(2).map(String::as_str).collect();
    if words == ["fairness"] {
        print_lines(invocation, &instance.host.fairness());
        return Outcome::Success;
    }
    if words == ["resources"] {
        invocation.print(&tables::resources(&asterisk::Usage::now()));
        return Outcome::Success;
    }
    if words == ["spool"] {
        invocation.print(&spool::show(&instance.host.pipe()));
        return Outcome::Success;
    }
    let Some(snapshot) = instance.host.snapshot() else {
        invocation.print("Hotline is out of service; see the log.\n");
        return Outcome::Failure;
    };
    let text = match words[..] {
        ["queues"] => tables::queues(&snapshot),
        ["agents"] => tables::agents(&snapshot, None),
        ["agents", queue] => tables::agents(&snapshot, Some(queue)),
        ["calls"] => tables::calls(&snapshot, false),
        ["calls", "verbose"] => tables::calls(&snapshot, true),
        ["callbacks"] => tables::callbacks(&snapshot, false),
        ["dispositions"] => tables::dispositions(&snapshot, None),
        ["dispositions", queue] => tables::dispositions(&snapshot, Some(queue)),
        ["supervisors"] => tables::supervisors(&snapshot),
        ["monitors"] => tables::monitors(&snapshot),
        ["callbacks", "verbose"] => tables::callbacks(&snapshot, true),
        ["status"] => tables::status(&instance, &snapshot),
        _ => return Outcome::ShowUsage,
    };
    invocation.print(&text);
    Outcome::Success
}

fn print_lines(invocation: &Invocation, lines: &[String]) {
    for line in lines {
        invocation.print(&format!("{line}\n"));
    }
}

/// Does what the words from the verb on say.
fn order(invocation: &Invocation, parse: fn(&[String]) -> Option<Command>) -> Outcome {
    let Some(command) = parse(&invocation.words()[2..]) else {
        return Outcome::ShowUsage;
    };
    let Some(instance) = running(invocation) else {
        return Outcome::Failure;
    };
    answer(invocation, instance.host.command(AUTHOR, command))
}

fn answer(invocation: &Invocation, outcome: Answer) -> Outcome {
    match outcome {
        Answer::Done => {
            invocation.print("Done.\n");
            Outcome::Success
        }
        Answer::Pending => {
            invocation.print("Pending: takes effect when the call, or the phone, allows it.\n");
            Outcome::Success
        }
        Answer::Told { lines } => {
            print_lines(invocation, &lines);
            Outcome::Success
        }
        Answer::Listed { entries, next } => {
            invocation.print(&blacklist::listed(&entries, next.as_deref(), false));
            Outcome::Success
        }
        Answer::Refused { message, .. } => {
            invocation.print(&format!("Refused: {message}\n"));
            Outcome::Failure
        }
    }
}

fn explain(invocation: &Invocation, ask: fn(&Instance, &str) -> Result<Vec<String>, String>) -> Outcome {
    let [_, _, name] = invocation.words() else {
        return Outcome::ShowUsage;
    };
    let Some(instance) = running(invocation) else {
        return Outcome::Failure;
    };
    match ask(&instance, name) {
        Ok(lines) => {
            print_lines(invocation, &lines);
            Outcome::Success
        }
        Err(why) => {
            invocation.print(&format!("{why}\n"));
            Outcome::Failure
        }
    }
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
        (Some("agents" | "dispositions"), 3) => queue_names(),
        (Some("calls" | "callbacks"), 3) => vec!["verbose".to_owned()],
        _ => Vec::new(),
    }
}

fn complete_agent(words: &[String]) -> Vec<String> {
    match (words.get(2).map(String::as_str), words.len()) {
        (_, 3) => agent_numbers(),
        (Some("queue"), 4) => queue_names(),
        (Some("record"), 4) => RecordOrder::ALL
            .iter()
            .map(|order| order.label().to_owned())
            .collect(),
        (Some("queue"), 5) => vec!["leave".to_owned()],
        (Some("dispose"), 4) => settled(|settings| {
            let dispositions = settings.dispositions.iter();
            dispositions.map(|known| known.code.clone()).collect()
        }),
        (Some("skill"), 4) => skill_names(),
        (Some("skill"), 5) => vec!["drop".to_owned()],
        _ => Vec::new(),
    }
}

fn complete_call(words: &[String]) -> Vec<String> {
    match (words.get(2).map(String::as_str), words.len()) {
        (_, 3) => waiting_calls(),
        (Some("move"), 4) => queue_names(),
        _ => Vec::new(),
    }
}

fn complete_monitor(words: &[String]) -> Vec<String> {
    match words.len() {
        2 => agent_numbers(),
        3 => supervisor_numbers(),
        4 => MonitorMode::ALL
            .iter()
            .map(|mode| orders::word(*mode).to_owned())
            .collect(),
        5 => Follow::ALL
            .iter()
            .map(|follow| follow.label().to_owned())
            .collect(),
        _ => Vec::new(),
    }
}

/// Names for the word at that place only.
fn at(words: &[String], place: usize, names: fn() -> Vec<String>) -> Vec<String> {
    if words.len() == place { names() } else { Vec::new() }
}

fn queue_names() -> Vec<String> {
    settled(|settings| settings.queues.iter().map(|queue| queue.name.clone()).collect())
}

fn agent_numbers() -> Vec<String> {
    settled(|settings| settings.agents.iter().map(|agent| agent.number.clone()).collect())
}

fn supervisor_numbers() -> Vec<String> {
    settled(|settings| {
        let supervisors = settings.supervisors.iter();
        supervisors.map(|supervisor| supervisor.number.clone()).collect()
    })
}

fn skill_names() -> Vec<String> {
    settled(|settings| {
        let of_queues = settings.queues.iter().flat_map(|queue| &queue.skills);
        let of_agents = settings.agents.iter().flat_map(|agent| &agent.skills);
        let mut skills: Vec<String> = of_queues.chain(of_agents).cloned().collect();
        skills.sort();
        skills.dedup();
        skills
    })
}

fn call_names() -> Vec<String> {
    live(|snapshot| snapshot.calls.into_iter().map(|call| call.call).collect())
}

fn waiting_calls() -> Vec<String> {
    live(|snapshot| {
        let calls = snapshot.calls.into_iter();
        calls
            .filter(|call| call.connected.is_none())
            .map(|call| call.call)
            .collect()
    })
}

fn callback_names() -> Vec<String> {
    live(|snapshot| {
        let callbacks = snapshot.callbacks.into_iter();
        callbacks.map(|callback| callback.callback).collect()
    })
}

/// Names in the settings.
fn settled(of: impl Fn(&hotline_engine::Config) -> Vec<String>) -> Vec<String> {
    instance()
        .map(|instance| of(&instance.host.settings().config))
        .unwrap_or_default()
}

/// Names of what there is now.
fn live(of: impl FnOnce(Snapshot) -> Vec<String>) -> Vec<String> {
    instance()
        .and_then(|instance| instance.host.snapshot())
        .map(of)
        .unwrap_or_default()
}
