//! Calls and callbacks of a node: what lives, and what is counted of it.
//!
//! A call that goes from queue to queue finishes its visit to one and joins the next; each visit is counted in its queue.

use hotline_wire::Event;
use hotline_wire::event::{CallOutcome, Estimate, RecordingFailure, TalkState};
use hotline_wire::snapshot::{Attached, CallInfo, CallbackInfo, RecordingInfo};

use super::histogram;
use super::node::Node;

impl Node {
    fn recording_over(&mut self, call: &str, recording: u64) {
        if let Some(info) = self.calls.get_mut(call) {
            info.recording.take_if(|known| known.recording == recording);
        }
    }

    fn recording_paused(&mut self, call: &str, recording: u64, paused: bool) {
        let info = self.calls.get_mut(call).and_then(|info| info.recording.as_mut());
        if let Some(info) = info.filter(|info| info.recording == recording) {
            info.paused = paused;
        }
    }

    /// Applies an event of a call or a callback. Returns the queue whose figures it changed.
    pub(super) fn call_event<'e>(&mut self, at: u64, event: &'e Event) -> Option<&'e str> {
        match event {
            Event::CallJoined {
                call,
                queue,
                tier,
                number,
                position,
                predicted,
                flag,
                attached,
                ..
            } => {
                // A node tells of a visit once. Should it not, what is counted must still add up.
                if let Some(known) = self.calls.remove(call) {
                    self.count_call(&known, false);
                    self.lose(&known);
                }
                self.counts.tier(queue, tier).offered += 1;
                if *position > 0 {
                    self.predicted(queue, *predicted);
                }
                self.enter(CallInfo {
                    flag: flag.clone(),
                    attached: attached.clone(),
                    ..waiting(call, queue, tier, number, at)
                });
                Some(queue)
            }
            Event::CallConnected {
                call,
                agent,
                queue,
                tier,
                wait,
            } => {
                self.answered(queue, tier, *wait);
                let known = self.leave(call, queue, tier);
                let joined = at.saturating_sub(*wait);
                let mut info = known.unwrap_or_else(|| waiting(call, queue, tier, "", joined));
                info.connected = Some(at);
                info.agent = Some(agent.clone());
                self.enter(info);
                if let Some(agent) = self.agents.get_mut(agent) {
                    agent.last_queue = Some(queue.clone());
                }
                Some(queue)
            }
            Event::TalkChanged { call, to, .. } => {
                if let Some(info) = self.calls.get_mut(call) {
                    info.talk = *to;
                }
                None
            }
            Event::MuteChanged { call, muted, .. } => {
                if let Some(info) = self.calls.get_mut(call) {
                    info.muted = *muted;
                }
                None
            }
            Event::RecordingStarted { call, recording, .. } => {
                if let Some(info) = self.calls.get_mut(call) {
                    info.recording = Some(RecordingInfo {
                        recording: *recording,
                        paused: false,
                    });
                }
                None
            }
            Event::RecordingPaused { call, recording, .. } => {
                self.recording_paused(call, *recording, true);
                None
            }
            Event::RecordingResumed { call, recording, .. } => {
                self.recording_paused(call, *recording, false);
                None
            }
            Event::RecordingFinished {
                call,
                recording,
                queue,
                ..
            } => {
                self.recording_over(call, *recording);
                self.counts.queue(queue).recording(RecordingFailure::FINISHED);
                Some(queue)
            }
            Event::RecordingFailed {
                call,
                recording,
                queue,
                reason,
                ..
            } => {
                self.recording_over(call, *recording);
                self.counts.queue(queue).recording(reason.label());
                Some(queue)
            }
            Event::KeyPressed { call, .. } => {
                self.pressed = Some((call.clone(), at));
                None
            }
            Event::CallFinished {
                call,
                queue,
                tier,
                outcome,
                wait,
                talk,
                hold,
                to,
                ..
            } => {
                let known = self.leave(call, queue, tier);
                if *outcome == CallOutcome::Answered && known.is_none_or(|known| known.connected.is_none()) {
                    // It was connected in a gap.
                    self.answered(queue, tier, *wait);
                }
                self.finished(queue, tier, *outcome, *wait);
                if *outcome == CallOutcome::Answered {
                    let counts = self.counts.queue(queue);
                    counts.talk.observe(histogram::TALK, *talk);
                    if *hold > 0 {
                        counts.hold.observe(histogram::HOLD, *hold);
                    }
                }
                let chosen = self
                    .pressed
                    .as_ref()
                    .is_some_and(|(who, when)| who == call && *when == at);
                if is_diverted(*outcome, chosen) {
                    self.counts.tier(queue, tier).diverted(to);
                }
                Some(queue)
            }
            Event::CallbackPlaced {
                callback,
                queue,
                tier,
                number,
                ..
            } => {
                self.counts.tier(queue, tier).callbacks_placed += 1;
                let info = CallbackInfo {
                    callback: callback.clone(),
                    queue: queue.clone(),
                    tier: tier.clone(),
                    number: number.clone(),
                    placed: at,
                    attempts: 0,
                    dialling: false,
                    position: 0,
                    restored: false,
                };
                self.owe(info);
                Some(queue)
            }
            Event::CallbackRestored {
                callback,
                queue,
                tier,
                number,
                placed,
                attempts,
                ..
            } => {
                self.counts.tier(queue, tier).callbacks_restored += 1;
                let info = CallbackInfo {
                    callback: callback.clone(),
                    queue: queue.clone(),
                    tier: tier.clone(),
                    number: number.clone(),
                    placed: *placed,
                    attempts: *attempts,
                    dialling: false,
                    position: 0,
                    restored: true,
                };
                self.owe(info);
                Some(queue)
            }
            Event::CallbackDialled {
                callback, attempt, ..
            } => {
                if let Some(info) = self.callbacks.get_mut(callback) {
                    (info.attempts, info.dialling) = (*attempt, true);
                }
                None
            }
            Event::CallbackMissed { callback, .. } => {
                if let Some(info) = self.callbacks.get_mut(callback) {
                    info.dialling = false;
                }
                None
            }
            Event::CallbackEnded {
                callback,
                queue,
                tier,
                outcome,
                ..
            } => {
                if self.callbacks.remove(callback).is_none() {
                    // It was placed in a gap.
                    self.counts.tier(queue, tier).callbacks_placed += 1;
                } else if let Some(queue) = self.queues.get_mut(queue) {
                    queue.owed = queue.owed.saturating_sub(1);
                }
                let counts = self.counts.tier(queue, tier);
                *counts.callbacks_ended.entry(*outcome).or_default() += 1;
                Some(queue)
            }
            Event::CallReprioritised { .. }
            | Event::RuleApplied { .. }
            | Event::CallRefused { .. }
            | Event::CallScreened { .. }
            | Event::BlacklistChanged { .. }
            | Event::BlacklistReplaced { .. }
            | Event::OfferMade { .. }
            | Event::OfferRinging { .. }
            | Event::OfferEnded { .. }
            | Event::LimitReached { .. }
            | Event::LimitCleared { .. }
            | Event::Retrieve { .. }
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
            | Event::QueueChanged { .. }
            | Event::AgentChanged { .. }
            | Event::CommandAnswered { .. }
            | Event::ConfigApplied { .. }
            | Event::Fault { .. } => None,
        }
    }

    /// Calls there are now, after a gap: those that came, were connected, moved on or vanished unseen are counted.
    pub(super) fn replace_calls(&mut self, calls: &[CallInfo]) {
        let mut before = std::mem::take(&mut self.calls);
        for call in calls {
            if self.calls.contains_key(&call.call) {
                continue;
            }
            // In another queue it is another visit; the end of the one before was not seen.
            let known = match before.remove(&call.call) {
                Some(known) if known.queue != call.queue => {
                    self.lose(&known);
                    None
                }
                known => known,
            };
            if known.is_none() {
                self.counts.tier(&call.queue, &call.tier).offered += 1;
            }
            if let Some(connected) = call.connected
                && known.is_none_or(|known| known.connected.is_none())
            {
                self.answered(&call.queue, &call.tier, connected.saturating_sub(call.joined));
            }
            let info = CallInfo {
                position: 0,
                estimate: None,
                ..call.clone()
            };
            self.calls.insert(call.call.clone(), info);
        }
        for call in before.into_values() {
            self.lose(&call);
        }
    }

    /// Callbacks there are now, after a gap.
    pub(super) fn replace_callbacks(&mut self, callbacks: &[CallbackInfo]) {
        let mut before = std::mem::take(&mut self.callbacks);
        for callback in callbacks {
            if before.remove(&callback.callback).is_none() && !self.callbacks.contains_key(&callback.callback)
            {
                let counts = self.counts.tier(&callback.queue, &callback.tier);
                if callback.restored {
                    counts.callbacks_restored += 1;
                } else {
                    counts.callbacks_placed += 1;
                }
            }
            let info = CallbackInfo {
                position: 0,
                ..callback.clone()
            };
            self.callbacks.insert(callback.callback.clone(), info);
        }
        for callback in before.into_values() {
            self.lose_callback(&callback);
        }
    }

    fn enter(&mut self, call: CallInfo) {
        self.count_call(&call, true);
        self.calls.insert(call.call.clone(), call);
    }

    /// Takes out a call. One that joined this queue in a gap is counted as having joined; `None` then.
    fn leave(&mut self, call: &str, queue: &str, tier: &str) -> Option<CallInfo> {
        let known = self.calls.remove(call);
        if let Some(known) = &known {
            self.count_call(known, false);
        }
        match known {
            Some(known) if known.queue == queue => Some(known),
            elsewhere => {
                if let Some(elsewhere) = elsewhere {
                    self.lose(&elsewhere);
                }
                self.counts.tier(queue, tier).offered += 1;
                None
            }
        }
    }

    fn owe(&mut self, callback: CallbackInfo) {
        let queue = callback.queue.clone();
        let known = self.callbacks.insert(callback.callback.clone(), callback);
        match known {
            // A node tells of a callback once. Should it not, what is counted must still add up.
            Some(known) => self.lose_callback(&known),
            None => {
                if let Some(queue) = self.queues.get_mut(&queue) {
                    queue.owed += 1;
                }
            }
        }
    }

    /// A caller joined and waits.
    fn predicted(&mut self, queue: &str, predicted: Option<Estimate>) {
        if let Some(estimate) = predicted {
            let counts = self.counts.queue(queue);
            counts.predictions += 1;
            counts.predicted = counts.predicted.saturating_add(estimate.p50);
        }
        if let Some(queue) = self.queues.get_mut(queue) {
            queue.predicted = predicted;
        }
    }

    fn answered(&mut self, queue: &str, tier: &str, wait: u64) {
        let within = self.within_target(queue, wait);
        let counts = self.counts.queue(queue);
        counts.answer_wait.observe(histogram::WAIT, wait);
        self.counts.tier(queue, tier).answered_within += u64::from(within);
    }

    fn finished(&mut self, queue: &str, tier: &str, outcome: CallOutcome, wait: u64) {
        *self.counts.tier(queue, tier).finished.entry(outcome).or_default() += 1;
        if outcome == CallOutcome::Abandoned {
            let within = self.within_target(queue, wait);
            let counts = self.counts.queue(queue);
            counts.abandon_wait.observe(histogram::WAIT, wait);
            self.counts.tier(queue, tier).abandoned_within += u64::from(within);
        }
    }

    /// A call whose end nobody saw.
    pub(super) fn lose(&mut self, call: &CallInfo) {
        let counts = self.counts.tier(&call.queue, &call.tier);
        *counts.finished.entry(CallOutcome::Error).or_default() += 1;
    }

    /// A callback whose end nobody saw.
    pub(super) fn lose_callback(&mut self, callback: &CallbackInfo) {
        self.counts.tier(&callback.queue, &callback.tier).callbacks_lost += 1;
    }

    /// A queue that was removed meanwhile has no target.
    fn within_target(&self, queue: &str, wait: u64) -> bool {
        self.queues
            .get(queue)
            .is_some_and(|queue| wait <= queue.info.service_target)
    }

    /// Adds a call to its queue's figures, or takes it out.
    pub(super) fn count_call(&mut self, call: &CallInfo, present: bool) {
        let Some(queue) = self.queues.get_mut(&call.queue) else {
            return;
        };
        match (call.connected.is_some(), present) {
            (true, true) => queue.talking += 1,
            (true, false) => queue.talking = queue.talking.saturating_sub(1),
            (false, true) => {
                queue.waiting.insert((call.joined, call.call.clone()));
            }
            (false, false) => {
                queue.waiting.remove(&(call.joined, call.call.clone()));
            }
        }
    }
}

fn waiting(call: &str, queue: &str, tier: &str, number: &str, joined: u64) -> CallInfo {
    CallInfo {
        call: call.to_owned(),
        queue: queue.to_owned(),
        tier: tier.to_owned(),
        number: number.to_owned(),
        flag: String::new(),
        attached: Attached::default(),
        joined,
        connected: None,
        agent: None,
        talk: TalkState::Talking,
        muted: false,
        recording: None,
        position: 0,
        estimate: None,
    }
}

/// Whether a rule of the queue sent the caller elsewhere. A callback may be the caller's own choice.
fn is_diverted(outcome: CallOutcome, chosen: bool) -> bool {
    match outcome {
        CallOutcome::Diverted | CallOutcome::Overflowed => true,
        CallOutcome::Callback => !chosen,
        CallOutcome::Answered
        | CallOutcome::Abandoned
        | CallOutcome::Withdrawn
        | CallOutcome::Timeout
        | CallOutcome::Full
        | CallOutcome::NoAgents
        | CallOutcome::Removed
        | CallOutcome::Closed
        | CallOutcome::Emergency
        | CallOutcome::Left
        | CallOutcome::Moved
        | CallOutcome::Error => false,
    }
}
