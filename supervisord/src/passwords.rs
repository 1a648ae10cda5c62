//! Passwords as Argon2id hashes.
//!
//! A hash needs much memory for a moment. What verifies keeps its memory and uses it again: given back to the allocator after each
//! password, it would stay in the arenas of all threads that ever verified one.

use argon2::password_hash::PasswordHasher;
use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// Shortest password, in characters.
const MIN_PASSWORD: usize = 8;
/// Longest password, in bytes: hashing takes time.
pub const MAX_PASSWORD: usize = 256;
/// Most memory that a hash may ask for, in KiB: three times what ours do.
const MAX_MEMORY: u32 = 64 << 10;

/// Hashes a password for the file.
///
/// # Errors
/// It is too short or too long.
pub fn hash_password(password: &str) -> Result<String, String> {
    if password.chars().count() < MIN_PASSWORD || password.len() > MAX_PASSWORD {
        return Err(format!(
            "a password has {MIN_PASSWORD} characters at least, and {MAX_PASSWORD} bytes at most"
        ));
    }
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string())
        .map_err(|error| error.to_string())
}

/// Whether a text is a hash that can be verified.
///
/// # Errors
/// Why not, to be read behind `password`.
pub fn check_hash(hash: &str) -> Result<(), String> {
    let none = || "is no Argon2id hash".to_owned();
    let hash = PasswordHash::new(hash).map_err(|_| none())?;
    if hash.algorithm.as_str() != Algorithm::Argon2id.as_str() {
        return Err(none());
    }
    let params = Params::try_from(&hash).map_err(|_| none())?;
    if params.m_cost() > MAX_MEMORY {
        let asked = params.m_cost() / 1024;
        return Err(format!(
            "is a hash that takes {asked} MiB, and {} are the most",
            MAX_MEMORY / 1024
        ));
    }
    Ok(())
}

/// The memory that verifying takes, kept for the next password.
#[derive(Default)]
pub struct Workspace(Vec<Block>);

impl std::fmt::Debug for Workspace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What is in there follows from passwords.
        write!(f, "Workspace({} KiB)", self.0.len())
    }
}

impl Workspace {
    /// Whether a hash is of a password. Takes tens of milliseconds.
    pub fn matches(&mut self, password: &str, hash: &str) -> bool {
        self.try_match(password, hash).unwrap_or(false)
    }

    fn try_match(&mut self, password: &str, hash: &str) -> Option<bool> {
        check_hash(hash).ok()?;
        let hash = PasswordHash::new(hash).ok()?;
        let (salt, expected) = (hash.salt.as_ref()?, hash.hash.as_ref()?);
        let version = match hash.version {
            Some(version) => Version::try_from(version).ok()?,
            None => Version::default(),
        };
        let params = Params::try_from(&hash).ok()?;
        if self.0.len() < params.block_count() {
            // The old one goes first: never both.
            self.0 = Vec::new();
            self.0 = vec![Block::new(); params.block_count()];
        }
        let mut found = [0; Output::MAX_LENGTH];
        let found = found.get_mut(..expected.len())?;
        Argon2::new(Algorithm::Argon2id, version, params)
            .hash_password_into_with_memory(password.as_bytes(), salt, found, &mut self.0[..])
            .ok()?;
        // In constant time.
        Some(Output::new(found).ok()? == *expected)
    }
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordVerifier;

    use super::*;

    #[test]
    fn a_workspace_verifies_as_the_library_does_and_grows_no_more() {
        let params = Params::new(64, 3, 2, Some(16)).unwrap();
        let small = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hashes = [
            hash_password("correct horse").unwrap(),
            small.hash_password(b"correct horse").unwrap().to_string(),
        ];
        let mut workspace = Workspace::default();
        for hash in hashes.iter().chain(&hashes) {
            for password in ["correct horse", "correct hors", ""] {
                let parsed = PasswordHash::new(hash).unwrap();
                let expected = Argon2::default()
                    .verify_password(password.as_bytes(), &parsed)
                    .is_ok();
                assert_eq!(workspace.matches(password, hash), expected, "{hash} {password}");
                assert_eq!(workspace.0.len(), Params::DEFAULT.block_count());
            }
        }
        assert!(!workspace.matches("correct horse", "plain"));
    }

    #[test]
    fn what_cannot_be_verified_is_said() {
        assert!(check_hash(&hash_password("correct horse").unwrap()).is_ok());
        let greedy = Params::new(MAX_MEMORY + 8, 1, 1, None).unwrap();
        let greedy = hash_password("correct horse").unwrap().replace(
            &format!("m={}", Params::DEFAULT.m_cost()),
            &format!("m={}", greedy.m_cost()),
        );
        assert!(check_hash(&greedy).unwrap_err().contains("64 are the most"));
        for hash in [
            "plain",
            "",
            "$argon2i$v=19$m=16,t=2,p=1$c29tZXNhbHQ$6lPZ8ybMG9vmBCqcRGSRhw",
        ] {
            assert!(check_hash(hash).unwrap_err().contains("Argon2id"), "{hash}");
        }
        assert!(hash_password("short").is_err());
    }
}
