//! Settings for specifications, short to write.

use hotline_engine::Span;
use hotline_engine::action::Utterance;
use hotline_engine::config::{
    Agent, Band, CallbackSettings, Config, Exit, Limits, Membership, Misses, Operation, Prompt, Queue, Rule,
    Steps, Supervision, Tier, Way, WrapUp,
};
use hotline_engine::input::Caller;

/// Longest-idle; rings for 20 s, 10 s wrap-up, no limits that matter.
pub(crate) fn queue(name: &str) -> Queue {
    Queue {
        max_waiting: 100,
        wrap_up: WrapUp::Timed(Span::seconds(10)),
        service_target: Span::seconds(15),
        ring_all_max: 3,
        music: "calm".to_owned(),
        ..Queue::named(name)
    }
}

/// An agent whose phone is `P/NUMBER`, not signed in by itself.
pub(crate) fn agent(number: &str, queues: &[&str]) -> Agent {
    Agent {
        name: format!("Agent {number}"),
        phone: format!("P/{number}"),
        queues: queues.iter().map(|queue| Membership::of(*queue)).collect(),
        ..Agent::numbered(number)
    }
}

/// Tiers basic and gold (worth 120 s); cool-downs of 5 (no answer), 6 (rejected), 7 (busy), 8 s (unreachable).
pub(crate) fn config(queues: Vec<Queue>, agents: Vec<Agent>) -> Config {
    let tier = |name: &str, seconds| Tier {
        name: name.to_owned(),
        handicap: Span::seconds(seconds),
        spoken: String::new(),
    };
    Config {
        tiers: vec![tier("basic", 0), tier("gold", 120)],
        queues,
        agents,
        menus: Vec::new(),
        reasons: Vec::new(),
        dispositions: Vec::new(),
        ivrs: Vec::new(),
        misses: Misses {
            no_answer: Span::seconds(5),
            rejected: Span::seconds(6),
            busy: Span::seconds(7),
            unreachable: Span::seconds(8),
            not_ready_after: 3,
        },
        supervisors: Vec::new(),
        supervision: Supervision::default(),
        limits: Limits {
            calls: 1000,
            remembered: 100,
            decisions: 64,
        },
    }
}

/// A caller of that number.
pub(crate) fn caller(number: &str) -> Caller {
    Caller {
        number: number.to_owned(),
        ..Caller::default()
    }
}

/// No wrap-up, so that an agent is free as soon as a talk ends.
pub(crate) fn brisk(name: &str) -> Queue {
    Queue {
        wrap_up: WrapUp::Timed(Span::ZERO),
        ..queue(name)
    }
}

/// Calls back at most ten: dialled as `P/NUMBER` when nobody is ahead, three times, 60 s apart, for an hour.
pub(crate) fn calling_back() -> CallbackSettings {
    CallbackSettings {
        max: 10,
        dial: "P/{number}".to_owned(),
        ahead: 0,
        attempts: 3,
        retry_after: Span::seconds(60),
        ring_time: Span::seconds(30),
        expires: Span::seconds(3600),
    }
}

pub(crate) fn member(queue: &str, level: u8) -> Membership {
    Membership {
        level,
        ..Membership::of(queue)
    }
}

/// An agent of that level in one queue.
pub(crate) fn at_level(number: &str, queue: &str, level: u8) -> Agent {
    Agent {
        queues: vec![member(queue, level)],
        ..agent(number, &[])
    }
}

/// An agent of one queue who has these skills.
pub(crate) fn skilled(number: &str, queue: &str, skills: &[&str]) -> Agent {
    Agent {
        skills: skills.iter().map(ToString::to_string).collect(),
        ..agent(number, &[queue])
    }
}

/// What is done once, so many seconds after joining.
pub(crate) fn rule(after: u64, then: Vec<Operation>) -> Rule {
    Rule {
        after: Span::seconds(after),
        then,
        ..Rule::default()
    }
}

/// The same again and again.
pub(crate) fn rule_every(after: u64, every: u64, then: Vec<Operation>) -> Rule {
    Rule {
        every: Some(Span::seconds(every)),
        ..rule(after, then)
    }
}

pub(crate) fn band(over: u64, until: u64) -> Option<Band> {
    Some(Band { over, until })
}

pub(crate) fn say(file: &str) -> Operation {
    Operation::Say(vec![prompt(file)])
}

pub(crate) fn prompt(file: &str) -> Prompt {
    Prompt::File(file.to_owned())
}

pub(crate) fn file(file: &str) -> Utterance {
    Utterance::File(file.to_owned())
}

pub(crate) fn way(to: Exit) -> Way {
    Way { to, say: Vec::new() }
}

pub(crate) fn place(place: &str) -> Exit {
    Exit::Place(place.to_owned())
}

pub(crate) fn to_queue(queue: &str) -> Exit {
    Exit::Queue(queue.to_owned())
}

/// Levels of a limit, in seconds.
pub(crate) fn steps(at: &[u64], every: Option<u64>) -> Steps {
    Steps {
        at: at.iter().copied().map(Span::seconds).collect(),
        every: every.map(Span::seconds),
    }
}
