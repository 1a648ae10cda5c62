//! Places of the dialplan to which callers go and come back, or are asked.

use crate::time::Span;

/// How long a caller may be away at a place that has no name in the settings.
pub const IVR_TIMEOUT: Span = Span::seconds(120);

/// The longest that a caller may be away.
pub const MAX_IVR_TIMEOUT: Span = Span::seconds(3_600);

/// A place of the dialplan from which a caller comes back with a result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ivr {
    /// What agents call it.
    pub name: String,
    /// The place, as the PBX writes it.
    pub place: String,
    /// After so long the caller is brought back. Never zero, at most [`MAX_IVR_TIMEOUT`].
    pub timeout: Span,
}

/// Asks callers once the agent's side is over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Survey {
    /// Where, as the PBX writes it.
    pub place: String,
    /// Of a hundred callers so many are asked, 0 to 100. Whom agents send there are asked besides.
    pub share: u8,
    /// Only who talked for so long.
    pub min_talk: Span,
}
