//! A private message bus.
