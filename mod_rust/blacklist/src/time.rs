//! Moments for people: RFC 3339, as in `2026-12-01T08:00:00+08:00`. Inside, they are microseconds since the Unix epoch.

use jiff::Timestamp;

/// Reads a moment.
///
/// # Errors
/// How it is to be written.
pub fn parse(text: &str) -> Result<u64, &'static str> {
    let how = "a moment is written like 2026-12-01T08:00:00+08:00 or 2026-12-01T00:00:00Z";
    let text = text.trim();
    let moment: Timestamp = text.parse().map_err(|_| match text.as_bytes() {
        // As late as it gets, some hours of the last day depend on the time zone.
        [b'9', b'9', b'9', b'9', ..] => LATEST,
        [year, ..] if year.is_ascii_digit() && text.find('-').is_some_and(|digits| digits > 4) => LATEST,
        _ => how,
    })?;
    u64::try_from(moment.as_microsecond()).map_err(|_| "a moment before 1970 is of no use")
}

const LATEST: &str = "a moment lies before 9999-12-30T22:00:00Z; leave it empty for one that never comes";

/// Whether a moment can be written.
///
/// # Errors
/// It lies beyond the year 9999.
pub fn writable(moment: u64) -> Result<u64, &'static str> {
    if show(moment).is_empty() {
        return Err(LATEST);
    }
    Ok(moment)
}

/// Writes a moment, in UTC; empty for one beyond the year 9999.
pub fn show(moment: u64) -> String {
    i64::try_from(moment)
        .ok()
        .and_then(|moment| Timestamp::from_microsecond(moment).ok())
        .map(|moment| moment.to_string())
        .unwrap_or_default()
}

/// Reads a span like `90s`, `15m`, `36h` or `30d`, in microseconds; at least a second, at most ten years.
///
/// # Errors
/// How it is to be written.
pub fn parse_span(text: &str) -> Result<u64, &'static str> {
    let how = "a span is a number and a unit, like 90s, 15m, 36h or 30d";
    let text = text.trim();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(how)?;
    let unit: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(how),
    };
    let number: u64 = number.parse().map_err(|_| how)?;
    let seconds = number.checked_mul(unit).ok_or(how)?;
    if (1..=3_653 * 86_400).contains(&seconds) {
        Ok(seconds * 1_000_000)
    } else {
        Err("a span lasts from a second to ten years")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_go_round() {
        let moment = parse("2026-12-01T08:00:00+08:00").unwrap();
        assert_eq!(show(moment), "2026-12-01T00:00:00Z");
        assert_eq!(parse(&show(moment + 5)), Ok(moment + 5));
        assert!(parse("tomorrow").is_err() && parse("1960-01-01T00:00:00Z").is_err());
        assert_eq!(show(u64::MAX), "");
        for late in ["9999-12-31T00:00:00Z", "10000-01-01T00:00:00Z"] {
            assert_eq!(parse(late), Err(LATEST));
        }
        assert_eq!((writable(moment), writable(u64::MAX)), (Ok(moment), Err(LATEST)));
    }

    #[test]
    fn spans_have_a_unit() {
        assert_eq!(parse_span("90s"), Ok(90_000_000));
        assert_eq!(parse_span("2d"), Ok(172_800_000_000));
        for wrong in ["", "s", "5", "-5s", "5w", "0s", "99999d", "5时"] {
            assert!(parse_span(wrong).is_err(), "{wrong}");
        }
    }
}
