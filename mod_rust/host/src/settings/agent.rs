//! `[[agent]]`

use std::collections::BTreeMap;

use hotline_engine::config::{Agent, Answering, Membership};

use super::queue::skills;
use super::reader::{Form, Once, Read, Table, Value};
use super::{MOST_AGENTS, Names};
use crate::pin::Pin;

/// Most queues and skills of all agents together: the whole floor must fit into one line of the control protocol.
const MOST_PLACES: usize = 400_000;
/// Most queues that one agent serves.
const MOST_MEMBERSHIPS: usize = 1_000;

pub(super) const ANSWERING: &[(&str, Answering)] =
    &[("manual", Answering::Manual), ("automatic", Answering::Automatic)];

/// All agents, and the PINs of those who have one.
pub(super) fn read_all(file: &mut Table<'_>, names: &Names) -> Read<(Vec<Agent>, BTreeMap<String, Pin>)> {
    let mut once = Once::new("agent", MOST_AGENTS);
    let mut agents = Vec::new();
    let mut pins = BTreeMap::new();
    // Of those who are always signed in.
    let mut phones: BTreeMap<String, String> = BTreeMap::new();
    let mut places = 0;
    for mut table in file.tables("agent")? {
        let number = table.need("number")?;
        let text = once.take(&number, number.name()?)?;
        let mut agent = Agent::numbered(text);
        table.set("name", &mut agent.name, Value::line)?;
        table.set("phone", &mut agent.phone, phone)?;
        table.set("queues", &mut agent.queues, |value| memberships(value, names))?;
        table.set("skills", &mut agent.skills, skills)?;
        table.set("answering", &mut agent.answering, |value| value.choice(ANSWERING))?;
        if let Some(value) = table.take("pin") {
            pins.insert(agent.number.clone(), pin(&value)?);
        }
        places += agent.queues.len() + agent.skills.len();
        if places > MOST_PLACES {
            return Err(number.secret(format_args!(
                "the agents have more than {MOST_PLACES} queues and skills together"
            )));
        }
        if let Some(value) = table.take("always_signed_in") {
            agent.always_signed_in = value.flag()?;
            if agent.always_signed_in {
                if agent.phone.is_empty() {
                    return Err(value.wrong("needs a phone"));
                }
                if let Some(other) = phones.insert(agent.phone.clone(), agent.number.clone()) {
                    return Err(value.wrong(format_args!("on the phone of agent {other:?}, who is as well")));
                }
            }
        }
        table.end()?;
        agents.push(agent);
    }
    Ok((agents, pins))
}

pub(super) fn phone(value: &Value<'_>) -> Read<String> {
    let phone = value.line()?;
    if phone.contains([',', '&']) {
        return Err(value.must_be("one dial string"));
    }
    Ok(phone)
}

/// What is wrong with a PIN is said without showing it.
pub(super) fn pin(value: &Value<'_>) -> Read<Pin> {
    let text = value
        .string()
        .map_err(|_| value.secret("pin must be text in quotes"))?;
    Pin::parse(text).map_err(|why| value.secret(format_args!("pin {why}")))
}

fn memberships(value: &Value<'_>, names: &Names) -> Read<Vec<Membership>> {
    let mut once = Once::new("queue", MOST_MEMBERSHIPS);
    let mut memberships = Vec::new();
    for value in value.one_or_more(MOST_MEMBERSHIPS)? {
        let member = membership(&value, names)?;
        once.take(&value, member.queue.clone())?;
        memberships.push(member);
    }
    Ok(memberships)
}

/// `"support"`, `"support:2"` with a skill level, or a table.
fn membership(value: &Value<'_>, names: &Names) -> Read<Membership> {
    match value.form() {
        Form::Text(text) => {
            let Some((queue, level)) = text.split_once(':') else {
                return Ok(Membership::of(names.queue(value, text)?));
            };
            let mut member = Membership::of(names.queue(value, queue)?);
            member.level = level
                .parse()
                .ok()
                .filter(|level| *level > 0)
                .ok_or_else(|| value.wrong("has no level from 1 to 255"))?;
            Ok(member)
        }
        Form::Table(mut table) => {
            let queue = table.need("queue")?;
            let mut member = Membership::of(names.queue(&queue, queue.string()?)?);
            table.set("level", &mut member.level, |value| value.number(1..=u8::MAX))?;
            table.set("weight", &mut member.weight, |value| value.number(1..=u16::MAX))?;
            table.end()?;
            Ok(member)
        }
        Form::Flag(_) | Form::Other => {
            Err(value.must_be("\"QUEUE\", \"QUEUE:LEVEL\" or { queue = …, level = …, weight = … }"))
        }
    }
}
