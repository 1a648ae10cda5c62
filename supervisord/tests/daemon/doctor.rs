//! `hotlinectl doctor`: each mistake is found and its remedy named.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command as Program;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::bus::PrivateBus;
use crate::support::daemon::{DaemonProcess, write_settings};
use crate::support::node::FakeNode;
use crate::support::story::Story;

/// An installation, with programs that say what the test wants.
struct Patient {
    dir: TempDir,
    config: PathBuf,
    bus: Option<PrivateBus>,
}

const WELL: &str = "case \"$2\" in 'module show'*) echo Running;; *) echo \"[ Context '${2##* }' ]\";; esac";

impl Patient {
    fn new(config: PathBuf, dir: TempDir, bus: Option<PrivateBus>) -> Patient {
        let patient = Patient { dir, config, bus };
        patient.program("asterisk", WELL);
        patient.program("hotline-check", "echo '{\"right\":true,\"folders\":[]}'");
        patient.program("promtool", "exit 0");
        for name in ["hotline.toml", "rules.yml", "messages.log"] {
            std::fs::write(patient.path(name), "").unwrap();
        }
        patient
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn program(&self, name: &str, does: &str) {
        let bin = self.path("bin");
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::write(bin.join(name), format!("#!/bin/sh\n{does}\n")).unwrap();
        std::fs::set_permissions(bin.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Exit code and findings.
    fn look(&self) -> (i32, Vec<Value>) {
        let me = nix::unistd::User::from_uid(nix::unistd::getuid())
            .unwrap()
            .unwrap()
            .name;
        self.look_as(&me)
    }

    fn look_as(&self, user: &str) -> (i32, Vec<Value>) {
        self.look_with(&["--user", user, "--pbx-user", user])
    }

    fn look_with(&self, arguments: &[&str]) -> (i32, Vec<Value>) {
        let bus = self
            .bus
            .as_ref()
            .map_or("unix:path=/nowhere", PrivateBus::address);
        let output = Program::new(env!("CARGO_BIN_EXE_hotlinectl"))
            .args(["--bus", bus, "doctor", "--json"])
            .args(arguments)
            .arg("--config")
            .arg(&self.config)
            .arg("--module-config")
            .arg(self.path("hotline.toml"))
            .arg("--rules")
            .arg(self.path("rules.yml"))
            .arg("--pbx-log")
            .arg(self.path("messages.log"))
            .env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()))
            .output()
            .unwrap();
        let findings = serde_json::from_slice(&output.stdout);
        let findings = findings.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code().unwrap(), findings)
    }
}

/// That there is such a finding, with a remedy unless it is ok.
fn has(findings: &[Value], level: &str, check: &str, found: &str) {
    let is = |finding: &&Value| {
        finding["level"] == level
            && finding["check"].as_str().unwrap().contains(check)
            && finding["found"].as_str().unwrap().contains(found)
    };
    let finding = findings.iter().find(is);
    let finding = finding.unwrap_or_else(|| panic!("no {level} {check}: {found} in {findings:#?}"));
    assert_eq!(finding["remedy"] == "", level == "ok", "{finding}");
}

fn settings(dir: &Path, socket: &Path) -> PathBuf {
    write_settings(dir, &[socket], "off", "")
}

#[test]
fn a_healthy_installation_has_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let bus = PrivateBus::start(dir.path());
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(71, "b1").begin(&node);
    let config = write_settings(dir.path(), &[&node.socket], bus.address(), "");
    let daemon = DaemonProcess::start(&config);
    node.wait_all_acked();
    // The doctor asks where the settings say that the daemon listens.
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("127.0.0.1:0", &daemon.http.to_string())).unwrap();
    let patient = Patient::new(config, dir, Some(bus));
    let (code, findings) = patient.look();
    assert_eq!(code, 0, "{findings:#?}");
    has(&findings, "ok", "node ", "pbx1: Fake 1");
    has(&findings, "ok", "event store", "can be read");
    has(&findings, "ok", "daemon", "stores: ok");
    has(&findings, "ok", "D-Bus", "answers, version");
    has(&findings, "ok", "PBX", "so does app_hotline.so");
    has(&findings, "ok", "dialplan", "hotline-features");
    has(&findings, "ok", "rules for Prometheus", "are rules");
}

#[test]
fn settings_that_are_wrong_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let config = settings(dir.path(), &dir.path().join("a.sock"));
    let patient = Patient::new(config.clone(), dir, None);
    patient.program(
        "hotline-check",
        "echo '{\"right\":false,\"error\":\"hotline.toml:3: cals: unknown\"}'; exit 1",
    );
    std::fs::write(&config, "[http]\nlissten = 1\n").unwrap();
    let (code, findings) = patient.look();
    assert_eq!(code, 1);
    has(&findings, "error", "daemon's settings", "supervisord.toml:2: ");
    has(&findings, "error", "module's settings", "hotline.toml:3: cals");
    patient.program(
        "hotline-check",
        "echo '{\"right\":true,\"folders\":[\"/nowhere/state\"]}'",
    );
    has(&patient.look().1, "error", "module's folders", "/nowhere/state");
    std::fs::remove_file(patient.path("bin/hotline-check")).unwrap();
    has(
        &patient.look().1,
        "warning",
        "module's settings",
        "hotline-check is not there",
    );
    std::fs::remove_file(patient.path("hotline.toml")).unwrap();
    has(&patient.look().1, "warning", "module's settings", "is not there");
}

#[test]
fn a_pbx_that_lacks_something_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("a.sock");
    let config = settings(dir.path(), &socket);
    let patient = Patient::new(config, dir, None);
    let (code, findings) = patient.look();
    assert_eq!(code, 1);
    has(
        &findings,
        "error",
        "node ",
        "the PBX does not run, or has not loaded the module",
    );
    has(&findings, "error", "daemon", "127.0.0.1:0");
    std::fs::write(
        patient.path("messages.log"),
        "ERROR: Module 'app_hotline' was not compiled with the same compile-time options as this version of Asterisk.\n",
    )
    .unwrap();
    has(&patient.look().1, "error", "node ", "built for another Asterisk");
    // Left behind by a PBX that was killed.
    drop(UnixListener::bind(&socket).unwrap());
    has(&patient.look().1, "error", "node ", "nobody listens any more");
    std::fs::remove_file(&socket).unwrap();
    std::fs::write(&socket, "").unwrap();
    has(&patient.look().1, "error", "node ", "is no socket");

    patient.program(
        "asterisk",
        "case \"$2\" in *app_hotline*) echo Running;; *) echo none;; esac",
    );
    let findings = patient.look().1;
    has(
        &findings,
        "warning",
        "res_pjsip_notify.so",
        "cannot be asked to retrieve",
    );
    has(&findings, "warning", "res_pjsip_header_funcs.so", "does not run");
    has(&findings, "warning", "dialplan", "no context hotline-features");
    // It was loaded, and gave up, as with settings that are wrong.
    patient.program(
        "asterisk",
        "echo 'app_hotline.so  Hotline  0  Not Running  extended'; echo '1 modules loaded'",
    );
    has(&patient.look().1, "error", "PBX", "app_hotline.so does not");
    patient.program("asterisk", "exec sleep 1000");
    has(&patient.look().1, "error", "PBX", "does not end within");
    patient.program("asterisk", "echo 0 modules loaded");
    has(&patient.look().1, "error", "PBX", "app_hotline.so does not");
    patient.program("asterisk", "echo Unable to connect to remote asterisk; exit 1");
    has(&patient.look().1, "error", "PBX", "Unable to connect");
}

#[test]
fn a_node_of_another_version_or_with_open_rights_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(72, "b1").begin(&node);
    let patient = Patient::new(settings(dir.path(), &node.socket), dir, None);
    node.set_protocol(99);
    has(&patient.look().1, "error", "node ", "protocol 99");
    let mode = |mode| std::fs::set_permissions(&node.socket, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o666);
    has(&patient.look().1, "warning", "node ", "everybody on this machine");
    mode(0o600);
    has(
        &patient.look_as("nobody").1,
        "error",
        "node ",
        "user nobody may not open it",
    );
    has(
        &patient.look_as("no-such-user").1,
        "warning",
        "node ",
        "no user no-such-user",
    );
}

#[test]
fn a_store_that_cannot_be_written_or_read_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let config = settings(dir.path(), &dir.path().join("a.sock"));
    let patient = Patient::new(config.clone(), dir, None);
    has(&patient.look().1, "warning", "event store", "not there yet");
    has(
        &patient.look_as("nobody").1,
        "error",
        "event store",
        "user nobody may not write",
    );
    std::fs::write(patient.path("events.db"), vec![b'x'; 1 << 20]).unwrap();
    has(&patient.look().1, "error", "event store", "events.db: ");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}\nmax_mib = 1\n")).unwrap();
    has(&patient.look().1, "error", "event store", "is full: 1 of 1 MiB");
    std::fs::write(&config, text.replace("events.db", "none/events.db")).unwrap();
    has(&patient.look().1, "error", "event store", "none is not there");
}

#[test]
fn a_bus_without_the_daemon_and_rules_that_are_none_are_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let bus = PrivateBus::start(dir.path());
    let config = write_settings(dir.path(), &[&dir.path().join("a.sock")], bus.address(), "");
    let mut patient = Patient::new(config, dir, Some(bus));
    patient.program("promtool", "echo rules.yml: no such key; exit 1");
    let findings = patient.look().1;
    has(
        &findings,
        "error",
        "D-Bus",
        "nobody has the name net.hotline.Hotline1",
    );
    has(&findings, "error", "rules for Prometheus", "no such key");
    patient.bus = None;
    has(&patient.look().1, "error", "D-Bus", "no bus unix:path=/nowhere");
}

#[test]
fn what_a_user_may_not_see_is_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    let open =
        |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    open(dir.path(), 0o755);
    let config = settings(dir.path(), &dir.path().join("a.sock"));
    let patient = Patient::new(config.clone(), dir, None);
    for (file, mode) in [
        ("events.db", 0o600),
        ("hotline.toml", 0o600),
        ("supervisord.toml", 0o644),
    ] {
        std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(patient.path(file))
            .unwrap();
        open(&patient.path(file), mode);
    }
    if !nix::unistd::getuid().is_root() {
        eprintln!("NOT TESTED: only root can act as another user");
        return;
    }
    let program = patient.path("hotlinectl");
    std::fs::copy(env!("CARGO_BIN_EXE_hotlinectl"), &program).unwrap();
    let as_nobody = || {
        let output = Program::new("setpriv")
            .args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"])
            .arg(&program)
            .args(["doctor", "--json", "--config"])
            .arg(&config)
            .arg("--module-config")
            .arg(patient.path("hotline.toml"))
            .output()
            .unwrap();
        serde_json::from_slice::<Vec<Value>>(&output.stdout).unwrap()
    };
    let says = |findings: &[Value], check: &str, remedy: &str| {
        let is = |finding: &&Value| finding["check"] == check && finding["remedy"] == remedy;
        assert!(
            findings.iter().any(|finding| is(&finding)),
            "{check}: {findings:#?}"
        );
    };
    let findings = as_nobody();
    says(&findings, "event store", "run this as root");
    says(&findings, "module's settings", "run this as root");
    open(&config, 0o600);
    says(&as_nobody(), "daemon's settings", "run this as root");
    // Nor may the daemon and the PBX, then.
    let (_, findings) = patient.look_as("nobody");
    has(
        &findings,
        "error",
        "daemon's settings",
        "user nobody may not read",
    );
    let (_, findings) = patient.look_with(&["--pbx-user", "nobody"]);
    has(
        &findings,
        "error",
        "module's settings",
        "user nobody may not read",
    );
}

#[test]
fn nodes_and_sockets_that_do_not_match_are_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(73, "b1").begin(&node);
    let link = dir.path().join("other.sock");
    std::os::unix::fs::symlink(&node.socket, &link).unwrap();
    let config = write_settings(dir.path(), &[&node.socket, &link], "off", "");
    let patient = Patient::new(config, dir, None);
    let state = patient.path("state");
    std::fs::create_dir(&state).unwrap();
    patient.program(
        "hotline-check",
        &format!(
            "echo '{{\"right\":true,\"socket\":\"/else.sock\",\"folders\":[\"{}\"]}}'",
            state.display()
        ),
    );
    let (_, findings) = patient.look_with(&["--pbx-user", "nobody"]);
    has(
        &findings,
        "error",
        "nodes",
        "more than one socket is of the node pbx1",
    );
    has(
        &findings,
        "error",
        "daemon's settings",
        "no [[node]] has /else.sock",
    );
    has(
        &findings,
        "error",
        "module's folders",
        "user nobody may not write to",
    );
}

/// A program that answers everything so, as often as it is asked.
fn answers(with: &'static str) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(with.as_bytes());
        }
    });
    address
}

#[test]
fn who_has_the_daemons_port_is_not_taken_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let config = settings(dir.path(), &dir.path().join("a.sock"));
    let text = std::fs::read_to_string(&config).unwrap();
    let patient = Patient::new(config.clone(), dir, None);
    for (answer, level, found) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "error",
            "as the daemon never does",
        ),
        (
            "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
            "warning",
            "without a token",
        ),
        (
            "HTTP/1.1 503 No\r\nContent-Length: 10\r\n\r\ndisk full\n",
            "error",
            "cannot store: disk full",
        ),
        ("SSH-2.0-OpenSSH\r\n", "error", "127.0.0.1:"),
    ] {
        std::fs::write(&config, text.replace("127.0.0.1:0", &answers(answer).to_string())).unwrap();
        has(&patient.look().1, level, "daemon", found);
    }
}

#[test]
fn a_daemon_with_a_certificate_is_asked_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(74, "b1").begin(&node);
    let pair = rcgen::generate_simple_self_signed(vec!["hotline.example.com".to_owned()]).unwrap();
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    std::fs::write(&cert, pair.cert.pem()).unwrap();
    std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    let config = settings(dir.path(), &node.socket);
    let text = std::fs::read_to_string(&config).unwrap();
    let tls = format!(
        "listen = \"127.0.0.1:0\"\ntls_cert = \"{}\"\ntls_key = \"{}\"\n",
        cert.display(),
        key.display()
    );
    std::fs::write(&config, text.replace("listen = \"127.0.0.1:0\"\n", &tls)).unwrap();
    let daemon = DaemonProcess::start(&config);
    node.wait_all_acked();
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("127.0.0.1:0", &daemon.http.to_string())).unwrap();
    let patient = Patient::new(config, dir, None);
    has(&patient.look().1, "ok", "daemon", "stores: ok");
}
