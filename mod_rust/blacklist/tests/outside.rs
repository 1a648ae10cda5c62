//! What comes from outside harms nobody: bytes by chance, texts that are nearly right, and the corpus of the fuzzing
//! programs, in which is whatever they ever found.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "outside/properties.rs"]
mod properties;

use hotline_blacklist::csv::{self, OnBad, Rules};
use hotline_blacklist::index::Builder;
use hotline_blacklist::{Index, Plan};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus")
}

/// Every file of a program's corpus; there must be some.
fn each(name: &str, check: fn(&[u8])) {
    let mut files = 0;
    for file in std::fs::read_dir(corpus().join(name)).unwrap() {
        check(&std::fs::read(file.unwrap().path()).unwrap());
        files += 1;
    }
    assert!(files > 3, "{name} has {files} files");
}

#[test]
fn the_corpus_harms_nobody() {
    each("number", properties::number);
    each("pattern", properties::pattern);
    each("index", properties::index);
    each("csv", properties::csv);
}

/// The form of an index may change only with its version: the one of the corpus must be what is built today.
#[test]
fn the_corpus_has_an_index_of_this_version() {
    let of = |name: &str| std::fs::read(corpus().join(name)).unwrap();
    let plan = Plan::default();
    let mut builder = Builder::new(&plan);
    let rules = Rules {
        plan: &plan,
        author: "li",
        reason: "",
        added: 1,
    };
    let report = csv::read(&*of("csv/every_field.csv"), &rules, OnBad::Refuse, |entry| {
        builder
            .add(&entry)
            .map_err(|why| csv::Unwanted::Line(why.to_string()))
    });
    let built = builder.finish(42).unwrap();
    assert_eq!(
        report.unwrap().taken,
        Index::from_bytes(built.clone(), &plan).unwrap().len()
    );
    let path = corpus().join("index/every_field.index");
    if std::env::var_os("UPDATE_CORPUS").is_some() {
        std::fs::write(&path, &built).unwrap();
    }
    assert!(
        of("index/every_field.index") == built,
        "raise the version of the index; UPDATE_CORPUS=1 writes {} anew",
        path.display()
    );
}

proptest! {
    #[test]
    fn any_bytes_harm_nobody(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        properties::number(&bytes);
        properties::pattern(&bytes);
        properties::index(&bytes);
        properties::csv(&bytes);
    }

    #[test]
    fn nearly_a_number(text in "[+0-9 ()./０-９-]{0,26}") {
        properties::number(text.as_bytes());
    }

    #[test]
    fn nearly_a_pattern(text in "_?\\+?[0-9XNZxnz .-]{0,14}(\\[[0-9-]{0,4}\\]?)?[0-9XNZ]{0,5}[.!*]{0,2}") {
        properties::pattern(text.as_bytes());
    }

    #[test]
    fn nearly_an_index(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6), cut in 0usize..40) {
        let mut bytes = std::fs::read(corpus().join("index/every_field.index")).unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(bytes.len() - cut);
        properties::index(&bytes);
    }

    #[test]
    fn nearly_a_list(
        columns in prop::collection::vec(prop::sample::select(&csv::COLUMNS[..]), 1..4),
        lines in prop::collection::vec("(1380013[0-9]{4}|138\\*|_138[XNZ]{8}|[a-z\"]{0,3})(,(busy|allow|release:1[67]|divert:a,s,1|\"x|gold|2026-01-01T00:00:00Z|)){0,3}", 0..6),
    ) {
        let text = format!("number,{}\n{}\n", columns.join(","), lines.join("\n"));
        properties::csv(text.as_bytes());
    }
}
