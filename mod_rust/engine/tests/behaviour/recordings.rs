//! Conversations are recorded by rule and on demand, and only what the host says counts.

use hotline_engine::action::{CommandOutcome, Refusal};
use hotline_engine::chance::{Draw, share};
use hotline_engine::config::{Queue, Recording, RecordingMode};
use hotline_engine::event::{RecordingFailure, RecordingStep};
use hotline_engine::ids::{CallId, RecordingId};
use hotline_engine::input::{Party, RecordOrder, RecordingFact};
use hotline_engine::{Action, Command, Event, Input, Span};

use crate::floor::{Floor, agent, queue, refused};

const PENDING: Option<CommandOutcome> = Some(CommandOutcome::Pending);
const DONE: CommandOutcome = CommandOutcome::Done;

fn floor(mode: RecordingMode) -> Floor {
    let support = Queue {
        recording: Recording { mode, percent: 100 },
        ..queue("support")
    };
    let mut floor = Floor::staffed(vec![support], vec![agent("1", &["support"])]);
    floor.join(1, "support").talks(1);
    floor
}

fn ask(floor: &mut Floor, order: RecordOrder) -> Option<CommandOutcome> {
    let agent = "1".to_owned();
    floor.ask("agent:1", Command::Record { agent, order })
}

fn says(floor: &mut Floor, recording: u64, fact: RecordingFact) {
    let recording = RecordingId(recording);
    floor.input(Input::Recording { recording, fact });
}

fn starts(floor: &mut Floor, recording: u64) {
    let file = format!("day/{recording}");
    says(floor, recording, RecordingFact::Started { file });
}

fn ordered(floor: &Floor, recording: u64, order: RecordOrder) -> bool {
    floor.actions.contains(&Action::Record {
        recording: RecordingId(recording),
        call: CallId(1),
        order,
    })
}

fn steps(floor: &Floor) -> Vec<RecordingStep> {
    let steps = floor.events.iter().filter_map(|event| match event {
        Event::Recording { step, .. } => Some(step.clone()),
        _ => None,
    });
    steps.collect()
}

fn answered(floor: &Floor) -> Vec<CommandOutcome> {
    floor.answers().into_iter().map(|(_, outcome)| outcome).collect()
}

fn end(floor: &mut Floor) {
    floor.input(Input::Ended {
        call: CallId(1),
        by: Party::Caller,
        phone: hotline_engine::input::PhoneState::Available,
    });
}

#[test]
fn a_rule_records_from_the_first_word_to_the_last() {
    let mut floor = floor(RecordingMode::Always);
    assert!(ordered(&floor, 1, RecordOrder::Start));
    assert_eq!(floor.call(1).recording, None);
    starts(&mut floor, 1);
    assert!(matches!(&steps(&floor)[..], [RecordingStep::Started { author, .. }] if author.is_empty()));
    assert!(floor.call(1).recording.is_some());
    assert_eq!(ask(&mut floor, RecordOrder::Start), refused(Refusal::NothingToDo));
    assert_eq!(
        ask(&mut floor, RecordOrder::Stop),
        refused(Refusal::RecordedByRule)
    );
    floor.pass(5);
    end(&mut floor);
    assert!(ordered(&floor, 1, RecordOrder::Stop));
    // The files are closed later, which makes it no longer.
    floor.pass(3);
    says(&mut floor, 1, RecordingFact::Finished { bytes: 7 });
    let file = "day/1".to_owned();
    let (lasted, paused) = (Span::seconds(5), Span::ZERO);
    let finished = RecordingStep::Finished {
        file,
        lasted,
        paused,
        bytes: 7,
    };
    assert_eq!(steps(&floor), [finished]);
    says(&mut floor, 1, RecordingFact::Finished { bytes: 7 });
    assert_eq!(steps(&floor), []);
}

#[test]
fn on_demand_with_pauses() {
    let mut floor = floor(RecordingMode::OnDemand);
    for order in [RecordOrder::Stop, RecordOrder::Pause, RecordOrder::Resume] {
        assert_eq!(ask(&mut floor, order), refused(Refusal::NotRecorded));
    }
    assert_eq!(ask(&mut floor, RecordOrder::Start), PENDING);
    starts(&mut floor, 1);
    assert_eq!(answered(&floor), [DONE]);
    floor.pass(1);
    assert_eq!(
        ask(&mut floor, RecordOrder::Resume),
        refused(Refusal::NothingToDo)
    );
    assert_eq!(ask(&mut floor, RecordOrder::Pause), PENDING);
    assert_eq!(ask(&mut floor, RecordOrder::Pause), refused(Refusal::NothingToDo));
    says(&mut floor, 1, RecordingFact::Paused);
    assert_eq!(answered(&floor), [DONE]);
    assert!(floor.call(1).recording.is_some_and(|recording| recording.paused));
    floor.pass(4);
    assert_eq!(ask(&mut floor, RecordOrder::Resume), PENDING);
    says(&mut floor, 1, RecordingFact::Resumed);
    floor.pass(2);
    assert_eq!(ask(&mut floor, RecordOrder::Stop), PENDING);
    // The next may begin before the files of this one are closed.
    assert_eq!(ask(&mut floor, RecordOrder::Start), PENDING);
    starts(&mut floor, 2);
    says(&mut floor, 1, RecordingFact::Finished { bytes: 1 });
    assert_eq!(answered(&floor), [DONE]);
    let file = "day/1".to_owned();
    let (lasted, paused) = (Span::seconds(7), Span::seconds(4));
    let finished = RecordingStep::Finished {
        file,
        lasted,
        paused,
        bytes: 1,
    };
    assert_eq!(steps(&floor), [finished]);
    assert_eq!(
        floor.call(1).recording.map(|recording| recording.recording),
        Some(RecordingId(2))
    );
}

#[test]
fn what_fails_is_told_and_the_call_goes_on() {
    let mut floor = floor(RecordingMode::OnDemand);
    assert_eq!(ask(&mut floor, RecordOrder::Start), PENDING);
    let why = RecordingFailure::DiskFull;
    says(&mut floor, 1, RecordingFact::Failed { why, bytes: 0 });
    assert_eq!(
        answered(&floor),
        [CommandOutcome::Refused(Refusal::RecorderFailed)]
    );
    assert!(matches!(&steps(&floor)[..], [RecordingStep::Failed { file, .. }] if file.is_empty()));
    assert!(floor.call(1).connected.is_some());
    // Another try is another recording.
    assert_eq!(ask(&mut floor, RecordOrder::Start), PENDING);
    assert!(ordered(&floor, 2, RecordOrder::Start));
}

#[test]
fn nothing_is_recorded_where_the_settings_say_so() {
    let mut floor = floor(RecordingMode::Never);
    assert_eq!(
        ask(&mut floor, RecordOrder::Start),
        refused(Refusal::RecordingOff)
    );
    end(&mut floor);
    assert_eq!(ask(&mut floor, RecordOrder::Start), refused(Refusal::NotTalking));
}

#[test]
fn a_share_of_all_calls_is_about_that() {
    let share_of = |seed| {
        (0..10_000)
            .filter(|call| share(seed, Draw::Recording, CallId(*call)) < 30)
            .count()
    };
    for seed in 0..5 {
        assert!((2_800..3_200).contains(&share_of(seed)), "{}", share_of(seed));
    }
    assert!((0..10_000).all(|call| share(1, Draw::Recording, CallId(call)) < 100));
}
