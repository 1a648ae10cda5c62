//! By which names the daemon may be asked. A page of another site can have its own name lead to this machine, and then ask in its name with no
//! regard for where it came from (DNS rebinding): its requests still say that name.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Http;
use super::problem::Problem;
use crate::settings::HttpSettings;

/// Refuses requests that name another host.
pub(super) async fn guard(State(http): State<Arc<Http>>, request: Request, next: Next) -> Response {
    match check(&http.settings, request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn check(settings: &HttpSettings, headers: &HeaderMap) -> Result<(), Problem> {
    if !settings.listen.ip().is_loopback() && settings.hosts.is_empty() {
        return Ok(());
    }
    let mut all = headers.get_all(header::HOST).iter();
    // Every browser says one; HTTP/1.0 need not.
    let Some(first) = all.next() else { return Ok(()) };
    let known = first.to_str().is_ok_and(|host| is_known(settings, name(host)));
    if known && all.next().is_none() {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::MISDIRECTED_REQUEST,
        "host",
        "this daemon is not known by the name in your Host header; ask for localhost, 127.0.0.1 or [::1], or add the name to [http] hosts",
    ))
}

/// Without its port.
fn name(host: &str) -> &str {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, Some(port)),
        Some(_) | None => (host, None),
    };
    // The last part of an address of IPv6 is no port.
    if port.is_some() && name.contains(':') && !name.ends_with(']') {
        return host;
    }
    name
}

fn is_known(settings: &HttpSettings, name: &str) -> bool {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<IpAddr>().ok();
    name.eq_ignore_ascii_case("localhost")
        || address.is_some_and(|ip| ip.is_loopback() || ip == settings.listen.ip())
        || settings
            .hosts
            .iter()
            .any(|host| host.trim_matches(['[', ']']).eq_ignore_ascii_case(bare))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(listen: &str, hosts: &[&str], host: &str) -> bool {
        let settings = HttpSettings {
            listen: listen.parse().unwrap(),
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            ..HttpSettings::default()
        };
        let headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
        check(&settings, &headers).is_ok()
    }

    #[test]
    fn on_loopback_it_is_known_by_names_of_this_machine_and_of_the_settings() {
        let here = "127.0.0.1:9877";
        for host in [
            "localhost",
            "LocalHost:9877",
            "127.0.0.1:9877",
            "127.0.0.2",
            "[::1]:9877",
            "[::1]",
        ] {
            assert!(answers(here, &[], host), "{host}");
        }
        for host in [
            "evil.example:9877",
            "localhost.evil.example",
            "evil",
            "192.0.2.1",
            "",
            "127.0.0.1.evil.example",
            "localhost:x",
        ] {
            assert!(!answers(here, &[], host), "{host}");
        }
        assert!(answers(here, &["hotline.example.com"], "Hotline.Example.com:443"));
        assert!(!answers(here, &["hotline.example.com"], "example.com"));
    }

    #[test]
    fn beyond_loopback_it_is_asked_by_any_name_unless_some_are_given() {
        let there = "192.0.2.7:443";
        assert!(answers(there, &[], "pbx.example.com"));
        assert!(!answers(there, &["hotline.example.com"], "pbx.example.com"));
        assert!(answers(there, &["hotline.example.com"], "192.0.2.7:443"));
    }
}
