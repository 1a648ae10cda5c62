//! The figures of a contact centre, each by its definition, from counts that add up.

use std::borrow::Cow;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::Query;
use super::callers::Callers;
use super::surveys::Surveys;
use crate::store::ledger::figures::{AgentFigures, BOUNDS, QueueFigures};

/// A figure with its definition.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Measure {
    /// What it is called.
    #[serde(skip)]
    pub name: &'static str,
    /// The number; none where nothing can be divided by, or nothing is known.
    pub value: Option<f64>,
    /// `count`, `seconds`, `ratio`, `per thousand` or `agents`.
    pub unit: &'static str,
    /// How it is computed.
    pub definition: Cow<'static, str>,
}

/// Figures by name, in their order.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Measures(pub Vec<Measure>);

impl Serialize for Measures {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for measure in &self.0 {
            map.serialize_entry(measure.name, measure)?;
        }
        map.end()
    }
}

impl Measures {
    /// The number of that name.
    pub fn value(&self, name: &str) -> Option<f64> {
        let found = self.0.iter().find(|measure| measure.name == name);
        found.and_then(|measure| measure.value)
    }

    fn put(
        &mut self,
        name: &'static str,
        unit: &'static str,
        definition: impl Into<Cow<'static, str>>,
        value: Option<f64>,
    ) {
        self.0.push(Measure {
            name,
            value,
            unit,
            definition: definition.into(),
        });
    }

    fn count(&mut self, name: &'static str, definition: &'static str, value: i64) {
        self.put(name, "count", definition, Some(value as f64));
    }

    fn time(&mut self, name: &'static str, definition: &'static str, micros: i64) {
        self.put(name, "seconds", definition, Some(seconds(micros)));
    }

    fn ratio(&mut self, name: &'static str, definition: impl Into<Cow<'static, str>>, part: i64, whole: i64) {
        self.put(name, "ratio", definition, over(part as f64, whole as f64));
    }

    fn mean(&mut self, name: &'static str, definition: &'static str, micros: i64, count: i64) {
        self.put(name, "seconds", definition, over(seconds(micros), count as f64));
    }
}

fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

/// None if there is nothing to divide by.
fn over(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// The busiest interval of a period, and all of them.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Spread {
    pub(super) busiest: i64,
    pub(super) intervals: u64,
}

/// Answers and abandons within a target, and short abandons.
struct Within {
    answered: i64,
    abandoned: i64,
    short: i64,
}

fn within(figures: &QueueFigures, query: &Query) -> Within {
    let place = |seconds: u64| BOUNDS.iter().position(|bound| *bound == seconds);
    let (answered, abandoned) = match query.target.and_then(place) {
        Some(place) => (figures.answered_up_to()[place], figures.abandoned_up_to()[place]),
        None => (figures.answered_within, figures.abandoned_within),
    };
    Within {
        answered,
        abandoned,
        short: place(query.short_abandon).map_or(0, |place| figures.abandoned_up_to()[place]),
    }
}

/// The figures of callers: of a queue, a tier, a team's queues, or all.
pub(super) fn of_queues(
    into: &mut Measures,
    q: &QueueFigures,
    query: &Query,
    spread: Option<Spread>,
    callers: Option<Callers>,
) {
    let fo = q.flowed_out();
    let (ans, ab) = (q.answered, q.abandoned);
    let offered = ans + ab + fo;
    let Within {
        answered: ans_t,
        abandoned: ab_t,
        short: sa,
    } = within(q, query);
    let t = match query.target {
        Some(seconds) => format!("T = {seconds} s"),
        None => "T = the queue's own target".to_owned(),
    };
    let short = query.short_abandon;
    into.count(
        "arrivals",
        "visits that joined in the period: a call that moves on to another queue joins that too",
        q.arrivals,
    );
    into.count("offered", "ans + ab + fo", offered);
    into.count("answered", "ans: connected to an agent", ans);
    into.count("abandoned", "ab: the caller hung up while waiting", ab);
    into.put(
        "short_abandoned",
        "count",
        format!("sa: abandoned within {short} s"),
        Some(sa as f64),
    );
    into.count("flowed_out", "fo: left the queue in any other way", fo);
    into.count("waiting", "arrivals - offered: wait still", q.arrivals - offered);
    for (name, definition, count) in [
        ("withdrawn", "fo: a supervisor took the caller out", q.withdrawn),
        ("timed_out", "fo: the longest wait was reached", q.timeout),
        ("full", "fo: the queue was full", q.full_queue),
        ("no_agents", "fo: no agent was there", q.no_agents),
        (
            "closed",
            "fo: the queue was closed, or removed",
            q.closed + q.removed,
        ),
        ("emergency", "fo: there was an emergency", q.emergency),
        ("diverted", "fo: a rule sent the caller elsewhere", q.diverted),
        ("left_by_key", "fo: the caller left by a key", q.left_by_key),
        ("callback", "fo: the caller is called back", q.callback),
        (
            "overflowed",
            "fo: a rule sent the caller to another queue",
            q.overflowed,
        ),
        (
            "moved",
            "fo: a supervisor put the caller into another queue",
            q.moved,
        ),
        (
            "errors",
            "fo: the node could not go on, or its end was not seen",
            q.error,
        ),
    ] {
        into.count(name, definition, count);
    }
    into.ratio("service_level_a", format!("SL-A: ans<=T / ans, {t}"), ans_t, ans);
    into.ratio(
        "service_level_b",
        format!("SL-B: (ans<=T + ab<=T) / (ans + ab), {t}"),
        ans_t + ab_t,
        ans + ab,
    );
    into.ratio(
        "service_level_c",
        format!("SL-C: ans<=T / (ans + ab), {t}"),
        ans_t,
        ans + ab,
    );
    into.ratio(
        "service_level_d",
        format!("SL-D: ans<=T / (ans + ab>T), {t}"),
        ans_t,
        ans + ab - ab_t,
    );
    let (with_fo, less_sa) = (query.service_level_e.flowed_out, query.service_level_e.less_short);
    let plus = if with_fo { " + fo" } else { "" };
    let minus = if less_sa {
        format!(" - sa within {short} s")
    } else {
        String::new()
    };
    into.ratio(
        "service_level_e",
        format!("SL-E: ans<=T / (ans + ab{plus}{minus}), {t}"),
        ans_t,
        ans + ab + if with_fo { fo } else { 0 } - if less_sa { sa } else { 0 },
    );
    into.mean(
        "speed_of_answer",
        "ASA: sum of waits of answered calls / ans, ring time included",
        q.answer_wait,
        ans,
    );
    into.mean(
        "speed_of_answer_without_ring",
        "ASA: (sum of waits of answered calls - ring of who answered) / ans",
        q.answer_wait - q.answer_ring,
        ans,
    );
    into.mean(
        "abandon_wait",
        "sum of waits of abandoned calls / ab",
        q.abandon_wait,
        ab,
    );
    into.ratio("abandon_rate", "ab / offered, short ones included", ab, offered);
    into.ratio(
        "abandon_rate_without_short",
        format!("(ab - sa) / (offered - sa), sa within {short} s"),
        ab - sa,
        offered - sa,
    );
    into.ratio("answer_rate", "ans / offered", ans, offered);
    into.count(
        "handled",
        "answered calls that are over as they should",
        q.handled,
    );
    into.count(
        "cut_off",
        "answered calls whose end was not seen: the node died, or events are missing",
        q.cut_off,
    );
    handling(into, q.talk, q.hold, q.held, q.wrap_up, q.handled);
    into.ratio("hold_rate", "calls with a hold / ans", q.held, ans);
    into.ratio(
        "consult_rate",
        "calls in which a third party was asked / ans",
        q.consulted,
        ans,
    );
    into.ratio(
        "conference_rate",
        "calls in which three talked / ans",
        q.conferenced,
        ans,
    );
    into.ratio(
        "transfer_rate",
        "(overflowed + moved) / offered: transfers to other queues; no event tells of those that agents make",
        q.overflowed + q.moved,
        offered,
    );
    into.ratio(
        "diverted_share",
        "(diverted + overflowed) / offered: sent elsewhere by rules",
        q.diverted + q.overflowed,
        offered,
    );
    disposed(
        into,
        [q.disposed, q.complaints, q.resolved, q.follow_ups],
        ans,
        q.handled,
    );
    let minutes = query.fluctuation_minutes;
    into.put(
        "fluctuation",
        "ratio",
        format!("fluctuation coefficient: arrivals of the busiest {minutes} min / mean of all {minutes} min of the period"),
        spread.and_then(|spread| {
            let mean = over(q.arrivals as f64, spread.intervals as f64)?;
            over(spread.busiest as f64, mean)
        }),
    );
    let days = query.repeat_days;
    into.put(
        "first_call_resolution",
        "ratio",
        format!("proxy: 1 - answered calls whose caller called again within {days} days / answered calls of known callers"),
        callers.and_then(|callers| Some(1.0 - over(callers.repeated as f64, callers.known as f64)?)),
    );
    if let Some(staffing) = &query.staffing {
        let aht = over(seconds(q.talk + q.wrap_up), q.handled as f64);
        let needed = aht.zip(over(ans as f64, offered as f64)).map(|(aht, rate)| {
            q.arrivals as f64 * aht * rate
                / (staffing.working_seconds * staffing.attendance * staffing.utilisation)
        });
        into.put(
            "agents_needed",
            "agents",
            format!(
                "calls x AHT x answer rate / (working time {} h x attendance {} x utilisation {})",
                staffing.working_seconds / 3600.0,
                staffing.attendance,
                staffing.utilisation
            ),
            needed,
        );
    }
}

fn handling(into: &mut Measures, talk: i64, hold: i64, held: i64, wrap_up: i64, handled: i64) {
    into.mean(
        "handling_time",
        "AHT: (talk + hold + wrap-up) / handled",
        talk + wrap_up,
        handled,
    );
    into.mean("talk_time", "talk without hold / handled", talk - hold, handled);
    into.mean("hold_time", "hold / calls with a hold", hold, held);
    into.mean("wrap_up_time", "after-call work / handled", wrap_up, handled);
}

/// What agents said that calls were about: how many said so, and of those complaints, resolved, to be called again.
fn disposed(into: &mut Measures, [said, complaints, resolved, follow_ups]: [i64; 4], ans: i64, handled: i64) {
    into.count("disposed", "calls whose agent said what they were about", said);
    into.ratio("disposed_rate", "disposed / handled", said, handled);
    into.count("complaints", "disposed as a complaint", complaints);
    into.put(
        "complaints_per_thousand",
        "per thousand",
        "complaints / ans x 1000",
        over(complaints as f64 * 1000.0, ans as f64),
    );
    into.count("resolved", "disposed as resolved", resolved);
    into.ratio("resolved_rate", "resolved / disposed", resolved, said);
    into.count("follow_ups", "disposed as to be called again", follow_ups);
}

/// The figures of a disposition, or of several.
pub(super) fn of_dispositions(into: &mut Measures, q: &QueueFigures) {
    into.count(
        "disposed",
        "calls that joined in the period and got that disposition",
        q.disposed,
    );
    into.count("complaints", "of which as a complaint", q.complaints);
    into.count("resolved", "of which as resolved", q.resolved);
    into.count("follow_ups", "of which as to be called again", q.follow_ups);
}

/// What callers said. `None` if the records are not kept any more.
pub(super) fn of_surveys(into: &mut Measures, surveys: Option<Surveys>) {
    let all = surveys.unwrap_or_default();
    let count = |n: i64| surveys.map(|_| n as f64);
    into.put(
        "surveys",
        "count",
        "callers who were asked what it was like, by when their agent's side was over",
        count(all.asked),
    );
    into.put(
        "survey_responses",
        "count",
        "of whom answered",
        count(all.answered),
    );
    into.ratio(
        "survey_response_rate",
        "responses / surveys",
        all.answered,
        all.asked,
    );
    into.ratio(
        "satisfaction",
        "top-2-box: responses with one of the two best scores / responses",
        all.satisfied,
        all.answered,
    );
}

/// The figures of attempts to reach agents.
pub(super) fn of_offers(into: &mut Measures, a: &AgentFigures) {
    into.count(
        "offers",
        "attempts to reach an agent that are over, by when they were made",
        a.offers,
    );
    into.count("offers_answered", "offers that were answered", a.offers_answered);
    into.count("offers_not_answered", "RONA: the phone rang out", a.no_answer);
    into.count("offers_rejected", "offers that were declined", a.rejected);
    into.count("offers_busy", "offers that met a busy phone", a.busy);
    into.count("offers_unreachable", "offers that met no phone", a.unreachable);
    into.count(
        "offers_cancelled",
        "offers that were taken back without blame",
        a.cancelled,
    );
    into.ratio("rona_rate", "no-answers / offers", a.no_answer, a.offers);
    into.mean("ring_time", "ring / offers", a.ring, a.offers);
}

/// The figures of an agent's time, or of several agents'.
pub(super) fn of_agents(into: &mut Measures, a: &AgentFigures) {
    of_offers(into, a);
    let (handling_time, signed_in) = (a.handling(), a.signed_in());
    for (name, definition, time) in [
        ("signed_in", "time signed in", signed_in),
        ("ready", "time ready and idle", a.ready),
        ("not_ready", "time not ready", a.not_ready),
        ("forced_busy", "time locked by a supervisor", a.forced_busy),
        (
            "unavailable",
            "time ready, but the phone is in use, unreachable or cooling down",
            a.unavailable,
        ),
        ("ringing", "time in which the phone rang", a.offered),
        ("talking", "time in which caller and agent talked", a.on_call),
        ("holding", "time with a caller on hold", a.on_hold),
        (
            "consulting",
            "time in which a third party was asked",
            a.consulting,
        ),
        ("conferencing", "time in which three talked", a.conferencing),
        (
            "reserved",
            "time in which the caller was away in the dialplan",
            a.reserved,
        ),
        ("after_call_work", "time in after-call work", a.after_call),
        (
            "unknown",
            "time of which nobody knows, since events are missing; in none of the others",
            a.unknown,
        ),
    ] {
        into.time(name, definition, time);
    }
    into.ratio(
        "occupancy",
        "(talk + hold + wrap-up) / (that + ready-idle)",
        handling_time,
        handling_time + a.ready,
    );
    into.ratio(
        "utilisation",
        "(talk + hold + wrap-up) / signed-in time",
        handling_time,
        signed_in,
    );
}

/// The figures of the calls that an agent had.
pub(super) fn of_agents_calls(into: &mut Measures, a: &AgentFigures) {
    into.count("answered", "calls connected in the period", a.answered);
    into.count("handled", "of which are over", a.handled);
    handling(into, a.talk, a.hold, a.held, a.wrap_up, a.handled);
    into.ratio("hold_rate", "calls with a hold / answered", a.held, a.answered);
    into.ratio(
        "consult_rate",
        "calls in which a third party was asked / answered",
        a.consulted,
        a.answered,
    );
    into.ratio(
        "conference_rate",
        "calls in which three talked / answered",
        a.conferenced,
        a.answered,
    );
    disposed(
        into,
        [a.disposed, a.complaints, a.resolved, a.follow_ups],
        a.answered,
        a.handled,
    );
}
