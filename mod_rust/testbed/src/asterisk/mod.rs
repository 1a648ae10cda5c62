//! A real Asterisk in a folder of its own, on free ports of loopback.

mod files;
mod manager;
mod manifest;

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use files::Folder;
pub use files::Setup;
pub use manager::{Manager, ManagerMessage};
pub use manifest::{Manifest, target_dir, workspace};

use crate::phone::DEADLINE;

/// Asterisk must have booted within this time.
const BOOT: Duration = Duration::from_secs(30);

/// Lines of Asterisk's log that a failed test shows.
const LOG_TAIL: usize = 250;

/// A running Asterisk, to be ended by [`Asterisk::stop`]. A test that fails drops it instead: then the end of its log is
/// printed.
pub struct Asterisk {
    manifest: Manifest,
    folder: Folder,
    /// Removed with the instance.
    temporary: Option<TempDir>,
    child: Child,
    sip: SocketAddr,
    manager: Option<SocketAddr>,
    stopped: bool,
    /// From the start of the process until Asterisk was fully booted.
    pub boot_time: Duration,
}

/// What an instance holds that a leak would make grow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Holdings {
    /// Channels.
    pub channels: usize,
    /// Bridges.
    pub bridges: usize,
    /// Audio hooks of Hotline, by the PBX's count and Hotline's own, and whatever else of it channels hold.
    pub hooks: [usize; 4],
    /// Threads of the process.
    pub threads: usize,
    /// Open files of the process.
    pub files: usize,
}

impl Asterisk {
    /// Boots an Asterisk for the phones at `phones`.
    ///
    /// # Errors
    /// There is none to run, or it does not boot; the message holds its log.
    pub fn boot(setup: &Setup, phones: SocketAddr) -> Result<Asterisk> {
        Asterisk::boot_with(Manifest::find()?, setup, phones)
    }

    /// Boots the Asterisk of a manifest.
    ///
    /// # Errors
    /// See [`Asterisk::boot`].
    pub fn boot_with(manifest: Manifest, setup: &Setup, phones: SocketAddr) -> Result<Asterisk> {
        let temporary = tempfile::Builder::new().prefix("hotline-").tempdir()?;
        let folder = Folder(temporary.path().to_owned());
        let sip = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let manager = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        files::write(&folder, &manifest, setup, sip, manager, phones)?;
        let ready = UnixDatagram::bind(folder.at("run/ready"))?;
        let began = Instant::now();
        let output = File::create(folder.at("log/output"))?;
        let around: Vec<String> = setup.around.iter().map(|word| folder.fill(word)).collect();
        let mut command = command_within(&around, &manifest, &folder)?;
        for (key, value) in &setup.environment {
            command.env(key, folder.fill(value));
        }
        let child = command
            .args(["-f", "-n"])
            // A Ctrl-C at the terminal is for whoever started it.
            .process_group(0)
            .env("NOTIFY_SOCKET", folder.at("run/ready"))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("starting {:?}", manifest.run))?;
        let mut asterisk = Asterisk {
            manifest,
            folder,
            temporary: Some(temporary),
            child,
            sip,
            manager: setup.manager.then_some(manager),
            stopped: false,
            boot_time: Duration::ZERO,
        };
        asterisk
            .await_boot(&ready, began)
            .with_context(|| asterisk.log_tail())?;
        asterisk.boot_time = began.elapsed();
        Ok(asterisk)
    }

    /// Asterisk tells the service manager when it is fully booted; a build without that is asked.
    fn await_boot(&mut self, ready: &UnixDatagram, began: Instant) -> Result<()> {
        ready.set_read_timeout(Some(Duration::from_millis(500)))?;
        let mut buffer = [0; 512];
        loop {
            if let Ok(length) = ready.recv(&mut buffer) {
                if buffer
                    .get(..length)
                    .is_some_and(|text| text.starts_with(b"READY=1"))
                {
                    return Ok(());
                }
                continue;
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("Asterisk ended while booting: {status}");
            }
            if self
                .cli("core waitfullybooted")
                .is_ok_and(|answer| answer.contains("fully booted"))
            {
                return Ok(());
            }
            if began.elapsed() > BOOT {
                bail!("Asterisk did not boot within {BOOT:?}");
            }
        }
    }

    /// Where it speaks SIP.
    pub fn sip_address(&self) -> SocketAddr {
        self.sip
    }

    /// A folder or file below the instance's folder: `etc/...`, `run/...`, `log/...`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.at(name)
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Which Asterisk this is.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Carries out a command of Asterisk's CLI and returns what it says.
    ///
    /// # Errors
    /// Asterisk does not answer.
    pub fn cli(&self, line: &str) -> Result<String> {
        let output = command(&self.manifest, &self.folder)?
            .args(["-rx", line])
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("asking Asterisk: {line}"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() && text.is_empty() {
            bail!(
                "Asterisk does not answer {line:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(text)
    }

    /// Carries out a command of Asterisk's CLI again and again until what it says is as wanted. For what nothing tells.
    ///
    /// # Errors
    /// It does not become so.
    pub fn cli_when(&self, line: &str, is_it: impl Fn(&str) -> bool) -> Result<String> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let said = self.cli(line)?;
            if is_it(&said) {
                return Ok(said);
            }
            if Instant::now() > deadline {
                bail!("{line:?} still says after {DEADLINE:?}: {said}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A session of the manager interface.
    ///
    /// # Errors
    /// It was not asked for in [`Setup::manager`], or Asterisk refuses.
    pub fn manager(&self) -> Result<Manager> {
        Manager::connect(
            self.manager
                .context("the instance has no manager interface: set Setup::manager")?,
        )
    }

    /// What the process holds now.
    ///
    /// # Errors
    /// It is gone.
    pub fn holdings(&self) -> Result<Holdings> {
        let count = |what: &str| -> Result<usize> {
            let path = format!("/proc/{}/{what}", self.child.id());
            Ok(std::fs::read_dir(&path)
                .with_context(|| format!("reading {path}"))?
                .count())
        };
        Ok(Holdings {
            channels: self.channels()?,
            bridges: self.cli("bridge show all")?.lines().skip(1).count(),
            hooks: self.hooks()?,
            threads: count("task")?,
            files: count("fd")?,
        })
    }

    /// None without Hotline.
    fn hooks(&self) -> Result<[usize; 4]> {
        let shown = self.cli("hotline show resources")?;
        if !shown.starts_with("Resource") {
            return Ok([0; 4]);
        }
        let counts: Vec<usize> = shown
            .lines()
            .filter(|line| line.contains("hook"))
            .filter_map(|line| line.split_whitespace().last()?.parse().ok())
            .collect();
        counts
            .try_into()
            .map_err(|_| anyhow::anyhow!("no counts of hooks in {shown}"))
    }

    /// Channels that exist now.
    ///
    /// # Errors
    /// Asterisk does not answer.
    pub fn channels(&self) -> Result<usize> {
        let answer = self.cli("core show channels count")?;
        let count = answer.lines().find(|line| line.contains("active channel"));
        count
            .and_then(|line| line.split(' ').next()?.parse().ok())
            .with_context(|| format!("no count of channels in {answer:?}"))
    }

    /// Waits until Asterisk holds no more than it did at `before`, and no channel.
    ///
    /// # Errors
    /// It goes on holding more: a leak.
    pub fn expect_no_leak(&self, before: Holdings) -> Result<()> {
        self.expect_holds(Holdings {
            channels: 0,
            bridges: 0,
            hooks: [0; 4],
            ..before
        })
    }

    /// Waits until Asterisk holds no more than it did at `before`.
    ///
    /// # Errors
    /// It goes on holding more.
    pub fn expect_holds(&self, before: Holdings) -> Result<()> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let now = self.holdings()?;
            let hooks = now
                .hooks
                .iter()
                .zip(before.hooks)
                .all(|(now, before)| *now <= before);
            let inside = now.channels <= before.channels && now.bridges <= before.bridges && hooks;
            if inside && now.threads <= before.threads && now.files <= before.files {
                return Ok(());
            }
            if Instant::now() > deadline {
                let channels = self.cli("core show channels concise").unwrap_or_default();
                let threads = self.cli("core show threads").unwrap_or_default();
                bail!("Asterisk holds {now:?}, it held {before:?} before the calls\n{channels}\n{threads}");
            }
            // Asterisk tells nobody when a thread ends: this is the one place that has to look again.
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Stops Asterisk, calls or not, and waits for its end.
    ///
    /// # Errors
    /// It crashed, or had to be killed.
    pub fn stop(mut self) -> Result<()> {
        self.stopped = true;
        self.shut_down().with_context(|| self.log_tail())
    }

    /// Kills the process, as the system may, and waits for its end.
    ///
    /// # Errors
    /// The system does not let us.
    pub fn kill(mut self) -> Result<()> {
        self.stopped = true;
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// How the process ended, if it did.
    ///
    /// # Errors
    /// The system does not say.
    pub fn exit_status(&mut self) -> Result<Option<std::process::ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    fn shut_down(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_none() {
            // The answer may be cut off by the very stop.
            let _ = self.cli("core stop now");
        }
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                if status.success() {
                    return Ok(());
                }
                bail!("Asterisk ended with {status}");
            }
            if Instant::now() > deadline {
                self.child.kill()?;
                self.child.wait()?;
                bail!("Asterisk did not stop within {DEADLINE:?} and was killed");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Everything that Asterisk logged.
    pub fn log(&self) -> String {
        let read = |name| std::fs::read(self.path(name)).unwrap_or_default();
        let full = read("log/full");
        String::from_utf8_lossy(if full.is_empty() { read("log/output") } else { full }.as_slice())
            .into_owned()
    }

    /// The end of the log, for people who look for the cause of a failure.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let from = lines.len().saturating_sub(LOG_TAIL);
        format!(
            "the end of Asterisk's log:\n{}",
            lines.get(from..).unwrap_or_default().join("\n")
        )
    }

    /// Leaves the instance's folder where it is, and says where.
    pub fn keep_folder(&mut self) -> &Path {
        if let Some(temporary) = self.temporary.take() {
            let _ = temporary.keep();
        }
        &self.folder.0
    }
}

impl Drop for Asterisk {
    #[expect(
        clippy::print_stderr,
        reason = "a failing test shows the PBX's side of the story"
    )]
    fn drop(&mut self) {
        if !self.stopped {
            eprintln!("{}", self.log_tail());
            let _ = self.shut_down();
        }
    }
}

fn command(manifest: &Manifest, folder: &Folder) -> Result<Command> {
    command_within(&[], manifest, folder)
}

fn command_within(around: &[String], manifest: &Manifest, folder: &Folder) -> Result<Command> {
    let words: Vec<&String> = around.iter().chain(&manifest.run).collect();
    let (program, arguments) = words
        .split_first()
        .context("the manifest has no command to run Asterisk")?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .arg("-C")
        .arg(folder.etc().join("asterisk.conf"));
    Ok(command)
}
