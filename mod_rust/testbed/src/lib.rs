//! A real PBX with real callers and agents, for trying Hotline as its users have it.
//!
//! [`phone::PhoneBank`] has SIP phones with real audio; [`asterisk::Asterisk`] is an Asterisk of one's own;
//! [`node::Node`] and [`daemon::Daemon`] look at Hotline from outside; [`bed::Bed`] puts them together.
#![forbid(unsafe_code)]

pub use hotline_wire as wire;

pub mod api;
pub mod asterisk;
pub mod bed;
pub mod daemon;
pub mod node;
pub mod phone;
pub mod sipp;
