//! Queues and agents as D-Bus shows them: plain values that can be compared, so that only changes are announced.

use zbus::Variant;

use crate::state::State;

/// Properties by name, in a fixed order.
pub(super) type Properties<'a> = Vec<(&'static str, Variant<'a>)>;

/// Something shown as an object.
pub(super) trait View: Clone + PartialEq {
    /// Its D-Bus interface.
    const INTERFACE: &'static str;

    /// All of its properties.
    fn properties(&self) -> Properties<'_>;

    /// Those that differ from before.
    fn changed<'a>(&'a self, before: &Self) -> Properties<'a> {
        let before = before.properties();
        self.properties()
            .into_iter()
            .zip(before)
            .filter(|(now, before)| now != before)
            .map(|(now, _)| now)
            .collect()
    }
}

/// Text as D-Bus can carry it: with a NUL in it, the bus would cut the connection.
pub(super) fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

macro_rules! view {
    ($(#[$doc:meta])* $view:ident, $interface:literal, { $($field:ident: $type:ty => $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Debug)]
        pub(super) struct $view { $(pub(super) $field: $type,)* }

        impl View for $view {
            const INTERFACE: &'static str = $interface;

            fn properties(&self) -> Properties<'_> {
                vec![$(($name, Variant::from(&self.$field)),)*]
            }
        }
    };
}

view! {
    /// A queue.
    QueueView, "net.hotline.Hotline1.Queue", {
        name: String => "Name",
        node: String => "Node",
        strategy: String => "Strategy",
        service_target: u64 => "ServiceTarget",
        max_waiting: u32 => "MaxWaiting",
        waiting: u32 => "Waiting",
        oldest_wait_start: u64 => "OldestWaitStart",
        agents_signed_in: u32 => "AgentsSignedIn",
        agents_ready: u32 => "AgentsReady",
        agents_on_call: u32 => "AgentsOnCall",
        calls_talking: u32 => "CallsTalking",
        door: String => "Door",
        estimated_wait: u64 => "EstimatedWait",
        callbacks_owed: u32 => "CallbacksOwed",
    }
}

view! {
    /// An agent.
    AgentView, "net.hotline.Hotline1.Agent", {
        number: String => "Number",
        name: String => "Name",
        node: String => "Node",
        phone: String => "Phone",
        phone_state: String => "PhoneState",
        state: String => "State",
        since: u64 => "Since",
        reason: String => "Reason",
        forced: bool => "Forced",
        forced_reason: String => "ForcedReason",
        forced_until: u64 => "ForcedUntil",
        forced_by: String => "ForcedBy",
        next_state: String => "NextState",
        owes_disposition: bool => "OwesDisposition",
        call: String => "Call",
        queues: Vec<String> => "Queues",
        levels: Vec<u8> => "Levels",
        skills: Vec<String> => "Skills",
    }
}

impl QueueView {
    pub(super) fn of(state: &State, node: &str, name: &str) -> Option<QueueView> {
        let queue = crate::views::QueueView::of(state, node, name)?;
        Some(QueueView {
            name: text(name),
            node: text(node),
            strategy: text(&queue.strategy),
            service_target: queue.service_target,
            max_waiting: queue.max_waiting,
            waiting: queue.waiting,
            oldest_wait_start: queue.oldest_wait_start.unwrap_or(0),
            agents_signed_in: queue.agents_signed_in,
            agents_ready: queue.agents_ready,
            agents_on_call: queue.agents_on_call,
            calls_talking: queue.calls_talking,
            door: queue.door.to_owned(),
            estimated_wait: queue.estimated_wait.unwrap_or(0),
            callbacks_owed: queue.callbacks_owed,
        })
    }
}

impl AgentView {
    pub(super) fn of(state: &State, node: &str, number: &str) -> Option<AgentView> {
        let agent = &state.nodes.get(node)?.agents.get(number)?.info;
        let forced = agent.forced.as_ref();
        Some(AgentView {
            number: text(&agent.number),
            name: text(&agent.name),
            node: text(node),
            phone: text(&agent.phone),
            phone_state: agent.phone_state.label().to_owned(),
            state: agent.state.label().to_owned(),
            since: agent.since,
            reason: text(&agent.reason),
            forced: forced.is_some(),
            forced_reason: forced.map_or_else(String::new, |forced| text(&forced.reason)),
            forced_until: forced.and_then(|forced| forced.until).unwrap_or(0),
            forced_by: forced.map_or_else(String::new, |forced| text(&forced.author)),
            next_state: agent
                .next
                .map_or_else(String::new, |next| next.label().to_owned()),
            owes_disposition: agent.owes_disposition,
            call: agent.call.as_deref().map_or_else(String::new, text),
            queues: agent.queues.iter().map(|member| text(&member.queue)).collect(),
            levels: agent.queues.iter().map(|member| member.level).collect(),
            skills: agent.skills.iter().map(|skill| text(skill)).collect(),
        })
    }
}
