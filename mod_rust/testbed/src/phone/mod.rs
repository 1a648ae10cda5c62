//! SIP phones on loopback with real RTP, steered by a test or acting by themselves under load.
//!
//! A phone speaks with a tone of its own, so that a test can ask who hears whom.

mod bank;
mod handle;
mod leg;
mod load;
mod rtp;
mod sip;
mod tone;

pub use bank::{DEADLINE, PhoneBank};
pub use handle::{Phone, Ring};
pub use leg::{Direction, End, LegState, Moments};
pub use load::{Auto, Flow, FlowHandle, LegRecord, Totals};
pub use tone::Tone;
