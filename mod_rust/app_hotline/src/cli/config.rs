//! `hotline config …`: what was changed while running, beside the settings file, and what they have no place for.

use std::path::Path;

use asterisk::cli::{self, Invocation, Outcome};

use super::{at, running};

pub(super) fn command() -> cli::Command {
    cli::Command {
        pattern: c"hotline config {diff|save|forget}",
        summary: c"Show what was changed while running, write it out, or forget what does not fit",
        usage: c"Usage: hotline config diff
       hotline config save <file>
       hotline config forget {<agent>|<queue>|all}
       diff shows what was changed while running and differs from the settings: agents' queues, levels and skills, and
       doors. save writes a copy of the settings file with that in it, to a file that is not there yet; put it in place
       of the settings and reload when it is as you want it. What stood before a restart and the settings have no agent or queue
       for is \"not applied\" in diff, kept, and tried again at each reload and start; forget drops it.\n",
        run,
        complete: |words| {
            at(words, 2, || {
                ["diff", "save", "forget"].into_iter().map(str::to_owned).collect()
            })
        },
    }
}

fn run(invocation: &Invocation) -> Outcome {
    let words: Vec<&str> = invocation.words()[2..].iter().map(String::as_str).collect();
    let Some(instance) = running(invocation) else {
        return Outcome::Failure;
    };
    let said = match words.as_slice() {
        ["diff"] => instance.host.config_diff().map(|lines| match lines.as_slice() {
            [] => "Nothing differs from the settings.\n".to_owned(),
            lines => lines.join("\n") + "\n",
        }),
        ["save", file] => std::path::absolute(Path::new(file))
            .map_err(|error| format!("{file}: {error}"))
            .and_then(|file| {
                let count = instance.host.config_save("cli", &file)?;
                Ok(format!("Written with {count} changes: {}\n", file.display()))
            }),
        // A script's variable without a value is not meant for all.
        ["forget", about] if !about.is_empty() => {
            let about = if *about == "all" { "" } else { about };
            let forgotten = instance.host.config_forget("cli", about);
            forgotten.map(|lines| lines.join("\n") + "\n")
        }
        _ => return Outcome::ShowUsage,
    };
    match said {
        Ok(text) => {
            invocation.print(&text);
            Outcome::Success
        }
        Err(why) => {
            invocation.print(&format!("Refused: {why}\n"));
            Outcome::Failure
        }
    }
}
