//! What waiting callers are told, and when they are told nothing.

use hotline_engine::Span;
use hotline_engine::action::{CallAction, Spoken, Utterance};
use hotline_engine::config::{Exits, Greeting, Intro, Operation, Prompt, Queue, Way};
use hotline_engine::ids::OfferId;
use hotline_engine::input::Party;
use proptest::prelude::*;

use crate::floor::{Floor, brisk, file, prompt, rule, rule_every, say};

/// Calls take 90 s; every caller is told this at joining and each half minute.
fn telling(prompts: Vec<Prompt>) -> Queue {
    Queue {
        handle_time: Span::seconds(90),
        rules: vec![rule_every(0, 30, vec![Operation::Say(prompts)])],
        ..brisk("support")
    }
}

/// One agent, measured to take 90 s, who talks with call 1. With nobody, one, two ahead a caller then waits 60, 150, 240 s.
fn busy(queue: Queue) -> Floor {
    let mut floor = Floor::with_agents(queue, &["1"]);
    floor.measure("support", 90).join(1, "support").talks(1);
    floor
}

fn number(number: u32) -> Vec<Utterance> {
    vec![Utterance::Number(number)]
}

#[test]
fn nothing_to_say_is_not_said() {
    let mut floor = busy(Queue {
        rules: vec![rule(0, vec![Operation::Say(vec![])])],
        ..brisk("support")
    });
    floor.join(2, "support");
    assert_eq!(floor.said(2).len(), 0);
}

#[test]
fn files_and_figures_are_said_together_in_their_order() {
    let mut floor = busy(telling(vec![prompt("you-are"), Prompt::Position, prompt("next")]));
    floor.join(2, "support");
    let said = vec![file("you-are"), Utterance::Number(1), file("next")];
    assert_eq!(floor.said(2), [said]);
}

#[test]
fn the_place_is_one_for_who_is_next_and_falls_as_others_leave() {
    let mut floor = busy(telling(vec![Prompt::Position]));
    floor.join(2, "support").join(3, "support");
    assert_eq!(floor.said(3), [number(2)]);
    floor.gone(2).pass(30);
    assert_eq!(floor.said(3), [number(1)]);
}

#[test]
fn a_place_once_told_never_gets_worse_however_many_overtake() {
    let mut floor = busy(telling(vec![Prompt::Position]));
    floor.join(2, "support").join(3, "support");
    floor
        .join_as(4, "support", "gold", 0)
        .join_as(5, "support", "gold", 0);
    assert_eq!(floor.position(3), 4);
    floor.pass(30);
    assert_eq!(floor.said(3), [number(2)]);
}

#[test]
fn the_wait_is_told_in_minutes_rounded_up_and_at_least_one() {
    let mut floor = busy(telling(vec![Prompt::Wait]));
    floor.join(2, "support").join(3, "support");
    assert_eq!(floor.said(3), [number(3)], "150 s");
    floor.pass(30);
    assert_eq!(floor.said(2), [number(1)], "30 s left of 60");
    floor.pass(60);
    assert_eq!(floor.said(2), [number(1)], "none left");
}

#[test]
fn a_wait_once_told_only_shrinks_with_the_time_that_passes_however_many_overtake() {
    let mut floor = busy(telling(vec![Prompt::Wait]));
    floor
        .join(2, "support")
        .join(3, "support")
        .join_as(4, "support", "gold", 0);
    assert_eq!(floor.estimate(3).map(|wait| wait.p50), Some(Span::seconds(240)));
    floor.pass(30);
    assert_eq!(floor.said(3), [number(2)], "120 s left of 150");
}

#[test]
fn a_wait_that_turns_out_shorter_is_told_so() {
    let mut floor = busy(telling(vec![Prompt::Wait]));
    floor.join(2, "support").join(3, "support").join(4, "support");
    assert_eq!(floor.said(4), [number(4)], "240 s");
    floor.gone(2).gone(3).pass(30);
    assert_eq!(floor.said(4), [number(1)], "60 s, not the 210 s that are left");
}

#[test]
fn while_the_wait_is_not_reliable_everything_said_with_it_is_left_out() {
    let mut floor = Floor::with_agents(telling(vec![prompt("you-wait"), Prompt::Wait]), &["1"]);
    floor.join(1, "support").talks(1).join(2, "support");
    assert!(floor.estimate(2).is_some(), "only a guess");
    assert_eq!(floor.said(2).len(), 0);
    floor.gone(2).ended(1, Party::Caller);
    floor
        .measure("support", 90)
        .join(3, "support")
        .talks(3)
        .join(4, "support");
    assert_eq!(floor.said(4).len(), 1);
}

#[test]
fn a_place_left_out_together_with_the_wait_does_not_count_as_told() {
    let mut queue = telling(vec![Prompt::Position, Prompt::Wait]);
    queue
        .rules
        .push(rule(30, vec![Operation::Say(vec![Prompt::Position])]));
    let mut floor = Floor::with_agents(queue, &["1"]);
    floor.join(1, "support").talks(1).join(2, "support");
    assert_eq!(floor.said(2).len(), 0);
    floor.join_as(3, "support", "gold", 0).pass(30);
    assert_eq!(floor.said(2), [number(2)]);
}

#[test]
fn when_nobody_is_at_work_no_wait_is_told() {
    let mut floor = busy(telling(vec![Prompt::Wait]));
    floor.set_not_ready("1", "lunch");
    floor.ended(1, Party::Caller).join(2, "support");
    assert_eq!(floor.said(2).len(), 0);
}

#[test]
fn another_queue_tells_place_and_wait_afresh() {
    let queues = vec![
        telling(vec![Prompt::Position]),
        Queue {
            rules: vec![rule(0, vec![Operation::Say(vec![Prompt::Position])])],
            ..brisk("sales")
        },
    ];
    let mut floor = Floor::staffed(queues, vec![]);
    floor.join(1, "sales").join(2, "sales").join(3, "support");
    assert_eq!(floor.said(3), [number(1)]);
    floor.boss(hotline_engine::Command::MoveCall {
        call: hotline_engine::ids::CallId(3),
        queue: "sales".to_owned(),
    });
    assert_eq!(floor.said(3), [number(3)]);
}

#[test]
fn a_new_prompt_is_given_whatever_is_being_said() {
    let mut floor = busy(Queue {
        rules: vec![rule(0, vec![say("one"), say("two")])],
        ..brisk("support")
    });
    floor.join(2, "support");
    assert_eq!(floor.said(2), [vec![file("one")], vec![file("two")]]);
}

/// What a caller who finds no room hears.
fn turned_away(prompts: Vec<Prompt>) -> Queue {
    Queue {
        max_waiting: 1,
        handle_time: Span::seconds(90),
        exits: Exits {
            full: Way {
                say: prompts,
                ..Way::default()
            },
            ..Exits::default()
        },
        ..brisk("support")
    }
}

fn heard(floor: &Floor, call: u64) -> Vec<Utterance> {
    let heard = |action| match action {
        CallAction::Release { say, .. } => Some(say),
        _ => None,
    };
    floor.told_exactly(call).into_iter().find_map(heard).unwrap()
}

#[test]
fn who_is_turned_away_is_told_in_how_many_minutes_to_try_again() {
    let mut floor = busy(turned_away(vec![prompt("try-in"), Prompt::RetryIn]));
    floor.join(2, "support").join(3, "support");
    assert_eq!(
        heard(&floor, 3),
        [file("try-in"), Utterance::Number(3)],
        "150 s behind one other"
    );
}

#[test]
fn who_is_turned_away_where_nothing_has_been_measured_is_told_nothing() {
    let mut floor = Floor::with_agents(turned_away(vec![prompt("try-in"), Prompt::RetryIn]), &["1"]);
    floor
        .join(1, "support")
        .talks(1)
        .join(2, "support")
        .join(3, "support");
    assert_eq!(heard(&floor, 3), []);
}

#[test]
fn who_leaves_has_no_place_and_no_wait_to_be_told() {
    for figure in [Prompt::Position, Prompt::Wait] {
        let mut floor = busy(turned_away(vec![prompt("sorry"), figure]));
        floor.join(2, "support").join(3, "support");
        assert_eq!(heard(&floor, 3), []);
    }
}

/// What a queue sees in ten seconds: nothing, somebody joins as a tier, somebody leaves, or the talk ends.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Nothing,
    Joins(&'static str),
    Leaves(usize),
    Hangs,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        2 => Just(Happening::Nothing),
        2 => Just(Happening::Joins("basic")),
        2 => Just(Happening::Joins("gold")),
        1 => (0_usize..20).prop_map(Happening::Leaves),
        1 => Just(Happening::Hangs),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens, the place that a caller is told never gets worse, and the end of the wait never comes later.
    #[test]
    fn no_caller_is_ever_told_anything_worse(happenings in prop::collection::vec(happening(), 1..60)) {
        let telling = Queue {
            handle_time: Span::seconds(90),
            rules: vec![rule_every(0, 10, vec![Operation::Say(vec![Prompt::Position]), Operation::Say(vec![Prompt::Wait])])],
            ..brisk("support")
        };
        let mut floor = Floor::with_agents(telling, &["1"]);
        floor.measure("support", 90).join(1, "support").talks(1);
        let (mut talking, mut calls) = (1, 1);
        let mut told: Vec<(u32, u64)> = vec![(u32::MAX, u64::MAX); 70];
        for happening in happenings {
            let waiting: Vec<u64> = floor.engine.view().calls.iter().map(|call| call.call.0).filter(|call| *call != talking).collect();
            match happening {
                Happening::Nothing => {}
                Happening::Joins(tier) => {
                    calls += 1;
                    floor.join_as(calls, "support", tier, 0);
                }
                Happening::Leaves(_) if waiting.is_empty() => {}
                Happening::Leaves(at) => {
                    floor.gone(waiting[at % waiting.len()]);
                }
                Happening::Hangs => {
                    floor.ended(talking, Party::Caller);
                    if waiting.is_empty() {
                        calls += 1;
                        floor.join(calls, "support");
                    }
                    talking = floor.rung()[0].0;
                    floor.talks(talking);
                }
            }
            floor.pass(10);
            for call in waiting {
                let minutes = floor.now.0 / 60_000_000;
                for (at, say) in floor.said(call).into_iter().enumerate() {
                    let [Utterance::Number(number)] = say[..] else { continue };
                    let (place, end) = &mut told[call as usize];
                    if at == 0 {
                        prop_assert!(number <= *place, "call {call} was told place {place}, then {number}");
                        *place = number;
                    } else {
                        // Rounding up costs a minute at most, and one minute is the least that is told.
                        let ends = minutes + u64::from(number);
                        let worse = number > 1 && ends > end.saturating_add(1);
                        prop_assert!(!worse, "call {call} was told {number} minutes at {minutes}, before until {end}");
                        *end = (*end).min(ends);
                    }
                }
            }
        }
    }
}

#[test]
fn both_are_told_what_their_queue_says_as_the_agent_answers() {
    let said = |file: &str| Intro::File(file.to_owned());
    let mut floor = Floor::with_agents(
        Queue {
            spoken: "support".to_owned(),
            greeting: Greeting {
                caller: vec![said("you-talk-with"), Intro::Agent],
                agent: vec![Intro::Queue, Intro::Tier, said("go")],
            },
            ..brisk("support")
        },
        &["1001"],
    );
    floor.join(1, "support").answered(1);
    let spoken = Spoken {
        caller: vec![file("you-talk-with"), Utterance::Spelled("1001".into())],
        // The tier has no name that could be said.
        agent: vec![file("support"), file("go")],
    };
    assert_eq!(
        floor.told_exactly(1).last(),
        Some(&CallAction::Connect {
            offer: OfferId(1),
            greeting: Some(Box::new(spoken)),
        })
    );
}
