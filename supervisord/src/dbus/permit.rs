//! Who may do what over D-Bus: polkit decides, and where there is none the caller's groups. Nothing is ever let
//! through because the question could not be answered.
//!
//! [`Right`] is what a command needs, a table that reads as the policy. [`Decider`] is who decides. Whom that lets through may still be refused by [`authority`](crate::authority), which knows roles and teams.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hotline_wire::Command;
use hotline_wire::blacklist::ListOrder;
use hotline_wire::command::{Destination, ToIvr};
use hotline_wire::event::MonitorMode;
use zbus::{Connection, Variant};

use super::error::error_name;
use crate::settings::{self, DbusSettings, Groups};

const POLKIT: &str = "org.freedesktop.PolicyKit1";
const POLKIT_PATH: &str = "/org/freedesktop/PolicyKit1/Authority";
const POLKIT_AUTHORITY: &str = "org.freedesktop.PolicyKit1.Authority";
/// polkit may ask the user.
const MAY_ASK: u32 = 1;
/// Questions that one user may have open at once: whoever is asked for a password shall not keep others waiting.
const OPEN_QUESTIONS: usize = 16;

/// What somebody may be allowed to do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Right {
    /// See calls, callbacks and decisions.
    View,
    /// Listen to conversations.
    Monitor,
    /// Move agents, calls and queues.
    Supervise,
    /// Force states, speak in conversations, take them over, end them.
    Force,
    /// See and change the blacklist, which has whole numbers.
    Blacklist,
    /// Write files on the PBX's machine, read settings again, forget what stood.
    Administer,
}

impl Right {
    /// All of them.
    pub const ALL: &[Right] = &[
        Right::View,
        Right::Monitor,
        Right::Supervise,
        Right::Force,
        Right::Blacklist,
        Right::Administer,
    ];

    /// The action's name for polkit.
    pub fn action(self) -> &'static str {
        match self {
            Right::View => "net.hotline.hotline1.view",
            Right::Monitor => "net.hotline.hotline1.monitor",
            Right::Supervise => "net.hotline.hotline1.supervise",
            Right::Force => "net.hotline.hotline1.force",
            Right::Blacklist => "net.hotline.hotline1.blacklist",
            Right::Administer => "net.hotline.hotline1.administer",
        }
    }

    /// What a command needs.
    pub fn of(command: &Command) -> Right {
        match command {
            Command::WhyCall { .. } | Command::WhyNot { .. } | Command::Fairness | Command::ConfigDiff => {
                Right::View
            }
            Command::Monitor {
                mode: MonitorMode::Listen,
                ..
            }
            | Command::StopMonitor { .. } => Right::Monitor,
            Command::SignIn { .. }
            | Command::SignOut { .. }
            | Command::SetReady { .. }
            | Command::SetNotReady { .. }
            | Command::ExtendWrapUp { .. }
            | Command::Dispose { .. }
            | Command::Hold { .. }
            | Command::Retrieve { .. }
            | Command::Mute { .. }
            | Command::Unmute { .. }
            | Command::Survey { .. }
            | Command::Consult { .. }
            | Command::Consultation { .. }
            | Command::Record { .. }
            | Command::SetMembership { .. }
            | Command::SetSkill { .. }
            | Command::SetDoor { .. }
            | Command::Reprioritise { .. }
            | Command::MoveCall { .. }
            | Command::Withdraw { .. }
            | Command::SignInSupervisor { .. }
            | Command::SignOutSupervisor { .. }
            | Command::CancelCallback { .. } => Right::Supervise,
            Command::Ivr { to, .. } => match to {
                ToIvr::Named { .. } => Right::Supervise,
                // Any place of the dialplan.
                ToIvr::Place { .. } => Right::Force,
            },
            Command::Transfer { to, .. } => match to {
                Destination::Queue { .. } | Destination::Agent { .. } | Destination::Number { .. } => {
                    Right::Supervise
                }
                // Any place of the dialplan.
                Destination::Place { .. } => Right::Force,
            },
            Command::ForceBusy { .. }
            | Command::ForceIdle { .. }
            | Command::ForceSignOut { .. }
            | Command::Monitor { .. }
            | Command::Disconnect { .. } => Right::Force,
            // It names any file of the PBX's machine.
            Command::Blacklist(ListOrder::Import { .. } | ListOrder::Export { .. }) => Right::Administer,
            Command::Blacklist(_) => Right::Blacklist,
            Command::ConfigSave { .. } | Command::ConfigForget { .. } | Command::Reload => Right::Administer,
        }
    }
}

/// Who asks, as the bus tells it.
#[derive(Clone, Debug)]
pub struct Asker {
    /// The connection's unique name.
    pub sender: String,
    /// The user.
    pub uid: u32,
    /// The process's groups; absent where the bus does not tell.
    pub groups: Option<Vec<u32>>,
    /// The user's name.
    pub name: String,
    /// Whether the user may be asked for a password.
    pub interactive: bool,
}

/// Why something is not allowed, for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Denied(pub String);

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an authority says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Yes.
    Allowed,
    /// No, or no answer was to be had.
    Denied(Denied),
    /// It is not on this machine, so another may decide.
    Absent,
}

/// Who decides.
pub trait Decider {
    /// Whether `asker` has `right`.
    fn decide(&self, asker: &Asker, right: Right) -> impl Future<Output = Verdict> + Send;
}

/// Decides in the order of the settings, and bounds the questions that are open.
#[derive(Debug)]
pub struct Gate {
    settings: DbusSettings,
    patience: Duration,
    open: Mutex<HashMap<u32, usize>>,
    asked: AtomicU64,
}

impl Gate {
    /// As the settings say; polkit is given up after `patience`.
    pub fn new(settings: DbusSettings, patience: Duration) -> Gate {
        Gate {
            settings,
            patience,
            open: Mutex::default(),
            asked: AtomicU64::new(0),
        }
    }

    /// Lets somebody through, or not.
    ///
    /// # Errors
    /// Why not, with the remedy.
    pub async fn pass(&self, connection: &Connection, asker: &Asker, right: Right) -> Result<(), Denied> {
        // Whoever is root or the daemon itself has its store and the nodes' sockets anyway.
        if asker.uid == 0 || asker.uid == nix::unistd::geteuid().as_raw() {
            return Ok(());
        }
        let Some(_open) = Question::open(&self.open, asker.uid) else {
            return Err(Denied(format!(
                "{} has {OPEN_QUESTIONS} requests waiting for a decision; try again",
                asker.name
            )));
        };
        let polkit = Polkit {
            connection,
            patience: self.patience,
            number: self.asked.fetch_add(1, Ordering::Relaxed),
        };
        let verdict = match self.settings.authority {
            settings::Decider::Auto => match polkit.decide(asker, right).await {
                Verdict::Absent => self.settings.groups.decide(asker, right).await,
                verdict => verdict,
            },
            settings::Decider::Polkit => polkit.decide(asker, right).await,
            settings::Decider::Groups => self.settings.groups.decide(asker, right).await,
        };
        match verdict {
            Verdict::Allowed => Ok(()),
            Verdict::Denied(denied) => Err(denied),
            Verdict::Absent => Err(Denied(
                "polkit is not on the bus, and [dbus] authority lets nobody else decide; start polkit"
                    .to_owned(),
            )),
        }
    }
}

/// A question that is open, counted until it is dropped.
struct Question<'a> {
    open: &'a Mutex<HashMap<u32, usize>>,
    uid: u32,
}

impl<'a> Question<'a> {
    fn open(open: &'a Mutex<HashMap<u32, usize>>, uid: u32) -> Option<Question<'a>> {
        let mut counts = open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(uid).or_default();
        if *count >= OPEN_QUESTIONS {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Question { open, uid })
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        let mut counts = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = counts.entry(self.uid) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

struct Polkit<'a> {
    connection: &'a Connection,
    patience: Duration,
    number: u64,
}

impl Polkit<'_> {
    /// Whether the bus itself says that nobody has polkit's name. In doubt it is there.
    async fn is_absent(&self) -> bool {
        let asked = self.connection.call_method(
            Some("org.freedesktop.DBus"),
            "/org/freedesktop/DBus",
            Some("org.freedesktop.DBus"),
            "NameHasOwner",
            &(POLKIT,),
        );
        match tokio::time::timeout(self.patience, asked).await {
            Ok(Ok(reply)) => reply.body().deserialize::<bool>().is_ok_and(|owned| !owned),
            Ok(Err(_)) | Err(_) => false,
        }
    }
}

impl Decider for Polkit<'_> {
    async fn decide(&self, asker: &Asker, right: Right) -> Verdict {
        let action = right.action();
        let cancel = format!("hotline-{}", self.number);
        let subject = HashMap::from([("name", Variant::from(asker.sender.as_str()))]);
        let body = (
            ("system-bus-name", subject),
            action,
            HashMap::<&str, &str>::new(),
            if asker.interactive { MAY_ASK } else { 0 },
            cancel.as_str(),
        );
        let asked = self.connection.call_method(
            Some(POLKIT),
            POLKIT_PATH,
            Some(POLKIT_AUTHORITY),
            "CheckAuthorization",
            &body,
        );
        let no_answer = |why: String| {
            Verdict::Denied(Denied(format!(
                "{} is refused {action}, as polkit did not decide: {why}; see `systemctl status polkit`",
                asker.name
            )))
        };
        let reply = match tokio::time::timeout(self.patience, asked).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => {
                // What polkit itself could not find, such as an asker who has left the bus since, has names like these, too.
                let unknown =
                    error_name(&error).as_deref() == Some("org.freedesktop.DBus.Error.ServiceUnknown");
                return match unknown && self.is_absent().await {
                    true => Verdict::Absent,
                    false => no_answer(error.to_string()),
                };
            }
            Err(_) => {
                // Nobody is to be asked for a password in vain. If this fails too, polkit is as hung as before.
                let which = (cancel.as_str(),);
                let cancelled = self.connection.call_method(
                    Some(POLKIT),
                    POLKIT_PATH,
                    Some(POLKIT_AUTHORITY),
                    "CancelCheckAuthorization",
                    &which,
                );
                let _ = tokio::time::timeout(Duration::from_millis(100), cancelled).await;
                return no_answer(format!("no answer within {:?}", self.patience));
            }
        };
        let answer: (bool, bool, HashMap<String, String>) = match reply.body().deserialize() {
            Ok(answer) => answer,
            Err(error) => return no_answer(format!("an answer that is none: {error}")),
        };
        match answer {
            (true, _, _) => Verdict::Allowed,
            (false, true, _) => Verdict::Denied(Denied(format!(
                "{} must authenticate for {action}, and nobody could be asked; do it as root, from a desktop, or as a \
                 member of the group hotline-supervisors",
                asker.name
            ))),
            (false, false, _) => Verdict::Denied(Denied(format!(
                "polkit does not allow {} {action}; members of the group hotline-supervisors may do most of it, and rules in \
                 /etc/polkit-1/rules.d say more",
                asker.name
            ))),
        }
    }
}

impl Groups {
    /// The groups whose members have a right.
    fn with(&self, right: Right) -> Vec<&str> {
        let roles: &[&Vec<String>] = match right {
            Right::View => &[
                &self.viewer,
                &self.inspector,
                &self.supervisor,
                &self.administrator,
            ],
            Right::Monitor => &[&self.inspector, &self.supervisor, &self.administrator],
            Right::Supervise | Right::Force | Right::Blacklist => &[&self.supervisor, &self.administrator],
            Right::Administer => &[&self.administrator],
        };
        roles
            .iter()
            .flat_map(|groups| groups.iter().map(String::as_str))
            .collect()
    }
}

impl Decider for Groups {
    async fn decide(&self, asker: &Asker, right: Right) -> Verdict {
        let deny = |why: String| Verdict::Denied(Denied(why));
        let Some(groups) = &asker.groups else {
            return deny(format!(
                "the bus does not tell the groups of {}, so only polkit could decide",
                asker.name
            ));
        };
        let names: Vec<String> = self.with(right).into_iter().map(str::to_owned).collect();
        if names.is_empty() {
            return deny(format!(
                "{} may not do this: only root may, as [dbus.groups] names no group for {}",
                asker.name,
                right.action()
            ));
        }
        let wanted = names.clone();
        // The system's list of groups may be on another machine.
        let ids = tokio::task::spawn_blocking(move || {
            wanted
                .iter()
                .map(|name| nix::unistd::Group::from_name(name))
                .collect::<Result<Vec<_>, _>>()
        });
        let found = match ids.await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return deny(format!("groups cannot be looked up: {error}")),
            Err(error) => return deny(format!("groups cannot be looked up: {error}")),
        };
        if found
            .iter()
            .flatten()
            .any(|group| groups.contains(&group.gid.as_raw()))
        {
            return Verdict::Allowed;
        }
        deny(format!(
            "{} may not do this: only root and members of the group {} may ({}); who was added to it signs in anew",
            asker.name,
            names.join(" or "),
            right.action()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(groups: Option<Vec<u32>>) -> Asker {
        Asker {
            sender: ":1.7".into(),
            uid: 4711,
            groups,
            name: "anna".into(),
            interactive: false,
        }
    }

    #[tokio::test]
    async fn groups_give_rights_by_role_and_nothing_else_does() {
        let groups = Groups {
            viewer: vec!["tty".into()],
            inspector: vec!["disk".into()],
            supervisor: vec!["mail".into()],
            administrator: vec!["root".into()],
        };
        let id = |name: &str| nix::unistd::Group::from_name(name).unwrap().unwrap().gid.as_raw();
        let rights = [("tty", 1), ("disk", 2), ("mail", 5), ("root", 6), ("games", 0)];
        for (member, count) in rights {
            let mut allowed = 0;
            for right in Right::ALL {
                let verdict = groups.decide(&asker(Some(vec![id(member)])), *right).await;
                allowed += usize::from(verdict == Verdict::Allowed);
            }
            assert_eq!(allowed, count, "{member}");
        }
        for unknown in [asker(None), asker(Some(Vec::new()))] {
            let verdict = groups.decide(&unknown, Right::View).await;
            assert!(matches!(verdict, Verdict::Denied(_)));
        }
        let unknown = Groups {
            supervisor: vec!["no-such-group".into()],
            ..Groups::default()
        };
        let verdict = unknown.decide(&asker(Some(vec![0])), Right::Force).await;
        assert!(matches!(verdict, Verdict::Denied(_)));
    }

    #[test]
    fn actions_are_those_of_the_policy_that_is_shipped() {
        let policy = include_str!("../../../packaging/polkit/net.hotline.hotline1.policy");
        let shipped: Vec<&str> = policy
            .lines()
            .filter_map(|line| line.trim().strip_prefix("<action id=\"")?.strip_suffix("\">"))
            .collect();
        let ours: Vec<&str> = Right::ALL.iter().map(|right| right.action()).collect();
        assert_eq!(shipped, ours);
    }

    #[test]
    fn open_questions_are_bounded_by_user_and_forgotten() {
        let open = Mutex::default();
        let mine: Vec<_> = (0..OPEN_QUESTIONS)
            .map(|_| Question::open(&open, 1).unwrap())
            .collect();
        assert!(Question::open(&open, 1).is_none());
        assert!(Question::open(&open, 2).is_some());
        drop(mine);
        assert!(open.lock().unwrap().is_empty());
    }
}
