//! Callers who called again: what first-call resolution is guessed from.

use std::collections::BTreeMap;

use super::period::Period;
use crate::store::sql::{Sql, SqlError, values};

/// Answered calls whose caller is known, and those whose caller called again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Callers {
    pub(super) known: i64,
    pub(super) repeated: i64,
}

/// By queue, tier and agent.
pub(super) type ByCallers = BTreeMap<(String, String, String), Callers>;

/// Of the calls that began in the period. Who is called back has not called again.
pub(super) fn of_period(
    sql: &mut dyn Sql,
    period: &Period,
    days: u32,
    node: Option<&str>,
) -> Result<ByCallers, SqlError> {
    let again = u64::from(days) * 86_400_000_000;
    let here = if node.is_some() {
        "AND first.boot IN (SELECT id FROM boots WHERE node = $4)"
    } else {
        ""
    };
    let query = format!(
        "SELECT queue, tier, coalesce(agent, ''), count(*), CAST(sum(again) AS BIGINT) FROM (
             SELECT first.queue AS queue, first.tier AS tier, first.agent AS agent, CASE WHEN EXISTS (
                 SELECT 1 FROM calls AS later WHERE later.caller = first.caller AND later.began > first.began
                 AND later.began <= first.began + CAST($1 AS BIGINT) AND later.callback IS NULL
             ) THEN 1 ELSE 0 END AS again
             FROM calls AS first WHERE first.began >= $2 AND first.began < $3 AND first.outcome = 'answered'
             AND first.caller IS NOT NULL {here}
         ) AS answered GROUP BY queue, tier, coalesce(agent, '')"
    );
    let mut asked = values![again, period.from, period.to].to_vec();
    asked.extend(node.map(Into::into));
    let mut found = ByCallers::new();
    sql.each(&query, &asked, &mut |row| {
        let key = (
            row.text(0)?.to_owned(),
            row.text(1)?.to_owned(),
            row.text(2)?.to_owned(),
        );
        let callers = Callers {
            known: row.int(3)?,
            repeated: row.int(4)?,
        };
        found.insert(key, callers);
        Ok(())
    })?;
    Ok(found)
}
