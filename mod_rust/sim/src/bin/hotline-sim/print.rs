//! What the user reads: events, tables, JSON.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

use hotline_engine::Event;
use hotline_sim::floor::{Calibration, Figures, WhatIf};
use hotline_sim::replay;
use serde::Serialize;

/// A journal's events, a line each.
pub(crate) fn events(file: &Path, journal: &[u8]) -> Result<(), String> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let mut out = io::stdout().lock();
    for step in replay(journal).map_err(|error| named(&error))? {
        let step = step.map_err(|error| named(&error))?;
        for event in step.events {
            let printed = writeln!(out, "{} {:?}", step.at.0, masked(event));
            match printed {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                Err(error) => return Err(error.to_string()),
            }
        }
    }
    Ok(())
}

/// Keeps the last four digits of caller numbers.
fn masked(mut event: Event) -> Event {
    if let Event::CallJoined { number, .. }
    | Event::CallbackPlaced { number, .. }
    | Event::CallbackRestored { number, .. } = &mut event
    {
        let hidden = number.chars().count().saturating_sub(4);
        *number = number
            .chars()
            .enumerate()
            .map(|(at, digit)| if at < hidden { '*' } else { digit })
            .collect();
    }
    event
}

pub(crate) fn json<T: Serialize>(value: &T) -> Result<(), String> {
    let text = serde_json::to_string_pretty(value).map_err(|error| error.to_string())?;
    println!("{text}");
    Ok(())
}

pub(crate) fn what_if(found: &WhatIf) {
    println!("{} callers", found.callers);
    if let Some(torn) = &found.torn {
        println!("{torn}; what came before counts");
    }
    let parts = [
        ("what happened", &found.journal),
        ("simulated, the journal's own settings", &found.own),
        ("simulated, the other settings", &found.other),
    ];
    for (title, rows) in parts {
        println!("\n{title}\n{}", figures(rows));
    }
    println!(
        "SL-A answered in target / answered; SL-B (answered + abandoned in target) / (answered + abandoned); SL-C answered in\n\
         target / (answered + abandoned); SL-D answered in target / (answered + abandoned after target). Waits and ASA have the ring\n\
         time in them. Occupancy: handling / (handling + ready). `--help` says what is assumed."
    );
}

fn figures(rows: &[Figures]) -> String {
    let mut text = format!(
        "{:<16}{:>8}{:>9}{:>10}{:>7}{:>8}{:>8}{:>8}{:>8}{:>8}{:>9}{:>9}{:>8}{:>7}",
        "queue",
        "offered",
        "answered",
        "abandoned",
        "left",
        "SL-A %",
        "SL-B %",
        "SL-C %",
        "SL-D %",
        "ASA s",
        "longest s",
        "aband. %",
        "talk s",
        "occ. %"
    );
    let percent = |share: Option<f64>| share.map_or("-".to_owned(), |share| format!("{:.1}", share * 100.0));
    let seconds = |seconds: Option<f64>| seconds.map_or("-".to_owned(), |seconds| format!("{seconds:.1}"));
    for row in rows {
        let level = &row.service_level;
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n{:<16}{:>8}{:>9}{:>10}{:>7}{:>8}{:>8}{:>8}{:>8}{:>8}{:>9}{:>9}{:>8}{:>7}",
            row.queue,
            row.offered,
            row.answered,
            row.abandoned,
            row.left,
            percent(level.a),
            percent(level.b),
            percent(level.c),
            percent(level.d),
            seconds(row.asa_seconds),
            seconds(Some(row.longest_seconds)),
            percent(row.abandon_rate),
            seconds(row.talk_seconds),
            percent(row.occupancy),
        );
    }
    text
}

pub(crate) fn calibration(found: &Calibration) {
    println!(
        "{:<12}{:>10}{:>14}{:>14}{:>10}{:>14}{:>10}",
        "queue", "predicted", "within p50 %", "within p90 %", "error %", "mean wait s", "silent %"
    );
    for row in &found.rows {
        println!(
            "{:<12}{:>10}{:>14.1}{:>14.1}{:>10.1}{:>14.1}{:>10.1}",
            row.queue,
            row.predicted,
            row.within_p50 * 100.0,
            row.within_p90 * 100.0,
            row.error * 100.0,
            row.mean_wait_seconds,
            row.silent * 100.0
        );
    }
    println!(
        "\npredicted: callers with a wait to predict. Right is 50 % within p50 and 90 % within p90. error: mean of |wait - p50| / wait,\n\
         waits of less than 10 s counted as that. silent: waited for more than a second and were told nothing"
    );
}
