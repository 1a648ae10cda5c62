//! Asking a node in the name of whoever sent a message, and what comes of it.

use std::collections::HashMap;
use std::ffi::CString;

use hotline_wire::command::MAX_TEXT;
use hotline_wire::{Command, Outcome};
use nix::unistd::{Group, User};
use zbus::message::{Flags, Header};
use zbus::{Connection, OwnedVariant};

use super::error::CallError;
use super::permit::{Asker, Right};
use super::views;
use crate::authority::Actor;
use crate::shared::{CommandError, Shared};

/// Asks the node: `done`, or `pending`.
pub(super) async fn done(
    shared: &Shared,
    node: &str,
    connection: &Connection,
    header: &Header<'_>,
    command: Command,
) -> Result<String, CallError> {
    match ask(shared, node, connection, header, command).await? {
        // Told is the answer to a question, and none was asked.
        Outcome::Done | Outcome::Told { .. } | Outcome::Listed { .. } => Ok("done".to_owned()),
        Outcome::Pending => Ok("pending".to_owned()),
        Outcome::Refused { reason, message } => Err(CallError::refused(reason, message)),
    }
}

/// Asks the node a question: line by line.
pub(super) async fn told(
    shared: &Shared,
    node: &str,
    connection: &Connection,
    header: &Header<'_>,
    command: Command,
) -> Result<Vec<String>, CallError> {
    match ask(shared, node, connection, header, command).await? {
        Outcome::Told { lines } => Ok(lines.iter().map(|line| views::text(line)).collect()),
        Outcome::Done | Outcome::Pending | Outcome::Listed { .. } => Ok(Vec::new()),
        Outcome::Refused { reason, message } => Err(CallError::refused(reason, message)),
    }
}

pub(super) async fn ask(
    shared: &Shared,
    node: &str,
    connection: &Connection,
    header: &Header<'_>,
    command: Command,
) -> Result<Outcome, CallError> {
    let actor = actor(shared, connection, header, Right::of(&command)).await?;
    Ok(shared.ask(&actor, node, command).await?)
}

/// Who asks, once the bus's authority lets it; what it may do to whom, `authority` says.
pub(super) async fn actor(
    shared: &Shared,
    connection: &Connection,
    header: &Header<'_>,
    right: Right,
) -> Result<Actor, CallError> {
    let asker = permitted(shared, connection, header, right).await?;
    actor_of(shared, asker).await
}

/// Who looks at what everybody may call for; what it sees of that, `authority` says.
pub(super) async fn onlooker(
    shared: &Shared,
    connection: &Connection,
    header: &Header<'_>,
) -> Result<Actor, CallError> {
    let asker = asker(connection, header).await?;
    actor_of(shared, asker).await
}

async fn actor_of(shared: &Shared, asker: Asker) -> Result<Actor, CallError> {
    let groups = tokio::task::spawn_blocking({
        let (name, uid) = (asker.name.clone(), asker.uid);
        move || groups_of(&name, uid)
    });
    let groups = groups
        .await
        .map_err(CallError::unknown_sender)?
        .map_err(CallError::unknown_sender)?;
    let actor = shared.authority.unix_user(&asker.name, &groups);
    Ok(actor.map_err(CommandError::Denied)?)
}

/// Who asks, once they may.
pub(super) async fn permitted(
    shared: &Shared,
    connection: &Connection,
    header: &Header<'_>,
    right: Right,
) -> Result<Asker, CallError> {
    let asker = asker(connection, header).await?;
    shared
        .gate
        .pass(connection, &asker, right)
        .await
        .map_err(CallError::denied)?;
    Ok(asker)
}

/// Who asks. Told by the bus, not by the sender.
async fn asker(connection: &Connection, header: &Header<'_>) -> Result<Asker, CallError> {
    let sender = header
        .sender()
        .ok_or_else(|| CallError::unknown_sender("the message has no sender"))?;
    let reply = connection
        .call_method(
            Some("org.freedesktop.DBus"),
            "/org/freedesktop/DBus",
            Some("org.freedesktop.DBus"),
            "GetConnectionCredentials",
            &(sender,),
        )
        .await
        .map_err(CallError::unknown_sender)?;
    let mut told: HashMap<String, OwnedVariant> =
        reply.body().deserialize().map_err(CallError::unknown_sender)?;
    let uid = told
        .remove("UnixUserID")
        .ok_or_else(|| CallError::unknown_sender("the bus does not tell the user"))?;
    let uid = u32::try_from(uid).map_err(CallError::unknown_sender)?;
    let groups = told
        .remove("UnixGroupIDs")
        .map(Vec::<u32>::try_from)
        .transpose()
        .map_err(CallError::unknown_sender)?;
    let user = tokio::task::spawn_blocking(move || User::from_uid(uid.into())).await;
    match user
        .map_err(CallError::unknown_sender)?
        .map_err(CallError::unknown_sender)?
    {
        Some(user) => Ok(Asker {
            sender: sender.to_string(),
            uid,
            groups,
            name: user.name,
            interactive: header.primary().flags().contains(Flags::ALLOW_INTERACTIVE_AUTH),
        }),
        None => Err(CallError::unknown_sender(format!(
            "user id {uid} has no name on this system"
        ))),
    }
}

/// The groups that a user is in, by name.
fn groups_of(name: &str, uid: u32) -> nix::Result<Vec<String>> {
    let Some(user) = User::from_uid(uid.into())? else {
        return Ok(Vec::new());
    };
    let name = CString::new(name).map_err(|_| nix::Error::EINVAL)?;
    let mut groups = Vec::new();
    for gid in nix::unistd::getgrouplist(&name, user.gid)? {
        groups.extend(Group::from_gid(gid)?.map(|group| group.name));
    }
    Ok(groups)
}

/// One of some words.
pub(super) fn named<T: Copy>(
    what: &str,
    text: &str,
    all: &[T],
    label: fn(T) -> &'static str,
) -> Result<T, CallError> {
    let known = all.iter().copied().find(|known| label(*known) == text);
    known.ok_or_else(|| {
        let words: Vec<&str> = all.iter().map(|known| label(*known)).collect();
        CallError::invalid(format!(
            "{what} must be one of {}, not {text:?}",
            words.join(", ")
        ))
    })
}

/// A text that a node takes.
pub(super) fn text(what: &str, text: String) -> Result<String, CallError> {
    if text.len() > MAX_TEXT {
        return Err(CallError::invalid(format!(
            "{what} is longer than {MAX_TEXT} bytes"
        )));
    }
    Ok(text)
}
