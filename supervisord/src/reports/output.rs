//! Reports as JSON, CSV and tables.

use super::{By, Key, Report};

/// Columns of a table, which has no room for all.
const SHOWN: &[(&str, &str)] = &[
    ("arrivals", "ARRIVALS"),
    ("answered", "ANSWERED"),
    ("abandoned", "ABANDONED"),
    ("flowed_out", "FLOWED OUT"),
    ("service_level_c", "SL-C"),
    ("speed_of_answer", "ASA"),
    ("handling_time", "AHT"),
    ("abandon_rate", "ABANDON RATE"),
    ("rona_rate", "RONA"),
    ("signed_in", "SIGNED IN"),
    ("occupancy", "OCCUPANCY"),
    ("utilisation", "UTILISATION"),
    ("disposed", "DISPOSED"),
    ("complaints", "COMPLAINTS"),
    ("resolved_rate", "RESOLVED"),
];

impl Report {
    /// As JSON, whole.
    ///
    /// # Errors
    /// It cannot be written, which would be a defect.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// As CSV (RFC 4180): a line for each row, above each column its name and definition.
    ///
    /// # Errors
    /// It cannot be written, which would be a defect.
    pub fn csv(&self) -> csv::Result<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let mut titles: Vec<String> = ["period", "from", "to"].map(str::to_owned).to_vec();
        titles.extend(key_names(self.by).iter().map(|name| (*name).to_owned()));
        let figures = self.rows.first().map(|row| &row.figures.0);
        titles.extend(
            figures
                .into_iter()
                .flatten()
                .map(|figure| format!("{} [{}] ({})", figure.name, figure.definition, figure.unit)),
        );
        writer.write_record(&titles)?;
        for row in &self.rows {
            let mut cells = vec![
                row.period.name.clone(),
                stamp(row.period.from),
                stamp(row.period.to),
            ];
            cells.extend(key_cells(self.by, &row.of).into_iter().map(inert));
            let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
            cells.extend(row.figures.0.iter().map(|figure| number(figure.value)));
            writer.write_record(&cells)?;
        }
        let bytes = writer
            .into_inner()
            .map_err(|error| csv::Error::from(error.into_error()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Titles and cells of a table with the figures that are looked at most.
    pub fn table(&self) -> (Vec<&'static str>, Vec<Vec<String>>) {
        let mut titles = vec!["PERIOD"];
        titles.extend(key_names(self.by).iter().map(|name| match *name {
            "queue" => "QUEUE",
            "tier" => "TIER",
            "agent" => "AGENT",
            "disposition" => "DISPOSITION",
            _ => "TEAM",
        }));
        let has = |name: &str| {
            let mut rows = self.rows.iter();
            rows.any(|row| row.figures.0.iter().any(|figure| figure.name == name))
        };
        let shown: Vec<_> = SHOWN.iter().filter(|(name, _)| has(name)).collect();
        titles.extend(shown.iter().map(|(_, title)| *title));
        let rows = self.rows.iter().map(|row| {
            let mut cells = vec![row.period.name.clone()];
            cells.extend(key_cells(self.by, &row.of));
            for (name, _) in &shown {
                let figure = row.figures.0.iter().find(|figure| figure.name == *name);
                cells.push(figure.map_or_else(String::new, |figure| show(figure.value, figure.unit)));
            }
            cells
        });
        (titles, rows.collect())
    }
}

fn show(value: Option<f64>, unit: &str) -> String {
    match (value, unit) {
        (None, _) => "-".to_owned(),
        (Some(value), "ratio") => format!("{:.1} %", value * 100.0),
        (Some(value), "seconds") if value >= 3_600.0 => format!("{:.1} h", value / 3_600.0),
        (Some(value), "seconds") => format!("{value:.1} s"),
        (Some(value), "agents") => format!("{value:.1}"),
        (Some(value), _) => format!("{value:.0}"),
    }
}

fn key_names(by: By) -> &'static [&'static str] {
    match by {
        By::All => &[],
        By::Queue => &["queue"],
        By::Tier => &["tier"],
        By::QueueTier => &["queue", "tier"],
        By::Agent => &["agent"],
        By::Team => &["team"],
        By::Disposition => &["queue", "disposition"],
    }
}

fn key_cells(by: By, key: &Key) -> Vec<String> {
    let cell = |name: &&str| match *name {
        "queue" => key.queue.clone(),
        "tier" => key.tier.clone(),
        "agent" => key.agent.clone(),
        "disposition" => key.disposition.clone(),
        _ => key.team.clone(),
    };
    key_names(by).iter().map(cell).collect()
}

/// Names come from others: what a spreadsheet would take for a formula is made a text.
fn inert(cell: String) -> String {
    // Some take the wide forms of East Asia for the narrow ones.
    match cell.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r', '\n']) {
        true => format!("'{cell}"),
        false => cell,
    }
}

/// The moment in UTC.
fn stamp(at: u64) -> String {
    let at = i64::try_from(at).ok();
    let at = at.and_then(|at| jiff::Timestamp::from_microsecond(at).ok());
    at.map_or_else(String::new, |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_formula() {
        for formula in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "＝1+1",
            "＋1",
            "－1",
            "＠SUM(A1)",
            "\t=1",
            "\n=1",
        ] {
            assert_eq!(inert(formula.into()), format!("'{formula}"));
        }
        assert_eq!(inert("售后".into()), "售后");
    }

    #[test]
    fn numbers_are_shown_as_people_read_them() {
        assert_eq!(show(Some(0.8604), "ratio"), "86.0 %");
        assert_eq!(show(Some(7_200.0), "seconds"), "2.0 h");
        assert_eq!(show(None, "ratio"), "-");
    }
}
