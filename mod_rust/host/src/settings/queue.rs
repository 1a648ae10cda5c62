//! `[[queue]]`

use hotline_engine::Span;
use hotline_engine::config::{
    CallbackSettings, Door, Exits, NeedsAgents, Queue, Rule, Strategy, TierLimits, Warnings, WrapUp,
};
use hotline_engine::config::{MAX_ALSO, MAX_RULES, MAX_SKILLS, Operation};

use super::Names;
use super::greeting::{greeting, sound};
use super::hold::hold;
use super::ivr::survey;
use super::policy::{Ways, rule, steps};
use super::reader::{Form, Once, Read, Table, Value};
use super::recording;

/// Most phones that one caller rings at once: each has its share of the caller's thread and its stack.
const MOST_AT_ONCE: u32 = 100;
/// Most callers that a queue owes a call.
const MOST_CALLBACKS: u32 = 100_000;
/// Callers owed a call, where `[queue.callback]` does not say how many.
const CALLBACKS: u32 = 100;
/// How callers are called back, where `[queue.callback]` does not say.
const DIAL: &str = "Local/{number}@hotline-callback";

const STRATEGIES: &[(&str, Strategy)] = &[
    ("longest-idle", Strategy::LongestIdle),
    ("ring-all", Strategy::RingAll),
    ("round-robin", Strategy::RoundRobin),
    ("fewest-calls", Strategy::FewestCalls),
    ("least-talk-time", Strategy::LeastTalkTime),
    ("random", Strategy::Random),
    ("linear", Strategy::Linear),
    ("weighted-random", Strategy::WeightedRandom),
    ("skill-level", Strategy::SkillLevel),
];

const DOORS: &[(&str, Door)] = &[
    ("open", Door::Open),
    ("closed", Door::Closed),
    ("emergency", Door::Emergency),
];

pub(super) fn read(name: String, mut table: Table<'_>, names: &Names) -> Read<Queue> {
    let mut queue = Queue::named(name);
    table.set("strategy", &mut queue.strategy, |value| value.choice(STRATEGIES))?;
    table.set("ring_all_max", &mut queue.ring_all_max, |value| {
        value.number(1..=MOST_AT_ONCE)
    })?;
    table.set("handicap_seconds", &mut queue.handicap, Value::seconds)?;
    table.set("ring_seconds", &mut queue.ring_time, Value::some_seconds)?;
    table.set("max_waiting", &mut queue.max_waiting, max_waiting)?;
    table.set("max_wait_seconds", &mut queue.max_wait, |value| {
        value.some_seconds().map(Some)
    })?;
    table.set("needs_agents", &mut queue.needs_agents, needs_agents)?;
    table.set("door", &mut queue.door, |value| value.choice(DOORS))?;
    table.set("wrap_up_seconds", &mut queue.wrap_up, wrap_up)?;
    table.set("wrap_up_max_seconds", &mut queue.wrap_up_max, Value::seconds)?;
    table.set("needs_disposition", &mut queue.needs_disposition, Value::flag)?;
    table.set("service_level_seconds", &mut queue.service_target, Value::seconds)?;
    table.set("handle_seconds", &mut queue.handle_time, Value::some_seconds)?;
    table.set("music", &mut queue.music, Value::line)?;
    table.set("music_after_seconds", &mut queue.music_after, Value::seconds)?;
    table.set("skills", &mut queue.skills, skills)?;
    table.set("level", &mut queue.level, |value| value.number(1..=u8::MAX))?;
    table.set("sticky_seconds", &mut queue.sticky, Value::seconds)?;
    table.set("transfer_wait_seconds", &mut queue.transfer_wait, Value::seconds)?;
    table.set("tiers", &mut queue.tiers, |value| tiers(value, names))?;
    table.set("callback", &mut queue.callback, callback)?;
    table.set("warn", &mut queue.warn, warnings)?;
    table.set("hold", &mut queue.hold, hold)?;
    table.set("survey", &mut queue.survey, survey)?;
    table.set("spoken", &mut queue.spoken, sound)?;
    table.set("greeting", &mut queue.greeting, greeting)?;
    table.set("recording", &mut queue.recording, |value| {
        recording::of_queue(value, names.recordings)
    })?;
    let ways = Ways {
        names,
        callbacks: queue.callback.max > 0,
    };
    table.set("exits", &mut queue.exits, |value| exits(value, &ways))?;
    table.set("rules", &mut queue.rules, |value| rules(value, &ways))?;
    table.end()?;
    Ok(queue)
}

fn max_waiting(value: &Value<'_>) -> Read<u32> {
    value.number(0..=u32::MAX)
}

/// Skills, each once.
pub(super) fn skills(value: &Value<'_>) -> Read<Vec<String>> {
    let mut once = Once::new("skill", MAX_SKILLS);
    let values = value.one_or_more(MAX_SKILLS)?;
    values
        .iter()
        .map(|value| once.take(value, value.name()?))
        .collect()
}

fn needs_agents(value: &Value<'_>) -> Read<NeedsAgents> {
    match value.form() {
        Form::Flag(false) => Ok(NeedsAgents::None),
        Form::Flag(true) | Form::Text("signed-in") => Ok(NeedsAgents::SignedIn),
        Form::Text("at-work") => Ok(NeedsAgents::AtWork),
        Form::Text(_) | Form::Table(_) | Form::Other => {
            Err(value.must_be("false, true, \"signed-in\" or \"at-work\""))
        }
    }
}

fn wrap_up(value: &Value<'_>) -> Read<WrapUp> {
    match value.form() {
        Form::Text("manual") => Ok(WrapUp::Manual),
        Form::Text(_) | Form::Flag(_) | Form::Table(_) | Form::Other => {
            Ok(WrapUp::Timed(value.seconds_from(0.0, ", or \"manual\"")?))
        }
    }
}

fn tiers(value: &Value<'_>, names: &Names) -> Read<Vec<TierLimits>> {
    let tiers = value.table()?;
    tiers
        .entries()
        .map(|value| {
            let mut limits = TierLimits {
                tier: names.tier(&value, value.key())?,
                max_waiting: None,
                max_wait: None,
            };
            let mut table = value.table()?;
            table.set("max_waiting", &mut limits.max_waiting, |value| {
                max_waiting(value).map(Some)
            })?;
            table.set("max_wait_seconds", &mut limits.max_wait, |value| {
                value.some_seconds().map(Some)
            })?;
            table.end()?;
            Ok(limits)
        })
        .collect()
}

fn exits(value: &Value<'_>, ways: &Ways<'_>) -> Read<Exits> {
    let mut table = value.table()?;
    let mut exits = Exits::default();
    for (key, exit) in [
        ("full", &mut exits.full),
        ("timeout", &mut exits.timeout),
        ("no_agents", &mut exits.no_agents),
        ("closed", &mut exits.closed),
        ("emergency", &mut exits.emergency),
    ] {
        table.set(key, exit, |value| ways.way(value))?;
    }
    table.end()?;
    Ok(exits)
}

fn callback(value: &Value<'_>) -> Read<CallbackSettings> {
    let mut table = value.table()?;
    let mut callback = CallbackSettings {
        max: CALLBACKS,
        dial: DIAL.to_owned(),
        ..CallbackSettings::default()
    };
    table.set("max", &mut callback.max, |value| value.number(0..=MOST_CALLBACKS))?;
    table.set("dial", &mut callback.dial, dial)?;
    // So many are dialled at once at most.
    table.set("ahead", &mut callback.ahead, |value| value.number(0..=100))?;
    table.set("attempts", &mut callback.attempts, |value| value.number(1..=100))?;
    // At least a second: whoever is not there now is not there a moment later.
    table.set("retry_after_seconds", &mut callback.retry_after, |value| {
        value.seconds_from(1.0, "")
    })?;
    table.set("ring_seconds", &mut callback.ring_time, Value::some_seconds)?;
    table.set("expires_seconds", &mut callback.expires, Value::some_seconds)?;
    table.end()?;
    Ok(callback)
}

fn dial(value: &Value<'_>) -> Read<String> {
    let dial = value.line()?;
    if dial.contains("{number}") && !dial.contains([',', '&']) {
        Ok(dial)
    } else {
        Err(value.must_be("one dial string with {number} in it"))
    }
}

fn warnings(value: &Value<'_>) -> Read<Warnings> {
    let mut table = value.table()?;
    let mut warn = Warnings::default();
    table.set("wait", &mut warn.wait, steps)?;
    table.set("ring", &mut warn.ring, steps)?;
    table.set("talk", &mut warn.talk, steps)?;
    table.set("hold", &mut warn.hold, steps)?;
    table.set("wrap_up", &mut warn.wrap_up, steps)?;
    table.end()?;
    Ok(warn)
}

fn rules(value: &Value<'_>, ways: &Ways<'_>) -> Read<Vec<Rule>> {
    let mut rules: Vec<Rule> = Vec::new();
    let mut added: Vec<String> = Vec::new();
    for value in value.one_or_more(MAX_RULES)? {
        let rule = rule(value.table()?, ways)?;
        for operation in &rule.then {
            if let Operation::AddQueue(queue) = operation
                && !added.contains(queue)
            {
                added.push(queue.clone());
            }
        }
        if added.len() > MAX_ALSO {
            return Err(value.secret(format_args!(
                "add_queue: the rules of a queue add {MAX_ALSO} queues at most"
            )));
        }
        rules.push(rule);
    }
    Ok(rules)
}

/// The shortest interval of what comes again and again.
pub(super) fn interval(value: &Value<'_>) -> Read<Option<Span>> {
    value.seconds_from(1.0, "").map(Some)
}
