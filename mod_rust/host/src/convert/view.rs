//! The live state.

use hotline_engine::config::{Disposition, Door, Strategy};
use hotline_engine::event::{AgentState, AgentView, MonitorView, NextState, QueueView, SupervisorView};
use hotline_engine::input::{Attached, PhoneState};
use hotline_engine::view::{CallView, CallbackView};
use hotline_engine::{Time, View};
use hotline_wire as wire;
use hotline_wire::snapshot as info;

use super::{Vocabulary, estimate, follow, mode, talk_state};

impl Vocabulary {
    /// The live state as the wire has it.
    pub(crate) fn snapshot(&self, seq: u64, at: Time, view: View) -> wire::Snapshot {
        let agents = view.agents.into_iter();
        let calls = view.calls.into_iter();
        let callbacks = view.callbacks.into_iter();
        wire::Snapshot {
            seq,
            at: at.0,
            tiers: view.tiers,
            dispositions: view.dispositions.iter().map(disposition).collect(),
            queues: view.queues.into_iter().map(queue_info).collect(),
            agents: agents.map(|agent| self.agent_info(agent)).collect(),
            calls: calls.map(|call| self.call_info(call)).collect(),
            callbacks: callbacks.map(|callback| self.callback_info(callback)).collect(),
            blacklist: None,
            supervisors: view.supervisors.into_iter().map(supervisor_info).collect(),
            monitors: view
                .monitors
                .into_iter()
                .map(|monitor| self.monitor_info(monitor))
                .collect(),
        }
    }

    pub(super) fn agent_info(&self, view: AgentView) -> info::AgentInfo {
        let members = view.card.queues.iter().map(|member| info::MemberInfo {
            queue: self.queue(member.queue),
            level: member.level,
        });
        info::AgentInfo {
            number: view.card.number.to_string(),
            name: view.card.name.clone(),
            phone: view.phone.to_string(),
            queues: members.collect(),
            skills: view.card.skills.iter().map(ToString::to_string).collect(),
            state: state(view.state),
            since: view.since.0,
            reason: view.reason,
            forced: view.forced.map(|forced| info::ForcedInfo {
                reason: forced.reason,
                until: forced.until.map(|until| until.0),
                author: forced.author,
            }),
            next: view.next.map(|next| match next {
                NextState::NotReady { .. } => info::AgentState::NotReady,
                NextState::SignedOut { .. } => info::AgentState::SignedOut,
                NextState::Ready => info::AgentState::Ready,
            }),
            phone_state: match view.phone_state {
                PhoneState::Available => info::PhoneState::Available,
                PhoneState::Busy => info::PhoneState::Busy,
                PhoneState::Unreachable => info::PhoneState::Unreachable,
            },
            owes_disposition: view.owes_disposition,
            call: view.call.map(|call| self.call(call)),
        }
    }

    fn call_info(&self, view: CallView) -> info::CallInfo {
        info::CallInfo {
            call: self.call(view.call),
            queue: self.queue(view.queue),
            tier: self.tier(view.tier),
            number: view.number,
            flag: view.flag,
            attached: attached(view.attached),
            joined: view.joined.0,
            connected: view.connected.map(|at| at.0),
            agent: view.agent.map(|agent| self.agent(agent)),
            talk: talk_state(view.talk),
            muted: view.muted,
            recording: view.recording.map(|view| info::RecordingInfo {
                recording: view.recording.0,
                paused: view.paused,
            }),
            position: view.position,
            estimate: view.estimate.map(estimate),
        }
    }

    fn callback_info(&self, view: CallbackView) -> info::CallbackInfo {
        info::CallbackInfo {
            callback: self.call(view.callback),
            queue: self.queue(view.queue),
            tier: self.tier(view.tier),
            number: view.number,
            placed: view.placed.0,
            attempts: view.attempts,
            dialling: view.dialling,
            position: view.position,
            restored: view.restored,
        }
    }
}

impl Vocabulary {
    pub(super) fn monitor_info(&self, view: MonitorView) -> info::MonitorInfo {
        let (supervisor, name) = self.supervisor(view.supervisor);
        info::MonitorInfo {
            monitor: view.monitor.0,
            supervisor,
            name,
            agent: self.agent(view.agent),
            call: view.call.map(|call| self.call(call)),
            mode: mode(view.mode),
            follow: follow(view.follow),
            since: view.since.map(|since| since.0),
        }
    }
}

pub(super) fn supervisor_info(view: SupervisorView) -> info::SupervisorInfo {
    info::SupervisorInfo {
        number: view.number.to_string(),
        name: view.name.to_string(),
        phone: view.phone.to_string(),
    }
}

pub(super) fn attached(attached: Attached) -> info::Attached {
    info::Attached {
        data: attached.data.into_iter().collect(),
        path: attached.path,
    }
}

pub(super) fn disposition(known: &Disposition) -> info::DispositionInfo {
    let known = known.clone();
    info::DispositionInfo {
        code: known.code,
        zh: known.zh,
        en: known.en,
        complaint: known.complaint,
        resolved: known.resolved,
        follow_up: known.follow_up,
        queues: known.queues,
    }
}

pub(super) fn queue_info(view: QueueView) -> info::QueueInfo {
    info::QueueInfo {
        name: view.name,
        strategy: strategy(view.strategy).to_owned(),
        service_target: view.service_target.0,
        max_waiting: view.max_waiting,
        door: door(view.door),
    }
}

/// As the settings name it.
fn strategy(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::LongestIdle => "longest-idle",
        Strategy::RingAll => "ring-all",
        Strategy::RoundRobin => "round-robin",
        Strategy::FewestCalls => "fewest-calls",
        Strategy::LeastTalkTime => "least-talk-time",
        Strategy::Random => "random",
        Strategy::Linear => "linear",
        Strategy::WeightedRandom => "weighted-random",
        Strategy::SkillLevel => "skill-level",
    }
}

pub(super) fn door(door: Door) -> info::Door {
    match door {
        Door::Open => info::Door::Open,
        Door::Closed => info::Door::Closed,
        Door::Emergency => info::Door::Emergency,
    }
}

pub(super) fn state(state: AgentState) -> info::AgentState {
    match state {
        AgentState::SignedOut => info::AgentState::SignedOut,
        AgentState::Ready => info::AgentState::Ready,
        AgentState::NotReady => info::AgentState::NotReady,
        AgentState::ForcedBusy => info::AgentState::ForcedBusy,
        AgentState::Unavailable => info::AgentState::Unavailable,
        AgentState::Offered => info::AgentState::Offered,
        AgentState::OnCall => info::AgentState::OnCall,
        AgentState::OnHold => info::AgentState::OnHold,
        AgentState::Consulting => info::AgentState::Consulting,
        AgentState::Conferencing => info::AgentState::Conferencing,
        AgentState::Reserved => info::AgentState::Reserved,
        AgentState::WrapUp => info::AgentState::WrapUp,
    }
}
