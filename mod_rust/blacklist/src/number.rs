//! Caller numbers in one form, by a national plan: `+8613800138000`, or as dialled if it is a short one, `10086`.
//!
//! | presented | taken as |
//! |---|---|
//! | `+…`, `00…` | international; `+86 0 21…` loses the trunk 0 |
//! | `0…` | national |
//! | fewer digits than any national number | a short number, kept as it is |
//! | more digits than any national number | international without its `+` |
//! | else | national |
//!
//! Blanks, dashes, dots, slashes and parentheses do not count, and full-width digits are digits.

use std::fmt;

/// The longest number, in digits (E.164).
pub const MAX_DIGITS: usize = 15;
/// The shortest number of another country, its country code included, in digits.
const SHORTEST_FOREIGN: usize = 5;
/// The most digits that are looked at: the longest number behind an international prefix.
const MOST_PRESENTED: usize = MAX_DIGITS + 6;

/// What networks and phones put in place of a number that is withheld.
const WITHHELD: [&str; 7] = [
    "anonymous",
    "unknown",
    "unavailable",
    "restricted",
    "private",
    "withheld",
    "asterisk",
];

/// A number in its one form: digits, behind a `+` unless it is a short one. Orders as its text does.
///
/// Four bits a digit, the first one highest, each one more than the digit so that 0 is the end; above them whether there is
/// no `+`. A prefix is a mask away, and a list of millions takes eight bytes each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(u64);

/// Bits of a digit.
const DIGIT: usize = 4;
/// Where the sign is.
const SHORT: u64 = 1 << (MAX_DIGITS * DIGIT);

impl Number {
    /// A `+` and no digit: what every number but the short ones begins with.
    const PLUS: Number = Number(0);

    /// Behind all numbers.
    pub(crate) const LAST: Number = Number(u64::MAX);

    /// Digits in ASCII; `None` if there is no room for them all.
    pub(crate) fn new(plus: bool, parts: [&[u8]; 2]) -> Option<Number> {
        let mut number = if plus { Number::PLUS } else { Number(SHORT) };
        let digits = parts.into_iter().flatten();
        for (place, digit) in digits.enumerate() {
            let shift = MAX_DIGITS.checked_sub(place + 1)? * DIGIT;
            number.0 |= u64::from(digit - b'0' + 1) << shift;
        }
        Some(number)
    }

    /// The number as bits, in the same order.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    /// Back from its bits; `None` if they are none of a number.
    pub(crate) fn from_bits(bits: u64) -> Option<Number> {
        let number = Number(bits);
        let mut ended = false;
        let good = (0..MAX_DIGITS).all(|place| {
            let digit = number.nibble(place);
            ended |= digit == 0;
            digit <= 10 && (digit == 0 || !ended)
        });
        (good && bits < SHORT << 1).then_some(number)
    }

    fn nibble(self, place: usize) -> u64 {
        self.0 >> ((MAX_DIGITS - 1 - place) * DIGIT) & 0xf
    }

    /// Whether it is international, not a short one.
    pub fn has_plus(self) -> bool {
        self.0 & SHORT == 0
    }

    /// How many digits it has.
    pub fn digits(self) -> usize {
        // Of zeroes there are at most 64.
        let unused = (self.0 & (SHORT - 1)).trailing_zeros() as usize / DIGIT;
        MAX_DIGITS - unused.min(MAX_DIGITS)
    }

    /// The digit at a place from 0; `None` behind the last.
    pub(crate) fn digit(self, place: usize) -> Option<u32> {
        if place >= MAX_DIGITS {
            return None;
        }
        // At most 10.
        (self.nibble(place) as u32).checked_sub(1)
    }

    /// Its sign and its first so many digits.
    pub(crate) fn first(self, digits: usize) -> Number {
        let dropped = MAX_DIGITS.saturating_sub(digits) * DIGIT;
        Number(self.0 >> dropped << dropped)
    }

    /// Whether it begins with `prefix`.
    pub fn starts_with(self, prefix: Number) -> bool {
        self.first(prefix.digits()) == prefix
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.has_plus() {
            f.write_str("+")?;
        }
        (0..)
            .map_while(|place| self.digit(place))
            .try_for_each(|digit| write!(f, "{digit}"))
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Who calls, as far as the number tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Caller {
    /// A number in its one form.
    Known(Number),
    /// None, or a word for a withheld one.
    Anonymous,
    /// Something that is no number.
    Malformed(NumberError),
}

/// Why a text is no number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NumberError {
    /// A character that has no place in a number.
    #[error("{0:?} has no place in a number")]
    Character(char),
    /// More digits than a number can have.
    #[error("it has more digits than a number can have")]
    TooLong,
    /// Fewer digits than a number has.
    #[error("it has fewer digits than a number has")]
    TooShort,
    /// A country code never begins with 0.
    #[error("there is no country code that begins with 0")]
    NoCountry,
    /// The trunk prefix is there twice.
    #[error("the trunk prefix is there twice")]
    TwoTrunks,
    /// An international prefix stands behind a trunk prefix or the own country code.
    #[error("an international prefix has no place in the middle of a number")]
    Prefixes,
}

/// How a country writes its numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    country: String,
    international: String,
    trunk: String,
    shortest: usize,
    longest: usize,
}

impl Default for Plan {
    /// China: +86, 00, trunk 0, national numbers of 7 to 11 digits.
    fn default() -> Plan {
        Plan {
            country: "86".to_owned(),
            international: "00".to_owned(),
            trunk: "0".to_owned(),
            shortest: 7,
            longest: 11,
        }
    }
}

impl Plan {
    /// A plan: country code (1 to 3 digits), what stands in front of an international number (1 to 4 digits) and of a
    /// national one (at most 2 digits, may be empty), and how many digits national numbers have, trunk prefix aside.
    ///
    /// # Errors
    /// What is out of range, for people.
    pub fn new(
        country: &str,
        international: &str,
        trunk: &str,
        shortest: usize,
        longest: usize,
    ) -> Result<Plan, &'static str> {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(country) || !(1..=3).contains(&country.len()) || country.starts_with('0') {
            return Err("a country code has 1 to 3 digits and does not begin with 0");
        }
        if !digits(international) || !(1..=4).contains(&international.len()) {
            return Err("an international prefix has 1 to 4 digits");
        }
        if !digits(trunk) || trunk.len() > 2 {
            return Err("a trunk prefix has at most 2 digits");
        }
        if shortest < 2 || shortest > longest || longest + country.len() > MAX_DIGITS {
            return Err("national numbers have at least 2 digits, and with the country code at most 15");
        }
        Ok(Plan {
            country: country.to_owned(),
            international: international.to_owned(),
            trunk: trunk.to_owned(),
            shortest,
            longest,
        })
    }

    /// In one line: `+86, international 00, trunk 0, 7 to 11 digits`. Two plans are the same if these are.
    pub fn describe(&self) -> String {
        let trunk = if self.trunk.is_empty() {
            "none"
        } else {
            &self.trunk
        };
        format!(
            "+{}, international {}, trunk {trunk}, {} to {} digits",
            self.country, self.international, self.shortest, self.longest
        )
    }

    /// Who calls, by what the network presents.
    pub fn caller(&self, presented: &str) -> Caller {
        let presented = presented.trim();
        if presented.is_empty() || WITHHELD.iter().any(|word| presented.eq_ignore_ascii_case(word)) {
            return Caller::Anonymous;
        }
        match self.number(presented) {
            Ok(number) => Caller::Known(number),
            Err(why) => Caller::Malformed(why),
        }
    }

    /// A number in its one form. What is in that form already stays.
    ///
    /// # Errors
    /// Why it is none.
    pub fn number(&self, text: &str) -> Result<Number, NumberError> {
        let presented = Presented::read(text)?;
        let digits = presented.digits();
        if presented.plus {
            return self.foreign(digits);
        }
        if let Some(rest) = digits.strip_prefix(self.international.as_bytes()) {
            return self.foreign(rest);
        }
        match self.without_trunk(digits) {
            Some(rest) => self.national(rest),
            None if digits.len() > self.longest => self.foreign(digits),
            None => self.national(digits),
        }
    }

    /// The beginning of numbers, in their one form: what a prefix matches. National unless it begins with `+` or the
    /// international prefix.
    ///
    /// # Errors
    /// Why it begins no number.
    pub fn beginning(&self, text: &str) -> Result<Number, NumberError> {
        let presented = Presented::read(text)?;
        let digits = presented.digits();
        let (plus, digits) = match digits.strip_prefix(self.international.as_bytes()) {
            Some(rest) if !presented.plus => (true, rest),
            _ => (presented.plus, digits),
        };
        let begun = if plus {
            let digits = self.foreign_beginning(digits)?;
            Number::new(true, digits)
        } else {
            if digits.is_empty() {
                return Err(NumberError::TooShort);
            }
            let digits = self.trunk_once(digits)?.unwrap_or(digits);
            Number::new(true, [self.country.as_bytes(), digits])
        };
        begun.ok_or(NumberError::TooLong)
    }

    /// The digits behind a `+`, without a trunk prefix behind the own country code.
    pub(crate) fn foreign_beginning<'a>(&'a self, digits: &'a [u8]) -> Result<[&'a [u8]; 2], NumberError> {
        match digits.first() {
            None => return Err(NumberError::TooShort),
            Some(b'0') => return Err(NumberError::NoCountry),
            Some(_) => {}
        }
        match digits.strip_prefix(self.country.as_bytes()) {
            Some(rest) => Ok([self.country.as_bytes(), self.trunk_once(rest)?.unwrap_or(rest)]),
            None => Ok([digits, b""]),
        }
    }

    pub(crate) fn country(&self) -> &str {
        &self.country
    }

    pub(crate) fn international(&self) -> &str {
        &self.international
    }

    /// National numbers have from the first to the second so many digits.
    pub(crate) fn lengths(&self) -> (usize, usize) {
        (self.shortest, self.longest)
    }

    /// What follows the trunk prefix, if it is there.
    pub(crate) fn without_trunk<'a>(&self, digits: &'a [u8]) -> Option<&'a [u8]> {
        if self.trunk.is_empty() {
            return None;
        }
        digits.strip_prefix(self.trunk.as_bytes())
    }

    /// The same for what begins a number only. Behind a second trunk prefix nobody would be found, and read again it would be
    /// about others.
    pub(crate) fn trunk_once<'a>(&self, digits: &'a [u8]) -> Result<Option<&'a [u8]>, NumberError> {
        match self.without_trunk(digits) {
            Some(rest) if self.without_trunk(rest).is_some() => Err(NumberError::TwoTrunks),
            rest => Ok(rest),
        }
    }

    fn foreign(&self, digits: &[u8]) -> Result<Number, NumberError> {
        let [country, rest] = self.foreign_beginning(digits)?;
        if country == self.country.as_bytes() {
            return self.national(rest);
        }
        if digits.len() < SHORTEST_FOREIGN {
            return Err(NumberError::TooShort);
        }
        Number::new(true, [digits, b""]).ok_or(NumberError::TooLong)
    }

    fn national(&self, digits: &[u8]) -> Result<Number, NumberError> {
        if digits.is_empty() {
            return Err(NumberError::TooShort);
        }
        if self.without_trunk(digits).is_some() {
            return Err(NumberError::TwoTrunks);
        }
        if digits.len() > self.longest {
            return Err(NumberError::TooLong);
        }
        let number = if digits.len() < self.shortest {
            // A short number has no sign by which it would be known for what it is.
            if digits.starts_with(self.international.as_bytes()) {
                return Err(NumberError::Prefixes);
            }
            Number::new(false, [digits, b""])
        } else {
            Number::new(true, [self.country.as_bytes(), digits])
        };
        number.ok_or(NumberError::TooLong)
    }
}

/// The digits of a text, and whether a `+` stands in front.
struct Presented {
    plus: bool,
    text: [u8; MOST_PRESENTED],
    length: usize,
}

impl Presented {
    fn read(text: &str) -> Result<Presented, NumberError> {
        let mut presented = Presented {
            plus: false,
            text: [0; MOST_PRESENTED],
            length: 0,
        };
        for character in text.chars() {
            let digit = match character {
                '0'..='9' => character as u8,
                '０'..='９' => b'0' + (character as u32 - '０' as u32) as u8,
                '+' | '＋' if !presented.plus && presented.length == 0 => {
                    presented.plus = true;
                    continue;
                }
                ' ' | '\u{a0}' | '-' | '.' | '/' | '(' | ')' => continue,
                _ => return Err(NumberError::Character(character)),
            };
            let place = presented
                .text
                .get_mut(presented.length)
                .ok_or(NumberError::TooLong)?;
            *place = digit;
            presented.length += 1;
        }
        Ok(presented)
    }

    fn digits(&self) -> &[u8] {
        &self.text[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> String {
        match Plan::default().number(text) {
            Ok(number) => number.to_string(),
            Err(why) => format!("{why:?}"),
        }
    }

    #[test]
    fn all_forms_of_a_number_are_one() {
        for form in [
            "+8613800138000",
            "008613800138000",
            "8613800138000",
            "13800138000",
            "013800138000",
            "+86 138-0013-8000",
            "(0)138 0013 8000",
            "+86 (0)138.0013.8000",
            "＋８６１３８００１３８０００",
        ] {
            assert_eq!(number(form), "+8613800138000", "{form}");
        }
        for form in [
            "02112345678",
            "2112345678",
            "+86 21 12345678",
            "0086-021-12345678",
        ] {
            assert_eq!(number(form), "+862112345678", "{form}");
        }
    }

    #[test]
    fn short_and_foreign_numbers_stay_what_they_are() {
        for form in ["10086", "010086", "+8610086", "008610086"] {
            assert_eq!(number(form), "10086", "{form}");
        }
        for form in ["+4915112345678", "004915112345678", "4915112345678"] {
            assert_eq!(number(form), "+4915112345678", "{form}");
        }
    }

    #[test]
    fn what_is_no_number_says_why() {
        for (text, why) in [
            ("alice", "Character('a')"),
            ("138+", "Character('+')"),
            ("++86", "Character('+')"),
            ("1380013800a", "Character('a')"),
            ("+", "TooShort"),
            ("-", "TooShort"),
            ("0", "TooShort"),
            ("00", "TooShort"),
            ("+123", "TooShort"),
            ("+0123456789", "NoCountry"),
            ("000123456789", "NoCountry"),
            ("+860013800138000", "TwoTrunks"),
            ("1234567890123456", "TooLong"),
            ("+86138001380001", "TooLong"),
            ("111111111111111111111111111", "TooLong"),
        ] {
            assert_eq!(number(text), why, "{text}");
        }
    }

    #[test]
    fn withheld_is_not_malformed() {
        let plan = Plan::default();
        for word in ["", "  ", "anonymous", "Unknown", "RESTRICTED"] {
            assert_eq!(plan.caller(word), Caller::Anonymous, "{word:?}");
        }
        assert_eq!(
            plan.caller("alice"),
            Caller::Malformed(NumberError::Character('a'))
        );
    }

    #[test]
    fn a_beginning_is_national_unless_it_says_otherwise() {
        let plan = Plan::default();
        for (text, begun) in [
            ("138", "+86138"),
            ("0138", "+86138"),
            ("+86138", "+86138"),
            ("+86 0138", "+86138"),
            ("0086138", "+86138"),
            ("+1", "+1"),
            ("001", "+1"),
            ("0", "+86"),
        ] {
            assert_eq!(plan.beginning(text).unwrap().to_string(), begun, "{text}");
        }
        assert_eq!(plan.beginning(""), Err(NumberError::TooShort));
        assert_eq!(plan.beginning("+"), Err(NumberError::TooShort));
        assert_eq!(plan.beginning("00"), Err(NumberError::TooShort));
    }

    #[test]
    fn numbers_order_as_their_text() {
        let mut numbers: Vec<Number> = [
            "13800138000",
            "10086",
            "100",
            "+1380013800",
            "+49151",
            "21123456",
            "95588",
        ]
        .iter()
        .map(|text| Plan::default().number(text).unwrap())
        .collect();
        numbers.sort();
        let texts: Vec<String> = numbers.iter().map(Number::to_string).collect();
        assert!(texts.is_sorted(), "{texts:?}");
        for number in numbers {
            assert_eq!(Number::from_bits(number.bits()), Some(number));
            assert!(number.starts_with(number.first(2)) && !number.first(2).starts_with(number));
        }
        assert_eq!(Number::from_bits(0x010), None);
        assert_eq!(Number::from_bits(u64::MAX), None);
    }

    #[test]
    fn other_countries_have_other_plans() {
        let us = Plan::new("1", "011", "1", 7, 10).unwrap();
        for form in ["+12125550123", "12125550123", "2125550123", "01112125550123"] {
            assert_eq!(us.number(form).unwrap().to_string(), "+12125550123", "{form}");
        }
        let italy = Plan::new("39", "00", "", 6, 11).unwrap();
        assert_eq!(italy.number("0612345678").unwrap().to_string(), "+390612345678");
        for (country, international, trunk, shortest, longest) in [
            ("", "00", "0", 7, 11),
            ("0", "00", "0", 7, 11),
            ("86", "", "0", 7, 11),
            ("86", "00", "000", 7, 11),
            ("86", "00", "0", 12, 11),
            ("86", "00", "0", 7, 14),
            ("8x", "00", "0", 7, 11),
        ] {
            assert!(Plan::new(country, international, trunk, shortest, longest).is_err());
        }
    }
}
