//! Asterisk as the host sees it.

use std::sync::Arc;

use hotline_engine::ids::AgentId;
use hotline_host::{Level, Pbx};

use crate::events;
use crate::phones::Phones;

pub(crate) struct Asterisk {
    name: String,
    phones: Arc<Phones>,
}

impl Asterisk {
    pub(crate) fn new(phones: Arc<Phones>) -> Asterisk {
        Asterisk {
            name: asterisk::version(),
            phones,
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
