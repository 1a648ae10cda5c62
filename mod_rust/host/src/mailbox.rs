//! A mailbox: how the engine thread reaches a thread that sleeps on its channel, a call's or a supervisor's.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use hotline_engine::CallAction;
use hotline_engine::action::{MonitorAction, Place, Status};
use rustix::event::{EventfdFlags, eventfd};

/// Actions for one channel, and a descriptor that is readable while there are any.
///
/// The lock is held for a push or a pop only, never over a call into the PBX.
#[derive(Debug)]
pub(crate) struct Mailbox<A> {
    actions: Mutex<VecDeque<A>>,
    ready: OwnedFd,
}

impl<A> Mailbox<A> {
    /// # Errors
    /// When the process is out of descriptors.
    pub(crate) fn new() -> std::io::Result<Mailbox<A>> {
        let ready = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Mailbox {
            actions: Mutex::new(VecDeque::new()),
            ready,
        })
    }

    /// Leaves an action and wakes the owner.
    pub(crate) fn push(&self, action: A) {
        let mut actions = self.actions.lock().unwrap_or_else(PoisonError::into_inner);
        actions.push_back(action);
        // Fails only when the counter is at its ceiling: the owner is awake then.
        let _ = rustix::io::write(&self.ready, &1u64.to_ne_bytes());
    }

    /// The oldest action; `None` puts the descriptor to rest.
    pub(crate) fn take(&self) -> Option<A> {
        let mut actions = self.actions.lock().unwrap_or_else(PoisonError::into_inner);
        let action = actions.pop_front();
        if action.is_none() {
            // Nothing to read is the usual case here.
            let _ = rustix::io::read(&self.ready, &mut [0u8; 8]);
        }
        action
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.ready.as_fd()
    }
}

impl Mailbox<CallAction> {
    /// Lets the caller go on: the node cannot serve.
    pub(crate) fn release(&self) {
        self.push(CallAction::Release {
            status: Status::Error,
            to: Place::Onward,
            say: Vec::new(),
            retry_in: None,
        });
    }
}

impl Mailbox<MonitorAction> {
    /// Lets the supervisor go: the node cannot serve.
    pub(crate) fn release(&self) {
        self.push(MonitorAction::End);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotline_engine::ids::OfferId;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    fn cancel(offer: u64) -> CallAction {
        CallAction::Cancel {
            offer: OfferId(offer),
        }
    }

    fn readable(mailbox: &Mailbox<CallAction>) -> bool {
        let fd = mailbox.fd();
        let mut fds = [PollFd::new(&fd, PollFlags::IN)];
        poll(
            &mut fds,
            Some(&Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            }),
        )
        .unwrap()
            == 1
    }

    #[test]
    fn the_descriptor_is_readable_exactly_while_actions_wait() {
        let mailbox = Mailbox::new().unwrap();
        assert!(!readable(&mailbox));
        mailbox.push(cancel(1));
        mailbox.push(cancel(2));
        assert!(readable(&mailbox));
        assert_eq!(mailbox.take(), Some(cancel(1)));
        assert_eq!(mailbox.take(), Some(cancel(2)));
        assert_eq!(mailbox.take(), None);
        assert!(!readable(&mailbox));
    }
}
