//! Asterisk as the host sees it.

use std::sync::Arc;

use hotline_engine::ids::{AgentId, CallId};
use hotline_host::{Level, Pbx};

use crate::callbacks::{Callbacks, Request};
use crate::events;
use crate::phones::Phones;

pub(crate) struct Asterisk {
    name: String,
    phones: Arc<Phones>,
    callbacks: Arc<Callbacks>,
}

impl Asterisk {
    pub(crate) fn new(phones: Arc<Phones>, callbacks: Arc<Callbacks>) -> Asterisk {
        Asterisk {
            name: asterisk::version(),
            phones,
            callbacks,
        }
    }
}

impl Pbx for Asterisk {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn watch_phone(&self, agent: AgentId, phone: &str) {
        self.phones.watch(agent, phone);
    }

    fn call_back(&self, callback: CallId, attempt: u32, dial: &str, number: &str, queue: &str) {
        self.callbacks.call(Request {
            callback,
            attempt,
            dial: dial.to_owned(),
            number: number.to_owned(),
            queue: queue.to_owned(),
        });
    }

    fn cancel_call_back(&self, callback: CallId) {
        self.callbacks.cancel(callback);
    }

    fn publish(&self, _at: u64, event: &hotline_wire::Event) {
        events::publish(event);
    }

    fn log(&self, level: Level, message: &str) {
        let level = match level {
            Level::Error => asterisk::Level::Error,
            Level::Warning => asterisk::Level::Warning,
            Level::Notice => asterisk::Level::Notice,
            Level::Debug => asterisk::Level::Debug,
        };
        asterisk::log(level, message);
    }
}
