//! The API does what its OpenAPI document says: schemathesis tries it with what fits the document and what does not.

use std::process::Command;

use hotline_wire::blacklist::ListOrder;
use hotline_wire::{Command as Order, Outcome};

use super::Floor;

/// Without schemathesis the check is passed over with a note; `HOTLINE_SCHEMATHESIS` set means that there must be one.
#[tokio::test(flavor = "multi_thread")]
async fn the_api_keeps_its_word() {
    let Some(program) = std::env::var_os("HOTLINE_SCHEMATHESIS") else {
        eprintln!(
            "NOT CHECKED by schemathesis, as HOTLINE_SCHEMATHESIS names none: `cargo xtask test` provides it"
        );
        return;
    };
    let floor = Floor::open(61, 200).await;
    floor.node.answer_with(|_, command| {
        vec![match command {
            Order::WhyNot { .. } | Order::WhyCall { .. } | Order::Fairness | Order::ConfigDiff => {
                Outcome::Told {
                    lines: vec!["because".into()],
                }
            }
            Order::Blacklist(ListOrder::List { .. }) => Outcome::Listed {
                entries: vec![Default::default()],
                next: None,
            },
            _ => Outcome::Done,
        }]
    });
    let url = format!("http://{}/api/v1/openapi.json", floor.daemon.http());
    let settings = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/daemon/api/schemathesis.toml");
    let folder = floor.dir.path().to_owned();
    let run = move || {
        Command::new(program)
            .args(["--config-file", settings, "run", &url])
            .args(["--header", "Authorization: Bearer admin", "--no-color"])
            .current_dir(folder)
            .output()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let output = output.expect("HOTLINE_SCHEMATHESIS starts; `cargo xtask test` provides one");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    eprintln!("{said}");
    floor.daemon.stop().await;
}
