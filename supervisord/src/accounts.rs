//! The file of those who may use the API: users with passwords, and tokens for machines and kiosks.
//!
//! Passwords are kept as Argon2id hashes, tokens as SHA-256: they are long and random, so nothing is gained by a slow hash.
//! `hotlinectl user` and `hotlinectl token` write the file, the daemon reads it anew whenever it changes.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::authority::{Actor, Role};
pub use crate::passwords::hash_password;
use crate::passwords::{Workspace, check_hash};
use crate::settings::{TeamSettings, unknown_team};

/// The daemon's group, which has to read what root writes.
const DAEMON_GROUP: &str = "hotline";
/// Longest file.
const MAX_FILE: u64 = 4 << 20;
/// Longest name, in bytes.
pub const MAX_NAME: usize = 64;

const HEADER: &str = "# Who may use the HTTP API of hotline-supervisord. Written by `hotlinectl user` and `hotlinectl token`.\n\n";

/// `users.toml`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    /// Who wrote it, for the audit record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<Written>,
    /// People.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user: Vec<User>,
    /// Machines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub token: Vec<Token>,
}

/// `[written]`
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// Who ran the program that wrote it.
    pub by: String,
    /// Of what that one wrote, so that nobody is blamed for what was changed by hand since.
    pub sha256: String,
}

/// What came of reading the file.
#[derive(Clone, Debug)]
pub enum Reading {
    /// These are in force.
    Used(Arc<Accounts>),
    /// It cannot be used, and why; those of before stay.
    Unusable(String),
}

/// What somebody may do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Rights {
    /// What it is.
    pub role: Role,
    /// Its teams; `*` is all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub teams: Vec<String>,
    /// The agent that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The supervisor number under which it listens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supervisor: Option<String>,
}

/// `[[user]]`
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct User {
    /// Name to sign in with.
    pub name: String,
    /// What it may do.
    #[serde(flatten)]
    pub rights: Rights,
    /// Argon2id in PHC form.
    pub password: String,
}

/// `[[token]]`
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Token {
    /// Name, for the audit record.
    pub name: String,
    /// What it may do.
    #[serde(flatten)]
    pub rights: Rights,
    /// Of the token, in hexadecimal.
    pub sha256: String,
    /// Until when it counts, in RFC 3339; for ever if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// Why there are no accounts.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// The file cannot be read or written.
    #[error("{path}: {cause}")]
    File {
        /// Which file.
        path: String,
        /// Why.
        cause: io::Error,
    },
    /// Others may read or change it.
    #[error("{path} may be read or changed by others: `chmod 640 {path}`, with the daemon's group")]
    Open {
        /// Which file.
        path: String,
    },
    /// Something in it is wrong.
    #[error("{path}: {message}")]
    Wrong {
        /// Which file.
        path: String,
        /// What, and what would be right.
        message: String,
    },
}

impl Rights {
    /// Somebody with these rights.
    pub fn actor(&self, author: &str) -> Actor {
        let author = match (&self.agent, self.role) {
            // However an agent works, the node and the counts know it as this.
            (Some(agent), Role::Agent) => format!("agent:{agent}"),
            (_, _) => author.to_owned(),
        };
        Actor {
            author: author.into(),
            role: self.role,
            teams: self.teams.clone(),
            agent: self.agent.clone(),
            supervisor: self.supervisor.clone(),
        }
    }

    fn check(&self, teams: Option<&[TeamSettings]>) -> Result<(), String> {
        if (self.role == Role::Agent) != self.agent.is_some() {
            return Err("role agent needs `agent`, its number, and no other role has it".into());
        }
        if let Some(unknown) = teams.and_then(|teams| unknown_team(teams, &self.teams)) {
            return Err(format!("no [[team]] of supervisord.toml is called {unknown}"));
        }
        Ok(())
    }
}

impl User {
    /// Whether a password is the user's. Takes tens of milliseconds.
    pub fn is(&self, password: &str, workspace: &mut Workspace) -> bool {
        workspace.matches(password, &self.password)
    }
}

impl Token {
    /// Whether it counts at a moment.
    pub fn counts(&self, now: SystemTime) -> bool {
        match &self.expires {
            None => true,
            Some(until) => humantime::parse_rfc3339(until).is_ok_and(|until| now < until),
        }
    }
}

/// SHA-256 in hexadecimal: how tokens are kept.
pub fn digest(secret: &str) -> String {
    hex(&Sha256::digest(secret))
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 32 random bytes in hexadecimal: a secret that nobody guesses.
///
/// # Errors
/// The system has no randomness.
pub fn secret() -> Result<String, String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(hex(&bytes))
}

impl Accounts {
    /// Reads and checks a file; with the teams of the settings, those too.
    ///
    /// # Errors
    /// If it cannot be read, others may read it, or something in it is wrong.
    pub fn read(path: &Path, teams: Option<&[TeamSettings]>) -> Result<Accounts, AccountsError> {
        let file = |cause| AccountsError::File {
            path: path.display().to_string(),
            cause,
        };
        let wrong = |message| AccountsError::Wrong {
            path: path.display().to_string(),
            message,
        };
        let metadata = fs::metadata(path).map_err(file)?;
        if metadata.permissions().mode() & 0o007 != 0 {
            return Err(AccountsError::Open {
                path: path.display().to_string(),
            });
        }
        if !metadata.is_file() || metadata.len() > MAX_FILE {
            return Err(wrong(format!("it is no file of at most {MAX_FILE} bytes")));
        }
        let text = fs::read_to_string(path).map_err(file)?;
        let accounts: Accounts = toml::from_str(&text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start.min(text.len()));
            let line = text[..start].matches('\n').count() + 1;
            wrong(format!("line {line}: {}", error.message()))
        })?;
        accounts.check(teams).map_err(wrong)?;
        Ok(accounts)
    }

    fn check(&self, teams: Option<&[TeamSettings]>) -> Result<(), String> {
        for (nth, user) in self.user.iter().enumerate() {
            let name = &user.name;
            check_name(name)?;
            if self.user[..nth].iter().any(|other| other.name == *name) {
                return Err(format!("user {name} is given twice"));
            }
            user.rights
                .check(teams)
                .map_err(|message| format!("user {name}: {message}"))?;
            check_hash(&user.password)
                .map_err(|why| format!("user {name}: password {why}: `hotlinectl user passwd {name}`"))?;
        }
        for (nth, token) in self.token.iter().enumerate() {
            let name = &token.name;
            check_name(name)?;
            if self.token[..nth].iter().any(|other| other.name == *name) {
                return Err(format!("token {name} is given twice"));
            }
            token
                .rights
                .check(teams)
                .map_err(|message| format!("token {name}: {message}"))?;
            if token.sha256.len() != 64 || !token.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(format!("token {name}: sha256 has 64 hexadecimal digits"));
            }
            if let Some(until) = &token.expires {
                humantime::parse_rfc3339(until)
                    .map_err(|_| format!("token {name}: expires is no time such as 2030-01-31T00:00:00Z"))?;
            }
        }
        Ok(())
    }

    /// Says who wrote what is in here.
    pub fn sign(&mut self, by: &str) {
        self.written = Some(Written {
            by: by.to_owned(),
            sha256: self.seal(),
        });
    }

    /// Who wrote what is in here, for the audit record; `file:users.toml` if that is not known.
    pub fn author(&self) -> String {
        let written = self
            .written
            .as_ref()
            .filter(|written| written.sha256 == self.seal());
        written.map_or_else(|| "file:users.toml".to_owned(), |written| written.by.clone())
    }

    /// Over all but who wrote it. What cannot be written as JSON, and there is nothing in here that cannot, has none.
    fn seal(&self) -> String {
        serde_json::to_string(&(&self.user, &self.token)).map_or_else(|_| String::new(), |text| digest(&text))
    }

    /// The user of a name.
    pub fn user(&self, name: &str) -> Option<&User> {
        self.user.iter().find(|user| user.name == name)
    }

    /// Whose token it is.
    pub fn token(&self, secret: &str) -> Option<&Token> {
        let digest = digest(secret);
        self.token
            .iter()
            .find(|token| token.sha256.eq_ignore_ascii_case(&digest))
    }

    /// Writes the file, whole or not at all. One that is there keeps its owner, group and mode; a new one is 0640, and
    /// of the daemon's group where there is such a group and root writes it.
    ///
    /// # Errors
    /// If something in it is wrong, or it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), AccountsError> {
        let wrong = |message| AccountsError::Wrong {
            path: path.display().to_string(),
            message,
        };
        self.check(None).map_err(wrong)?;
        let text = toml::to_string(self).map_err(|error| wrong(error.to_string()))?;
        let write = || {
            let before = fs::metadata(path).ok();
            let mode = before.as_ref().map_or(0o640, |file| file.mode() & 0o777);
            let partial = path.with_extension("toml.partial");
            let _ = fs::remove_file(&partial);
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(mode)
                .open(&partial)?;
            match before {
                Some(before) => {
                    std::os::unix::fs::fchown(&file, Some(before.uid()), Some(before.gid()))?;
                }
                None if nix::unistd::geteuid().is_root() => {
                    if let Some(group) = nix::unistd::Group::from_name(DAEMON_GROUP)? {
                        std::os::unix::fs::fchown(&file, None, Some(group.gid.as_raw()))?;
                    }
                }
                None => {}
            }
            file.write_all(HEADER.as_bytes())?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&partial, path)
        };
        write().map_err(|cause| AccountsError::File {
            path: path.display().to_string(),
            cause,
        })
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte);
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(allowed) {
        return Err(format!(
            "{name:?} is no name: give 1 to {MAX_NAME} letters, digits, '.', '_', '@' or '-'"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anna() -> User {
        User {
            name: "anna".into(),
            rights: Rights {
                role: Role::Supervisor,
                teams: vec!["sales".into()],
                agent: None,
                supervisor: Some("9001".into()),
            },
            password: hash_password("correct horse").unwrap(),
        }
    }

    #[test]
    fn what_is_written_is_read_and_nobody_else_may_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("users.toml");
        let accounts = Accounts {
            user: vec![anna()],
            token: vec![Token {
                name: "wall".into(),
                rights: Rights {
                    role: Role::Viewer,
                    teams: vec!["*".into()],
                    agent: None,
                    supervisor: None,
                },
                sha256: digest("secret"),
                expires: Some("2030-01-31T00:00:00Z".into()),
            }],
            written: None,
        };
        accounts.write(&file).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o640);
        let read = Accounts::read(&file, None).unwrap();
        assert_eq!(read, accounts);
        let is = |password| read.user("anna").unwrap().is(password, &mut Workspace::default());
        assert!(is("correct horse") && !is("correct hors"));
        assert_eq!(read.token("secret").unwrap().name, "wall");
        assert!(read.token("Secret").is_none());
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(
            Accounts::read(&file, None),
            Err(AccountsError::Open { .. })
        ));
    }

    #[test]
    fn a_token_ends() {
        let token = |expires: Option<&str>| Token {
            name: "t".into(),
            rights: anna().rights,
            sha256: digest("x"),
            expires: expires.map(str::to_owned),
        };
        let at = |text: &str| humantime::parse_rfc3339(text).unwrap();
        let until = Some("2030-01-31T00:00:00Z");
        assert!(token(until).counts(at("2030-01-30T23:59:59Z")));
        assert!(!token(until).counts(at("2030-01-31T00:00:00Z")));
        assert!(token(None).counts(at("2099-01-01T00:00:00Z")));
    }

    #[test]
    fn wrong_accounts_are_named() {
        let with = |change: fn(&mut User)| {
            let mut user = anna();
            change(&mut user);
            let accounts = Accounts {
                user: vec![user],
                ..Accounts::default()
            };
            accounts.check(Some(&[])).unwrap_err()
        };
        assert!(with(|user| user.name = "an na".into()).contains("\"an na\""));
        assert!(with(|_| {}).contains("no [[team]] of supervisord.toml is called sales"));
        assert!(with(|user| user.rights.role = Role::Agent).contains("user anna: role agent needs"));
        let plain = with(|user| {
            user.rights.teams.clear();
            user.password = "plain".into();
        });
        assert!(plain.contains("hotlinectl user passwd anna"), "{plain}");
    }
}
