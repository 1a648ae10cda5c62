//! Typed identities. An id is meaningful inside one engine (one boot of one node) only; the world outside
//! sees names, agent numbers and call references that carry node and boot.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($repr:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub $repr);
    };
}

id!(
    /// A queue: its place in the engine's table. Stable over reloads; a removed queue keeps its place.
    QueueId(u32)
);
id!(
    /// An agent: its place in the engine's table. Stable over reloads; a removed agent keeps its place.
    AgentId(u32)
);
id!(
    /// A caller tier: its place in the engine's table, at first that of
    /// [`Config::tiers`](crate::config::Config::tiers). Stable over reloads; a removed tier keeps its place.
    TierId(u8)
);
id!(
    /// A call, from joining to its end. The host numbers calls from 1 and never reuses a number in a boot.
    CallId(u64)
);
id!(
    /// One attempt to bring one call to one agent. The engine numbers offers from 1.
    OfferId(u64)
);
id!(
    /// A supervisor: its place in the engine's table. Stable over reloads; a removed supervisor keeps its place.
    SupervisorId(u32)
);
id!(
    /// A supervisor listening to an agent, from the wish to its end. The host numbers them from 1 and never reuses a number
    /// in a boot.
    MonitorId(u64)
);
id!(
    /// A recording of a conversation. The engine numbers them from 1 and never reuses a number in a boot.
    RecordingId(u64)
);
id!(
    /// A command somebody waits for. The host numbers commands from 1.
    CommandId(u64)
);
