//! Callers on hold: the prompt that they hear now and then, and the phone that is asked to retrieve them.

use hotline_engine::config::{Comfort, HoldCare, QueueFault, Retrieve};
use hotline_engine::event::{RetrieveFailure, RetrieveResult};
use hotline_engine::ids::CallId;
use hotline_engine::input::{Party, TalkState};
use hotline_engine::{Action, Engine, Event, Input, Span};
use proptest::prelude::*;

use crate::floor::{BOOT, Floor, agent, config, queue};

const NOT_IN_TIME: RetrieveResult = RetrieveResult::Failed(RetrieveFailure::Ignored);

fn comfort(after: u64, every: Option<u64>) -> Comfort {
    Comfort {
        after: Span::seconds(after),
        every: every.map(Span::seconds),
        say: vec!["please-hold".to_owned(), "thanks".to_owned()],
    }
}

fn retrieve(after: u64) -> Retrieve {
    Retrieve {
        after: Span::seconds(after),
        event: "talk".to_owned(),
        unannounced: false,
        patience: Span::seconds(5),
    }
}

/// Call 1 talks with agent 1.
fn talking(hold: HoldCare) -> Floor {
    let mut support = queue("support");
    support.hold = hold;
    let mut floor = Floor::with_agents(support, &["1"]);
    floor.join(1, "support").talks(1);
    floor
}

fn comforting(after: u64, every: Option<u64>) -> Floor {
    talking(HoldCare {
        comfort: Some(comfort(after, every)),
        retrieve: None,
    })
}

fn retrieving(after: u64) -> Floor {
    talking(HoldCare {
        comfort: None,
        retrieve: Some(retrieve(after)),
    })
}

/// How often the last input gave the prompt.
fn prompts(floor: &Floor) -> usize {
    let say = ["please-hold", "thanks"];
    let prompt =
        |action: &&Action| matches!(action, Action::Comfort { call: CallId(1), say: said } if *said == say);
    floor.actions.iter().filter(prompt).count()
}

/// Whether the last input had the phone asked.
fn asks(floor: &Floor) -> bool {
    floor.actions.contains(&Action::Retrieve {
        call: CallId(1),
        event: "talk".to_owned(),
        unannounced: false,
    })
}

fn results(floor: &Floor) -> Vec<RetrieveResult> {
    let result = |event: &Event| match event {
        Event::Retrieve { call, result, .. } => {
            assert_eq!(*call, CallId(1));
            Some(*result)
        }
        _ => None,
    };
    floor.events.iter().filter_map(result).collect()
}

#[test]
fn a_prompt_comes_after_its_time_and_at_its_interval_until_the_hold_ends() {
    let mut floor = comforting(10, Some(20));
    floor.goes_on(1, TalkState::OnHold);
    for seconds in [10, 20, 20] {
        floor.pass(seconds - 1);
        assert_eq!(prompts(&floor), 0);
        floor.pass(1);
        assert_eq!(prompts(&floor), 1);
    }
    floor.goes_on(1, TalkState::Talking).pass(100);
    assert_eq!((prompts(&floor), floor.engine.deadline()), (0, None));
}

#[test]
fn a_prompt_without_interval_comes_once_a_hold() {
    let mut floor = comforting(10, None);
    for _ in 0..2 {
        floor.goes_on(1, TalkState::OnHold).pass(10);
        assert_eq!(prompts(&floor), 1);
        floor.pass(1_000);
        assert_eq!(prompts(&floor), 0);
        floor.goes_on(1, TalkState::Talking);
    }
}

#[test]
fn prompts_missed_while_nobody_ticked_are_not_made_up_for() {
    let mut floor = comforting(10, Some(20));
    floor.goes_on(1, TalkState::OnHold).pass(95);
    assert_eq!(prompts(&floor), 1);
    floor.pass(19);
    assert_eq!(prompts(&floor), 0);
    floor.pass(1);
    assert_eq!(prompts(&floor), 1);
}

#[test]
fn by_default_nothing_happens_to_a_caller_on_hold() {
    let mut floor = talking(HoldCare::default());
    floor.goes_on(1, TalkState::OnHold).pass(10_000);
    assert!(floor.actions.is_empty() && floor.events.is_empty());
}

#[test]
fn a_hold_goes_on_over_a_consultation() {
    let mut floor = comforting(10, None);
    floor
        .goes_on(1, TalkState::OnHold)
        .pass(5)
        .goes_on(1, TalkState::Consulting)
        .pass(5);
    assert_eq!(prompts(&floor), 1);
}

#[test]
fn a_phone_that_obeys_has_retrieved() {
    let mut floor = retrieving(30);
    floor.goes_on(1, TalkState::OnHold).pass(29);
    assert_eq!((asks(&floor), results(&floor)), (false, vec![]));
    floor.pass(1);
    assert_eq!(
        (asks(&floor), results(&floor)),
        (true, vec![RetrieveResult::Asked])
    );
    floor.pass(2).goes_on(1, TalkState::Talking);
    assert_eq!(results(&floor), [RetrieveResult::Retrieved]);
    floor.pass(10);
    assert_eq!(results(&floor), []);
    floor.goes_on(1, TalkState::OnHold).pass(30);
    assert_eq!(results(&floor), [RetrieveResult::Asked]);
}

#[test]
fn a_phone_that_does_not_has_failed_and_is_not_asked_again_in_that_hold() {
    let mut floor = retrieving(30);
    floor.goes_on(1, TalkState::OnHold).pass(30).pass(5);
    assert_eq!(results(&floor), [NOT_IN_TIME]);
    floor.pass(1_000);
    assert_eq!((asks(&floor), results(&floor)), (false, vec![]));
    floor.goes_on(1, TalkState::Talking);
    assert_eq!(results(&floor), []);
}

#[test]
fn a_phone_that_cannot_be_asked_has_failed_at_once() {
    let mut floor = retrieving(30);
    let (call, why) = (CallId(1), RetrieveFailure::NoSipPhone);
    floor.goes_on(1, TalkState::OnHold);
    floor.input(Input::RetrieveFailed { call, why });
    assert_eq!(results(&floor), [], "it was not asked yet");
    floor.pass(30).input(Input::RetrieveFailed { call, why });
    assert_eq!(results(&floor), [RetrieveResult::Failed(why)]);
    floor.input(Input::RetrieveFailed { call, why }).pass(5);
    assert_eq!(results(&floor), []);
}

#[test]
fn who_consults_is_not_asked() {
    let mut floor = retrieving(30);
    floor.goes_on(1, TalkState::Consulting).pass(30);
    let consulting = RetrieveResult::Failed(RetrieveFailure::Consulting);
    assert_eq!((asks(&floor), results(&floor)), (false, vec![consulting]));
}

#[test]
fn a_call_that_ends_leaves_nothing_due() {
    for (after, every) in [(10, None), (10, Some(5))] {
        let mut floor = talking(HoldCare {
            comfort: Some(comfort(after, every)),
            retrieve: Some(retrieve(12)),
        });
        floor.goes_on(1, TalkState::OnHold).pass(13);
        assert!(asks(&floor));
        floor.ended(1, Party::Caller);
        assert_eq!(results(&floor), []);
        // Of the agent's after-call work.
        floor.pass(60);
        assert_eq!((results(&floor), floor.engine.deadline()), (vec![], None));
    }
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let often = Comfort {
        every: Some(Span(999_999)),
        ..comfort(10, None)
    };
    let silent = Comfort {
        say: vec![],
        ..comfort(10, None)
    };
    for comfort in [comfort(0, None), often, silent] {
        let hold = HoldCare {
            comfort: Some(comfort),
            retrieve: None,
        };
        assert_eq!(fault(hold), Some(QueueFault::Comfort));
    }
    let impatient = Retrieve {
        patience: Span::ZERO,
        ..retrieve(1)
    };
    let event = |event: &str| Retrieve {
        event: event.to_owned(),
        ..retrieve(1)
    };
    for retrieve in [
        retrieve(0),
        impatient,
        event(""),
        event("talk\r\nX: y"),
        event("a=b"),
    ] {
        let hold = HoldCare {
            comfort: None,
            retrieve: Some(retrieve),
        };
        assert_eq!(fault(hold), Some(QueueFault::Retrieve));
    }
}

fn fault(hold: HoldCare) -> Option<QueueFault> {
    let mut support = queue("support");
    support.hold = hold;
    match Engine::new(config(vec![support], vec![agent("1", &["support"])]), BOOT, 1) {
        Err(hotline_engine::config::ConfigError::Queue { fault, .. }) => Some(fault),
        Ok(_) | Err(_) => None,
    }
}

proptest! {
    /// However a hold goes: the phone is asked once at most, and each asking has one outcome at most.
    #[test]
    fn each_asking_has_one_outcome(steps in prop::collection::vec((0_u8..6, 0_u64..20), 0..60)) {
        let mut floor = talking(HoldCare { comfort: Some(comfort(3, Some(4))), retrieve: Some(retrieve(10)) });
        let (mut open, mut asked) = (false, false);
        let mut held = TalkState::Talking;
        for (step, seconds) in steps {
            match step {
                0 => floor.goes_on(1, TalkState::OnHold),
                1 => floor.goes_on(1, TalkState::Talking),
                2 => floor.goes_on(1, TalkState::Consulting),
                3 => floor.input(Input::RetrieveFailed { call: CallId(1), why: RetrieveFailure::NotSent }),
                _ => floor.pass(seconds),
            };
            let now = floor.call(1).talk;
            let was_held = held != TalkState::Talking;
            if was_held && now != TalkState::Talking {
                prop_assert!(!(asked && asks(&floor)), "asked again in one hold");
            } else {
                asked = false;
            }
            asked |= asks(&floor);
            held = now;
            for result in results(&floor) {
                match result {
                    RetrieveResult::Asked => open = true,
                    RetrieveResult::Failed(RetrieveFailure::Consulting) => prop_assert!(!open),
                    RetrieveResult::Retrieved | RetrieveResult::Failed(_) => {
                        prop_assert!(core::mem::take(&mut open), "an outcome of nothing");
                    }
                }
            }
            prop_assert!(now != TalkState::Talking || !open, "not told that it was retrieved");
            prop_assert!(now != TalkState::Talking || prompts(&floor) == 0, "a prompt in the conversation");
        }
    }
}
