//! SIPp, somebody else's idea of SIP, as callers and agents with audio.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::phone::Tone;

/// A running SIPp. Dropping it kills it.
pub struct Sipp {
    folder: TempDir,
    child: Child,
    address: SocketAddr,
}

/// What a SIPp does.
#[derive(Clone, Copy, Debug)]
pub struct Scenario<'a> {
    /// The scenario file; `AUDIO` in it is replaced by a file of µ-law.
    pub xml: &'a str,
    /// The number that callers dial; agents are dialled and have none.
    pub dials: Option<&'a str>,
    /// Calls, then it ends.
    pub calls: u32,
    /// Calls a second, for callers.
    pub per_second: u32,
    /// It fails if it has not ended by then.
    pub limit: Duration,
}

impl Sipp {
    /// A free address for [`Sipp::start`], known before the PBX is.
    ///
    /// # Errors
    /// None is free.
    pub fn free_address() -> Result<SocketAddr> {
        Ok(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
    }

    /// Starts SIPp at `address` towards the PBX. Agents send back the audio that arrives.
    ///
    /// # Errors
    /// It is not installed.
    pub fn start(scenario: &Scenario<'_>, address: SocketAddr, pbx: SocketAddr) -> Result<Sipp> {
        let folder = tempfile::Builder::new().prefix("hotline-").tempdir()?;
        let (xml, audio) = (
            folder.path().join("scenario.xml"),
            folder.path().join("audio.ulaw"),
        );
        std::fs::write(&audio, Tone::nth(5).packet().repeat(50))?;
        std::fs::write(&xml, scenario.xml.replace("AUDIO", &audio.display().to_string()))?;
        let output = File::create(folder.path().join("output"))?;
        let mut command = Command::new("sipp");
        command
            .arg(pbx.to_string())
            .arg("-sf")
            .arg(&xml)
            .args(["-i", "127.0.0.1", "-p", &address.port().to_string()])
            .args(["-mp", &free_pair()?.to_string()])
            .args(["-m", &scenario.calls.to_string()])
            .args([
                "-timeout",
                &format!("{}s", scenario.limit.as_secs()),
                "-timeout_error",
                "-nostdin",
            ])
            .args(["-trace_err", "-error_file"])
            .arg(folder.path().join("errors"));
        if let Some(number) = scenario.dials {
            command.args(["-s", number, "-r", &scenario.per_second.to_string()]);
        } else {
            // Echo on both sides would never fall silent.
            command.arg("-rtp_echo");
        }
        let child = command
            .current_dir(folder.path())
            .env("TERM", "dumb")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .context("starting sipp: install Debian's package sip-tester")?;
        Ok(Sipp {
            folder,
            child,
            address,
        })
    }

    /// Where it speaks SIP.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until all calls went as the scenario says.
    ///
    /// # Errors
    /// One didn't; the message holds what SIPp wrote.
    pub fn wait(mut self, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                if status.success() {
                    return Ok(());
                }
                bail!("sipp ended with {status}\n{}", self.story());
            }
            if Instant::now() > deadline {
                bail!("sipp did not end within {limit:?}\n{}", self.story());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn story(&self) -> String {
        let read =
            |path: PathBuf| String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned();
        let tail = |text: String| {
            text.lines()
                .rev()
                .take(60)
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .collect::<Vec<_>>()
                .join("\n")
        };
        let at = |name: &str| Path::new(self.folder.path()).join(name);
        format!("{}\n{}", read(at("errors")), tail(read(at("output"))))
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// SIPp echoes audio on this port and two above.
fn free_pair() -> Result<u16> {
    for _ in 0..100 {
        let port = Sipp::free_address()?.port() & !1;
        if [port, port + 2]
            .iter()
            .all(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        {
            return Ok(port);
        }
    }
    bail!("no free ports for audio")
}
