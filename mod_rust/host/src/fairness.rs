//! How unfair the settings in force can be, as a table for people.

use hotline_engine::config::Overtaking;
use hotline_engine::{Config, Span};

/// Most rows of the table.
const MOST_ROWS: usize = 5_000;

/// For each queue and tier, how long its callers can be overtaken and by whom.
pub(crate) fn table(config: &Config) -> Vec<String> {
    let rows = config.fairness().rows;
    let mut cells = vec![["QUEUE", "TIER", "LONGEST", "BY QUEUE", "BY TIER"].map(str::to_owned)];
    cells.extend(rows.iter().take(MOST_ROWS).map(columns));
    let widths: [usize; 5] = std::array::from_fn(|i| {
        let widths = cells.iter().map(|row| row[i].chars().count());
        widths.max().unwrap_or(0)
    });
    let mut lines = vec![
        "The longest that a caller can be overtaken by callers who join later and may be served by the same agents:"
            .to_owned(),
    ];
    lines.extend(cells.iter().map(|row| {
        let [queue, tier, longest, by_queue, by_tier] = row;
        let [q, t, l, bq, _] = widths;
        format!("{queue:q$}  {tier:t$}  {longest:>l$}  {by_queue:bq$}  {by_tier}")
    }));
    if rows.len() > MOST_ROWS {
        lines.push(format!("and {} more", rows.len() - MOST_ROWS));
    }
    lines.push("What the dialplan gives a single call (priority) comes on top.".to_owned());
    lines
}

fn columns(row: &Overtaking) -> [String; 5] {
    let longest = match row.longest {
        None => "unlimited".to_owned(),
        Some(span) => clock(span),
    };
    [
        row.queue.clone(),
        row.tier.clone(),
        longest,
        row.by_queue.clone(),
        row.by_tier.clone(),
    ]
}

/// `0:07`, `12:34`, `3:00:00`.
fn clock(span: Span) -> String {
    let seconds = span.0 / 1_000_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}
