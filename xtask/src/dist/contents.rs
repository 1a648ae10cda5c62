//! What is in the packages: which file of the repository or of the build goes where.

use std::path::{Path, PathBuf};

/// Programs that were built.
pub(super) struct Built {
    pub(super) module: PathBuf,
    pub(super) supervisord: PathBuf,
    pub(super) hotlinectl: PathBuf,
    pub(super) check: PathBuf,
}

/// A package.
pub(super) struct Contents {
    pub(super) name: &'static str,
    pub(super) files: Vec<Entry>,
    /// What it needs besides what its control file names.
    pub(super) depends: Vec<String>,
}

/// A file in a package.
pub(super) struct Entry {
    pub(super) from: From,
    /// Relative to the root of the system.
    pub(super) to: PathBuf,
}

/// Where a file comes from.
pub(super) enum From {
    /// A program or a library, to be stripped.
    Program(PathBuf),
    /// A file of the repository.
    Source(&'static str),
}

impl Entry {
    /// Whether it is the operator's to change, so that an upgrade keeps it.
    pub(super) fn is_setting(&self) -> bool {
        self.to.starts_with("etc")
    }
}

const INTERFACES: &[&str] = &[
    "packaging/dbus/net.hotline.Hotline1.Agent.xml",
    "packaging/dbus/net.hotline.Hotline1.Alarms.xml",
    "packaging/dbus/net.hotline.Hotline1.Blacklist.xml",
    "packaging/dbus/net.hotline.Hotline1.Manager.xml",
    "packaging/dbus/net.hotline.Hotline1.Queue.xml",
];
const DOCS: &[&str] = &[
    "docs/agents.md",
    "docs/alarms.md",
    "docs/audit.md",
    "docs/blacklist.md",
    "docs/dbus.md",
    "docs/events.md",
    "docs/http.md",
    "docs/install.md",
    "docs/openapi.json",
    "docs/recording.md",
    "docs/reports.md",
    "docs/routing.md",
    "docs/store.md",
    "docs/supervision.md",
];

/// Both packages.
pub(super) fn all(built: &Built, modules_dir: &Path, abi: &str) -> Vec<Contents> {
    vec![asterisk(built, modules_dir, abi), supervisord(built)]
}

fn asterisk(built: &Built, modules_dir: &Path, abi: &str) -> Contents {
    Contents {
        name: "hotline-asterisk",
        files: vec![
            program(&built.module, modules_dir.join("app_hotline.so")),
            program(&built.check, "usr/bin/hotline-check"),
            source("packaging/hotline.toml", "etc/hotline/hotline.toml"),
            source("dialplan/asterisk/hotline.conf", "etc/asterisk/hotline.conf"),
            source(
                "packaging/systemd/hotline.sysusers",
                "usr/lib/sysusers.d/hotline-asterisk.conf",
            ),
            source(
                "packaging/systemd/hotline-asterisk.tmpfiles",
                "usr/lib/tmpfiles.d/hotline-asterisk.conf",
            ),
        ],
        // Debian's Asterisk provides a name for the interface that it was built with.
        depends: vec![format!("asterisk-abi-{abi}")],
    }
}

fn supervisord(built: &Built) -> Contents {
    let mut files = vec![
        program(&built.supervisord, "usr/sbin/hotline-supervisord"),
        program(&built.hotlinectl, "usr/bin/hotlinectl"),
        source("packaging/supervisord.toml", "etc/hotline/supervisord.toml"),
        source(
            "packaging/systemd/hotline-supervisord.service",
            "usr/lib/systemd/system/hotline-supervisord.service",
        ),
        source(
            "packaging/systemd/hotline.sysusers",
            "usr/lib/sysusers.d/hotline-supervisord.conf",
        ),
        source(
            "packaging/systemd/hotline-supervisord.tmpfiles",
            "usr/lib/tmpfiles.d/hotline-supervisord.conf",
        ),
        source(
            "packaging/dbus/net.hotline.Hotline1.conf",
            "usr/share/dbus-1/system.d/net.hotline.Hotline1.conf",
        ),
        source(
            "packaging/dbus/net.hotline.Hotline1.service",
            "usr/share/dbus-1/system-services/net.hotline.Hotline1.service",
        ),
        source(
            "packaging/polkit/net.hotline.hotline1.policy",
            "usr/share/polkit-1/actions/net.hotline.hotline1.policy",
        ),
        source(
            "packaging/polkit/50-hotline.rules",
            "usr/share/polkit-1/rules.d/50-hotline.rules",
        ),
        source(
            "packaging/prometheus/hotline.rules.yml",
            "usr/share/hotline/prometheus/hotline.rules.yml",
        ),
        source(
            "packaging/grafana/hotline.json",
            "usr/share/hotline/grafana/hotline.json",
        ),
    ];
    for (names, folder) in [
        (INTERFACES, "usr/share/dbus-1/interfaces"),
        (DOCS, "usr/share/doc/hotline-supervisord"),
    ] {
        for name in names {
            let file = Path::new(name).file_name().unwrap_or_default();
            files.push(source(name, Path::new(folder).join(file)));
        }
    }
    Contents {
        name: "hotline-supervisord",
        files,
        depends: Vec::new(),
    }
}

fn program(from: &Path, to: impl Into<PathBuf>) -> Entry {
    Entry {
        from: From::Program(from.to_owned()),
        to: to.into(),
    }
}

fn source(from: &'static str, to: impl Into<PathBuf>) -> Entry {
    Entry {
        from: From::Source(from),
        to: to.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::{DOCS, INTERFACES};
    use std::path::Path;

    /// Of a developer's machine, or for a page in the web.
    const NOT_PACKED: &[&str] = &["docs/demo.svg", "docs/measured.md"];

    #[test]
    fn every_interface_and_every_document_is_packed() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let there = |folder: &str, end: &str| -> Vec<String> {
            let entries = std::fs::read_dir(root.join(folder)).unwrap();
            let mut names: Vec<String> = entries
                .map(|entry| format!("{folder}/{}", entry.unwrap().file_name().to_string_lossy()))
                .filter(|name| name.ends_with(end) && !NOT_PACKED.contains(&name.as_str()))
                .collect();
            names.sort();
            names
        };
        assert_eq!(INTERFACES, there("packaging/dbus", ".xml"));
        assert_eq!(DOCS, there("docs", ""));
    }
}
