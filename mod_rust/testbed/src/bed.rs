//! The test bed: an Asterisk with Hotline in it, phones for callers and agents, and an eye on what the node tells.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use hotline_wire::frame::EventFrame;
use hotline_wire::snapshot::Snapshot;

use crate::asterisk::{Asterisk, Holdings, Manager, Setup, target_dir, workspace};
use crate::daemon::Daemon;
use crate::node::Node;
use crate::phone::{Phone, PhoneBank};

/// Names the module, where it is not `debug/libapp_hotline.so` of the build output.
const MODULE: &str = "HOTLINE_MODULE";

/// Where the node's control socket is, in a bed's settings.
pub const SOCKET: &str = "run/pbx1.sock";

/// Begins every bed's settings.
const NODE: &str = "node = \"pbx1\"\ncontrol.socket = \"@RUN@/pbx1.sock\"\n";

/// An Asterisk with Hotline. End it with [`Bed::finish`], which looks for leaks.
pub struct Bed {
    /// What the node tells. Declared before Asterisk, so that it goes first.
    pub node: Node,
    /// What Asterisk tells.
    pub manager: Manager,
    /// The PBX.
    pub asterisk: Asterisk,
    /// All phones.
    pub bank: PhoneBank,
    before: Holdings,
    callers: Cell<u64>,
}

impl Bed {
    /// Boots with these settings (`hotline.toml` without the node's own lines) and this `extensions.conf`. Every
    /// `PJSIP/NAME` in the settings, and `free1` to `free9`, is a phone. Callers come in over the lines `gold` and `bronze`.
    ///
    /// # Errors
    /// Asterisk or Hotline does not start.
    pub fn boot(settings: &str, extensions: &str) -> Result<Bed> {
        Bed::boot_with(settings, extensions, |_| ())
    }

    /// Boots after `change` has looked over the setup.
    ///
    /// # Errors
    /// See [`Bed::boot`].
    pub fn boot_with(settings: &str, extensions: &str, change: impl FnOnce(&mut Setup)) -> Result<Bed> {
        let bank = PhoneBank::open()?;
        let mut setup = Setup {
            lines: vec!["gold".into(), "bronze".into()],
            extensions: extensions.into(),
            manager: true,
            ..Setup::default()
        };
        add_hotline(&mut setup, &format!("{NODE}{settings}"))?;
        setup.phones.extend((1..10).map(|n| format!("free{n}")));
        change(&mut setup);
        let asterisk = Asterisk::boot(&setup, bank.sip_address())?;
        bank.connect(asterisk.sip_address());
        let manager = asterisk.manager()?;
        let node = Node::connect(&asterisk.path(SOCKET))?;
        let before = asterisk.holdings()?;
        Ok(Bed {
            node,
            manager,
            asterisk,
            bank,
            before,
            callers: Cell::new(0),
        })
    }

    /// The phone `PJSIP/NAME` of an agent.
    pub fn phone(&self, name: &str) -> Phone {
        self.bank.phone(name)
    }

    /// A caller of a tier, with a number of its own.
    pub fn caller(&self, tier: &str) -> Phone {
        let n = self.callers.get() + 1;
        self.callers.set(n);
        self.bank.caller(tier, &format!("138{n:08}"))
    }

    /// The node's state now.
    ///
    /// # Errors
    /// The node does not answer.
    pub fn snapshot(&self) -> Result<Snapshot> {
        Node::snapshot(&self.asterisk.path(SOCKET))
    }

    /// What Asterisk held before the first call.
    pub fn before(&self) -> Holdings {
        self.before
    }

    /// Waits until the caller's dialplan went on after `Hotline()` with this `HOTLINESTATUS`.
    ///
    /// # Errors
    /// It does not.
    pub fn expect_left(&self, caller: &Phone, status: &str) -> Result<()> {
        self.manager
            .user_event("Left", &[("Number", caller.user()), ("Status", status)])
            .map(drop)
    }

    /// Starts a daemon that follows this node.
    ///
    /// # Errors
    /// It does not start.
    pub fn daemon(&self) -> Result<Daemon> {
        Daemon::start(&self.asterisk.path(SOCKET))
    }

    /// Kills the PBX, whatever it does.
    ///
    /// # Errors
    /// The system does not let us.
    pub fn kill(self) -> Result<()> {
        drop((self.node, self.manager));
        self.asterisk.kill()
    }

    /// Kills the PBX, whatever it does, and gives all events that it told before.
    ///
    /// # Errors
    /// The system does not let us.
    pub fn kill_and_hear(self) -> Result<Vec<EventFrame>> {
        drop(self.manager);
        self.asterisk.kill()?;
        Ok(self.node.to_the_end())
    }

    /// Hangs everybody up, waits until Asterisk holds what it held before the first call, and stops it.
    ///
    /// # Errors
    /// Something leaked, or Asterisk did not end well.
    pub fn finish(self) -> Result<()> {
        self.bank.hang_up_all();
        self.asterisk.expect_no_leak(self.before)?;
        let calls = self.snapshot()?.calls;
        if !calls.is_empty() {
            bail!("the node still has calls: {calls:?}");
        }
        drop((self.node, self.manager));
        self.asterisk.stop()
    }
}

/// Adds the Hotline under test to an Asterisk: see [`add_module`].
///
/// # Errors
/// The module has not been built.
pub fn add_hotline(setup: &mut Setup, settings: &str) -> Result<()> {
    add_module(setup, &module_file(), settings)
}

/// Adds Hotline to an Asterisk: the module, the product's own dialplan, and these settings as `hotline.toml`. Every
/// `PJSIP/NAME` in the settings becomes a phone.
///
/// # Errors
/// The module has not been built.
pub fn add_module(setup: &mut Setup, module: &Path, settings: &str) -> Result<()> {
    if !module.is_file() {
        bail!(
            "no module at {}: build it with `cargo build -p app_hotline`",
            module.display()
        );
    }
    let dialplan = workspace().join("dialplan/asterisk/hotline.conf");
    let dialplan =
        std::fs::read_to_string(&dialplan).with_context(|| format!("reading {}", dialplan.display()))?;
    setup.modules.push(("app_hotline".into(), module.to_owned()));
    setup.files.push(("hotline.conf".into(), dialplan));
    setup.files.push(("hotline.toml".into(), settings.to_owned()));
    setup
        .environment
        .push(("HOTLINE_CONFIG".into(), "@ETC@/hotline.toml".into()));
    let mut phones: Vec<String> = settings
        .split("\"PJSIP/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next().map(str::to_owned))
        .collect();
    phones.sort();
    phones.dedup();
    setup.phones.extend(phones);
    Ok(())
}

/// The module under test.
pub fn module_file() -> PathBuf {
    std::env::var_os(MODULE).map_or_else(|| target_dir().join("debug/libapp_hotline.so"), PathBuf::from)
}
