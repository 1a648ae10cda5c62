//! Changes while running: what agents can do, whether queues are open, where callers stand. Those that would be settings lie
//! over them, so that a reload does not undo them.

use std::collections::BTreeMap;

use crate::action::Refusal;
use crate::agent::Member;
use crate::command::{Answer, DONE};
use crate::config::{self, Door, Exit, Membership, Way};
use crate::engine::Engine;
use crate::event::{CallOutcome, Event};
use crate::ids::{AgentId, CallId};
use crate::input::Command;
use crate::time::Span;
use crate::timers::Timer;

/// What was changed while running, by agent number, queue and skill name.
#[derive(Clone, Default, Debug)]
pub(crate) struct Overlay {
    /// Level and weight; `None` where the agent was taken out.
    members: BTreeMap<(String, String), Option<(u8, u16)>>,
    skills: BTreeMap<(String, String), bool>,
    doors: BTreeMap<String, Door>,
}

impl Overlay {
    /// As what was asked for.
    pub(crate) fn commands(&self) -> impl Iterator<Item = Command> {
        let members = self
            .members
            .iter()
            .map(|((agent, queue), place)| Command::SetMembership {
                agent: agent.clone(),
                queue: queue.clone(),
                place: *place,
            });
        let skills = self.skills.iter().map(|((agent, skill), has)| Command::SetSkill {
            agent: agent.clone(),
            skill: skill.clone(),
            has: *has,
        });
        let doors = self.doors.iter().map(|(queue, door)| Command::SetDoor {
            queue: queue.clone(),
            door: *door,
        });
        members.chain(skills).chain(doors)
    }

    /// Lays what was changed over the settings of an agent.
    pub(crate) fn over_agent(&self, settings: &mut config::Agent, is_queue: impl Fn(&str) -> bool) {
        for (queue, place) in of_agent(&self.members, &settings.number) {
            if !is_queue(queue) {
                continue;
            }
            let known = settings.queues.iter().position(|member| member.queue == *queue);
            match (place, known) {
                (Some((level, weight)), known) => {
                    let member = Membership {
                        queue: queue.to_owned(),
                        level: *level,
                        weight: *weight,
                    };
                    match known {
                        Some(at) => settings.queues[at] = member,
                        None => settings.queues.push(member),
                    }
                }
                (None, Some(at)) => {
                    settings.queues.remove(at);
                }
                (None, None) => {}
            }
        }
        for (skill, has) in of_agent(&self.skills, &settings.number) {
            settings.skills.retain(|known| known != skill);
            if *has {
                settings.skills.push(skill.to_owned());
            }
        }
    }

    pub(crate) fn over_queue(&self, settings: &mut config::Queue) {
        if let Some(door) = self.doors.get(&settings.name) {
            settings.door = *door;
        }
    }
}

/// What was changed of one agent. A reload asks it of each: a walk over everybody's changes would stall a large floor.
fn of_agent<'a, T>(
    changes: &'a BTreeMap<(String, String), T>,
    number: &'a str,
) -> impl Iterator<Item = (&'a str, &'a T)> {
    let changes = changes.range((number.to_owned(), String::new())..);
    let own = changes.take_while(move |((agent, _), _)| agent == number);
    own.map(|((_, what), change)| (what.as_str(), change))
}

impl Engine {
    pub(crate) fn extend_wrap_up(&mut self, id: AgentId, by: Span) -> Answer {
        let agent = &mut self.agents[id.0 as usize];
        let work = agent.rest.wrap_up.as_mut().ok_or(Refusal::NotInWrapUp)?;
        let (first, until) = work.until.ok_or(Refusal::NothingToDo)?;
        let most = self.queues[work.queue.0 as usize].settings.wrap_up_max;
        let latest = work.began + most.max(first.since(work.began));
        let new = (until + by).min(latest);
        if new <= until {
            return Err(Refusal::AtLimit);
        }
        work.until = Some((first, new));
        let due = work.due();
        self.timers
            .reset(&mut agent.rest.wrap_up_alarm, due, Timer::WrapUp(id));
        DONE
    }

    pub(crate) fn set_membership(&mut self, agent: &str, queue: &str, place: Option<(u8, u16)>) -> Answer {
        let id = self.agent_of(agent)?;
        let queue_id = self.queue_of(queue)?;
        if place.is_some_and(|(level, weight)| level == 0 || weight == 0) {
            return Err(Refusal::OutOfRange);
        }
        let mut members = self.agents[id.0 as usize].members.to_vec();
        let at = members.iter().position(|member| member.queue == queue_id);
        match (place, at) {
            (Some((level, weight)), Some(at)) => {
                if (members[at].level, members[at].weight) == (level, weight) {
                    return Err(Refusal::NothingToDo);
                }
                (members[at].level, members[at].weight) = (level, weight);
            }
            (Some((level, weight)), None) => members.push(Member::new(queue_id, level, weight)),
            (None, Some(at)) => {
                members.remove(at);
            }
            (None, None) => return Err(Refusal::NothingToDo),
        }
        let key = (agent.to_owned(), queue.to_owned());
        self.standing_changes += 1;
        self.overlay.members.insert(key, place);
        self.serve(id, members);
        DONE
    }

    pub(crate) fn set_skill(&mut self, agent: &str, name: &str, has: bool) -> Answer {
        let id = self.agent_of(agent)?;
        if name.is_empty() {
            return Err(Refusal::OutOfRange);
        }
        let known = self.skills.get(name);
        let had = known.is_some_and(|skill| self.agents[id.0 as usize].skills.has(skill));
        if had == has {
            return Err(Refusal::NothingToDo);
        }
        let skill = self.skills.learn(name).ok_or(Refusal::AtLimit)?;
        let mut skills = self.agents[id.0 as usize].skills;
        skills.set(skill, has);
        let key = (agent.to_owned(), name.to_owned());
        self.standing_changes += 1;
        self.overlay.skills.insert(key, has);
        self.qualify(id, skills);
        if known.is_none() {
            // Callers may have required it all along.
            self.require_skills_of_all();
        }
        DONE
    }

    pub(crate) fn set_door(&mut self, name: &str, door: Door) -> Answer {
        let id = self.queue_of(name)?;
        let queue = &mut self.queues[id.0 as usize];
        if core::mem::replace(&mut queue.settings.door, door) == door {
            return Err(Refusal::NothingToDo);
        }
        let view = queue.view(id);
        self.standing_changes += 1;
        self.overlay.doors.insert(name.to_owned(), door);
        self.events.push(Event::QueueChanged { queue: view });
        self.perhaps_near.insert(id);
        if door == Door::Emergency {
            self.leave_for_emergency(id);
        }
        DONE
    }

    pub(crate) fn reprioritise(&mut self, id: CallId, priority: u32) -> Answer {
        self.waiting(id)?;
        let Some(call) = self.calls.get_mut(id.0) else {
            return Err(Refusal::UnknownCall);
        };
        let before = core::mem::replace(&mut call.caller.priority, priority);
        self.rerank(id);
        if let Some(call) = self.calls.get(id.0) {
            self.events.push(Event::CallReprioritised {
                call: id,
                queue: call.queue,
                priority,
                before,
                position: self.place_of(call).0,
            });
        }
        DONE
    }

    pub(crate) fn move_call(&mut self, id: CallId, queue: &str) -> Answer {
        self.waiting(id)?;
        let to = self.queue_of(queue)?;
        if self.calls.get(id.0).is_some_and(|call| call.queue == to) {
            return Err(Refusal::NothingToDo);
        }
        self.move_to(id, to);
        DONE
    }

    pub(crate) fn withdraw(&mut self, id: CallId, place: &str) -> Answer {
        self.waiting(id)?;
        let to = if place.is_empty() {
            Exit::Onward
        } else {
            Exit::Place(place.to_owned())
        };
        self.turn_away(id, CallOutcome::Withdrawn, Way { to, say: Vec::new() });
        DONE
    }

    fn waiting(&self, id: CallId) -> Result<(), Refusal> {
        let known = self.calls.get(id.0).filter(|call| call.consults.is_none());
        let call = known.ok_or(Refusal::UnknownCall)?;
        if call.waits() {
            Ok(())
        } else {
            Err(Refusal::NotWaiting)
        }
    }
}
