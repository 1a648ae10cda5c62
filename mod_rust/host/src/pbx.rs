//! What a PBX must offer the host, apart from the calls' own threads.

use hotline_engine::Span;
use hotline_engine::action::Line;
use hotline_engine::config::Answering;
use hotline_engine::ids::{AgentId, CallId, MonitorId, RecordingId};
use hotline_engine::input::{Arrangement, RecordOrder, Whom};

/// The PBX as the host sees it. Calls come from the host's own threads, which hold no lock meanwhile.
pub trait Pbx: Send + Sync + 'static {
    /// Product and version, for people: `Asterisk 22.10.1`.
    fn name(&self) -> String;

    /// Watch this phone for the agent from now on, in place of any other; empty watches none. Comes from the engine's
    /// thread, so it must not block. The present state and every change go to [`Host::phone_changed`](crate::Host::phone_changed).
    fn watch_phone(&self, agent: AgentId, phone: &str);

    /// Call somebody back: dial `dial`, and when that is answered let the caller join with
    /// [`Caller::callback`](hotline_engine::input::Caller::callback); if it is not, or cannot be, tell
    /// [`Host::callback_failed`](crate::Host::callback_failed). `attempt` counts from 1; `number` and `queue` are for
    /// display. Comes from the engine's thread, so it must not block.
    fn call_back(&self, callback: CallId, attempt: u32, dial: &str, number: &str, queue: &str);

    /// Stop calling back; nothing is to be told. Comes from the engine's thread, so it must not block.
    fn cancel_call_back(&self, callback: CallId);

    /// Call a supervisor's phone, for `ring_time` at most. When it is answered, take the channel to
    /// [`Host::monitor_answered`](crate::Host::monitor_answered); if it is not, or cannot be called, tell
    /// [`Host::monitor_failed`](crate::Host::monitor_failed). Comes from the engine's thread, so it must not block.
    fn call_supervisor(
        &self,
        monitor: MonitorId,
        phone: &str,
        whom: ForWhom<'_>,
        how: Answering,
        ring_time: Span,
    );

    /// Stop calling a supervisor's phone; nothing is to be told. Comes from the engine's thread, so it must not block.
    fn cancel_call_supervisor(&self, monitor: MonitorId);

    /// Hang up somebody of a conversation; its end is reported as any other. If nobody is there to be hung up, or the agent
    /// talks on with somebody else, tell [`Host::disconnect_settled`](crate::Host::disconnect_settled). Comes from the engine's thread, so it must not block.
    fn disconnect(&self, call: CallId, whom: Whom);

    /// Say these sound files to a caller on hold, then let the music go on; the agent hears nothing of it. Over at once when the
    /// hold is; nothing is said if it is over already. Comes from the engine's thread, so it must not block.
    fn comfort(&self, call: CallId, say: &[String]);

    /// Ask the phone of the agent who holds the caller to retrieve, in words that it understands (`event`), even if it does not
    /// announce that (`unannounced`); if it cannot or must not be asked, tell [`Host::retrieve_failed`](crate::Host::retrieve_failed). Comes from the engine's thread, so it must not block.
    fn retrieve(&self, call: CallId, event: &str, unannounced: bool);

    /// Put the caller of a conversation on hold with music, while the agent's phone keeps its line and hears nothing; or bring the
    /// two together again. Then tell [`Host::held`](crate::Host::held), or [`Host::not_done`](crate::Host::not_done). Comes from the
    /// engine's thread, so it must not block.
    fn hold(&self, call: CallId, on: bool);

    /// Let the caller of a conversation hear nothing of the agent, or again. Then tell [`Host::muted`](crate::Host::muted), or
    /// [`Host::not_done`](crate::Host::not_done). Comes from the engine's thread, so it must not block.
    fn mute(&self, call: CallId, on: bool);

    /// Let the caller of a conversation go to a place of the dialplan for a while. The agent's phone keeps its line, and neither it nor
    /// anybody who listens hears anything of the caller. Tell [`Host::went_away`](crate::Host::went_away) then and
    /// [`Host::came_back`](crate::Host::came_back) afterwards, or [`Host::not_done`](crate::Host::not_done). Comes from the engine's
    /// thread, so it must not block.
    fn send_away(&self, call: CallId, place: &str);

    /// Bring a caller back who is away; one who is back is left alone. Comes from the engine's thread, so it must not block.
    fn bring_back(&self, call: CallId);

    /// Put the caller of a conversation on hold with music, take the agent apart, and call somebody for the agent, who hears it ring:
    /// a place of the dialplan, or a channel that goes to [`Host::join_consult`](crate::Host::join_consult) on a thread of its
    /// own. What becomes of it goes to [`Host::consult`](crate::Host::consult). Comes from the engine's thread, so it must not block.
    fn consult(&self, call: CallId, line: Line);

    /// Arrange who hears whom in a consultation; what becomes of it goes to [`Host::consult`](crate::Host::consult). Comes from the
    /// engine's thread, so it must not block.
    fn arrange(&self, call: CallId, how: Arrangement);

    /// Do that with the recording of a conversation, in the order told, and tell [`Host::recording`](crate::Host::recording) what became
    /// of it: of each that was to start, in the end that it is finished or has failed. Comes from the engine's thread, so it must
    /// not block.
    fn record(&self, recording: RecordingId, call: CallId, order: RecordOrder);

    /// The place of the dialplan to which agents may transfer callers who are to go to that number; `None` if there is none. It
    /// may take as long as a look at the dialplan does.
    fn place_of(&self, number: &str) -> Option<String>;

    /// Tell the PBX's own listeners (manager events). In order, from the publisher's thread; `at` is in microseconds
    /// since the Unix epoch.
    fn publish(&self, at: u64, event: &hotline_wire::Event);

    /// Write to the PBX's log.
    fn log(&self, level: Level, message: &str);
}

/// Who is called to listen to whom, for display.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ForWhom<'a> {
    /// Supervisor number.
    pub supervisor: &'a str,
    /// Agent number.
    pub agent: &'a str,
}

/// How much a log line matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// Somebody must act.
    Error,
    /// Something is not as it should be.
    Warning,
    /// Worth knowing.
    Notice,
    /// For whoever looks closer.
    Debug,
}
