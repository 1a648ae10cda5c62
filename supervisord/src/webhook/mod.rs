//! Webhooks: what happens is posted to URLs, signed, tried again, and never in anybody's way.
//!
//! Each webhook has a queue of bounded size in memory: a restart of the daemon forgets what waits there, and what finds no place is
//! said to be lost. Steps of alarms wait for their place instead, and what is beyond that is told as it is by then. What could not be delivered in time, or is refused for good, is a line of the log with its id: a dead letter.

mod deliver;
mod notice;

use std::sync::Arc;

use prometheus::{IntCounterVec, Opts, Registry};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::alarms::{News, Teller};
use crate::settings::{HookEvent, TeamSettings, WebhookSettings};
use crate::shared::Shared;
pub use deliver::signature;
use deliver::{Deliverer, Fate};
pub use notice::{AlarmNotice, Notice};

/// Notices that wait for one webhook.
const QUEUE: usize = 1_000;
/// Of them, steps of alarms: a storm of those leaves room for offers.
const ALARMS: usize = QUEUE / 2;
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
    queue: mpsc::Sender<Waiting>,
    /// Places for steps of alarms.
    alarms: Arc<Semaphore>,
}

/// What waits for its delivery.
#[derive(Debug)]
struct Waiting {
    notice: Arc<Notice>,
    /// The place that it has, if it is of an alarm.
    _place: Option<OwnedSemaphorePermit>,
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
                alarms: Arc::new(Semaphore::new(ALARMS)),
            });
        }
        Ok((Arc::new(Webhooks { hooks, counts }), tasks))
    }

    /// Has all tell it who want it. Never waits.
    pub fn notify(&self, notice: Notice) {
        let notice = Arc::new(notice);
        for hook in self.hooks.iter().filter(|hook| hook.wants(&notice)) {
            self.put(hook, notice.clone(), None);
        }
    }

    fn put(&self, hook: &Hook, notice: Arc<Notice>, place: Option<OwnedSemaphorePermit>) {
        let waiting = Waiting {
            notice,
            _place: place,
        };
        if let Err(error) = hook.queue.try_send(waiting) {
            let name = hook.settings.name.as_str();
            self.counts.with_label_values(&[name, Fate::Lost.label()]).inc();
            tracing::error!(
                webhook = name,
                id = error.into_inner().notice.id(),
                "dead letter: {QUEUE} notices wait for this webhook already; is its server well?"
            );
        }
    }

    /// Tells each that wants them of alarms, for ever; meant to be aborted. One that is slow holds up no other: what finds no room
    /// in its channel is told as it is by then.
    ///
    /// It listens from the moment of the call on, not from when it is first polled.
    pub fn follow_alarms(self: Arc<Webhooks>, shared: &Shared) -> impl Future<Output = ()> + use<> {
        let wants = |(_, hook): &(usize, &Hook)| hook.settings.events.contains(&HookEvent::Alarm);
        let teller = |(nth, hook): (usize, &Hook)| {
            let whom = format!("webhook {}", hook.settings.name);
            (nth, Teller::new(shared.alarms.clone(), &whom))
        };
        let tellers: Vec<_> = self.hooks.iter().enumerate().filter(wants).map(teller).collect();
        async move {
            let mut telling = JoinSet::new();
            for (nth, teller) in tellers {
                telling.spawn(self.clone().tell(nth, teller));
            }
            telling.join_all().await;
            // Without any there is nothing to do, and no part of the daemon ends.
            std::future::pending().await
        }
    }

    /// Tells one webhook of alarms.
    async fn tell(self: Arc<Webhooks>, nth: usize, mut teller: Teller) {
        let Some(hook) = self.hooks.get(nth) else { return };
        while let Some(steps) = teller.next().await {
            for News { step, at, alarm, .. } in steps {
                let notice = Arc::new(Notice::Alarm(AlarmNotice { step, alarm, at }));
                if !hook.wants(&notice) {
                    continue;
                }
                // Waits while too many do already: the teller makes up for it.
                let Ok(place) = hook.alarms.clone().acquire_owned().await else {
                    return;
                };
                self.put(hook, notice, Some(place));
            }
        }
    }

    /// Tells of offers for ever; meant to be aborted.
    pub async fn follow(self: Arc<Webhooks>, shared: Arc<Shared>) {
        let watch = shared.watch();
        loop {
            for offer in watch.next().await.offers {
                self.notify(Notice::Offer(Box::new(offer)));
            }
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.hooks.is_empty()
    }
}

async fn work(deliverer: Arc<Deliverer>, mut notices: mpsc::Receiver<Waiting>, counts: IntCounterVec) {
    let places = Arc::new(Semaphore::new(UNDER_WAY));
    let mut deliveries = JoinSet::new();
    loop {
        // A place first: what has none waits in the queue, where it is counted.
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        let Some(Waiting { notice, .. }) = notices.recv().await else {
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

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::alarms::{Board, Moment};
    use crate::authority::Authority;
    use crate::settings::{DbusSettings, NodeSettings};
    use crate::timings::Timings;

    /// What a webhook is posted, in the order of its coming.
    async fn server() -> (u16, mpsc::UnboundedReceiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, heard) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut text = String::new();
                let mut part = [0; 4096];
                while !text.ends_with("\"}") {
                    let read = stream.read(&mut part).await.unwrap();
                    text.push_str(std::str::from_utf8(&part[..read]).unwrap());
                }
                let answer = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
                stream.write_all(answer).await.unwrap();
                tell.send(text).unwrap();
            }
        });
        (port, heard)
    }

    #[tokio::test]
    async fn a_storm_of_alarms_leaves_no_webhook_with_what_is_not_so() {
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let (port, mut heard) = server().await;
        let secret = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(secret.path(), "0123456789abcdef").unwrap();
        let hook: WebhookSettings = toml::from_str(&format!(
            "name = \"crm\"\nurl = \"http://127.0.0.1:{port}/\"\nsecret_file = {:?}\nevents = [\"alarm\"]",
            secret.path()
        ))
        .unwrap();
        let (webhooks, mut delivering) = Webhooks::new(&[hook], &[], &Registry::new()).unwrap();
        let rule = toml::from_str("name = \"away\"\nfigure = \"node_away\"\nabove = [5]").unwrap();
        let node = NodeSettings {
            socket: "/run/hotline/pbx1.sock".into(),
        };
        let shared = Shared::new(
            &[node],
            &DbusSettings::default(),
            Authority::default(),
            Timings::default(),
        )
        .with_alarms(Board::new(&[rule], None));
        let mut second = 0;
        let mut look = |away: bool| {
            shared.links()[0].commands = (!away).then(|| mpsc::channel(1).0);
            for wait in [0, 6] {
                let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
                let moment = Moment {
                    wall: wall.as_micros() as u64,
                    steady: (second + wait) * 1_000_000,
                };
                shared.alarms.look(&shared, moment);
            }
            second += 10;
        };
        // Nothing else of this thread runs meanwhile: far more steps than can wait.
        delivering.spawn(webhooks.follow_alarms(&shared));
        for _ in 0..3_000 {
            look(true);
            look(false);
        }
        look(true);
        let last = shared.alarms.alarms()[0].id;
        let told = heard.recv().await.unwrap();
        assert!(
            told.contains(&format!("\"id\":\"alarm-{last}-raised-")),
            "what is on is told first, and nothing of what is over: {told}"
        );
        look(false);
        let told = heard.recv().await.unwrap();
        assert!(
            told.contains(&format!("\"id\":\"alarm-{last}-cleared-")),
            "{told}"
        );
    }
}
