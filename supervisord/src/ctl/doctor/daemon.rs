//! The daemon: its store, its page, and its name on the bus.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use super::{Findings, PATIENCE, last, may};
use crate::dbus::{self, NAME};
use crate::settings::{Bus, StoreSettings};
use crate::store;

const MIB: u64 = 1 << 20;
/// Less free space is said, and less than the second is an error.
const LOW: u64 = 1024 * MIB;
const TOO_LOW: u64 = 64 * MIB;
const POLICIES: &[&str] = &[
    "/usr/share/dbus-1/system.d/net.hotline.Hotline1.conf",
    "/etc/dbus-1/system.d/net.hotline.Hotline1.conf",
];

/// The event store: whether it can be written, is whole, and has room.
pub(super) fn store(settings: &StoreSettings, user: &str, findings: &mut Findings) {
    let check = "event store";
    if settings.database.is_some() {
        return match look(settings) {
            Ok(()) => findings.ok(check, "the database of [store] can be read".to_owned()),
            Err(error) => findings.error(
                check,
                error,
                "is PostgreSQL there, and [store] database right? The daemon makes its tables when it first starts",
            ),
        };
    }
    let shown = settings.path.display();
    let folder = settings.path.parent().unwrap_or(Path::new("/"));
    if !folder.is_dir() {
        return findings.error(
            check,
            format!("its folder {} is not there", folder.display()),
            format!("`install -d -o {user} -g {user} -m 751 {}`", folder.display()),
        );
    }
    if let Ok(Some(daemon)) = nix::unistd::User::from_name(user) {
        let folder_open = may(&daemon, folder, 3).unwrap_or(false);
        let file_open = !settings.path.exists() || may(&daemon, &settings.path, 6).unwrap_or(false);
        if !folder_open || !file_open {
            findings.error(
                check,
                format!("the daemon's user {user} may not write {shown}"),
                format!(
                    "`chown -R {user}: {}*`, and the folder has to be writable for it",
                    shown
                ),
            );
        }
    }
    space(folder, findings);
    let Ok(file) = std::fs::metadata(&settings.path) else {
        return findings.warning(
            check,
            format!("{shown} is not there yet"),
            "the daemon makes it when it starts",
        );
    };
    let (size, most) = (file.len() / MIB, settings.max_mib);
    if size >= most {
        findings.error(
            check,
            format!("{shown} is full: {size} of {most} MiB; nodes keep their events meanwhile"),
            "raise [store] max_mib, or lower keep_days",
        );
    } else if size >= most / 10 * 9 && most >= 10 {
        findings.warning(
            check,
            format!("{shown} is nearly full: {size} of {most} MiB"),
            "raise [store] max_mib, or lower keep_days",
        );
    }
    match look(settings) {
        Ok(()) => findings.ok(check, format!("{shown} can be read, {size} MiB")),
        Err(error) => findings.error(
            check,
            format!("{shown}: {error}"),
            "if it is damaged, put it aside and start the daemon: nodes give again what they still hold",
        ),
    }
}

/// Whether the store can be read. On a thread of its own: a client of PostgreSQL waits in its own way.
fn look(settings: &StoreSettings) -> Result<(), String> {
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| store::look(settings).map(drop).map_err(|error| error.to_string()));
        looking
            .join()
            .unwrap_or_else(|_| Err("looking at it met a defect".to_owned()))
    })
}

fn space(folder: &Path, findings: &mut Findings) {
    let check = "disk space";
    match nix::sys::statvfs::statvfs(folder) {
        Ok(disk) => {
            let free = disk.blocks_available() * disk.fragment_size();
            let found = format!("{} MiB free for {}", free / MIB, folder.display());
            let remedy = "make room; without, nodes keep their events, and not for ever";
            match free {
                ..TOO_LOW => findings.error(check, found, remedy),
                TOO_LOW..LOW => findings.warning(check, found, remedy),
                LOW.. => findings.ok(check, found),
            }
        }
        Err(error) => findings.warning(check, error.to_string(), "run this as root"),
    }
}

/// The daemon's own word: whether it runs, and whether it stores.
pub(super) fn page(listen: SocketAddr, findings: &mut Findings) {
    let check = "daemon";
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&listen, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        write!(
            stream,
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )?;
        let mut text = String::new();
        stream.take(64 << 10).read_to_string(&mut text)?;
        Ok(text)
    };
    match ask() {
        Ok(text) if text.starts_with("HTTP/1.1 200") => {
            findings.ok(check, format!("runs, and stores: {}", last(&text)))
        }
        Ok(text) => findings.error(
            check,
            format!("runs, and cannot store: {}", last(&text)),
            "its log says more: `journalctl -u hotline-supervisord`",
        ),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => findings.error(
            check,
            format!("nobody listens on {listen}"),
            "`systemctl start hotline-supervisord`, and `journalctl -u hotline-supervisord` says why not",
        ),
        Err(error) => findings.error(
            check,
            format!("{listen}: {error}"),
            "is it hung? `systemctl restart hotline-supervisord`",
        ),
    }
}

/// Whether the daemon has its name on the bus, and may be called.
pub(super) async fn bus(asked: &Bus, set: &Bus, findings: &mut Findings) {
    let check = "D-Bus";
    if *set == Bus::Off {
        return findings.ok(check, "off in the daemon's settings");
    }
    let start = "`systemctl start dbus`";
    let connected = tokio::time::timeout(PATIENCE, dbus::connect(asked, PATIENCE)).await;
    let connection = match connected {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return findings.error(check, format!("no bus {asked}: {error}"), start),
        Err(_) => return findings.error(check, format!("the bus {asked} does not answer"), start),
    };
    if asked != set {
        findings.warning(
            check,
            format!("the daemon's settings name the bus {set}, and this looks at {asked}"),
            "name the same with --bus",
        );
    }
    if *set == Bus::System && !POLICIES.iter().any(|policy| Path::new(policy).exists()) {
        findings.error(
            check,
            format!(
                "the bus has no policy for the daemon: {} is not there",
                POLICIES[0]
            ),
            "install hotline-supervisord anew, then `systemctl reload dbus`",
        );
    }
    let owner = connection
        .call_method(
            Some("org.freedesktop.DBus"),
            "/org/freedesktop/DBus",
            Some("org.freedesktop.DBus"),
            "NameHasOwner",
            &(NAME,),
        )
        .await
        .and_then(|reply| reply.body().deserialize::<bool>());
    match owner {
        Ok(true) => findings.ok(check, format!("{NAME} is there")),
        Ok(false) => findings.error(
            check,
            format!("nobody has the name {NAME}"),
            "start the daemon; if it runs, its log says why it may not have the name (the policy is read anew by `systemctl reload dbus`)",
        ),
        Err(error) => findings.error(check, error.to_string(), start),
    }
}
