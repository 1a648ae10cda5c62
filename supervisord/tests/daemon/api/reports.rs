//! Reports over HTTP, who may read which, and what is done to the store.

use hotline_wire::event::CallOutcome;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use supervisord::state::counts::TierCounts;

use super::Floor;
use crate::support::client::Api;
use crate::support::story::MORNING;

/// The day of all stories.
fn day() -> String {
    let at = jiff::Timestamp::from_microsecond(i64::try_from(MORNING).unwrap()).unwrap();
    at.to_zoned_datetime(jiff::tz::TimeZone::UTC).date().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_there_for_whom_they_concern() {
    let floor = Floor::open(71, 3_000).await;
    let path = |rest: &str| format!("/api/v1/reports?zone=UTC&when={}{rest}", day());
    let admin = Api::of(&floor.daemon, "admin");
    let (status, report) = admin.get(&path("")).await;
    assert_eq!(status, 200, "{report}");
    let rows = report["rows"].as_array().unwrap();
    assert!(!rows.is_empty());
    // Answered calls count when they are connected.
    let counted = |queue: &str| -> u64 {
        let state = floor.daemon.shared().state();
        let counts = &state.nodes["pbx1"].counts.queues[queue];
        let others = |tier: &TierCounts| -> u64 {
            let answered = tier.finished.get(&CallOutcome::Answered).copied();
            tier.finished.values().sum::<u64>() - answered.unwrap_or_default()
        };
        counts.answer_wait.count() + counts.tiers.values().map(others).sum::<u64>()
    };
    for row in rows {
        let queue = row["queue"].as_str().unwrap();
        let offered = &row["figures"]["offered"]["value"];
        assert_eq!(offered.as_f64(), Some(counted(queue) as f64), "{row}");
    }

    // A supervisor asks for its own team, its queues and its agents.
    let anna = Api::of(&floor.daemon, "supervisor");
    for (asked, allowed) in [
        ("", false),
        ("&by=all", false),
        ("&by=agent", false),
        ("&queue=support", true),
        ("&queue=sales", false),
        ("&by=queue_tier&queue=support", true),
        ("&by=team&team=first", true),
        ("&by=team&team=second", false),
        ("&by=team", false),
        ("&by=agent&agent=1001", true),
        ("&by=agent&agent=1004", false),
        ("&by=agent&queue=support", false),
    ] {
        let (status, answer) = anna.get(&path(asked)).await;
        let wanted = if allowed {
            StatusCode::OK
        } else {
            StatusCode::FORBIDDEN
        };
        assert_eq!(status, wanted, "{asked}: {answer}");
    }
    let agent = Api::of(&floor.daemon, "agent");
    assert_eq!(agent.get(&path("&by=agent&agent=1001")).await.0, 200);
    assert_eq!(agent.get(&path("&by=agent&agent=1002")).await.0, 403);
    assert_eq!(agent.get(&path("&queue=support")).await.0, 403);
    assert_eq!(Api::of(&floor.daemon, "viewer").get(&path("")).await.0, 403);

    let csv = admin
        .request(Method::GET, &path("&format=csv&by=all"))
        .send()
        .await
        .unwrap();
    assert_eq!(csv.headers()["content-type"], "text/csv; charset=utf-8");
    assert!(csv.text().await.unwrap().lines().count() >= 2);
    for wrong in ["&when=noon", "&zone=Moon", "&target=7", "&by=team&team=none"] {
        let asked = format!("/api/v1/reports?{}", &wrong[1..]);
        let (status, answer) = admin.get(&asked).await;
        assert!(matches!(status.as_u16(), 404 | 422), "{wrong}: {answer}");
    }
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_erased_and_records_are_made_anew_while_the_daemon_runs() {
    let floor = Floor::open(72, 1_000).await;
    let admin = Api::of(&floor.daemon, "admin");
    let before = admin
        .get(&format!("/api/v1/reports?zone=UTC&by=all&when={}", day()))
        .await
        .1;
    let number = json!({"number": "13800138000"});
    let anna = Api::of(&floor.daemon, "supervisor");
    assert_eq!(anna.post("/api/v1/store/erase", &number).await.0, 403);
    assert_eq!(anna.post("/api/v1/store/rebuild", &Value::Null).await.0, 403);
    let (status, erased) = admin.post("/api/v1/store/erase", &number).await;
    assert_eq!(status, 200, "{erased}");
    assert!(erased["events"].is_u64());
    assert_eq!(
        admin.post("/api/v1/store/erase", &json!({"number": ""})).await.0,
        422
    );
    let (status, made) = admin.post("/api/v1/store/rebuild", &Value::Null).await;
    assert_eq!(status, 200, "{made}");
    let after = admin
        .get(&format!("/api/v1/reports?zone=UTC&by=all&when={}", day()))
        .await
        .1;
    assert_eq!(before["rows"], after["rows"]);
    let (_, audit) = admin.get("/api/v1/audit?limit=2").await;
    let actions: Vec<&str> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions.len(), 2);
    assert!(
        audit["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|row| row["author"] == "token:admin"),
        "{audit}"
    );
    floor.daemon.stop().await;
}
