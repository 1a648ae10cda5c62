//! Who is served first: waiting time and what tier, queue and call are worth, added up. So nobody starves.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::Phone;
use hotline_wire::event::Limit;
use hotline_wire::{Command, Event};

use crate::EXTENSIONS;
use crate::steps::{join, order};

/// The only agent comes, and takes call after call: the callers in the order of service.
fn serve(bed: &Bed, count: usize) -> Result<Vec<String>> {
    let agent = bed.phone("a1001");
    let (number, phone) = ("1001".into(), String::new());
    order(bed, Command::SignIn { agent: number, phone })?;
    let mut served = Vec::new();
    for _ in 0..count {
        served.push(agent.expect_ring()?.from);
        let place = bed.node.now();
        agent.answer();
        bed.node.event_after(place, "a conversation", |event| {
            matches!(event, Event::CallConnected { .. }).then_some(())
        })?;
        agent.hang_up();
    }
    Ok(served)
}

/// The callers' places, as the node tells them.
fn places(bed: &Bed, calls: [&String; 3]) -> Result<[u32; 3]> {
    let snapshot = bed.snapshot()?;
    Ok(calls.map(|call| {
        let waiting = snapshot.calls.iter().find(|waiting| waiting.call == *call);
        waiting.map_or(0, |call| call.position)
    }))
}

#[test]
fn gold_goes_before_bronze_and_equals_in_the_order_of_coming() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let callers = ["bronze", "gold", "gold"].map(|tier| bed.caller(tier));
    let [bronze, first, second] = &callers;
    let bronze_call = join(&bed, bronze, "support")?;
    let first_call = join(&bed, first, "support")?;
    let second_call = join(&bed, second, "support")?;
    assert_eq!(
        places(&bed, [&bronze_call, &first_call, &second_call])?,
        [3, 1, 2]
    );
    let expected = [first, second, bronze].map(Phone::user);
    assert_eq!(serve(&bed, 3)?, expected);
    bed.finish()
}

#[test]
fn bronze_who_has_waited_long_enough_goes_before_gold() -> Result<()> {
    let settings = include_str!("hotline.toml").replace("3600", "0.5");
    let bed = Bed::boot(&settings, EXTENSIONS)?;
    let (old, young, gold) = (bed.caller("bronze"), bed.caller("bronze"), bed.caller("gold"));
    let old_call = join(&bed, &old, "support")?;
    // The warning after 0.6 s is the clock: gold, worth 0.5 s, comes too late to go first.
    bed.node.event("a warning of the wait", |event| match event {
        Event::LimitReached {
            limit: Limit::Wait { call, .. },
            ..
        } if *call == old_call => Some(()),
        _ => None,
    })?;
    let gold_call = join(&bed, &gold, "support")?;
    let young_call = join(&bed, &young, "support")?;
    assert_eq!(places(&bed, [&old_call, &gold_call, &young_call])?, [1, 2, 3]);
    let expected = [&old, &gold, &young].map(Phone::user);
    assert_eq!(serve(&bed, 3)?, expected);
    bed.finish()
}

#[test]
fn all_queues_of_an_agent_have_one_order() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (gold, bronze, complaint) = (bed.caller("gold"), bed.caller("bronze"), bed.caller("bronze"));
    join(&bed, &bronze, "support")?;
    join(&bed, &gold, "support")?;
    join(&bed, &complaint, "complaints")?;
    // Worth nothing, an hour, and two hours.
    let expected = [&complaint, &gold, &bronze].map(Phone::user);
    assert_eq!(serve(&bed, 3)?, expected);
    bed.finish()
}

#[test]
fn a_supervisor_can_put_a_caller_first() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let callers = ["gold", "bronze", "bronze"].map(|tier| bed.caller(tier));
    let [gold, second, hurried] = &callers;
    join(&bed, gold, "support")?;
    join(&bed, second, "support")?;
    let call = join(&bed, hurried, "support")?;
    let said = bed
        .asterisk
        .cli(&format!("hotline call prioritise {call} 3700"))?;
    assert!(said.contains("Done"), "{said}");
    let told = bed.node.event("the new priority", |event| match event {
        Event::CallReprioritised {
            call: of,
            priority,
            before,
            position,
            ..
        } if *of == call => Some((*before, *priority, *position)),
        _ => None,
    })?;
    assert_eq!(told, (Some(0), 3700, 1));
    let expected = [hurried, gold, second].map(Phone::user);
    assert_eq!(serve(&bed, 3)?, expected);
    bed.finish()
}
