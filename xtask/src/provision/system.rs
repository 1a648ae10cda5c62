//! An Asterisk that is installed on this machine, with its headers.

use super::{Kind, Pbx};
use crate::run;
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest series that the module is built for.
const OLDEST: u32 = 18;

/// A usable Asterisk of this machine.
pub(crate) struct System {
    program: PathBuf,
    version: String,
    include_dir: PathBuf,
}

/// The machine's own Asterisk, if it is new enough and its headers are installed.
pub(crate) fn find() -> Option<System> {
    let program = run::which("asterisk")?;
    let version = super::system::version(&mut Command::new(&program)).ok()?;
    let major: u32 = version.split('.').next()?.parse().ok()?;
    if major < OLDEST {
        eprintln!(
            "{} is version {version}: {OLDEST} or newer is needed, using Debian's",
            program.display()
        );
        return None;
    }
    let Some(include_dir) = ["/usr/include", "/usr/local/include"]
        .map(PathBuf::from)
        .into_iter()
        .find(|dir| dir.join("asterisk.h").exists() && dir.join("asterisk").is_dir())
    else {
        eprintln!(
            "{} has no headers (asterisk-dev): using Debian's Asterisk",
            program.display()
        );
        return None;
    };
    Some(System {
        program,
        version,
        include_dir,
    })
}

impl System {
    /// Another version, or one in another place, is another recipe.
    pub(crate) fn recipe(&self) -> String {
        format!("system {} {}", self.version, self.program.display())
    }

    /// Finds its folders where distributions and Asterisk's own installer put them.
    pub(crate) fn describe(&self) -> Result<Pbx> {
        let arch = std::env::consts::ARCH;
        let modules = [
            format!("/usr/lib/{arch}-linux-gnu/asterisk/modules"),
            "/usr/lib/asterisk/modules".into(),
            "/usr/lib64/asterisk/modules".into(),
            "/usr/local/lib/asterisk/modules".into(),
        ];
        let data = [
            "/usr/share/asterisk",
            "/var/lib/asterisk",
            "/usr/local/share/asterisk",
        ]
        .map(String::from);
        let (Some(modules_dir), Some(data_dir)) =
            (first(&modules, "app_dial.so"), first(&data, "documentation"))
        else {
            bail!(
                "Asterisk {} is at {}, but its modules are in none of {modules:?} or its data in none of {data:?}: \
                 `cargo xtask pbx --private` uses Debian's instead",
                self.version,
                self.program.display()
            );
        };
        Ok(Pbx {
            kind: Kind::System,
            version: self.version.clone(),
            run: vec![self.program.display().to_string()],
            modules_dir,
            data_dir,
            include_dir: self.include_dir.clone(),
            recipe: self.recipe(),
        })
    }
}

fn first(dirs: &[String], holds: &str) -> Option<PathBuf> {
    dirs.iter()
        .map(PathBuf::from)
        .find(|dir| dir.join(holds).exists())
}

/// Starts `asterisk -V` and reads `Asterisk 22.10.1~dfsg+...` as `22.10.1`.
pub(crate) fn version(asterisk: &mut Command) -> Result<String> {
    let said = run::output(asterisk.arg("-V"))?;
    match number(&said) {
        Some(version) => Ok(version),
        None => bail!("`asterisk -V` names no version: {said}"),
    }
}

fn number(said: &str) -> Option<String> {
    let rest = said.trim().strip_prefix("Asterisk ")?;
    // Sangoma's builds are called certified/18.9-cert1.
    let rest = rest.rsplit('/').next()?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(rest.len());
    (end > 0).then(|| rest[..end].trim_end_matches('.').to_owned())
}

/// The loader and the libraries of an unpacked system.
pub(crate) fn loader(libs: &Path) -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(libs)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("ld-linux") && name.contains(".so.")
        })
        .collect();
    found.sort();
    found.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_distributions_write_them() {
        assert_eq!(
            number("Asterisk 22.10.1~dfsg+~cs6.17.60671434-1\n").as_deref(),
            Some("22.10.1")
        );
        assert_eq!(number("Asterisk 18.24.3").as_deref(), Some("18.24.3"));
        assert_eq!(number("Asterisk certified/20.7-cert2").as_deref(), Some("20.7"));
        assert_eq!(number("Asterisk GIT-master"), None);
        assert_eq!(number("bash: asterisk"), None);
    }
}
