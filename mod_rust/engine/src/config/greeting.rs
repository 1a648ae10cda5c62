//! What caller and agent hear before they hear each other.

/// Said when the agent has answered: to the caller whom it is (报工号), to the agent what comes. Both are said at once, and each
/// hears the other as soon as the own part is over. By default nothing is said.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Greeting {
    /// To the caller.
    pub caller: Vec<Intro>,
    /// To the agent.
    pub agent: Vec<Intro>,
}

/// A piece of a greeting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Intro {
    /// A sound file of the PBX.
    File(String),
    /// The agent number, character by character.
    Agent,
    /// The name of the queue in which the call was offered: [`Queue::spoken`](crate::config::Queue::spoken). Left out if it has none.
    Queue,
    /// The name of the caller's tier: [`Tier::spoken`](crate::config::Tier::spoken). Left out if it has none.
    Tier,
}
