//! Killed, cut, damaged, full: what is read has every event once and in order, or says what is missing and why.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "outside/properties.rs"]
mod properties;
mod support;

use std::path::Path;
use std::time::{Duration, SystemTime};

use hotline_spool::record::Record;
use hotline_spool::{Limits, Reader, Spool, Step, reason};
use proptest::prelude::*;
use support::*;

#[test]
fn what_was_written_is_read_while_it_grows_and_after_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), "a");
    let mut reader = Reader::new(spool.shelf(), 1, 1);
    let mut seen = Vec::new();
    for part in 0..20 {
        fill(&mut spool, part * 10 + 1, part * 10 + 10);
        assert_eq!(drain(&mut reader, &mut seen), Step::CaughtUp);
        assert_eq!(reader.next(), part * 10 + 11);
    }
    assert_eq!(seen, events(1..=200));
    spool.finish().unwrap();
    drop(spool);
    let spool = open(folder.path(), "b");
    assert_eq!(read(&spool, 1, 1), (events(1..=200), Step::End { clean: true }));
    assert_eq!(
        read(&spool, 1, 151),
        (events(151..=200), Step::End { clean: true })
    );
    assert_eq!(read(&spool, 1, 500), (vec![], Step::End { clean: true }));
    assert_eq!(read(&spool, 2, 1), (vec![], Step::CaughtUp));
    assert_eq!(read(&spool, 3, 1), (vec![], Step::Gone));
    let names: Vec<String> = spool.shelf().boots().into_iter().map(|boot| boot.name).collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn a_second_node_is_kept_away() {
    let folder = tempfile::tempdir().unwrap();
    let _spool = open(folder.path(), "a");
    let refused = Spool::open(folder.path(), "b", 5, limits()).unwrap_err();
    assert!(refused.to_string().contains("a name of its own"), "{refused}");
}

/// Every byte at which a kill or a power cut may have ended the last file.
#[test]
fn cut_at_every_byte_nothing_is_silent() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), "a");
    fill(&mut spool, 1, 40);
    drop(spool);
    let files = segments(folder.path(), 1);
    let last = files.last().unwrap();
    let whole = std::fs::read(last).unwrap();
    let first: u64 = last.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    for cut in 0..=whole.len() {
        std::fs::write(last, &whole[..cut]).unwrap();
        let spool = open(folder.path(), "b");
        let (seen, step) = read(&spool, 1, 1);
        assert_eq!(step, Step::End { clean: false });
        let there = contiguous(&seen, 1);
        let (whole_events, gaps): (Vec<_>, Vec<_>) = seen.into_iter().partition(|item| item.2.is_none());
        assert!(there >= first - 1, "{cut}: what lies in other files is there");
        assert_eq!(whole_events, events(1..=whole_events.len() as u64), "{cut}");
        let lost = there - whole_events.len() as u64;
        assert!(
            gaps.iter().all(|gap| gap.2.as_deref() == Some(reason::TORN)),
            "{cut}: {gaps:?}"
        );
        let torn = cut != 0 && Ends::of(&whole).at(cut).is_none();
        assert_eq!(lost, u64::from(torn), "{cut}");
        drop(spool);
        std::fs::remove_dir_all(folder.path().join("000002-b")).unwrap();
    }
}

/// What a power cut does to what was not brought to the disk: pages that never came are zeros, files end anywhere or are not there.
#[test]
fn after_a_power_cut_nothing_is_silent_and_nothing_comes_twice() {
    let mut random = 7_u64;
    let mut chance = move |of: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % of
    };
    for round in 0..300 {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = open(folder.path(), "a");
        fill(&mut spool, 1, 100 + chance(200));
        if chance(2) == 0 {
            spool.finish().unwrap();
        }
        drop(spool);
        let files = segments(folder.path(), 1);
        let synced = chance(files.len() as u64) as usize;
        for file in &files[synced..] {
            let mut bytes = std::fs::read(file).unwrap();
            match chance(6) {
                0 => std::fs::remove_file(file).unwrap(),
                1 => {}
                2 => {
                    bytes.truncate(chance(bytes.len() as u64 + 1) as usize);
                    std::fs::write(file, bytes).unwrap();
                }
                _ => {
                    for page in bytes.chunks_mut(256) {
                        if chance(3) == 0 {
                            page.fill(0);
                        }
                    }
                    std::fs::write(file, bytes).unwrap();
                }
            }
        }
        let spool = open(folder.path(), "b");
        let (seen, step) = read(&spool, 1, 1);
        assert!(matches!(step, Step::End { .. }), "{round}: {step:?}");
        let there = contiguous(&seen, 1);
        let kept = files.get(synced).map_or(0, |file| {
            let first: u64 = file.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            first - 1
        });
        assert!(there >= kept, "{round}: {there} of {kept}");
        let of_kept = seen.iter().take_while(|item| item.1 <= kept);
        assert!(
            of_kept.clone().all(|item| item.2.is_none()),
            "{round}: what was brought to the disk is there"
        );
        assert_eq!(of_kept.count() as u64, kept, "{round}");
    }
}

#[test]
fn a_file_that_is_gone_or_emptied_is_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), "a");
    fill(&mut spool, 1, 300);
    spool.finish().unwrap();
    drop(spool);
    let files = segments(folder.path(), 1);
    assert!(files.len() > 4, "{files:?}");
    std::fs::remove_file(&files[1]).unwrap();
    std::fs::write(&files[3], "").unwrap();
    let spool = open(folder.path(), "b");
    let (seen, step) = read(&spool, 1, 1);
    assert_eq!((contiguous(&seen, 1), step), (300, Step::End { clean: true }));
    let gaps: Vec<_> = seen.iter().filter(|item| item.2.is_some()).collect();
    assert_eq!(gaps.len(), 2);
    assert!(gaps.iter().all(|gap| gap.2.as_deref() == Some(reason::DAMAGED)));
}

#[test]
fn what_everybody_has_stored_is_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), "a");
    fill(&mut spool, 1, 300);
    let many = segments(folder.path(), 1).len();
    let (_, next) = spool.stored(1, 150, false).unwrap();
    assert!((150..300).contains(&next), "{next}");
    assert!(segments(folder.path(), 1).len() < many);
    let (seen, _) = read(&spool, 1, 1);
    assert_eq!(contiguous(&seen, 1), 300);
    assert_eq!(seen[0].2.as_deref(), Some(reason::ACKNOWLEDGED));
    assert!(seen[0].1 <= 150);
    spool.stored(1, 300, false);
    assert_eq!(
        segments(folder.path(), 1).len(),
        1,
        "the one that is written to stays"
    );
    fill(&mut spool, 301, 310);
    assert_eq!(read(&spool, 1, 301).0, events(301..=310));
    drop(spool);

    let mut spool = open(folder.path(), "b");
    fill(&mut spool, 1, 10);
    // The end of the boot before is not told yet.
    assert_eq!(spool.stored(1, 310, false), Some((2, 0)));
    assert_eq!(spool.shelf().boots().len(), 2);
    assert_eq!(spool.stored(2, 1, false), None);
    assert_eq!(spool.shelf().boots().len(), 1);
    assert_eq!(read(&spool, 1, 1), (vec![], Step::Gone));
    assert!(!folder.path().join("000001-a").exists());
    assert!(spool.take_dropped().is_empty());
}

#[test]
fn under_pressure_even_the_last_file_goes_once_all_of_it_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), "a");
    fill(&mut spool, 1, 10);
    assert_eq!(spool.stored(1, 9, true), Some((1, 10)));
    assert_eq!(segments(folder.path(), 1).len(), 1);
    assert_eq!(spool.stored(1, 10, true), None);
    assert_eq!(segments(folder.path(), 1).len(), 0);
    let gone = vec![(1, 10, Some(reason::ACKNOWLEDGED.to_owned()))];
    assert_eq!(read(&spool, 1, 1), (gone.clone(), Step::CaughtUp));
    fill(&mut spool, 11, 20);
    assert_eq!(read(&spool, 1, 1).0, [gone, events(11..=20)].concat());
}

#[test]
fn a_ceiling_takes_the_oldest_and_says_so_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let small = Limits {
        bytes: 8_000,
        ..limits()
    };
    let mut spool = Spool::open(folder.path(), "a", 5, small).unwrap().spool;
    fill(&mut spool, 1, 1_000);
    let check = |spool: &Spool, boot: u64| {
        assert!(spool.shelf().bytes() <= 8_000, "{}", spool.shelf().bytes());
        let (seen, _) = read(spool, boot, 1);
        assert_eq!(contiguous(&seen, 1), 1_000);
        let gaps: Vec<_> = seen.iter().filter(|item| item.2.is_some()).collect();
        assert_eq!(gaps.len(), 1, "{gaps:?}");
        assert_eq!(gaps[0].2.as_deref(), Some(reason::SPOOL_FULL));
        gaps[0].1
    };
    let last = check(&spool, 1);
    let dropped = spool.take_dropped();
    assert_eq!(dropped.first().unwrap().first, 1);
    assert_eq!(dropped.last().unwrap().last, last);
    assert!(dropped.windows(2).all(|pair| pair[1].first == pair[0].last + 1));
    drop(spool);
    // A new boot pushes out what is left of the old one.
    let mut spool = Spool::open(folder.path(), "b", 5, small).unwrap().spool;
    assert_eq!(check(&spool, 1), last);
    fill(&mut spool, 1, 1_000);
    check(&spool, 2);
    let (seen, step) = read(&spool, 1, 1);
    assert_eq!((contiguous(&seen, 1), step), (1_000, Step::End { clean: false }));
    assert!(
        seen.iter()
            .all(|item| item.2.as_deref() == Some(reason::SPOOL_FULL)),
        "{seen:?}"
    );
    let dropped = spool.take_dropped();
    assert_eq!(dropped[0].first, last + 1, "what was gone is not counted again");
}

#[test]
fn what_lies_in_the_way_costs_what_it_hides() {
    let folder = tempfile::tempdir().unwrap();
    for boot in ["a", "b", "c"] {
        let mut spool = open(folder.path(), boot);
        fill(&mut spool, 1, 160);
        spool.finish().unwrap();
    }
    // A folder where a file was, and a file where a folder was.
    let second = segments(folder.path(), 2);
    std::fs::remove_file(&second[1]).unwrap();
    std::fs::create_dir(&second[1]).unwrap();
    std::fs::remove_dir_all(folder.path().join("000003-c")).unwrap();
    std::fs::write(folder.path().join("000003-c"), "no folder").unwrap();
    let opened = Spool::open(folder.path(), "d", 5, limits()).unwrap();
    let mut strange = opened.strange.clone();
    strange.sort();
    assert_eq!(strange, [second[1].clone(), folder.path().join("000003-c")]);
    let numbers: Vec<u64> = opened
        .spool
        .shelf()
        .boots()
        .iter()
        .map(|boot| boot.number)
        .collect();
    assert_eq!(numbers, [1, 2, 4]);
    let (seen, step) = read(&opened.spool, 2, 1);
    assert_eq!((contiguous(&seen, 1), step), (160, Step::End { clean: true }));
    let gaps: Vec<_> = seen.iter().filter(|item| item.2.is_some()).collect();
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0].2.as_deref(), Some(reason::DAMAGED));
}

#[test]
fn more_starts_than_a_spool_holds_go_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for number in 1..=4_097 {
        std::fs::create_dir(folder.path().join(format!("{number:06}-n{number}"))).unwrap();
    }
    std::fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    let opened = Spool::open(folder.path(), "new", 5, limits()).unwrap();
    assert_eq!(opened.given_up, ["n1", "n2"]);
    assert_eq!(opened.strange, [folder.path().join("notes.txt")]);
    let boots = opened.spool.shelf().boots();
    assert_eq!(boots.len(), 4_096);
    assert_eq!((boots[0].number, boots[4_095].number), (3, 4_098));
}

#[test]
fn what_is_too_old_goes_with_that_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), "a");
    fill(&mut spool, 1, 100);
    spool.keep_to_age(SystemTime::now());
    assert!(spool.take_dropped().is_empty());
    spool.keep_to_age(SystemTime::now() + limits().age + Duration::from_secs(1));
    let (seen, _) = read(&spool, 1, 1);
    assert_eq!(contiguous(&seen, 1), 100);
    assert_eq!(seen[0].2.as_deref(), Some(reason::TOO_OLD));
    assert!(seen.last().unwrap().2.is_none(), "the file in use stays");
}

#[test]
fn a_gap_of_the_writer_keeps_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), "a");
    fill(&mut spool, 1, 3);
    let gap = Record::Gap {
        first: 4,
        last: 9,
        reason: "disk_full",
    };
    spool.append(4, 9, std::iter::once(gap)).unwrap();
    fill(&mut spool, 10, 12);
    let expected = [
        events(1..=3),
        vec![(4, 9, Some("disk_full".into()))],
        events(10..=12),
    ]
    .concat();
    assert_eq!(read(&spool, 1, 1).0, expected);
    assert_eq!(read(&spool, 1, 7).0[0], (7, 9, Some("disk_full".into())));
}

#[test]
fn nothing_is_given_beyond_what_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), "a");
    fill(&mut spool, 1, 100);
    let mut reader = Reader::new(spool.shelf(), 1, 1);
    let mut seen = Vec::new();
    while reader.next() <= 50 {
        reader.step(50, |item| keep(&mut seen, item)).unwrap();
    }
    assert_eq!(seen, events(1..=50));
    drain(&mut reader, &mut seen);
    assert_eq!(seen, events(1..=100));
}

#[test]
fn a_full_disk_costs_nothing_that_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), "a");
    fill(&mut spool, 1, 7);
    // The folder is gone from under it: no new segment can be begun.
    let moved = folder.path().join("moved");
    let place = folder.path().join("000001-a");
    std::fs::rename(&place, &moved).unwrap();
    std::fs::write(&place, "in the way").unwrap();
    let mut next = 8;
    while append(&mut spool, next, next).is_ok() {
        next += 1;
    }
    assert!(append(&mut spool, next, next).is_err());
    std::fs::remove_file(&place).unwrap();
    std::fs::rename(&moved, &place).unwrap();
    fill(&mut spool, next, next + 100);
    assert_eq!(read(&spool, 1, 1).0, events(1..=next + 100));
}

proptest! {
    /// Kills at any byte of the last file, damage anywhere, over several boots.
    #[test]
    fn whatever_happens_nothing_is_silent(
        boots in prop::collection::vec((1u64..120, any::<bool>(), any::<prop::sample::Index>(), prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0u8..8), 0..3)), 1..4),
        from in 1u64..130,
    ) {
        let folder = tempfile::tempdir().unwrap();
        for (number, (count, clean, cut, damage)) in boots.iter().enumerate() {
            let mut spool = open(folder.path(), &number.to_string());
            fill(&mut spool, 1, *count);
            if *clean {
                spool.finish().unwrap();
            }
            drop(spool);
            let files = segments(folder.path(), number as u64 + 1);
            let last = files.last().unwrap();
            let bytes = std::fs::read(last).unwrap();
            if !clean {
                std::fs::write(last, &bytes[..cut.index(bytes.len() + 1)]).unwrap();
            }
            for (file, at, bit) in damage {
                let file = &files[file.index(files.len())];
                let mut bytes = std::fs::read(file).unwrap();
                if !bytes.is_empty() {
                    let at = at.index(bytes.len());
                    bytes[at] ^= 1 << bit;
                    std::fs::write(file, bytes).unwrap();
                }
            }
        }
        let spool = open(folder.path(), "last");
        for (number, (count, clean, _, damage)) in boots.iter().enumerate() {
            let (seen, step) = read(&spool, number as u64 + 1, from);
            let there = contiguous(&seen, from);
            let kept = seen.iter().all(|item| item.2.as_deref() != Some("?"));
            prop_assert!(kept);
            if damage.is_empty() {
                prop_assert_eq!(step, Step::End { clean: *clean });
                if *clean {
                    prop_assert_eq!(there, (*count).max(from - 1));
                    prop_assert!(seen.iter().all(|item| item.2.is_none()));
                }
            } else {
                let ended = matches!(step, Step::End { .. });
                prop_assert!(ended);
            }
            // What is there is what was written: see `keep`.
            prop_assert!(there <= (*count).max(from - 1) + 1);
        }
    }

    #[test]
    fn any_bytes_harm_nobody(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        properties::spool(&bytes);
    }
}

#[test]
fn the_corpus_harms_nobody() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/spool");
    let mut files = 0;
    for file in std::fs::read_dir(corpus).unwrap() {
        properties::spool(&std::fs::read(file.unwrap().path()).unwrap());
        files += 1;
    }
    assert!(files > 3, "{files} files");
}
