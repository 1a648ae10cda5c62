//! What a settings file may say, and how a wrong one is refused.

use hotline_engine::config::{
    Answering, Band, Choice, Comfort, Disposition, Door, Exit, Exits, Greeting, HoldCare, Intro, Menu,
    NeedsAgents, Operation, Prompt, Queue, RecordingMode, Retrieve, Right, Steps, Strategy, Supervisor, Tone,
    Warnings, WrapUp,
};
use std::time::Duration;

use super::*;

#[test]
fn a_blacklist_is_read_with_its_defaults() {
    assert_eq!(settings(GOOD).blacklist, None);
    let blacklist = |lines: &str| {
        settings(&format!("{GOOD}\n[blacklist]\ndirectory = \"/d\"\n{lines}"))
            .blacklist
            .unwrap()
    };
    let plain = blacklist("");
    assert_eq!(plain.directory, Path::new("/d"));
    assert_eq!((plain.max_changes, plain.tarpit.calls), (200_000, 20));
    assert_eq!(plain.plan, hotline_blacklist::Plan::default());
    let full = blacklist(
        "index = \"/i\"\ncountry = \"39\"\ntrunk_prefix = \"\"\nplaces = [\"ivr,s,1\"]\nanonymous = \"divert:ivr,s,1\"\n\
         malformed = \"release:21\"\nsay = \"x\"\nwhisper = \"y\"\n[blacklist.tarpit]\nseconds = 5\ncalls = 0\n\
         [[blacklist.automatic]]\nname = \"a\"\ncalls_over = 5\nwithin_seconds = 60\n\
         [[blacklist.automatic]]\nname = \"b\"\nhang_ups_over = 3\nhung_up_within_seconds = 5\nwithin_seconds = 600\n\
         action = \"busy\"\nlasting_seconds = 60",
    );
    assert!(full.plan.describe().starts_with("+39"));
    assert_eq!(full.automatic[1].counted, Counted::HangUps(Span::seconds(5)));
    assert_eq!(full.automatic[0].action.to_string(), "flag");
}

#[test]
fn a_wrong_blacklist_is_named_by_line_and_key() {
    for (lines, expected) in [
        (
            "anonymous = \"block\"",
            "anonymous = \"block\" must be allow, flag, busy",
        ),
        (
            "anonymous = \"divert:ivr,s,1\"",
            "anonymous = \"divert:ivr,s,1\" leads to a place that is not among places",
        ),
        (
            "places = \"ivr\"",
            "places = \"ivr\" must be \"CONTEXT,EXTENSION,PRIORITY\"",
        ),
        ("country = \"x\"", "blacklist: a country code has 1 to 3 digits"),
        (
            "max_changes = 5",
            "max_changes = 5 must be a whole number from 1000",
        ),
        ("colour = 1", "there is no key \"colour\" here"),
        (
            "[[blacklist.automatic]]\nname = \"a\"",
            "calls_over or hang_ups_over is missing",
        ),
        (
            "[[blacklist.automatic]]\nname = \"a\"\ncalls_over = 1\nwithin_seconds = 1\naction = \"allow\"",
            "action = \"allow\" must be flag, busy",
        ),
        (
            "[[blacklist.automatic]]\nname = \"a\"\nhang_ups_over = 1\nwithin_seconds = 1",
            "hung_up_within_seconds is missing",
        ),
    ] {
        let refusal = refusal(&format!("node = \"n\"\n[blacklist]\ndirectory = \"/d\"\n{lines}"));
        assert!(refusal.contains(expected), "{refusal}");
        let line: usize = refusal.split(':').nth(1).unwrap().parse().unwrap();
        assert!(line >= 2, "{refusal}");
    }
}

const GOOD: &str = r#"
node = "pbx1"

[[tier]]
name = "bronze"
[[tier]]
name = "gold"
handicap_seconds = 120

[[queue]]
name = "support"
strategy = "ring-all"
wrap_up_seconds = 1.5

[[agent]]
number = "1001"
phone = "PJSIP/a1001"
queues = ["support:2"]
"#;

fn settings(text: &str) -> Settings {
    parse(text).map_err(|fault| fault.message).unwrap()
}

fn refusal(text: &str) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let error = load(file.path()).unwrap_err().to_string();
    error.replace(&file.path().display().to_string(), "FILE")
}

/// A file with one queue and these lines in it.
fn queue_with(lines: &str) -> String {
    format!(
        "node = \"n\"\n[[tier]]\nname = \"bronze\"\n[[menu]]\nname = \"m\"\nkeys = {{ 1 = \"wait\" }}\n\
         [[queue]]\nname = \"q\"\n{lines}\n"
    )
}

fn queue(lines: &str) -> Queue {
    settings(&queue_with(lines)).config.queues.remove(0)
}

fn queue_refusal(lines: &str) -> String {
    let refusal = refusal(&queue_with(lines));
    let message = refusal.strip_prefix("FILE:").unwrap();
    let (line, message) = message.split_once(": ").unwrap();
    // Counted from the queue's first line on.
    let line = line.parse::<usize>().unwrap() - 8;
    format!("{line}: {message}")
}

#[test]
fn a_good_file_is_read_with_its_defaults() {
    let settings = settings(GOOD);
    assert_eq!(settings.socket, Path::new("/run/hotline/pbx1.sock"));
    let config = settings.config;
    assert_eq!(config.tiers[1].handicap, Span::seconds(120));
    assert_eq!(
        config.queues[0],
        Queue {
            strategy: Strategy::RingAll,
            wrap_up: WrapUp::Timed(Span::millis(1_500)),
            ..Queue::named("support")
        }
    );
    assert_eq!(
        (
            config.agents[0].queues[0].level,
            config.agents[0].queues[0].weight
        ),
        (2, 1)
    );
    assert_eq!(config.agents[0].answering, Answering::Manual);
    let limits = config.limits;
    assert_eq!(
        (limits.calls, limits.remembered, limits.decisions),
        (50_000, 100_000, 65_536)
    );
}

#[test]
fn the_shipped_file_is_good_also_with_every_comment_taken_up() {
    let shipped = include_str!("../../../../packaging/hotline.toml");
    let plain = settings(shipped);
    assert_eq!(plain.node, "pbx1");
    let taken_up: String = shipped
        .lines()
        .map(|line| {
            let setting = line
                .strip_prefix('#')
                .filter(|rest| rest.starts_with(|c: char| c.is_alphabetic() || matches!(c, '[' | '"')));
            format!("{}\n", setting.unwrap_or(line))
        })
        .collect();
    assert!(
        taken_up.contains("\npin = ") && taken_up.contains("\n\"1\" = "),
        "{taken_up}"
    );
    let full = settings(&taken_up);
    let of_state = settings(&format!(
        "{GOOD}[state]\ndirectory = \"/var/lib/hotline/state\"\n"
    ));
    assert_eq!(full.spool, of_state.spool);
    let full = full.config;
    assert_eq!(full.queues[0].rules.len(), 3);
    assert_eq!(full.menus[0].keys.len(), 3);

    // What the comments call a default is one: nothing changes when it is taken up.
    let mut queue = full.queues[0].clone();
    let default = &plain.config.queues[0];
    assert_eq!(queue.callback.max, 100);
    queue.callback.max = default.callback.max;
    queue.callback.dial.clone_from(&default.callback.dial);
    queue.max_wait = default.max_wait;
    queue.tiers.clear();
    queue.exits = Exits::default();
    queue.warn = Warnings::default();
    queue.hold = HoldCare::default();
    let survey = queue.survey.take().unwrap();
    assert_eq!((survey.share, survey.min_talk), (100, Span::ZERO));
    assert_eq!(full.ivrs[0].timeout, Span::seconds(120));
    queue.spoken.clear();
    queue.greeting = Greeting::default();
    assert_eq!(queue.recording.mode, RecordingMode::Always);
    queue.recording = default.recording;
    queue.rules.clear();
    assert_eq!(queue, *default);
    assert_eq!(full.limits, plain.config.limits);
    assert_eq!(full.misses, plain.config.misses);
    assert_eq!(full.agents, plain.config.agents);
}

#[test]
fn a_spool_is_where_the_state_is_or_where_it_is_wanted() {
    let spool = |lines: &str| settings(&format!("{GOOD}{lines}")).spool;
    assert_eq!(spool(""), None);
    let of_state = spool("[state]\ndirectory = \"/s\"\n").unwrap();
    assert_eq!(of_state.directory, Path::new("/s"));
    assert_eq!((of_state.max_mib, of_state.max_days), (4_096, 30));
    assert_eq!(of_state.sync_every, Duration::from_millis(100));
    let own = "[spool]\ndirectory = \"/p\"\nmax_mib = 16\nmax_days = 3\nsync_ms = 0\n";
    let expected = SpoolSettings {
        directory: "/p".into(),
        max_mib: 16,
        max_days: 3,
        sync_every: Duration::ZERO,
    };
    assert_eq!(spool(own), Some(expected.clone()));
    assert_eq!(
        spool(&format!("[state]\ndirectory = \"/s\"\n{own}")),
        Some(expected)
    );
    assert_eq!(spool("[state]\ndirectory = \"/s\"\n[spool]\nmax_mib = 0\n"), None);
    for (lines, complaint) in [
        ("[spool]\nmax_mib = 5\n", "directory"),
        ("[spool]\ndirectory = \"\"\n", "must not be empty"),
        ("[spool]\ndirectory = \"/p\"\nmax_days = 0\n", "from 1 to 3650"),
        (
            "[spool]\ndirectory = \"/p\"\nsync_ms = 60001\n",
            "from 0 to 60000",
        ),
        ("[spool]\ndirectory = \"/p\"\nmax_gib = 1\n", "there is no key"),
    ] {
        let refused = refusal(&format!("{GOOD}{lines}"));
        assert!(refused.contains(complaint), "{refused}");
    }
}

#[test]
fn ways_out_are_words_or_tables_with_words_to_say() {
    let queue = queue(
        r#"
[queue.callback]
[queue.exits]
full = "busy"
timeout = "callback"
no_agents = "place:night,s,1"
closed = { to = "onward", say = ["closed", "retry-in", "file:wait"] }
emergency = { to = "queue:q" }
"#,
    );
    let exits = queue.exits;
    assert_eq!(exits.full.to, Exit::Busy);
    assert_eq!(exits.timeout.to, Exit::Callback);
    assert_eq!(exits.no_agents.to, Exit::Place("night,s,1".into()));
    assert_eq!(exits.closed.to, Exit::Onward);
    let file = |name: &str| Prompt::File(name.into());
    assert_eq!(exits.closed.say, [file("closed"), Prompt::RetryIn, file("wait")]);
    assert_eq!(exits.emergency.to, Exit::Queue("q".into()));
    let callback = queue.callback;
    assert_eq!((callback.max, callback.attempts), (100, 3));
    assert_eq!(callback.dial, "Local/{number}@hotline-callback");
}

#[test]
fn a_rule_does_things_in_a_fixed_order() {
    let mut queue = queue(
        r#"
[[queue.rules]]
divert = "busy"
say = "position"
menu = "m"
raise_seconds = 5
add_queue = "q"
drop_skill = ["a", "b"]
accept_level = 3
after_seconds = 30
every_seconds = 60
tiers = "bronze"
predicted_wait_seconds = 120
waiting = { over = 20, until = 10 }
"#,
    );
    let rule = queue.rules.remove(0);
    assert_eq!(
        (rule.after, rule.every),
        (Span::seconds(30), Some(Span::seconds(60)))
    );
    assert_eq!(rule.tiers, ["bronze"]);
    let (over, until) = (120_000_000, 120_000_000);
    assert_eq!(rule.predicted_wait, Some(Band { over, until }));
    assert_eq!(rule.waiting, Some(Band { over: 20, until: 10 }));
    let expected = [
        Operation::AcceptLevel(3),
        Operation::DropSkill("a".into()),
        Operation::DropSkill("b".into()),
        Operation::AddQueue("q".into()),
        Operation::Raise(Span::seconds(5)),
        Operation::Say(vec![Prompt::Position]),
        Operation::Menu("m".into()),
    ];
    assert_eq!(rule.then[..7], expected);
    assert!(matches!(&rule.then[7], Operation::Divert(way) if way.to == Exit::Busy));
}

#[test]
fn queues_have_doors_levels_skills_and_limits() {
    let queue = queue(
        r#"
door = "emergency"
needs_agents = "at-work"
wrap_up_seconds = "manual"
skills = ["a", "b"]
level = 2
[queue.tiers.bronze]
max_waiting = 5
max_wait_seconds = 60
[queue.warn]
wait = 30
talk = [60, 90.5]
hold = { at = [60], every_seconds = 30 }
[queue.hold]
say = ["please", "file:position"]
every_seconds = 60
retrieve_after_seconds = 180
[queue.greeting]
caller = ["you-talk-with", "agent", "file:agent"]
agent = "queue"
"#,
    );
    assert_eq!(queue.door, Door::Emergency);
    assert_eq!(queue.needs_agents, NeedsAgents::AtWork);
    assert_eq!(queue.wrap_up, WrapUp::Manual);
    assert_eq!((queue.skills.len(), queue.level), (2, 2));
    assert_eq!(
        (queue.tiers[0].max_waiting, queue.tiers[0].max_wait),
        (Some(5), Some(Span::seconds(60)))
    );
    let steps = |at: &[u64], every| Steps {
        at: at.iter().map(|at| Span::millis(*at)).collect(),
        every,
    };
    assert_eq!(queue.warn.wait, steps(&[30_000], None));
    assert_eq!(queue.warn.talk, steps(&[60_000, 90_500], None));
    assert_eq!(queue.warn.hold, steps(&[60_000], Some(Span::seconds(30))));
    let file = |name: &str| Intro::File(name.to_owned());
    let to_caller = vec![file("you-talk-with"), Intro::Agent, file("agent")];
    assert_eq!(queue.greeting.caller, to_caller);
    assert_eq!(queue.greeting.agent, [Intro::Queue]);
    let comfort = Comfort {
        after: Span::seconds(30),
        every: Some(Span::seconds(60)),
        say: vec!["please".into(), "position".into()],
    };
    let retrieve = Retrieve {
        after: Span::seconds(180),
        event: "talk".into(),
        unannounced: false,
        patience: Span::seconds(5),
    };
    assert_eq!(
        (queue.hold.comfort, queue.hold.retrieve),
        (Some(comfort), Some(retrieve))
    );
    for (word, needs) in [
        ("false", NeedsAgents::None),
        ("true", NeedsAgents::SignedIn),
        ("\"signed-in\"", NeedsAgents::SignedIn),
    ] {
        assert_eq!(self::queue(&format!("needs_agents = {word}")).needs_agents, needs);
    }
}

#[test]
fn menus_reasons_and_agents_are_read() {
    let text = format!(
        "{}{}",
        queue_with("[queue.callback]"),
        r#"
[[menu]]
name = "full"
say = ["hello", "wait"]
lasting_seconds = 20
[menu.keys]
"0" = { to = "wait", say = "wait" }
"1" = { to = "callback", say = "bye" }
"*" = "place:main,s,1"
[[reason]]
name = "lunch break"
warn = [900, 1200]
[[agent]]
number = "1001"
answering = "automatic"
skills = ["english"]
queues = [{ queue = "q", level = 3, weight = 9 }]
"#
    );
    let config = settings(&text).config;
    let Menu {
        say, lasting, keys, ..
    } = &config.menus[1];
    assert_eq!(*say, [Prompt::File("hello".into()), Prompt::Wait]);
    assert_eq!(*lasting, Span::seconds(20));
    let of = |wanted| &keys.iter().find(|key| key.key == wanted).unwrap().choice;
    let say = vec![Prompt::Wait];
    assert_eq!(*of('0'), Choice::Wait { say });
    assert!(matches!(of('1'), Choice::Leave(way) if way.to == Exit::Callback && way.say.len() == 1));
    assert!(matches!(of('*'), Choice::Leave(way) if way.to == Exit::Place("main,s,1".into())));
    assert_eq!(config.reasons[0].name, "lunch break");
    assert_eq!(config.reasons[0].warn.at.len(), 2);
    let agent = &config.agents[0];
    assert_eq!(agent.answering, Answering::Automatic);
    assert_eq!(agent.skills, ["english"]);
    assert_eq!((agent.queues[0].level, agent.queues[0].weight), (3, 9));
}

#[test]
fn a_bad_file_is_refused_with_line_and_key() {
    assert_eq!(
        refusal(&GOOD.replace("handicap_seconds", "handicap")),
        "FILE:8: there is no key \"handicap\" here; there are handicap_seconds, name, spoken"
    );
    assert_eq!(
        refusal(&GOOD.replace("support:2", "sales")),
        "FILE:18: queues: there is no queue \"sales\""
    );
    assert_eq!(
        refusal(&GOOD.replace("support:2", "support:0")),
        "FILE:18: queues = \"support:0\" has no level from 1 to 255"
    );
    assert_eq!(
        refusal(&GOOD.replace("= 1.5", "= -1")),
        "FILE:13: wrap_up_seconds = -1 must be 0 to 604800 seconds, or \"manual\""
    );
    assert_eq!(
        refusal(&GOOD.replace("bronze", "gold")),
        "FILE:7: tier \"gold\" is there twice"
    );
    assert_eq!(
        refusal("node = \"a b\""),
        "FILE:1: node = \"a b\" must be a name: letters, digits, '_', '-' and '.', 1 to 64 bytes"
    );
    assert_eq!(refusal(""), "FILE:1: node is missing");
    assert!(refusal("node = ").starts_with("FILE:1: "));
    assert_eq!(
        refusal("node = \"n\"\n[[agent]]\nnumber = \"1\"\npin = 4711"),
        "FILE:4: pin must be text in quotes"
    );
    assert_eq!(
        refusal("node = \"n\"\n[limits]\ncalls = 0"),
        "FILE:3: calls = 0 must be a whole number from 1 to 1000000"
    );
    let twice = "\nphone = \"X/1\"\nalways_signed_in = true\n";
    assert_eq!(
        refusal(&format!(
            "node = \"n\"\n[[agent]]\nnumber = \"1\"{twice}[[agent]]\nnumber = \"2\"{twice}"
        )),
        "FILE:9: always_signed_in = true on the phone of agent \"1\", who is as well"
    );
}

#[test]
fn a_bad_queue_is_refused_with_line_key_and_what_is_allowed() {
    for (lines, expected) in [
        (
            "strategy = \"best\"",
            "1: strategy = \"best\" must be one of \"longest-idle\", \"ring-all\", \"round-robin\", \"fewest-calls\", \
             \"least-talk-time\", \"random\", \"linear\", \"weighted-random\", \"skill-level\"",
        ),
        ("level = 0", "1: level = 0 must be a whole number from 1 to 255"),
        (
            "level = 2.0",
            "1: level = 2.0 must be a whole number from 1 to 255",
        ),
        (
            "ring_seconds = 0",
            "1: ring_seconds = 0 must be more than 0 seconds",
        ),
        (
            "needs_agents = \"some\"",
            "1: needs_agents = \"some\" must be false, true, \"signed-in\" or \"at-work\"",
        ),
        ("skills = [\"a\", \"a\"]", "1: skill \"a\" is there twice"),
        (
            "[queue.tiers.lead]\nmax_waiting = 1",
            "1: lead: there is no tier \"lead\"",
        ),
        (
            "[queue.exits]\nfull = \"nowhere\"",
            "2: full = \"nowhere\" must be \"onward\", \"place:CONTEXT,EXTENSION,PRIORITY\", \"queue:NAME\", \"busy\" or \
             \"callback\"",
        ),
        (
            "[queue.exits]\nfull = \"queue:x\"",
            "2: full: there is no queue \"x\"",
        ),
        (
            "[queue.exits]\nfull = \"callback\"",
            "2: full = \"callback\" needs [queue.callback] with a max of at least 1",
        ),
        (
            "[queue.exits]\nfull = { to = \"queue:q\", say = \"x\" }",
            "2: say = \"x\" is never heard on the way to another queue; leave it out",
        ),
        (
            "[queue.exits]\nfull = { to = \"busy\", say = [\"x\",\n\"position\"] }",
            "2: say = [\"x\",… cannot be told to who leaves the queue; \"retry-in\" is the only figure",
        ),
        (
            "[queue.callback]\ndial = \"Local/x\"",
            "2: dial = \"Local/x\" must be one dial string with {number} in it",
        ),
        (
            "[queue.hold]\nafter_seconds = 5",
            "2: after_seconds = 5 is for a prompt; give it one by say",
        ),
        (
            "[queue.hold]\nsay = [\"x\", \"position\"]",
            "2: say = \"position\" is a figure of a caller who waits; on hold there are sound files alone",
        ),
        (
            "[queue.hold]\nsay = []",
            "2: say = [] must be a sound file, or a list of some",
        ),
        (
            "[queue.hold]\nsay = \"x\"\nevery_seconds = 0.5",
            "3: every_seconds = 0.5 must be 1 to 604800 seconds",
        ),
        (
            "[queue.hold]\nretrieve_event = \"talk\"",
            "2: retrieve_event = \"talk\" is for retrieving; give it a time by retrieve_after_seconds",
        ),
        (
            "[queue.hold]\nretrieve_after_seconds = 9\nretrieve_event = \"a b\"",
            "3: retrieve_event = \"a b\" must be letters, digits, '-', '_' and '.', 1 to 64 bytes",
        ),
        (
            "[queue.warn]\nhold = [60, 60]",
            "2: hold = 60 must be more than the level before",
        ),
        (
            "[queue.warn]\nhold = [1, 2, 3, 4, 5, 6, 7, 8, 9]",
            "2: hold = 9 is one too many: 8 at most",
        ),
        (
            "[[queue.rules]]\nafter_seconds = 3",
            "1: the rule does nothing; give it accept_level, drop_skill, add_queue, raise_seconds, say, menu or divert",
        ),
        ("[[queue.rules]]\nmenu = \"x\"", "2: menu: there is no menu \"x\""),
        (
            "[[queue.rules]]\nsay = \"x\"\nevery_seconds = 0.5",
            "3: every_seconds = 0.5 must be 1 to 604800 seconds",
        ),
        (
            "[[queue.rules]]\nsay = \"x\"\nwaiting = { over = 3, until = 4 }",
            "3: until = 4 must be at most what over is",
        ),
        (
            "[[queue.rules]]\nsay = \"x\"\nraise = 4",
            "3: there is no key \"raise\" here; there are accept_level, add_queue, after_seconds, divert, drop_skill, \
             every_seconds, menu, predicted_wait_seconds, raise_seconds, say, tiers, waiting",
        ),
        (
            "[[menu]]\nname = \"x\"\n[menu.keys]\n\"10\" = \"wait\"",
            "4: \"10\" is no key; there are 0 to 9, * and #",
        ),
        ("[[reason]]\nname = \"\"", "2: name = \"\" must not be empty"),
    ] {
        assert_eq!(queue_refusal(lines), expected, "{lines}");
    }
}

fn supervisors(lines: &str) -> String {
    format!("node = \"n\"\n[[supervisor]]\nnumber = \"9001\"\n{lines}\n")
}

#[test]
fn supervisors_have_phones_or_a_pin_and_rights() {
    let settings = settings(&supervisors(
        "name = \"Ma Bing\"\nphones = \"PJSIP/s1\"\nmay = [\"listen\", \"barge\"]\n\
         [[supervisor]]\nnumber = \"9002\"\npin = \"4711\"\n\
         [supervision]\nmax_monitors = 7\nring_seconds = 9\nanswering = \"manual\"\n\
         barge_tone = { hertz = 800, milliseconds = 250 }",
    ));
    let config = &settings.config;
    assert_eq!(
        config.supervisors,
        [
            Supervisor {
                number: "9001".into(),
                name: "Ma Bing".into(),
                phones: vec!["PJSIP/s1".into()],
                may: vec![Right::Listen, Right::Barge],
            },
            Supervisor::numbered("9002"),
        ]
    );
    assert!(settings.supervisor_pins["9002"].matches("4711"));
    let supervision = &config.supervision;
    assert_eq!(
        (
            supervision.max_monitors,
            supervision.ring_time,
            supervision.answering
        ),
        (7, Span::seconds(9), Answering::Manual)
    );
    let lasting = Span(250_000);
    assert_eq!(supervision.tone, Some(Tone { hertz: 800, lasting }));
    let silent = parse("node = \"n\"\n[supervision]\nbarge_tone = \"none\"").map(|silent| silent.config);
    assert!(silent.is_ok_and(|config| config.supervision.tone.is_none()));
}

#[test]
fn a_wrong_supervisor_is_refused_with_its_line() {
    for (lines, expected) in [
        (
            "",
            "FILE:3: supervisor \"9001\" needs a pin, or phones that nobody else can use: anybody could sign in otherwise",
        ),
        ("phones = \"\"", "FILE:4: phones = \"\" must not be empty"),
        (
            "pin = \"1\"\nmay = \"shout\"",
            "FILE:5: may = \"shout\" must be one of \"listen\", \"whisper\", \"barge\", \"takeover\", \"disconnect\"",
        ),
        (
            "pin = \"x\"",
            "FILE:4: pin must be 1 to 16 digits, or an argon2 hash",
        ),
        (
            "pin = \"1\"\n[[supervisor]]\nnumber = \"9001\"",
            "FILE:6: supervisor \"9001\" is there twice",
        ),
        (
            "pin = \"1\"\n[supervision]\nbarge_tone = { hertz = 50, milliseconds = 100 }",
            "FILE:6: hertz = 50 must be a whole number from 100 to 3400",
        ),
        (
            "pin = \"1\"\n[supervision]\nring_seconds = 0",
            "FILE:6: ring_seconds = 0 must be more than 0 seconds",
        ),
    ] {
        assert_eq!(refusal(&supervisors(lines)), expected, "{lines}");
    }
}

#[test]
fn what_calls_can_have_been_about_is_a_list() {
    let settings = settings(
        "node = \"n\"\n[[queue]]\nname = \"support\"\nneeds_disposition = true\n\
         [[disposition]]\ncode = \"01\"\nlabel = \"Sale\"\nresolved = true\nqueues = \"support\"\n\
         [[disposition]]\ncode = \"07\"\nlabel = { zh = \"投诉\" }\ncomplaint = true\nfollow_up = true\n",
    );
    let sale = Disposition {
        code: "01".into(),
        zh: "Sale".into(),
        en: "Sale".into(),
        resolved: true,
        queues: vec!["support".into()],
        ..Disposition::default()
    };
    let complaint = Disposition {
        code: "07".into(),
        zh: "投诉".into(),
        complaint: true,
        follow_up: true,
        ..Disposition::default()
    };
    assert_eq!(settings.config.dispositions, [sale, complaint]);
    assert!(settings.config.queues[0].needs_disposition);
    for (lines, expected) in [
        ("", "FILE:2: code is missing"),
        (
            "code = \"1\"\n[[disposition]]\ncode = \"1\"",
            "FILE:5: disposition \"1\" is there twice",
        ),
        (
            "code = \"1\"\nqueues = \"nowhere\"",
            "FILE:4: queues: there is no queue \"nowhere\"",
        ),
        (
            "code = \"1\"\ncomplaint = \"no\"",
            "FILE:4: complaint = \"no\" must be true or false",
        ),
    ] {
        let text = format!("node = \"n\"\n[[disposition]]\n{lines}\n");
        assert_eq!(refusal(&text), expected, "{lines}");
    }
    let none = "node = \"n\"\n[[queue]]\nname = \"support\"\nneeds_disposition = true\n";
    assert_eq!(
        refusal(none),
        "FILE: queue \"support\": requires a disposition, and none is defined for it"
    );
}

#[test]
fn recordings_have_a_folder_and_a_mode() {
    let with = |global: &str, of_queue: &str| {
        format!("node = \"n\"\n{global}\n[[queue]]\nname = \"q\"\nrecording = {{ {of_queue} }}\n")
    };
    let folder = "[recording]\nfolder = \"/r\"";
    let good = settings(&with(folder, "mode = \"always\", percent = 20"));
    let recording = good.recording.unwrap();
    assert_eq!((recording.format, recording.keep_free_mib), ("wav", 1_024));
    let of_queue = good.config.queues[0].recording;
    assert_eq!((of_queue.mode, of_queue.percent), (RecordingMode::Always, 20));
    let off = settings(&with("", "mode = \"never\"")).recording;
    assert_eq!(off, None);
    for (global, of_queue, why) in [
        ("", "mode = \"always\"", "[recording] folder"),
        (folder, "percent = 20", "mode"),
        (folder, "mode = \"on-demand\", percent = 20", "for mode"),
        (folder, "mode = \"always\", percent = 101", "1 to 100"),
        (folder, "mode = \"sometimes\"", "on-demand"),
        ("[recording]\nfolder = \"r\"", "mode = \"never\"", "whole name"),
        ("[recording]\nfolder = \"/a,b\"", "mode = \"never\"", "commas"),
        (
            "[recording]\nfolder = \"/r\"\nformat = \"mp3\"",
            "mode = \"never\"",
            "wav16",
        ),
    ] {
        let said = refusal(&with(global, of_queue));
        assert!(said.contains(why), "{said}");
    }
}
