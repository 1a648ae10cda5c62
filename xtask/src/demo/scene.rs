//! The scene: an Asterisk with Hotline in it, a daemon, agents who answer, and callers who call.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use hotline_testbed::asterisk::{Asterisk, Manifest, Setup};
use hotline_testbed::bed::{SOCKET, add_module};
use hotline_testbed::daemon::{self, Daemon};
use hotline_testbed::phone::{Auto, Flow, FlowHandle, PhoneBank, Tone};

use crate::artefacts;
use crate::provision::Pbx;
use crate::workspace::Workspace;

/// Tiers: name, seconds of waiting they are worth, share of the callers in percent.
pub(super) const TIERS: [(&str, u32, u32); 4] = [
    ("gold", 60, 10),
    ("silver", 30, 20),
    ("bronze", 10, 30),
    ("standard", 0, 40),
];

/// Queues: name, strategy, share of the callers in percent.
const QUEUES: [(&str, &str, u32); 3] = [
    ("support", "longest-idle", 60),
    ("billing", "longest-idle", 30),
    ("retention", "ring-all", 10),
];

/// What agents and callers sound like.
const AGENT: Tone = Tone::nth(0);
const CALLER: Tone = Tone::nth(1);

pub(super) struct Scene {
    pub(super) bank: PhoneBank,
    pub(super) daemon: Daemon,
    pub(super) asterisk: Asterisk,
}

impl Scene {
    pub(super) fn start(
        workspace: &Workspace,
        module: &Path,
        programs: &artefacts::Daemon,
        agents: u16,
    ) -> Result<Scene> {
        let bank = PhoneBank::open()?;
        let mut setup = Setup {
            lines: QUEUES
                .iter()
                .flat_map(|(queue, ..)| TIERS.iter().map(move |(tier, ..)| line(queue, tier)))
                .collect(),
            extensions: extensions(),
            ..Setup::default()
        };
        add_module(&mut setup, module, &settings(agents))?;
        for n in 0..agents {
            let talk = Some(Duration::from_millis(3_500)..Duration::from_millis(11_500));
            let ring = Duration::from_millis(300)..Duration::from_millis(2_500);
            bank.auto_phone(
                &phone(n),
                Auto {
                    ring,
                    talk,
                    tone: AGENT,
                    listen_for: CALLER,
                },
            );
        }
        let manifest = Manifest::read(&Pbx::file(workspace))?;
        let asterisk = Asterisk::boot_with(manifest, &setup, bank.sip_address())?;
        bank.connect(asterisk.sip_address());
        let programs = daemon::Programs {
            supervisord: programs.supervisord.clone(),
            hotlinectl: programs.hotlinectl.clone(),
        };
        let daemon = Daemon::start_with(programs, &asterisk.path(SOCKET)).context("starting the daemon")?;
        Ok(Scene {
            bank,
            daemon,
            asterisk,
        })
    }

    /// Starts the flow of callers; dropping it ends it.
    pub(super) fn callers(&self, per_second: f64) -> Result<FlowHandle> {
        let lines = QUEUES.iter().flat_map(|(queue, _, share)| {
            TIERS
                .iter()
                .map(move |(tier, _, part)| (line(queue, tier), share * part))
        });
        self.bank.flow(Flow {
            dial: "100".into(),
            lines: lines.collect(),
            per_second,
            total: None,
            at_once: 400,
            patience: Some(Duration::from_secs(12)..Duration::from_secs(40)),
            tone: CALLER,
            listen_for: AGENT,
            first_number: 13_800_000_001,
            seed: 1,
        })
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.asterisk.path(SOCKET)
    }

    pub(super) fn metrics_url(&self) -> String {
        format!("http://{}/metrics", self.daemon.http())
    }

    pub(super) fn bus_address(&self) -> String {
        self.daemon.bus_address()
    }

    pub(super) fn stop(self) -> Result<()> {
        drop(self.daemon);
        self.asterisk.stop()
    }
}

fn line(queue: &str, tier: &str) -> String {
    format!("{queue}-{tier}")
}

fn phone(n: u16) -> String {
    format!("a{}", 1_001 + n)
}

/// The lines tell queue and tier: `support-gold`.
fn extensions() -> String {
    "#include hotline.conf\n\
     [phones]\ninclude => hotline-features\n\
     [callers]\n\
     exten => _X.,1,Set(HOTLINE_TIER=${CUT(LINE,-,2)})\n \
     same => n,Set(HOTLINE_DATA(account)=${CALLERID(num)})\n \
     same => n,Hotline(${CUT(LINE,-,1)})\n \
     same => n,Hangup()\n"
        .to_owned()
}

fn settings(agents: u16) -> String {
    let mut text = String::from("node = \"demo\"\ncontrol.socket = \"@RUN@/pbx1.sock\"\n");
    for (name, handicap, _) in TIERS {
        let _ = writeln!(text, "[[tier]]\nname = \"{name}\"\nhandicap_seconds = {handicap}");
    }
    for (name, strategy, _) in QUEUES {
        let _ = writeln!(
            text,
            "[[queue]]\nname = \"{name}\"\nstrategy = \"{strategy}\"\nmax_wait_seconds = 60\nmax_waiting = 100\n\
             wrap_up_seconds = 1.5\nservice_level_seconds = 10"
        );
    }
    for n in 0..agents {
        // Everybody does support; every second agent billing, every third one retention.
        let mut queues = vec!["support"];
        if n % 2 == 0 {
            queues.push("billing");
        }
        if n % 3 == 0 {
            queues.push("retention");
        }
        let _ = writeln!(
            text,
            "[[agent]]\nnumber = \"{}\"\nname = \"Agent {}\"\nphone = \"PJSIP/{}\"\nalways_signed_in = true\nqueues = {queues:?}",
            1_001 + n,
            n + 1,
            phone(n)
        );
    }
    text
}
