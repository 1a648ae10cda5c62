//! Samples written as they are shown, in [Prometheus' text format], version 0.0.4.
//!
//! A floor of a thousand queues has 200,000 of them, and each scrape wants all: they are written once, straight into the text.
//!
//! [Prometheus' text format]: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format

use crate::state::histogram::{Bounds, Histogram};

/// Names and values.
type Labels<'a> = &'a [(&'a str, &'a str)];

/// Labels that a sample has at most.
const MOST: usize = 6;

/// What the samples of a family are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Gauge,
    Counter,
    Summary,
    Histogram,
}

impl Kind {
    fn label(self) -> &'static str {
        match self {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Summary => "summary",
            Kind::Histogram => "histogram",
        }
    }
}

/// One or more lines of a family.
#[derive(Debug)]
pub(super) struct Sample<'a> {
    labels: Labels<'a>,
    value: Value<'a>,
}

#[derive(Debug)]
enum Value<'a> {
    Whole(u64),
    Real(f64),
    Histogram(Bounds, &'a Histogram),
    Summary {
        /// By their names; microseconds, if there is anything to go by.
        quantiles: [(&'static str, Option<u64>); 2],
        count: u64,
        micros: u64,
    },
}

/// A count.
pub(super) fn counter<'a>(labels: Labels<'a>, value: u64) -> Sample<'a> {
    let value = Value::Whole(value);
    Sample { labels, value }
}

/// So many microseconds, in seconds.
pub(super) fn counter_seconds<'a>(labels: Labels<'a>, micros: u64) -> Sample<'a> {
    let value = Value::Real(seconds(micros));
    Sample { labels, value }
}

/// Something that goes up and down.
pub(super) fn gauge<'a>(labels: Labels<'a>, value: f64) -> Sample<'a> {
    let value = Value::Real(value);
    Sample { labels, value }
}

/// How often something lasted how long.
pub(super) fn histogram<'a>(labels: Labels<'a>, bounds: Bounds, counts: &'a Histogram) -> Sample<'a> {
    let value = Value::Histogram(bounds, counts);
    Sample { labels, value }
}

/// Quantiles, count and sum of something in microseconds.
pub(super) fn summary<'a>(
    labels: Labels<'a>,
    quantiles: [(&'static str, Option<u64>); 2],
    count: u64,
    micros: u64,
) -> Sample<'a> {
    let value = Value::Summary {
        quantiles,
        count,
        micros,
    };
    Sample { labels, value }
}

/// All samples of one name.
#[derive(Debug)]
pub(super) struct Family {
    name: &'static str,
    lines: String,
    /// How long the lines are while there is no sample.
    head: usize,
}

impl Family {
    /// No sample. What `help` says needs no escaping: it has no backslash, and no new line.
    pub(super) fn new(name: &'static str, kind: Kind, help: &str) -> Family {
        let kind = kind.label();
        let lines = format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
        let head = lines.len();
        Family { name, lines, head }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.len() == self.head
    }

    /// All of it.
    pub(super) fn into_text(self) -> String {
        self.lines
    }

    /// Adds a sample.
    pub(super) fn add(&mut self, sample: Sample<'_>) {
        let Sample { labels, value } = sample;
        match value {
            Value::Whole(value) => self.line("", labels, |lines| whole(lines, value)),
            Value::Real(value) => self.line("", labels, |lines| real(lines, value)),
            Value::Histogram(bounds, counts) => self.histogram(labels, bounds, counts),
            Value::Summary {
                quantiles,
                count,
                micros,
            } => {
                for (quantile, value) in quantiles {
                    let begun = self.begin("", labels);
                    self.and(begun, "quantile", quantile);
                    real(&mut self.lines, value.map_or(f64::NAN, seconds));
                    self.lines.push('\n');
                }
                self.line("_sum", labels, |lines| real(lines, seconds(micros)));
                self.line("_count", labels, |lines| whole(lines, count));
            }
        }
    }

    fn histogram(&mut self, labels: Labels<'_>, bounds: Bounds, counts: &Histogram) {
        let from = self.lines.len();
        let begun = self.begin("_bucket", labels);
        let beginning = from..self.lines.len();
        let mut first = true;
        let mut bucket = |family: &mut Family, bound: &dyn Fn(&mut String), count| {
            if !std::mem::take(&mut first) {
                family.lines.extend_from_within(beginning.clone());
            }
            family.lines.push_str(if begun { ",le=\"" } else { "le=\"" });
            bound(&mut family.lines);
            family.lines.push_str("\"} ");
            whole(&mut family.lines, count);
            family.lines.push('\n');
        };
        for (bound, count) in counts.cumulative(bounds) {
            bucket(self, &|lines| real(lines, seconds(bound)), count);
        }
        let count = counts.count();
        bucket(self, &|lines| lines.push_str("+Inf"), count);
        self.line("_sum", labels, |lines| real(lines, seconds(counts.sum())));
        self.line("_count", labels, |lines| whole(lines, count));
    }

    fn line(&mut self, suffix: &str, labels: Labels<'_>, value: impl FnOnce(&mut String)) {
        self.begin(suffix, labels);
        self.lines.push_str("} ");
        value(&mut self.lines);
        self.lines.push('\n');
    }

    /// Writes name and labels, in the order of their names; returns whether there is any.
    fn begin(&mut self, suffix: &str, labels: Labels<'_>) -> bool {
        self.lines.push_str(self.name);
        self.lines.push_str(suffix);
        self.lines.push('{');
        let mut sorted = [("", ""); MOST];
        let sorted = &mut sorted[..labels.len()];
        sorted.copy_from_slice(labels);
        sorted.sort_unstable_by_key(|(name, _)| *name);
        for (place, (name, value)) in sorted.iter().enumerate() {
            if place > 0 {
                self.lines.push(',');
            }
            self.lines.push_str(name);
            self.lines.push_str("=\"");
            escaped(&mut self.lines, value);
            self.lines.push('"');
        }
        !labels.is_empty()
    }

    /// Writes the last label, that needs no escaping.
    fn and(&mut self, begun: bool, name: &str, value: &str) {
        if begun {
            self.lines.push(',');
        }
        for part in [name, "=\"", value, "\"} "] {
            self.lines.push_str(part);
        }
    }
}

fn escaped(text: &mut String, value: &str) {
    if !value.bytes().any(|byte| matches!(byte, b'\\' | b'"' | b'\n')) {
        text.push_str(value);
        return;
    }
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
}

fn whole(text: &mut String, value: u64) {
    text.push_str(itoa::Buffer::new().format(value));
}

fn real(text: &mut String, value: f64) {
    // Most are whole numbers, which are written in a tenth of the time.
    let rounded = value as u64;
    if rounded as f64 == value && rounded < 1 << 53 {
        whole(text, rounded);
    } else {
        text.push_str(&value.to_string());
    }
}

fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_and_escaped() {
        let mut family = Family::new("hotline_agents", Kind::Gauge, "Agents.");
        family.add(gauge(&[("queue", "a\"b\\c\nd"), ("node", "pbx1")], 2.0));
        family.add(gauge(&[], 0.25));
        let lines = "hotline_agents{node=\"pbx1\",queue=\"a\\\"b\\\\c\\nd\"} 2\nhotline_agents{} 0.25\n";
        assert_eq!(
            family.into_text(),
            format!("# HELP hotline_agents Agents.\n# TYPE hotline_agents gauge\n{lines}")
        );
    }

    #[test]
    fn a_histogram_has_each_bound_and_what_is_beyond() {
        const BOUNDS: Bounds = &[500_000, 5_000_000];
        let mut counts = Histogram::default();
        for value in [400_000, 500_000, 600_000, 6_000_000] {
            counts.observe(BOUNDS, value);
        }
        let mut family = Family::new("hotline_hold_seconds", Kind::Histogram, "Holds.");
        family.add(histogram(&[("queue", "q")], BOUNDS, &counts));
        let lines = [
            "hotline_hold_seconds_bucket{queue=\"q\",le=\"0.5\"} 2",
            "hotline_hold_seconds_bucket{queue=\"q\",le=\"5\"} 3",
            "hotline_hold_seconds_bucket{queue=\"q\",le=\"+Inf\"} 4",
            "hotline_hold_seconds_sum{queue=\"q\"} 7.5",
            "hotline_hold_seconds_count{queue=\"q\"} 4",
        ];
        let written = family.into_text();
        assert_eq!(written.lines().skip(2).collect::<Vec<_>>(), lines);
    }

    #[test]
    fn what_nobody_knows_is_no_number() {
        let mut family = Family::new("hotline_wait", Kind::Summary, "Waits.");
        family.add(summary(
            &[("queue", "q")],
            [("0.5", None), ("0.9", Some(1_500_000))],
            3,
            2_000_000,
        ));
        let lines = [
            "hotline_wait{queue=\"q\",quantile=\"0.5\"} NaN",
            "hotline_wait{queue=\"q\",quantile=\"0.9\"} 1.5",
            "hotline_wait_sum{queue=\"q\"} 2",
            "hotline_wait_count{queue=\"q\"} 3",
        ];
        let written = family.into_text();
        assert_eq!(written.lines().skip(2).collect::<Vec<_>>(), lines);
    }
}
