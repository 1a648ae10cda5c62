//! Lists in pages: each tells the cursor that leads to the next.

use hotline_wire::command::MAX_TEXT;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::accounts::hex;
use crate::http::problem::Problem;

/// Most items of a page.
pub(super) const MAX_LIMIT: u32 = 1_000;
/// Longest cursor.
const MAX_CURSOR: usize = 2_048;

/// Items of a page when nobody says how many.
pub(super) fn usual_limit() -> u32 {
    100
}

/// A text in a query that is no longer than any name can be.
pub(in crate::http) fn short<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text: Option<String> = Deserialize::deserialize(deserializer)?;
    match text {
        Some(text) if text.len() > MAX_TEXT => Err(D::Error::custom(format!(
            "a text is longer than {MAX_TEXT} bytes"
        ))),
        text => Ok(text),
    }
}

/// A page.
#[derive(Serialize, ToSchema)]
pub(super) struct Page<T> {
    /// In order.
    pub(super) items: Vec<T>,
    /// What to give as `cursor` for the rest; null if that was all.
    pub(super) next: Option<String>,
}

/// The items behind a cursor, each with what it is ordered by, which is its own alone. What comes and goes between two pages
/// does not shift the rest.
pub(super) fn page<T>(
    mut items: Vec<(String, T)>,
    limit: u32,
    cursor: Option<&str>,
) -> Result<Page<T>, Problem> {
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::invalid(format!(
            "limit {limit} is out of range, 1 to {MAX_LIMIT}"
        )));
    }
    if let Some(cursor) = cursor {
        let after = decode(cursor).ok_or_else(|| {
            Problem::invalid("cursor is none that an answer's `next` told; leave it out to begin")
        })?;
        items.retain(|(key, _)| *key > after);
    }
    items.sort_by(|(a, _), (b, _)| a.cmp(b));
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| more).map(|(key, _)| hex(key.as_bytes()));
    let items = items.into_iter().map(|(_, item)| item).collect();
    Ok(Page { items, next })
}

fn decode(cursor: &str) -> Option<String> {
    if cursor.is_empty() || cursor.len() > MAX_CURSOR || !cursor.len().is_multiple_of(2) || !cursor.is_ascii()
    {
        return None;
    }
    let bytes: Option<Vec<u8>> = (0..cursor.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&cursor[i..i + 2], 16).ok())
        .collect();
    String::from_utf8(bytes?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_every_item_once() {
        let items: Vec<(String, u32)> = (0..25).map(|i| (format!("{i:03}"), i)).collect();
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let page = page(items.clone(), 10, cursor.as_deref()).unwrap();
            seen.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, (0..25).collect::<Vec<_>>());
        for (limit, cursor) in [
            (0, None),
            (MAX_LIMIT + 1, None),
            (1, Some("xy")),
            (1, Some("abc")),
            (1, Some("ff")),
            (1, Some("")),
        ] {
            assert_eq!(page(items.clone(), limit, cursor).err().unwrap().status, 422);
        }
    }
}
