//! Tells one listener every step of the alarms, however slow it is.
//!
//! Steps come over a channel of bounded size. A listener that falls behind it is told what differs between what it was told last and what is on
//! now: steps that were over again meanwhile are left out, none that counts is.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::{Alarm, Board, News, Step, now};

/// See the module.
#[derive(Debug)]
pub struct Teller {
    /// Who listens, for the log.
    whom: String,
    board: Arc<Board>,
    news: Receiver<News>,
    /// The number of the last step that it knows of.
    seen: u64,
    /// What it was told last of each alarm that is on.
    told: BTreeMap<u64, Arc<Alarm>>,
}

impl Teller {
    /// Tells what happens from now on.
    pub fn new(board: Arc<Board>, whom: &str) -> Teller {
        // In this order, so that no step is between the two; one that is in both is told from its number.
        let news = board.news();
        let (seen, told) = board.known();
        Teller {
            whom: whom.to_owned(),
            board,
            news,
            seen,
            told,
        }
    }

    /// The next steps; `None` once the board is gone.
    pub async fn next(&mut self) -> Option<Vec<News>> {
        loop {
            let steps = match self.news.recv().await {
                Ok(news) if news.nth <= self.seen => continue,
                Ok(news) => vec![self.take(news)],
                Err(RecvError::Lagged(missed)) => self.catch_up(missed),
                Err(RecvError::Closed) => return None,
            };
            if !steps.is_empty() {
                return Some(steps);
            }
        }
    }

    fn take(&mut self, news: News) -> News {
        self.seen = news.nth;
        match news.step {
            Step::Cleared => self.told.remove(&news.alarm.id),
            Step::Raised | Step::Level | Step::Acknowledged => {
                self.told.insert(news.alarm.id, news.alarm.clone())
            }
        };
        news
    }

    /// All that differs from what was told.
    fn catch_up(&mut self, missed: u64) -> Vec<News> {
        self.news = self.board.news();
        let (nth, on) = self.board.known();
        let mut steps = Vec::new();
        let mut tell = |step, at, alarm: &Arc<Alarm>| {
            let alarm = alarm.clone();
            steps.push(News { nth, step, at, alarm });
        };
        for (id, told) in &self.told {
            if !on.contains_key(id) {
                tell(Step::Cleared, now(), told);
            }
        }
        for (id, alarm) in &on {
            let told = self.told.get(id);
            match told {
                None => tell(Step::Raised, alarm.raised, alarm),
                Some(told) if (told.level, told.changed) != (alarm.level, alarm.changed) => {
                    tell(Step::Level, alarm.changed, alarm);
                }
                Some(_) => {}
            }
            if let Some(by) = &alarm.acknowledged
                && told.is_none_or(|told| told.acknowledged.as_ref() != Some(by))
            {
                tell(Step::Acknowledged, by.at, alarm);
            }
        }
        (self.seen, self.told) = (nth, on);
        tracing::warn!(
            whom = self.whom,
            missed,
            told = steps.len(),
            "more steps of alarms at once than can wait: what is different now is told, what is over again is left out"
        );
        steps
    }
}
