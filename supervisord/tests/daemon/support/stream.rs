//! A reader of a stream of events, who keeps what it shows.

use std::collections::BTreeMap;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::client::Api;
use super::node::PATIENCE;

/// An event as it came.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    pub id: Option<String>,
    pub name: String,
    pub data: Value,
}

pub struct Reader {
    response: Response,
    rest: Vec<u8>,
    /// Ids of changes, in order.
    pub ids: Vec<u64>,
    pub last: Option<String>,
    /// What it shows: kind and name, and the value.
    pub shown: BTreeMap<(String, String), Value>,
    pub resets: Vec<String>,
}

impl Reader {
    pub async fn open(api: &Api, query: &str, last: Option<&str>) -> Reader {
        let mut request = api.request(Method::GET, &format!("/api/v1/events{query}"));
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Reader {
            response,
            rest: Vec::new(),
            ids: Vec::new(),
            last: None,
            shown: BTreeMap::new(),
            resets: Vec::new(),
        }
    }

    /// The next event; `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.rest.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.rest.drain(..end + 2).collect();
                match self.take(std::str::from_utf8(&block).unwrap()) {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk());
            match chunk.await.expect("waited in vain for an event") {
                Ok(Some(chunk)) => self.rest.extend_from_slice(&chunk),
                Ok(None) | Err(_) => return None,
            }
        }
    }

    fn take(&mut self, block: &str) -> Option<Event> {
        let field = |name: &str| {
            let line = block
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.map(str::to_owned)
        };
        let event = Event {
            id: field("id"),
            name: field("event")?,
            data: serde_json::from_str(&field("data").unwrap()).unwrap(),
        };
        if let Some(id) = &event.id {
            if event.name != "ready" {
                self.ids.push(id.rsplit('-').next().unwrap().parse().unwrap());
            }
            self.last = Some(id.clone());
        }
        let word = |key: &str| event.data[key].as_str().unwrap().to_owned();
        match event.name.as_str() {
            "reset" => {
                self.shown.clear();
                self.resets.push(word("reason"));
            }
            "put" => {
                let name = (word("kind"), word("name"));
                self.shown.insert(name, event.data["value"].clone());
            }
            "remove" => {
                let gone = self.shown.remove(&(word("kind"), word("name")));
                assert!(gone.is_some(), "what was not shown is gone: {event:?}");
            }
            "ready" | "heartbeat" => {}
            other => panic!("an event {other}"),
        }
        Some(event)
    }

    /// Reads until everything there is has come.
    pub async fn ready(&mut self) {
        while self.next().await.expect("the stream goes on").name != "ready" {}
    }

    /// Reads until it shows what is expected.
    pub async fn until(&mut self, expected: &BTreeMap<(String, String), Value>) {
        while self.shown != *expected {
            self.next().await.expect("the stream goes on");
        }
    }
}

/// What GET shows to the same one, but for nodes.
pub async fn all_lists(api: &Api) -> BTreeMap<(String, String), Value> {
    let mut all = BTreeMap::new();
    for (list, kind) in [
        ("queues", "queue"),
        ("agents", "agent"),
        ("calls", "call"),
        ("callbacks", "callback"),
    ] {
        let (status, page) = api.get(&format!("/api/v1/{list}?limit=1000")).await;
        assert_eq!((status.as_u16(), &page["next"]), (200, &json!(null)));
        for item in page["items"].as_array().unwrap() {
            all.insert(
                (kind.to_owned(), item[kind].as_str().unwrap().to_owned()),
                item.clone(),
            );
        }
    }
    all
}
