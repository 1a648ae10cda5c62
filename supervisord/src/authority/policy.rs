//! The policy: what each role may do, and to whom.

use Reach::{Any, Never, Own, Teams};

use super::Role;

/// A kind of thing that somebody does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deed {
    /// Sees queues, agents and calls as they are.
    Look,
    /// Sees callers' whole numbers; others see the last four digits.
    SeeNumbers,
    /// Asks why a call was offered to whom it was, and why an agent is offered none.
    Explain,
    /// Signs in and out, is ready or not, makes after-call work longer, says what calls were about; holds, mutes, records and sends on the caller.
    Work,
    /// Locks an agent, frees it, signs it out.
    Force,
    /// Changes an agent's queues, levels and skills.
    Staff,
    /// Opens and closes a queue.
    Door,
    /// Puts a waiting call elsewhere, takes it out, makes it worth more; sends an agent's caller to any place of the dialplan;
    /// forgets a callback.
    Steer,
    /// Listens to a conversation unheard, and stops listening.
    Listen,
    /// Whispers, barges in, takes over, disconnects.
    Intervene,
    /// Searches the blacklist, with whole numbers.
    ReadBlacklist,
    /// Adds, removes and keeps entries.
    ChangeBlacklist,
    /// Has a node read and write files of the blacklist.
    BlacklistFiles,
    /// Sees what lies over a node's settings, and how fair they are.
    ReadSettings,
    /// Has a node write a copy of its settings, forget what they have no place for, or read them again.
    ChangeSettings,
    /// Takes care of alarms.
    Acknowledge,
    /// Reads reports.
    ReadReports,
    /// Reads the audit record.
    ReadAudit,
    /// Erases a caller's number, and makes records anew.
    KeepStore,
}

/// How far a role reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// Not at all.
    Never,
    /// To the agent that it is, and that agent's call.
    Own,
    /// To agents, queues and calls of its teams; to a whole node if that is all teams. As a supervisor, under its own number.
    Teams,
    /// To everything.
    Any,
}

/// The policy. Columns: viewer, agent, inspector, supervisor, administrator.
#[rustfmt::skip]
pub const TABLE: [(Deed, [Reach; 5]); 19] = [
    (Deed::Look,            [Teams, Own,   Teams, Teams, Any]),
    (Deed::SeeNumbers,      [Never, Own,   Never, Teams, Any]),
    (Deed::Explain,         [Never, Own,   Teams, Teams, Any]),
    (Deed::Work,            [Never, Own,   Never, Teams, Any]),
    (Deed::Force,           [Never, Never, Never, Teams, Any]),
    (Deed::Staff,           [Never, Never, Never, Teams, Any]),
    (Deed::Door,            [Never, Never, Never, Teams, Any]),
    (Deed::Steer,           [Never, Never, Never, Teams, Any]),
    (Deed::Listen,          [Never, Never, Teams, Teams, Any]),
    (Deed::Intervene,       [Never, Never, Never, Teams, Any]),
    (Deed::ReadBlacklist,   [Never, Never, Never, Any,   Any]),
    (Deed::ChangeBlacklist, [Never, Never, Never, Any,   Any]),
    (Deed::BlacklistFiles,  [Never, Never, Never, Never, Any]),
    (Deed::ReadSettings,    [Never, Never, Never, Any,   Any]),
    (Deed::ChangeSettings,  [Never, Never, Never, Never, Any]),
    (Deed::Acknowledge,     [Never, Never, Teams, Teams, Any]),
    (Deed::ReadReports,     [Never, Own,   Teams, Teams, Any]),
    (Deed::ReadAudit,       [Never, Never, Never, Never, Any]),
    (Deed::KeepStore,       [Never, Never, Never, Never, Any]),
];

/// How far a role reaches with a deed. What is not in the table, nobody may.
pub fn reach(deed: Deed, role: Role) -> Reach {
    let row = TABLE.iter().find(|(known, _)| *known == deed);
    let columns = Role::ALL
        .into_iter()
        .zip(row.map_or([Never; 5], |(_, reach)| *reach));
    columns
        .into_iter()
        .find(|(column, _)| *column == role)
        .map_or(Never, |(_, reach)| reach)
}

impl Deed {
    /// For people, behind "may".
    pub fn label(self) -> &'static str {
        match self {
            Deed::Look => "look",
            Deed::SeeNumbers => "see whole numbers",
            Deed::Explain => "ask why",
            Deed::Work => "act for an agent",
            Deed::Force => "force an agent's state",
            Deed::Staff => "change an agent's queues and skills",
            Deed::Door => "open and close queues",
            Deed::Steer => "send calls elsewhere and change callbacks",
            Deed::Listen => "listen",
            Deed::Intervene => "whisper, barge in, take over and disconnect",
            Deed::ReadBlacklist => "search the blacklist",
            Deed::ChangeBlacklist => "change the blacklist",
            Deed::BlacklistFiles => "use files of the blacklist",
            Deed::ReadSettings => "see what lies over the settings",
            Deed::ChangeSettings => "have settings written, forgotten or read again",
            Deed::Acknowledge => "take care of alarms",
            Deed::ReadReports => "read reports",
            Deed::ReadAudit => "read the audit record",
            Deed::KeepStore => "erase numbers and make records anew",
        }
    }
}
