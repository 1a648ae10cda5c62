//! How unfair settings can be, and that callers never are served less fairly than that.

use std::collections::{BTreeMap, BTreeSet};

use hotline_engine::config::{Exits, Fairness, Operation, Overtaking, Queue, Rule, Strategy, Tier};
use hotline_engine::ids::{CallId, OfferId};
use hotline_engine::input::{Caller, Party, PhoneState};
use hotline_engine::{Config, Event, Input, Span, Time};
use proptest::prelude::*;

use crate::floor::{Floor, agent, brisk, config, queue, rule, rule_every, to_queue, way};

fn raise(seconds: u64) -> Operation {
    Operation::Raise(Span::seconds(seconds))
}

fn worth(name: &str, handicap: u64, rules: Vec<Rule>) -> Queue {
    Queue {
        handicap: Span::seconds(handicap),
        rules,
        ..queue(name)
    }
}

/// Each queue and tier with the worst of those who overtake it, and by how many seconds.
fn stated(config: &Config) -> Vec<String> {
    let told = |row: Overtaking| {
        let longest = row
            .longest
            .map_or("without end".to_owned(), |span| (span.0 / 1_000_000).to_string());
        format!(
            "{} {} by {} {}: {longest}",
            row.queue, row.tier, row.by_queue, row.by_tier
        )
    };
    config.fairness().rows.into_iter().map(told).collect()
}

#[test]
fn a_tier_is_overtaken_by_those_worth_more_for_what_they_are_worth_more() {
    let settings = config(vec![queue("support")], vec![agent("1", &["support"])]);
    assert_eq!(
        stated(&settings),
        [
            "support basic by support gold: 120",
            "support gold by support gold: 0"
        ]
    );
}

#[test]
fn queues_compete_if_they_share_an_agent_and_only_then() {
    let queues = || vec![worth("support", 0, vec![]), worth("sales", 30, vec![])];
    let apart = config(queues(), vec![agent("1", &["support"]), agent("2", &["sales"])]);
    assert_eq!(stated(&apart)[0], "support basic by support gold: 120");
    let shared = config(queues(), vec![agent("1", &["support", "sales"])]);
    assert_eq!(
        stated(&shared),
        [
            "support basic by sales gold: 150",
            "support gold by sales gold: 30",
            "sales basic by sales gold: 120",
            "sales gold by sales gold: 0",
        ]
    );
}

#[test]
fn queues_compete_for_the_agents_of_one_that_a_rule_adds() {
    let add = rule(60, vec![Operation::AddQueue("sales".to_owned())]);
    let queues = vec![worth("support", 300, vec![add]), worth("sales", 0, vec![])];
    let settings = config(queues, vec![agent("1", &["support"]), agent("2", &["sales"])]);
    assert_eq!(stated(&settings)[2], "sales basic by support gold: 420");
}

#[test]
fn what_a_rule_raises_counts_for_the_tiers_that_it_is_for() {
    let gold_only = Rule {
        tiers: vec!["gold".to_owned()],
        ..rule(60, vec![raise(40)])
    };
    let settings = config(
        vec![worth("support", 0, vec![rule(30, vec![raise(5)]), gold_only])],
        vec![agent("1", &["support"])],
    );
    assert_eq!(
        stated(&settings),
        [
            "support basic by support gold: 165",
            "support gold by support gold: 45"
        ]
    );
}

#[test]
fn who_is_raised_again_and_again_overtakes_without_bound() {
    let settings = config(
        vec![worth("support", 0, vec![rule_every(30, 60, vec![raise(5)])])],
        vec![agent("1", &["support"])],
    );
    assert_eq!(
        stated(&settings)[0],
        "support basic by support basic: without end"
    );
}

#[test]
fn what_a_caller_was_raised_by_comes_along_into_the_next_queue() {
    let on = |to: &str| Operation::Divert(way(to_queue(to)));
    let queues = vec![
        worth(
            "support",
            0,
            vec![rule(10, vec![raise(40)]), rule(60, vec![on("sales")])],
        ),
        worth("sales", 100, vec![rule(20, vec![raise(7)])]),
    ];
    let settings = config(queues, vec![agent("1", &["sales"])]);
    assert_eq!(
        stated(&settings)[2],
        "sales basic by sales gold: 167",
        "120, 40 and 7 s"
    );
}

#[test]
fn who_is_sent_around_may_be_raised_each_time() {
    let around = |name: &str, to: &str| Queue {
        exits: Exits {
            timeout: way(to_queue(to)),
            ..Exits::default()
        },
        ..worth(name, 0, vec![rule(10, vec![raise(1)])])
    };
    let settings = config(
        vec![around("support", "sales"), around("sales", "support")],
        vec![agent("1", &["sales"])],
    );
    assert_eq!(
        stated(&settings)[0],
        "support basic by support gold: 129",
        "nine visits"
    );
}

#[test]
fn a_queue_without_agents_states_its_own() {
    let settings = config(vec![queue("support")], vec![]);
    assert_eq!(stated(&settings).len(), 2);
}

/// Settings of one pool of agents, whatever the tiers, queues and rules.
fn settings() -> impl Strategy_<Value = Config> {
    let raises = prop::option::of((0_u64..60, 0_u64..150));
    let diverts = prop::option::of((30_u64..120, 0_usize..3));
    let strategy = prop::sample::select(vec![Strategy::LongestIdle, Strategy::Random, Strategy::RingAll]);
    let queue = (0_u64..200, raises, diverts, strategy);
    let tiers = prop::collection::vec(0_u64..300, 1..4);
    (prop::collection::vec(queue, 1..4), tiers, 1_usize..4).prop_map(|(queues, tiers, agents)| {
        let names: Vec<String> = (0..queues.len()).map(|at| format!("q{at}")).collect();
        let queues = queues
            .into_iter()
            .zip(&names)
            .map(|((handicap, raises, diverts, strategy), name)| {
                let raises = raises.map(|(after, by)| rule(after, vec![raise(by)]));
                let diverts = diverts.map(|(after, to)| {
                    rule(
                        after,
                        vec![Operation::Divert(way(to_queue(&names[to % names.len()])))],
                    )
                });
                Queue {
                    strategy,
                    handicap: Span::seconds(handicap),
                    rules: raises.into_iter().chain(diverts).collect(),
                    ..brisk(name)
                }
            });
        let served: Vec<&str> = names.iter().map(String::as_str).collect();
        let agents = (0..agents).map(|at| agent(&at.to_string(), &served));
        let mut settings = config(queues.collect(), agents.collect());
        let tier = |(at, handicap)| Tier {
            name: format!("t{at}"),
            handicap: Span::seconds(handicap),
            spoken: String::new(),
        };
        settings.tiers = tiers.into_iter().enumerate().map(tier).collect();
        settings
    })
}

use proptest::strategy::Strategy as Strategy_;

/// Seconds after the one before, queue, tier, how long the agent takes to answer and the talk takes.
type Arrival = (u64, usize, usize, u64, u64);

fn arrivals() -> impl Strategy_<Value = Vec<Arrival>> {
    prop::collection::vec((0_u64..40, 0_usize..3, 0_usize..3, 0_u64..6, 10_u64..120), 1..50)
}

/// A floor that callers come to, and what has become of them.
struct Day {
    floor: Floor,
    stated: Fairness,
    config: Config,
    /// What the host will see, and when; of the same time in this order.
    to_come: BTreeMap<(Time, u64), Input>,
    next: u64,
    arrivals: Vec<Arrival>,
    joined: BTreeMap<u64, Time>,
    /// Those sent to another queue at some time.
    moved: BTreeSet<u64>,
    /// Calls that are rung for, by offer.
    rung: BTreeMap<OfferId, u64>,
}

impl Day {
    fn plan(&mut self, at: Time, input: Input) {
        self.next += 1;
        self.to_come.insert((at, self.next), input);
    }

    /// The longest that a caller of that queue and tier can be overtaken.
    fn bound(&self, queue: u32, tier: u8) -> Option<Span> {
        let (queue, tier) = (
            &self.config.queues[queue as usize].name,
            &self.config.tiers[usize::from(tier)].name,
        );
        let mut rows = self.stated.rows.iter();
        rows.find(|row| row.queue == *queue && row.tier == *tier)
            .unwrap()
            .longest
    }

    /// Lets one thing happen, and looks at who was served before whom.
    fn step(&mut self, at: Time, input: Input) -> Result<(), TestCaseError> {
        let before = self.floor.engine.view();
        self.floor.now = at;
        self.floor.input(input);
        let mut offered = BTreeSet::new();
        for event in self.floor.events.clone() {
            match event {
                Event::CallJoined { call, .. } => {
                    if self.joined.contains_key(&call.0) {
                        self.moved.insert(call.0);
                    }
                    self.joined.entry(call.0).or_insert(at);
                }
                Event::OfferMade { offer, call, .. } => {
                    self.rung.insert(offer, call.0);
                    offered.insert(call.0);
                    let (.., answers, _) = self.arrivals[call.0 as usize - 1];
                    self.plan(at + Span::seconds(answers), Input::Answered { offer });
                }
                Event::OfferEnded { offer, .. } => {
                    self.rung.remove(&offer);
                }
                Event::CallConnected { call, .. } => {
                    let (.., talks) = self.arrivals[call.0 as usize - 1];
                    let by = Party::Caller;
                    let phone = PhoneState::Available;
                    self.plan(at + Span::seconds(talks), Input::Ended { call, by, phone });
                }
                _ => {}
            }
        }
        for action in &self.floor.actions.clone() {
            if let hotline_engine::Action::Call {
                call,
                action: hotline_engine::CallAction::Connect { .. },
            } = action
            {
                self.plan(at, Input::Connected { call: *call });
            }
        }
        let after = self.floor.engine.view();
        let rung: BTreeSet<u64> = self.rung.values().copied().collect();
        for left in after
            .calls
            .iter()
            .filter(|call| call.connected.is_none() && !rung.contains(&call.call.0))
        {
            let was = before
                .calls
                .iter()
                .find(|call| call.call == left.call)
                .unwrap_or(left);
            let bounds = [was, left].map(|call| self.bound(call.queue.0, call.tier.0));
            let bound = bounds
                .into_iter()
                .min_by_key(|bound| bound.map_or(0, |bound| u64::MAX - bound.0))
                .flatten();
            for taken in &offered {
                let (later, earlier) = (self.joined[taken], self.joined[&left.call.0]);
                let by = later.since(earlier);
                prop_assert!(
                    bound.is_none_or(|bound| by <= bound),
                    "{} before {} by {by:?}, not {bound:?}",
                    taken,
                    left.call.0
                );
                let taken_view = after.calls.iter().find(|call| call.call.0 == *taken);
                let alike = taken_view.is_some_and(|view| (view.queue, view.tier) == (left.queue, left.tier));
                let stayed = !self.moved.contains(taken) && !self.moved.contains(&left.call.0);
                prop_assert!(
                    !alike || !stayed || (later, *taken) < (earlier, left.call.0),
                    "{taken} before {}",
                    left.call.0
                );
            }
        }
        Ok(())
    }

    /// Until all is over.
    fn run(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..100_000 {
            let planned = self.to_come.first_key_value().map(|((at, _), _)| *at);
            let wanted = self.floor.engine.deadline();
            let Some(at) = planned.into_iter().chain(wanted).min() else {
                return Ok(());
            };
            match self.to_come.first_entry() {
                Some(first) if first.key().0 == at => {
                    let input = first.remove();
                    self.step(at, input)?;
                }
                _ => self.step(at, Input::Tick)?,
            }
        }
        Err(TestCaseError::fail("the day does not end"))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Nobody is overtaken by who joined later by more than the settings state; callers of the same queue and tier are served in
    /// the order of joining; and everybody is served in the end.
    #[test]
    fn nobody_is_overtaken_for_longer_than_stated_and_nobody_starves(config in settings(), arrivals in arrivals()) {
        let floor = Floor::of(config.clone());
        let mut at = floor.now;
        let mut day = Day {
            stated: config.fairness(),
            floor,
            config: config.clone(),
            to_come: BTreeMap::new(),
            next: 0,
            arrivals: arrivals.clone(),
            joined: BTreeMap::new(),
            moved: BTreeSet::new(),
            rung: BTreeMap::new(),
        };
        for ((gap, queue, tier, ..), call) in arrivals.iter().zip(1..) {
            at = at + Span::seconds(*gap);
            let caller = Caller {
                tier: config.tiers[tier % config.tiers.len()].name.clone(),
                ..Caller::default()
            };
            let queue = config.queues[queue % config.queues.len()].name.clone();
            day.plan(at, Input::Join { call: CallId(call), queue, caller });
        }
        day.run()?;
        prop_assert!(day.floor.engine.view().calls.is_empty());
        prop_assert_eq!(day.joined.len(), arrivals.len());
    }
}
