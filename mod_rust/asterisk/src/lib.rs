//! Asterisk for a module written in Rust: channels, legs, dialplan, CLI, manager events, device states. It knows
//! nothing of call distribution.
//!
//! What holds throughout:
//! - A panic never gets into the PBX: every function that the PBX calls is one [`guard`].
//! - A [`Channel`] is a counted reference; a [`Leg`] besides owns the duty to hang up, once.
//! - No function here keeps a lock of the PBX when it returns, and none calls back while holding one.
//! - Text that goes to the PBX loses NUL bytes; text from it that is not UTF-8 comes with replacement characters.

pub mod aside;
pub mod channel;
pub mod cli;
pub mod conversation;
pub mod datastore;
pub mod device;
pub mod dialplan;
pub mod frame;
pub mod hold;
pub mod leg;
pub mod log;
pub mod manager;
pub mod module;
pub mod numbers;
pub mod outgoing;
pub mod place;
pub mod player;
pub mod recording;
pub mod room;
pub mod seat;
pub mod tap;
pub mod trip;
pub mod usage;

mod guard;
mod mute;
mod sequence;
mod stasis;
mod text;

pub use channel::{Channel, HungUp};
pub use conversation::Conversation;
pub use frame::{Control, Frame, HangupCause};
pub use guard::{caught, guard};
pub use leg::Leg;
pub use log::{Level, log};
pub use module::Module;
pub use outgoing::Outgoing;
pub use recording::Recording;
pub use room::Room;
pub use seat::Seat;
pub use tap::Tap;
pub use usage::Usage;

/// The PBX and its version, for people, without what a distribution adds: `Asterisk 22.10.1`.
pub fn version() -> String {
    // SAFETY: the PBX returns a static string.
    let version = unsafe { text::owned(asterisk_sys::ast_get_version()) };
    let end = version.find(['+', '~', ' ']).unwrap_or(version.len());
    format!("Asterisk {}", &version[..end])
}
