//! Asterisk as the host sees it.

use std::sync::Arc;
use std::time::Duration;

use asterisk::place;
use hotline_engine::Span;
use hotline_engine::action::Line;
use hotline_engine::config::Answering;
use hotline_engine::ids::{AgentId, CallId, MonitorId, RecordingId};
use hotline_engine::input::{Arrangement, RecordOrder, Whom};
use hotline_host::{ForWhom, Level, Pbx};

use crate::callbacks::{Callbacks, Request, Summons};
use crate::events;
use crate::phones::Phones;
use crate::recorder::Recorder;

/// Whom agents may transfer callers to by number is what the dialplan has here.
const TRANSFER_CONTEXT: &str = "hotline-transfer";

pub(crate) struct Asterisk {
    name: String,
    phones: Arc<Phones>,
    callbacks: Arc<Callbacks>,
    recorder: Arc<Recorder>,
}

impl Asterisk {
    pub(crate) fn new(phones: Arc<Phones>, callbacks: Arc<Callbacks>, recorder: Arc<Recorder>) -> Asterisk {
        Asterisk {
            name: asterisk::version(),
            phones,
            callbacks,
            recorder,
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

    fn call_supervisor(
        &self,
        monitor: MonitorId,
        phone: &str,
        whom: ForWhom<'_>,
        how: Answering,
        ring_time: Span,
    ) {
        self.callbacks.summon(Summons {
            monitor,
            phone: phone.to_owned(),
            supervisor: whom.supervisor.to_owned(),
            agent: whom.agent.to_owned(),
            answering: how,
            ring_time: Duration::from_micros(ring_time.0),
        });
    }

    fn cancel_call_supervisor(&self, monitor: MonitorId) {
        self.callbacks.dismiss(monitor);
    }

    fn disconnect(&self, call: CallId, whom: Whom) {
        self.callbacks.disconnect(call, whom);
    }

    fn comfort(&self, call: CallId, say: &[String]) {
        self.callbacks.comfort(call, say.to_vec());
    }

    fn retrieve(&self, call: CallId, event: &str, unannounced: bool) {
        self.callbacks.retrieve(call, event.to_owned(), unannounced);
    }

    fn hold(&self, call: CallId, on: bool) {
        self.callbacks.hold(call, on);
    }

    fn mute(&self, call: CallId, on: bool) {
        self.callbacks.mute(call, on);
    }

    fn send_away(&self, call: CallId, place: &str) {
        self.callbacks.send_away(call, place.to_owned());
    }

    fn bring_back(&self, call: CallId) {
        self.callbacks.bring_back(call);
    }

    fn consult(&self, call: CallId, line: Line) {
        self.callbacks.consult(call, line);
    }

    fn arrange(&self, call: CallId, how: Arrangement) {
        self.callbacks.arrange(call, how);
    }

    fn record(&self, recording: RecordingId, call: CallId, order: RecordOrder) {
        self.recorder.order(recording, call, order);
    }

    fn place_of(&self, number: &str) -> Option<String> {
        // What the dialplan has for its own ends, as h, i and t, is no number.
        let own = number.len() == 1 && number.starts_with(|c: char| c.is_ascii_alphabetic());
        (!own && place::exists(TRANSFER_CONTEXT, number)).then(|| format!("{TRANSFER_CONTEXT},{number},1"))
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
