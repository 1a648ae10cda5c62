//! Reading a TOML document so that whatever is wrong is named: every value knows its key and its place in the file, and
//! every key must be one that was asked for.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::{Range, RangeInclusive};

use hotline_engine::Span;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The longest time a setting may give: a week.
const LONGEST: f64 = 7.0 * 86_400.0;
/// The longest free text, in bytes: a display name, a dial string, a music class.
const LONGEST_TEXT: usize = 256;
/// The longest name or number, in bytes.
const LONGEST_NAME: usize = 64;
/// Characters of a wrong value that are shown.
const SHOWN: usize = 60;

/// What is wrong, and where.
#[derive(Debug)]
pub(super) struct Fault {
    /// Bytes of the file.
    pub(super) place: Option<Range<usize>>,
    pub(super) message: String,
}

/// What reading gives.
pub(super) type Read<T> = Result<T, Fault>;

/// A table whose keys are taken one by one; [`end`](Table::end) refuses those that were not.
pub(super) struct Table<'t> {
    text: &'t str,
    map: &'t DeTable<'t>,
    place: Range<usize>,
    known: BTreeSet<&'static str>,
}

/// A value, and the key it belongs to.
#[derive(Clone)]
pub(super) struct Value<'t> {
    text: &'t str,
    key: &'t str,
    place: Range<usize>,
    value: &'t DeValue<'t>,
}

/// The forms a value can have that mean different things for one key.
pub(super) enum Form<'t> {
    Text(&'t str),
    Flag(bool),
    Table(Table<'t>),
    /// A number, a list, a date.
    Other,
}

impl<'t> Table<'t> {
    pub(super) fn document(text: &'t str, document: &'t Spanned<DeTable<'t>>) -> Table<'t> {
        Table::new(text, document.get_ref(), 0..0)
    }

    fn new(text: &'t str, map: &'t DeTable<'t>, place: Range<usize>) -> Table<'t> {
        Table {
            text,
            map,
            place,
            known: BTreeSet::new(),
        }
    }

    /// The value of a key, if it is there.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Value<'t>> {
        self.known.insert(key);
        self.map.get(key).map(|value| self.value(key, value))
    }

    /// # Errors
    /// The key is not there.
    pub(super) fn need(&mut self, key: &'static str) -> Read<Value<'t>> {
        self.take(key)
            .ok_or_else(|| self.fault(format!("{key} is missing")))
    }

    /// Reads a key into its place, which keeps its default if the key is not there.
    pub(super) fn set<T>(
        &mut self,
        key: &'static str,
        to: &mut T,
        read: impl FnOnce(&Value<'t>) -> Read<T>,
    ) -> Read<()> {
        if let Some(value) = self.take(key) {
            *to = read(&value)?;
        }
        Ok(())
    }

    /// The tables `[[key]]`; none if the key is not there.
    pub(super) fn tables(&mut self, key: &'static str) -> Read<Vec<Table<'t>>> {
        let Some(value) = self.take(key) else {
            return Ok(Vec::new());
        };
        value.list()?.iter().map(Value::table).collect()
    }

    /// All entries, whatever their keys.
    pub(super) fn entries(&self) -> impl Iterator<Item = Value<'t>> + '_ {
        self.map
            .iter()
            .map(|(key, value)| self.value(key.get_ref().as_ref(), value))
    }

    /// # Errors
    /// The first key that was not asked for.
    pub(super) fn end(self) -> Read<()> {
        let unknown = |(key, _): &(&Spanned<_>, _)| {
            let key: &std::borrow::Cow<'_, str> = key.get_ref();
            !self.known.contains(&**key)
        };
        let first = self
            .map
            .iter()
            .filter(unknown)
            .min_by_key(|(key, _)| key.span().start);
        let Some((key, _)) = first else { return Ok(()) };
        let known: Vec<&str> = self.known.iter().copied().collect();
        Err(Fault {
            place: Some(key.span()),
            message: format!(
                "there is no key {:?} here; there are {}",
                key.get_ref(),
                known.join(", ")
            ),
        })
    }

    pub(super) fn fault(&self, message: String) -> Fault {
        Fault {
            place: Some(self.place.clone()),
            message,
        }
    }

    fn value(&self, key: &'t str, value: &'t Spanned<DeValue<'t>>) -> Value<'t> {
        Value {
            text: self.text,
            key,
            place: value.span(),
            value: value.get_ref(),
        }
    }
}

impl<'t> Value<'t> {
    /// The key it belongs to.
    pub(super) fn key(&self) -> &'t str {
        self.key
    }

    /// `key = value must be …`
    pub(super) fn must_be(&self, what: impl Display) -> Fault {
        self.wrong(format_args!("must be {what}"))
    }

    /// `key = value …`
    pub(super) fn wrong(&self, why: impl Display) -> Fault {
        let source = self.text.get(self.place.clone()).unwrap_or_default();
        // A table or a list may have one in it.
        if source.contains("pin") {
            return self.secret(format_args!("{} {why}", self.key));
        }
        let line = source.lines().next().unwrap_or_default();
        let mut shown: String = line.chars().take(SHOWN).collect();
        if shown.len() < source.len() {
            shown.push('…');
        }
        self.secret(format_args!("{} = {shown} {why}", self.key))
    }

    /// A fault at this place that does not show the value.
    pub(super) fn secret(&self, message: impl Display) -> Fault {
        Fault {
            place: Some(self.place.clone()),
            message: message.to_string(),
        }
    }

    pub(super) fn form(&self) -> Form<'t> {
        match self.value {
            DeValue::String(text) => Form::Text(text),
            DeValue::Boolean(flag) => Form::Flag(*flag),
            DeValue::Table(map) => Form::Table(Table::new(self.text, map, self.place.clone())),
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Array(_) | DeValue::Datetime(_) => Form::Other,
        }
    }

    pub(super) fn string(&self) -> Read<&'t str> {
        self.value.as_str().ok_or_else(|| self.must_be("text in quotes"))
    }

    /// Free text for one line.
    pub(super) fn line(&self) -> Read<String> {
        let text = self.string()?;
        if text.len() > LONGEST_TEXT || text.chars().any(char::is_control) {
            return Err(self.must_be(format_args!(
                "at most {LONGEST_TEXT} bytes, without control characters"
            )));
        }
        Ok(text.to_owned())
    }

    /// Free text that is there.
    pub(super) fn filled(&self) -> Read<String> {
        match self.line()? {
            text if text.is_empty() => Err(self.wrong("must not be empty")),
            text => Ok(text),
        }
    }

    /// A name that fits into a file name, a label, an object path and a dialplan argument.
    pub(super) fn name(&self) -> Read<String> {
        let text = self.string()?;
        let good = !text.is_empty()
            && text.len() <= LONGEST_NAME
            && text
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
        if good {
            Ok(text.to_owned())
        } else {
            Err(self.must_be(format_args!(
                "a name: letters, digits, '_', '-' and '.', 1 to {LONGEST_NAME} bytes"
            )))
        }
    }

    pub(super) fn flag(&self) -> Read<bool> {
        self.value.as_bool().ok_or_else(|| self.must_be("true or false"))
    }

    /// A whole number in a range.
    pub(super) fn number<T>(&self, range: RangeInclusive<T>) -> Read<T>
    where
        T: Copy + PartialOrd + Display + TryFrom<i64>,
    {
        let number = match self.value {
            DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix()).ok(),
            _ => None,
        };
        number
            .and_then(|number| T::try_from(number).ok())
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                self.must_be(format_args!(
                    "a whole number from {} to {}",
                    range.start(),
                    range.end()
                ))
            })
    }

    /// A length of time.
    pub(super) fn seconds(&self) -> Read<Span> {
        self.seconds_from(0.0, "")
    }

    /// A length of time that is more than none.
    pub(super) fn some_seconds(&self) -> Read<Span> {
        match self.seconds()? {
            Span::ZERO => Err(self.wrong("must be more than 0 seconds")),
            span => Ok(span),
        }
    }

    /// A length of time of at least so many seconds; `other` says what else the value may be.
    pub(super) fn seconds_from(&self, least: f64, other: &str) -> Read<Span> {
        let value = match self.value {
            DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix())
                .ok()
                .map(|whole| whole as f64),
            DeValue::Float(digits) => digits.as_str().parse().ok(),
            _ => None,
        };
        let value = value.filter(|value| (least..=LONGEST).contains(value));
        // In range by the line above, so the conversion cannot overflow.
        value
            .map(|value: f64| Span((value * 1_000_000.0).round() as u64))
            .ok_or_else(|| self.must_be(format_args!("{least} to {LONGEST} seconds{other}")))
    }

    /// One of some words.
    pub(super) fn choice<T: Clone>(&self, words: &[(&str, T)]) -> Read<T> {
        let chosen = self.value.as_str();
        let found = words.iter().find(|(word, _)| chosen == Some(*word));
        found.map(|(_, value)| value.clone()).ok_or_else(|| {
            let words: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
            self.must_be(format_args!("one of {}", words.join(", ")))
        })
    }

    pub(super) fn list(&self) -> Read<Vec<Value<'t>>> {
        let items = self
            .value
            .as_array()
            .ok_or_else(|| self.must_be("a list in brackets"))?;
        let value = |item: &'t Spanned<DeValue<'t>>| Value {
            text: self.text,
            key: self.key,
            place: item.span(),
            value: item.get_ref(),
        };
        Ok(items.iter().map(value).collect())
    }

    /// A list, or one value in place of a list of one; so many at most.
    pub(super) fn one_or_more(&self, most: usize) -> Read<Vec<Value<'t>>> {
        let items = if self.value.is_array() {
            self.list()?
        } else {
            vec![self.clone()]
        };
        match items.get(most) {
            Some(first_too_many) => {
                Err(first_too_many.wrong(format_args!("is one too many: {most} at most")))
            }
            None => Ok(items),
        }
    }

    pub(super) fn table(&self) -> Read<Table<'t>> {
        match self.form() {
            Form::Table(table) => Ok(table),
            Form::Text(_) | Form::Flag(_) | Form::Other => Err(self.must_be("a table")),
        }
    }
}

/// Remembers names and refuses one that comes twice, or one too many.
pub(super) struct Once {
    what: &'static str,
    most: usize,
    seen: BTreeSet<String>,
}

impl Once {
    pub(super) fn new(what: &'static str, most: usize) -> Once {
        Once {
            what,
            most,
            seen: BTreeSet::new(),
        }
    }

    pub(super) fn take(&mut self, name: &Value<'_>, text: String) -> Read<String> {
        let Once { what, most, seen } = self;
        if !seen.insert(text.clone()) {
            return Err(name.secret(format_args!("{what} {text:?} is there twice")));
        }
        if seen.len() > *most {
            return Err(name.secret(format_args!("there are more than {most} {what}s")));
        }
        Ok(text)
    }
}
