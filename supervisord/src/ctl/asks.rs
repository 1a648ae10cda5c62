//! What can be asked of agents, queues, calls and callbacks, and the questions why.

use hotline_wire::command::{ConsultStep, Destination};
use hotline_wire::event::{Follow, MonitorMode, RecordOrder, Whom};
use hotline_wire::snapshot::Door;

use super::{ALARMS, Client, Failure, MANAGER};
use crate::dbus::ROOT;

const AGENT: &str = "net.hotline.Hotline1.Agent";
const QUEUE: &str = "net.hotline.Hotline1.Queue";

/// What can be asked of an agent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ask {
    /// `ForceBusy`, for so many seconds; 0 until lifted.
    ForceBusy {
        /// Why.
        reason: String,
        /// How long.
        seconds: u64,
    },
    /// `ForceIdle`
    ForceIdle,
    /// `ForceSignOut`
    ForceSignOut {
        /// Why.
        reason: String,
    },
    /// `SetReady`
    Ready,
    /// `SetNotReady`
    NotReady {
        /// Why.
        reason: String,
    },
    /// `SignIn`
    SignIn {
        /// Dial string; empty keeps the agent's own.
        phone: String,
    },
    /// `SignOut`
    SignOut,
    /// `Monitor`
    Monitor {
        /// Supervisor number.
        supervisor: String,
        /// What to do.
        mode: MonitorMode,
        /// Whom to stay with.
        follow: Follow,
    },
    /// `StopMonitor`
    StopMonitor {
        /// Supervisor number.
        supervisor: String,
    },
    /// `Disconnect`
    Disconnect {
        /// Who is hung up.
        whom: Whom,
    },
    /// `Hold`
    Hold,
    /// `Retrieve`
    Retrieve,
    /// `SetMuted`
    Muted {
        /// Whether the caller is to hear nothing of the agent.
        muted: bool,
    },
    /// `Ivr`
    Ivr {
        /// A name of the node's settings, or a place of the dialplan.
        to: String,
        /// After so many seconds the caller is brought back; 0 is as the settings say.
        timeout: u32,
    },
    /// `Survey`
    Survey,
    /// `Record`
    Record {
        /// What is to be done.
        order: RecordOrder,
    },
    /// `Transfer`, or `TransferAs` to a queue
    Transfer {
        /// Where to.
        to: Destination,
        /// Why.
        reason: String,
    },
    /// `Consult`
    Consult {
        /// Whom.
        to: Destination,
    },
    /// `Swap`, `Join`, `HandOver` or `Drop`
    Consultation {
        /// Which.
        step: ConsultStep,
        /// Why, of `HandOver`.
        reason: String,
    },
    /// `ExtendWrapUp`
    ExtendWrapUp {
        /// By how long.
        seconds: u64,
    },
    /// `Dispose`
    Dispose {
        /// Code of a disposition.
        code: String,
        /// In the agent's own words.
        note: String,
    },
    /// `SetQueue`
    Queue {
        /// Queue name.
        queue: String,
        /// Skill level, 1 (best) to 255.
        level: u8,
        /// Chances under `weighted-random`.
        weight: u16,
    },
    /// `LeaveQueue`
    LeaveQueue {
        /// Queue name.
        queue: String,
    },
    /// `SetSkill`
    Skill {
        /// The skill.
        skill: String,
        /// Whether the agent has it from now on.
        has: bool,
    },
}

/// What can be asked of a waiting call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CallAsk {
    /// `Reprioritise`
    Prioritise {
        /// Seconds of waiting time on top of its tier.
        priority: u32,
    },
    /// `MoveCall`
    Move {
        /// Queue name.
        queue: String,
    },
    /// `Withdraw`
    Withdraw {
        /// A place of the dialplan; empty goes on behind `Hotline()`.
        place: String,
    },
}

impl Client {
    /// Asks something of an agent: `done` or `pending`.
    ///
    /// # Errors
    /// If it was refused, or could not be asked.
    pub async fn agent(&self, number: &str, node: Option<&str>, ask: &Ask) -> Result<String, Failure> {
        let path = self.path_of_agent(number, node).await?;
        let call = async |method: &str, text: Option<&str>| match text {
            Some(text) => self.call(&path, AGENT, method, &(text,)).await,
            None => self.call(&path, AGENT, method, &()).await,
        };
        let reply = match ask {
            Ask::ForceBusy { reason, seconds } => {
                self.call(&path, AGENT, "ForceBusy", &(reason.as_str(), *seconds))
                    .await
            }
            Ask::ForceIdle => call("ForceIdle", None).await,
            Ask::ForceSignOut { reason } => call("ForceSignOut", Some(reason)).await,
            Ask::Ready => call("SetReady", None).await,
            Ask::NotReady { reason } => call("SetNotReady", Some(reason)).await,
            Ask::SignIn { phone } => call("SignIn", Some(phone)).await,
            Ask::SignOut => call("SignOut", None).await,
            Ask::Monitor {
                supervisor,
                mode,
                follow,
            } => {
                let wish = (supervisor.as_str(), mode.label(), follow.label());
                self.call(&path, AGENT, "Monitor", &wish).await
            }
            Ask::StopMonitor { supervisor } => call("StopMonitor", Some(supervisor)).await,
            Ask::Disconnect { whom } => call("Disconnect", Some(whom.label())).await,
            Ask::Hold => call("Hold", None).await,
            Ask::Retrieve => call("Retrieve", None).await,
            Ask::Muted { muted } => self.call(&path, AGENT, "SetMuted", &(*muted,)).await,
            Ask::Ivr { to, timeout } => self.call(&path, AGENT, "Ivr", &(to.as_str(), *timeout)).await,
            Ask::Survey => call("Survey", None).await,
            Ask::Record { order } => call("Record", Some(order.label())).await,
            Ask::Transfer { to, reason } => match to {
                Destination::Queue {
                    queue,
                    tier,
                    priority,
                } => {
                    let priority = priority.map_or(-1, i64::from);
                    let wish = (queue.as_str(), tier.as_str(), priority, reason.as_str());
                    self.call(&path, AGENT, "TransferAs", &wish).await
                }
                Destination::Agent { .. } | Destination::Number { .. } | Destination::Place { .. } => {
                    let (kind, target) = to.parts();
                    self.call(&path, AGENT, "Transfer", &(kind, target, reason.as_str()))
                        .await
                }
            },
            Ask::Consult { to } => self.call(&path, AGENT, "Consult", &to.parts()).await,
            Ask::Consultation { step, reason } => match step {
                ConsultStep::Swap => call("Swap", None).await,
                ConsultStep::Join => call("Join", None).await,
                ConsultStep::HandOver => call("HandOver", Some(reason)).await,
                ConsultStep::Drop => call("Drop", None).await,
            },
            Ask::ExtendWrapUp { seconds } => self.call(&path, AGENT, "ExtendWrapUp", &(*seconds,)).await,
            Ask::Dispose { code, note } => {
                self.call(&path, AGENT, "Dispose", &(code.as_str(), note.as_str()))
                    .await
            }
            Ask::Queue { queue, level, weight } => {
                self.call(&path, AGENT, "SetQueue", &(queue.as_str(), *level, *weight))
                    .await
            }
            Ask::LeaveQueue { queue } => call("LeaveQueue", Some(queue)).await,
            Ask::Skill { skill, has } => self.call(&path, AGENT, "SetSkill", &(skill.as_str(), *has)).await,
        };
        reply.map_err(|error| self.failure(error))
    }

    /// Opens or closes a queue: `done`.
    ///
    /// # Errors
    /// If it was refused, or could not be asked.
    pub async fn set_door(&self, queue: &str, node: Option<&str>, door: Door) -> Result<String, Failure> {
        let queues = self.queues().await?.into_iter();
        let named = queues
            .filter(|row| row.name == queue)
            .map(|row| (row.node, row.path));
        let path = the_one("queue", queue, node, named)?;
        let reply = self.call(&path, QUEUE, "SetDoor", &(door.label(),)).await;
        reply.map_err(|error| self.failure(error))
    }

    /// Asks something of a waiting call, by its reference: `done`.
    ///
    /// # Errors
    /// If it was refused, or could not be asked.
    pub async fn waiting_call(&self, reference: &str, ask: &CallAsk) -> Result<String, Failure> {
        let reply = match ask {
            CallAsk::Prioritise { priority } => {
                self.call(ROOT, MANAGER, "Reprioritise", &(reference, *priority))
                    .await
            }
            CallAsk::Move { queue } => {
                self.call(ROOT, MANAGER, "MoveCall", &(reference, queue.as_str()))
                    .await
            }
            CallAsk::Withdraw { place } => {
                self.call(ROOT, MANAGER, "Withdraw", &(reference, place.as_str()))
                    .await
            }
        };
        reply.map_err(|error| self.failure(error))
    }

    /// Forgets a callback, by its reference: `done`.
    ///
    /// # Errors
    /// If it was refused, or could not be asked.
    pub async fn cancel_callback(&self, reference: &str) -> Result<String, Failure> {
        let reply = self.call(ROOT, MANAGER, "CancelCallback", &(reference,)).await;
        reply.map_err(|error| self.failure(error))
    }

    /// Says that whoever runs this takes care of an alarm.
    ///
    /// # Errors
    /// If it is over, or somebody does already, or it could not be asked.
    pub async fn acknowledge(&self, alarm: u64, note: &str) -> Result<(), Failure> {
        let reply = self.call(ROOT, ALARMS, "Acknowledge", &(alarm, note)).await;
        reply.map_err(|error| self.failure(error))
    }

    /// Why a call was offered to whom it was, line by line.
    ///
    /// # Errors
    /// If nothing is known of it, or it could not be asked.
    pub async fn why_call(&self, reference: &str) -> Result<Vec<String>, Failure> {
        let reply = self.call(ROOT, MANAGER, "WhyCall", &(reference,)).await;
        reply.map_err(|error| self.failure(error))
    }

    /// Why an agent is offered no call, line by line.
    ///
    /// # Errors
    /// If there is no such agent, or it could not be asked.
    pub async fn why_not(&self, number: &str, node: Option<&str>) -> Result<Vec<String>, Failure> {
        let path = self.path_of_agent(number, node).await?;
        let reply = self.call(&path, AGENT, "WhyNot", &()).await;
        reply.map_err(|error| self.failure(error))
    }

    /// How long callers can be overtaken under a node's settings, line by line.
    ///
    /// # Errors
    /// If it could not be asked.
    pub async fn fairness(&self, node: Option<&str>) -> Result<Vec<String>, Failure> {
        let node = self.node_named(node).await?;
        let reply = self.call(ROOT, MANAGER, "Fairness", &(node,)).await;
        reply.map_err(|error| self.failure(error))
    }

    /// What lies over a node's settings, line by line.
    ///
    /// # Errors
    /// If it could not be asked.
    pub async fn config_diff(&self, node: Option<&str>) -> Result<Vec<String>, Failure> {
        let node = self.node_named(node).await?;
        let reply = self.call(ROOT, MANAGER, "ConfigDiff", &(node,)).await;
        reply.map_err(|error| self.failure(error))
    }

    /// Has a node write a copy of its settings with that in it, as a new file of that name: where it is.
    ///
    /// # Errors
    /// If it was refused, or could not be asked.
    pub async fn config_save(&self, node: Option<&str>, name: &str) -> Result<Vec<String>, Failure> {
        let node = self.node_named(node).await?;
        let reply = self.call(ROOT, MANAGER, "ConfigSave", &(node, name)).await;
        reply.map_err(|error| self.failure(error))
    }

    /// Has a node forget what its settings have no place for, of that agent or queue; empty for all: what it was.
    ///
    /// # Errors
    /// If there is nothing of the kind, or it could not be asked.
    pub async fn config_forget(&self, node: Option<&str>, about: &str) -> Result<Vec<String>, Failure> {
        let node = self.node_named(node).await?;
        let reply = self.call(ROOT, MANAGER, "ConfigForget", &(node, about)).await;
        reply.map_err(|error| self.failure(error))
    }

    /// The node that is meant: the one named, or the only one.
    pub(super) async fn node_named(&self, node: Option<&str>) -> Result<String, Failure> {
        let nodes = self.nodes().await?;
        match (node, nodes.as_slice()) {
            (Some(node), _) => Ok(node.to_owned()),
            (None, [only]) => Ok(only.name.clone()),
            (None, _) => {
                let nodes: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
                let nodes = nodes.join(", ");
                Err(Failure::Refused(format!(
                    "it is not clear which node is meant: name one of {nodes} with --node"
                )))
            }
        }
    }

    async fn path_of_agent(&self, number: &str, node: Option<&str>) -> Result<String, Failure> {
        let agents = self.agents().await?.into_iter();
        let named = agents
            .filter(|row| row.number == number)
            .map(|row| (row.node, row.path));
        the_one("agent", number, node, named)
    }
}

/// Nodes may have objects of the same name; which one is meant must be clear. `named` are nodes and what each has of the name.
fn the_one(
    kind: &str,
    name: &str,
    node: Option<&str>,
    named: impl Iterator<Item = (String, String)>,
) -> Result<String, Failure> {
    let mut found: Vec<(String, String)> = named.collect();
    found.retain(|(of, _)| node.is_none_or(|node| node == of));
    match found.as_slice() {
        [(_, path)] => Ok(path.clone()),
        [] => {
            let place = node.map_or_else(String::new, |node| format!(" on node {node}"));
            Err(Failure::Refused(format!(
                "no {kind} {name}{place}; `hotlinectl show {kind}s` lists them"
            )))
        }
        several => {
            let nodes: Vec<&str> = several.iter().map(|(node, _)| node.as_str()).collect();
            let nodes = nodes.join(", ");
            Err(Failure::Refused(format!(
                "{kind} {name} is on several nodes: {nodes}; name one with --node"
            )))
        }
    }
}
