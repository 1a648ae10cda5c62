//! The HTTP API: who may use it, what it shows, what it does, and its streams.

mod alarms;
mod audited;
mod commands;
mod contract;
mod events;
mod examples;
mod limits;
mod people;
mod reads;
mod reports;
mod session;
mod tls;
mod webhooks;

use supervisord::daemon::Daemon;
use supervisord::settings::Settings;
use supervisord::timings::Timings;

use crate::support::client::staff;
use crate::support::inside::{settings, start_timed, until};
use crate::support::node::FakeNode;
use crate::support::story::Story;

/// A node in the midst of a story, and a daemon that knows it all.
pub struct Floor {
    pub dir: tempfile::TempDir,
    pub node: FakeNode,
    pub story: Story,
    pub daemon: Daemon,
}

impl Floor {
    pub async fn open(seed: u64, steps: usize) -> Floor {
        Floor::open_timed(seed, steps, Timings::default()).await
    }

    pub async fn open_timed(seed: u64, steps: usize, timings: Timings) -> Floor {
        Floor::open_with(seed, steps, timings, |_| {}).await
    }

    pub async fn open_with(
        seed: u64,
        steps: usize,
        timings: Timings,
        change: impl Fn(&mut Settings),
    ) -> Floor {
        let dir = tempfile::tempdir().unwrap();
        let node = FakeNode::start(dir.path(), "pbx1", "b1");
        let mut story = Story::new(seed, "b1");
        story.begin(&node);
        (0..steps).for_each(|_| story.step(&node));
        let mut settings = settings(dir.path(), &[&node]);
        staff(&mut settings);
        change(&mut settings);
        let daemon = start_timed(settings, timings).await;
        let floor = Floor {
            dir,
            node,
            story,
            daemon,
        };
        floor.caught_up().await;
        floor
    }

    /// Until the daemon has applied all that the node told.
    pub async fn caught_up(&self) {
        let seq = self.node.seq();
        until(&self.daemon, "all is known", |state| {
            state.nodes.get("pbx1").is_some_and(|node| node.seq >= seq)
        })
        .await;
    }
}

/// What is served is what is kept beside the code, so that a change of the API is seen as one.
///
/// `UPDATE_GOLDEN=1 cargo test -p hotline-supervisord openapi` writes it anew.
#[test]
fn the_openapi_document_is_the_golden_one() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let document = supervisord::http::openapi::document();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &document).unwrap();
    }
    let golden = std::fs::read_to_string(&file).unwrap();
    assert!(
        golden == document,
        "the API is not as docs/openapi.json has it; see the comment of this test"
    );
}
