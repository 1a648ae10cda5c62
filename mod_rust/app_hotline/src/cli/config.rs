//! `hotline config …`: what was changed while running, beside the settings file.

use std::path::Path;

use asterisk::cli::{self, Invocation, Outcome};

use super::{at, running};

pub(super) fn command() -> cli::Command {
    cli::Command {
        pattern: c"hotline config {diff|save}",
        summary: c"Show what was changed while running, or write it out",
        usage: c"Usage: hotline config diff
       hotline config save <file>
       diff shows what was changed while running and differs from the settings: agents' queues, levels and skills, and
       doors. save writes a copy of the settings file with that in it, to a file that is not there yet; put it in place
       of the settings and reload when it is as you want it.\n",
        run,
        complete: |words| at(words, 2, || vec!["diff".to_owned(), "save".to_owned()]),
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
        ["save", file] => instance
            .host
            .config_save(Path::new(file))
            .map(|count| format!("Written with {count} changes: {file}\n")),
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
