//! A compact binary form of inputs and settings, for the journal. Numbers are LEB128, text and lists have their length
//! in front, choices a tag. Fields have no names in it: who adds, drops or reorders one raises
//! [`journal::VERSION`]. The lists in `fields` name every field and variant, so that a forgotten one does not compile.

mod fields;
pub mod journal;

use core::fmt;

/// Something with a binary form.
pub trait Code: Sized {
    /// Appends the binary form.
    fn put(&self, out: &mut Vec<u8>);

    /// Reads it back.
    ///
    /// # Errors
    /// What is wrong with the bytes. Never panics, and takes no more memory than a small multiple of them.
    fn take(from: &mut Bytes<'_>) -> Result<Self, DecodeError>;
}

/// The binary form of something.
pub fn encode<T: Code>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    value.put(&mut out);
    out
}

/// Something from its whole binary form.
///
/// # Errors
/// What is wrong with the bytes; also bytes left over.
pub fn decode<T: Code>(bytes: &[u8]) -> Result<T, DecodeError> {
    let mut from = Bytes(bytes);
    let value = T::take(&mut from)?;
    if from.0.is_empty() {
        Ok(value)
    } else {
        Err(DecodeError::LeftOver)
    }
}

/// Bytes still to be read.
#[derive(Clone, Copy, Debug)]
pub struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn byte(&mut self) -> Result<u8, DecodeError> {
        let (first, rest) = self.0.split_first().ok_or(DecodeError::Short)?;
        self.0 = rest;
        Ok(*first)
    }

    fn slice(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (slice, rest) = self.0.split_at_checked(len).ok_or(DecodeError::Short)?;
        self.0 = rest;
        Ok(slice)
    }

    fn number(&mut self) -> Result<u64, DecodeError> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if part << shift >> shift != part {
                return Err(DecodeError::TooLarge);
            }
            number |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(DecodeError::TooLarge)
    }

    /// A count of things of at least one byte each.
    fn count(&mut self) -> Result<usize, DecodeError> {
        let count = usize::try_from(self.number()?).map_err(|_| DecodeError::TooLarge)?;
        if count > self.0.len() {
            Err(DecodeError::Short)
        } else {
            Ok(count)
        }
    }
}

/// Why bytes could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DecodeError {
    /// They end too early.
    Short,
    /// Some are left over.
    LeftOver,
    /// A number does not fit.
    TooLarge,
    /// Text is not UTF-8.
    NotText,
    /// No variant of that type has that tag.
    UnknownTag {
        /// Of which type.
        of: &'static str,
        /// The tag.
        tag: u8,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::Short => f.write_str("the bytes end too early"),
            DecodeError::LeftOver => f.write_str("bytes are left over"),
            DecodeError::TooLarge => f.write_str("a number is too large"),
            DecodeError::NotText => f.write_str("text is not UTF-8"),
            DecodeError::UnknownTag { of, tag } => write!(f, "{of} knows no tag {tag}"),
        }
    }
}

impl core::error::Error for DecodeError {}

impl Code for u64 {
    fn put(&self, out: &mut Vec<u8>) {
        let mut rest = *self;
        while rest >= 0x80 {
            out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
    }

    fn take(from: &mut Bytes<'_>) -> Result<u64, DecodeError> {
        from.number()
    }
}

impl Code for u32 {
    fn put(&self, out: &mut Vec<u8>) {
        u64::from(*self).put(out);
    }

    fn take(from: &mut Bytes<'_>) -> Result<u32, DecodeError> {
        u32::try_from(from.number()?).map_err(|_| DecodeError::TooLarge)
    }
}

impl Code for u16 {
    fn put(&self, out: &mut Vec<u8>) {
        u64::from(*self).put(out);
    }

    fn take(from: &mut Bytes<'_>) -> Result<u16, DecodeError> {
        u16::try_from(from.number()?).map_err(|_| DecodeError::TooLarge)
    }
}

impl Code for char {
    fn put(&self, out: &mut Vec<u8>) {
        u32::from(*self).put(out);
    }

    fn take(from: &mut Bytes<'_>) -> Result<char, DecodeError> {
        char::from_u32(u32::take(from)?).ok_or(DecodeError::NotText)
    }
}

impl<A: Code, B: Code> Code for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn take(from: &mut Bytes<'_>) -> Result<(A, B), DecodeError> {
        Ok((A::take(from)?, B::take(from)?))
    }
}

impl Code for u8 {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }

    fn take(from: &mut Bytes<'_>) -> Result<u8, DecodeError> {
        from.byte()
    }
}

impl Code for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn take(from: &mut Bytes<'_>) -> Result<bool, DecodeError> {
        match from.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            tag => Err(DecodeError::UnknownTag { of: "bool", tag }),
        }
    }
}

impl Code for String {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u64).put(out);
        out.extend_from_slice(self.as_bytes());
    }

    fn take(from: &mut Bytes<'_>) -> Result<String, DecodeError> {
        let len = from.count()?;
        let text = core::str::from_utf8(from.slice(len)?).map_err(|_| DecodeError::NotText)?;
        Ok(text.to_owned())
    }
}

impl<T: Code> Code for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u64).put(out);
        for item in self {
            item.put(out);
        }
    }

    fn take(from: &mut Bytes<'_>) -> Result<Vec<T>, DecodeError> {
        (0..from.count()?).map(|_| T::take(from)).collect()
    }
}

impl<T: Code> Code for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn take(from: &mut Bytes<'_>) -> Result<Option<T>, DecodeError> {
        if bool::take(from)? {
            Ok(Some(T::take(from)?))
        } else {
            Ok(None)
        }
    }
}

impl<T: Code> Code for Box<T> {
    fn put(&self, out: &mut Vec<u8>) {
        T::put(self, out);
    }

    fn take(from: &mut Bytes<'_>) -> Result<Box<T>, DecodeError> {
        Ok(Box::new(T::take(from)?))
    }
}
