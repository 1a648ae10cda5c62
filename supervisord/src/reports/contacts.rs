//! Earlier calls of a caller, for the screen of the agent who is offered the next one.

use hotline_blacklist::Caller;
use serde::Serialize;
use utoipa::ToSchema;

use crate::settings::StoreSettings;
use crate::store::StoreError;
use crate::store::sql::{self, Engine, SqlError, values};

/// A call that is over, or goes on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Contact {
    /// Its reference.
    pub call: String,
    /// When it joined first.
    pub began: u64,
    /// When it was over; null while it goes on.
    pub ended: Option<u64>,
    /// Queue of its last visit.
    pub queue: String,
    /// Tier of that visit.
    pub tier: String,
    /// How that visit ended; null while it goes on.
    pub outcome: Option<String>,
    /// Who answered.
    pub agent: Option<String>,
    /// Code of what the agent said it was about.
    pub disposition: Option<String>,
    /// In the agent's own words.
    pub note: Option<String>,
}

/// The latest calls of whoever has that number, but for one. None are found if the store masks numbers, or the number is withheld.
///
/// # Errors
/// The store does not answer.
pub fn of_caller(
    engine: &mut dyn Engine,
    settings: &StoreSettings,
    number: &str,
    but: &str,
    most: u32,
) -> Result<Vec<Contact>, StoreError> {
    let Caller::Known(caller) = settings.plan().caller(number) else {
        return Ok(Vec::new());
    };
    let caller = caller.to_string();
    let read = sql::read(engine, |sql| {
        // Visits are found by when they joined: within the call, since there are few then.
        let select = "SELECT calls.call, calls.began, calls.ended, visits.queue, visits.tier, visits.outcome, visits.agent, \
                      visits.disposition, visits.note \
                      FROM (SELECT boot, call, began, ended, visits FROM calls WHERE caller = $1 AND call <> $2 \
                            ORDER BY began DESC LIMIT $3) AS calls \
                      JOIN visits ON visits.joined >= calls.began AND visits.joined <= coalesce(calls.ended, visits.joined) \
                      AND visits.boot = calls.boot AND visits.call = calls.call AND visits.nth = calls.visits \
                      ORDER BY calls.began DESC";
        let mut found = Vec::new();
        sql.each(select, values![&caller, but, u64::from(most)], &mut |row| {
            found.push(Contact {
                call: row.text(0)?.to_owned(),
                began: row.uint(1)?,
                ended: row.maybe_uint(2)?,
                queue: row.text(3)?.to_owned(),
                tier: row.text(4)?.to_owned(),
                outcome: row.maybe_text(5)?,
                agent: row.maybe_text(6)?,
                disposition: row.maybe_text(7)?,
                note: row.maybe_text(8)?.filter(|note| !note.is_empty()),
            });
            Ok::<_, SqlError>(())
        })?;
        Ok(found)
    });
    read.map_err(|error| engine.failure(error))
}
