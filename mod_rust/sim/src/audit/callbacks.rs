//! Callbacks: each is placed once, dialled while it is owed, and ends once.

use std::collections::{BTreeMap, BTreeSet};

use hotline_engine::ids::CallId;
use hotline_engine::{Action, Event};

use super::ensure;
use crate::pair::Wrong;

#[derive(Default, Debug)]
pub(super) struct Callbacks {
    /// Those owed, with the attempts made and whether one is under way.
    owed: BTreeMap<CallId, (u32, bool)>,
    ever: BTreeSet<CallId>,
    /// Attempts that the host has under way.
    ringing: BTreeSet<CallId>,
}

impl Callbacks {
    pub(super) fn event(&mut self, event: &Event) -> Result<(), Wrong> {
        if let Event::CallbackPlaced {
            callback, position, ..
        } = event
        {
            ensure!(self.ever.insert(*callback), "{callback:?} is owed twice");
            ensure!(*position > 0, "the callback {callback:?} has no place");
            self.owed.insert(*callback, (0, false));
        }
        if let Event::CallbackRestored {
            callback,
            position,
            attempts,
            ..
        } = event
        {
            ensure!(self.ever.insert(*callback), "{callback:?} is owed twice");
            ensure!(*position > 0, "the callback {callback:?} has no place");
            self.owed.insert(*callback, (*attempts, false));
        }
        if let Event::CallbackDialled {
            callback, attempt, ..
        } = event
        {
            let before = self.owed.insert(*callback, (*attempt, true));
            ensure!(
                before == Some((attempt - 1, false)),
                "attempt {attempt} of {callback:?} comes after {before:?}"
            );
        }
        if let Event::CallbackMissed {
            callback, attempt, ..
        } = event
        {
            let before = self.owed.insert(*callback, (*attempt, false));
            ensure!(
                before == Some((*attempt, true)),
                "attempt {attempt} of {callback:?} was missed, but it was {before:?}"
            );
            // The host reported it, or is told to stop.
            self.ringing.remove(callback);
        }
        if let Event::CallbackEnded { callback, .. } = event {
            ensure!(
                self.owed.remove(callback).is_some(),
                "the callback {callback:?} ended, but was not owed"
            );
        }
        Ok(())
    }

    pub(super) fn action(&mut self, action: &Action) -> Result<(), Wrong> {
        match action {
            Action::CallBack {
                callback,
                attempt,
                number,
                ..
            } => {
                self.ringing.insert(*callback);
                let known = self.ever.contains(callback);
                ensure!(known, "{callback:?} is called back, but was never owed");
                ensure!(
                    *attempt > 0 && !number.is_empty(),
                    "nobody is called back: {action:?}"
                );
            }
            Action::CancelCallBack { callback } => {
                self.ringing.remove(callback);
                let known = self.ever.contains(callback);
                ensure!(known, "{callback:?} is called no more, but was never owed");
            }
            Action::Call { .. }
            | Action::Monitor { .. }
            | Action::CallSupervisor { .. }
            | Action::CancelCallSupervisor { .. }
            | Action::Disconnect { .. }
            | Action::Comfort { .. }
            | Action::Retrieve { .. }
            | Action::Hold { .. }
            | Action::Mute { .. }
            | Action::SendAway { .. }
            | Action::BringBack { .. }
            | Action::Consult { .. }
            | Action::Arrange { .. }
            | Action::Record { .. }
            | Action::Reply { .. }
            | Action::WatchPhone { .. } => {}
        }
        Ok(())
    }

    pub(super) fn finish(&self) -> Result<(), Wrong> {
        ensure!(self.owed.is_empty(), "callbacks never ended: {:?}", self.owed);
        Ok(())
    }
}
