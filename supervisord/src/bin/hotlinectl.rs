//! The supervisor's command line.
#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use supervisord::ctl::{Agent, Ask, Call, Client, Failure, Node, Queue, table};
use supervisord::settings::Bus;

/// Shows and controls the queues and agents of Hotline, through hotline-supervisord.
///
/// Every action is answered by the PBX's engine: `done`, `pending` (it takes effect when the agent's present call
/// ends), or refused with the reason.
#[derive(Parser)]
#[command(version, after_help = EXIT_CODES)]
struct Arguments {
    /// The message bus: system, session, or a D-Bus address
    #[arg(long, global = true, env = "HOTLINE_BUS", default_value = "system")]
    bus: Bus,
    /// Gives up after so long without an answer
    #[arg(long, global = true, value_name = "TIME", default_value = "25s", value_parser = humantime::parse_duration)]
    timeout: Duration,
    #[command(subcommand)]
    command: Action,
}

const EXIT_CODES: &str = "\
Exit code: 0 done or pending, 1 failed, 2 wrong usage, 3 refused (the reason is on standard error),
4 the daemon cannot be reached, or does not answer in time.

Examples:
  hotlinectl show agents
  hotlinectl agent force-busy 1001 --reason training --for 15m
  hotlinectl show queues --json | jq '.[] | select(.waiting > 10)'";

#[derive(Subcommand)]
enum Action {
    /// Shows what there is now
    Show {
        /// What
        what: What,
        /// As JSON, one array; times are microseconds since the Unix epoch
        #[arg(long)]
        json: bool,
    },
    /// Acts on an agent
    Agent {
        #[command(subcommand)]
        ask: AgentAsk,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// Queues: who waits and who could answer
    Queues,
    /// Agents: state, since when, and why
    Agents,
    /// Calls in progress; caller numbers are masked but for the last four digits
    Calls,
    /// PBX nodes
    Nodes,
}

#[derive(Args)]
struct Target {
    /// Agent number
    number: String,
    /// The agent's node, where several nodes have an agent of that number
    #[arg(long)]
    node: Option<String>,
}

#[derive(Subcommand)]
enum AgentAsk {
    /// Locks the agent: no calls until it expires or is lifted; the agent cannot free itself
    ForceBusy {
        #[command(flatten)]
        target: Target,
        /// Why; the agent and other supervisors see it
        #[arg(long)]
        reason: String,
        /// Expires after so long, such as 90s, 15m or 2h; until lifted if not given
        #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
        time: Option<Duration>,
    },
    /// Lifts a lock, ends after-call work and not-ready
    ForceIdle {
        #[command(flatten)]
        target: Target,
    },
    /// Signs the agent out; after the call if there is one
    ForceSignOut {
        #[command(flatten)]
        target: Target,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Ready for calls
    Ready {
        #[command(flatten)]
        target: Target,
    },
    /// Not ready for calls
    NotReady {
        #[command(flatten)]
        target: Target,
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Signs the agent in
    SignIn {
        #[command(flatten)]
        target: Target,
        /// The phone to bind, a dial string such as PJSIP/a1001; the agent's own if not given
        #[arg(long, default_value = "")]
        phone: String,
    },
    /// Signs the agent out, as the agent would
    SignOut {
        #[command(flatten)]
        target: Target,
    },
}

impl AgentAsk {
    fn split(self) -> (Target, Ask) {
        match self {
            AgentAsk::ForceBusy { target, reason, time } => {
                // A part of a second is a second: 0 would mean for ever.
                let seconds = time.map_or(0, |time| time.as_millis().div_ceil(1_000).max(1) as u64);
                (target, Ask::ForceBusy { reason, seconds })
            }
            AgentAsk::ForceIdle { target } => (target, Ask::ForceIdle),
            AgentAsk::ForceSignOut { target, reason } => (target, Ask::ForceSignOut { reason }),
            AgentAsk::Ready { target } => (target, Ask::Ready),
            AgentAsk::NotReady { target, reason } => (target, Ask::NotReady { reason }),
            AgentAsk::SignIn { target, phone } => (target, Ask::SignIn { phone }),
            AgentAsk::SignOut { target } => (target, Ask::SignOut),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments).await {
        Ok(text) => match std::io::stdout().write_all(text.as_bytes()) {
            // Whoever read the output has seen enough.
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
            _ => ExitCode::SUCCESS,
        },
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "hotlinectl: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

async fn run(arguments: Arguments) -> Result<String, Failure> {
    let client = Client::connect(arguments.bus, arguments.timeout).await?;
    match arguments.command {
        Action::Show { what, json } => match what {
            What::Queues => Ok(show(
                json,
                Queue::TITLES,
                &client.queues().await?,
                Queue::columns,
            )?),
            What::Agents => Ok(show(
                json,
                Agent::TITLES,
                &client.agents().await?,
                Agent::columns,
            )?),
            What::Calls => Ok(show(json, Call::TITLES, &client.calls().await?, Call::columns)?),
            What::Nodes => Ok(show(json, Node::TITLES, &client.nodes().await?, Node::columns)?),
        },
        Action::Agent { ask } => {
            let (target, ask) = ask.split();
            let outcome = client.agent(&target.number, target.node.as_deref(), &ask).await?;
            Ok(match outcome.as_str() {
                "pending" => "pending: takes effect when the agent's present call ends\n".to_owned(),
                other => format!("{other}\n"),
            })
        }
    }
}

fn show<T: serde::Serialize>(
    json: bool,
    titles: &[&str],
    rows: &[T],
    columns: fn(&T) -> Vec<String>,
) -> Result<String, Failure> {
    if json {
        let text = serde_json::to_string_pretty(rows).map_err(|error| Failure::Other(error.to_string()))?;
        return Ok(format!("{text}\n"));
    }
    let rows: Vec<Vec<String>> = rows.iter().map(columns).collect();
    Ok(table(titles, &rows))
}
