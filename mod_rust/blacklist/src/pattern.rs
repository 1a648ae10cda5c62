//! Patterns as operators of the PBX know them from the dialplan: `X` any digit, `Z` 1 to 9, `N` 2 to 9, `[13-5]` one of
//! these, and at the end `.` for one or more further digits, `!` for any number of them.

use std::collections::HashMap;
use std::fmt;

use crate::number::{MAX_DIGITS, Number, NumberError, Plan};

/// All ten digits, a bit for each.
const X: u16 = 0x3ff;
const Z: u16 = X & !1;
const N: u16 = Z & !2;

/// A pattern of numbers in their one form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern {
    plus: bool,
    /// What each digit may be: bit 0 stands for 0.
    places: [u16; MAX_DIGITS],
    length: u8,
    tail: Tail,
}

/// What follows the places.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Tail {
    Nothing,
    OneOrMore,
    Anything,
}

/// Why a text is no pattern.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PatternError {
    /// A character that has no place there.
    #[error("{0:?} has no place in a pattern; there are digits, X, Z, N, [...], and . or ! at the end")]
    Character(char),
    /// A class that is not closed, has nothing in it, or a range that runs backwards.
    #[error("a [...] must be closed and name digits, as in [13-5]")]
    Class,
    /// It has no place for a digit.
    #[error("it has no digit")]
    Empty,
    /// More places than a number has digits.
    #[error("it has more places than a number has digits")]
    TooLong,
    /// What it begins with begins no number.
    #[error(transparent)]
    Number(#[from] NumberError),
}

impl Pattern {
    /// Reads a pattern, the `_` in front of it left out. What it begins with is brought into the one form of numbers:
    /// national unless it begins with `+` or the international prefix; without an open end, one shorter than any
    /// national number is for short numbers, and one longer is international.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &str, plan: &Plan) -> Result<Pattern, PatternError> {
        let (plus, places, tail) = places(text)?;
        if places.is_empty() && tail == Tail::Nothing {
            return Err(PatternError::Empty);
        }
        let literals: Vec<u8> = places.iter().map_while(|place| literal(*place)).collect();
        let after = |skipped: usize| &places[skipped..];
        let (shortest, longest) = plan.lengths();
        let country = plan.country().as_bytes();
        if plus {
            return Pattern::foreign(&places, &literals, tail, plan);
        }
        if literals.starts_with(plan.international().as_bytes()) {
            let skipped = plan.international().len();
            return Pattern::foreign(after(skipped), &literals[skipped..], tail, plan);
        }
        if let Some(rest) = plan.trunk_once(&literals)? {
            return Pattern::new(true, country, after(literals.len() - rest.len()), tail);
        }
        if tail != Tail::Nothing || (shortest..=longest).contains(&places.len()) {
            return Pattern::new(true, country, &places, tail);
        }
        if places.len() < shortest {
            return Pattern::new(false, b"", &places, tail);
        }
        Pattern::foreign(&places, &literals, tail, plan)
    }

    /// Behind a `+`.
    fn foreign(places: &[u16], literals: &[u8], tail: Tail, plan: &Plan) -> Result<Pattern, PatternError> {
        if places.is_empty() && tail == Tail::Nothing {
            return Err(PatternError::Empty);
        }
        if literals.is_empty() {
            return Pattern::new(true, b"", places, tail);
        }
        let [begun, rest] = plan.foreign_beginning(literals)?;
        Pattern::new(true, begun, &places[literals.len() - rest.len()..], tail)
    }

    fn new(plus: bool, begun: &[u8], rest: &[u16], tail: Tail) -> Result<Pattern, PatternError> {
        let mut pattern = Pattern {
            plus,
            places: [0; MAX_DIGITS],
            length: 0,
            tail,
        };
        let begun = begun.iter().map(|digit| 1 << (digit - b'0'));
        for place in begun.chain(rest.iter().copied()) {
            *pattern
                .places
                .get_mut(usize::from(pattern.length))
                .ok_or(PatternError::TooLong)? = place;
            pattern.length += 1;
        }
        Ok(pattern)
    }

    fn places(&self) -> &[u16] {
        &self.places[..usize::from(self.length)]
    }

    /// How many of its places take one digit only.
    pub fn literals(&self) -> usize {
        self.places()
            .iter()
            .filter(|place| literal(**place).is_some())
            .count()
    }

    /// What all numbers that match begin with.
    fn head(&self) -> Option<Number> {
        let literals: Vec<u8> = self.places().iter().map_while(|place| literal(*place)).collect();
        Number::new(self.plus, [&literals, b""])
    }

    /// Whether a number matches.
    pub fn matches(&self, number: Number) -> bool {
        let (digits, places) = (number.digits(), usize::from(self.length));
        let fits = match self.tail {
            Tail::Nothing => digits == places,
            Tail::OneOrMore => digits > places,
            Tail::Anything => digits >= places,
        };
        fits && number.has_plus() == self.plus
            && self
                .places()
                .iter()
                .enumerate()
                .all(|(at, place)| number.digit(at).is_some_and(|digit| place & (1 << digit) != 0))
    }
}

impl fmt::Display for Pattern {
    /// As it is read back, in the one form of numbers: `_+86138XXXX[1-3]00.`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.plus { "_+" } else { "_" })?;
        for place in self.places() {
            match *place {
                X => f.write_str("X")?,
                Z => f.write_str("Z")?,
                N => f.write_str("N")?,
                place => match literal(place) {
                    Some(digit) => write!(f, "{}", char::from(digit))?,
                    None => {
                        f.write_str("[")?;
                        for digit in (0..10u8).filter(|digit| place & (1 << digit) != 0) {
                            write!(f, "{digit}")?;
                        }
                        f.write_str("]")?;
                    }
                },
            }
        }
        f.write_str(match self.tail {
            Tail::Nothing => "",
            Tail::OneOrMore => ".",
            Tail::Anything => "!",
        })
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The digit of a place that takes one only.
fn literal(place: u16) -> Option<u8> {
    // Ten bits.
    (place.count_ones() == 1).then(|| b'0' + place.trailing_zeros() as u8)
}

/// Whether there is a `+`, the places behind it, and what follows them.
fn places(text: &str) -> Result<(bool, Vec<u16>, Tail), PatternError> {
    let (plus, text) = match text.trim().strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, text.trim()),
    };
    let mut places = Vec::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let place = match character {
            'X' | 'x' => X,
            'Z' | 'z' => Z,
            'N' | 'n' => N,
            '0'..='9' => bit(character),
            '[' => class(&mut characters)?,
            ' ' | '-' => continue,
            '.' | '!' => {
                let tail = if character == '.' {
                    Tail::OneOrMore
                } else {
                    Tail::Anything
                };
                return match characters.find(|rest| *rest != ' ') {
                    None => Ok((plus, places, tail)),
                    Some(more) => Err(PatternError::Character(more)),
                };
            }
            _ => return Err(PatternError::Character(character)),
        };
        // Room for an international prefix, which goes away.
        if places.len() > MAX_DIGITS + 4 {
            return Err(PatternError::TooLong);
        }
        places.push(place);
    }
    Ok((plus, places, Tail::Nothing))
}

fn bit(digit: char) -> u16 {
    1 << (digit as u32 - '0' as u32)
}

/// The rest of a `[…]`.
fn class(characters: &mut std::str::Chars<'_>) -> Result<u16, PatternError> {
    let mut place = 0;
    let mut last = None;
    loop {
        match characters.next().ok_or(PatternError::Class)? {
            ']' if place != 0 => return Ok(place),
            digit @ '0'..='9' => {
                place |= bit(digit);
                last = Some(digit);
            }
            '-' => {
                let (Some(from), Some(to @ '0'..='9')) = (last.take(), characters.next()) else {
                    return Err(PatternError::Class);
                };
                if to < from {
                    return Err(PatternError::Class);
                }
                place |= (from..=to).map(bit).fold(0, |all, one| all | one);
            }
            _ => return Err(PatternError::Class),
        }
    }
}

/// Many patterns, by what they begin with, so that a number meets few of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patterns {
    by_head: HashMap<Number, Vec<Pattern>>,
    /// How many patterns begin with so many digits.
    lengths: [u32; MAX_DIGITS + 1],
}

impl Patterns {
    pub(crate) fn insert(&mut self, pattern: Pattern) {
        let Some(head) = pattern.head() else { return };
        let patterns = self.by_head.entry(head).or_default();
        if !patterns.contains(&pattern) {
            patterns.push(pattern);
            self.lengths[head.digits()] += 1;
        }
    }

    pub(crate) fn remove(&mut self, pattern: &Pattern) {
        let Some(head) = pattern.head() else { return };
        if let Some(patterns) = self.by_head.get_mut(&head)
            && let Some(place) = patterns.iter().position(|other| other == pattern)
        {
            patterns.swap_remove(place);
            self.lengths[head.digits()] -= 1;
            if patterns.is_empty() {
                self.by_head.remove(&head);
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.lengths.iter().map(|count| *count as usize).sum()
    }

    /// Those that a number matches.
    pub(crate) fn matching(&self, number: Number) -> impl Iterator<Item = &Pattern> {
        (0..=number.digits())
            .filter(|digits| self.lengths[*digits] > 0)
            .filter_map(move |digits| self.by_head.get(&number.first(digits)))
            .flatten()
            .filter(move |pattern| pattern.matches(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Pattern {
        Pattern::parse(text, &Plan::default()).unwrap()
    }

    fn number(text: &str) -> Number {
        Plan::default().number(text).unwrap()
    }

    #[test]
    fn patterns_are_brought_into_the_one_form() {
        for (text, form) in [
            ("138XXXXXXXX", "_+86138XXXXXXXX"),
            ("0138XXXXXXXX", "_+86138XXXXXXXX"),
            ("+86 0138-XXXX-XXXX", "_+86138XXXXXXXX"),
            ("0086138X.", "_+86138X."),
            ("86138XXXXXXXX", "_+86138XXXXXXXX"),
            ("100XX", "_100XX"),
            ("400N!", "_+86400N!"),
            ("+1[2-9]00.", "_+1N00."),
            ("+X.", "_+X."),
            ("[2-46-9]XXXXXXX", "_+86[2346789]XXXXXXX"),
            (".", "_+86."),
        ] {
            let pattern = parse(text);
            assert_eq!(pattern.to_string(), form, "{text}");
            assert_eq!(parse(&form[1..]), pattern, "{form} again");
        }
    }

    #[test]
    fn numbers_match_or_not() {
        for (pattern, good, bad) in [
            ("138XXXXXXXX", "13800138000", "13900138000"),
            ("138X.", "13800138000", "+13800138000"),
            ("N1X.", "+8621123456", "+8611123456"),
            ("100XX", "10086", "10186"),
            ("+1[2-4]X.", "+12125550123", "+15125550123"),
            ("1380013800!", "13800138000", "13800138100"),
        ] {
            assert!(parse(pattern).matches(number(good)), "{pattern} {good}");
            assert!(!parse(pattern).matches(number(bad)), "{pattern} {bad}");
        }
        assert!(!parse("13800138000.").matches(number("13800138000")));
        assert!(parse("13800138000!").matches(number("13800138000")));
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        for (text, why) in [
            ("", PatternError::Empty),
            ("138a", PatternError::Character('a')),
            ("138.5", PatternError::Character('5')),
            ("[", PatternError::Class),
            ("[]", PatternError::Class),
            ("[5-2]", PatternError::Class),
            ("[1-]", PatternError::Class),
            ("[-3]", PatternError::Class),
            ("XXXXXXXXXXXXXXXXXXXXXXX", PatternError::TooLong),
            ("+0X.", PatternError::Number(NumberError::NoCountry)),
        ] {
            assert_eq!(Pattern::parse(text, &Plan::default()), Err(why), "{text}");
        }
    }

    #[test]
    fn literals_are_counted() {
        assert_eq!(parse("138XXXX[5]000").literals(), 9);
        assert_eq!(parse("100XX").literals(), 3);
    }
}
