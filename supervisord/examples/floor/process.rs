//! The daemon as a process, and what it says of itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use supervisord::accounts::{Accounts, Rights, Token, digest};
use supervisord::authority::Role;

use crate::Fallible;

/// Clock ticks in a second: fixed by the kernel's interface.
const TICKS: f64 = 100.0;
pub(crate) const SECRET: &str = "measurement";

pub(crate) struct Process {
    child: Child,
    pub(crate) http: SocketAddr,
}

/// Writes settings and users for a node's socket.
pub(crate) fn settings(dir: &Path, socket: &Path) -> Fallible<()> {
    let token = Token {
        name: "console".into(),
        rights: Rights {
            role: Role::Administrator,
            teams: vec!["*".into()],
            agent: None,
            supervisor: None,
        },
        sha256: digest(SECRET),
        expires: None,
    };
    let users = dir.join("users.toml");
    let accounts = Accounts {
        written: None,
        user: Vec::new(),
        token: vec![token],
    };
    accounts.write(&users)?;
    let text = format!(
        "[[node]]\nsocket = {socket:?}\n[http]\nlisten = \"127.0.0.1:0\"\nmax_connections_per_address = 800\nmax_streams_per_user = 700\nusers = {users:?}\n[dbus]\nbus = \"off\"\n[store]\npath = {:?}\n",
        dir.join("events.db")
    );
    Ok(std::fs::write(dir.join("supervisord.toml"), text)?)
}

impl Process {
    /// Returns when it listens; what it says goes to a file.
    pub(crate) fn start(program: &Path, dir: &Path) -> Fallible<Process> {
        let mut child = Command::new(program)
            .arg("--config")
            .arg(dir.join("supervisord.toml"))
            .env("NO_COLOR", "1")
            .env("RUST_LOG", "info")
            .stderr(Stdio::piped())
            .spawn()?;
        let stderr = child.stderr.take().ok_or("no stderr")?;
        let mut log = std::fs::File::create(dir.join("daemon.log"))?;
        let (found, address) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if let Some((_, rest)) = line.split_once("metrics on http://") {
                    let _ = found.send(rest.trim_end_matches("/metrics").to_owned());
                }
                let _ = writeln!(log, "{line}");
            }
        });
        let http = address
            .recv_timeout(Duration::from_secs(60))
            .map_err(|_| "the daemon does not say where it listens: see daemon.log")?;
        Ok(Process {
            child,
            http: http.parse()?,
        })
    }

    /// Waits until its state is restored.
    pub(crate) fn ready(&self) -> Fallible<()> {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(120) {
            if self.get("/readyz")?.starts_with(b"HTTP/1.1 200") {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Err("the daemon does not become ready".into())
    }

    /// One request: head and body as they came.
    pub(crate) fn get(&self, path: &str) -> Fallible<Vec<u8>> {
        let mut stream = TcpStream::connect(self.http)?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = Vec::with_capacity(32 << 20);
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    }

    /// User and system time so far, in seconds.
    pub(crate) fn cpu(&self) -> Fallible<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let rest = stat.rsplit_once(')').ok_or("no name in stat")?.1;
        let ticks: Vec<f64> = rest
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|ticks| ticks.parse().ok())
            .collect();
        Ok(ticks.iter().sum::<f64>() / TICKS)
    }

    /// Resident memory in MiB.
    pub(crate) fn memory(&self) -> Fallible<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kib = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.split_whitespace().next())
            .ok_or("no VmRSS")?;
        Ok(kib.parse::<f64>()? / 1024.0)
    }

    pub(crate) fn kill(mut self) -> Fallible<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
