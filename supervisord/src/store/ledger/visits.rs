//! Calls and their visits to queues, and offers to agents.
//!
//! A visit that ended unseen ends with outcome `error`, as in the read model: the two count alike.

use hotline_blacklist::Caller;
use hotline_wire::Event;
use hotline_wire::event::{CallOutcome, Exit, OfferResult, TalkState};
use hotline_wire::frame::EventFrame;
use hotline_wire::mask::masked;
use hotline_wire::snapshot::CallInfo;

use super::Pen;
use super::rows::{Call, Cut, Disposed, Offer, Visit};

/// What is told of a call when it joins.
struct Joining<'a> {
    call: &'a str,
    queue: &'a str,
    tier: &'a str,
    number: &'a str,
    joined: u64,
    callback: Option<&'a str>,
}

impl Pen<'_> {
    pub(super) fn visit_event(&mut self, frame: &EventFrame) {
        let at = frame.at;
        match &frame.event {
            Event::CallJoined {
                call,
                queue,
                tier,
                number,
                callback,
                ..
            } => {
                // A node tells of a visit once. Should it not, records must still add up.
                self.lose(call, Cut::None, true);
                self.join(&Joining {
                    call,
                    queue,
                    tier,
                    number,
                    joined: at,
                    callback: callback.as_deref(),
                });
            }
            Event::OfferEnded {
                offer,
                call,
                agent,
                queue,
                result,
                ring,
            } => {
                if *result == OfferResult::Answered {
                    // Once connected, it is whom the agent consults.
                    let rung = |visit: &mut Visit| {
                        if visit.connected.is_none() {
                            visit.ring = *ring;
                        }
                    };
                    self.change(call, rung);
                }
                let tier = self.book.visits.get(call).map(|visit| visit.tier.clone());
                let offer = Offer {
                    boot: self.book.boot,
                    offer: *offer,
                    born: self.book.seq,
                    ended: at,
                    call: call.clone(),
                    agent: agent.clone(),
                    queue: queue.clone(),
                    tier: tier.unwrap_or_default(),
                    result: *result,
                    ring: *ring,
                };
                self.changed.count_offer(self.node, &offer);
                self.changed.offers.push(offer);
            }
            Event::CallConnected {
                call,
                agent,
                queue,
                tier,
                wait,
            } => {
                self.visiting(call, queue, tier, at.saturating_sub(*wait));
                self.connect(call, agent, at, *wait);
            }
            Event::TalkChanged { call, to, .. } => match to {
                TalkState::Consulting => self.change(call, |visit| visit.consults += 1),
                TalkState::Conferencing => self.change(call, |visit| visit.conferences += 1),
                TalkState::Talking | TalkState::OnHold | TalkState::Away => {}
            },
            Event::DispositionSet { .. } => self.dispose(&frame.event),
            Event::CallFinished { .. } => self.finish(at, &frame.event),
            // What else happens leaves no trace in these records; agents and queues are elsewhere.
            _ => {}
        }
    }

    /// Of the conversation that goes on, or of the one before after-call work. One that is not known was lost in a gap.
    fn dispose(&mut self, event: &Event) {
        let Event::DispositionSet {
            call,
            agent,
            queue: _,
            code,
            complaint,
            resolved,
            follow_up,
            note,
            before: _,
            author: _,
        } = event
        else {
            return;
        };
        let said = Disposed {
            code: code.clone(),
            complaint: *complaint,
            resolved: *resolved,
            follow_up: *follow_up,
            note: note.clone(),
        };
        let talks = |visit: &Visit| visit.agent.as_ref() == Some(agent);
        if self.book.visits.get(call).is_some_and(talks) {
            return self.change(call, |visit| visit.disposition = Some(said));
        }
        let after = self.book.after.get(agent).filter(|visit| visit.call == *call);
        let Some(mut visit) = after.cloned() else { return };
        self.changed.count_visit(self.node, &visit, -1);
        visit.disposition = Some(said);
        self.changed.count_visit(self.node, &visit, 1);
        self.keep_visit(&visit);
        self.book.after.insert(agent.clone(), visit);
    }

    fn finish(&mut self, at: u64, event: &Event) {
        let Event::CallFinished {
            call,
            queue,
            tier,
            outcome,
            agent,
            wait,
            talk,
            hold,
            by,
            to,
        } = event
        else {
            return;
        };
        self.visiting(call, queue, tier, at.saturating_sub(*wait).saturating_sub(*talk));
        let known = self.book.visits.get(call).and_then(|visit| visit.connected);
        if *outcome == CallOutcome::Answered && known.is_none() {
            // It was connected in a gap.
            let who = agent.clone().unwrap_or_default();
            self.connect(call, &who, at.saturating_sub(*talk), *wait);
        }
        let target = self.book.targets.get(queue).copied();
        self.change(call, |visit| {
            if visit.connected.is_none() {
                visit.target = target;
            }
            visit.wait = *wait;
            (visit.talk, visit.hold) = (*talk, *hold);
            (visit.ended, visit.outcome) = (Some(at), Some(*outcome));
            visit.by = Some(*by);
            visit.exit = Some(to.label().to_owned());
            if agent.is_some() && visit.connected.is_some() {
                visit.agent.clone_from(agent);
            }
            visit.settled = visit.connected.is_none() || visit.agent.is_none();
        });
        let transferred = *outcome == CallOutcome::Answered && matches!(to, Exit::Queue(_));
        let goes_on = transferred || matches!(outcome, CallOutcome::Overflowed | CallOutcome::Moved);
        let Some(visit) = self.book.visits.remove(call) else {
            return;
        };
        self.end_call(&visit, (!goes_on).then_some(at));
        if let Some(agent) = visit.agent.clone().filter(|_| !visit.settled) {
            // Of a call before, no after-call work can come any more.
            self.settle(&agent, 0);
            self.book.after.insert(agent, visit);
        }
    }

    /// The call is in this queue, whatever was known: it joined there in a gap otherwise.
    fn visiting(&mut self, call: &str, queue: &str, tier: &str, joined: u64) {
        if self
            .book
            .visits
            .get(call)
            .is_some_and(|visit| visit.queue == queue)
        {
            return;
        }
        self.lose(call, Cut::Gap, true);
        self.join(&Joining {
            call,
            queue,
            tier,
            number: "",
            joined,
            callback: None,
        });
        self.change(call, |visit| visit.cut = Cut::Gap);
    }

    fn join(&mut self, joining: &Joining<'_>) {
        let &Joining {
            call,
            queue,
            tier,
            number,
            joined,
            callback,
        } = joining;
        let (boot, born) = (self.book.boot, self.book.seq);
        let numbers = self.numbers;
        let caller = match numbers.plan.caller(number) {
            Caller::Known(number) if !numbers.masked => Some(number.to_string()),
            Caller::Known(_) | Caller::Anonymous | Caller::Malformed(_) => None,
        };
        let mut whole = self.book.calls.remove(call).unwrap_or_else(|| Call {
            boot,
            call: call.to_owned(),
            born,
            number: if numbers.masked {
                masked(number)
            } else {
                number.to_owned()
            },
            caller,
            queue: queue.to_owned(),
            tier: tier.to_owned(),
            began: joined,
            ended: None,
            outcome: None,
            agent: None,
            visits: 0,
            callback: callback.map(str::to_owned),
        });
        whole.visits += 1;
        whole.ended = None;
        let visit = Visit {
            boot,
            call: call.to_owned(),
            nth: whole.visits,
            born,
            queue: queue.to_owned(),
            tier: tier.to_owned(),
            joined,
            connected: None,
            ended: None,
            outcome: None,
            agent: None,
            wait: 0,
            ring: 0,
            target: None,
            talk: 0,
            hold: 0,
            wrap_up: 0,
            consults: 0,
            conferences: 0,
            by: None,
            exit: None,
            disposition: None,
            cut: Cut::None,
            settled: false,
        };
        self.keep_call(whole);
        self.changed.count_visit(self.node, &visit, 1);
        self.keep_visit(&visit);
        self.book.visits.insert(call.to_owned(), visit);
    }

    fn connect(&mut self, call: &str, agent: &str, at: u64, wait: u64) {
        let queue = self.book.visits.get(call).map(|visit| visit.queue.clone());
        let target = queue.and_then(|queue| self.book.targets.get(&queue).copied());
        self.change(call, |visit| {
            visit.connected = Some(at);
            visit.agent = Some(agent.to_owned()).filter(|agent| !agent.is_empty());
            (visit.wait, visit.target) = (wait, target);
        });
    }

    /// A visit whose end nobody saw; the call may go on elsewhere.
    pub(super) fn lose(&mut self, call: &str, cut: Cut, goes_on: bool) {
        let at = self.book.at;
        self.change(call, |visit| {
            (visit.ended, visit.outcome) = (Some(at), Some(CallOutcome::Error));
            if visit.connected.is_none() {
                visit.wait = at.saturating_sub(visit.joined);
            }
            (visit.cut, visit.settled) = (cut, true);
        });
        if let Some(visit) = self.book.visits.remove(call) {
            self.end_call(&visit, (!goes_on).then_some(at));
        }
    }

    /// The call as far as this visit, which is over.
    fn end_call(&mut self, visit: &Visit, ended: Option<u64>) {
        let Some(call) = self.book.calls.remove(&visit.call) else {
            return;
        };
        self.keep_call(Call {
            ended,
            outcome: visit.outcome,
            agent: visit.agent.clone().or_else(|| call.agent.clone()),
            ..call
        });
    }

    /// Keeps a call's record; one that goes on stays open.
    pub(super) fn keep_call(&mut self, call: Call) {
        let key = (call.boot, call.born, call.call.clone());
        if call.ended.is_none() {
            self.book.calls.insert(call.call.clone(), call.clone());
        }
        self.changed.calls.insert(key, call);
    }

    fn keep_visit(&mut self, visit: &Visit) {
        let key = (visit.boot, visit.born, visit.call.clone());
        self.changed.visits.insert(key, visit.clone());
    }

    /// Changes a visit that is open, and what is counted of it.
    pub(super) fn change(&mut self, call: &str, change: impl FnOnce(&mut Visit)) {
        let Some(mut visit) = self.book.visits.remove(call) else {
            return;
        };
        self.changed.count_visit(self.node, &visit, -1);
        change(&mut visit);
        self.changed.count_visit(self.node, &visit, 1);
        self.keep_visit(&visit);
        self.book.visits.insert(call.to_owned(), visit);
    }

    /// The agent's after-call work is over, and belongs to the visit before it.
    pub(super) fn settle(&mut self, agent: &str, wrap_up: u64) {
        let Some(mut visit) = self.book.after.remove(agent) else {
            return;
        };
        self.changed.count_visit(self.node, &visit, -1);
        visit.wrap_up += wrap_up;
        visit.settled = true;
        self.changed.count_visit(self.node, &visit, 1);
        self.keep_visit(&visit);
    }

    /// Calls there are now: those that came, were connected, moved on or vanished unseen are set right.
    pub(super) fn all_calls(&mut self, calls: &[CallInfo]) {
        let mut gone: Vec<String> = self
            .book
            .visits
            .keys()
            .chain(self.book.calls.keys())
            .cloned()
            .collect();
        gone.sort();
        gone.dedup();
        for info in calls {
            gone.retain(|call| *call != info.call);
            let here = |visit: &Visit| visit.queue == info.queue;
            if !self.book.visits.get(&info.call).is_some_and(here) {
                self.lose(&info.call, Cut::Gap, true);
                self.join(&Joining {
                    call: &info.call,
                    queue: &info.queue,
                    tier: &info.tier,
                    number: &info.number,
                    joined: info.joined,
                    callback: None,
                });
                self.change(&info.call, |visit| visit.cut = Cut::Gap);
            }
            let connected = |visit: &Visit| visit.connected.is_some();
            if let Some(at) = info.connected
                && !self.book.visits.get(&info.call).is_some_and(connected)
            {
                let agent = info.agent.clone().unwrap_or_default();
                self.connect(&info.call, &agent, at, at.saturating_sub(info.joined));
            }
        }
        for call in gone {
            self.lose(&call, Cut::Gap, false);
            // Between two visits.
            if let Some(call) = self.book.calls.remove(&call) {
                let ended = Some(self.book.at);
                self.keep_call(Call { ended, ..call });
            }
        }
    }
}
