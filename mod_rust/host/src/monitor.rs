//! A supervisor's end of the host: what the thread of a supervisor's channel holds while it listens.

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use hotline_engine::action::MonitorAction;
use hotline_engine::ids::{CallId, MonitorId};
use hotline_engine::input::{Follow, MonitorFact, MonitorMode, Whom};
use hotline_engine::{Command, Input};
use hotline_wire::Outcome;

use crate::mailbox::Mailbox;
use crate::runner::Message;
use crate::{Host, await_answer};

/// A supervisor on the line. Dropping it at any moment tells the engine that the supervisor is gone.
#[derive(Debug)]
pub struct MonitorPort {
    monitor: MonitorId,
    mailbox: Arc<Mailbox<MonitorAction>>,
    inbox: Sender<Message>,
}

/// What a supervisor asks for on the own phone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MonitorRequest {
    /// The phone's device.
    pub phone: String,
    /// Agent number.
    pub agent: String,
    /// What to do.
    pub mode: MonitorMode,
    /// Whom to stay with.
    pub follow: Follow,
}

/// Why a supervisor does not listen.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// The engine refused.
    #[error("{0}")]
    Refused(String),
    /// The process is out of descriptors.
    #[error("a mailbox: {0}")]
    System(#[from] std::io::Error),
}

impl MonitorPort {
    /// Readable while an action waits.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.mailbox.fd()
    }

    /// The next action; `None` puts [`fd`](Self::fd) to rest. After an `End` there are no more.
    pub fn take(&self) -> Option<MonitorAction> {
        self.mailbox.take()
    }

    /// Tells the engine. Never blocks.
    pub fn report(&self, fact: MonitorFact) {
        let monitor = self.monitor;
        // Without an engine there is nobody to tell: an End is on its way.
        let from = Some(Arc::clone(&self.mailbox));
        let _ = self.inbox.send(Message::Monitor { monitor, fact, from });
    }
}

impl Drop for MonitorPort {
    fn drop(&mut self) {
        self.report(MonitorFact::Gone);
        let monitor = self.monitor;
        let mailbox = Arc::clone(&self.mailbox);
        let _ = self.inbox.send(Message::MonitorLeft { monitor, mailbox });
    }
}

impl Host {
    /// A supervisor asks on the own phone, whose channel waits. Waits for the engine like [`command`](Self::command).
    ///
    /// # Errors
    /// See [`MonitorError`].
    pub fn monitor(&self, author: &str, request: MonitorRequest) -> Result<MonitorPort, MonitorError> {
        let monitor = self.new_monitor();
        let MonitorRequest {
            phone,
            agent,
            mode,
            follow,
        } = request;
        let command = Command::Monitor {
            monitor,
            supervisor: String::new(),
            from: phone,
            agent,
            mode,
            follow,
        };
        match await_answer(|reply| self.order(author, command, reply)) {
            Outcome::Pending => Ok(self.monitor_answered(monitor)?),
            Outcome::Refused { message, .. } => {
                // Should the engine have taken longer than anybody waits.
                self.monitor_failed(monitor);
                Err(MonitorError::Refused(message))
            }
            // The engine answers neither before it has seen the supervisor.
            Outcome::Done | Outcome::Told { .. } | Outcome::Listed { .. } => {
                Err(MonitorError::Refused(String::new()))
            }
        }
    }

    /// A supervisor who was called is on the line. Never blocks. Of a second line for the same listening the engine takes nothing: it
    /// is ended at once, and the first one stays.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub fn monitor_answered(&self, monitor: MonitorId) -> std::io::Result<MonitorPort> {
        let mailbox = match Mailbox::new() {
            Ok(mailbox) => Arc::new(mailbox),
            Err(error) => {
                self.monitor_failed(monitor);
                return Err(error);
            }
        };
        self.send(Message::MonitorUp {
            monitor,
            mailbox: Arc::clone(&mailbox),
        });
        Ok(MonitorPort {
            monitor,
            mailbox,
            inbox: self.0.inbox.clone(),
        })
    }

    /// A supervisor who was called did not answer, or could not be called. Never blocks.
    pub fn monitor_failed(&self, monitor: MonitorId) {
        let fact = MonitorFact::Gone;
        let from = None;
        self.send(Message::Monitor { monitor, fact, from });
    }

    /// Somebody was hung up in a conversation that goes on (`done`), or nobody was there to be hung up. Passed over unless it was
    /// asked for. Never blocks.
    pub fn disconnect_settled(&self, call: CallId, whom: Whom, done: bool) {
        self.send(Message::Noted(Box::new(Input::DisconnectSettled {
            call,
            whom,
            done,
        })));
    }

    /// Signs a supervisor in on the phone that asks for it, and waits like [`command`](Self::command).
    pub fn sign_in_supervisor(&self, author: &str, supervisor: String, phone: String) -> Outcome {
        let command = Command::SignInSupervisor { supervisor, phone };
        await_answer(|reply| self.order(author, command, reply))
    }

    /// Ends an agent's conversation for who asks from a phone, and waits like [`command`](Self::command).
    pub fn disconnect_from(&self, author: &str, phone: String, agent: String, whom: Whom) -> Outcome {
        let command = Command::Disconnect {
            agent,
            whom,
            from: phone,
        };
        await_answer(|reply| self.order(author, command, reply))
    }

    /// Whether the supervisor must show a PIN.
    pub fn supervisor_needs_pin(&self, supervisor: &str) -> bool {
        self.settings().supervisor_pins.contains_key(supervisor)
    }

    /// Whether `pin` is right; true for a supervisor without one. May take some 10 ms of the caller's own time.
    pub fn supervisor_pin_ok(&self, supervisor: &str, pin: &str) -> bool {
        let settings = self.settings();
        let expected = settings.supervisor_pins.get(supervisor);
        expected.is_none_or(|expected| expected.matches(pin))
    }
}
