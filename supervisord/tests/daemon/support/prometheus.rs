//! A Prometheus that scrapes a daemon and applies the rules that are shipped.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::daemon::get;
use super::node::PATIENCE;

pub struct Prometheus {
    child: Child,
    http: SocketAddr,
}

impl Prometheus {
    /// Without a Prometheus the test is passed over with a note; `HOTLINE_PROMETHEUS` set means that there must be one. Waits of the
    /// rules are a second each.
    pub fn start(folder: &Path, daemon: SocketAddr, rules: &str) -> Option<Prometheus> {
        let named = std::env::var_os("HOTLINE_PROMETHEUS");
        let program = named.clone().unwrap_or_else(|| "prometheus".into());
        let hasty: String = rules
            .lines()
            .map(|line| match line.trim_start().starts_with("for: ") {
                true => "        for: 1s\n".to_owned(),
                false => format!("{line}\n"),
            })
            .collect();
        std::fs::write(folder.join("rules.yml"), hasty).unwrap();
        let config = folder.join("prometheus.yml");
        let text = format!(
            "global: {{ scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms }}\n\
             rule_files: [rules.yml]\n\
             scrape_configs:\n- job_name: hotline\n  static_configs: [ {{ targets: [\"{daemon}\"] }} ]\n"
        );
        std::fs::write(&config, text).unwrap();
        let child = Command::new(&program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("tsdb").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stderr(Stdio::piped())
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) if named.is_none() => {
                eprintln!(
                    "NOT SCRAPED by Prometheus, as there is none ({error}): `cargo xtask test` provides it"
                );
                return None;
            }
            Err(error) => panic!("HOTLINE_PROMETHEUS={program:?}: {error}; `cargo xtask test` provides one"),
        };
        let (found, address) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                // Versions put other fields in between.
                if line.contains("msg=\"Listening on\"")
                    && let Some((_, rest)) = line.split_once("address=")
                {
                    let address = rest.split_whitespace().next().unwrap_or_default();
                    let _ = found.send(address.parse().unwrap());
                }
                eprintln!("prometheus: {line}");
            }
        });
        let http = address
            .recv_timeout(PATIENCE)
            .expect("Prometheus says where it listens");
        Some(Prometheus { child, http })
    }

    /// The values of an expression, now.
    pub fn query(&self, expression: &str) -> Vec<f64> {
        let expression: String = expression.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = self.ask(&format!("/api/v1/query?query={expression}"));
        let samples = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        let value = |sample: &serde_json::Value| sample["value"][1].as_str()?.parse().ok();
        samples.iter().filter_map(value).collect()
    }

    /// The names of alerts that fire.
    pub fn firing(&self) -> Vec<String> {
        let answer = self.ask("/api/v1/alerts");
        let alerts = answer["data"]["alerts"].as_array().cloned().unwrap_or_default();
        alerts
            .iter()
            .filter(|alert| alert["state"] == "firing")
            .filter_map(|alert| Some(alert["labels"]["alertname"].as_str()?.to_owned()))
            .collect()
    }

    /// Waits until something is so.
    pub fn until(&self, what: &str, is: impl Fn(&Prometheus) -> bool) {
        let begun = Instant::now();
        while !is(self) {
            assert!(begun.elapsed() < PATIENCE, "{what}; firing: {:?}", self.firing());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn ask(&self, path: &str) -> serde_json::Value {
        // It listens before it is ready.
        let answer = get(self.http, path).ok().filter(|(status, _)| *status == 200);
        answer.map_or(serde_json::Value::Null, |(_, body)| unchunked(&body))
    }
}

/// The answer may come in pieces.
fn unchunked(body: &str) -> serde_json::Value {
    let json: String = match body.starts_with('{') {
        true => body.to_owned(),
        false => {
            let mut rest = body;
            let mut json = String::new();
            while let Some((length, piece)) = rest.split_once("\r\n") {
                let length = usize::from_str_radix(length.trim(), 16).unwrap_or(0);
                if length == 0 {
                    break;
                }
                json.push_str(&piece[..length]);
                rest = piece[length..].trim_start_matches("\r\n");
            }
            json
        }
    };
    serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
