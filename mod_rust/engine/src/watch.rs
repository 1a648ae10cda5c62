//! Limits with levels: something that lasts is watched, and what it reaches is told.

use crate::config::Steps;
use crate::engine::Engine;
use crate::event::{Event, Limit};
use crate::ids::AgentId;
use crate::time::Time;
use crate::timers::Timer;

/// Something that lasts and has a limit. Without a limit there is none, and it costs nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Watch {
    limit: Limit,
    began: Time,
    steps: Steps,
    level: u8,
    /// When the next level is reached, or the last again.
    next: Option<Time>,
}

impl Watch {
    /// `None` if nothing is ever to be told.
    pub(crate) fn begin(limit: Limit, began: Time, steps: &Steps) -> Option<Box<Watch>> {
        let first = *steps.at.first()?;
        Some(Box::new(Watch {
            limit,
            began,
            steps: steps.clone(),
            level: 0,
            next: Some(began + first),
        }))
    }

    pub(crate) fn next(&self) -> Option<Time> {
        self.next
    }

    /// Its next level is reached.
    pub(crate) fn reached(&mut self, now: Time) -> Event {
        let due = self.next.unwrap_or(now);
        let levels = self.steps.at.len();
        let level = (usize::from(self.level) + 1).min(levels);
        self.level = u8::try_from(level).unwrap_or(u8::MAX);
        self.next = match self.steps.at.get(level) {
            Some(step) => Some(self.began + *step),
            // Those missed while nobody ticked are not made up for.
            None => self.steps.every.map(|every| {
                let next = due + every;
                if next > now { next } else { now + every }
            }),
        };
        Event::LimitReached {
            limit: self.limit,
            level: self.level,
            lasted: now.since(self.began),
        }
    }

    /// It is over; told if it had reached anything.
    pub(crate) fn over(&self, now: Time) -> Option<Event> {
        (self.level > 0).then(|| Event::LimitCleared {
            limit: self.limit,
            level: self.level,
            lasted: now.since(self.began),
        })
    }
}

impl Engine {
    /// What an agent does now is watched in place of what it did before.
    pub(crate) fn watch_agent(&mut self, id: AgentId, what: Option<(Limit, &Steps)>) {
        let agent = &mut self.agents[id.0 as usize];
        if what.is_none() && agent.watch.is_none() {
            return;
        }
        let new = what.and_then(|(limit, steps)| Watch::begin(limit, self.now, steps));
        let old = core::mem::replace(&mut agent.watch, new);
        self.events.extend(old.and_then(|old| old.over(self.now)));
        self.arm_agent_warning(id);
    }

    fn arm_agent_warning(&mut self, id: AgentId) {
        let agent = &mut self.agents[id.0 as usize];
        let next = agent.watch.as_ref().and_then(|watch| watch.next());
        self.timers
            .reset(&mut agent.rest.warn_alarm, next, Timer::AgentWarn(id));
    }

    pub(crate) fn agent_warning(&mut self, id: AgentId) {
        if let Some(watch) = &mut self.agents[id.0 as usize].watch {
            let event = watch.reached(self.now);
            self.events.push(event);
        }
        self.arm_agent_warning(id);
    }
}
