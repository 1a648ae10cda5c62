//! `HotlineSurvey([options])`: asks a caller what it was like.

use std::ffi::CStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use asterisk::channel::Digits;
use asterisk::datastore::Kind;
use asterisk::dialplan::{Application, Exit};
use asterisk::{Channel, HungUp, Level, log};
use hotline_engine::ids::CallId;
use hotline_engine::input::Score;
use hotline_host::Host;

/// Of which call an answer of the channel's caller is awaited. With the channel the hope for one ends.
struct Due {
    host: Host,
    call: Mutex<Option<CallId>>,
}

static DUE: Kind<Due> = Kind::own(c"hotline_survey");

impl Due {
    fn replace(&self, call: Option<CallId>) -> Option<CallId> {
        std::mem::replace(
            &mut *self.call.lock().unwrap_or_else(PoisonError::into_inner),
            call,
        )
    }

    fn settle(&self, score: Option<Score>) {
        if let Some(call) = self.replace(None) {
            self.host.surveyed(call, score);
        }
    }

    fn is_open(&self) -> bool {
        self.call.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

impl Drop for Due {
    fn drop(&mut self) {
        self.settle(None);
    }
}

/// The caller is on the way to be asked about that call.
pub(crate) fn expect(caller: &Channel, host: &Host, call: CallId) {
    let due = caller.attach(&DUE, || Due {
        host: host.clone(),
        call: Mutex::default(),
    });
    match due {
        Some(due) => {
            due.settle(None);
            due.replace(Some(call));
        }
        // Without memory for it nobody would know of an answer.
        None => host.surveyed(call, None),
    }
}

/// The dialplan application.
pub(crate) struct HotlineSurvey;

impl Application for HotlineSurvey {
    const NAME: &'static CStr = c"HotlineSurvey";
    const SYNOPSIS: &'static CStr = c"Asks a caller for a digit that says what it was like with the agent.";
    const DESCRIPTION: &'static CStr = c"HotlineSurvey([options])

Callers come to the place of [queue.survey] in the settings once the agent's side is over. HotlineSurvey() plays a prompt there,
reads a digit, and tells it: the answer belongs to the call, the queue, and the agent who talked last. A caller who gives none,
or hangs up, counts as asked and unanswered. Each survey is answered once.

Options:
    s(highest)     digits 1 to highest are answers, 2 to 9; 5 without. The more, the better
    p(file&file)   what is played before the digit; beep without
    i(file&file)   what is played after a digit that is no answer; option-is-invalid without
    g(file&file)   what is played after the answer; auth-thankyou without
    t(seconds)     how long is waited for the digit behind the prompt, 1 to 60; 5 without
    r(tries)       how often is asked in all, 1 to 10; 3 without

Files are searched in the language of the channel: Set(CHANNEL(language)=cn) before.

Variables set:
    HOTLINESURVEYSTATUS   ANSWERED    HOTLINE_SURVEY_SCORE is the digit
                          UNANSWERED  no digit that is an answer
                          NOTDUE      no survey of this caller is due
    HOTLINE_SURVEY_SCORE  the digit; empty otherwise

Example:
 [hotline-survey]
 exten => s,1,HotlineSurvey(s(5)p(hotline/survey))
 same => n,Hangup()";

    fn run(channel: &Channel, arguments: &str) -> Exit {
        let (options, complaints) = Options::read(arguments);
        for complaint in complaints {
            log(
                Level::Warning,
                &format!("HotlineSurvey({arguments}): {complaint}"),
            );
        }
        let Some(due) = channel.attached(&DUE).filter(|due| due.is_open()) else {
            report(channel, "NOTDUE", None);
            return Exit::Continue;
        };
        if channel.answer().is_err() {
            return Exit::HangUp;
        }
        match options.ask(channel) {
            Ok(score) => {
                let highest = options.highest;
                due.settle(score.map(|score| Score { score, highest }));
                let status = if score.is_some() { "ANSWERED" } else { "UNANSWERED" };
                report(channel, status, score);
                if score.is_some() && play(channel, &options.thanks).is_err() {
                    return gone(channel);
                }
                Exit::Continue
            }
            Err(HungUp) => gone(channel),
        }
    }

    fn panicked(channel: &Channel) -> Exit {
        report(channel, "UNANSWERED", None);
        Exit::Continue
    }
}

/// Who is on the way elsewhere in the dialplan looks hung up, and is not.
fn gone(channel: &Channel) -> Exit {
    if channel.redirected() {
        Exit::Continue
    } else {
        Exit::HangUp
    }
}

fn report(channel: &Channel, status: &str, score: Option<u8>) {
    channel.set_variable("HOTLINESURVEYSTATUS", status);
    let score = score.map(|score| score.to_string()).unwrap_or_default();
    channel.set_variable("HOTLINE_SURVEY_SCORE", &score);
}

fn play(channel: &Channel, files: &str) -> Result<(), HungUp> {
    files
        .split('&')
        .filter(|file| !file.is_empty())
        .try_for_each(|file| channel.play(file))
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Options {
    highest: u8,
    prompt: String,
    invalid: String,
    thanks: String,
    time: Duration,
    tries: u8,
}

impl Options {
    fn usual() -> Options {
        Options {
            highest: 5,
            prompt: "beep".to_owned(),
            invalid: "option-is-invalid".to_owned(),
            thanks: "auth-thankyou".to_owned(),
            time: Duration::from_secs(5),
            tries: 3,
        }
    }

    /// What cannot be used is passed over, and named in the second list: an answer is worth more than a spelling mistake.
    fn read(arguments: &str) -> (Options, Vec<String>) {
        let (mut options, mut complaints) = (Options::usual(), Vec::new());
        let mut rest = arguments.trim();
        while let Some(letter) = rest.chars().next() {
            rest = rest[letter.len_utf8()..].trim_start();
            let Some((value, after)) = rest.strip_prefix('(').and_then(|inside| inside.split_once(')'))
            else {
                complaints.push(format!("option {letter} wants a value in brackets"));
                continue;
            };
            rest = after.trim_start();
            let value = value.trim();
            let number = |from: u8, to: u8| {
                let number = value.parse().ok().filter(|number| (from..=to).contains(number));
                number.ok_or_else(|| format!("option {letter}({value}) wants a number from {from} to {to}"))
            };
            let wrong = match letter {
                's' => number(2, 9).map(|number| options.highest = number).err(),
                't' => number(1, 60)
                    .map(|number| options.time = Duration::from_secs(number.into()))
                    .err(),
                'r' => number(1, 10).map(|number| options.tries = number).err(),
                'p' => {
                    value.clone_into(&mut options.prompt);
                    None
                }
                'i' => {
                    value.clone_into(&mut options.invalid);
                    None
                }
                'g' => {
                    value.clone_into(&mut options.thanks);
                    None
                }
                _ => Some(format!("option {letter} is unknown")),
            };
            complaints.extend(wrong);
        }
        (options, complaints)
    }

    fn ask(&self, channel: &Channel) -> Result<Option<u8>, HungUp> {
        for _ in 0..self.tries {
            match channel.read_digits_within(&self.prompt, 1, self.time)? {
                Digits::Keyed(digit) => match digit.parse() {
                    Ok(score) if (1..=self.highest).contains(&score) => return Ok(Some(score)),
                    Ok(_) | Err(_) => play(channel, &self.invalid)?,
                },
                Digits::None => {}
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_options_it_is_as_usual() {
        assert_eq!(Options::read(""), (Options::usual(), Vec::new()));
    }

    #[test]
    fn options_are_read_and_what_is_wrong_is_named() {
        let (options, complaints) = Options::read("s(9) p(a&b)t(7)r(0)x(1)g()i(c)k");
        assert_eq!(
            options,
            Options {
                highest: 9,
                prompt: "a&b".to_owned(),
                invalid: "c".to_owned(),
                thanks: String::new(),
                time: Duration::from_secs(7),
                tries: 3,
            }
        );
        assert_eq!(
            complaints,
            [
                "option r(0) wants a number from 1 to 10",
                "option x is unknown",
                "option k wants a value in brackets",
            ]
        );
    }
}
