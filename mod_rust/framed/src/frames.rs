//! Frames one after the other.
//!
//! ```text
//! frame = length(4) crc32(4) payload(length)           little-endian
//! ```
//! A frame counts whole or not at all: a torn end, as a kill in the middle of writing leaves it, is no frame. What a bad disk
//! damaged in the middle is passed over, and what follows it is found again.

/// The longest payload, in bytes.
pub const MAX_PAYLOAD: usize = 1 << 30;
/// Bytes of a frame in front of its payload.
pub const HEAD: usize = 8;

/// More than [`MAX_PAYLOAD`] bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0} bytes are too long for a frame")]
pub struct TooLong(pub usize);

/// Appends a frame whose payload is what `fill` appends.
///
/// # Errors
/// The payload is too long; `out` is as it was.
pub fn write(out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) -> Result<(), TooLong> {
    let begin = out.len();
    out.extend_from_slice(&[0; HEAD]);
    fill(out);
    let payload = out.get(begin + HEAD..).unwrap_or_default();
    let (length, checksum) = (payload.len(), crc32fast::hash(payload));
    let Some(short) = u32::try_from(length).ok().filter(|_| length <= MAX_PAYLOAD) else {
        out.truncate(begin);
        return Err(TooLong(length));
    };
    let head = [short.to_le_bytes(), checksum.to_le_bytes()];
    if let Some(place) = out.get_mut(begin..begin + HEAD) {
        place.copy_from_slice(head.as_flattened());
    }
    Ok(())
}

/// The whole frames in some bytes, in order: where each begins, and its payload.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
    begins: fn(&[u8]) -> bool,
}

impl<'a> Frames<'a> {
    /// Those from byte `at` on. `begins` says at little cost whether a payload can be one: behind damage every byte is asked
    /// whether a frame begins there.
    pub fn new(bytes: &'a [u8], at: usize, begins: fn(&[u8]) -> bool) -> Frames<'a> {
        Frames {
            bytes,
            at,
            end: at,
            begins,
        }
    }

    /// Where the last frame ended that was given; where it began to look if none was.
    pub fn end(&self) -> usize {
        self.end
    }

    fn frame_at(&self, at: usize) -> Option<&'a [u8]> {
        let rest = self.bytes.get(at..)?;
        let length = u32::from_le_bytes(*rest.first_chunk()?);
        let checksum = u32::from_le_bytes(*rest.get(4..)?.first_chunk()?);
        let end = HEAD.checked_add(usize::try_from(length).ok()?)?;
        let payload = rest.get(HEAD..end)?;
        ((self.begins)(payload) && crc32fast::hash(payload) == checksum).then_some(payload)
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<(usize, &'a [u8])> {
        while self.at < self.bytes.len() {
            let begin = self.at;
            let Some(payload) = self.frame_at(begin) else {
                self.at += 1;
                continue;
            };
            self.at = begin + HEAD + payload.len();
            self.end = self.at;
            return Some((begin, payload));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_text(payload: &[u8]) -> bool {
        payload.first() == Some(&b'x')
    }

    fn written(payloads: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        for payload in payloads {
            write(&mut out, |out| out.extend_from_slice(payload)).unwrap();
        }
        out
    }

    proptest! {
        #[test]
        fn a_torn_end_costs_what_it_tore(lengths in prop::collection::vec(0usize..40, 1..8), cut: prop::sample::Index) {
            let payloads: Vec<Vec<u8>> = lengths.iter().map(|n| [b"x".as_slice(), &vec![7; *n]].concat()).collect();
            let whole = written(&payloads);
            let cut = cut.index(whole.len() + 1);
            let mut frames = Frames::new(&whole[..cut], 0, is_text);
            let found: Vec<&[u8]> = frames.by_ref().map(|(_, payload)| payload).collect();
            let mut end = 0;
            let expected = payloads.iter().take_while(|payload| {
                let next = end + HEAD + payload.len();
                let there = next <= cut;
                end = if there { next } else { end };
                there
            });
            prop_assert_eq!(expected.collect::<Vec<_>>(), found);
            prop_assert_eq!(frames.end(), end);
        }

        #[test]
        fn a_damaged_byte_costs_its_frame_alone(at: prop::sample::Index, bit in 0u8..8) {
            let payloads: Vec<Vec<u8>> = (0..5u8).map(|n| vec![b'x', n, n, n]).collect();
            let mut bytes = written(&payloads);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let found: Vec<Vec<u8>> = Frames::new(&bytes, 0, is_text).map(|(_, payload)| payload.to_vec()).collect();
            let mut expected = payloads;
            expected.remove(at / (HEAD + 4));
            prop_assert_eq!(found, expected);
        }
    }
}
