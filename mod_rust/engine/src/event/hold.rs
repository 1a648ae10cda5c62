//! What becomes of a hold that is to end by itself.

/// How far it is with retrieving a caller from hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RetrieveResult {
    /// The agent's phone was asked to. One of the others follows, unless the call ends before.
    Asked,
    /// The hold ended within the time the phone had, by the phone or by the agent.
    Retrieved,
    /// The hold goes on. It is not tried again before the next one.
    Failed(RetrieveFailure),
}

/// Why a caller was not retrieved.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RetrieveFailure {
    /// The phone did not do it in time.
    Ignored,
    /// The agent is not reached by a SIP phone of the PBX itself, so there is nothing to be asked.
    NoSipPhone,
    /// The PBX could not ask.
    NotSent,
    /// The agent talks with a third party meanwhile.
    Consulting,
    /// The phone does not announce that it understands the event, and only those are asked that do.
    NotAnnounced,
}
