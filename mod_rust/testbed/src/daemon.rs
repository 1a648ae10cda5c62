//! A real `hotline-supervisord` on a message bus of its own, to be asked, killed and started again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::api::Api;
use crate::asterisk::target_dir;
use crate::phone::DEADLINE;

/// A message bus that nobody else is on.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path=@DIR@/bus</listen>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// The programs of the daemon's side.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `hotline-supervisord`.
    pub supervisord: PathBuf,
    /// `hotlinectl`.
    pub hotlinectl: PathBuf,
}

impl Programs {
    /// Those under test: where the environment says, or in the build output.
    pub fn find() -> Programs {
        Programs {
            supervisord: program("HOTLINE_SUPERVISORD", "hotline-supervisord"),
            hotlinectl: program("HOTLINECTL", "hotlinectl"),
        }
    }
}

/// A daemon that follows one node. Dropping it ends daemon and bus.
pub struct Daemon {
    programs: Programs,
    folder: TempDir,
    bus: Child,
    child: Option<Child>,
    http: SocketAddr,
    /// KiB of a disk of its own for the store.
    disk: Option<u32>,
}

impl Daemon {
    /// Starts a bus and the daemon, and waits until it serves.
    ///
    /// # Errors
    /// One of them does not start.
    pub fn start(node_socket: &Path) -> Result<Daemon> {
        Daemon::start_with(Programs::find(), node_socket)
    }

    /// Starts a bus and the daemon of these programs, and waits until it serves.
    ///
    /// # Errors
    /// One of them does not start.
    pub fn start_with(programs: Programs, node_socket: &Path) -> Result<Daemon> {
        Daemon::start_on(programs, node_socket, None)
    }

    /// Starts a daemon whose store is on a disk of its own, of so many KiB, see [`Daemon::grow_disk`].
    ///
    /// # Errors
    /// It does not start.
    pub fn start_on_disk(node_socket: &Path, kib: u32) -> Result<Daemon> {
        Daemon::start_on(Programs::find(), node_socket, Some(kib))
    }

    fn start_on(programs: Programs, node_socket: &Path, disk: Option<u32>) -> Result<Daemon> {
        let folder = tempfile::Builder::new().prefix("hotline-").tempdir()?;
        let http = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let at = |name: &str| folder.path().join(name);
        std::fs::write(
            at("bus.conf"),
            BUS.replace("@DIR@", &folder.path().display().to_string()),
        )?;
        let bus = start_bus(folder.path())?;
        let mut daemon = Daemon {
            programs,
            folder,
            bus,
            child: None,
            http,
            disk,
        };
        std::fs::create_dir(daemon.path("disk"))?;
        daemon.follow(node_socket)?;
        daemon.restart()?;
        Ok(daemon)
    }

    /// Follows the node of that socket when it is started next.
    ///
    /// # Errors
    /// Its settings cannot be written.
    pub fn follow(&mut self, node_socket: &Path) -> Result<()> {
        let settings = format!(
            "[[node]]\nsocket = \"{}\"\n[http]\nlisten = \"{}\"\nusers = \"{}\"\n\
             [dbus]\nbus = \"unix:path={}\"\n[store]\npath = \"{}\"\n",
            node_socket.display(),
            self.http,
            self.path("users.toml").display(),
            self.path("bus").display(),
            self.path("disk/events.db").display()
        );
        Ok(std::fs::write(self.path("supervisord.toml"), settings)?)
    }

    /// The file of its event store.
    pub fn store(&self) -> PathBuf {
        self.path("disk/events.db")
    }

    /// A copy of the store of a daemon that runs and has nothing to do, for one on a disk of its own, which nobody else sees.
    ///
    /// # Errors
    /// It is not running, or cannot be copied.
    pub fn copy_of_store(&self) -> Result<PathBuf> {
        let child = self.child.as_ref().context("the daemon is not running")?;
        let inside = PathBuf::from(format!(
            "/proc/{}/root{}",
            child.id(),
            self.path("disk").display()
        ));
        let copy = self.path("copy");
        std::fs::create_dir_all(&copy)?;
        for name in ["events.db", "events.db-wal"] {
            std::fs::copy(inside.join(name), copy.join(name)).with_context(|| format!("copying {name}"))?;
        }
        Ok(copy.join("events.db"))
    }

    /// Gives the disk of a store so many KiB.
    ///
    /// # Errors
    /// The daemon has none of its own, or the system does not let us.
    pub fn grow_disk(&self, kib: u32) -> Result<()> {
        let child = self.child.as_ref().context("the daemon is not running")?;
        let grown = Command::new("nsenter")
            .args(["--user", "--mount", "--preserve-credentials", "--target"])
            .arg(child.id().to_string())
            .args(["mount", "-o", &format!("remount,size={kib}k")])
            .arg(self.path("disk"))
            .status()?;
        if !grown.success() {
            bail!("the disk did not grow: {grown}");
        }
        Ok(())
    }

    /// Stops the daemon in its tracks, or has it go on.
    ///
    /// # Errors
    /// It is not running.
    pub fn freeze(&self, frozen: bool) -> Result<()> {
        let child = self.child.as_ref().context("the daemon is not running")?;
        let signal = if frozen { "-STOP" } else { "-CONT" };
        let sent = Command::new("kill")
            .arg(signal)
            .arg(child.id().to_string())
            .status()?;
        if !sent.success() {
            bail!("kill {signal} {} failed: {sent}", child.id());
        }
        Ok(())
    }

    /// Starts the daemon again after [`Daemon::kill`], and waits until it serves.
    ///
    /// # Errors
    /// It does not start; the message holds what it said.
    pub fn restart(&mut self) -> Result<()> {
        let notify = self.path("ready");
        let _ = std::fs::remove_file(&notify);
        let ready = UnixDatagram::bind(&notify)?;
        ready.set_read_timeout(Some(DEADLINE))?;
        let log = File::options().create(true).append(true).open(self.path("log"))?;
        let program = &self.programs.supervisord;
        let around = self
            .disk
            .map_or_else(Vec::new, |kib| small_disk(&self.path("disk"), kib));
        let mut words = around;
        words.push(program.display().to_string());
        let (first, rest) = words.split_first().context("no program")?;
        let child = Command::new(first)
            .args(rest)
            .arg("--config")
            .arg(self.path("supervisord.toml"))
            .env("NOTIFY_SOCKET", &notify)
            // A Ctrl-C at the terminal is for whoever started it.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        self.child = Some(child);
        let mut buffer = [0; 512];
        loop {
            let length = ready.recv(&mut buffer).with_context(|| {
                format!(
                    "the daemon did not say within {DEADLINE:?} that it is ready\n{}",
                    self.log()
                )
            })?;
            if String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).contains("READY=1") {
                return Ok(());
            }
        }
    }

    /// Kills the daemon with SIGKILL.
    ///
    /// # Errors
    /// It is not running.
    pub fn kill(&mut self) -> Result<()> {
        let mut child = self.child.take().context("the daemon is not running")?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Where it serves `/metrics`.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Its API, as whoever has that role, for all teams.
    ///
    /// # Errors
    /// No token can be made.
    pub fn api(&self, role: &str) -> Result<Api> {
        let users = self.path("users.toml").display().to_string();
        let said = self.ctl(&[
            "token", "add", role, "--role", role, "--team", "*", "--users", &users,
        ])?;
        if !said.success {
            bail!("no token: {said:?}");
        }
        Ok(Api::new(self.http, &said.output))
    }

    /// The address of its message bus.
    pub fn bus_address(&self) -> String {
        format!("unix:path={}", self.path("bus").display())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Its settings, for commands that open its store themselves.
    pub fn settings(&self) -> String {
        self.path("supervisord.toml").display().to_string()
    }

    /// What the daemon wrote.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Runs `hotlinectl` on the daemon's bus: its output, and whether it succeeded.
    ///
    /// # Errors
    /// It cannot be run.
    pub fn ctl(&self, arguments: &[&str]) -> Result<Said> {
        let program = &self.programs.hotlinectl;
        let at = |name: &str| self.path(name);
        let mut child = Command::new(program)
            .arg("--bus")
            .arg(self.bus_address())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(File::create(at("ctl.out"))?)
            .stderr(File::create(at("ctl.err"))?)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let deadline = Instant::now() + DEADLINE;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if Instant::now() > deadline {
                child.kill()?;
                child.wait()?;
                bail!(
                    "hotlinectl {arguments:?} did not end within {DEADLINE:?}\n{}",
                    self.log()
                );
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        Ok(Said {
            success: status.success(),
            output: std::fs::read_to_string(at("ctl.out"))?,
            errors: std::fs::read_to_string(at("ctl.err"))?,
        })
    }

    /// Waits until the daemon is on its bus and shows the node's agents, of which every bed has some: only then can anything be
    /// asked of it.
    ///
    /// # Errors
    /// It does not come to that.
    pub fn await_supervision(&self) -> Result<()> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let said = self.ctl(&["show", "agents", "--json"])?;
            if said.success && said.output.trim() != "[]" {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!(
                    "waited {DEADLINE:?} in vain for the daemon on its bus: {said:?}\n{}",
                    self.log()
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Scrapes `/metrics`.
    ///
    /// # Errors
    /// The daemon does not serve them.
    pub fn metrics(&self) -> Result<Metrics> {
        let mut stream = TcpStream::connect(self.http).context("connecting to /metrics")?;
        stream.set_read_timeout(Some(DEADLINE))?;
        write!(
            stream,
            "GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.http
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no answer on /metrics")?;
        if !head.starts_with("HTTP/1.1 200") {
            bail!("/metrics says {head}");
        }
        Ok(Metrics::parse(body))
    }

    /// Scrapes until `is_it`; the daemon follows the node a moment later, and Prometheus has no way to wait.
    ///
    /// # Errors
    /// It does not become so.
    pub fn metrics_when(&self, awaited: &str, is_it: impl Fn(&Metrics) -> bool) -> Result<Metrics> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let metrics = self.metrics()?;
            if is_it(&metrics) {
                return Ok(metrics);
            }
            if Instant::now() > deadline {
                bail!(
                    "waited {DEADLINE:?} in vain for {awaited}; now:\n{metrics:?}\n{}",
                    self.log()
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        for child in self.child.iter_mut().chain([&mut self.bus]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What a command said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    /// Its exit status was 0.
    pub success: bool,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
}

/// Scraped series.
#[derive(Clone, PartialEq, Default)]
pub struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    fn parse(text: &str) -> Metrics {
        let series = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| {
                let (name, value) = line.rsplit_once(' ')?;
                Some((name.to_owned(), value.parse().ok()?))
            });
        Metrics(series.collect())
    }

    /// The sum of all series of that name whose labels include these.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let wanted: Vec<String> = labels
            .iter()
            .map(|(key, value)| format!("{key}=\"{value}\""))
            .collect();
        self.0
            .iter()
            .filter(|(series, _)| {
                let (series_name, series_labels) = series.split_once('{').unwrap_or((series, ""));
                series_name == name && wanted.iter().all(|label| series_labels.contains(label.as_str()))
            })
            .map(|(_, value)| value)
            .sum()
    }
}

impl std::fmt::Debug for Metrics {
    /// Only what is about Hotline and isn't zero.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (name, value) in self
            .0
            .iter()
            .filter(|(name, value)| name.starts_with("hotline_") && **value != 0.0)
        {
            writeln!(f, "{name} {value}")?;
        }
        Ok(())
    }
}

/// The words in front of a command that give it a mount namespace of its own, with an empty disk of so many KiB at a folder. Nobody
/// need be root for that.
pub fn small_disk(at: &Path, kib: u32) -> Vec<String> {
    let mount = format!(
        "mount -t tmpfs -o size={kib}k none {} && exec \"$@\"",
        at.display()
    );
    let words = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        &mount,
        "sh",
    ];
    words.map(str::to_owned).to_vec()
}

fn start_bus(folder: &Path) -> Result<Child> {
    let mut bus = Command::new("dbus-daemon")
        .arg(format!("--config-file={}", folder.join("bus.conf").display()))
        .args(["--nofork", "--print-address"])
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(File::create(folder.join("bus.log"))?)
        .spawn()
        .context("starting dbus-daemon: install Debian's package dbus")?;
    // It prints its address once it listens.
    let mut address = String::new();
    let output = bus.stdout.take().context("no output of dbus-daemon")?;
    BufReader::new(output).read_line(&mut address)?;
    if address.is_empty() {
        let said = std::fs::read_to_string(folder.join("bus.log")).unwrap_or_default();
        bail!("dbus-daemon did not start: {}\n{said}", bus.wait()?);
    }
    Ok(bus)
}

/// A program of ours: where the environment says, or in the build output.
fn program(variable: &str, name: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| target_dir().join("debug").join(name), PathBuf::from)
}
