//! What must hold of supervisors between any two inputs.

use std::collections::BTreeSet;

use crate::engine::Engine;
use crate::ids::{CallId, SupervisorId};

/// `Err` with the message unless the condition holds.
macro_rules! ensure {
    ($holds:expr, $($message:tt)*) => {
        if !$holds {
            return Err(format!($($message)*));
        }
    };
}

impl Engine {
    /// Checks what must hold of supervisors.
    pub(crate) fn check_supervision(&self) -> Result<(), String> {
        let supervision = &self.supervision;
        let mut speakers = BTreeSet::new();
        for (id, monitor) in &supervision.monitors {
            let supervisor = supervision.get(monitor.supervisor);
            ensure!(
                supervisor.monitor == Some(*id),
                "{:?} does not know of its {id:?}",
                monitor.supervisor
            );
            ensure!(
                !supervisor.phone.is_empty() && supervisor.may(monitor.mode),
                "{:?} has no right to its {id:?}",
                monitor.supervisor
            );
            ensure!(
                supervision.by_agent.contains(&(monitor.agent, *id)),
                "{:?} does not know of {id:?}",
                monitor.agent
            );
            let talks = monitor.call.is_none()
                || monitor.handed
                || monitor.call == self.conversation_of(monitor.agent);
            ensure!(talks, "{id:?} listens to {:?}, which is over", monitor.call);
            let place = (monitor.agent, monitor.handed_call());
            let alone = !monitor.mode.speaks() || speakers.insert(place);
            ensure!(alone, "{id:?} is not alone to speak to {:?}", monitor.agent);
        }
        ensure!(
            supervision.by_agent.len() == supervision.monitors.len(),
            "agents know of monitors that are gone"
        );
        for (supervisor, id) in supervision.supervisors.iter().zip(0..) {
            let there = supervision.phones.get(&supervisor.phone) == Some(&SupervisorId(id));
            ensure!(
                supervisor.phone.is_empty() || there,
                "phone {} is not that of supervisor {id}",
                supervisor.phone
            );
            let known = |id| supervision.monitors.contains_key(id);
            ensure!(
                supervisor.monitor.as_ref().is_none_or(known),
                "supervisor {id} listens by what is gone"
            );
        }
        let talks = |id: &CallId| self.calls.get(id.0).is_some_and(|call| call.talk.is_some());
        ensure!(
            supervision.cut_calls().all(talks),
            "a conversation is cut that is over"
        );
        Ok(())
    }
}
