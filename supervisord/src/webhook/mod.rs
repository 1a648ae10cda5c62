//! Webhooks: what happens is posted to URLs, signed, tried again, and never in anybody's way.
//!
//! Each webhook has a queue of bounded size in memory: a restart of the daemon forgets what waits there, and what finds no place is
//! said to be lost. What could not be delivered in time, or is refused for good, is a line of the log with its id: a dead letter.

mod deliver;
mod notice;

use std::sync::Arc;

use prometheus::{IntCounterVec, Opts, Registry};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::settings::{HookEvent, TeamSettings, WebhookSettings};
use crate::shared::Shared;
pub use deliver::signature;
use deliver::{Deliverer, Fate};
pub use notice::{AlarmNotice, Notice};

/// Notices that wait for one webhook.
const QUEUE: usize = 1_000;
/// Deliveries of one webhook under way, or waiting for their next try.
const UNDER_WAY: usize = 32;

/// All webhooks.
#[derive(Debug)]
pub struct Webhooks {
    hooks: Vec<Hook>,
    counts: IntCounterVec,
}

#[derive(Debug)]
struct Hook {
    settings: WebhookSettings,
    teams: Vec<TeamSettings>,
    queue: mpsc::Sender<Arc<Notice>>,
}

impl Hook {
    fn wants(&self, notice: &Notice) -> bool {
        let event = match notice {
            Notice::Offer(_) => HookEvent::Offer,
            Notice::Alarm(_) => HookEvent::Alarm,
        };
        let of_team = |team: &TeamSettings| match notice {
            Notice::Offer(offer) => team.has_queue(&offer.queue) || team.has_agent(&offer.agent),
            Notice::Alarm(told) => told
                .alarm
                .queue
                .as_ref()
                .is_some_and(|queue| team.has_queue(queue)),
        };
        self.settings.events.contains(&event) && (self.teams.is_empty() || self.teams.iter().any(of_team))
    }
}

impl Webhooks {
    /// By settings. What is returned with them does the work: to be run for ever, and aborted.
    ///
    /// # Errors
    /// A secret cannot be read, or a client cannot be made.
    pub fn new(
        settings: &[WebhookSettings],
        teams: &[TeamSettings],
        registry: &Registry,
    ) -> anyhow::Result<(Arc<Webhooks>, JoinSet<()>)> {
        let counts = IntCounterVec::new(
            Opts::new(
                "hotline_webhook_notices_total",
                "Notices for webhooks, by webhook and what became of them: delivered, refused, late or lost.",
            ),
            &["webhook", "result"],
        )?;
        registry.register(Box::new(counts.clone()))?;
        let (mut hooks, mut tasks) = (Vec::new(), JoinSet::new());
        for hook in settings {
            for fate in Fate::ALL {
                counts.with_label_values(&[hook.name.as_str(), fate.label()]);
            }
            let deliverer = Deliverer::new(hook)?;
            let (queue, notices) = mpsc::channel(QUEUE);
            tasks.spawn(work(Arc::new(deliverer), notices, counts.clone()));
            hooks.push(Hook {
                settings: hook.clone(),
                teams: teams
                    .iter()
                    .filter(|team| hook.teams.contains(&team.name))
                    .cloned()
                    .collect(),
                queue,
            });
        }
        Ok((Arc::new(Webhooks { hooks, counts }), tasks))
    }

    /// Has all tell it who want it. Never waits.
    pub fn notify(&self, notice: Notice) {
        let notice = Arc::new(notice);
        for hook in self.hooks.iter().filter(|hook| hook.wants(&notice)) {
            if hook.queue.try_send(notice.clone()).is_err() {
                let name = hook.settings.name.as_str();
                self.counts.with_label_values(&[name, Fate::Lost.label()]).inc();
                tracing::error!(
                    webhook = name,
                    id = notice.id(),
                    "dead letter: {QUEUE} notices wait for this webhook already; is its server well?"
                );
            }
        }
    }

    /// Tells of offers for ever; meant to be aborted.
    pub async fn follow(self: Arc<Webhooks>, shared: Arc<Shared>) {
        let watch = shared.watch();
        loop {
            for offer in watch.next().await.offers {
                self.notify(Notice::Offer(offer));
            }
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.hooks.is_empty()
    }
}

async fn work(deliverer: Arc<Deliverer>, mut notices: mpsc::Receiver<Arc<Notice>>, counts: IntCounterVec) {
    let places = Arc::new(Semaphore::new(UNDER_WAY));
    let mut deliveries = JoinSet::new();
    loop {
        // A place first: what has none waits in the queue, where it is counted.
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        let Some(notice) = notices.recv().await else {
            return;
        };
        while deliveries.try_join_next().is_some() {}
        let (deliverer, counts) = (deliverer.clone(), counts.clone());
        deliveries.spawn(async move {
            let fate = deliverer.deliver(&notice).await;
            counts.with_label_values(&[deliverer.name(), fate.label()]).inc();
            drop(place);
        });
    }
}
