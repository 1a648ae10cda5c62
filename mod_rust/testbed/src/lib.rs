//! A real PBX with real callers and agents, for trying Hotline as its users have it.
//!
//! [`phone::PhoneBank`] has SIP phones with real audio; [`asterisk::Asterisk`] is an Asterisk of one's own.
#![forbid(unsafe_code)]

pub mod asterisk;
pub mod phone;
