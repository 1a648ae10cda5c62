//! A node: its socket, who may open it, what it speaks, and its clock.

use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use hotline_wire::{FromClient, FromNode, MAX_LINE, PROTOCOL, line};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::{Findings, PATIENCE, may};

/// A node's clock that is off by so much is said, in microseconds.
const SKEW: u64 = 2_000_000;
/// So much of the end of a log is read.
const LOG_TAIL: u64 = 1 << 20;

/// The node's name, if it said it.
pub(super) async fn look(socket: &Path, user: &str, log: &Path, findings: &mut Findings) -> Option<String> {
    let mut name = None;
    ask(socket, user, log, &mut name, findings).await;
    name
}

async fn ask(socket: &Path, user: &str, log: &Path, name: &mut Option<String>, findings: &mut Findings) {
    let check = format!("node {}", socket.display());
    let found = match std::fs::metadata(socket) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return findings.error(
                &check,
                "this user may not look into its folder",
                "run this as root, or as a member of the group hotline",
            );
        }
        Err(_) => {
            let (found, remedy) = why_absent(log);
            return findings.error(&check, found, remedy);
        }
    };
    if !found.file_type().is_socket() {
        return findings.error(
            &check,
            "is no socket",
            "correct [[node]] socket in supervisord.toml",
        );
    }
    rights(socket, found.permissions().mode(), user, &check, findings);
    let connected = tokio::time::timeout(PATIENCE, UnixStream::connect(socket)).await;
    let stream = match connected {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => {
            let (found, remedy) = why_absent(log);
            return findings.error(&check, format!("nobody listens any more: {found}"), remedy);
        }
        Ok(Err(error)) => {
            return findings.error(
                &check,
                error.to_string(),
                "run this as root, or as a member of the group hotline",
            );
        }
        Err(_) => {
            return findings.error(
                &check,
                "takes no connection",
                "is the PBX hung? `asterisk -rx 'core show uptime'`",
            );
        }
    };
    match tokio::time::timeout(PATIENCE, talk(stream, &check, name, findings)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => findings.error(&check, error, "look into the PBX's log"),
        Err(_) => findings.error(
            &check,
            format!("says nothing within {PATIENCE:?}"),
            "is the PBX hung? `asterisk -rx 'hotline show status'`",
        ),
    }
}

/// Who may open the socket: the daemon must, everybody need not.
fn rights(socket: &Path, mode: u32, user: &str, check: &str, findings: &mut Findings) {
    if mode & 0o002 != 0 {
        findings.warning(
            check,
            format!(
                "everybody on this machine may act through it (mode {:o})",
                mode & 0o777
            ),
            "[control] mode = \"0660\" in hotline.toml",
        );
    }
    let daemon = match nix::unistd::User::from_name(user) {
        Ok(Some(daemon)) => daemon,
        Ok(None) | Err(_) => {
            return findings.warning(
                check,
                format!("there is no user {user}, so who may open the socket is not looked at"),
                "install hotline-supervisord, or name its user with --user",
            );
        }
    };
    let folder = socket.parent().unwrap_or(socket);
    if !may(&daemon, socket, 2).unwrap_or(true) {
        findings.error(
            check,
            format!("the daemon's user {user} may not open it"),
            format!(
                "`systemd-tmpfiles --create hotline-asterisk.conf` gives {} to the group hotline; then start the PBX anew, and see \
                 [control] mode in hotline.toml",
                folder.display()
            ),
        );
    }
}

/// A socket is not there because the PBX or the module is not; the PBX's log may know more.
fn why_absent(log: &Path) -> (String, String) {
    let tail = tail(log);
    let refused = |line: &&str| line.contains("app_hotline") && line.contains("compile-time options");
    if let Some(line) = tail.lines().rev().find(refused) {
        return (
            format!("the PBX refuses the module, which was built for another Asterisk: {}", line.trim()),
            "install the hotline-asterisk that was built for this Asterisk (its package depends on asterisk-abi-…)".to_owned(),
        );
    }
    (
        "it is not there: the PBX does not run, or has not loaded the module".to_owned(),
        "`systemctl start asterisk`, then `asterisk -rx 'module load app_hotline.so'`; its log says why not"
            .to_owned(),
    )
}

fn tail(log: &Path) -> String {
    use std::io::{Read, Seek, SeekFrom};
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(log)?;
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(LOG_TAIL)))?;
        let mut bytes = Vec::new();
        file.take(LOG_TAIL).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    // Without a log the other findings have to do.
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

async fn talk(
    stream: UnixStream,
    check: &str,
    name: &mut Option<String>,
    findings: &mut Findings,
) -> Result<(), String> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let hello = FromClient::Hello {
        protocol: PROTOCOL,
        client: "hotlinectl doctor".to_owned(),
        resume: None,
        durable: false,
    };
    let hello = line::encode(&hello).map_err(|error| error.to_string())?;
    write.write_all(&hello).await.map_err(|error| error.to_string())?;
    let other = |found: String| {
        (
            found,
            "upgrade the older of module and daemon, so that both have the same version",
        )
    };
    let node = match next(&mut read).await? {
        FromNode::Hello(node) if node.protocol == PROTOCOL => node,
        FromNode::Hello(node) => {
            let (found, remedy) = other(format!(
                "it speaks protocol {} ({}), this version {PROTOCOL}",
                node.protocol, node.version
            ));
            findings.error(check, found, remedy);
            return Ok(());
        }
        FromNode::Error { message } => {
            let (found, remedy) = other(message);
            findings.error(check, found, remedy);
            return Ok(());
        }
        _ => return Err("it does not begin with who it is".to_owned()),
    };
    *name = Some(node.node.clone());
    findings.ok(
        check,
        format!(
            "{}: {}, module {}, protocol {PROTOCOL}",
            node.node, node.pbx, node.version
        ),
    );
    // It says the time with every heartbeat, one every 2 s.
    loop {
        if let FromNode::Heartbeat { at, .. } = next(&mut read).await? {
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_micros() as u64;
            let off = now.abs_diff(at);
            if off > SKEW {
                findings.warning(
                    &format!("clock of {}", node.node),
                    format!("it is {} s off this machine's: that was set while the module ran", off / 1_000_000),
                    "`asterisk -rx 'module unload app_hotline.so'` and load it when nobody is in a call; keep the clock with NTP",
                );
            } else {
                findings.ok(&format!("clock of {}", node.node), "agrees with this machine's");
            }
            return Ok(());
        }
    }
}

async fn next(read: &mut (impl AsyncBufReadExt + Unpin)) -> Result<FromNode, String> {
    let mut bytes = Vec::new();
    let most = MAX_LINE as u64 + 1;
    let size = (&mut *read).take(most).read_until(b'\n', &mut bytes).await;
    match size {
        Ok(0) => Err("it hangs up".to_owned()),
        Ok(_) => serde_json::from_slice(&bytes).map_err(|error| format!("it says what is no frame: {error}")),
        Err(error) => Err(error.to_string()),
    }
}
