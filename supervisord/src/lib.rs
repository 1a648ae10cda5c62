//! The sidecar of Hotline's nodes: it follows their events, stores them exactly once, and shows and controls what
//! goes on over Prometheus metrics and D-Bus. It never links the engine: it speaks the control protocol only.
//!
//! ```text
//! node === link --> recorder: store, then fold, then acknowledge --> state --> metrics, dbus, http
//! dbus --> link === node --> reply
//! ```
#![forbid(unsafe_code)]

pub mod accounts;
pub mod alarms;
pub mod audit;
pub mod authority;
pub mod ctl;
pub mod daemon;
pub mod dbus;
pub mod http;
pub mod link;
pub mod metrics;
pub mod passwords;
pub mod recorder;
pub mod reports;
pub mod settings;
pub mod shared;
pub mod state;
pub mod store;
pub mod timings;
pub mod views;
pub mod webhook;
