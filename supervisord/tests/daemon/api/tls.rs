//! HTTPS, and what is refused without it.

use std::fs;

use reqwest::{Certificate, Client, Method};
use serde_json::json;
use supervisord::daemon::Daemon;
use supervisord::settings::Settings;

use crate::support::client::{PASSWORD, client, staff};
use crate::support::inside::settings;
use crate::support::node::FakeNode;

struct Files {
    cert: std::path::PathBuf,
    key: std::path::PathBuf,
}

impl Files {
    /// A new certificate in these files; who trusts it.
    fn renew(&self) -> Client {
        // The provider is there from here on.
        drop(client());
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let pem = made.cert.pem();
        fs::write(&self.key, made.signing_key.serialize_pem()).unwrap();
        fs::write(&self.cert, &pem).unwrap();
        let trusted = Certificate::from_pem(pem.as_bytes()).unwrap();
        let builder = Client::builder().tls_certs_only([trusted]);
        builder.pool_max_idle_per_host(0).build().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_counts_from_the_moment_that_it_is_renewed() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut settings = settings(dir.path(), &[&node]);
    staff(&mut settings);
    let files = Files {
        cert: dir.path().join("cert.pem"),
        key: dir.path().join("key.pem"),
    };
    let first = files.renew();
    settings.http.tls_cert = Some(files.cert.clone());
    settings.http.tls_key = Some(files.key.clone());
    let daemon = Daemon::start(settings).await.unwrap();
    let url = format!("https://localhost:{}/api/v1/session", daemon.http().port());
    let body = json!({"user": "anna", "password": PASSWORD}).to_string();
    let request = first
        .request(Method::POST, &url)
        .header("content-type", "application/json");
    let response = request.body(body).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    assert!(
        cookie.starts_with("__Host-hotline_session=") && cookie.ends_with("; Secure"),
        "{cookie}"
    );

    let second = files.renew();
    assert!(
        first.get(&url).send().await.is_err(),
        "the old certificate is gone"
    );
    assert_eq!(second.get(&url).send().await.unwrap().status(), 401);
    // One that cannot be used leaves the one before in place.
    fs::write(&files.cert, "no certificate").unwrap();
    assert_eq!(second.get(&url).send().await.unwrap().status(), 401);
    // Plain HTTP is not spoken there.
    let plain = format!("http://127.0.0.1:{}/healthz", daemon.http().port());
    assert!(second.get(plain).send().await.is_err());
    daemon.stop().await;
}

#[test]
fn nothing_listens_beyond_loopback_without_tls_unless_told_to() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("supervisord.toml");
    let read = |http: &str| {
        fs::write(
            &file,
            format!("[[node]]\nsocket = \"/run/a.sock\"\n[http]\n{http}\n"),
        )
        .unwrap();
        Settings::read(&file).map_err(|error| error.to_string())
    };
    let error = read("listen = \"0.0.0.0:9877\"").unwrap_err();
    assert!(
        error.contains(":4: http.listen") && error.contains("tls_cert"),
        "{error}"
    );
    assert!(read("listen = \"0.0.0.0:9877\"\nplain_beyond_loopback = true").is_ok());
    let both = "tls_cert = \"/a.pem\"\ntls_key = \"/b.pem\"";
    assert!(read(&format!("listen = \"[::]:9877\"\n{both}")).is_ok());
    assert!(read("tls_cert = \"/a.pem\"").unwrap_err().contains("tls_key"));
    assert!(read("tls_key = \"/b.pem\"").unwrap_err().contains("tls_cert"));
    assert!(read("listen = \"[::1]:9877\"").is_ok());
}
