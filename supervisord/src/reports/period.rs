//! Days, hours and months as people have them, in a time zone, and what of them a report is about.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan, ZonedDateTime};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store::ledger::figures::SLOT;

/// Most periods in a report: two months of quarters of an hour.
pub const MOST: usize = 6_000;

/// How long a period is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// All of it at once.
    Whole,
    /// 15 minutes.
    Quarter,
    /// 30 minutes.
    Half,
    /// An hour.
    Hour,
    /// From midnight to midnight: 23 or 25 hours where clocks are changed.
    Day,
    /// A month.
    Month,
}

/// From when until when, in microseconds since the Unix epoch; the end is not in it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Period {
    /// Its beginning on clocks of the zone, with the distance from UTC, which tells the two hours apart that have one name.
    pub name: String,
    /// Begin.
    pub from: u64,
    /// End.
    pub to: u64,
}

/// The zone of that name; `system` for that of the machine.
///
/// # Errors
/// If there is none, for people.
pub fn zone(name: &str) -> Result<TimeZone, String> {
    match name {
        "system" => Ok(TimeZone::system()),
        name => TimeZone::get(name).map_err(|_| {
            format!("no time zone is called {name:?}; give one such as \"Asia/Shanghai\", or \"system\"")
        }),
    }
}

/// What `text` names: `today`, `yesterday`, `2026-11-25`, `2026-11`, or two days or moments with `..` between them: a last day
/// is in it, a last moment is not.
///
/// # Errors
/// If it names nothing, for people.
pub fn range(text: &str, zone: &TimeZone, now: Timestamp) -> Result<(ZonedDateTime, ZonedDateTime), String> {
    let wrong = || {
        format!(
            "{text:?} is no time: give today, yesterday, 2026-11-25, 2026-11, 2026-11-01..2026-11-30, or \
             2026-11-25T08:00..2026-11-25T20:00"
        )
    };
    let today = now.to_zoned_datetime(zone.clone()).date();
    // Years after 9999, and what else no calendar has.
    let midnight = |date: Date| date.to_zoned_datetime(zone.clone()).map_err(|_| wrong());
    let later = |date: Date, span: Span| date.checked_add(span).map_err(|_| wrong());
    let days = |first: Date, last: Date| Ok((midnight(first)?, midnight(later(last, 1.day())?)?));
    match text {
        "today" => return days(today, today),
        "yesterday" => {
            let day = later(today, -1.day())?;
            return days(day, day);
        }
        _ => {}
    }
    let (from, to) = match text.split_once("..") {
        Some((from, to)) => (from.trim(), to.trim()),
        None => {
            if let Some((year, month)) = text.split_once('-')
                && month.len() == 2
                && let (Ok(year), Ok(month)) = (year.parse(), month.parse())
            {
                let first = Date::new(year, month, 1).map_err(|_| wrong())?;
                return days(first, first.last_of_month());
            }
            // A moment alone has no end.
            if text.contains(['T', ' ']) {
                return Err(wrong());
            }
            let date: Date = text.parse().map_err(|_| wrong())?;
            return days(date, date);
        }
    };
    let moment = |text: &str| match text.contains(['T', ' ']) {
        true => {
            let time: DateTime = text.parse().map_err(|_| wrong())?;
            time.to_zoned_datetime(zone.clone())
                .map(Some)
                .map_err(|_| wrong())
        }
        false => Ok(None),
    };
    let begin = match moment(from)? {
        Some(begin) => begin,
        None => midnight(from.parse().map_err(|_| wrong())?)?,
    };
    let end = match moment(to)? {
        Some(end) => end,
        None => midnight(later(to.parse().map_err(|_| wrong())?, 1.day())?)?,
    };
    if begin >= end {
        return Err(format!("{text:?} ends before it begins"));
    }
    Ok((begin, end))
}

/// The periods of a range, in order, without hole or overlap.
///
/// # Errors
/// If figures are not kept by such periods, or there are too many; for people.
pub fn periods(from: &ZonedDateTime, to: &ZonedDateTime, step: Step) -> Result<Vec<Period>, String> {
    let zone = from.time_zone();
    let next = |at: &ZonedDateTime| -> Result<ZonedDateTime, jiff::Error> {
        let minutes = |minutes: i64| at.checked_add(minutes.minutes());
        match step {
            Step::Whole => Ok(to.clone()),
            Step::Quarter => minutes(15),
            Step::Half => minutes(30),
            Step::Hour => minutes(60),
            // By the calendar: where clocks are changed, days are longer or shorter.
            Step::Day => at.date().tomorrow()?.to_zoned_datetime(zone.clone()),
            Step::Month => {
                let month = at.date().last_of_month();
                month.tomorrow()?.to_zoned_datetime(zone.clone())
            }
        }
    };
    let mut periods = Vec::new();
    let mut at = from.clone();
    while at < *to {
        if periods.len() >= MOST {
            return Err(format!(
                "more than {MOST} periods: ask for less time, or longer periods"
            ));
        }
        let end = next(&at).map_err(|error| error.to_string())?.min(to.clone());
        periods.push(Period {
            name: at.strftime("%Y-%m-%dT%H:%M%:z").to_string(),
            from: micros(&at)?,
            to: micros(&end)?,
        });
        at = end;
    }
    let odd = |at: u64| !at.is_multiple_of(SLOT);
    match periods.iter().find(|period| odd(period.from) || odd(period.to)) {
        Some(period) => Err(format!(
            "a period from {} does not begin and end with a quarter of an hour, by which figures are kept",
            period.name
        )),
        None => Ok(periods),
    }
}

fn micros(at: &ZonedDateTime) -> Result<u64, String> {
    u64::try_from(at.timestamp().as_microsecond()).map_err(|_| format!("{at} is before 1970"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn cut(zone_name: &str, text: &str, step: Step) -> Vec<Period> {
        let zone = zone(zone_name).unwrap();
        let (from, to) = range(text, &zone, at("2026-06-01T00:30:00Z")).unwrap();
        periods(&from, &to, step).unwrap()
    }

    fn hours(period: &Period) -> f64 {
        (period.to - period.from) as f64 / 3.6e9
    }

    #[test]
    fn days_follow_the_clocks_of_the_zone() {
        // Clocks go forward on 2026-03-29 and back on 2026-10-25 in Berlin.
        let march: Vec<f64> = cut("Europe/Berlin", "2026-03-28..2026-03-30", Step::Day)
            .iter()
            .map(hours)
            .collect();
        assert_eq!(march, [24.0, 23.0, 24.0]);
        let october = cut("Europe/Berlin", "2026-10-25", Step::Hour);
        assert_eq!(october.len(), 25);
        assert_eq!(
            [&october[2].name[11..], &october[3].name[11..]],
            ["02:00+02:00", "02:00+01:00"]
        );
        assert_eq!(cut("Europe/Berlin", "2026-03-29", Step::Quarter).len(), 23 * 4);
        assert_eq!(cut("Asia/Shanghai", "2026-03-29", Step::Half).len(), 48);
        let year = cut("Europe/Berlin", "2026-01-01..2026-12-31", Step::Month);
        assert_eq!(year.len(), 12);
        assert_eq!(year.iter().map(hours).sum::<f64>(), 8_760.0);
        assert!(year.windows(2).all(|two| two[0].to == two[1].from));
        // An hour whose midnight does not exist.
        let cairo = cut("Africa/Cairo", "2024-04-26", Step::Day);
        assert_eq!(hours(&cairo[0]), 23.0);
        // Half an hour beside the others.
        assert_eq!(cut("Asia/Kolkata", "2026-03-29", Step::Hour).len(), 24);
    }

    #[test]
    fn words_and_dates_name_times() {
        let day = |zone_name: &str, text: &str| cut(zone_name, text, Step::Whole)[0].name.clone();
        assert_eq!(day("UTC", "today"), "2026-06-01T00:00+00:00");
        assert_eq!(day("America/New_York", "today"), "2026-05-31T00:00-04:00");
        assert_eq!(day("Asia/Shanghai", "yesterday"), "2026-05-31T00:00+08:00");
        assert_eq!(hours(&cut("UTC", "2026-02", Step::Whole)[0]), 28.0 * 24.0);
        assert_eq!(
            hours(&cut("UTC", "2026-02-01T08:00..2026-02-01T09:30", Step::Whole)[0]),
            1.5
        );
        let utc = TimeZone::UTC;
        for wrong in [
            "",
            "now",
            "2026-13",
            "2026-02-30",
            "2026-02-02..2026-02-01",
            "2026-02-01T08:00",
        ] {
            assert!(range(wrong, &utc, at("2026-06-01T00:00:00Z")).is_err(), "{wrong}");
        }
        for far in [
            "9999-12-31",
            "9999-12",
            "2026-01-01..9999-12-31",
            "9999-12-31T23:00..9999-12-31T23:30",
        ] {
            let refused = range(
                far,
                &TimeZone::get("America/New_York").unwrap(),
                at("2026-06-01T00:00:00Z"),
            );
            assert!(refused.unwrap_err().contains("is no time"), "{far}");
        }
        let (from, to) = range(
            "2026-02-01T08:07..2026-02-01T09:00",
            &utc,
            at("2026-06-01T00:00:00Z"),
        )
        .unwrap();
        assert!(periods(&from, &to, Step::Hour).unwrap_err().contains("quarter"));
        let (from, to) = range("2020-01-01..2026-01-01", &utc, at("2026-06-01T00:00:00Z")).unwrap();
        assert!(periods(&from, &to, Step::Hour).unwrap_err().contains("periods"));
        assert!(zone("Asia/Nowhere").is_err());
    }
}
