//! A PostgreSQL of the test's own: in a folder, on a Unix socket there, as a user who is not root.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::unistd::Uid;

use super::node::PATIENCE;

/// `nobody`, whom every system has.
const NOBODY: u32 = 65_534;

pub struct PrivatePostgres {
    child: Child,
    bin: PathBuf,
    data: PathBuf,
    dir: tempfile::TempDir,
}

impl PrivatePostgres {
    /// Without a PostgreSQL the test is passed over with a note; `HOTLINE_POSTGRES`, the folder of its programs, set means that there
    /// must be one.
    pub fn start() -> Option<PrivatePostgres> {
        let named = std::env::var_os("HOTLINE_POSTGRES").map(PathBuf::from);
        let found = named.clone().or_else(installed);
        let Some(bin) = found else {
            eprintln!("NOT TRIED on PostgreSQL, as there is none: `cargo xtask test` provides it");
            return None;
        };
        assert!(
            bin.join("initdb").exists(),
            "HOTLINE_POSTGRES={}: no initdb there; `cargo xtask test` provides one",
            bin.display()
        );
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let data = dir.path().join("data");
        std::fs::create_dir(&data).unwrap();
        if Uid::effective().is_root() {
            std::os::unix::fs::chown(&data, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let made = program(&bin, "initdb")
            .args([
                "--username=hotline",
                "--auth=trust",
                "--encoding=UTF8",
                "--no-sync",
                "-D",
            ])
            .arg(&data)
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "initdb: {}{}",
            String::from_utf8_lossy(&made.stdout),
            String::from_utf8_lossy(&made.stderr)
        );
        let child = serve(&bin, &data);
        let mut postgres = PrivatePostgres {
            child,
            bin,
            data,
            dir,
        };
        postgres.wait();
        Some(postgres)
    }

    /// For `[store] database`.
    pub fn url(&self) -> String {
        format!("postgresql://hotline@/postgres?host={}", self.data.display())
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Ends at once, as by `kill -9`, and starts again.
    pub fn crash(&mut self, between: impl FnOnce()) {
        // Who serves a connection outlives the server for a moment, and may commit in it.
        let pid = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        for child in children.split_whitespace() {
            let child = nix::unistd::Pid::from_raw(child.parse().unwrap());
            // It may have ended by itself meanwhile.
            let _ = nix::sys::signal::kill(child, nix::sys::signal::Signal::SIGKILL);
        }
        between();
        self.child = serve(&self.bin, &self.data);
        self.wait();
    }

    /// Runs statements as somebody else.
    pub fn run(&self, sql: &str) {
        let run = || self.connect().unwrap().batch_execute(sql).unwrap();
        std::thread::scope(|scope| scope.spawn(run).join().unwrap());
    }

    fn wait(&mut self) {
        let begun = Instant::now();
        while self.client().is_err() {
            let log = || std::fs::read_to_string(self.data.with_extension("log")).unwrap();
            assert!(
                begun.elapsed() < PATIENCE,
                "PostgreSQL does not answer: {}",
                log()
            );
            assert!(
                self.child.try_wait().unwrap().is_none(),
                "PostgreSQL ended: {}",
                log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn client(&self) -> Result<postgres::Client, postgres::Error> {
        // The library blocks, which no test's own runtime allows.
        std::thread::scope(|scope| scope.spawn(|| self.connect()).join().unwrap())
    }

    fn connect(&self) -> Result<postgres::Client, postgres::Error> {
        postgres::Client::connect(&self.url(), postgres::NoTls)
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        // Its other processes end with it.
        let pid = nix::unistd::Pid::from_raw(self.child.id() as i32);
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::SIGQUIT);
        let _ = self.child.wait();
    }
}

fn serve(bin: &Path, data: &Path) -> Child {
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(data.with_extension("log"))
        .unwrap();
    program(bin, "postgres")
        .arg("-D")
        .arg(data)
        .arg("-k")
        .arg(data)
        .args([
            "-c",
            "listen_addresses=",
            "-c",
            "max_connections=20",
            "-c",
            "shared_buffers=16MB",
        ])
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// PostgreSQL does not run as root.
fn program(bin: &Path, name: &str) -> Command {
    let mut command = Command::new(bin.join(name));
    command.current_dir("/").env("LC_ALL", "C.UTF-8");
    // One that is unpacked and not installed brings its libraries.
    if let Some(libs) = std::env::var_os("HOTLINE_POSTGRES_LIBS") {
        command.env("LD_LIBRARY_PATH", libs);
    }
    if Uid::effective().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// Debian has its programs in a folder for each version, the newest last.
fn installed() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> = versions
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop()
}
