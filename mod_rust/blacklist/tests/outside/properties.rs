//! What must hold whatever comes from outside: a number, an entry's number, prefix or pattern, an index, a CSV file. Each
//! takes any bytes, and panics if something does not hold.
//!
//! The tests beside this file give them bytes by chance and the corpus in `fuzz/`; the programs in `fuzz/` look for worse.
#![allow(dead_code, reason = "each fuzzing program uses one of these")]

use hotline_blacklist::csv::{self, OnBad, Rules};
use hotline_blacklist::index::Builder;
use hotline_blacklist::overlay::Overlay;
use hotline_blacklist::{Caller, Entry, Index, List, Plan, Query, What};

/// Most bytes of an input; those that are longer are of no other kind.
const MOST: usize = 1 << 16;

/// Plans that differ in all that a plan says.
fn plans() -> Vec<Plan> {
    let others = [
        Plan::new("1", "011", "1", 7, 10),
        Plan::new("39", "00", "", 4, 11),
        Plan::new("7", "810", "8", 2, 14),
    ];
    std::iter::once(Plan::default())
        .chain(others.into_iter().flatten())
        .collect()
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(&bytes[..bytes.len().min(MOST)]).ok()
}

/// What a network presents: taken or refused, and a number in its one form keeps it.
pub(crate) fn number(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    for plan in plans() {
        let Caller::Known(number) = plan.caller(text) else {
            continue;
        };
        let form = number.to_string();
        assert_eq!(plan.number(&form), Ok(number), "{form} by {}", plan.describe());
        assert_eq!(What::parse(&form, &plan), Ok(What::Exact(number)), "{form}");
        assert!((1..=15).contains(&number.digits()), "{form}");
        assert_eq!(number.has_plus(), form.starts_with('+'));
        assert!(number.starts_with(number));
    }
}

/// Whom an entry is about: read or refused, and what is read reads the same again.
pub(crate) fn pattern(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    for plan in plans() {
        // All three forms of the same text.
        for text in [text.to_owned(), format!("_{text}"), format!("{text}*")] {
            let Ok(what) = What::parse(&text, &plan) else {
                continue;
            };
            let form = what.to_string();
            assert_eq!(What::parse(&form, &plan), Ok(what), "{text} is {form}");
            assert!(what.literals() <= 15, "{form}");
            // In whatever list it is, looking for somebody finds nothing that is not about them.
            let mut list = List::default();
            list.put(entry(what));
            for presented in ["13800138000", "10086", "+4915112345678", "02112345678"] {
                let Ok(number) = plan.number(presented) else {
                    continue;
                };
                let found = list.lookup(&query(number)).is_some();
                assert_eq!(found, what.matches(number), "{form} and {number}");
            }
        }
    }
}

/// A file that says it is an index: as it is, and with its length and checksum put right, so that what is behind them is
/// reached.
pub(crate) fn index(bytes: &[u8]) {
    let plan = Plan::default();
    if let Ok(index) = Index::from_bytes(bytes.to_vec(), &plan) {
        look_at(index);
    }
    let mut forged = bytes.to_vec();
    let Some(body) = forged.len().checked_sub(4).filter(|body| *body >= 24) else {
        return;
    };
    forged[..8].copy_from_slice(&hotline_blacklist::index::MAGIC);
    forged[8..12].copy_from_slice(&hotline_blacklist::index::VERSION.to_le_bytes());
    let length = forged.len() as u64;
    forged[16..24].copy_from_slice(&length.to_le_bytes());
    let checksum = crc32fast::hash(&forged[..body]);
    forged[body..].copy_from_slice(&checksum.to_le_bytes());
    if let Ok(index) = Index::from_bytes(forged, &plan) {
        look_at(index);
    }
}

/// Whatever an index holds, nothing that is asked of it ends a caller's thread.
fn look_at(index: Index) {
    let plan = Plan::default();
    let mut list = List::new(Some(index.into()), Overlay::default());
    let all: Vec<What> = list.after(None).map(|entry| entry.what).take(2_000).collect();
    let presented = (0..50).map(|n| format!("138{n:08}"));
    let asked = presented
        .filter_map(|text| plan.number(&text).ok())
        .chain(all.iter().filter_map(|what| match what {
            What::Exact(number) | What::Prefix(number) => Some(*number),
            What::Pattern(_) => None,
        }));
    for number in asked {
        let _ = list.lookup(&query(number));
        let _ = list.beginning_with(number, None).take(10).count();
    }
    for what in all.iter().take(50) {
        let _ = list.get(what);
        list.put(entry(*what));
        list.remove(what, |_| true);
        assert!(list.get(what).is_empty());
    }
}

/// A CSV file: what is taken can be written, and reads the same again; it also can be put into an index, which has it.
pub(crate) fn csv(bytes: &[u8]) {
    let plan = Plan::default();
    let bytes = &bytes[..bytes.len().min(MOST)];
    let rules = Rules {
        plan: &plan,
        author: "cli",
        reason: "list",
        added: 7_000_000,
    };
    let read = |bytes: &[u8], on_bad| {
        let mut entries: Vec<Entry> = Vec::new();
        let report = csv::read(bytes, &rules, on_bad, |entry| {
            entries.push(entry);
            Ok(())
        });
        report.ok().map(|report| (entries, report))
    };
    let Some((entries, report)) = read(bytes, OnBad::Skip) else {
        return;
    };
    assert_eq!(entries.len() as u64, report.taken);
    assert_eq!(report.bad == 0, read(bytes, OnBad::Refuse).is_some());
    let mut written = Vec::new();
    let wrote = csv::Writer::new(&mut written).and_then(|mut writer| {
        for entry in &entries {
            writer.write(&entry.what, &entry.profile)?;
        }
        writer.finish()
    });
    assert!(wrote.is_ok(), "memory takes what is written");
    assert_eq!(
        read(&written, OnBad::Refuse).map(|(entries, _)| entries).as_ref(),
        Some(&entries),
        "written as {}",
        String::from_utf8_lossy(&written)
    );
    let mut builder = Builder::new(&plan);
    let mut list = List::default();
    for entry in &entries {
        assert!(builder.add(entry).is_ok(), "there is room for so few");
        list.put(entry.clone());
    }
    let index = builder
        .finish(1)
        .ok()
        .and_then(|bytes| Index::from_bytes(bytes, &plan).ok());
    let indexed = List::new(index.map(Into::into), Overlay::default());
    let sorted = |list: &List| {
        let mut all: Vec<String> = list.after(None).map(|entry| format!("{entry:?}")).collect();
        all.sort();
        all
    };
    assert_eq!(sorted(&indexed), sorted(&list));
}

fn query(number: hotline_blacklist::Number) -> Query<'static> {
    Query {
        number,
        queue: Some("support"),
        tier: None,
        now: 5,
    }
}

fn entry(what: What) -> Entry {
    Entry {
        what,
        profile: hotline_blacklist::Profile {
            action: hotline_blacklist::Action::Busy,
            tiers: hotline_blacklist::Names::default(),
            queues: hotline_blacklist::Names::default(),
            from: 0,
            until: None,
            reason: String::new(),
            author: String::new(),
            added: 0,
        },
    }
}
