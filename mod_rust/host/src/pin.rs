//! Agent PINs, kept as argon2 hashes or, for the smallest sites, in plain digits.

use argon2::Argon2;
use argon2::password_hash::PasswordVerifier;
use argon2::password_hash::phc::PasswordHash;

/// What a PIN is compared with.
#[derive(Clone)]
pub struct Pin(Kind);

#[derive(Clone)]
enum Kind {
    Plain(String),
    Hash(Box<PasswordHash>),
}

/// Longest PIN, in digits.
const LONGEST: usize = 16;

impl std::fmt::Debug for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pin(…)")
    }
}

impl Pin {
    /// From the settings: digits, or a PHC string (`$argon2id$v=19$…`).
    ///
    /// # Errors
    /// What is wrong with it, without showing it.
    pub fn parse(text: &str) -> Result<Pin, String> {
        if text.starts_with('$') {
            let hash = PasswordHash::new(text).map_err(|error| format!("is not an argon2 hash: {error}"))?;
            if !hash.algorithm.as_str().starts_with("argon2") {
                return Err("is a hash of another kind than argon2".to_owned());
            }
            return Ok(Pin(Kind::Hash(Box::new(hash))));
        }
        if text.is_empty() || text.len() > LONGEST || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("must be 1 to {LONGEST} digits, or an argon2 hash"));
        }
        Ok(Pin(Kind::Plain(text.to_owned())))
    }

    /// Whether `typed` is the PIN. Takes as long for a wrong one as for a right one of the same length.
    pub fn matches(&self, typed: &str) -> bool {
        match &self.0 {
            Kind::Plain(pin) => {
                pin.len() == typed.len()
                    && pin
                        .bytes()
                        .zip(typed.bytes())
                        .fold(0, |differ, (a, b)| differ | (a ^ b))
                        == 0
            }
            Kind::Hash(hash) => Argon2::default()
                .verify_password(typed.as_bytes(), &**hash)
                .is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_and_hashed_pins_match_themselves_only() {
        let plain = Pin::parse("4711").unwrap();
        assert!(plain.matches("4711"));
        assert!(!plain.matches("4712"));
        assert!(!plain.matches("47110"));
        assert!(Pin::parse("12a").is_err());
        assert!(Pin::parse("$argon2id$nonsense").is_err());
        assert_eq!(format!("{plain:?}"), "Pin(…)");
    }

    #[test]
    fn a_hash_verifies() {
        use argon2::password_hash::CustomizedPasswordHasher;
        let params = argon2::Params::new(8, 1, 1, None).unwrap();
        let hash = Argon2::default()
            .hash_password_with_params(b"4711", b"saltsaltsalt", params)
            .unwrap()
            .to_string();
        let pin = Pin::parse(&hash).unwrap();
        assert!(pin.matches("4711"));
        assert!(!pin.matches("4712"));
    }
}
