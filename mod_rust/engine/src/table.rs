//! Transition tables: state machines as data, so that what is allowed can be read, printed and tested.

/// In this state, on this trigger, to that state. What is not listed cannot happen.
pub(crate) type Table<S, T> = [(S, T, S)];

/// Where `on` leads from `from`.
pub(crate) fn next<S: Copy + PartialEq, T: Copy + PartialEq>(
    table: &Table<S, T>,
    from: S,
    on: T,
) -> Option<S> {
    table
        .iter()
        .find(|row| row.0 == from && row.1 == on)
        .map(|row| row.2)
}

#[cfg(test)]
mod tests {
    use core::fmt::Debug;
    use core::fmt::Write;

    use super::Table;

    fn print<S: Copy + PartialEq + Debug, T: Copy + PartialEq + Debug>(table: &Table<S, T>) -> String {
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
