//! Agents' time in their states: intervals that follow each other without hole or overlap while an agent is signed in.

use hotline_wire::snapshot::{AgentInfo, AgentState};

use super::Pen;
use super::rows::{Cut, Interval};

/// What a state is about.
#[derive(Default)]
struct About {
    call: Option<String>,
    queue: String,
    tier: String,
}

impl Pen<'_> {
    pub(super) fn agent_changed(&mut self, from: AgentState, info: &AgentInfo) {
        let at = self.book.at;
        if !self.book.agents.contains_key(&info.number) && from != AgentState::SignedOut {
            // Who came in a gap was there before; since when, nobody knows.
            self.unseen(&info.number, at);
        }
        self.turn(info, at);
    }

    /// All agents there are. `since` is believed of those whose state was not known, up to `until`.
    pub(super) fn all_agents(&mut self, agents: &[AgentInfo], until: Option<u64>) {
        let at = self.book.at;
        let mut gone: Vec<String> = self.book.agents.keys().cloned().collect();
        for info in agents {
            gone.retain(|number| *number != info.number);
            let open = self.book.agents.get(&info.number);
            let unknown = open.filter(|open| open.state.is_none()).map(|open| open.from);
            let unknown = match open {
                Some(_) => unknown,
                None => self.book.gap,
            };
            let begins = match (unknown, until) {
                (Some(from), Some(_)) if info.since <= from => from,
                (Some(_), Some(until)) => info.since.min(until),
                (None, _) | (_, None) => at,
            };
            if open.is_none() && info.state != AgentState::SignedOut {
                self.unseen(&info.number, begins);
            }
            self.turn(info, begins);
        }
        for number in gone {
            self.close(&number, at, Cut::None);
        }
    }

    /// Of an agent who was signed out before the gap and is in now, the time since then is not known.
    fn unseen(&mut self, number: &str, until: u64) {
        if let Some(from) = self.book.gap.filter(|from| *from < until) {
            self.open(number, from, None, "", About::default());
        }
    }

    /// The agent is in this state from `at` on, if it is another one, or about another call.
    fn turn(&mut self, info: &AgentInfo, at: u64) {
        let about = self.about(info);
        let same = |open: &Interval| {
            open.state == Some(info.state) && open.reason == info.reason && open.call == about.call
        };
        if self.book.agents.get(&info.number).is_some_and(same) {
            return;
        }
        self.close(&info.number, at, Cut::None);
        if info.state != AgentState::WrapUp {
            self.settle_unless_talking(info);
        }
        if info.state != AgentState::SignedOut {
            self.open(&info.number, at, Some(info.state), &info.reason, about);
        }
    }

    /// Who goes on without after-call work has none for the call before.
    fn settle_unless_talking(&mut self, info: &AgentInfo) {
        // The end of a call is told before what its agent does then, and a hold's end may be told in between.
        let ended = self.book.after.get(&info.number).map(|visit| visit.call.as_str());
        if ended.is_some() && info.call.as_deref() != ended {
            self.settle(&info.number, 0);
        }
    }

    fn about(&self, info: &AgentInfo) -> About {
        let number = &info.number;
        if let Some(call) = &info.call {
            let visit = self.book.visits.get(call);
            return About {
                call: Some(call.clone()),
                queue: visit.map(|visit| visit.queue.clone()).unwrap_or_default(),
                tier: visit.map(|visit| visit.tier.clone()).unwrap_or_default(),
            };
        }
        if info.state != AgentState::WrapUp {
            return About::default();
        }
        match (self.book.after.get(number), self.book.agents.get(number)) {
            (Some(visit), _) => About {
                call: Some(visit.call.clone()),
                queue: visit.queue.clone(),
                tier: visit.tier.clone(),
            },
            (None, Some(before)) => About {
                call: before.call.clone(),
                queue: before.queue.clone(),
                tier: before.tier.clone(),
            },
            (None, None) => About::default(),
        }
    }

    fn open(&mut self, number: &str, from: u64, state: Option<AgentState>, reason: &str, about: About) {
        let interval = Interval {
            boot: self.book.boot,
            agent: number.to_owned(),
            born: self.book.seq,
            from,
            until: None,
            state,
            reason: reason.to_owned(),
            call: about.call,
            queue: about.queue,
            tier: about.tier,
            cut: Cut::None,
        };
        self.keep_interval(&interval);
        self.book.agents.insert(number.to_owned(), interval);
    }

    fn close(&mut self, number: &str, at: u64, cut: Cut) {
        let Some(mut interval) = self.book.agents.remove(number) else {
            return;
        };
        let until = at.max(interval.from);
        (interval.until, interval.cut) = (Some(until), cut);
        self.changed.count_interval(self.node, &interval);
        self.keep_interval(&interval);
        if interval.state == Some(AgentState::WrapUp) {
            self.settle(number, until - interval.from);
        }
    }

    /// Nobody knows what agents do from now on.
    pub(super) fn lose_sight(&mut self) {
        let at = self.book.at;
        if at == 0 {
            // Nothing is known of this boot yet that could go on.
            return;
        }
        self.book.gap.get_or_insert(at);
        let known = |(number, open): (&String, &Interval)| open.state.is_some().then(|| number.clone());
        for number in self.book.agents.iter().filter_map(known).collect::<Vec<_>>() {
            self.close(&number, at, Cut::Gap);
            self.open(&number, at, None, "", About::default());
        }
    }

    pub(super) fn close_agents(&mut self, cut: Cut) {
        let at = self.book.at;
        for number in self.book.agents.keys().cloned().collect::<Vec<_>>() {
            self.close(&number, at, cut);
        }
    }

    fn keep_interval(&mut self, interval: &Interval) {
        let key = (
            interval.boot,
            interval.born,
            interval.agent.clone(),
            interval.from,
        );
        self.changed.intervals.insert(key, interval.clone());
    }
}
