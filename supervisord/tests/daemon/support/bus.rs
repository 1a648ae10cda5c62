//! A private message bus.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub struct PrivateBus {
    child: Child,
    address: String,
    arguments: Vec<String>,
}

impl PrivateBus {
    /// A bus without a policy.
    pub fn start(dir: &Path) -> PrivateBus {
        PrivateBus::start_with(dir, vec!["--session".into()])
    }

    /// A bus with the policy that is shipped, otherwise as strict as a system bus.
    pub fn start_strict(dir: &Path) -> PrivateBus {
        let policy =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/dbus/net.hotline.Hotline1.conf");
        let config = dir.join("bus.conf");
        let text = format!(
            r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
                "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
            <busconfig>
              <listen>unix:path={}</listen>
              <auth>EXTERNAL</auth>
              <policy context="default">
                <allow user="*"/>
                <deny own="*"/>
                <deny send_type="method_call"/>
                <allow send_type="signal"/>
                <allow send_requested_reply="true" send_type="method_return"/>
                <allow send_requested_reply="true" send_type="error"/>
                <allow receive_type="method_call"/>
                <allow receive_type="method_return"/>
                <allow receive_type="error"/>
                <allow receive_type="signal"/>
                <allow send_destination="org.freedesktop.DBus"/>
                <allow send_destination="org.freedesktop.PolicyKit1"/>
              </policy>
              <policy user="root">
                <allow own="org.freedesktop.PolicyKit1"/>
              </policy>
              <include>{}</include>
            </busconfig>"#,
            dir.join("bus").display(),
            policy.canonicalize().unwrap().display()
        );
        std::fs::write(&config, text).unwrap();
        PrivateBus::start_with(dir, vec![format!("--config-file={}", config.display())])
    }

    fn start_with(dir: &Path, mut arguments: Vec<String>) -> PrivateBus {
        let socket: PathBuf = dir.join("bus");
        let address = format!("unix:path={}", socket.display());
        arguments.extend(["--nofork", "--nopidfile", "--print-address=1"].map(String::from));
        arguments.push(format!("--address={address}"));
        let child = spawn(&arguments);
        PrivateBus {
            child,
            address,
            arguments,
        }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// Ends and starts again, empty.
    pub fn restart(&mut self, between: impl FnOnce()) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        between();
        let socket = self.address.strip_prefix("unix:path=").unwrap();
        let _ = std::fs::remove_file(socket);
        self.child = spawn(&self.arguments);
    }
}

/// Returns once the bus listens.
fn spawn(arguments: &[String]) -> Child {
    let mut child = Command::new("dbus-daemon")
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("dbus-daemon runs; Debian has it in the package dbus-daemon");
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.starts_with("unix:"), "dbus-daemon said {line:?}");
    child
}

impl Drop for PrivateBus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
