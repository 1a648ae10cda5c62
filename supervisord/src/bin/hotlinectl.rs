//! The supervisor's command line.
#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use hotline_wire::command::{ConsultStep, Destination};
use hotline_wire::event::{Follow, MonitorMode, RecordOrder, Whom};
use hotline_wire::snapshot::Door;
use supervisord::ctl::accounts::{TokenAsk, UserAsk};
use supervisord::ctl::audit::AuditAsk;
use supervisord::ctl::blacklist::ListAsk;
use supervisord::ctl::doctor::Doctor;
use supervisord::ctl::report::{ErlangAsk, ReportAsk};
use supervisord::ctl::store::StoreAsk;
use supervisord::ctl::{
    Agent, Alarm, Ask, Call, CallAsk, Callback, Client, Failure, Node, Queue, printable, table,
};
use supervisord::settings::Bus;

/// Shows and controls the queues and agents of Hotline, through hotline-supervisord.
///
/// Every action is answered by the PBX's engine: `done`, `pending` (it takes effect when the agent's present call
/// ends, or a phone is answered), or refused with the reason.
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
  hotlinectl agent queue 1001 support 2
  hotlinectl agent monitor 1001 9001 --mode whisper
  hotlinectl queue close support
  hotlinectl why-not 1001
  hotlinectl report yesterday --by agent
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
    /// Opens or closes a queue
    Queue {
        #[command(subcommand)]
        ask: QueueAsk,
    },
    /// Acts on a waiting call
    Call {
        #[command(subcommand)]
        ask: WaitingAsk,
    },
    /// Callers who are owed a call
    Callback {
        #[command(subcommand)]
        ask: CallbackAsk,
    },
    /// Alarms that are on, and taking care of them
    Alarm {
        #[command(subcommand)]
        ask: AlarmAsk,
    },
    /// Says why a call was offered to whom it was, and to nobody else; also for a while after its end
    Why {
        /// Call reference, as `show calls` has it
        call: String,
    },
    /// Says why an agent is offered no call
    WhyNot {
        #[command(flatten)]
        target: Target,
    },
    /// Shows and changes a blacklist, and builds its index
    Blacklist {
        /// The node, where there are several
        #[arg(long, global = true)]
        node: Option<String>,
        #[command(subcommand)]
        ask: ListAsk,
    },
    /// Shows who did what, and finds out whether that record is as it was written
    Audit {
        #[command(subcommand)]
        ask: AuditAsk,
    },
    /// Looks for the usual mistakes of an installation, and names the remedy of each
    ///
    /// Exit code 1 if there is an error. It changes nothing; as root it sees most.
    Doctor(Doctor),
    /// Reports: service levels, waits, handling, occupancy and more, by queue, tier, agent and team, per period
    Report(Box<ReportAsk>),
    /// Computes how many agents a load needs, or what callers meet with so many
    Erlang(ErlangAsk),
    /// Copies the store, erases a caller's number out of it, or makes its records anew
    Store {
        #[command(subcommand)]
        ask: StoreAsk,
    },
    /// Adds, changes and lists users of the HTTP API
    User {
        #[command(subcommand)]
        ask: UserAsk,
    },
    /// Adds, removes and lists tokens, by which machines use the HTTP API
    Token {
        #[command(subcommand)]
        ask: TokenAsk,
    },
    /// Shows what was changed while running, writes it out, or forgets what the settings have no place for
    Config {
        /// The node, where there are several
        #[arg(long, global = true)]
        node: Option<String>,
        #[command(subcommand)]
        ask: ConfigAsk,
    },
    /// Says how long callers can be overtaken by others under the settings in force
    Fairness {
        /// The node, where there are several
        #[arg(long)]
        node: Option<String>,
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
    /// Lets a supervisor who is signed in listen to the agent, by a call to the supervisor's phone; or switches how
    Monitor {
        #[command(flatten)]
        target: Target,
        /// Supervisor number
        supervisor: String,
        /// What the supervisor does
        #[arg(long, default_value = "listen", value_parser = label(MonitorMode::ALL, MonitorMode::label))]
        mode: MonitorMode,
        /// Whom the supervisor stays with
        #[arg(long, default_value = "agent", value_parser = label(Follow::ALL, Follow::label))]
        follow: Follow,
        /// Ends the supervisor's listening
        #[arg(long, conflicts_with_all = ["mode", "follow"])]
        stop: bool,
    },
    /// Ends the agent's conversation
    Disconnect {
        #[command(flatten)]
        target: Target,
        /// Who is hung up; a caller who is not goes on in the dialplan
        #[arg(default_value = "both", value_parser = label(Whom::ALL, Whom::label))]
        whom: Whom,
    },
    /// Puts the agent's caller on hold with music; the agent's phone keeps its line
    Hold {
        #[command(flatten)]
        target: Target,
    },
    /// Ends a hold by `hold`
    Retrieve {
        #[command(flatten)]
        target: Target,
    },
    /// Lets the caller hear nothing of the agent
    Mute {
        #[command(flatten)]
        target: Target,
    },
    /// Lets the caller hear the agent again
    Unmute {
        #[command(flatten)]
        target: Target,
    },
    /// Sends the agent's caller into the dialplan, from where the caller comes back with a result
    Ivr {
        #[command(flatten)]
        target: Target,
        /// A name of [[ivr]] in the node's settings, or a place of the dialplan, such as verify,s,1
        to: String,
        /// After so long the caller is brought back; without, as the settings say
        #[arg(long, value_name = "SECONDS", default_value_t = 0, hide_default_value = true)]
        timeout: u32,
    },
    /// Ends the agent's part, and has the caller asked what it was like
    Survey {
        #[command(flatten)]
        target: Target,
    },
    /// Records the agent's conversation, or does that no more, or for a while
    Record {
        #[command(flatten)]
        target: Target,
        /// start, stop, pause or resume
        #[arg(value_parser = label(RecordOrder::ALL, RecordOrder::label))]
        order: RecordOrder,
    },
    /// Sends the agent's caller on; the agent keeps the caller if that is refused
    #[command(group = clap::ArgGroup::new("where").required(true))]
    Transfer {
        #[command(flatten)]
        target: Target,
        /// Into this queue
        #[arg(long, group = "where")]
        queue: Option<String>,
        /// As this tier from now on
        #[arg(long, requires = "queue", default_value = "", hide_default_value = true)]
        tier: String,
        /// Worth so many seconds of waiting time on top of the tier from now on
        #[arg(long, requires = "queue")]
        priority: Option<u32>,
        /// To the agent of this number first, and after a while to anybody of that agent's queue
        #[arg(long = "to-agent", group = "where", value_name = "NUMBER")]
        to_agent: Option<String>,
        /// To this number, as far as the dialplan lets agents transfer there
        #[arg(long, group = "where")]
        number: Option<String>,
        /// To this place of the dialplan, such as ivr,s,1
        #[arg(long, group = "where")]
        place: Option<String>,
        /// Why, for whoever gets the caller
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Lets the agent talk with somebody while the caller hears music; done once that one has answered
    #[command(group = clap::ArgGroup::new("whom").required(true))]
    Consult {
        #[command(flatten)]
        target: Target,
        /// Whom this queue gives
        #[arg(long, group = "whom")]
        queue: Option<String>,
        /// The agent of this number
        #[arg(long = "to-agent", group = "whom", value_name = "NUMBER")]
        to_agent: Option<String>,
        /// Whoever is at this number, as far as the dialplan lets agents transfer there
        #[arg(long, group = "whom")]
        number: Option<String>,
    },
    /// Talks with the other of caller and consulted, while the one waits
    Swap {
        #[command(flatten)]
        target: Target,
    },
    /// Lets caller, agent and consulted all hear each other
    Join {
        #[command(flatten)]
        target: Target,
    },
    /// Leaves the caller to the consulted
    HandOver {
        #[command(flatten)]
        target: Target,
        /// Why, for whoever gets the caller
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Lets the consulted go; the agent is back with the caller
    Drop {
        #[command(flatten)]
        target: Target,
    },
    /// Makes after-call work longer, up to what its queue allows
    WrapUpExtend {
        #[command(flatten)]
        target: Target,
        /// By so much, such as 30s or 2m
        #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
        by: Duration,
    },
    /// Says what the call was about that the agent talks in or works after
    Dispose {
        #[command(flatten)]
        target: Target,
        /// Code of a disposition of the call's queue, as the settings have it
        code: String,
        /// In the agent's own words
        #[arg(default_value = "")]
        note: String,
    },
    /// Puts the agent into a queue, or takes it out
    Queue {
        #[command(flatten)]
        target: Target,
        /// Queue name
        queue: String,
        /// Skill level there, from 1 (best) to 255
        #[arg(default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
        level: u8,
        /// Weight for weighted-random, from 1 to 65535
        #[arg(default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
        weight: u16,
        /// Takes the agent out
        #[arg(long, conflicts_with_all = ["level", "weight"])]
        leave: bool,
    },
    /// Gives the agent a skill, or takes it
    Skill {
        #[command(flatten)]
        target: Target,
        /// The skill
        skill: String,
        /// Takes it
        #[arg(long)]
        drop: bool,
    },
}

/// One of some words.
fn label<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    label: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    let words = all.iter().map(move |known| label(*known));
    PossibleValuesParser::new(words).try_map(move |text| {
        let known = all.iter().copied().find(|known| label(*known) == text);
        known.ok_or("is no word that is known here")
    })
}

#[derive(Subcommand)]
enum QueueAsk {
    /// Callers may join
    Open(QueueTarget),
    /// Nobody may join; who waits is served
    Close(QueueTarget),
    /// Nobody may join, and who waits leaves by the emergency exit
    Emergency(QueueTarget),
}

#[derive(Args)]
struct QueueTarget {
    /// Queue name
    name: String,
    /// The queue's node, where several nodes have a queue of that name
    #[arg(long)]
    node: Option<String>,
}

#[derive(Subcommand)]
enum WaitingAsk {
    /// Makes the call worth more or less
    Prioritise {
        /// Call reference, as `show calls` has it
        call: String,
        /// Seconds of waiting time on top of its tier, in place of what the dialplan gave
        seconds: u32,
    },
    /// Puts the call into another queue, at its old place in the order of callers
    Move {
        /// Call reference
        call: String,
        /// Queue name
        queue: String,
    },
    /// Takes the call out of its queue
    Withdraw {
        /// Call reference
        call: String,
        /// A place of the dialplan, CONTEXT,EXTENSION,PRIORITY; behind Hotline() if not given
        #[arg(long, value_name = "PLACE", default_value = "")]
        to: String,
    },
}

#[derive(Subcommand)]
enum ConfigAsk {
    /// Shows what differs from the settings, and what stood before a restart and they have no agent or queue for
    Diff,
    /// Writes a copy of the settings with that in it, on the PBX's machine, into its folder for the state. Settings may have
    /// PINs in them, so they are not sent
    Save {
        /// Name of a file that is not there yet, such as new.toml
        name: String,
    },
    /// Forgets what is "not applied" in diff
    Forget {
        /// Agent number, or queue name
        #[arg(required_unless_present = "all", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        about: Option<String>,
        /// All of it
        #[arg(long, conflicts_with = "about")]
        all: bool,
    },
}

#[derive(Subcommand)]
enum AlarmAsk {
    /// Lists them, worst first
    List {
        /// As JSON, one array; times are microseconds since the Unix epoch
        #[arg(long)]
        json: bool,
    },
    /// Says that you take care of one; it stays on until its figure is well again
    Ack {
        /// Its number
        alarm: u64,
        /// What you want others to know
        #[arg(long, default_value = "")]
        note: String,
    },
}

#[derive(Subcommand)]
enum CallbackAsk {
    /// Lists them; caller numbers are masked but for the last four digits
    List {
        /// As JSON, one array; times are microseconds since the Unix epoch
        #[arg(long)]
        json: bool,
    },
    /// Forgets one
    Cancel {
        /// Reference, as the list has it
        callback: String,
    },
}

/// Whole seconds. A part of one is one: 0 would mean for ever, or nothing.
fn seconds(time: Duration) -> u64 {
    time.as_millis().div_ceil(1_000).max(1) as u64
}

impl AgentAsk {
    fn split(self) -> (Target, Ask) {
        match self {
            AgentAsk::ForceBusy { target, reason, time } => {
                let seconds = time.map_or(0, seconds);
                (target, Ask::ForceBusy { reason, seconds })
            }
            AgentAsk::ForceIdle { target } => (target, Ask::ForceIdle),
            AgentAsk::ForceSignOut { target, reason } => (target, Ask::ForceSignOut { reason }),
            AgentAsk::Ready { target } => (target, Ask::Ready),
            AgentAsk::NotReady { target, reason } => (target, Ask::NotReady { reason }),
            AgentAsk::SignIn { target, phone } => (target, Ask::SignIn { phone }),
            AgentAsk::SignOut { target } => (target, Ask::SignOut),
            AgentAsk::Monitor {
                target,
                supervisor,
                stop: true,
                ..
            } => (target, Ask::StopMonitor { supervisor }),
            AgentAsk::Monitor {
                target,
                supervisor,
                mode,
                follow,
                stop: false,
            } => (
                target,
                Ask::Monitor {
                    supervisor,
                    mode,
                    follow,
                },
            ),
            AgentAsk::Disconnect { target, whom } => (target, Ask::Disconnect { whom }),
            AgentAsk::Hold { target } => (target, Ask::Hold),
            AgentAsk::Retrieve { target } => (target, Ask::Retrieve),
            AgentAsk::Mute { target } => (target, Ask::Muted { muted: true }),
            AgentAsk::Unmute { target } => (target, Ask::Muted { muted: false }),
            AgentAsk::Ivr { target, to, timeout } => (target, Ask::Ivr { to, timeout }),
            AgentAsk::Survey { target } => (target, Ask::Survey),
            AgentAsk::Record { target, order } => (target, Ask::Record { order }),
            AgentAsk::Transfer {
                target,
                queue,
                tier,
                priority,
                to_agent,
                number,
                place,
                reason,
            } => {
                let agent = to_agent.map(|agent| Destination::Agent { agent });
                let number = number.map(|number| Destination::Number { number });
                let place = place.map(|place| Destination::Place { place });
                // One of them is there: the arguments demand it.
                let to = agent.or(number).or(place).unwrap_or(Destination::Queue {
                    queue: queue.unwrap_or_default(),
                    tier,
                    priority,
                });
                (target, Ask::Transfer { to, reason })
            }
            AgentAsk::Consult {
                target,
                queue,
                to_agent,
                number,
            } => {
                let agent = to_agent.map(|agent| Destination::Agent { agent });
                let number = number.map(|number| Destination::Number { number });
                // One of them is there: the arguments demand it.
                let to = agent.or(number).unwrap_or(Destination::Queue {
                    queue: queue.unwrap_or_default(),
                    tier: String::new(),
                    priority: None,
                });
                (target, Ask::Consult { to })
            }
            AgentAsk::Swap { target } => (target, step(ConsultStep::Swap, String::new())),
            AgentAsk::Join { target } => (target, step(ConsultStep::Join, String::new())),
            AgentAsk::HandOver { target, reason } => (target, step(ConsultStep::HandOver, reason)),
            AgentAsk::Drop { target } => (target, step(ConsultStep::Drop, String::new())),
            AgentAsk::WrapUpExtend { target, by } => (target, Ask::ExtendWrapUp { seconds: seconds(by) }),
            AgentAsk::Dispose { target, code, note } => (target, Ask::Dispose { code, note }),
            AgentAsk::Queue {
                target,
                queue,
                leave: true,
                ..
            } => (target, Ask::LeaveQueue { queue }),
            AgentAsk::Queue {
                target,
                queue,
                level,
                weight,
                leave: false,
            } => (target, Ask::Queue { queue, level, weight }),
            AgentAsk::Skill { target, skill, drop } => (target, Ask::Skill { skill, has: !drop }),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let answer = match arguments {
        Arguments {
            command: Action::Doctor(doctor),
            bus,
            ..
        } => doctor.run(bus).await,
        arguments => run(arguments).await.map(|text| (text, false)),
    };
    match answer {
        Ok((text, failed)) => match std::io::stdout().write_all(text.as_bytes()) {
            // Whoever read the output has seen enough.
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
            _ if failed => ExitCode::FAILURE,
            _ => ExitCode::SUCCESS,
        },
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "hotlinectl: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

async fn run(arguments: Arguments) -> Result<String, Failure> {
    // These need no daemon.
    let command = match arguments.command {
        Action::Blacklist {
            ask: ListAsk::Build(build),
            ..
        } => return build.run(),
        Action::Audit { ask } => return blocking(move || ask.run()).await,
        Action::Erlang(ask) => return ask.run(),
        Action::Report(ask) => return blocking(move || ask.run()).await,
        Action::Store { ask } => return blocking(move || ask.run()).await,
        Action::User { ask } => return ask.run(),
        Action::Token { ask } => return ask.run(),
        command => command,
    };
    let client = Client::connect(arguments.bus, arguments.timeout).await?;
    match command {
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
        Action::Queue { ask } => {
            let (target, door) = match ask {
                QueueAsk::Open(target) => (target, Door::Open),
                QueueAsk::Close(target) => (target, Door::Closed),
                QueueAsk::Emergency(target) => (target, Door::Emergency),
            };
            let outcome = client
                .set_door(&target.name, target.node.as_deref(), door)
                .await?;
            Ok(format!("{outcome}\n"))
        }
        Action::Call { ask } => {
            let (call, ask) = match ask {
                WaitingAsk::Prioritise { call, seconds } => (call, CallAsk::Prioritise { priority: seconds }),
                WaitingAsk::Move { call, queue } => (call, CallAsk::Move { queue }),
                WaitingAsk::Withdraw { call, to } => (call, CallAsk::Withdraw { place: to }),
            };
            Ok(format!("{}\n", client.waiting_call(&call, &ask).await?))
        }
        Action::Alarm { ask } => match ask {
            AlarmAsk::List { json } => {
                let alarms = client.alarms().await?;
                show(json, Alarm::TITLES, &alarms, Alarm::columns)
            }
            AlarmAsk::Ack { alarm, note } => {
                client.acknowledge(alarm, &note).await?;
                Ok("done\n".to_owned())
            }
        },
        Action::Callback { ask } => match ask {
            CallbackAsk::List { json } => {
                let callbacks = client.callbacks().await?;
                show(json, Callback::TITLES, &callbacks, Callback::columns)
            }
            CallbackAsk::Cancel { callback } => Ok(format!("{}\n", client.cancel_callback(&callback).await?)),
        },
        Action::Why { call } => Ok(text(&client.why_call(&call).await?)),
        Action::WhyNot { target } => {
            let lines = client.why_not(&target.number, target.node.as_deref()).await?;
            Ok(text(&lines))
        }
        Action::Blacklist { node, ask } => client.blacklist(ask, node.as_deref()).await,
        Action::Doctor(doctor) => Ok(doctor.run(client.bus().clone()).await?.0),
        Action::Audit { ask } => blocking(move || ask.run()).await,
        Action::Erlang(ask) => ask.run(),
        Action::Report(ask) => blocking(move || ask.run()).await,
        Action::Store { ask } => blocking(move || ask.run()).await,
        Action::User { ask } => ask.run(),
        Action::Token { ask } => ask.run(),
        Action::Config { node, ask } => {
            let node = node.as_deref();
            let lines = match ask {
                ConfigAsk::Diff => match client.config_diff(node).await?.as_slice() {
                    [] => vec!["Nothing differs from the settings.".to_owned()],
                    lines => lines.to_vec(),
                },
                ConfigAsk::Save { name } => client.config_save(node, &name).await?,
                ConfigAsk::Forget { about, all: _ } => {
                    client.config_forget(node, &about.unwrap_or_default()).await?
                }
            };
            Ok(text(&lines))
        }
        Action::Fairness { node } => Ok(text(&client.fairness(node.as_deref()).await?)),
    }
}

/// Work that waits for a database.
async fn blocking(
    work: impl FnOnce() -> Result<String, Failure> + Send + 'static,
) -> Result<String, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Failure::Other(error.to_string())))
}

/// Lines as they are, but for what would steer the terminal.
fn text(lines: &[String]) -> String {
    lines.iter().map(|line| printable(line) + "\n").collect()
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

fn step(step: ConsultStep, reason: String) -> Ask {
    Ask::Consultation { step, reason }
}
