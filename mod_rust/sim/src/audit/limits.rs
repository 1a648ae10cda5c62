//! Limits: levels ascend, what was reached is cleared once.

use std::collections::BTreeMap;

use hotline_engine::Event;
use hotline_engine::event::Limit;

use super::ensure;
use crate::pair::Wrong;

/// Limits that are exceeded, and the level reached.
#[derive(Default, Debug)]
pub(super) struct Limits(BTreeMap<Limit, u8>);

impl Limits {
    pub(super) fn event(&mut self, event: &Event) -> Result<(), Wrong> {
        if let Event::LimitReached { limit, level, lasted } = event {
            let before = self.0.insert(*limit, *level).unwrap_or_default();
            let next = *level == before + 1 || (*level == before && before > 0);
            ensure!(next, "{limit:?} reaches level {level} after {before}");
            ensure!(lasted.0 > 0, "{limit:?} reaches level {level} at once");
        }
        if let Event::LimitCleared { limit, level, .. } = event {
            let before = self.0.remove(limit);
            ensure!(
                before == Some(*level),
                "{limit:?} is cleared from level {level}, but was at {before:?}"
            );
        }
        Ok(())
    }

    pub(super) fn finish(&self) -> Result<(), Wrong> {
        let of_calls = self.0.keys().any(|limit| match limit {
            Limit::Wait { .. } | Limit::Ring { .. } | Limit::Talk { .. } | Limit::Hold { .. } => true,
            // Agents need not go home.
            Limit::WrapUp { .. } | Limit::NotReady { .. } => false,
        });
        ensure!(!of_calls, "limits stay exceeded: {:?}", self.0);
        Ok(())
    }
}
