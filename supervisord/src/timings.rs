//! How long the daemon waits for others. Fixed in the product; tests shorten them.

use std::time::Duration;

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timings {
    /// The longest pause between two attempts to connect to a node.
    pub reconnect: Duration,
    /// A node that says nothing for so long is gone: one that is well says something every 2 s.
    pub silence: Duration,
    /// How often figures are looked at for alarms.
    pub alarms: Duration,
    /// How often what is too old is removed from the store.
    pub retention: Duration,
    /// How long a command may take.
    pub command: Duration,
    /// How long a command may take that reads or writes a file of millions of lines.
    pub files: Duration,
    /// How long polkit, and whom it asks for a password, may take.
    pub authority: Duration,
    /// The head of an HTTP request, its body, or a TLS handshake may take so long each.
    pub http_head: Duration,
    /// A stream of events says that it is alive each time so long has passed.
    pub http_heartbeat: Duration,
    /// After ten wrong passwords of a user from an address, another may be tried each time so long has passed; after thirty from an
    /// address, or sixty of a user, each fifth of it.
    pub http_password: Duration,
    /// While the users' file cannot be used, users of before stay in force for so long; then nobody is let in.
    pub http_users: Duration,
    /// An HTTP connection on which nothing moves for so long is closed.
    pub http_idle: Duration,
}

impl Default for Timings {
    fn default() -> Timings {
        Timings {
            reconnect: Duration::from_secs(2),
            silence: Duration::from_secs(10),
            alarms: crate::alarms::EVERY,
            retention: Duration::from_secs(3_600),
            command: Duration::from_secs(5),
            files: Duration::from_secs(600),
            authority: Duration::from_secs(20),
            http_head: Duration::from_secs(10),
            http_heartbeat: Duration::from_secs(2),
            http_password: Duration::from_secs(10),
            http_users: Duration::from_secs(300),
            http_idle: Duration::from_secs(30),
        }
    }
}
