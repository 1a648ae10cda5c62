//! The daemon: its store, its page, and its name on the bus.

use std::error::Error;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use reqwest::StatusCode;
use zbus::{Connection, OwnedVariant};

use super::{AS_ROOT, Findings, PATIENCE, last, may};
use crate::dbus::{self, NAME, ROOT};
use crate::settings::{Bus, HttpSettings, StoreSettings};
use crate::store;

const MIB: u64 = 1 << 20;
/// So much of an answer is read.
const MAX_PAGE: usize = 64 << 10;
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
        let folder_closed = may(&daemon, folder, 3).is_ok_and(|may| !may);
        // Its logs lie beside it; one of another user, such as of a copy, stops the daemon as well.
        let closed = ["", "-wal", "-shm"].iter().find_map(|end| {
            let mut name = settings.path.clone().into_os_string();
            name.push(end);
            let file = PathBuf::from(name);
            may(&daemon, &file, 6).is_ok_and(|may| !may).then_some(file)
        });
        if folder_closed || closed.is_some() {
            let file = closed.unwrap_or_else(|| folder.to_owned());
            findings.error(
                check,
                format!("the daemon's user {user} may not write {}", file.display()),
                format!("`chown -R {user}: {shown}*`, and the folder has to be writable for it"),
            );
        }
    }
    space(folder, findings);
    let file = match std::fs::metadata(&settings.path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return findings.warning(
                check,
                format!("{shown} is not there yet"),
                "the daemon makes it when it starts",
            );
        }
        Err(error) => return findings.warning(check, format!("{shown}: {error}"), AS_ROOT),
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
    // A sound store that this user may not read is no damaged one.
    if let Err(error) = std::fs::File::open(&settings.path)
        && error.kind() == ErrorKind::PermissionDenied
    {
        return findings.warning(check, format!("{shown} is not looked at: {error}"), AS_ROOT);
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
            if disk.flags().contains(nix::sys::statvfs::FsFlags::ST_RDONLY) {
                return findings.error(
                    check,
                    format!(
                        "{} is on a disk that is mounted for reading only",
                        folder.display()
                    ),
                    "`dmesg` may say why; then `mount -o remount,rw`",
                );
            }
            // Some file systems give none, and say so.
            if disk.files() > 0 && disk.files_available() == 0 {
                return findings.error(
                    check,
                    format!("no more files can be made in {}", folder.display()),
                    "`df -i` shows it; make room",
                );
            }
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
pub(super) async fn page(settings: &HttpSettings, findings: &mut Findings) {
    let check = "daemon";
    let listen = settings.listen;
    let hung = "is it hung? `systemctl restart hotline-supervisord`";
    let asked = tokio::time::timeout(PATIENCE, health(settings)).await;
    match asked {
        Ok(Ok((StatusCode::OK, text))) if text.starts_with("ok") => {
            findings.ok(check, format!("runs, and stores: {}", last(&text)));
        }
        Ok(Ok((StatusCode::SERVICE_UNAVAILABLE, text))) => findings.error(
            check,
            format!("runs, and cannot store: {}", last(&text)),
            "its log says more: `journalctl -u hotline-supervisord`",
        ),
        Ok(Ok((StatusCode::UNAUTHORIZED, _))) => findings.warning(
            check,
            format!("somebody answers on {listen}, and says to nobody without a token whether it stores"),
            format!(
                "ask {}/healthz with a token; see [http] probes",
                address(settings)
            ),
        ),
        Ok(Ok((status, _))) => findings.error(
            check,
            format!("{listen} answers {status}, as the daemon never does"),
            "another program has its port: `ss -ltnp`; give [http] listen another",
        ),
        Ok(Err(error)) if refuses(&error) => findings.error(
            check,
            format!("nobody listens on {listen}"),
            "`systemctl start hotline-supervisord`, and `journalctl -u hotline-supervisord` says why not",
        ),
        Ok(Err(error)) => findings.error(check, format!("{listen}: {}", deepest(&error)), hung),
        Err(_) => findings.error(
            check,
            format!("{listen} does not answer within {PATIENCE:?}"),
            hung,
        ),
    }
}

fn address(settings: &HttpSettings) -> String {
    let scheme = if settings.tls_cert.is_some() {
        "https"
    } else {
        "http"
    };
    format!("{scheme}://{}", settings.listen)
}

/// What the daemon says of its health.
async fn health(settings: &HttpSettings) -> reqwest::Result<(StatusCode, String)> {
    // Fails if another was installed before, which is as good.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        // It is asked by address, which its certificate need not have; and nothing is told to it.
        .danger_accept_invalid_certs(true)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()?;
    let mut answer = client
        .get(format!("{}/healthz", address(settings)))
        .send()
        .await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_PAGE {
            break;
        }
    }
    Ok((answer.status(), String::from_utf8_lossy(&bytes).into_owned()))
}

/// What is at the bottom of an error.
fn deepest<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    error.source().map_or(error, deepest)
}

fn refuses(error: &reqwest::Error) -> bool {
    let cause = deepest(error).downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == ErrorKind::ConnectionRefused)
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
        Ok(true) => version(&connection, findings).await,
        Ok(false) => findings.error(
            check,
            format!("nobody has the name {NAME}"),
            "start the daemon; if it runs, its log says why it may not have the name (the policy is read anew by `systemctl reload dbus`)",
        ),
        Err(error) => findings.error(check, error.to_string(), start),
    }
}

/// Whether who has the name answers, and is the daemon of this version.
async fn version(connection: &Connection, findings: &mut Findings) {
    let check = "D-Bus";
    let asked = connection.call_method(
        Some(NAME),
        ROOT,
        Some("org.freedesktop.DBus.Properties"),
        "Get",
        &("net.hotline.Hotline1.Manager", "Version"),
    );
    let told = tokio::time::timeout(PATIENCE, asked).await;
    let told = told.map(|reply| {
        let told = reply?.body().deserialize::<OwnedVariant>()?;
        String::try_from(told)
    });
    match told {
        Ok(Ok(version)) if version == env!("CARGO_PKG_VERSION") => {
            findings.ok(check, format!("{NAME} answers, version {version}"));
        }
        Ok(Ok(version)) => findings.warning(
            check,
            format!(
                "the daemon that runs is version {version}, this is {}",
                env!("CARGO_PKG_VERSION")
            ),
            "`systemctl restart hotline-supervisord`, or run the hotlinectl that came with it",
        ),
        Ok(Err(error)) => findings.error(
            check,
            format!("{NAME} does not answer: {error}"),
            "`systemctl restart hotline-supervisord`",
        ),
        Err(_) => findings.error(
            check,
            format!("{NAME} does not answer within {PATIENCE:?}"),
            "`systemctl restart hotline-supervisord`",
        ),
    }
}
