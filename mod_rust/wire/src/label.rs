//! Values that are words: one on the wire, in labels of metrics, and on screens.

macro_rules! labels {
    ($type:ident { $($variant:ident => $label:literal),* $(,)? }) => {
        impl $type {
            /// All values, in the order of their definition.
            pub const ALL: &'static [$type] = &[$($type::$variant),*];

            /// The value as it stands in a label and on the wire.
            pub const fn label(self) -> &'static str {
                match self {
                    $($type::$variant => $label),*
                }
            }
        }
    };
}
pub(crate) use labels;

/// Whether a field has its usual value and is left out of the line.
pub(crate) fn usual<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
