//! The ledger: a pure fold of what nodes tell into records of calls, visits, offers and agents' time, and into figures per
//! quarter of an hour.
//!
//! No clock, no database: the same story gives the same records, so they can be rebuilt from stored events. What was
//! lost with a boot, or in a gap, ends with its [`Cut`]; an agent's time of which nobody knows is an interval of its own.

mod agents;
pub mod figures;
pub mod rows;
pub(crate) mod surveys;
pub(crate) mod tables;
mod visits;

use std::collections::{BTreeMap, BTreeSet};

use hotline_blacklist::{Caller, Plan};
use hotline_wire::blacklist::ListOrder;
use hotline_wire::frame::{EventFrame, Gap};
use hotline_wire::snapshot::QueueInfo;
use hotline_wire::{Command, Event, Snapshot};
use serde::{Deserialize, Serialize};

use figures::{AgentFigures, QueueFigures, slot_of};
use rows::{Call, Cut, Interval, Offer, Visit};
use surveys::Survey;

/// One thing that a node told, within a boot.
#[derive(Clone, Copy, Debug)]
pub enum Told<'a> {
    /// The boot begins.
    Boot,
    /// Events are lost.
    Gap(&'a Gap),
    /// How it stands.
    Snapshot(&'a Snapshot),
    /// What happened.
    Event(&'a EventFrame),
}

/// How caller numbers are kept in the records of calls.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Numbers {
    /// How the country writes its numbers.
    pub plan: Plan,
    /// Whether only their last digits are kept.
    pub masked: bool,
    /// Whether stored events have numbers in full, so that it must be known which have whose.
    pub found: bool,
}

/// What is open on all nodes, and which records changed since they were last stored.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
    nodes: BTreeMap<String, Book>,
    /// Numbers of boots that are known, by node and boot.
    boots: BTreeMap<String, BTreeMap<String, u64>>,
    #[serde(skip)]
    numbers: Numbers,
    #[serde(skip)]
    changed: Changed,
}

/// What is open on a node.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
struct Book {
    /// Number of the boot that is followed.
    boot: u64,
    /// Its name.
    name: String,
    /// When it began: its first event.
    began: u64,
    /// The last event.
    seq: u64,
    /// When that was.
    at: u64,
    /// The last of the marks that was told from the store.
    #[serde(default)]
    marked: u64,
    /// Since when events are missing of which no snapshot has made up yet.
    gap: Option<u64>,
    /// Targets of the queues.
    targets: BTreeMap<String, u64>,
    /// Calls that are not over.
    calls: BTreeMap<String, Call>,
    /// Visits that are not over, by call.
    visits: BTreeMap<String, Visit>,
    /// Visits whose after-call work may still come, by agent.
    after: BTreeMap<String, Visit>,
    /// Surveys that may still be answered, by call.
    #[serde(default)]
    surveys: BTreeMap<String, Survey>,
    /// Agents who are signed in.
    agents: BTreeMap<String, Interval>,
}

/// Whose figures, and of when.
type QueueKey = (u64, String, String, String);
/// The same of an agent: interval, node, agent, queue, tier.
type AgentKey = (u64, String, String, String, String);

/// Records to store.
#[derive(Clone, PartialEq, Debug, Default)]
struct Changed {
    /// Nodes of which something was told.
    nodes: BTreeSet<String>,
    /// Boots that are over; nothing is open in them.
    over: Vec<(String, Book)>,
    /// By boot, the event that began them, and reference.
    calls: BTreeMap<(u64, u64, String), Call>,
    visits: BTreeMap<(u64, u64, String), Visit>,
    offers: Vec<Offer>,
    surveys: BTreeMap<(u64, u64, String), Survey>,
    /// By boot, the event that began them, agent, and when: what was unknown and what follows may begin with one event.
    intervals: BTreeMap<(u64, u64, String, u64), Interval>,
    /// Which event has a caller's number.
    sightings: BTreeSet<(String, u64, u64)>,
    queues: BTreeMap<QueueKey, QueueFigures>,
    agents: BTreeMap<AgentKey, AgentFigures>,
}

impl Changed {
    /// Counts a visit in, or out.
    fn count_visit(&mut self, node: &str, visit: &Visit, times: i64) {
        let key = (
            slot_of(visit.joined),
            node.to_owned(),
            visit.queue.clone(),
            visit.tier.clone(),
        );
        let figures = self.queues.entry(key).or_default();
        figures.add(&QueueFigures::of_visit(visit), times);
        if let (Some(agent), Some(connected)) = (&visit.agent, visit.connected) {
            let key = agent_key(connected, node, agent, &visit.queue, &visit.tier);
            let figures = self.agents.entry(key).or_default();
            figures.add(&AgentFigures::of_visit(visit), times);
        }
    }

    fn count_offer(&mut self, node: &str, offer: &Offer) {
        let key = agent_key(offer.made(), node, &offer.agent, &offer.queue, &offer.tier);
        self.agents
            .entry(key)
            .or_default()
            .add(&AgentFigures::of_offer(offer), 1);
    }

    fn count_interval(&mut self, node: &str, interval: &Interval) {
        for (slot, figures) in interval.figures() {
            let key = agent_key(slot, node, &interval.agent, &interval.queue, &interval.tier);
            self.agents.entry(key).or_default().add(&figures, 1);
        }
    }
}

fn agent_key(at: u64, node: &str, agent: &str, queue: &str, tier: &str) -> AgentKey {
    (
        slot_of(at),
        node.to_owned(),
        agent.to_owned(),
        queue.to_owned(),
        tier.to_owned(),
    )
}

/// A node's book, and where its changes go.
struct Pen<'a> {
    node: &'a str,
    book: &'a mut Book,
    changed: &'a mut Changed,
    numbers: &'a Numbers,
}

impl Ledger {
    /// Nothing told yet.
    pub fn new(numbers: Numbers) -> Ledger {
        Ledger {
            numbers,
            ..Ledger::default()
        }
    }

    /// The same ledger, keeping numbers so.
    pub fn keeping(mut self, numbers: Numbers) -> Ledger {
        self.numbers = numbers;
        self
    }

    /// The last event of a boot that is in here, if that is the boot that is followed.
    pub fn position(&self, node: &str, boot: &str) -> Option<u64> {
        let book = self.nodes.get(node).filter(|book| book.name == boot)?;
        Some(book.seq)
    }

    /// The number of a boot, if it is known.
    pub fn boot(&self, node: &str, boot: &str) -> Option<u64> {
        self.boots.get(node)?.get(boot).copied()
    }

    /// Numbers of boots from an earlier reading, so that records keep theirs.
    pub(super) fn know_boot(&mut self, node: &str, boot: &str, number: u64) {
        let known = self.boots.entry(node.to_owned()).or_default();
        known.insert(boot.to_owned(), number);
    }

    /// The number of the boot that is followed, and its last event.
    pub(super) fn last(&self, node: &str) -> Option<(u64, u64)> {
        self.nodes.get(node).map(|book| (book.boot, book.seq))
    }

    /// The last of the marks that was told from the store.
    pub(super) fn marked(&self, node: &str) -> u64 {
        self.nodes.get(node).map_or(0, |book| book.marked)
    }

    /// A mark was told.
    pub(super) fn mark(&mut self, node: &str, mark: u64) {
        if let Some(book) = self.nodes.get_mut(node) {
            book.marked = mark;
        }
    }

    /// Has everything that is open stored again.
    pub(super) fn keep_open(&mut self) {
        for (node, book) in &self.nodes {
            let changed = &mut self.changed;
            changed.nodes.insert(node.clone());
            let calls = book.calls.values().cloned();
            changed
                .calls
                .extend(calls.map(|call| ((call.boot, call.born, call.call.clone()), call)));
            let visits = book.visits.values().chain(book.after.values()).cloned();
            changed
                .visits
                .extend(visits.map(|visit| ((visit.boot, visit.born, visit.call.clone()), visit)));
            let surveys = book.surveys.values().cloned();
            changed
                .surveys
                .extend(surveys.map(|one| ((one.boot, one.born, one.call.clone()), one)));
            let agents = book.agents.values().cloned();
            changed
                .intervals
                .extend(agents.map(|one| ((one.boot, one.born, one.agent.clone(), one.from), one)));
        }
    }

    /// What changed was stored already.
    pub(super) fn forget_changes(&mut self) {
        self.changed = Changed::default();
    }

    /// Takes in what a node told.
    pub fn apply(&mut self, node: &str, boot: &str, told: Told<'_>) {
        let begins = self.nodes.get(node).is_none_or(|book| book.name != boot);
        if begins {
            self.begin(node, boot);
        }
        let Some(book) = self.nodes.get_mut(node) else {
            return;
        };
        let mut pen = Pen {
            node,
            book,
            changed: &mut self.changed,
            numbers: &self.numbers,
        };
        match told {
            Told::Boot => {}
            Told::Gap(gap) => pen.gap(gap.last),
            Told::Snapshot(snapshot) => pen.snapshot(snapshot),
            Told::Event(frame) => pen.event(frame),
        }
        self.changed.nodes.insert(node.to_owned());
    }

    /// A new boot: all that was open on the one before is over, nobody knows how.
    fn begin(&mut self, node: &str, boot: &str) {
        let book = self.nodes.entry(node.to_owned()).or_default();
        if !book.name.is_empty() {
            let mut pen = Pen {
                node,
                book,
                changed: &mut self.changed,
                numbers: &self.numbers,
            };
            pen.close_all(Cut::Boot);
            self.changed.over.push((node.to_owned(), std::mem::take(book)));
        }
        let next = 1 + self
            .boots
            .values()
            .flat_map(BTreeMap::values)
            .max()
            .copied()
            .unwrap_or(0);
        let known = self.boots.entry(node.to_owned()).or_default();
        let number = *known.entry(boot.to_owned()).or_insert(next);
        *book = Book {
            boot: number,
            name: boot.to_owned(),
            ..Book::default()
        };
    }
}

impl Pen<'_> {
    fn event(&mut self, frame: &EventFrame) {
        let EventFrame { seq, at, event } = frame;
        // Monotonic within a boot; should it not be, no interval may end before it began.
        self.book.at = self.book.at.max(*at);
        self.book.seq = *seq;
        if self.book.began == 0 {
            self.book.began = *at;
        }
        if self.numbers.found {
            for number in numbers_in(event) {
                if let Caller::Known(number) = self.numbers.plan.caller(number) {
                    let sighting = (number.to_string(), self.book.boot, *seq);
                    self.changed.sightings.insert(sighting);
                }
            }
        }
        match event {
            Event::AgentChanged { from, agent } => self.agent_changed(*from, agent),
            Event::QueueChanged { queue } => self.target(queue),
            Event::ConfigApplied { queues, agents, .. } => {
                self.targets(queues);
                self.all_agents(agents, None);
            }
            Event::SurveyOffered { .. } | Event::SurveyAnswered { .. } | Event::SurveyUnanswered { .. } => {
                self.survey_event(frame);
            }
            _ => self.visit_event(frame),
        }
    }

    fn target(&mut self, queue: &QueueInfo) {
        let known = &mut self.book.targets;
        known.insert(queue.name.clone(), queue.service_target);
    }

    fn targets(&mut self, queues: &[QueueInfo]) {
        self.book.targets.clear();
        queues.iter().for_each(|queue| self.target(queue));
    }

    fn gap(&mut self, last: u64) {
        self.book.seq = self.book.seq.max(last);
        self.interrupt();
    }

    /// From now on nobody knows, until a snapshot says.
    fn interrupt(&mut self) {
        for call in self.book.visits.keys().cloned().collect::<Vec<_>>() {
            self.change(&call, |visit| visit.cut = Cut::Gap);
        }
        self.lose_sight();
    }

    fn snapshot(&mut self, snapshot: &Snapshot) {
        if snapshot.seq > self.book.seq {
            self.gap(snapshot.seq);
        }
        self.targets(&snapshot.queues);
        // Calls first: agents' time belongs to them.
        self.all_calls(&snapshot.calls);
        self.book.at = self.book.at.max(snapshot.at);
        self.all_agents(&snapshot.agents, Some(snapshot.at));
        self.book.gap = None;
    }

    fn close_all(&mut self, cut: Cut) {
        self.close_agents(cut);
        self.close_surveys(cut);
        for call in self.book.visits.keys().cloned().collect::<Vec<_>>() {
            self.lose(&call, cut, false);
        }
        for call in std::mem::take(&mut self.book.calls).into_values() {
            let ended = Some(call.ended.unwrap_or(self.book.at));
            self.keep_call(Call { ended, ..call });
        }
        for agent in self.book.after.keys().cloned().collect::<Vec<_>>() {
            self.settle(&agent, 0);
        }
    }
}

/// Caller numbers in an event.
pub(super) fn numbers_in(event: &Event) -> Vec<&str> {
    match event {
        Event::CallJoined { number, .. }
        | Event::CallbackPlaced { number, .. }
        | Event::CallbackRestored { number, .. } => vec![number],
        Event::CallScreened { number, entry, .. } => vec![number, entry],
        Event::BlacklistChanged { before, after, .. } => {
            let entries = before.iter().chain(after);
            entries.map(|entry| entry.number.as_str()).collect()
        }
        Event::CommandAnswered { command, .. } => match command {
            Command::Blacklist(ListOrder::Add { entry }) => vec![&entry.number],
            Command::Blacklist(ListOrder::Remove { number, .. } | ListOrder::Keep { number, .. }) => {
                vec![number]
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
