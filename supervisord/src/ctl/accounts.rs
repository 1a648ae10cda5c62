//! Users and tokens of the HTTP API, in the file that the daemon reads: on its machine, whether it runs or not.

use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};

use super::place::author;
use super::{Failure, table};
use crate::accounts::{self, Accounts, AccountsError, Rights, Token, User};
use crate::authority::Role;

/// What can be asked of users.
#[derive(Subcommand)]
pub enum UserAsk {
    /// Adds a user; the password is asked for, or read from standard input
    Add {
        /// Name to sign in with
        name: String,
        /// What the user may do
        #[command(flatten)]
        rights: RightsArgs,
        /// Where they are
        #[command(flatten)]
        book: Book,
    },
    /// Gives a user another password, which ends the user's sessions
    Passwd {
        /// Name
        name: String,
        /// Where they are
        #[command(flatten)]
        book: Book,
    },
    /// Takes a user away, which ends the user's sessions
    Remove {
        /// Name
        name: String,
        /// Where they are
        #[command(flatten)]
        book: Book,
    },
    /// Lists users
    List {
        /// Where they are
        #[command(flatten)]
        book: Book,
    },
    /// Prints the hash of a password, as the file has it
    Hash,
}

/// What can be asked of tokens.
#[derive(Subcommand)]
pub enum TokenAsk {
    /// Makes a token for a machine, and prints it: this once
    Add {
        /// Name, for the audit record
        name: String,
        /// What its bearer may do
        #[command(flatten)]
        rights: RightsArgs,
        /// It counts for so long, such as 90d or 1y; for ever if not given
        #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
        time: Option<Duration>,
        /// Where they are
        #[command(flatten)]
        book: Book,
    },
    /// Takes a token away
    Remove {
        /// Name
        name: String,
        /// Where they are
        #[command(flatten)]
        book: Book,
    },
    /// Lists tokens, not their secrets
    List {
        /// Where they are
        #[command(flatten)]
        book: Book,
    },
}

/// What somebody may do.
#[derive(Args)]
pub struct RightsArgs {
    /// viewer, agent, inspector, supervisor or administrator
    #[arg(long)]
    role: Role,
    /// A [[team]] of supervisord.toml, or * for all; may be given several times
    #[arg(long = "team", value_name = "TEAM")]
    teams: Vec<String>,
    /// The agent number, of role agent
    #[arg(long, value_name = "NUMBER")]
    agent: Option<String>,
    /// The supervisor number under which the user listens
    #[arg(long, value_name = "NUMBER")]
    supervisor: Option<String>,
}

impl From<RightsArgs> for Rights {
    fn from(args: RightsArgs) -> Rights {
        Rights {
            role: args.role,
            teams: args.teams,
            agent: args.agent,
            supervisor: args.supervisor,
        }
    }
}

/// Where they are.
#[derive(Args)]
pub struct Book {
    /// The file of users and tokens, as [http] users names it
    #[arg(
        long,
        value_name = "FILE",
        env = "HOTLINE_USERS",
        default_value = "/etc/hotline/users.toml"
    )]
    users: PathBuf,
}

impl Book {
    fn read(&self) -> Result<Accounts, Failure> {
        match Accounts::read(&self.users, None) {
            Err(AccountsError::File { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => {
                Ok(Accounts::default())
            }
            read => read.map_err(other),
        }
    }

    /// Changes them, one at a time.
    fn change(
        &self,
        change: impl FnOnce(&mut Accounts) -> Result<String, String>,
    ) -> Result<String, Failure> {
        let folder = self.users.parent().unwrap_or(Path::new("."));
        let lock = File::open(folder).and_then(|folder| folder.lock().map(|()| folder));
        let _lock = lock.map_err(|error| Failure::Other(format!("{}: {error}", folder.display())))?;
        let mut accounts = self.read()?;
        let said = change(&mut accounts).map_err(Failure::Refused)?;
        accounts.sign(&author());
        accounts.write(&self.users).map_err(other)?;
        Ok(said)
    }
}

fn other(error: AccountsError) -> Failure {
    Failure::Other(error.to_string())
}

impl UserAsk {
    /// Does it.
    ///
    /// # Errors
    /// The file cannot be read or written, or there is no such user, or one already.
    pub fn run(self) -> Result<String, Failure> {
        match self {
            UserAsk::Add { name, rights, book } => {
                let taken = format!(
                    "user {name} is there already; `hotlinectl user passwd {name}` changes the password"
                );
                if book.read()?.user(&name).is_some() {
                    return Err(Failure::Refused(taken));
                }
                let password = new_password()?;
                book.change(|accounts| {
                    if accounts.user(&name).is_some() {
                        return Err(taken);
                    }
                    let said = format!("user {name} is {}\n", rights.role.label());
                    let rights = rights.into();
                    accounts.user.push(User {
                        name,
                        rights,
                        password,
                    });
                    Ok(said)
                })
            }
            UserAsk::Passwd { name, book } => {
                let unknown = no("user", &name);
                if book.read()?.user(&name).is_none() {
                    return Err(Failure::Refused(unknown));
                }
                let password = new_password()?;
                book.change(|accounts| {
                    let user = accounts.user.iter_mut().find(|user| user.name == name);
                    user.ok_or(unknown)?.password = password;
                    Ok(format!("user {name} has another password\n"))
                })
            }
            UserAsk::Remove { name, book } => book.change(|accounts| {
                let before = accounts.user.len();
                accounts.user.retain(|user| user.name != name);
                if accounts.user.len() == before {
                    return Err(no("user", &name));
                }
                Ok(format!("user {name} is gone\n"))
            }),
            UserAsk::List { book } => {
                let accounts = book.read()?;
                let rows: Vec<Vec<String>> = accounts
                    .user
                    .iter()
                    .map(|user| columns(&user.name, &user.rights))
                    .collect();
                Ok(table(&["NAME", "ROLE", "TEAMS", "AGENT", "SUPERVISOR"], &rows))
            }
            UserAsk::Hash => Ok(format!("{}\n", new_password()?)),
        }
    }
}

impl TokenAsk {
    /// Does it.
    ///
    /// # Errors
    /// The file cannot be read or written, or there is no such token, or one already.
    pub fn run(self) -> Result<String, Failure> {
        match self {
            TokenAsk::Add {
                name,
                rights,
                time,
                book,
            } => book.change(|accounts| {
                if accounts.token.iter().any(|token| token.name == name) {
                    return Err(format!("token {name} is there already; remove it first"));
                }
                let secret = accounts::secret()?;
                let until = time.map(|time| SystemTime::now().checked_add(time).ok_or("that is too long"));
                let expires = until
                    .transpose()?
                    .map(|until| humantime::format_rfc3339_seconds(until).to_string());
                accounts.token.push(Token {
                    name,
                    rights: rights.into(),
                    sha256: accounts::digest(&secret),
                    expires,
                });
                Ok(format!("{secret}\n"))
            }),
            TokenAsk::Remove { name, book } => book.change(|accounts| {
                let before = accounts.token.len();
                accounts.token.retain(|token| token.name != name);
                if accounts.token.len() == before {
                    return Err(no("token", &name));
                }
                Ok(format!("token {name} is gone\n"))
            }),
            TokenAsk::List { book } => {
                let accounts = book.read()?;
                let row = |token: &Token| {
                    let mut columns = columns(&token.name, &token.rights);
                    columns.push(token.expires.clone().unwrap_or_default());
                    columns
                };
                let rows: Vec<Vec<String>> = accounts.token.iter().map(row).collect();
                let titles = ["NAME", "ROLE", "TEAMS", "AGENT", "SUPERVISOR", "UNTIL"];
                Ok(table(&titles, &rows))
            }
        }
    }
}

fn no(kind: &str, name: &str) -> String {
    format!("no {kind} {name}; `hotlinectl {kind} list` shows them")
}

fn columns(name: &str, rights: &Rights) -> Vec<String> {
    vec![
        name.to_owned(),
        rights.role.label().to_owned(),
        rights.teams.join(","),
        rights.agent.clone().unwrap_or_default(),
        rights.supervisor.clone().unwrap_or_default(),
    ]
}

/// Asks for a new password, twice at a terminal, and hashes it.
fn new_password() -> Result<String, Failure> {
    let ask = || -> io::Result<Option<String>> {
        if !io::stdin().is_terminal() {
            return Ok(Some(read_line()?));
        }
        let first = unseen("Password: ")?;
        Ok((unseen("Again: ")? == first).then_some(first))
    };
    let password = ask().map_err(|error| Failure::Other(format!("no password: {error}")))?;
    let password = password.ok_or_else(|| Failure::Refused("these were two different passwords".into()))?;
    accounts::hash_password(&password).map_err(Failure::Refused)
}

/// Reads a line that the terminal does not show.
fn unseen(prompt: &str) -> io::Result<String> {
    let stdin = io::stdin();
    io::stderr().write_all(prompt.as_bytes())?;
    let before = tcgetattr(&stdin)?;
    let mut mute = before.clone();
    mute.local_flags.remove(LocalFlags::ECHO);
    tcsetattr(&stdin, SetArg::TCSAFLUSH, &mute)?;
    let line = read_line();
    tcsetattr(&stdin, SetArg::TCSAFLUSH, &before)?;
    io::stderr().write_all(b"\n")?;
    line
}

fn read_line() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}
