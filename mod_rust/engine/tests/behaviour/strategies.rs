//! Whom a queue chooses, by each of its strategies.

use hotline_engine::config::{Agent, Membership, Queue, Strategy};
use hotline_engine::{Config, Span};

use crate::floor::{Floor, agent, at_level, brisk, config, ring};

fn by(strategy: Strategy) -> Queue {
    Queue {
        strategy,
        ..brisk("support")
    }
}

/// Agents 1 to 3 of one queue, signed in one after the other.
fn three(strategy: Strategy) -> Floor {
    Floor::with_agents(by(strategy), &["1", "2", "3"])
}

/// One call after the other, each talked for a second while the rest idle: who got them.
fn chosen(floor: &mut Floor, queue: &str, calls: core::ops::Range<u64>) -> String {
    let mut chosen = String::new();
    for call in calls {
        floor.join(call, queue);
        chosen.push_str(&floor.rung()[0].1);
        floor.serve(call, 1);
    }
    chosen
}

#[test]
fn longest_idle_takes_who_has_been_ready_longest() {
    assert_eq!(
        chosen(&mut three(Strategy::LongestIdle), "support", 1..7),
        "123123"
    );
}

#[test]
fn ring_all_rings_everybody_at_once_and_the_first_to_answer_wins() {
    let mut floor = three(Strategy::RingAll);
    floor.join(1, "support");
    assert_eq!(floor.rung(), [ring(1, "1"), ring(1, "2"), ring(1, "3")]);
    floor.talk(1, 2);
    assert_eq!(floor.call(1).agent, Some(floor.id("2")));
}

#[test]
fn round_robin_goes_around_in_the_order_of_the_settings() {
    let mut floor = three(Strategy::RoundRobin);
    floor.set_not_ready("1", "lunch");
    floor.set_ready("1");
    assert_eq!(
        chosen(&mut floor, "support", 1..6),
        "12312",
        "whoever has been idle longest"
    );
}

#[test]
fn round_robin_passes_over_who_is_busy_and_goes_on_behind_who_was_taken() {
    let mut floor = three(Strategy::RoundRobin);
    floor.set_not_ready("2", "lunch");
    assert_eq!(chosen(&mut floor, "support", 1..4), "131");
    floor.set_ready("2");
    assert_eq!(chosen(&mut floor, "support", 4..7), "231");
}

#[test]
fn round_robin_goes_on_after_a_missed_offer_too() {
    let mut floor = three(Strategy::RoundRobin);
    floor.join(1, "support").pass(20);
    assert_eq!(floor.rung(), [ring(1, "2")]);
}

#[test]
fn round_robin_goes_on_where_it_was_after_a_reload() {
    let mut floor = three(Strategy::RoundRobin);
    assert_eq!(chosen(&mut floor, "support", 1..3), "12");
    let agents = ["1", "2", "3", "4"].map(|number| agent(number, &["support"]));
    floor.reload(config(vec![by(Strategy::RoundRobin)], agents.to_vec()));
    floor.sign_in("4");
    assert_eq!(chosen(&mut floor, "support", 3..8), "34123");
}

#[test]
fn each_queue_has_its_own_round() {
    let queues = ["support", "sales"].map(|name| Queue {
        strategy: Strategy::RoundRobin,
        ..brisk(name)
    });
    let agents = ["1", "2"].map(|number| agent(number, &["support", "sales"]));
    let mut floor = Floor::staffed(queues.to_vec(), agents.to_vec());
    assert_eq!(chosen(&mut floor, "support", 1..2), "1");
    assert_eq!(chosen(&mut floor, "sales", 2..4), "12");
    assert_eq!(chosen(&mut floor, "support", 4..5), "2");
}

/// Agents 1 and 2 of `support`, the first of `sales` as well.
fn with_sales(strategy: Strategy) -> Floor {
    let agents = vec![agent("1", &["support", "sales"]), agent("2", &["support"])];
    Floor::staffed(vec![by(strategy), brisk("sales")], agents)
}

#[test]
fn fewest_calls_counts_those_of_all_queues() {
    let mut floor = with_sales(Strategy::FewestCalls);
    chosen(&mut floor, "sales", 1..4);
    assert_eq!(
        chosen(&mut floor, "support", 4..9),
        "22212",
        "then the longer idle of equals"
    );
}

#[test]
fn fewest_calls_counts_only_calls_that_were_connected() {
    let mut floor = Floor::with_agents(by(Strategy::FewestCalls), &["1", "2"]);
    floor.join(1, "support").gone(1).join(2, "support");
    assert_eq!(floor.rung(), [ring(2, "1")]);
}

#[test]
fn fewest_calls_counts_anew_from_signing_in() {
    let mut floor = with_sales(Strategy::FewestCalls);
    chosen(&mut floor, "sales", 1..4);
    chosen(&mut floor, "support", 4..5);
    floor.sign_out("1");
    floor.sign_in("1");
    assert_eq!(chosen(&mut floor, "support", 5..6), "1");
}

#[test]
fn least_talk_time_counts_that_of_all_queues_holds_included() {
    let mut floor = with_sales(Strategy::LeastTalkTime);
    floor.join(1, "sales").serve(1, 25);
    floor.join(2, "support");
    assert_eq!(floor.rung(), [ring(2, "2")]);
    floor.serve(2, 10).join(3, "support");
    assert_eq!(floor.rung(), [ring(3, "2")]);
    floor.serve(3, 20).join(4, "support");
    assert_eq!(floor.rung(), [ring(4, "1")], "25 s against 30 s");
}

#[test]
fn least_talk_time_counts_anew_from_signing_in() {
    let mut floor = with_sales(Strategy::LeastTalkTime);
    floor
        .join(1, "sales")
        .serve(1, 25)
        .join(2, "support")
        .serve(2, 10);
    floor.sign_out("1");
    floor.sign_in("1");
    floor.join(3, "support");
    assert_eq!(floor.rung(), [ring(3, "1")]);
}

#[test]
fn linear_takes_the_first_in_the_settings_who_can() {
    let mut floor = three(Strategy::Linear);
    assert_eq!(chosen(&mut floor, "support", 1..4), "111");
    floor.join(4, "support").join(5, "support");
    assert_eq!(floor.rung(), [ring(5, "2")]);
}

#[test]
fn linear_follows_the_order_of_new_settings() {
    let mut floor = three(Strategy::Linear);
    let agents = ["3", "1", "2"].map(|number| agent(number, &["support"]));
    floor.reload(config(vec![by(Strategy::Linear)], agents.to_vec()));
    assert_eq!(chosen(&mut floor, "support", 1..3), "33");
}

#[test]
fn skill_level_takes_the_best_level_and_of_equals_the_longest_idle() {
    let agents = vec![
        at_level("1", "support", 2),
        at_level("2", "support", 1),
        at_level("3", "support", 1),
    ];
    let mut floor = Floor::staffed(vec![by(Strategy::SkillLevel)], agents);
    assert_eq!(chosen(&mut floor, "support", 1..5), "2323");
    floor.set_not_ready("2", "lunch");
    floor.set_not_ready("3", "lunch");
    assert_eq!(chosen(&mut floor, "support", 5..6), "1");
}

/// Agents 1 to 3 with these weights, for chance to choose from.
fn weighted(strategy: Strategy, weights: [u16; 3]) -> Config {
    let agents = ["1", "2", "3"].into_iter().zip(weights);
    let agents = agents.map(|(number, weight)| Agent {
        always_signed_in: true,
        queues: vec![Membership {
            weight,
            ..Membership::of("support")
        }],
        ..agent(number, &[])
    });
    config(vec![by(strategy)], agents.collect())
}

const PICKS: u64 = 3_000;

/// Nine in ten thousand such experiments are off by more, were chance fair: three standard deviations and a bit.
fn is_about(count: usize, of: usize, expected: f64) -> bool {
    let deviation = (expected * (1.0 - expected) / of as f64).sqrt();
    (count as f64 / of as f64 - expected).abs() < 3.3 * deviation
}

#[test]
fn random_takes_everybody_alike_whatever_the_weights() {
    let mut floor = Floor::new(weighted(Strategy::Random, [1, 5, 25]));
    let chosen = chosen(&mut floor, "support", 1..PICKS + 1);
    for number in ["1", "2", "3"] {
        let count = chosen.matches(number).count();
        assert!(is_about(count, chosen.len(), 1.0 / 3.0), "{count} times {number}");
    }
}

#[test]
fn weighted_random_takes_everybody_in_proportion_to_weight() {
    let mut floor = Floor::new(weighted(Strategy::WeightedRandom, [1, 2, 5]));
    let chosen = chosen(&mut floor, "support", 1..PICKS + 1);
    for (number, share) in [("1", 0.125), ("2", 0.25), ("3", 0.625)] {
        let count = chosen.matches(number).count();
        assert!(is_about(count, chosen.len(), share), "{count} times {number}");
    }
}

#[test]
fn chance_makes_no_difference_between_the_newly_freed_and_those_who_have_waited_long() {
    let mut floor = Floor::new(weighted(Strategy::Random, [1, 1, 1]));
    let chosen = chosen(&mut floor, "support", 1..PICKS + 1).into_bytes();
    // Whoever talked last is newly freed; of the other two, one has waited longer.
    let (mut again, mut longest, mut rounds) = (0, 0, 0);
    for at in 2..chosen.len() {
        let (last, now) = (chosen[at - 1], chosen[at]);
        let Some(before) = chosen[..at].iter().rev().find(|one| **one != last) else {
            continue;
        };
        rounds += 1;
        again += usize::from(now == last);
        longest += usize::from(now != last && now != *before);
    }
    assert!(
        is_about(again, rounds, 1.0 / 3.0),
        "the newly freed {again} of {rounds}"
    );
    assert!(
        is_about(longest, rounds, 1.0 / 3.0),
        "the longest idle {longest} of {rounds}"
    );
}

#[test]
fn chance_is_fair_among_those_left_while_others_talk() {
    let mut floor = Floor::new(weighted(Strategy::WeightedRandom, [1, 3, 12]));
    let mut first = 0;
    let mut rounds = 0;
    for round in 0..PICKS {
        let (one, other) = (2 * round + 1, 2 * round + 2);
        floor.join(one, "support").talks(one).join(other, "support");
        let taken = (floor.call(one).agent, floor.rung()[0].1.clone());
        if taken.0 == Some(floor.id("3")) {
            rounds += 1;
            first += usize::from(taken.1 == "1");
        }
        floor
            .serve(other, 1)
            .ended(one, hotline_engine::input::Party::Caller)
            .pass(1);
    }
    assert!(is_about(first, rounds, 0.25), "agent 1 in {first} of {rounds}");
}

#[test]
fn chance_is_the_same_for_the_same_seed_and_another_for_another() {
    let of = |seed| {
        let mut floor = Floor::seeded(weighted(Strategy::Random, [1, 1, 1]), seed);
        chosen(&mut floor, "support", 1..50)
    };
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
}

#[test]
fn an_offer_taken_back_without_blame_leaves_chance_as_it_was() {
    let mut floor = Floor::new(weighted(Strategy::Random, [1, 1, 1]));
    let first = floor.join(1, "support").rung()[0].1.clone();
    floor.gone(1).pass(5).join(2, "support");
    assert_eq!(floor.rung(), [ring(2, &first)]);
}

#[test]
fn a_strategy_chooses_among_those_who_suit_only() {
    let agents = vec![at_level("1", "support", 1), at_level("2", "support", 3)];
    for strategy in [
        Strategy::LongestIdle,
        Strategy::RingAll,
        Strategy::RoundRobin,
        Strategy::FewestCalls,
        Strategy::LeastTalkTime,
        Strategy::Random,
        Strategy::Linear,
        Strategy::WeightedRandom,
        Strategy::SkillLevel,
    ] {
        let queue = Queue {
            level: 2,
            ring_time: Span::seconds(100),
            ..by(strategy)
        };
        let mut floor = Floor::staffed(vec![queue], agents.clone());
        floor.join(1, "support");
        assert_eq!(floor.rung(), [ring(1, "1")], "{strategy:?}");
        floor.join(2, "support");
        assert_eq!(floor.rung(), [], "{strategy:?}");
    }
}
