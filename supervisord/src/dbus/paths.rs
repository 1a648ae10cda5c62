//! Object paths of queues and agents.

use super::ROOT;

/// The path of a queue by its name.
pub fn queue(name: &str) -> String {
    format!("{ROOT}/queues/{}", escape(name))
}

/// The path of an agent by its number.
pub fn agent(number: &str) -> String {
    format!("{ROOT}/agents/{}", escape(number))
}

/// The path of what has the name of another node's object: that one came first.
pub fn on_node(path: &str, node: &str) -> String {
    format!("{path}__{}", escape(node))
}

/// A name as an element of an object path: letters and digits stay, all other bytes become `_` and two hexadecimal
/// digits. No two names give the same, and none gives `__`.
pub fn escape(name: &str) -> String {
    if name.is_empty() {
        return "_".into();
    }
    let mut escaped = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("_{byte:02x}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped() {
        assert_eq!(escape("support"), "support");
        assert_eq!(escape("a_b-c"), "a_5fb_2dc");
        assert_eq!(escape("售后"), "_e5_94_ae_e5_90_8e");
        assert_eq!(escape(""), "_");
        assert_eq!(agent("1001"), "/net/hotline/Hotline1/agents/1001");
    }
}
