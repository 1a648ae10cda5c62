//! The binary form: what goes in comes out, and no bytes whatever make it panic.

mod any;

use hotline_engine::codec::journal::{self, Head, JournalError, Reader, Record};
use hotline_engine::codec::{DecodeError, decode, encode};
use hotline_engine::config::Config;
use hotline_engine::ids::{CallId, CommandId};
use hotline_engine::input::Caller;
use hotline_engine::{Command, Input, Time};
use proptest::collection::vec;
use proptest::prelude::*;

use any::{config, input};

proptest! {
    #[test]
    fn what_is_written_is_read_back(input in input()) {
        prop_assert_eq!(decode(&encode(&input)), Ok(input));
    }

    #[test]
    fn no_bytes_whatever_make_the_decoder_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = decode::<Input>(&bytes);
        let _ = decode::<Config>(&bytes);
        let _ = decode::<Head>(&bytes);
        if let Ok((_, reader)) = Reader::open(&bytes) {
            prop_assert!(reader.count() < 200);
        }
    }

    #[test]
    fn a_changed_byte_makes_another_value_or_a_typed_error(input in input(), at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut bytes = encode(&input);
        let at = at.index(bytes.len());
        bytes[at] = to;
        let _ = decode::<Input>(&bytes);
    }

    #[test]
    fn a_journal_is_read_back_and_tells_where_it_is_torn(
        config in config(),
        inputs in vec((any::<u64>().prop_map(Time), input()), 0..8),
        cut in any::<prop::sample::Index>(),
        flip in any::<prop::sample::Index>(),
    ) {
        let head = Head { config, booted: Time(5), seed: 6 };
        let mut bytes = Vec::new();
        journal::write_head(&mut bytes, &head).unwrap();
        let mut ends = vec![bytes.len()];
        for (at, input) in &inputs {
            journal::write_record(&mut bytes, *at, input).unwrap();
            ends.push(bytes.len());
        }
        let (found, reader) = Reader::open(&bytes).unwrap();
        prop_assert_eq!(found, head);
        let records: Result<Vec<Record>, JournalError> = reader.collect();
        let expected: Vec<Record> = inputs.into_iter().map(|(at, input)| Record { at, input }).collect();
        prop_assert_eq!(&records, &Ok(expected.clone()));

        let cut = cut.index(bytes.len() + 1);
        match Reader::open(&bytes[..cut]) {
            Ok((_, mut reader)) => {
                let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
                let read: Vec<Record> = reader.by_ref().take(whole).map(Result::unwrap).collect();
                prop_assert_eq!(&read[..], &expected[..whole]);
                let end = if ends[whole] == cut { None } else { Some(Err(JournalError::Torn(ends[whole]))) };
                prop_assert_eq!(reader.next(), end);
                prop_assert_eq!(reader.next(), None);
            }
            Err(error) => prop_assert!(matches!(error, JournalError::Torn(_) | JournalError::NotAJournal)),
        }

        let flip = flip.index(bytes.len());
        bytes[flip] ^= 0x10;
        match Reader::open(&bytes) {
            Ok((_, reader)) => prop_assert!(reader.last().is_some_and(|last| last.is_err())),
            Err(_) => prop_assert!(flip < ends[0]),
        }
    }
}

#[test]
fn the_binary_form_of_this_version_stays_as_it_is() {
    let settings = crate::floor::config(
        vec![crate::floor::queue("a")],
        vec![crate::floor::agent("1", &["a"])],
    );
    let mut bytes = Vec::new();
    journal::write_head(
        &mut bytes,
        &Head {
            config: settings,
            booted: Time(300),
            seed: 4,
        },
    )
    .unwrap();
    let caller = Caller {
        number: "138".to_owned(),
        tier: "gold".to_owned(),
        priority: 9,
        skills: vec!["zh".to_owned()],
        ..Caller::default()
    };
    let join = Input::Join {
        call: CallId(1),
        queue: "a".to_owned(),
        caller,
    };
    journal::write_record(&mut bytes, Time(301), &join).unwrap();
    let lines: Vec<String> = bytes
        .chunks(16)
        .map(|line| {
            line.iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn bytes_left_over_and_lengths_beyond_the_end_are_errors() {
    assert_eq!(decode::<Input>(&[10, 0]), Err(DecodeError::LeftOver));
    assert_eq!(
        decode::<Input>(&[31]),
        Err(DecodeError::UnknownTag { of: "Input", tag: 31 })
    );
    assert_eq!(decode::<Input>(&[1, 0xff]), Err(DecodeError::Short));
    assert_eq!(
        decode::<Input>(&[0, 1, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        Err(DecodeError::Short)
    );
    assert_eq!(decode::<u64>(&[0xff; 11]), Err(DecodeError::TooLarge));
    assert_eq!(decode::<u64>(&encode(&u64::MAX)), Ok(u64::MAX));
    assert_eq!(decode::<u32>(&encode(&u64::MAX)), Err(DecodeError::TooLarge));
    assert_eq!(decode::<String>(&[1, 0xff]), Err(DecodeError::NotText));
}

#[test]
fn another_version_is_refused_by_its_number() {
    let mut bytes = journal::MAGIC.to_vec();
    bytes.extend_from_slice(&[2, 1]);
    assert_eq!(Reader::open(&bytes).unwrap_err(), JournalError::OtherVersion(258));
    assert_eq!(
        Reader::open(b"something else").unwrap_err(),
        JournalError::NotAJournal
    );
}

#[test]
fn an_input_too_long_for_a_journal_is_refused_and_leaves_it_as_it_was() {
    let mut bytes = vec![1, 2, 3];
    let command = Command::SignOut {
        agent: "x".repeat(journal::MAX_PAYLOAD),
    };
    let input = Input::Command {
        id: CommandId(1),
        author: String::new(),
        command,
    };
    assert_eq!(
        journal::write_record(&mut bytes, Time(1), &input),
        Err(journal::TooLong)
    );
    assert_eq!(bytes, [1, 2, 3]);
}
