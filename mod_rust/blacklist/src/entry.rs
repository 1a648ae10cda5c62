//! What can stand on a list.

use std::fmt;

use crate::number::{Number, NumberError, Plan};
use crate::pattern::{Pattern, PatternError};

/// The longest reason, in bytes.
pub const MAX_REASON: usize = 200;
/// The longest author, in bytes.
pub const MAX_AUTHOR: usize = 128;
/// The longest place of the dialplan, in bytes.
pub const MAX_PLACE: usize = 200;
/// The longest list of tiers or queues, in bytes.
pub const MAX_NAMES: usize = 1_024;
/// Most entries about the same number, prefix or pattern, for different tiers and queues.
pub const MAX_PROFILES: usize = 64;

/// Whom an entry is about. Orders exact numbers, prefixes, patterns, each as their text does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum What {
    /// One number: `+8613800138000`.
    Exact(Number),
    /// All numbers that begin so: `+86138*`.
    Prefix(Number),
    /// All numbers that look so: `_+86138XXXX1234`.
    Pattern(Pattern),
}

/// Why a text names nobody.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WhatError {
    /// It is no number, and no beginning of one.
    #[error(transparent)]
    Number(#[from] NumberError),
    /// It is no pattern.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

impl What {
    /// Reads `NUMBER`, `PREFIX*` or `_PATTERN` and brings it into the one form of numbers.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &str, plan: &Plan) -> Result<What, WhatError> {
        let text = text.trim();
        if let Some(pattern) = text.strip_prefix('_') {
            return Ok(What::Pattern(Pattern::parse(pattern, plan)?));
        }
        if let Some(prefix) = text.strip_suffix('*') {
            return Ok(What::Prefix(plan.beginning(prefix)?));
        }
        Ok(What::Exact(plan.number(text)?))
    }

    /// How many digits it fixes.
    pub fn literals(&self) -> usize {
        match self {
            What::Exact(number) | What::Prefix(number) => number.digits(),
            What::Pattern(pattern) => pattern.literals(),
        }
    }

    /// Whether it is about everybody, or nearly so: all numbers of a country.
    pub fn is_sweeping(&self, plan: &Plan) -> bool {
        match self {
            What::Exact(_) => false,
            What::Prefix(number) => number.digits() <= plan.country().len(),
            // Of short numbers, all of a length are everybody who has one.
            What::Pattern(pattern) => pattern.literals() <= plan.country().len(),
        }
    }

    /// Whether it is about a number.
    pub fn matches(&self, number: Number) -> bool {
        match self {
            What::Exact(exact) => *exact == number,
            What::Prefix(prefix) => number.starts_with(*prefix),
            What::Pattern(pattern) => pattern.matches(number),
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Exact(number) => write!(f, "{number}"),
            What::Prefix(number) => write!(f, "{number}*"),
            What::Pattern(pattern) => write!(f, "{pattern}"),
        }
    }
}

/// What happens to a caller, from the mildest to the hardest. `S` is how the text is kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Action<S = String> {
    /// Nothing, whatever wider entries say.
    Allow,
    /// The agent is warned.
    Flag,
    /// Goes on at this place of the dialplan.
    Divert(S),
    /// Hears a prompt, and that the line is busy.
    Busy,
    /// Is released with a cause.
    Release(Cause),
    /// Hears music for a while, and no agent.
    Tarpit,
}

/// A cause of release (Q.850): 1 to 127.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Cause(u8);

impl Cause {
    /// Call rejected.
    pub const REJECTED: Cause = Cause(21);

    /// `None` if it is out of range.
    pub fn new(code: u8) -> Option<Cause> {
        (1..=127).contains(&code).then_some(Cause(code))
    }

    /// 1 to 127.
    pub fn code(self) -> u8 {
        self.0
    }
}

/// What an action may be, for people.
pub const ACTIONS: &str =
    "allow, flag, busy, release, release:CAUSE (1 to 127), divert:CONTEXT,EXTENSION,PRIORITY or tarpit";

impl Action {
    /// Reads an action as [`ACTIONS`] has it.
    ///
    /// # Errors
    /// What it may be.
    pub fn parse(text: &str) -> Result<Action, String> {
        let text = text.trim();
        let wrong = || format!("an action is {ACTIONS}");
        let (word, rest) = match text.split_once(':') {
            Some((word, rest)) => (word, Some(rest.trim())),
            None => (text, None),
        };
        match (word, rest) {
            ("allow", None) => Ok(Action::Allow),
            ("flag", None) => Ok(Action::Flag),
            ("busy", None) => Ok(Action::Busy),
            ("tarpit", None) => Ok(Action::Tarpit),
            ("release", None) => Ok(Action::Release(Cause::REJECTED)),
            ("release", Some(code)) => {
                let cause = code.parse().ok().and_then(Cause::new);
                cause.map(Action::Release).ok_or_else(wrong)
            }
            ("divert", Some(place)) if !place.is_empty() => {
                line(place, MAX_PLACE).map(|place| Action::Divert(place.to_owned()))
            }
            _ => Err(wrong()),
        }
    }
}

impl<S> Action<S> {
    /// `allow`, `flag`, `divert`, `busy`, `release` or `tarpit`.
    pub const fn label(&self) -> &'static str {
        match self {
            Action::Allow => "allow",
            Action::Flag => "flag",
            Action::Divert(_) => "divert",
            Action::Busy => "busy",
            Action::Release(_) => "release",
            Action::Tarpit => "tarpit",
        }
    }
}

impl<S: AsRef<str>> Action<S> {
    /// The same with borrowed text.
    pub fn as_ref(&self) -> Action<&str> {
        match self {
            Action::Allow => Action::Allow,
            Action::Flag => Action::Flag,
            Action::Divert(place) => Action::Divert(place.as_ref()),
            Action::Busy => Action::Busy,
            Action::Release(cause) => Action::Release(*cause),
            Action::Tarpit => Action::Tarpit,
        }
    }

    /// The same with text of its own.
    pub fn to_owned(&self) -> Action {
        match self {
            Action::Allow => Action::Allow,
            Action::Flag => Action::Flag,
            Action::Divert(place) => Action::Divert(place.as_ref().to_owned()),
            Action::Busy => Action::Busy,
            Action::Release(cause) => Action::Release(*cause),
            Action::Tarpit => Action::Tarpit,
        }
    }
}

impl<S: AsRef<str>> fmt::Display for Action<S> {
    /// As it is read back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())?;
        match self {
            Action::Divert(place) => write!(f, ":{}", place.as_ref()),
            Action::Release(cause) => write!(f, ":{}", cause.code()),
            Action::Allow | Action::Flag | Action::Busy | Action::Tarpit => Ok(()),
        }
    }
}

/// Names of tiers or queues that an entry is limited to, each once and in order; none: all of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Names<S = String>(S);

impl Names {
    /// Reads names between commas or blanks.
    ///
    /// # Errors
    /// What a name consists of.
    pub fn parse(text: &str) -> Result<Names, String> {
        let mut names: Vec<&str> = text
            .split([',', ' '])
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .collect();
        let good = |name: &&str| {
            name.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
        };
        if let Some(bad) = names.iter().find(|name| !good(name)) {
            return Err(format!(
                "{bad:?} is no name: those have letters, digits, '_', '-' and '.'"
            ));
        }
        names.sort_unstable();
        names.dedup();
        let names = names.join(",");
        if names.len() > MAX_NAMES {
            return Err(format!("the names are longer than {MAX_NAMES} bytes"));
        }
        Ok(Names(names))
    }
}

impl<S: AsRef<str>> Names<S> {
    /// From the form that [`as_str`](Self::as_str) gives.
    pub(crate) fn stored(text: S) -> Names<S> {
        Names(text)
    }

    /// With commas in between.
    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }

    /// Whether all are meant.
    pub fn is_empty(&self) -> bool {
        self.as_str().is_empty()
    }

    /// Whether one is meant; nobody knows which: only if all are.
    pub fn include(&self, name: Option<&str>) -> bool {
        self.is_empty() || name.is_some_and(|name| self.as_str().split(',').any(|one| one == name))
    }

    /// All names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.as_str().split(',').filter(|name| !name.is_empty())
    }
}

/// All of an entry but whom it is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Profile<S = String> {
    /// What happens to the caller.
    pub action: Action<S>,
    /// For callers of these tiers.
    pub tiers: Names<S>,
    /// In these queues.
    pub queues: Names<S>,
    /// Counts from then on; microseconds since the Unix epoch, 0 is at once.
    pub from: u64,
    /// Counts until then.
    pub until: Option<u64>,
    /// Why.
    pub reason: S,
    /// Who added it.
    pub author: S,
    /// When.
    pub added: u64,
}

impl<S: AsRef<str>> Profile<S> {
    /// The same with borrowed text.
    pub fn as_ref(&self) -> Profile<&str> {
        Profile {
            action: self.action.as_ref(),
            tiers: Names(self.tiers.as_str()),
            queues: Names(self.queues.as_str()),
            from: self.from,
            until: self.until,
            reason: self.reason.as_ref(),
            author: self.author.as_ref(),
            added: self.added,
        }
    }

    /// The same with text of its own.
    pub fn to_owned(&self) -> Profile {
        Profile {
            action: self.action.to_owned(),
            tiers: Names(self.tiers.as_str().to_owned()),
            queues: Names(self.queues.as_str().to_owned()),
            from: self.from,
            until: self.until,
            reason: self.reason.as_ref().to_owned(),
            author: self.author.as_ref().to_owned(),
            added: self.added,
        }
    }

    /// Whether it is over by then.
    pub fn expired(&self, now: u64) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// Whether two are about the same tiers and queues: then the later one takes the place of the earlier.
    pub fn same_scope<T: AsRef<str>>(&self, other: &Profile<T>) -> bool {
        self.tiers.as_str() == other.tiers.as_str() && self.queues.as_str() == other.queues.as_str()
    }
}

/// An entry. There is one at most for the same [`What`], tiers and queues.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Whom it is about.
    pub what: What,
    /// All else.
    pub profile: Profile,
}

/// One line of text without control characters, of so many bytes at most.
///
/// # Errors
/// What it must be.
pub fn line(text: &str, most: usize) -> Result<&str, String> {
    let text = text.trim();
    if text.len() > most {
        return Err(format!("it is longer than {most} bytes"));
    }
    if text.chars().any(char::is_control) {
        return Err("it must be one line, without control characters".to_owned());
    }
    if text.chars().any(unseen) {
        return Err(
            "it must not have characters that cannot be seen, or turn the direction of others".to_owned(),
        );
    }
    Ok(text)
}

/// Characters by which a text looks like another one (Unicode TR 36).
fn unseen(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_an_entry_is_about_is_read_and_written() {
        let plan = Plan::default();
        for (text, form, literals) in [
            ("013800138000", "+8613800138000", 13),
            ("138*", "+86138*", 5),
            ("_138XXXX1234", "_+86138XXXX1234", 9),
            ("10086", "10086", 5),
        ] {
            let what = What::parse(text, &plan).unwrap();
            assert_eq!((what.to_string().as_str(), what.literals()), (form, literals));
            assert_eq!(What::parse(form, &plan), Ok(what));
        }
        for wrong in ["", "*", "_", "alice", "138**"] {
            assert!(What::parse(wrong, &plan).is_err(), "{wrong}");
        }
    }

    #[test]
    fn actions_are_read_and_written() {
        for text in ["allow", "flag", "busy", "release:17", "divert:ivr,s,1", "tarpit"] {
            assert_eq!(Action::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(
            Action::parse("release").unwrap(),
            Action::Release(Cause::REJECTED)
        );
        for wrong in [
            "",
            "block",
            "release:0",
            "release:128",
            "divert",
            "divert:",
            "busy:1",
        ] {
            assert!(Action::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_are_each_there_once() {
        let names = Names::parse(" support, sales support").unwrap();
        assert_eq!(names.as_str(), "sales,support");
        assert!(names.include(Some("sales")) && !names.include(Some("sale")) && !names.include(None));
        assert!(Names::<String>::default().include(None));
        assert!(Names::parse("a b!").is_err());
    }
}
