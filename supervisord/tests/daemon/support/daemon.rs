//! The daemon as a process of its own, and its pages.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use super::node::PATIENCE;

pub struct DaemonProcess {
    child: Child,
    pub http: SocketAddr,
}

/// Writes settings for these sockets; `more` is appended.
pub fn write_settings(dir: &Path, sockets: &[&Path], bus: &str, more: &str) -> PathBuf {
    let mut text = String::new();
    for socket in sockets {
        text.push_str(&format!("[[node]]\nsocket = {socket:?}\n"));
    }
    text.push_str(&format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n[dbus]\nbus = \"{bus}\"\n"
    ));
    text.push_str(&format!("[store]\npath = {:?}\n{more}", dir.join("events.db")));
    let file = dir.join("supervisord.toml");
    std::fs::write(&file, text).unwrap();
    file
}

impl DaemonProcess {
    pub fn start(settings: &Path) -> DaemonProcess {
        let mut child = Command::new(env!("CARGO_BIN_EXE_hotline-supervisord"))
            .arg("--config")
            .arg(settings)
            .env("RUST_LOG", "info")
            .env("NO_COLOR", "1")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (found, address) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let told = line
                    .split_once("metrics on ")
                    .and_then(|(_, rest)| rest.split_once("://"));
                if let Some((_, rest)) = told {
                    let _ = found.send(rest.trim_end_matches("/metrics").parse().unwrap());
                }
                eprintln!("daemon: {line}");
            }
        });
        let http = address
            .recv_timeout(PATIENCE)
            .expect("the daemon says where its metrics are");
        DaemonProcess { child, http }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Stops it in its tracks.
    pub fn freeze(&self) {
        let pid = nix::unistd::Pid::from_raw(self.child.id() as i32);
        nix::sys::signal::kill(pid, nix::sys::signal::SIGSTOP).unwrap();
    }

    /// Ends it as systemd does.
    pub fn stop(mut self) {
        let pid = nix::unistd::Pid::from_raw(self.child.id() as i32);
        nix::sys::signal::kill(pid, nix::sys::signal::SIGTERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }

    pub fn get(&self, path: &str) -> (u16, String) {
        get(self.http, path).unwrap()
    }

    pub fn metrics(&self) -> String {
        let (status, text) = self.get("/metrics");
        assert_eq!(status, 200);
        text
    }
}

impl Drop for DaemonProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One HTTP request: status and body.
pub fn get(from: SocketAddr, path: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(from)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Ok((status, body.to_owned()))
}

/// The lines of `/metrics` that follow from events alone: what must be the same whoever counted.
pub fn folded(metrics: &str) -> String {
    const OWN: [&str; 9] = [
        "process_",
        "hotline_store_",
        "hotline_event_lag_seconds",
        "hotline_series_dropped_total",
        "hotline_build_info",
        "hotline_module_up",
        "hotline_spool_",
        "hotline_node_events_",
        "hotline_journal_bytes",
    ];
    let own = |line: &str| {
        OWN.iter().any(|name| {
            line.trim_start_matches("# HELP ")
                .trim_start_matches("# TYPE ")
                .starts_with(name)
        })
    };
    metrics
        .lines()
        .filter(|line| !own(line))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// The value of one series.
pub fn value(metrics: &str, series: &str) -> f64 {
    let line = metrics.lines().find(|line| {
        line.strip_prefix(series)
            .is_some_and(|rest| rest.starts_with(' '))
    });
    let line = line.unwrap_or_else(|| panic!("no series {series} in\n{metrics}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}
