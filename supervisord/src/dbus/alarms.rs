//! Alarms on the bus: what is on, who takes care of it, and a signal for each step.

use std::sync::Arc;

use zbus::message::Header;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, interface};

use super::error::CallError;
use super::permit::Right;
use super::sight::{Eyes, Seen};
use super::{ROOT, asking, views};
use crate::alarms::{Alarm, News};
use crate::authority::{Actor, Authority};
use crate::shared::{CommandError, Shared};

/// Number, rule, figure, node, queue or empty, level, text, what to do, when it began, when it reached its level, who takes care of it
/// or empty, since when or 0, their note. Times are microseconds since the Unix epoch.
pub type AlarmRow = (
    u64,
    String,
    String,
    String,
    String,
    u8,
    String,
    String,
    u64,
    u64,
    String,
    u64,
    String,
);

/// `net.hotline.Hotline1.Alarms`
pub(super) struct Alarms {
    shared: Arc<Shared>,
    eyes: Arc<Eyes>,
}

fn row(alarm: &Alarm) -> AlarmRow {
    let by = alarm.acknowledged.as_ref();
    (
        alarm.id,
        alarm.name.clone(),
        alarm.figure.label().to_owned(),
        views::text(&alarm.node),
        views::text(alarm.queue.as_deref().unwrap_or_default()),
        alarm.level,
        views::text(&alarm.text),
        views::text(&alarm.action),
        alarm.raised,
        alarm.changed,
        by.map_or_else(String::new, |by| views::text(&by.author)),
        by.map_or(0, |by| by.at),
        by.map_or_else(String::new, |by| views::text(&by.note)),
    )
}

/// Nodes and the daemon are for all whom the settings name.
impl Seen for Alarms {
    fn is_seen(&self, _: &Authority, _: &Actor) -> bool {
        true
    }
}

fn number_alone(id: u64) -> AlarmRow {
    let none = String::new;
    (
        id,
        none(),
        none(),
        none(),
        none(),
        0,
        none(),
        none(),
        0,
        0,
        none(),
        0,
        none(),
    )
}

impl Alarms {
    pub(super) fn new(shared: Arc<Shared>, eyes: Arc<Eyes>) -> Alarms {
        Alarms { shared, eyes }
    }
}

#[interface(name = "net.hotline.Hotline1.Alarms")]
impl Alarms {
    /// What is on, worst first.
    #[zbus(out_args("alarms"))]
    async fn list(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<AlarmRow>, CallError> {
        asking::permitted(&self.shared, connection, &header, Right::View).await?;
        let actor = self.eyes.who(connection, &header).await?;
        let authority = &self.shared.authority;
        let sees = |alarm: &&Arc<Alarm>| {
            actor
                .as_ref()
                .is_none_or(|actor| authority.sees_alarm(actor, alarm))
        };
        let alarms = self.shared.alarms.alarms();
        Ok(alarms.iter().filter(sees).map(|alarm| row(alarm)).collect())
    }

    /// Says that whoever asks takes care of an alarm. It stays on until its figure is well again, and is asked for anew if that gets
    /// worse.
    async fn acknowledge(
        &self,
        alarm: u64,
        note: String,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let actor = asking::actor(&self.shared, connection, &header, Right::Supervise).await?;
        self.shared
            .acknowledge(&actor, alarm, &note)
            .await
            .map(|_| ())
            .map_err(CommandError::into)
    }

    /// An alarm was `raised`, reached another `level`, was `acknowledged`, or `cleared`. Where the daemon's settings tell users apart, it has
    /// its number and nothing else: `List` shows it to who may see it.
    #[zbus(signal)]
    async fn changed(emitter: &SignalEmitter<'_>, step: &str, at: u64, alarm: AlarmRow) -> zbus::Result<()>;
}

/// Tells all who listen.
pub(super) async fn announce(eyes: &Eyes, connection: &Connection, news: &News) -> zbus::Result<()> {
    let emitter = SignalEmitter::new(connection, ROOT)?;
    let row = if eyes.broadcasts() {
        row(&news.alarm)
    } else {
        number_alone(news.alarm.id)
    };
    Alarms::changed(&emitter, news.step.label(), news.at, row).await
}
