//! A list beside a model that knows nothing of indexes: whatever was added, changed and removed, in whatever form it is kept,
//! the same entry counts for every caller.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cmp::Ordering;
use std::sync::Arc;

use hotline_blacklist::entry::Names;
use hotline_blacklist::index::Builder;
use hotline_blacklist::{Action, Cause, Entry, Index, List, Number, Plan, Profile, Query, What};
use proptest::prelude::*;

/// The text of a pattern against a number, a character at a time.
fn looks_like(pattern: &str, number: &str) -> bool {
    let (mut pattern, mut number) = (pattern.chars().peekable(), number.chars());
    while let Some(place) = pattern.next() {
        let digit = match place {
            '.' => return number.next().is_some(),
            '!' => return true,
            _ => number.next(),
        };
        let Some(digit) = digit else { return false };
        let fits = match place {
            'X' => digit.is_ascii_digit(),
            'Z' => ('1'..='9').contains(&digit),
            'N' => ('2'..='9').contains(&digit),
            '[' => {
                let class: String = pattern.by_ref().take_while(|c| *c != ']').collect();
                class.contains(digit)
            }
            literal => literal == digit,
        };
        if !fits {
            return false;
        }
    }
    number.next().is_none()
}

fn is_about(what: &str, number: &str) -> bool {
    match (what.strip_prefix('_'), what.strip_suffix('*')) {
        (Some(pattern), _) => looks_like(pattern, number),
        (None, Some(prefix)) => number.starts_with(prefix),
        (None, None) => what == number,
    }
}

fn literals(what: &str) -> usize {
    let mut outside = true;
    let mut count = 0;
    for character in what.chars() {
        match character {
            '[' => outside = false,
            ']' => outside = true,
            '0'..='9' if outside => count += 1,
            _ => {}
        }
    }
    count
}

/// The documented order, one rule after the other.
fn compare(a: &Entry, b: &Entry) -> Ordering {
    let (what_a, what_b) = (a.what.to_string(), b.what.to_string());
    let allows = |entry: &Entry| entry.profile.action == Action::Allow;
    let kind = |what: &str| match (what.starts_with('_'), what.ends_with('*')) {
        (true, _) => 1,
        (_, true) => 0,
        _ => 2,
    };
    let narrow = |entry: &Entry| {
        2 * u8::from(!entry.profile.queues.is_empty()) + u8::from(!entry.profile.tiers.is_empty())
    };
    literals(&what_a)
        .cmp(&literals(&what_b))
        .then(allows(a).cmp(&allows(b)))
        .then(kind(&what_a).cmp(&kind(&what_b)))
        .then(narrow(a).cmp(&narrow(b)))
        .then(b.profile.action.cmp(&a.profile.action))
}

fn counts<'a>(entries: &'a [Entry], query: &Query<'_>) -> Vec<&'a Entry> {
    let applies = |entry: &&Entry| {
        let profile = &entry.profile;
        let named = |names: &Names, one: Option<&str>| {
            names.as_str().is_empty() || one.is_some_and(|one| names.iter().any(|name| name == one))
        };
        is_about(&entry.what.to_string(), &query.number.to_string())
            && profile.from <= query.now
            && profile.until.is_none_or(|until| query.now < until)
            && named(&profile.queues, query.queue)
            && named(&profile.tiers, query.tier)
    };
    let mut best: Vec<&Entry> = Vec::new();
    for entry in entries.iter().filter(applies) {
        match best.first().map(|first| compare(entry, first)) {
            Some(Ordering::Less) => {}
            Some(Ordering::Equal) => best.push(entry),
            None | Some(Ordering::Greater) => best = vec![entry],
        }
    }
    best
}

fn put(entries: &mut Vec<Entry>, entry: Entry) {
    entries.retain(|other| other.what != entry.what || !other.profile.same_scope(&entry.profile));
    entries.push(entry);
}

/// Numbers that are alike, so that entries meet.
fn digits() -> impl Strategy<Value = String> {
    "(1380000|1380001|2138000|[1-3]0086)[0-2]{0,4}"
}

fn what() -> impl Strategy<Value = What> {
    let text = prop_oneof![
        digits(),
        "1(3(8(0(0[0-2]{0,3})?)?)?)?\\*",
        "(21|\\+1|\\+86)\\*",
        "_(1|21|X|\\[12\\])38?X{0,7}[0-2]{0,3}(\\.|!)?",
        "_[1-3X]00[NZX][X6](\\.|!)?",
        "_\\+X[.]",
    ];
    text.prop_filter_map("names nobody", |text| What::parse(&text, &Plan::default()).ok())
}

fn entry() -> impl Strategy<Value = Entry> {
    let action = prop_oneof![
        Just(Action::Allow),
        Just(Action::Flag),
        Just(Action::Busy),
        Just(Action::Tarpit),
        (1u8..128).prop_map(|code| Action::Release(Cause::new(code).unwrap())),
        "[a-c],s,1".prop_map(Action::Divert),
    ];
    let names = prop_oneof![Just(""), Just("a"), Just("a,b"), Just("c")];
    let until = prop_oneof![Just(None), (10u64..30).prop_map(Some)];
    (
        what(),
        action,
        names.clone(),
        names,
        0u64..15,
        until,
        "[a-z]{0,4}",
    )
        .prop_map(|(what, action, tiers, queues, from, until, reason)| Entry {
            what,
            profile: Profile {
                action,
                tiers: Names::parse(tiers).unwrap(),
                queues: Names::parse(queues).unwrap(),
                from,
                until,
                reason,
                author: "model".into(),
                added: 3,
            },
        })
}

fn index(entries: &[Entry]) -> Arc<Index> {
    let mut builder = Builder::new(&Plan::default());
    for entry in entries {
        builder.add(entry).unwrap();
    }
    let bytes = builder.finish(5).unwrap();
    Arc::new(Index::from_bytes(bytes, &Plan::default()).unwrap())
}

fn sorted(entries: Vec<Entry>) -> Vec<String> {
    let mut lines: Vec<String> = entries.iter().map(|entry| format!("{entry:?}")).collect();
    lines.sort();
    lines
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_same_entry_counts_as_in_the_model(
        built in prop::collection::vec(entry(), 0..40),
        added in prop::collection::vec(entry(), 0..20),
        removed in prop::collection::vec(prop::num::u8::ANY, 0..10),
        asked in prop::collection::vec((digits(), 0usize..4, 0usize..4, 0u64..35), 1..60),
    ) {
        let mut model = Vec::new();
        for entry in &built {
            put(&mut model, entry.clone());
        }
        let mut list = List::default();
        list.set_index(Some(index(&built)));
        prop_assert_eq!(list.len(), model.len() as u64);
        for entry in &added {
            let before = model.iter().find(|other| {
                other.what == entry.what && other.profile.same_scope(&entry.profile)
            }).map(|entry| entry.profile.clone());
            prop_assert_eq!(list.put(entry.clone()), before);
            put(&mut model, entry.clone());
        }
        for pick in removed {
            if model.is_empty() { break; }
            let what = model[usize::from(pick) % model.len()].what;
            let gone: Vec<Entry> = model.extract_if(.., |entry| entry.what == what).collect();
            prop_assert_eq!(list.remove(&what, |_| true).len(), gone.len());
        }
        // What is listed is what there is, page by page or whole.
        let listed: Vec<Entry> = list.after(None).collect();
        prop_assert!(listed.is_sorted_by_key(|entry| entry.what));
        prop_assert_eq!(sorted(listed.clone()), sorted(model.clone()));
        if let Some(middle) = listed.get(listed.len() / 2) {
            let rest: Vec<Entry> = list.after(Some(middle.what)).collect();
            let expected: Vec<Entry> =
                listed.iter().filter(|entry| entry.what > middle.what).cloned().collect();
            prop_assert_eq!(rest, expected);
        }
        // What begins alike is found without looking at the rest, from anywhere on.
        for (digits, ..) in asked.iter().take(6) {
            let Ok(begun) = Plan::default().beginning(&digits[..4.min(digits.len())]) else { continue };
            let middle = listed.get(listed.len() / 2).map(|entry| entry.what);
            for after in [None, middle] {
                let found: Vec<Entry> = list.beginning_with(begun, after).collect();
                let begins = |entry: &&Entry| match entry.what {
                    What::Exact(number) | What::Prefix(number) => number.starts_with(begun),
                    What::Pattern(_) => true,
                };
                let expected: Vec<Entry> = listed
                    .iter()
                    .filter(|entry| after.is_none_or(|after| entry.what > after))
                    .filter(begins)
                    .cloned()
                    .collect();
                prop_assert_eq!(found, expected);
            }
        }
        // An index of the whole list says the same, and leaves no change over.
        let mut rebuilt = list.clone();
        rebuilt.set_index(Some(index(&listed)));
        prop_assert_eq!(sorted(rebuilt.after(None).collect()), sorted(model.clone()));
        let names = [None, Some("a"), Some("b"), Some("c")];
        for (digits, queue, tier, now) in asked {
            let Ok(number) = Plan::default().number(&digits) else { continue };
            let query = Query { number, queue: names[queue], tier: names[tier], now };
            let expected = counts(&model, &query);
            for list in [&list, &rebuilt] {
                match list.lookup(&query) {
                    None => prop_assert!(expected.is_empty(), "{query:?}: {expected:?}"),
                    Some(found) => prop_assert!(
                        expected.iter().any(|entry| {
                            entry.what == found.what && entry.profile.as_ref() == found.profile
                        }),
                        "{query:?}: {found:?} instead of {expected:?}"
                    ),
                }
            }
        }
    }

    #[test]
    fn a_number_in_its_form_keeps_it(text in "[+0-9 ()-]{0,20}") {
        let plan = Plan::default();
        if let Ok(number) = plan.number(&text) {
            prop_assert_eq!(plan.number(&number.to_string()), Ok(number));
            prop_assert_eq!(What::parse(&number.to_string(), &plan), Ok(What::Exact(number)));
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,40}") {
        let plan = Plan::default();
        let _ = plan.caller(&text);
        if let Ok(what) = What::parse(&text, &plan) {
            prop_assert_eq!(What::parse(&what.to_string(), &plan), Ok(what));
        }
    }

    #[test]
    fn patterns_go_round(text in "_\\+?[0-9XNZ]{0,12}(\\[[0-9]{1,4}\\])?[0-9XNZ]{0,3}(\\.|!)?") {
        let plan = Plan::default();
        if let Ok(what) = What::parse(&text, &plan) {
            prop_assert_eq!(What::parse(&what.to_string(), &plan), Ok(what));
        }
    }
}

#[test]
fn the_documented_cases_hold() {
    let plan = Plan::default();
    let decide = |entries: &[(&str, &str)], caller: &str| {
        let mut list = List::default();
        for (what, action) in entries {
            list.put(Entry {
                what: What::parse(what, &plan).unwrap(),
                profile: Profile {
                    action: Action::parse(action).unwrap(),
                    tiers: Names::default(),
                    queues: Names::default(),
                    from: 0,
                    until: None,
                    reason: String::new(),
                    author: String::new(),
                    added: 0,
                },
            });
        }
        let number: Number = plan.number(caller).unwrap();
        let query = Query {
            number,
            queue: None,
            tier: None,
            now: 1,
        };
        list.lookup(&query).map(|found| found.profile.action.to_string())
    };
    let caller = "13800138000";
    for (entries, action) in [
        (&[("138*", "busy"), ("13800138000", "allow")][..], Some("allow")),
        (&[("138*", "allow"), ("1380013*", "busy")], Some("busy")),
        // Of the same length, allowing counts first, then the kind.
        (&[("138*", "allow"), ("_138XXXXXXXX", "busy")], Some("allow")),
        (&[("138*", "busy"), ("_138XXXXXXXX", "flag")], Some("flag")),
        (&[("138*", "flag"), ("_138XXXXXXXX", "busy")], Some("busy")),
        // A pattern's length is what it fixes.
        (&[("13800138*", "busy"), ("_138XXXX8000", "flag")], Some("busy")),
        (&[("139*", "busy")], None),
    ] {
        assert_eq!(decide(entries, caller).as_deref(), action, "{entries:?}");
    }
}
