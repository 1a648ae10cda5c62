//! The floor as the control socket tells it: a live picture of queues, agents and calls, and the times that the summary
//! wants.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use hotline_testbed::wire::event::TalkState;
use hotline_testbed::wire::frame::EventFrame;
use hotline_testbed::wire::snapshot::{AgentInfo, AgentState, CallInfo, QueueInfo, Snapshot};
use hotline_testbed::wire::{Event, FromClient, FromNode, PROTOCOL, line};

/// Times kept for the percentiles; the demo's first so many calls.
const MAX_TIMES: usize = 1_000_000;

/// What is going on now.
#[derive(Clone, Default)]
pub(super) struct Picture {
    pub(super) at: u64,
    pub(super) queues: Vec<QueueInfo>,
    pub(super) agents: BTreeMap<String, AgentInfo>,
    pub(super) calls: BTreeMap<String, CallInfo>,
    pub(super) answered: BTreeMap<String, u64>,
    pub(super) abandoned: BTreeMap<String, u64>,
}

/// Microseconds, as they came.
#[derive(Clone, Default)]
pub(super) struct Times {
    pub(super) waits: Vec<u64>,
    pub(super) dispatches: Vec<u64>,
    pub(super) to_ringing: Vec<u64>,
}

#[derive(Default)]
struct State {
    picture: Picture,
    times: Times,
    /// When each offer was made that has not rung yet.
    offers: BTreeMap<u64, u64>,
    ended: Option<String>,
}

/// A client of the node that only looks.
pub(super) struct Floor {
    state: Arc<Mutex<State>>,
    stream: UnixStream,
    reader: Option<JoinHandle<()>>,
}

impl Floor {
    pub(super) fn watch(socket: &Path) -> Result<Floor> {
        let mut stream = UnixStream::connect(socket)
            .with_context(|| format!("cannot connect to the node at {}", socket.display()))?;
        let hello = FromClient::Hello {
            protocol: PROTOCOL,
            client: "demo".into(),
            resume: None,
            durable: false,
        };
        line::write(&mut stream, &hello)?;
        let state = Arc::<Mutex<State>>::default();
        let reader = {
            let (state, stream) = (Arc::clone(&state), stream.try_clone()?);
            std::thread::spawn(move || read(stream, &state))
        };
        Ok(Floor {
            state,
            stream,
            reader: Some(reader),
        })
    }

    pub(super) fn picture(&self) -> Picture {
        lock(&self.state).picture.clone()
    }

    pub(super) fn times(&self) -> Times {
        lock(&self.state).times.clone()
    }

    /// Why there is nothing more to see.
    pub(super) fn ended(&self) -> Option<String> {
        lock(&self.state).ended.clone()
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        // The node may have hung up first.
        let _ = self.stream.shutdown(Shutdown::Both);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read(stream: UnixStream, state: &Mutex<State>) {
    let mut from = BufReader::new(stream);
    let mut buffer = Vec::new();
    loop {
        let frame = line::read(&mut from, &mut buffer);
        let mut state = lock(state);
        match frame {
            Ok(Some(FromNode::Snapshot { snapshot })) => state.begin(*snapshot),
            Ok(Some(FromNode::Event(frame))) => state.apply(frame),
            Ok(Some(FromNode::Heartbeat { at, .. })) => state.picture.at = at,
            Ok(Some(
                FromNode::Hello(_)
                | FromNode::Boot { .. }
                | FromNode::End { .. }
                | FromNode::Gap(_)
                | FromNode::Reply { .. },
            )) => {}
            Ok(Some(FromNode::Error { message })) => state.ended = Some(message),
            Ok(None) => state.ended = Some("it hung up".to_owned()),
            Err(error) => state.ended = Some(error.to_string()),
        }
        if state.ended.is_some() {
            return;
        }
    }
}

impl State {
    fn begin(&mut self, snapshot: Snapshot) {
        self.picture.at = snapshot.at;
        self.picture.queues = snapshot.queues;
        self.picture.agents = snapshot
            .agents
            .into_iter()
            .map(|agent| (agent.number.clone(), agent))
            .collect();
        self.picture.calls = snapshot
            .calls
            .into_iter()
            .map(|call| (call.call.clone(), call))
            .collect();
    }

    fn apply(&mut self, frame: EventFrame) {
        let picture = &mut self.picture;
        picture.at = frame.at;
        match frame.event {
            Event::CallJoined {
                call,
                queue,
                tier,
                number,
                position,
                flag,
                attached,
                ..
            } => {
                let (key, joined) = (call.clone(), frame.at);
                let info = CallInfo {
                    call,
                    queue,
                    tier,
                    number,
                    flag,
                    attached,
                    joined,
                    connected: None,
                    agent: None,
                    talk: TalkState::default(),
                    muted: false,
                    recording: None,
                    position,
                    estimate: None,
                };
                picture.calls.insert(key, info);
            }
            Event::CallConnected {
                call,
                agent,
                queue,
                wait,
                ..
            } => {
                if let Some(call) = picture.calls.get_mut(&call) {
                    call.connected = Some(frame.at);
                    call.agent = Some(agent);
                }
                *picture.answered.entry(queue).or_default() += 1;
                keep(&mut self.times.waits, wait);
            }
            Event::CallFinished {
                call, queue, outcome, ..
            } => {
                picture.calls.remove(&call);
                if outcome == hotline_testbed::wire::event::CallOutcome::Abandoned {
                    *picture.abandoned.entry(queue).or_default() += 1;
                }
            }
            Event::OfferMade { offer, dispatch, .. } => {
                keep(&mut self.times.dispatches, dispatch);
                self.offers.insert(offer, frame.at);
            }
            Event::OfferRinging { offer } => {
                if let Some(made) = self.offers.remove(&offer) {
                    keep(&mut self.times.to_ringing, frame.at.saturating_sub(made));
                }
            }
            Event::OfferEnded { offer, .. } => {
                self.offers.remove(&offer);
            }
            Event::AgentChanged { agent, .. } => {
                let agent = std::sync::Arc::unwrap_or_clone(agent);
                picture.agents.insert(agent.number.clone(), agent);
            }
            Event::ConfigApplied { queues, agents, .. } => {
                picture.queues = queues;
                picture.agents = agents
                    .into_iter()
                    .map(|agent| (agent.number.clone(), agent))
                    .collect();
            }
            Event::TalkChanged { call, to, .. } => {
                if let Some(call) = picture.calls.get_mut(&call) {
                    call.talk = to;
                }
            }
            Event::MuteChanged { call, muted, .. } => {
                if let Some(call) = picture.calls.get_mut(&call) {
                    call.muted = muted;
                }
            }
            Event::QueueChanged { queue } => {
                if let Some(known) = picture.queues.iter_mut().find(|known| known.name == queue.name) {
                    *known = queue;
                }
            }
            Event::CallRefused { .. }
            | Event::CallScreened { .. }
            | Event::BlacklistChanged { .. }
            | Event::BlacklistReplaced { .. }
            | Event::RuleApplied { .. }
            | Event::KeyPressed { .. }
            | Event::CallReprioritised { .. }
            | Event::CallbackPlaced { .. }
            | Event::CallbackRestored { .. }
            | Event::CallbackDialled { .. }
            | Event::CallbackMissed { .. }
            | Event::CallbackEnded { .. }
            | Event::SupervisorChanged { .. }
            | Event::MonitorStarted { .. }
            | Event::MonitorChanged { .. }
            | Event::MonitorEnded { .. }
            | Event::TalkCut { .. }
            | Event::ConsultChanged { .. }
            | Event::CallTransferred { .. }
            | Event::DispositionSet { .. }
            | Event::IvrStarted { .. }
            | Event::IvrEnded { .. }
            | Event::SurveyOffered { .. }
            | Event::SurveyAnswered { .. }
            | Event::SurveyUnanswered { .. }
            | Event::LimitReached { .. }
            | Event::LimitCleared { .. }
            | Event::Retrieve { .. }
            | Event::CommandAnswered { .. }
            | Event::RecordingStarted { .. }
            | Event::RecordingPaused { .. }
            | Event::RecordingResumed { .. }
            | Event::RecordingFinished { .. }
            | Event::RecordingFailed { .. }
            | Event::Fault { .. } => {}
        }
    }
}

fn keep(times: &mut Vec<u64>, time: u64) {
    if times.len() < MAX_TIMES {
        times.push(time);
    }
}

impl Picture {
    /// Waiting callers of a queue, longest first.
    pub(super) fn waiting(&self, queue: &str) -> Vec<&CallInfo> {
        let mut waiting: Vec<_> = self
            .calls
            .values()
            .filter(|call| call.queue == queue && call.connected.is_none())
            .collect();
        waiting.sort_by_key(|call| call.joined);
        waiting
    }

    /// Agents of a queue in one of these states.
    pub(super) fn agents_in(&self, queue: &str, states: &[AgentState]) -> usize {
        let serves = |agent: &&AgentInfo| agent.queues.iter().any(|place| place.queue == queue);
        self.agents
            .values()
            .filter(serves)
            .filter(|agent| states.contains(&agent.state))
            .count()
    }
}
