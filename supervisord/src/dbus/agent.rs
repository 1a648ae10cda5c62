//! Agents on the bus.

use std::sync::Arc;

use hotline_wire::Command;
use hotline_wire::command::{ConsultStep, Destination, Place, ToIvr};
use hotline_wire::event::{Follow, MonitorMode, RecordOrder, Whom};
use zbus::message::Header;
use zbus::{Connection, fdo, interface};

use super::asking::{self, named, text};
use super::error::CallError;
use super::sight::Seen;
use super::views::AgentView;
use crate::authority::{Actor, Authority};
use crate::shared::Shared;

/// `net.hotline.Hotline1.Agent`
pub(super) struct AgentObject {
    pub(super) shared: Arc<Shared>,
    pub(super) node: String,
    pub(super) number: String,
}

impl Seen for AgentObject {
    fn is_seen(&self, authority: &Authority, actor: &Actor) -> bool {
        authority.sees_agent(actor, &self.number)
    }
}

impl AgentObject {
    fn view(&self) -> fdo::Result<AgentView> {
        AgentView::of(&self.shared.state(), &self.node, &self.number)
            .ok_or_else(|| fdo::Error::UnknownObject(format!("agent {} is gone", self.number)))
    }

    /// Asks the node in the name of the sender.
    async fn ask(
        &self,
        connection: &Connection,
        header: &Header<'_>,
        command: Command,
    ) -> Result<String, CallError> {
        asking::done(&self.shared, &self.node, connection, header, command).await
    }

    async fn send(
        &self,
        to: Destination,
        reason: String,
        connection: &Connection,
        header: &Header<'_>,
    ) -> Result<String, CallError> {
        let agent = self.number.clone();
        let reason = text("reason", reason)?;
        let command = Command::Transfer { agent, to, reason };
        self.ask(connection, header, command).await
    }

    async fn step(
        &self,
        step: ConsultStep,
        reason: String,
        connection: &Connection,
        header: &Header<'_>,
    ) -> Result<String, CallError> {
        let agent = self.number.clone();
        let reason = text("reason", reason)?;
        let command = Command::Consultation { agent, step, reason };
        self.ask(connection, header, command).await
    }

    async fn set_place(
        &self,
        queue: String,
        place: Option<Place>,
        connection: &Connection,
        header: &Header<'_>,
    ) -> Result<String, CallError> {
        let agent = self.number.clone();
        let queue = text("queue", queue)?;
        let command = Command::SetMembership { agent, queue, place };
        self.ask(connection, header, command).await
    }
}

/// An agent. Each method gives the node's answer: `done`, or `pending` if it takes effect after the present call. A
/// refusal is an error net.hotline.Hotline1.Error.Refused.REASON. Times are microseconds since the Unix epoch.
#[interface(name = "net.hotline.Hotline1.Agent")]
impl AgentObject {
    /// Locks the agent: no calls for so many seconds, or until lifted if 0.
    #[zbus(out_args("outcome"))]
    async fn force_busy(
        &self,
        reason: String,
        seconds: u64,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let reason = text("reason", reason)?;
        let command = Command::ForceBusy {
            agent: self.number.clone(),
            reason,
            seconds,
        };
        self.ask(connection, &header, command).await
    }

    /// Lifts a lock, ends after-call work and not-ready.
    #[zbus(out_args("outcome"))]
    async fn force_idle(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        self.ask(
            connection,
            &header,
            Command::ForceIdle {
                agent: self.number.clone(),
            },
        )
        .await
    }

    /// Signs the agent out.
    #[zbus(out_args("outcome"))]
    async fn force_sign_out(
        &self,
        reason: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let reason = text("reason", reason)?;
        self.ask(
            connection,
            &header,
            Command::ForceSignOut {
                agent: self.number.clone(),
                reason,
            },
        )
        .await
    }

    /// Ready for calls.
    #[zbus(out_args("outcome"))]
    async fn set_ready(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        self.ask(
            connection,
            &header,
            Command::SetReady {
                agent: self.number.clone(),
            },
        )
        .await
    }

    /// Not ready for calls.
    #[zbus(out_args("outcome"))]
    async fn set_not_ready(
        &self,
        reason: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let reason = text("reason", reason)?;
        self.ask(
            connection,
            &header,
            Command::SetNotReady {
                agent: self.number.clone(),
                reason,
            },
        )
        .await
    }

    /// Signs the agent in on a phone (a dial string); an empty one keeps the agent's own.
    #[zbus(out_args("outcome"))]
    async fn sign_in(
        &self,
        phone: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let phone = text("phone", phone)?;
        self.ask(
            connection,
            &header,
            Command::SignIn {
                agent: self.number.clone(),
                phone,
            },
        )
        .await
    }

    /// Signs the agent out, as the agent would.
    #[zbus(out_args("outcome"))]
    async fn sign_out(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        self.ask(
            connection,
            &header,
            Command::SignOut {
                agent: self.number.clone(),
            },
        )
        .await
    }

    /// Lets a supervisor who is signed in listen to the agent, by a call to the supervisor's own phone; or switches how, for one
    /// who listens already. Modes: listen, whisper, barge, take_over. Follows: agent, call.
    #[zbus(out_args("outcome"))]
    async fn monitor(
        &self,
        supervisor: String,
        mode: String,
        follow: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let command = Command::Monitor {
            supervisor: text("supervisor", supervisor)?,
            from: String::new(),
            agent: self.number.clone(),
            mode: named("mode", &mode, MonitorMode::ALL, MonitorMode::label)?,
            follow: named("follow", &follow, Follow::ALL, Follow::label)?,
        };
        self.ask(connection, &header, command).await
    }

    /// Ends a supervisor's listening, to whomever.
    #[zbus(out_args("outcome"))]
    async fn stop_monitor(
        &self,
        supervisor: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let supervisor = text("supervisor", supervisor)?;
        self.ask(connection, &header, Command::StopMonitor { supervisor })
            .await
    }

    /// Ends the agent's conversation: hangs up the caller, the agent, or both. A caller who is not hung up goes on in the
    /// dialplan.
    #[zbus(out_args("outcome"))]
    async fn disconnect(
        &self,
        whom: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let command = Command::Disconnect {
            agent: self.number.clone(),
            whom: named("whom", &whom, Whom::ALL, Whom::label)?,
            from: String::new(),
        };
        self.ask(connection, &header, command).await
    }

    /// Puts the agent's caller on hold with music; the agent's phone keeps its line.
    #[zbus(out_args("outcome"))]
    async fn hold(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let agent = self.number.clone();
        self.ask(connection, &header, Command::Hold { agent }).await
    }

    /// Ends a hold by Hold.
    #[zbus(out_args("outcome"))]
    async fn retrieve(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let agent = self.number.clone();
        self.ask(connection, &header, Command::Retrieve { agent }).await
    }

    /// Lets the caller hear nothing of the agent, or hear the agent again.
    #[zbus(out_args("outcome"))]
    async fn set_muted(
        &self,
        muted: bool,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let agent = self.number.clone();
        let command = if muted {
            Command::Mute { agent }
        } else {
            Command::Unmute { agent }
        };
        self.ask(connection, &header, command).await
    }

    /// Records the agent's conversation, or does that no more, or for a while. Order: start, stop, pause, resume.
    #[zbus(out_args("outcome"))]
    async fn record(
        &self,
        order: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let order = named("order", &order, RecordOrder::ALL, RecordOrder::label)?;
        let agent = self.number.clone();
        self.ask(connection, &header, Command::Record { agent, order })
            .await
    }

    /// Sends the agent's caller on, for a reason that may be empty. To: queue, agent, number, place; target: which of that kind.
    #[zbus(out_args("outcome"))]
    async fn transfer(
        &self,
        to: String,
        target: String,
        reason: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let to = whither(&to, target)?;
        self.send(to, reason, connection, &header).await
    }

    /// Sends the agent's caller into the dialplan, from where the caller comes back with a result: to one of [[ivr]] in the node's
    /// settings, or to a place such as verify,s,1. After so many seconds the caller is brought back; 0 is as the settings say.
    #[zbus(out_args("outcome"))]
    async fn ivr(
        &self,
        to: String,
        timeout_seconds: u32,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let command = Command::Ivr {
            agent: self.number.clone(),
            to: ToIvr::of(&text("to", to)?),
            timeout_seconds: (timeout_seconds > 0).then_some(timeout_seconds),
        };
        self.ask(connection, &header, command).await
    }

    /// Ends the agent's part, and has the caller asked what it was like.
    #[zbus(out_args("outcome"))]
    async fn survey(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let agent = self.number.clone();
        self.ask(connection, &header, Command::Survey { agent }).await
    }

    /// Lets the agent talk with somebody while the caller hears music; done once that one has answered. To: queue, agent, number;
    /// target: which of that kind.
    #[zbus(out_args("outcome"))]
    async fn consult(
        &self,
        to: String,
        target: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let command = Command::Consult {
            agent: self.number.clone(),
            to: whither(&to, target)?,
        };
        self.ask(connection, &header, command).await
    }

    /// Talks with the other of caller and consulted, while the one waits.
    #[zbus(out_args("outcome"))]
    async fn swap(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        self.step(ConsultStep::Swap, String::new(), connection, &header)
            .await
    }

    /// Lets caller, agent and consulted all hear each other.
    #[zbus(out_args("outcome"))]
    async fn join(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        self.step(ConsultStep::Join, String::new(), connection, &header)
            .await
    }

    /// Leaves the caller to the consulted, for a reason that may be empty.
    #[zbus(out_args("outcome"))]
    async fn hand_over(
        &self,
        reason: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        self.step(ConsultStep::HandOver, reason, connection, &header)
            .await
    }

    /// Lets the consulted go; the agent is back with the caller.
    #[zbus(out_args("outcome"))]
    async fn drop(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        self.step(ConsultStep::Drop, String::new(), connection, &header)
            .await
    }

    /// Sends the agent's caller into a queue, as another tier unless that is empty, and worth so many seconds of waiting time on top
    /// of it, unless that is negative.
    #[zbus(out_args("outcome"))]
    async fn transfer_as(
        &self,
        queue: String,
        tier: String,
        priority: i64,
        reason: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let priority = if priority < 0 {
            None
        } else {
            let most = u32::MAX;
            let fits = u32::try_from(priority);
            Some(fits.map_err(|_| CallError::invalid(format!("a priority is {most} at most")))?)
        };
        let to = Destination::Queue {
            queue: text("queue", queue)?,
            tier: text("tier", tier)?,
            priority,
        };
        self.send(to, reason, connection, &header).await
    }

    /// Makes after-call work longer by so many seconds, up to what its queue allows.
    #[zbus(out_args("outcome"))]
    async fn extend_wrap_up(
        &self,
        seconds: u64,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let agent = self.number.clone();
        let command = Command::ExtendWrapUp { agent, seconds };
        self.ask(connection, &header, command).await
    }

    /// Says what the call was about that the agent talks in or works after: the code of a disposition of its queue, and a note that may
    /// be empty.
    #[zbus(out_args("outcome"))]
    async fn dispose(
        &self,
        code: String,
        note: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let command = Command::Dispose {
            agent: self.number.clone(),
            code: text("code", code)?,
            note: text("note", note)?,
        };
        self.ask(connection, &header, command).await
    }

    /// Puts the agent into a queue, or gives another place there: a level from 1 (best) to
    /// 255, and a weight from 1 to 65535.
    #[zbus(out_args("outcome"))]
    async fn set_queue(
        &self,
        queue: String,
        level: u8,
        weight: u16,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let place = Some(Place { level, weight });
        self.set_place(queue, place, connection, &header).await
    }

    /// Takes the agent out of a queue.
    #[zbus(out_args("outcome"))]
    async fn leave_queue(
        &self,
        queue: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        self.set_place(queue, None, connection, &header).await
    }

    /// Gives the agent a skill, or takes it.
    #[zbus(out_args("outcome"))]
    async fn set_skill(
        &self,
        skill: String,
        has: bool,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let agent = self.number.clone();
        let skill = text("skill", skill)?;
        let command = Command::SetSkill { agent, skill, has };
        self.ask(connection, &header, command).await
    }

    /// Why the agent is offered no call, line by line.
    #[zbus(out_args("lines"))]
    async fn why_not(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<String>, CallError> {
        let agent = self.number.clone();
        let command = Command::WhyNot { agent };
        asking::told(&self.shared, &self.node, connection, &header, command).await
    }

    /// Agent number.
    #[zbus(property)]
    fn number(&self) -> fdo::Result<String> {
        Ok(self.view()?.number)
    }

    /// Display name.
    #[zbus(property)]
    fn name(&self) -> fdo::Result<String> {
        Ok(self.view()?.name)
    }

    /// The node the agent is on.
    #[zbus(property)]
    fn node(&self) -> fdo::Result<String> {
        Ok(self.view()?.node)
    }

    /// Dial string in use; empty while none is bound.
    #[zbus(property)]
    fn phone(&self) -> fdo::Result<String> {
        Ok(self.view()?.phone)
    }

    /// The phone apart from our calls: available, busy, unreachable.
    #[zbus(property)]
    fn phone_state(&self) -> fdo::Result<String> {
        Ok(self.view()?.phone_state)
    }

    /// signed_out, ready, not_ready, forced_busy, unavailable, offered, on_call, on_hold, consulting, conferencing,
    /// reserved or wrap_up.
    #[zbus(property)]
    fn state(&self) -> fdo::Result<String> {
        Ok(self.view()?.state)
    }

    /// When that state began.
    #[zbus(property)]
    fn since(&self) -> fdo::Result<u64> {
        Ok(self.view()?.since)
    }

    /// Why not ready, unavailable or forced; empty otherwise.
    #[zbus(property)]
    fn reason(&self) -> fdo::Result<String> {
        Ok(self.view()?.reason)
    }

    /// Whether a supervisor's lock is on, also while a call goes on beneath it.
    #[zbus(property)]
    fn forced(&self) -> fdo::Result<bool> {
        Ok(self.view()?.forced)
    }

    /// Why; empty without a lock.
    #[zbus(property)]
    fn forced_reason(&self) -> fdo::Result<String> {
        Ok(self.view()?.forced_reason)
    }

    /// When the lock expires; 0 without a lock, or until lifted.
    #[zbus(property)]
    fn forced_until(&self) -> fdo::Result<u64> {
        Ok(self.view()?.forced_until)
    }

    /// Who locked; empty without a lock.
    #[zbus(property)]
    fn forced_by(&self) -> fdo::Result<String> {
        Ok(self.view()?.forced_by)
    }

    /// The state asked for after the present call; empty if none.
    #[zbus(property)]
    fn next_state(&self) -> fdo::Result<String> {
        Ok(self.view()?.next_state)
    }

    /// Whether after-call work goes on until the agent has said what the call was about.
    #[zbus(property)]
    fn owes_disposition(&self) -> fdo::Result<bool> {
        Ok(self.view()?.owes_disposition)
    }

    /// Reference of the call offered or talked; empty if none.
    #[zbus(property)]
    fn call(&self) -> fdo::Result<String> {
        Ok(self.view()?.call)
    }

    /// Names of the queues served.
    #[zbus(property)]
    fn queues(&self) -> fdo::Result<Vec<String>> {
        Ok(self.view()?.queues)
    }

    /// Skill levels in those queues, in their order.
    #[zbus(property)]
    fn levels(&self) -> fdo::Result<Vec<u8>> {
        Ok(self.view()?.levels)
    }

    /// Skills.
    #[zbus(property)]
    fn skills(&self) -> fdo::Result<Vec<String>> {
        Ok(self.view()?.skills)
    }
}

/// Where to, of that kind.
fn whither(kind: &str, target: String) -> Result<Destination, CallError> {
    let target = text("target", target)?;
    Ok(match kind {
        "queue" => Destination::Queue {
            queue: target,
            tier: String::new(),
            priority: None,
        },
        "agent" => Destination::Agent { agent: target },
        "number" => Destination::Number { number: target },
        "place" => Destination::Place { place: target },
        _ => {
            return Err(CallError::invalid(format!(
                "to must be one of queue, agent, number, place, not {kind:?}"
            )));
        }
    })
}
