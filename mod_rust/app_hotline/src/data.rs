//! Attached data (随路数据): `HOTLINE_DATA(key)`.
//!
//! The data belong to the call: the caller's channel and all that it dials share them, whoever writes.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::sync::{Mutex, PoisonError};

use asterisk::Channel;
use asterisk::datastore::Kind;
use asterisk::dialplan::Function;

/// Most keys on a call.
const MOST_KEYS: usize = 64;
/// Longest key, in bytes.
const LONGEST_KEY: usize = 64;
/// Longest value, in bytes.
const LONGEST_VALUE: usize = 4096;

/// Most that is told of the data of a call, in bytes: every event is stored.
const TOLD: usize = 4096;
/// Most that is told of a value.
const TOLD_VALUE: usize = 256;

/// The attached data of one call.
#[derive(Default)]
pub(crate) struct CallData(Mutex<Entries>);

static CALL_DATA: Kind<CallData> = Kind::inherited(c"hotline_data");

/// Keys and values within the limits.
#[derive(Default)]
struct Entries(BTreeMap<String, String>);

impl Entries {
    /// Sets a value; an empty one removes the key.
    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let key = valid(key)?;
        if value.is_empty() {
            self.0.remove(&key);
            return Ok(());
        }
        if value.len() > LONGEST_VALUE {
            return Err(format!(
                "the value has {} bytes; the limit is {LONGEST_VALUE}",
                value.len()
            ));
        }
        if self.0.len() >= MOST_KEYS && !self.0.contains_key(&key) {
            return Err(format!(
                "the call has {MOST_KEYS} keys already, which is the limit"
            ));
        }
        self.0.insert(key, value.to_owned());
        Ok(())
    }

    /// In the order of their keys, long values cut, until there is no room.
    fn told(&self) -> Vec<(String, String)> {
        let mut room = TOLD;
        let short = |(key, value): (&String, &String)| {
            let value: String = match value
                .char_indices()
                .find(|(place, c)| place + c.len_utf8() > TOLD_VALUE)
            {
                Some((end, _)) => format!("{}...", &value[..end]),
                None => value.clone(),
            };
            (key.clone(), value)
        };
        let fits = |(key, value): &(String, String)| {
            let left = room.checked_sub(key.len() + value.len());
            room = left.unwrap_or(0);
            left.is_some()
        };
        self.0.iter().map(short).take_while(fits).collect()
    }

    /// The value, empty if there is none; without a key, all keys.
    fn get(&self, key: &str) -> Result<String, String> {
        if key.is_empty() {
            return Ok(self.0.keys().map(String::as_str).collect::<Vec<_>>().join(","));
        }
        Ok(self.0.get(&valid(key)?).cloned().unwrap_or_default())
    }
}

/// A key as it is kept. It becomes part of a variable's name, so it is of letters, digits and `_`, and case does not
/// matter.
fn valid(key: &str) -> Result<String, String> {
    let fits = !key.is_empty()
        && key.len() <= LONGEST_KEY
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if fits {
        Ok(key.to_ascii_lowercase())
    } else {
        Err(format!("a key is of 1 to {LONGEST_KEY} letters, digits and '_'"))
    }
}

/// What is told of the data when the call joins a queue: short values, as many as fit. The agent's channel has them all.
pub(crate) fn told(caller: &Channel) -> Vec<(String, String)> {
    let Some(data) = caller.attached(&CALL_DATA) else {
        return Vec::new();
    };
    data.0.lock().unwrap_or_else(PoisonError::into_inner).told()
}

/// Sets every key as a variable `HOTLINE_DATA_<KEY>` on the agent's channel, which has inherited the data.
pub(crate) fn show(leg: &Channel) {
    let Some(data) = leg.attached(&CALL_DATA) else {
        return;
    };
    // Copied, so that the PBX is not called under the lock.
    let entries = data.0.lock().unwrap_or_else(PoisonError::into_inner).0.clone();
    for (key, value) in entries {
        leg.set_variable(&format!("HOTLINE_DATA_{}", key.to_ascii_uppercase()), &value);
    }
}

/// The dialplan function.
pub(crate) struct HotlineData;

impl Function for HotlineData {
    const NAME: &'static CStr = c"HOTLINE_DATA";
    const SYNOPSIS: &'static CStr = c"Data attached to a call, which travel with it to the agent.";
    const SYNTAX: &'static CStr = c"HOTLINE_DATA([key])";
    const ARGUMENTS: &'static CStr =
        c"key\n    1 to 64 letters, digits and '_'; case does not matter. Without it, reading lists all keys, separated by commas.";
    const DESCRIPTION: &'static CStr = c"Sets or reads data attached to a call:

 same => n,Set(HOTLINE_DATA(account)=4711)
 same => n,Hotline(support)

The data are on the agent's channel as well, with this function and as variables HOTLINE_DATA_<KEY>
(HOTLINE_DATA_ACCOUNT), and stay with the call across queues and visits to the dialplan. Writing on
either channel is seen on both. Setting an empty value removes the key.

At most 64 keys, and 4096 bytes a value. Beyond that, nothing is set and the log says so. When the call joins a queue, the data are told
with it for the agent's screen: 256 bytes of each value, and 4096 bytes in all, in the order of the keys.";
    const LONGEST: usize = MOST_KEYS * (LONGEST_KEY + 1);

    fn read(channel: &Channel, key: &str) -> Result<String, String> {
        match channel.attached(&CALL_DATA) {
            Some(data) => data
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get(key.trim()),
            None => Entries::default().get(key.trim()),
        }
    }

    fn write(channel: &Channel, key: &str, value: &str) -> Result<(), String> {
        let data = channel
            .attach(&CALL_DATA, CallData::default)
            .ok_or("the PBX has no memory for it")?;
        data.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .set(key.trim(), value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_ignore_case_and_empty_values_remove() {
        let mut entries = Entries::default();
        entries.set("Account", "4711").unwrap();
        entries.set("lang", "zh").unwrap();
        assert_eq!(entries.get("ACCOUNT").unwrap(), "4711");
        assert_eq!(entries.get("").unwrap(), "account,lang");
        entries.set("account", "").unwrap();
        assert_eq!(entries.get("account").unwrap(), "");
        assert_eq!(entries.get("").unwrap(), "lang");
    }

    #[test]
    fn what_is_told_is_short() {
        let mut entries = Entries::default();
        entries.set("a", "1").unwrap();
        entries.set("b", &"票".repeat(100)).unwrap();
        let told = entries.told();
        assert_eq!(told[0], ("a".into(), "1".into()));
        assert_eq!(told[1].1, format!("{}...", "票".repeat(85)), "whole letters");
        for n in 0..40 {
            entries.set(&format!("k{n}"), &"x".repeat(256)).unwrap();
        }
        let all: usize = entries
            .told()
            .iter()
            .map(|(key, value)| key.len() + value.len())
            .sum();
        assert!(all <= TOLD && all > TOLD - 300, "{all}");
    }

    #[test]
    fn limits_are_said_when_reached() {
        let mut entries = Entries::default();
        for n in 0..MOST_KEYS {
            entries.set(&format!("k{n}"), "v").unwrap();
        }
        assert!(entries.set("one_more", "v").unwrap_err().contains("64 keys"));
        entries.set("k0", "replaced").unwrap();
        assert!(
            entries
                .set("k0", &"x".repeat(LONGEST_VALUE + 1))
                .unwrap_err()
                .contains("4097 bytes")
        );
        assert_eq!(entries.get("k0").unwrap(), "replaced");
        assert!(entries.set(&"k".repeat(65), "v").is_err());
        assert!(entries.set("a b", "v").is_err());
        assert!(entries.set("", "v").is_err());
    }
}
