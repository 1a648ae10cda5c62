//! Settings and differences in readable form: only what is out of the ordinary.

use core::fmt::Debug;

use hotline_engine::config::{Agent, Config, Queue};

/// What of the settings is not at its default.
pub(crate) fn settings(config: &Config) -> String {
    let mut lines = vec![format!("tiers: {:?}", config.tiers)];
    for queue in &config.queues {
        let plain = Queue::named(&queue.name);
        lines.push(format!("queue {}: {}", queue.name, changed(queue, &plain)));
    }
    for agent in &config.agents {
        let plain = Agent::numbered(&agent.number);
        lines.push(format!("agent {}: {}", agent.number, changed(agent, &plain)));
    }
    if !config.menus.is_empty() {
        lines.push(format!("menus: {:?}", config.menus));
    }
    if !config.reasons.is_empty() {
        lines.push(format!("reasons: {:?}", config.reasons));
    }
    lines.push(format!("{:?} {:?}", config.misses, config.limits));
    in_seconds(&lines.join("\n       "))
}

/// The fields of a thing that are not as in another of its kind.
fn changed<T: Debug>(thing: &T, plain: &T) -> String {
    let (thing, plain) = (format!("{thing:#?}"), format!("{plain:#?}"));
    let plain = fields(&plain);
    let changed = fields(&thing).into_iter().filter(|field| !plain.contains(field));
    changed.collect::<Vec<_>>().join(", ")
}

/// The fields of a struct as `{:#?}` writes it, each on one line.
fn fields(pretty: &str) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    for line in pretty.lines().skip(1) {
        let Some(text) = line.strip_prefix("    ") else {
            continue;
        };
        let begins = text.starts_with(|letter: char| letter.is_alphabetic());
        match fields.last_mut() {
            Some(field) if !begins => {
                field.push_str(text.trim_start());
                field.push(' ');
            }
            Some(_) | None => fields.push(text.to_owned()),
        }
    }
    let compact = |field: &String| {
        let compact = field
            .replace("( ", "(")
            .replace(", )", ")")
            .replace(", ]", "]")
            .replace("[ ", "[");
        compact
            .replace(", }", " }")
            .trim_end_matches([',', ' '])
            .to_owned()
    };
    fields.iter().map(compact).collect()
}

/// Of two lists that differ, what is in only one of them or out of order, and how many agree before it.
pub(crate) fn difference<T: Debug>(engine: &[T], model: &[T]) -> String {
    let lines = |list: &[T]| list.iter().map(plain).collect::<Vec<String>>();
    let (engine, model) = (lines(engine), lines(model));
    let agree = engine
        .iter()
        .zip(&model)
        .take_while(|(one, other)| one == other)
        .count();
    let rest = engine.len().min(model.len()) - agree;
    let backwards = engine.iter().rev().zip(model.iter().rev());
    let agree_again = backwards
        .take(rest)
        .take_while(|(one, other)| one == other)
        .count();
    let part = |lines: &[String]| {
        let from = agree.saturating_sub(1);
        let to = (lines.len() - agree_again + 1).min(lines.len());
        lines[from..to].join("\n    ")
    };
    format!("  engine:\n    {}\n  model:\n    {}", part(&engine), part(&model))
}

/// On one line, spans in seconds.
pub(crate) fn plain<T: Debug>(thing: &T) -> String {
    in_seconds(&format!("{thing:?}"))
}

/// Writes `Span(1500000)` as `1.5 s`.
fn in_seconds(text: &str) -> String {
    let mut parts = text.split("Span(");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(')') {
            Some((digits, rest)) => {
                let micros: f64 = digits.trim().trim_end_matches(',').parse().unwrap_or_default();
                out.push_str(&format!("{} s{rest}", micros / 1e6));
            }
            None => out.push_str(part),
        }
    }
    out
}
