//! apt with a state of its own: it resolves and downloads packages of any release, knows nothing of what is
//! installed here, and never touches the system.

use super::mirror::Mirror;
use crate::progress::Step;
use crate::run;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// apt's option that takes signed package lists whatever their age.
pub(crate) const TAKE_STALE: &str = "Acquire::Check-Valid-Until \"false\"";

/// Whether apt refused package lists for nothing but their age.
pub(crate) fn is_stale(error: &anyhow::Error) -> bool {
    let said = format!("{error:#}");
    said.contains("is expired (invalid since") && !said.contains("GPG error")
}

/// Says that old lists are taken, which is good enough for what is unpacked to be tested with, and nothing else.
pub(crate) fn tell_stale(mirror: &Mirror, suite: &str) {
    eprintln!(
        "NOTE: {} has old package lists of {suite}, past their date. They are signed by Debian and are taken for this test \
         environment; nothing of them is installed on this machine.",
        mirror.uri
    );
}

/// One package of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// An apt whose settings, lists and status are all in one folder.
pub(crate) struct Apt {
    dir: PathBuf,
    config: PathBuf,
}

impl Apt {
    /// Sets the folder up for one release and fetches its package lists.
    pub(crate) fn open(dir: &Path, mirror: &Mirror, suite: &str, components: &str) -> Result<Self> {
        super::remove(dir)?;
        for part in ["state/lists/partial", "cache/archives/partial", "sources", "none"] {
            fs::create_dir_all(dir.join(part)).with_context(|| format!("cannot make {}", dir.display()))?;
        }
        fs::write(dir.join("status"), "")?;
        let mut source = format!(
            "Types: deb\nURIs: {}\nSuites: {suite}\nComponents: {components}\n",
            mirror.uri
        );
        if let Some(key) = &mirror.signed_by {
            source.push_str(&format!("Signed-By: {key}\n"));
        }
        fs::write(dir.join("sources/archive.sources"), source)?;
        let here = dir.display();
        let config = dir.join("apt.conf");
        fs::write(
            &config,
            format!(
                r#"Dir::State "{here}/state";
Dir::State::status "{here}/status";
Dir::Cache "{here}/cache";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{here}/sources";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "{here}/none";
APT::Install-Recommends "false";
APT::Get::Assume-Yes "true";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
// All of it is in the user's own folder, which apt's own user may not be able to enter.
APT::Sandbox::User "";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
"#
            ),
        )?;
        let apt = Self {
            dir: dir.to_owned(),
            config,
        };
        let mut update = run::output(apt.command("apt-get").arg("update"));
        if update.as_ref().is_err_and(is_stale) {
            tell_stale(mirror, suite);
            let mut config = fs::read_to_string(&apt.config)?;
            config.push_str(&format!("{TAKE_STALE};\n"));
            fs::write(&apt.config, config)?;
            update = run::output(apt.command("apt-get").arg("update"));
        }
        update.with_context(|| format!("cannot read the package lists of {suite} from {}", mirror.uri))?;
        Ok(apt)
    }

    /// The packages which an empty system would need for `wanted`, `wanted` among them.
    pub(crate) fn resolve(&self, wanted: &[&str]) -> Result<Vec<Package>> {
        let plan = run::output(
            self.command("apt-get")
                .args(["install", "--simulate"])
                .args(wanted),
        )?;
        let packages: Vec<Package> = plan.lines().filter_map(planned).collect();
        if packages.is_empty() {
            bail!("apt plans to install nothing for {}", wanted.join(" "));
        }
        Ok(packages)
    }

    /// The version of `name` in this release, if it has one.
    pub(crate) fn candidate(&self, name: &str) -> Option<Package> {
        let shown = run::output(
            self.command("apt-cache")
                .args(["show", "--no-all-versions", name]),
        )
        .ok()?;
        let version = shown.lines().find_map(|line| line.strip_prefix("Version: "))?;
        Some(Package {
            name: name.to_owned(),
            version: version.to_owned(),
        })
    }

    /// Downloads and verifies packages; returns their files.
    pub(crate) fn download(&self, packages: &[Package], step: &Step) -> Result<Vec<PathBuf>> {
        let into = self.dir.join("debs");
        super::remove(&into)?;
        fs::create_dir_all(&into)?;
        let total = packages.len();
        let mut seen = 0;
        run::lines(
            self.command("apt-get").current_dir(&into).arg("download").args(
                packages
                    .iter()
                    .map(|package| format!("{}={}", package.name, package.version)),
            ),
            |line| {
                if line.starts_with("Get:") {
                    seen += 1;
                    step.note(format!("download {seen} of {total}"));
                }
            },
        )?;
        let mut files: Vec<PathBuf> = fs::read_dir(&into)?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<_>>()?;
        files.retain(|file| file.extension().is_some_and(|extension| extension == "deb"));
        if files.len() != total {
            bail!(
                "apt-get downloaded {} of {total} packages into {}",
                files.len(),
                into.display()
            );
        }
        files.sort();
        Ok(files)
    }

    /// Deletes all of it, the downloads too.
    pub(crate) fn close(self) -> Result<()> {
        super::remove(&self.dir)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("APT_CONFIG", &self.config).env("LC_ALL", "C");
        command
    }
}

/// Unpacks the files of one package into `root`; its scripts are not run.
pub(crate) fn unpack(deb: &Path, root: &Path) -> Result<()> {
    run::output(Command::new("dpkg-deb").arg("--extract").arg(deb).arg(root)).map(|_| ())
}

/// `Inst libc6 (2.41-12 Debian:13/stable [amd64])`
fn planned(line: &str) -> Option<Package> {
    let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
    let version = rest.split_once('(')?.1.split([' ', ')']).next()?;
    Some(Package {
        name: name.to_owned(),
        version: version.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_line_by_line() {
        let package = planned("Inst libc6 (2.41-12 Debian:13/stable [amd64])").unwrap();
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("libc6", "2.41-12")
        );
        let upgrade = planned("Inst zlib1g [1:1.2] (1:1.3+dfsg-1 Debian:testing [amd64]) []").unwrap();
        assert_eq!(upgrade.version, "1:1.3+dfsg-1");
        assert_eq!(planned("Conf libc6 (2.41-12 Debian:13/stable [amd64])"), None);
        assert_eq!(planned("Reading package lists..."), None);
    }
}
