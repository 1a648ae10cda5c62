//! Transition tables: state machines as data, so that what is allowed can be read, printed and tested.

/// Writes a table `const TRANSITIONS: [(State, Trigger, State); _]`, and from the same rows `fn next(from, on)`: where a trigger
/// leads from a state. What is not listed cannot happen.
macro_rules! transitions {
    ($state:ident, $trigger:ident, $(($from:ident, $on:ident) => $to:ident,)+) => {
        /// The same as data.
        #[cfg(test)]
        pub(crate) const TRANSITIONS: &[($state, $trigger, $state)] =
            &[$(($state::$from, $trigger::$on, $state::$to)),+];

        fn next(from: $state, on: $trigger) -> Option<$state> {
            match (from, on) {
                $(($state::$from, $trigger::$on) => Some($state::$to),)+
                (_, _) => None,
            }
        }
    };
}

pub(crate) use transitions;

#[cfg(test)]
mod tests {
    use core::fmt::Debug;
    use core::fmt::Write;

    fn print<S: Copy + PartialEq + Debug, T: Copy + PartialEq + Debug>(table: &[(S, T, S)]) -> String {
        let mut text = String::new();
        for (at, (from, on, to)) in table.iter().enumerate() {
            assert!(
                !table[..at].iter().any(|row| row.0 == *from && row.1 == *on),
                "{from:?} {on:?} is ambiguous"
            );
            writeln!(
                text,
                "{:<11} -- {:<13} -> {:?}",
                format!("{from:?}"),
                format!("{on:?}"),
                to
            )
            .unwrap();
        }
        text
    }

    #[test]
    fn an_agent_changes_like_this() {
        insta::assert_snapshot!(print(crate::agent::TRANSITIONS));
    }

    #[test]
    fn a_call_changes_like_this() {
        insta::assert_snapshot!(print(crate::call::TRANSITIONS));
    }
}
