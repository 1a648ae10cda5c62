//! Agents: how they are, and what can be asked of them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use hotline_wire::command::{ConsultStep, Destination, Place, ToIvr};
use hotline_wire::{Command, event};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{self, Answer};
use super::nodes::Lines;
use super::page::{Page, page, short, usual_limit};
use super::{BETWEEN, OnNode, node_of_agent, team};
use crate::http::Http;
use crate::http::auth::Caller;
use crate::http::extract::{Body, Params, Segments};
use crate::http::problem::Problem;
use crate::views::AgentView;

pub(super) fn routes() -> OpenApiRouter<Arc<Http>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(why_not))
        .routes(routes!(order))
        .routes(routes!(set_queue, leave_queue))
        .routes(routes!(give_skill, take_skill))
}

/// Which agents.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Of this node.
    #[serde(default, deserialize_with = "short")]
    #[param(max_length = 256)]
    node: Option<String>,
    /// Of this team.
    #[serde(default, deserialize_with = "short")]
    #[param(max_length = 256)]
    team: Option<String>,
    /// Who serve this queue.
    #[serde(default, deserialize_with = "short")]
    #[param(max_length = 256)]
    queue: Option<String>,
    /// In this state.
    #[serde(default, deserialize_with = "short")]
    #[param(max_length = 256)]
    state: Option<String>,
    /// Items of the page.
    #[serde(default = "usual_limit")]
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: u32,
    /// The `next` of the page before.
    #[param(max_length = 2048, pattern = "^([0-9a-f]{2})+$")]
    cursor: Option<String>,
}

/// How a supervisor takes part.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    /// Heard by nobody.
    #[default]
    Listen,
    /// Heard by the agent.
    Whisper,
    /// Heard by both.
    Barge,
    /// In the agent's place.
    TakeOver,
}

/// What is to be done about the recording of a conversation.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum RecordOrder {
    Start,
    Stop,
    Pause,
    Resume,
}

/// Whom a supervisor stays with.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Follow {
    /// The agent, from call to call.
    #[default]
    Agent,
    /// The call, from agent to agent.
    Call,
}

/// Who is hung up.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Whom {
    /// The caller.
    Caller,
    /// The agent; the caller goes on in the dialplan.
    Agent,
    /// Both.
    #[default]
    Both,
}

/// What is asked of an agent.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum AgentOrder {
    /// Signs the agent in, ready.
    SignIn {
        /// The phone to bind, a dial string; empty keeps the agent's own.
        #[serde(default)]
        #[schema(max_length = 256)]
        phone: String,
    },
    /// Signs the agent out, as the agent would.
    SignOut {},
    /// Ready for calls.
    SetReady {},
    /// Not ready for calls.
    SetNotReady {
        /// Why.
        #[serde(default)]
        #[schema(max_length = 256)]
        reason: String,
    },
    /// Locks the agent: no calls until it expires or is lifted.
    ForceBusy {
        /// Why.
        #[serde(default)]
        #[schema(max_length = 256)]
        reason: String,
        /// Expires after so many seconds; 0 stays until lifted.
        #[serde(default)]
        #[schema(maximum = 3153600000u64)]
        seconds: u64,
    },
    /// Lifts a lock, ends after-call work and not-ready.
    ForceIdle {},
    /// Signs the agent out, lifting a lock; after the call if there is one.
    ForceSignOut {
        /// Why.
        #[serde(default)]
        #[schema(max_length = 256)]
        reason: String,
    },
    /// Makes after-call work longer, up to what its queue allows.
    ExtendWrapUp {
        /// By so many seconds.
        #[schema(maximum = 3153600000u64)]
        seconds: u64,
    },
    /// Says what the call was about that the agent talks in or works after; until that is over it may be changed.
    Dispose {
        /// Code of a disposition of the call's queue.
        #[schema(min_length = 1, max_length = 256)]
        code: String,
        /// In the agent's own words.
        #[serde(default)]
        #[schema(max_length = 256)]
        note: String,
    },
    /// Lets a supervisor who is signed in listen, by a call to the supervisor's own phone; or switches how.
    Monitor {
        /// Supervisor number.
        #[schema(max_length = 256)]
        supervisor: String,
        /// What the supervisor does.
        #[serde(default)]
        mode: Mode,
        /// Whom the supervisor stays with.
        #[serde(default)]
        follow: Follow,
    },
    /// Ends a supervisor's listening, to whomever.
    StopMonitor {
        /// Supervisor number.
        #[schema(max_length = 256)]
        supervisor: String,
    },
    /// Ends the agent's conversation.
    Disconnect {
        /// Who is hung up.
        #[serde(default)]
        whom: Whom,
    },
    /// Puts the agent's caller on hold with music; the agent's phone keeps its line.
    Hold {},
    /// Ends such a hold.
    Retrieve {},
    /// Lets the caller hear nothing of the agent.
    Mute {},
    /// Lets the caller hear the agent again.
    Unmute {},
    /// Records the agent's conversation, or does that no more, or for a while.
    Record {
        /// What.
        order: RecordOrder,
    },
    /// Sends the agent's caller on. The agent keeps the caller if that is refused.
    Transfer {
        /// Where to.
        to: To,
        /// Why, for whoever gets the caller.
        #[serde(default)]
        #[schema(max_length = 256)]
        reason: String,
    },
    /// Sends the agent's caller into the dialplan, from where the caller comes back with a result. The agent stays reserved.
    Ivr {
        /// Where to.
        to: IvrPlace,
        /// After so long the caller is brought back; left out is as the node's settings say, or 120.
        #[serde(default)]
        #[schema(minimum = 1, maximum = 3600)]
        timeout_seconds: Option<u32>,
    },
    /// Ends the agent's part, and has the caller asked what it was like.
    Survey {},
    /// Lets the agent talk with somebody while the caller hears music. Done once that one has answered.
    Consult {
        /// Whom: no place of the dialplan, and of a queue no tier or priority.
        to: To,
    },
    /// Talks with the other of caller and consulted, while the one waits.
    Swap {},
    /// Lets caller, agent and consulted all hear each other.
    Join {},
    /// Leaves the caller to the consulted.
    HandOver {
        /// Why, for whoever gets the caller.
        #[serde(default)]
        #[schema(max_length = 256)]
        reason: String,
    },
    /// Lets the consulted go; the agent is back with the caller.
    Drop {},
}

/// From where an agent's caller comes back.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
enum IvrPlace {
    /// One of `[[ivr]]` in the node's settings.
    Named {
        /// Its name.
        #[schema(min_length = 1, max_length = 256)]
        name: String,
    },
    /// Any place of the dialplan. Not for agents.
    Place {
        /// As the PBX writes it, such as `verify,s,1`.
        #[schema(min_length = 1, max_length = 256)]
        place: String,
    },
}

fn step(agent: String, step: ConsultStep) -> Command {
    Command::Consultation {
        agent,
        step,
        reason: String::new(),
    }
}

/// Where an agent's caller is to go.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
enum To {
    /// Into a queue, like anybody who calls it, but at the age that the call has.
    Queue {
        /// Queue name.
        #[schema(max_length = 256)]
        queue: String,
        /// Tier name from now on; empty keeps the tier.
        #[serde(default)]
        #[schema(max_length = 256)]
        tier: String,
        /// Seconds of waiting time that the call is worth on top of its tier from now on; left out keeps what it is.
        #[serde(default)]
        priority: Option<u32>,
    },
    /// To one agent first, and after a while to anybody of the agent's queue.
    Agent {
        /// Agent number.
        #[schema(max_length = 256)]
        agent: String,
    },
    /// To a number, as far as the node's dialplan lets agents transfer there.
    Number {
        /// 1 to 40 letters, digits and `+*#._-`.
        #[schema(min_length = 1, max_length = 40)]
        number: String,
    },
    /// To a place of the dialplan. Not for agents.
    Place {
        /// As the PBX writes it, such as `ivr,s,1`.
        #[schema(min_length = 1, max_length = 256)]
        place: String,
    },
}

impl To {
    fn destination(self) -> Destination {
        match self {
            To::Queue {
                queue,
                tier,
                priority,
            } => Destination::Queue {
                queue,
                tier,
                priority,
            },
            To::Agent { agent } => Destination::Agent { agent },
            To::Number { number } => Destination::Number { number },
            To::Place { place } => Destination::Place { place },
        }
    }
}

impl AgentOrder {
    fn command(self, agent: String) -> Command {
        match self {
            AgentOrder::SignIn { phone } => Command::SignIn { agent, phone },
            AgentOrder::SignOut {} => Command::SignOut { agent },
            AgentOrder::SetReady {} => Command::SetReady { agent },
            AgentOrder::SetNotReady { reason } => Command::SetNotReady { agent, reason },
            AgentOrder::ForceBusy { reason, seconds } => Command::ForceBusy {
                agent,
                reason,
                seconds,
            },
            AgentOrder::ForceIdle {} => Command::ForceIdle { agent },
            AgentOrder::ForceSignOut { reason } => Command::ForceSignOut { agent, reason },
            AgentOrder::ExtendWrapUp { seconds } => Command::ExtendWrapUp { agent, seconds },
            AgentOrder::Dispose { code, note } => Command::Dispose { agent, code, note },
            AgentOrder::Monitor {
                supervisor,
                mode,
                follow,
            } => Command::Monitor {
                supervisor,
                from: String::new(),
                agent,
                mode: match mode {
                    Mode::Listen => event::MonitorMode::Listen,
                    Mode::Whisper => event::MonitorMode::Whisper,
                    Mode::Barge => event::MonitorMode::Barge,
                    Mode::TakeOver => event::MonitorMode::TakeOver,
                },
                follow: match follow {
                    Follow::Agent => event::Follow::Agent,
                    Follow::Call => event::Follow::Call,
                },
            },
            AgentOrder::Hold {} => Command::Hold { agent },
            AgentOrder::Retrieve {} => Command::Retrieve { agent },
            AgentOrder::Mute {} => Command::Mute { agent },
            AgentOrder::Unmute {} => Command::Unmute { agent },
            AgentOrder::Record { order } => Command::Record {
                agent,
                order: match order {
                    RecordOrder::Start => event::RecordOrder::Start,
                    RecordOrder::Stop => event::RecordOrder::Stop,
                    RecordOrder::Pause => event::RecordOrder::Pause,
                    RecordOrder::Resume => event::RecordOrder::Resume,
                },
            },
            AgentOrder::Transfer { to, reason } => Command::Transfer {
                agent,
                to: to.destination(),
                reason,
            },
            AgentOrder::Ivr { to, timeout_seconds } => Command::Ivr {
                agent,
                to: match to {
                    IvrPlace::Named { name } => ToIvr::Named { name },
                    IvrPlace::Place { place } => ToIvr::Place { place },
                },
                timeout_seconds,
            },
            AgentOrder::Survey {} => Command::Survey { agent },
            AgentOrder::Consult { to } => Command::Consult {
                agent,
                to: to.destination(),
            },
            AgentOrder::Swap {} => step(agent, ConsultStep::Swap),
            AgentOrder::Join {} => step(agent, ConsultStep::Join),
            AgentOrder::HandOver { reason } => Command::Consultation {
                agent,
                step: ConsultStep::HandOver,
                reason,
            },
            AgentOrder::Drop {} => step(agent, ConsultStep::Drop),
            AgentOrder::StopMonitor { supervisor } => Command::StopMonitor { supervisor },
            AgentOrder::Disconnect { whom } => Command::Disconnect {
                agent,
                whom: match whom {
                    Whom::Caller => event::Whom::Caller,
                    Whom::Agent => event::Whom::Agent,
                    Whom::Both => event::Whom::Both,
                },
                from: String::new(),
            },
        }
    }
}

/// A place in a queue.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetPlace {
    /// Skill level there, from 1 (best) to 255.
    #[serde(default = "one_u8")]
    #[schema(minimum = 1, maximum = 255, default = 1)]
    level: u8,
    /// Weight for `weighted-random`, from 1 to 65535.
    #[serde(default = "one_u16")]
    #[schema(minimum = 1, maximum = 65535, default = 1)]
    weight: u16,
}

fn one_u8() -> u8 {
    1
}

fn one_u16() -> u16 {
    1
}

/// Agents: state, since when, and why.
#[utoipa::path(get, path = "/agents", tag = "agents", params(Which), responses((status = 200, body = Page<AgentView>)))]
async fn list(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Params(which): Params<Which>,
) -> Result<Json<Page<AgentView>>, Problem> {
    let (authority, team) = (
        &http.shared.authority,
        team(&http, &caller, which.team.as_deref())?,
    );
    let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
    let serves = |agent: &hotline_wire::snapshot::AgentInfo| {
        let queue = which.queue.as_ref();
        queue.is_none_or(|queue| agent.queues.iter().any(|member| member.queue == *queue))
    };
    let mut agents = Vec::new();
    for (node, view) in &http.shared.state().nodes {
        for agent in view.agents.values().map(|agent| &agent.info) {
            let number = agent.number.as_str();
            let wanted = is(&which.node, node)
                && is(&which.state, agent.state.label())
                && serves(agent)
                && team.is_none_or(|team| team.has_agent(number));
            if wanted && authority.sees_agent(&caller.actor, number) {
                agents.push((format!("{node}{BETWEEN}{number}"), AgentView::of(node, agent)));
            }
        }
    }
    page(agents, which.limit, which.cursor.as_deref()).map(Json)
}

/// An agent.
#[utoipa::path(
    get, path = "/agents/{agent}", tag = "agents", params(("agent" = String, Path, description = "Agent number"), OnNode),
    responses((status = 200, body = AgentView))
)]
async fn one(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Segments(agent): Segments<String>,
    Params(on): Params<OnNode>,
) -> Result<Json<AgentView>, Problem> {
    let node = node_of_agent(&http, &caller, &agent, on.node.as_deref())?;
    let state = http.shared.state();
    let info = state.nodes.get(&node).and_then(|view| view.agents.get(&agent));
    info.map(|info| Json(AgentView::of(&node, &info.info)))
        .ok_or_else(|| {
            Problem::not_found(
                "unknown_agent",
                format!("agent {agent} is gone; GET /api/v1/agents lists them"),
            )
        })
}

/// Why an agent is offered no call.
#[utoipa::path(
    get, path = "/agents/{agent}/why-not", tag = "agents",
    params(("agent" = String, Path, description = "Agent number"), OnNode), responses((status = 200, body = Lines))
)]
async fn why_not(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Segments(agent): Segments<String>,
    Params(on): Params<OnNode>,
) -> Result<Json<Lines>, Problem> {
    let node = node_of_agent(&http, &caller, &agent, on.node.as_deref())?;
    let lines = answers::told(&http, &caller, &node, Command::WhyNot { agent }).await?;
    Ok(Json(Lines { lines }))
}

/// Asks something of an agent.
///
/// 202 says that it takes effect later, as when the present call ends. Who acts on an agent needs a role and a team that may.
#[utoipa::path(
    post, path = "/agents/{agent}/commands", tag = "agents",
    params(("agent" = String, Path, description = "Agent number"), OnNode), request_body = AgentOrder,
    responses((status = 200, body = Answer), (status = 202, description = "Pending", body = Answer))
)]
async fn order(
    State(http): State<Arc<Http>>,
    caller: Caller,
    headers: HeaderMap,
    Segments(agent): Segments<String>,
    Params(on): Params<OnNode>,
    Body(order): Body<AgentOrder>,
) -> Result<Answer, Problem> {
    let node = node_of_agent(&http, &caller, &agent, on.node.as_deref())?;
    answers::command(&http, &caller, &headers, &node, order.command(agent)).await
}

/// Puts an agent into a queue, or gives another place there.
#[utoipa::path(
    put, path = "/agents/{agent}/queues/{queue}", tag = "agents",
    params(("agent" = String, Path, description = "Agent number"), ("queue" = String, Path, description = "Queue name"), OnNode),
    request_body = SetPlace, responses((status = 200, body = Answer))
)]
async fn set_queue(
    State(http): State<Arc<Http>>,
    caller: Caller,
    headers: HeaderMap,
    Segments((agent, queue)): Segments<(String, String)>,
    Params(on): Params<OnNode>,
    Body(SetPlace { level, weight }): Body<SetPlace>,
) -> Result<Answer, Problem> {
    let node = node_of_agent(&http, &caller, &agent, on.node.as_deref())?;
    let place = Some(Place { level, weight });
    let command = Command::SetMembership { agent, queue, place };
    answers::command(&http, &caller, &headers, &node, command).await
}

/// Takes an agent out of a queue.
#[utoipa::path(
    delete, path = "/agents/{agent}/queues/{queue}", tag = "agents",
    params(("agent" = String, Path, description = "Agent number"), ("queue" = String, Path, description = "Queue name"), OnNode),
    responses((status = 200, body = Answer))
)]
async fn leave_queue(
    State(http): State<Arc<Http>>,
    caller: Caller,
    headers: HeaderMap,
    Segments((agent, queue)): Segments<(String, String)>,
    Params(on): Params<OnNode>,
) -> Result<Answer, Problem> {
    let node = node_of_agent(&http, &caller, &agent, on.node.as_deref())?;
    let place = None;
    let command = Command::SetMembership { agent, queue, place };
    answers::command(&http, &caller, &headers, &node, command).await
}

/// Gives an agent a skill.
#[utoipa::path(
    put, path = "/agents/{agent}/skills/{skill}", tag = "agents",
    params(("agent" = String, Path, description = "Agent number"), ("skill" = String, Path, description = "The skill"), OnNode),
    responses((status = 200, body = Answer))
)]
async fn give_skill(
    State(http): State<Arc<Http>>,
    caller: Caller,
    headers: HeaderMap,
    Segments((agent, skill)): Segments<(String, String)>,
    Params(on): Params<OnNode>,
) -> Result<Answer, Problem> {
    let node = node_of_agent(&http, &caller, &agent, on.node.as_deref())?;
    let has = true;
    let command = Command::SetSkill { agent, skill, has };
    answers::command(&http, &caller, &headers, &node, command).await
}

/// Takes a skill from an agent.
#[utoipa::path(
    delete, path = "/agents/{agent}/skills/{skill}", tag = "agents",
    params(("agent" = String, Path, description = "Agent number"), ("skill" = String, Path, description = "The skill"), OnNode),
    responses((status = 200, body = Answer))
)]
async fn take_skill(
    State(http): State<Arc<Http>>,
    caller: Caller,
    headers: HeaderMap,
    Segments((agent, skill)): Segments<(String, String)>,
    Params(on): Params<OnNode>,
) -> Result<Answer, Problem> {
    let node = node_of_agent(&http, &caller, &agent, on.node.as_deref())?;
    let has = false;
    let command = Command::SetSkill { agent, skill, has };
    answers::command(&http, &caller, &headers, &node, command).await
}
