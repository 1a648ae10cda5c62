//! What callers said: from the records of surveys, by when they were asked.

use std::collections::BTreeMap;

use super::period::Period;
use crate::store::sql::{Sql, SqlError, values};

/// Callers who were asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Surveys {
    pub(super) asked: i64,
    pub(super) answered: i64,
    /// Of whom gave one of the two best answers.
    pub(super) satisfied: i64,
}

impl Surveys {
    pub(super) fn add(&mut self, other: &Surveys) {
        self.asked += other.asked;
        self.answered += other.answered;
        self.satisfied += other.satisfied;
    }
}

/// By queue, tier and agent.
pub(super) type BySurveys = BTreeMap<(String, String, String), Surveys>;

/// Of the callers who were asked in the period. Who may still answer is not among them.
pub(super) fn of_period(
    sql: &mut dyn Sql,
    period: &Period,
    node: Option<&str>,
) -> Result<BySurveys, SqlError> {
    let here = if node.is_some() {
        " AND boot IN (SELECT id FROM boots WHERE node = $3)"
    } else {
        ""
    };
    let query = format!(
        "SELECT queue, tier, agent, count(*), count(score), \
         CAST(sum(CASE WHEN score >= highest - 1 THEN 1 ELSE 0 END) AS BIGINT) \
         FROM surveys WHERE asked >= $1 AND asked < $2 AND settled = 1{here} GROUP BY queue, tier, agent"
    );
    let mut asked = values![period.from, period.to].to_vec();
    asked.extend(node.map(Into::into));
    let mut found = BySurveys::new();
    sql.each(&query, &asked, &mut |row| {
        let key = (
            row.text(0)?.to_owned(),
            row.text(1)?.to_owned(),
            row.text(2)?.to_owned(),
        );
        let surveys = Surveys {
            asked: row.int(3)?,
            answered: row.int(4)?,
            satisfied: row.int(5)?,
        };
        found.insert(key, surveys);
        Ok(())
    })?;
    Ok(found)
}
