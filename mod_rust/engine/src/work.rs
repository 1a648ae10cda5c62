//! What follows from an agent being at work or not, and after-call work.

use crate::agent::{AfterCall, Base, Idle, Member, Trigger};
use crate::config::WrapUp;
use crate::engine::Engine;
use crate::estimate::{WHOLE_AGENT, window};
use crate::event::Limit;
use crate::ids::{AgentId, CallId, QueueId};
use crate::time::Span;
use crate::timers::Timer;

impl Engine {
    /// Brings the counts of the agent's queues in line with whether it is at work.
    pub(crate) fn refresh_work(&mut self, id: AgentId) {
        let agent = &mut self.agents[id.0 as usize];
        let works = agent.works();
        if core::mem::replace(&mut agent.at_work, works) == works {
            return;
        }
        for at in 0..agent.members.len() {
            self.count_at_work(id, at, works);
        }
        self.share_out(id);
        if !works {
            self.release_wanted(id);
        }
    }

    /// Counts a member who came to work, or no longer is.
    pub(crate) fn count_at_work(&mut self, id: AgentId, at: usize, works: bool) {
        let queue = self.agents[id.0 as usize].members[at].queue;
        let members = &mut self.queues[queue.0 as usize].at_work;
        if works {
            *members += 1;
            self.perhaps_near.insert(queue);
        } else {
            *members -= 1;
            self.perhaps_unmanned.insert(queue);
        }
    }

    /// Splits an agent over its queues, in proportion to the work that has lately come to each.
    pub(crate) fn share_out(&mut self, id: AgentId) {
        let agent = &mut self.agents[id.0 as usize];
        let (now, pulses) = (self.now, &mut self.pulses);
        self.demands.clear();
        if agent.at_work {
            let present = window(now);
            let demand = |member: &Member| pulses[member.queue.0 as usize].demand(present);
            self.demands.extend(agent.members.iter().map(demand));
        }
        let all: u128 = self.demands.iter().map(|demand| u128::from(*demand)).sum();
        // Nearly always all fits into 64 bits, where dividing is several times as quick.
        let small = u64::try_from(all)
            .ok()
            .filter(|all| *all <= u64::MAX / WHOLE_AGENT);
        for (member, at) in agent.members.iter_mut().zip(0..) {
            let demand = self.demands.get(at).copied().unwrap_or(0);
            let share = match small {
                Some(all) => (demand * WHOLE_AGENT).checked_div(all).unwrap_or(0) as u32,
                None => share(demand, all),
            };
            if share != member.share {
                let pulse = &mut pulses[member.queue.0 as usize];
                pulse.staff = pulse.staff + u64::from(share) - u64::from(member.share);
                member.share = share;
            }
        }
    }

    /// Takes an agent out of a call: to after-call work if there is any.
    pub(crate) fn end_call_of_agent(&mut self, id: AgentId, after: Option<(CallId, QueueId)>) {
        if self.agents[id.0 as usize].base != Base::OnCall {
            return;
        }
        let Some((call, queue)) = after else {
            return self.step_agent(id, Trigger::CallOver);
        };
        let owed = self.owes(id, call, queue);
        let until = match self.queues[queue.0 as usize].settings.wrap_up {
            WrapUp::Timed(Span::ZERO) if owed.is_none() => {
                self.pulses[queue.0 as usize].wrapped_up(Span::ZERO);
                return self.step_agent(id, Trigger::CallOver);
            }
            WrapUp::Timed(span) => Some(self.now + span),
            WrapUp::Manual => None,
        };
        self.step_agent(id, Trigger::WrapUp);
        let agent = &mut self.agents[id.0 as usize];
        let work = AfterCall {
            call,
            queue,
            began: self.now,
            until: until.map(|until| (until, until)),
            owed,
        };
        agent.rest.wrap_up = Some(work);
        self.timers
            .reset(&mut agent.rest.wrap_up_alarm, work.due(), Timer::WrapUp(id));
        let steps = self.queues[queue.0 as usize].settings.warn.wrap_up.clone();
        self.watch_agent(id, Some((Limit::WrapUp { agent: id }, &steps)));
    }

    /// After-call work is over, however it ended.
    pub(crate) fn wrap_up_over(&mut self, id: AgentId) {
        let agent = &mut self.agents[id.0 as usize];
        self.timers
            .reset(&mut agent.rest.wrap_up_alarm, None, Timer::WrapUp(id));
        if let Some(work) = agent.rest.wrap_up.take() {
            self.pulses[work.queue.0 as usize].wrapped_up(self.now.since(work.began));
        }
        if let Some(next) = self.agents[id.0 as usize].next.take() {
            self.presence_changes += 1;
            self.overtaken(next.asked);
        }
        self.watch_agent(id, None);
    }

    /// To ready from wherever that is possible.
    pub(crate) fn resume(&mut self, id: AgentId) {
        match self.agents[id.0 as usize].base {
            Base::NotReady | Base::WrapUp => {
                self.step_agent(id, Trigger::Resume);
                self.refresh_agent(id, Idle::Anew);
            }
            Base::SignedOut | Base::Ready | Base::Offered | Base::OnCall => {}
        }
    }

    /// Watches not ready, if its reason has a limit.
    pub(crate) fn watch_not_ready(&mut self, id: AgentId) {
        let reason = &self.agents[id.0 as usize].rest.reason;
        let known = self.reasons.iter().find(|known| known.name == *reason);
        let steps = known.map(|known| known.warn.clone());
        self.watch_agent(
            id,
            steps.as_ref().map(|steps| (Limit::NotReady { agent: id }, steps)),
        );
    }
}

/// The part of an agent, in millionths. Nothing of nothing is nothing.
fn share(demand: u64, all: u128) -> u32 {
    let part = u128::from(demand) * u128::from(WHOLE_AGENT);
    // At most a million.
    part.checked_div(all).unwrap_or(0) as u32
}
