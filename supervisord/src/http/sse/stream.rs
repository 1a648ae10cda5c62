//! One reader's stream: what it may see of the feed, from its place on.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::Frame;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::feed::{Anew, Delta, Item, Kind, What};
use crate::accounts::digest;
use crate::http::Http;
use crate::http::auth::Caller;
use crate::http::shares::Share;
use crate::settings::TeamSettings;

/// Events looked at in one go.
const BATCH: usize = 256;
/// Bytes of events that are sent as one, since each piece costs calls of the system; a reader holds three at most.
const PIECE: usize = 32 << 10;

/// Who reads, and what of it.
pub(super) struct Sight {
    pub(super) caller: Caller,
    pub(super) team: Option<TeamSettings>,
    pub(super) queue: Option<String>,
    pub(super) kinds: Vec<Kind>,
}

impl Sight {
    /// What decides which things the reader is shown and how: who comes back with another one has been shown other things.
    fn mark(&self) -> String {
        let actor = &self.caller.actor;
        let team = self.team.as_ref().map(|team| &team.name);
        let decides = (
            actor.role,
            &actor.teams,
            &actor.agent,
            team,
            &self.queue,
            &self.kinds,
        );
        let mut mark = digest(&format!("{decides:?}"));
        mark.truncate(8);
        mark
    }

    /// A thing as the reader may see it.
    fn event(&self, http: &Http, item: &Item) -> Option<Bytes> {
        let (authority, actor) = (&http.shared.authority, &self.caller.actor);
        let scope = &item.scope;
        let queue = scope.queues.first().map_or("", String::as_str);
        let agent = scope.agent.as_deref();
        let wanted = self.kinds.contains(&item.kind)
            && match item.kind {
                Kind::Node => true,
                Kind::Queue | Kind::Agent | Kind::Call | Kind::Callback | Kind::Alarm => {
                    let in_queue = self
                        .queue
                        .as_ref()
                        .is_none_or(|queue| scope.queues.contains(queue));
                    let in_team = self.team.as_ref().is_none_or(|team| match item.kind {
                        Kind::Agent => agent.is_some_and(|agent| team.has_agent(agent)),
                        Kind::Node | Kind::Queue | Kind::Call | Kind::Callback | Kind::Alarm => {
                            team.has_queue(queue)
                        }
                    });
                    in_queue && in_team
                }
            };
        let sees = wanted
            && match item.kind {
                Kind::Node => true,
                Kind::Alarm => queue.is_empty() || authority.sees_queue(actor, queue),
                Kind::Queue => authority.sees_queue(actor, queue),
                Kind::Agent => authority.sees_agent(actor, agent.unwrap_or_default()),
                Kind::Call | Kind::Callback => authority.sees_call(actor, queue, agent),
            };
        sees.then(|| {
            if authority.sees_number(actor, queue, agent) {
                item.whole.clone()
            } else {
                item.masked.clone()
            }
        })
    }

    /// A change as the reader may see it: what it saw and sees no more is gone for it.
    fn change(&self, http: &Http, delta: &Delta) -> Option<Bytes> {
        match &delta.what {
            What::Change(before, now) => {
                let event = now.as_ref().and_then(|now| self.event(http, now));
                event.or_else(|| {
                    let before = before.as_ref()?;
                    self.event(http, before).map(|_| before.removed.clone())
                })
            }
            What::Heartbeat(event) => Some(event.clone()),
        }
    }
}

/// The body of an answer.
pub(super) struct Stream {
    pieces: mpsc::Receiver<Bytes>,
    _place: (OwnedSemaphorePermit, Share),
}

impl Stream {
    /// Goes on behind the last event that the reader had, or begins anew.
    pub(super) fn open(
        http: Arc<Http>,
        sight: Sight,
        last: Option<&str>,
        place: (OwnedSemaphorePermit, Share),
    ) -> Stream {
        let (to, pieces) = mpsc::channel(1);
        let mark = sight.mark();
        let resumed = match last {
            Some(last) => http.feed.resume(last, &mark),
            None => Err(Anew::New),
        };
        tokio::spawn(async move {
            // It ends with its reader, whenever that is.
            let to = Sender {
                pieces: to,
                piece: BytesMut::new(),
            };
            let _ = send(&http, &sight, &mark, resumed, to).await;
        });
        Stream {
            pieces,
            _place: place,
        }
    }
}

/// The reader is gone.
struct Gone;

/// Puts events together into pieces.
struct Sender {
    pieces: mpsc::Sender<Bytes>,
    piece: BytesMut,
}

impl Sender {
    /// Adds parts of one event, and sends what is enough for a piece.
    async fn add(&mut self, parts: &[&[u8]]) -> Result<(), Gone> {
        for part in parts {
            self.piece.extend_from_slice(part);
        }
        if self.piece.len() >= PIECE {
            self.flush().await?;
        }
        Ok(())
    }

    /// Sends what there is.
    async fn flush(&mut self) -> Result<(), Gone> {
        if !self.piece.is_empty() {
            let piece = self.piece.split().freeze();
            self.pieces.send(piece).await.map_err(|_| Gone)?;
        }
        Ok(())
    }
}

async fn send(
    http: &Http,
    sight: &Sight,
    mark: &str,
    resumed: Result<u64, Anew>,
    mut to: Sender,
) -> Result<(), Gone> {
    let mut moved = http.feed.moved();
    let id_line = http.feed.id_line(mark);
    let mut place = match resumed {
        Ok(place) => {
            // So that the reader knows at once that it is connected.
            to.add(&[b": resumed\n\n"]).await?;
            to.flush().await?;
            place
        }
        Err(anew) => {
            let (all, place, id) = http.feed.all();
            let reason = anew.label();
            let reset = format!("event: reset\ndata: {{\"reason\":\"{reason}\"}}\n\n");
            to.add(&[reset.as_bytes()]).await?;
            for item in all.iter() {
                if let Some(event) = sight.event(http, item) {
                    to.add(&[&event]).await?;
                }
            }
            to.add(&[&id_line, &id, b"event: ready\ndata: {}\n\n"]).await?;
            to.flush().await?;
            place
        }
    };
    loop {
        moved.borrow_and_update();
        // A reader that was left behind ends here; when it comes back, it begins anew.
        let Some(deltas) = http.feed.after(place, BATCH) else {
            return Ok(());
        };
        if deltas.is_empty() {
            moved.changed().await.map_err(|_| Gone)?;
            continue;
        }
        place += deltas.len() as u64;
        let heartbeat = deltas
            .iter()
            .any(|delta| matches!(delta.what, What::Heartbeat(_)));
        if heartbeat && !sight.caller.is_current(http) {
            return Ok(());
        }
        for delta in &deltas {
            if let Some(event) = sight.change(http, delta) {
                to.add(&[&id_line, &delta.id, &event]).await?;
            }
        }
        to.flush().await?;
        // If there was nothing for this reader, has it gone meanwhile?
        if to.pieces.is_closed() {
            return Err(Gone);
        }
    }
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.pieces.poll_recv(cx);
        piece.map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}
