//! The file of an index: what is damaged, cut off or made for another plan is refused with a word.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use hotline_blacklist::entry::{Action, Names};
use hotline_blacklist::index::{Builder, IndexError};
use hotline_blacklist::overlay::Overlay;
use hotline_blacklist::{Entry, Index, List, Plan, Profile, Query, What};
use proptest::prelude::*;

fn builder(count: u32) -> Builder {
    let plan = Plan::default();
    let mut builder = Builder::new(&plan);
    for n in 0..count {
        let text = match n % 10 {
            8 => format!("13{n:05}*"),
            9 => format!("_13{n:05}XXXX"),
            _ => format!("138{n:08}"),
        };
        let entry = Entry {
            what: What::parse(&text, &plan).unwrap(),
            profile: Profile {
                action: Action::Busy,
                tiers: Names::default(),
                queues: Names::default(),
                from: 0,
                until: None,
                reason: format!("reason {}", n % 3),
                author: "test".into(),
                added: 1,
            },
        };
        builder.add(&entry).unwrap();
    }
    builder
}

fn file() -> Vec<u8> {
    builder(100).finish(42).unwrap()
}

fn refusal(bytes: Vec<u8>) -> String {
    Index::from_bytes(bytes, &Plan::default())
        .unwrap_err()
        .to_string()
}

#[test]
fn what_is_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("blacklist.index");
    builder(1_000).write(&path, 42).unwrap();
    let index = Index::open(&path, &Plan::default(), u64::MAX).unwrap();
    assert_eq!((index.len(), index.built()), (1_000, 42));
    let exact = What::parse("13800000017", &Plan::default()).unwrap();
    let reasons: Vec<&str> = index.get(&exact).map(|profile| profile.reason).collect();
    assert_eq!(reasons, ["reason 2"]);
    // Nothing is left beside it.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_file_that_is_cut_off_says_so() {
    let whole = file();
    for length in 0..whole.len() {
        let refused = refusal(whole[..length].to_vec());
        let expected = if length < 8 {
            "this is no index"
        } else {
            "incomplete"
        };
        assert!(refused.contains(expected), "{length}: {refused}");
    }
    let mut longer = whole;
    longer.push(0);
    assert!(refusal(longer).contains("incomplete"));
}

#[test]
fn another_version_and_another_plan_are_named() {
    let mut other = file();
    other[8] = 9;
    assert!(refusal(other).contains("version 9"));
    let us = Plan::new("1", "011", "1", 7, 10).unwrap();
    let refused = Index::from_bytes(file(), &us).unwrap_err();
    assert!(matches!(refused, IndexError::OtherPlan { .. }));
    assert!(refused.to_string().contains("+86") && refused.to_string().contains("+1"));
}

#[test]
fn a_film_is_no_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film");
    std::fs::write(&path, [0; 4_096]).unwrap();
    assert!(matches!(
        Index::open(&path, &Plan::default(), u64::MAX),
        Err(IndexError::NotAnIndex)
    ));
    assert!(matches!(
        Index::open(&folder.path().join("none"), &Plan::default(), u64::MAX),
        Err(IndexError::Io(..))
    ));
}

#[test]
fn nothing_is_read_that_is_too_large_or_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("blacklist.index");
    let whole = file();
    let most = whole.len() as u64;
    std::fs::write(&path, &whole).unwrap();
    assert!(Index::open(&path, &Plan::default(), most).is_ok());
    assert!(matches!(
        Index::open(&path, &Plan::default(), most - 1),
        Err(IndexError::TooLarge { .. })
    ));
    // A good head, and a hole of a terabyte behind it.
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(1 << 40).unwrap();
    assert!(matches!(
        Index::open(&path, &Plan::default(), u64::MAX),
        Err(IndexError::Incomplete { .. })
    ));
    let mut vast = whole[..64].to_vec();
    vast[16..24].copy_from_slice(&(1u64 << 40).to_le_bytes());
    std::os::unix::fs::FileExt::write_all_at(&file, &vast, 0).unwrap();
    assert!(matches!(
        Index::open(&path, &Plan::default(), 1 << 30),
        Err(IndexError::TooLarge { .. })
    ));
    let pipe = folder.path().join("pipe");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let refused = Index::open(&pipe, &Plan::default(), u64::MAX).unwrap_err();
    assert!(refused.to_string().contains("no regular file"), "{refused}");
}

proptest! {
    #[test]
    fn a_changed_file_is_refused(at in 0usize..4_000, bit in 0u8..8) {
        let mut bytes = file();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        prop_assert!(Index::from_bytes(bytes, &Plan::default()).is_err());
    }

    #[test]
    fn a_forged_file_harms_nobody(changes in prop::collection::vec((0usize..4_000, any::<u8>()), 1..8)) {
        let mut bytes = file();
        let body = bytes.len() - 4;
        for (at, byte) in changes {
            bytes[at % body] = byte;
        }
        let checksum = crc32fast::hash(&bytes[..body]);
        bytes[body..].copy_from_slice(&checksum.to_le_bytes());
        if let Ok(index) = Index::from_bytes(bytes, &Plan::default()) {
            let list = List::new(Some(index.into()), Overlay::default());
            for n in 0..200 {
                let number = Plan::default().number(&format!("138{n:08}")).unwrap();
                let query = Query { number, queue: Some("q"), tier: None, now: 5 };
                let _ = list.lookup(&query);
            }
            let _ = list.after(None).count();
        }
    }

    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut begun = hotline_blacklist::index::MAGIC.to_vec();
        begun.extend(&bytes);
        prop_assert!(Index::from_bytes(bytes, &Plan::default()).is_err());
        prop_assert!(Index::from_bytes(begun, &Plan::default()).is_err());
    }
}
