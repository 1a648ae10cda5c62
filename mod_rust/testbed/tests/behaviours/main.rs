//! What Hotline does for the people who use it, on a real PBX: one folder a behaviour, with its settings beside it.
//!
//! Each test boots an Asterisk of its own, and ends by looking for leaked channels, threads and descriptors. A failing
//! one shows the end of Asterisk's log.
//!
//! `cargo xtask test` builds what is tested and runs this. By hand: `HOTLINE_PBX` names another manifest than
//! `target/pbx/pbx.json`; `HOTLINE_MODULE`, `HOTLINE_SUPERVISORD` and `HOTLINECTL` other programs than those of
//! `target/debug`. The module must have its feature `fault-injection`.

mod agents_own_state;
mod answer_race;
mod answered;
mod balancing;
mod blacklist;
mod both_hang_up_at_once;
mod callback;
mod callback_rush;
mod caller_by_local;
mod caller_hangs_up_waiting;
mod caller_hangs_up_while_ringing;
mod churn;
mod closed;
mod comfort_menu;
mod consult_by_command;
mod daemon;
mod dial_strings;
mod disconnect;
mod disposition;
mod documentation;
mod exits;
mod forced_busy;
mod full_per_tier;
mod greeting;
mod hold;
mod hold_by_command;
mod hold_prompt;
mod hold_retrieve;
mod hot_desk;
mod http_api;
mod ivr_round_trip;
mod journal;
mod load;
mod missed_offers;
mod monitor;
mod monitor_follows;
mod monitor_long;
mod monitor_no_harm;
mod monitor_rush;
mod music_and_ceiling;
mod one_line;
mod overflow;
mod panic;
mod phone_is_told;
mod phones_outside;
mod prompts;
mod recording;
mod reload;
mod ring_all;
mod screen_pop;
mod sent_elsewhere;
mod sipp;
mod skill_relaxation;
mod skills_live;
mod sounds;
mod spool;
mod steps;
mod sticky_agent;
mod stop;
mod strategies;
mod supervision;
mod survey;
mod take_over;
mod tier_order;
mod transfer;
mod transfer_by_command;
mod trunk;
mod unload;
mod waiting_calls;
mod why;
mod wrap_up;

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::Phone;
use hotline_wire::Event;
use hotline_wire::event::{CallOutcome, OfferResult, Party};

/// The dialplan of all behaviours: callers dial a queue's name, agents dial feature codes and each other.
const EXTENSIONS: &str = include_str!("extensions.conf");

/// How a call ended for its queue.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Finished {
    outcome: CallOutcome,
    agent: Option<String>,
    by: Party,
}

/// The reference of a caller's call.
fn call_of(bed: &Bed, caller: &Phone) -> Result<String> {
    bed.node.event(
        &format!("{} to join a queue", caller.user()),
        |event| match event {
            Event::CallJoined { call, number, .. } if number == caller.user() => Some(call.clone()),
            _ => None,
        },
    )
}

/// How a caller's call ended, once it did.
fn finished(bed: &Bed, caller: &Phone) -> Result<Finished> {
    let wanted = call_of(bed, caller)?;
    bed.node.event(
        &format!("the call of {} to be finished", caller.user()),
        |event| match event {
            Event::CallFinished {
                call,
                outcome,
                agent,
                by,
                ..
            } if *call == wanted => Some(Finished {
                outcome: *outcome,
                agent: agent.clone(),
                by: *by,
            }),
            _ => None,
        },
    )
}

/// The first result of an offer to an agent after `place` in the story.
fn offer_result(bed: &Bed, place: usize, number: &str) -> Result<OfferResult> {
    bed.node.event_after(
        place,
        &format!("an offer to {number} to end"),
        |event| match event {
            Event::OfferEnded { agent, result, .. } if agent == number => Some(*result),
            _ => None,
        },
    )
}
