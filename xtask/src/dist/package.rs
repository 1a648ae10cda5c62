//! Makes a package: stages its files, writes what dpkg wants to know of them, and packs both reproducibly.

use super::Commit;
use super::contents::{Contents, From};
use crate::run;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Debian's programs are run as root or by others, and never changed but by dpkg.
const FILE: u32 = 0o644;
const PROGRAM: u32 = 0o755;
/// What maintainer scripts there may be.
const SCRIPTS: &[&str] = &["preinst", "postinst", "prerm", "postrm"];

/// Writes NAME_VERSION_ARCH.deb into `out`.
pub(super) fn make(
    workspace: &Workspace,
    contents: &Contents,
    version: &str,
    commit: &Commit,
    out: &Path,
) -> Result<PathBuf> {
    let name = contents.name;
    let architecture = run::output(Command::new("dpkg").arg("--print-architecture"))?;
    let architecture = architecture.trim();
    let stage = out.join(format!("{name}.staged"));
    if stage.exists() {
        fs::remove_dir_all(&stage)?;
    }
    let control = stage.join("DEBIAN");
    fs::create_dir_all(&control)?;

    let mut depends = contents.depends.clone();
    for entry in &contents.files {
        let to = stage.join(&entry.to);
        match &entry.from {
            From::Source(from) => put(&workspace.root.join(from), &to, FILE)?,
            From::Program(from) => {
                let library = entry.to.extension().is_some_and(|extension| extension == "so");
                put(from, &to, if library { FILE } else { PROGRAM })?;
                run::output(
                    Command::new("strip")
                        .args(["--strip-unneeded", "--remove-section=.comment"])
                        .arg(&to),
                )?;
                depends.push(libc(&to)?);
            }
        }
    }
    documents(workspace, contents, version, commit, &stage)?;

    let about = workspace.root.join("packaging/debian").join(name);
    for script in SCRIPTS {
        let from = about.join(script);
        if from.exists() {
            put(&from, &control.join(script), PROGRAM)?;
        }
    }
    let settings: String = contents
        .files
        .iter()
        .filter(|entry| entry.is_setting())
        .map(|entry| format!("/{}\n", entry.to.display()))
        .collect();
    write(&control.join("conffiles"), &settings)?;
    let files = walk(&stage, Path::new(""))?;
    write(&control.join("md5sums"), &sums(&stage, &files)?)?;
    let size: u64 = files
        .iter()
        .map(|file| Ok(fs::metadata(stage.join(file))?.len().div_ceil(1024)))
        .sum::<Result<u64>>()?;
    let template = fs::read_to_string(about.join("control"))
        .with_context(|| format!("cannot read packaging/debian/{name}/control"))?;
    write(
        &control.join("control"),
        &fields(&template, version, architecture, size, &newest(depends))?,
    )?;
    open_folders(&stage)?;

    let deb = out.join(format!("{name}_{version}_{architecture}.deb"));
    run::output(
        Command::new("dpkg-deb")
            .args(["--root-owner-group", "--threads-max=2", "-Zxz", "-z3", "--build"])
            .arg(&stage)
            .arg(&deb)
            .env("SOURCE_DATE_EPOCH", commit.time.to_string()),
    )?;
    fs::remove_dir_all(&stage)?;
    Ok(deb)
}

/// changelog and copyright, which every package has.
fn documents(
    workspace: &Workspace,
    contents: &Contents,
    version: &str,
    commit: &Commit,
    stage: &Path,
) -> Result<()> {
    let dir = stage.join("usr/share/doc").join(contents.name);
    fs::create_dir_all(&dir)?;
    let licence = fs::read_to_string(workspace.root.join("LICENSE-MIT"))?;
    let holder = licence
        .lines()
        .find_map(|line| line.strip_prefix("Copyright (c) "))
        .context("LICENSE-MIT names no holder of the copyright")?;
    let body: Vec<String> = licence
        .lines()
        .skip_while(|line| !line.starts_with("Permission"))
        .map(|line| {
            if line.is_empty() {
                " .".to_owned()
            } else {
                format!(" {line}")
            }
        })
        .collect();
    let copyright = fs::read_to_string(workspace.root.join("packaging/debian/copyright"))?
        .replace("@MIT@", &body.join("\n"))
        .replace("@HOLDER@", holder);
    write(&dir.join("copyright"), &copyright)?;
    let changelog = format!(
        "{} ({version}) unstable; urgency=medium\n\n  * See CHANGELOG.md of Hotline {version}.\n\n -- {}  {}\n",
        contents.name,
        maintainer(&fs::read_to_string(
            workspace
                .root
                .join("packaging/debian")
                .join(contents.name)
                .join("control")
        )?)?,
        commit.date
    );
    let plain = dir.join("changelog");
    write(&plain, &changelog)?;
    run::output(Command::new("gzip").args(["-9", "--no-name"]).arg(&plain)).map(|_| ())
}

fn maintainer(control: &str) -> Result<&str> {
    control
        .lines()
        .find_map(|line| line.strip_prefix("Maintainer: "))
        .context("the control file names no Maintainer")
}

/// The control file with what only the build knows.
fn fields(
    template: &str,
    version: &str,
    architecture: &str,
    size: u64,
    depends: &[String],
) -> Result<String> {
    let mut text = String::new();
    let mut depended = false;
    for line in template.lines() {
        match line.strip_prefix("Depends: ") {
            Some(named) => {
                depended = true;
                let all: Vec<&str> = std::iter::once(named)
                    .chain(depends.iter().map(String::as_str))
                    .collect();
                text.push_str(&format!(
                    "Version: {version}\nArchitecture: {architecture}\nInstalled-Size: {size}\nDepends: {}\n",
                    all.join(", ")
                ));
            }
            None => text.push_str(&format!("{line}\n")),
        }
    }
    if !depended {
        bail!("the control file has no Depends");
    }
    Ok(text)
}

/// `libc6 (>= 2.34)`: the newest symbol version that a program names.
fn libc(program: &Path) -> Result<String> {
    let said = run::output(Command::new("objdump").arg("--private-headers").arg(program))?;
    let newest = said
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("GLIBC_"))
        .filter_map(|version| {
            let (major, minor) = version.split_once('.')?;
            Some((
                major.parse::<u32>().ok()?,
                minor.split('.').next()?.parse::<u32>().ok()?,
            ))
        })
        .max();
    match newest {
        Some((major, minor)) => Ok(format!("libc6 (>= {major}.{minor})")),
        None => bail!(
            "{} names no GLIBC: it is linked otherwise than Debian's programs",
            program.display()
        ),
    }
}

/// One libc, the newest that any program needs.
fn newest(mut depends: Vec<String>) -> Vec<String> {
    let minor = |line: &str| {
        line.trim_end_matches(')')
            .rsplit('.')
            .next()
            .and_then(|minor| minor.parse::<u32>().ok())
    };
    let libc = depends
        .iter()
        .filter(|line| line.starts_with("libc6 "))
        .max_by_key(|line| minor(line))
        .cloned();
    depends.retain(|line| !line.starts_with("libc6 "));
    depends.extend(libc);
    depends.push("libgcc-s1".to_owned());
    depends
}

fn sums(stage: &Path, files: &[PathBuf]) -> Result<String> {
    run::output(Command::new("md5sum").current_dir(stage).args(files))
}

/// All files below `at`, sorted; what is for dpkg itself is not among them.
fn walk(stage: &Path, at: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(stage.join(at))? {
        let entry = entry?;
        let name = at.join(entry.file_name());
        if name == Path::new("DEBIAN") {
            continue;
        }
        if entry.file_type()?.is_dir() {
            files.extend(walk(stage, &name)?);
        } else {
            files.push(name);
        }
    }
    files.sort();
    Ok(files)
}

fn put(from: &Path, to: &Path, mode: u32) -> Result<()> {
    if let Some(dir) = to.parent() {
        fs::create_dir_all(dir)?;
    }
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode))?;
    Ok(())
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    fs::set_permissions(file, fs::Permissions::from_mode(FILE))?;
    Ok(())
}

/// Folders as they are installed, whatever this user's umask is.
fn open_folders(dir: &Path) -> Result<()> {
    fs::set_permissions(dir, fs::Permissions::from_mode(PROGRAM))?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_folders(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_file_gets_what_the_build_knows() {
        let text = fields(
            "Package: a\nDepends: systemd\nDescription: b\n c\n",
            "1.2",
            "amd64",
            7,
            &["x".to_owned()],
        )
        .unwrap();
        assert_eq!(
            text,
            "Package: a\nVersion: 1.2\nArchitecture: amd64\nInstalled-Size: 7\nDepends: systemd, x\nDescription: b\n c\n"
        );
        assert!(fields("Package: a\n", "1", "amd64", 1, &[]).is_err());
    }

    #[test]
    fn the_newest_libc_counts() {
        let depends = ["libc6 (>= 2.9)", "a", "libc6 (>= 2.34)"].map(str::to_owned);
        assert_eq!(newest(depends.into()), ["a", "libc6 (>= 2.34)", "libgcc-s1"]);
    }
}
