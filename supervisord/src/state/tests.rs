//! The fold on small stories.

use super::*;

#[test]
fn empty() {
    assert_eq!(State::default().nodes.len(), 0);
}
