//! The operator at Asterisk's own CLI: documentation, tables, completion.

use anyhow::Result;
use hotline_testbed::bed::Bed;

use crate::EXTENSIONS;

#[test]
fn asterisk_explains_the_application_with_every_status() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let text = bed.asterisk.cli("core show application Hotline")?;
    for word in [
        "ANSWERED",
        "TIMEOUT",
        "FULL",
        "NOAGENTS",
        "UNKNOWNQUEUE",
        "CLOSED",
        "EMERGENCY",
        "DIVERTED",
        "LEFT",
        "CALLBACK",
        "WITHDRAWN",
        "TRANSFERRED",
        "BLOCKED",
        "ERROR",
        "HOTLINESTATUS",
    ] {
        assert!(text.contains(word), "no {word} in\n{text}");
    }
    let text = bed.asterisk.cli("core show application HotlineScreen")?;
    for word in [
        "PASSED", "FLAGGED", "BUSY", "RELEASED", "DIVERTED", "TARPIT", "ERROR",
    ] {
        assert!(text.contains(word), "no {word} in\n{text}");
    }
    for (application, words) in [
        ("HotlineMonitor", ["HOTLINEMONITORSTATUS", "TOOKOVER", "whisper"]),
        (
            "HotlineSupervisor",
            ["HOTLINESUPERVISORSTATUS", "signin", "disconnect"],
        ),
    ] {
        let text = bed
            .asterisk
            .cli(&format!("core show application {application}"))?;
        for word in words {
            assert!(text.contains(word), "no {word} in\n{text}");
        }
    }
    for name in [
        "HOTLINE_DATA",
        "HOTLINE_AGENTS",
        "HOTLINE_PATH",
        "HOTLINE_BLACKLIST",
    ] {
        let function = bed.asterisk.cli(&format!("core show function {name}"))?;
        assert!(function.contains(name), "{function}");
    }
    bed.finish()
}

#[test]
fn the_tables_show_queues_agents_and_calls() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (caller, agent) = (bed.caller("gold"), bed.phone("a1001"));
    caller.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    caller.hears(&agent)?;
    let queues = bed.asterisk.cli("hotline show queues")?;
    assert!(queues.contains("support"), "{queues}");
    let agents = bed.asterisk.cli("hotline show agents")?;
    assert!(agents.contains("1001") && agents.contains("An"), "{agents}");
    let calls = bed.asterisk.cli("hotline show calls")?;
    assert!(calls.contains("support") && calls.contains("1001"), "{calls}");
    bed.finish()
}

#[test]
fn commands_are_completed() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let words = bed.asterisk.cli("_command matchesarray \"hotline show \" \"\"")?;
    for word in [
        "queues",
        "agents",
        "calls",
        "callbacks",
        "supervisors",
        "monitors",
        "fairness",
        "status",
    ] {
        assert!(words.contains(word), "{words}");
    }
    let complete = |line: &str| {
        bed.asterisk.cli(&format!(
            "_command matchesarray \"hotline blacklist {line}\" \"\""
        ))
    };
    for (line, word) in [
        ("", "import"),
        ("add 138* ", "release"),
        ("check 138 ", "support"),
    ] {
        let words = complete(line)?;
        assert!(words.contains(word), "{line}: {words}");
    }
    for verb in ["signin", "forcebusy", "ready"] {
        let numbers = bed
            .asterisk
            .cli(&format!("_command matchesarray \"hotline agent {verb} \" \"\""))?;
        assert!(numbers.contains("1001"), "{verb}: {numbers}");
    }
    bed.finish()
}
