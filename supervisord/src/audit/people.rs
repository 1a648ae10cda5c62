//! Rows about those who use the API: who signed in and out, and how the file of users and tokens changed. No secret is in them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Action;
use super::change::written;
use crate::accounts::{Accounts, Rights, digest};
use crate::alarms::Alarm;

/// Characters of a secret's digest that tell one from another.
const TELLING: usize = 16;

/// Whoever is in the file of users and tokens.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct People {
    /// Who wrote it.
    by: String,
    users: BTreeMap<String, Person>,
    tokens: BTreeMap<String, Person>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Person {
    #[serde(flatten)]
    rights: Rights,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    /// Tells whether the password or token is another one, and nothing else.
    secret: String,
}

/// As a row shows somebody.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    rights: &'a Rights,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<&'a str>,
}

#[derive(Serialize)]
struct Counted {
    users: usize,
    tokens: usize,
}

impl People {
    /// Those of a file.
    pub fn of(accounts: &Accounts) -> People {
        let telling = |secret: &str| digest(secret)[..TELLING].to_owned();
        let users = accounts.user.iter().map(|user| {
            let person = Person {
                rights: user.rights.clone(),
                expires: None,
                secret: telling(&user.password),
            };
            (user.name.clone(), person)
        });
        let tokens = accounts.token.iter().map(|token| {
            let person = Person {
                rights: token.rights.clone(),
                expires: token.expires.clone(),
                secret: telling(&token.sha256),
            };
            (token.name.clone(), person)
        });
        People {
            by: accounts.author(),
            users: users.collect(),
            tokens: tokens.collect(),
        }
    }

    fn counted(&self) -> Counted {
        Counted {
            users: self.users.len(),
            tokens: self.tokens.len(),
        }
    }

    /// What was done to the file since it was noted last: that it was read, and a row for each user and token that differs. The first
    /// time there is nothing to compare with.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn since(&self, before: Option<&People>) -> serde_json::Result<Vec<Action>> {
        let same = |before: &People| (&before.users, &before.tokens) == (&self.users, &self.tokens);
        // Nobody, and nobody before, is nothing to tell either.
        let nobody = before.is_none() && self.users.is_empty() && self.tokens.is_empty();
        if nobody || before.is_some_and(same) {
            return Ok(Vec::new());
        }
        let mut actions = vec![Action {
            author: self.by.clone(),
            action: "users_read".to_owned(),
            before: written(before.map(People::counted))?,
            after: written(Some(self.counted()))?,
            result: "done".to_owned(),
            ..Action::default()
        }];
        if let Some(before) = before {
            self.differences(&USERS, &before.users, &self.users, &mut actions)?;
            self.differences(&TOKENS, &before.tokens, &self.tokens, &mut actions)?;
        }
        Ok(actions)
    }

    fn differences(
        &self,
        words: &Words,
        before: &BTreeMap<String, Person>,
        after: &BTreeMap<String, Person>,
        actions: &mut Vec<Action>,
    ) -> serde_json::Result<()> {
        let gone = before.keys().filter(|name| !after.contains_key(*name));
        for name in after.keys().chain(gone) {
            let (was, is) = (before.get(name), after.get(name));
            if was == is {
                continue;
            }
            let action = match (was, is) {
                (None, _) => words.made,
                (_, None) => words.gone,
                (Some(was), Some(is)) if was.secret != is.secret => words.secret,
                (Some(_), Some(_)) => words.changed,
            };
            actions.push(Action {
                author: self.by.clone(),
                action: action.to_owned(),
                target: name.clone(),
                before: written(was.map(Person::shown))?,
                after: written(is.map(Person::shown))?,
                result: "done".to_owned(),
                ..Action::default()
            });
        }
        Ok(())
    }
}

/// What is done to one kind.
struct Words {
    made: &'static str,
    gone: &'static str,
    secret: &'static str,
    changed: &'static str,
}

const USERS: Words = Words {
    made: "user_add",
    gone: "user_remove",
    secret: "user_passwd",
    changed: "user_change",
};

const TOKENS: Words = Words {
    made: "token_add",
    gone: "token_remove",
    secret: "token_replace",
    changed: "token_change",
};

impl Person {
    fn shown(&self) -> Shown<'_> {
        Shown {
            rights: &self.rights,
            expires: self.expires.as_deref(),
        }
    }
}

/// A file of users that cannot be used, so that those of before stay.
pub fn unusable_users(error: &str) -> Action {
    Action {
        author: "file:users.toml".to_owned(),
        action: "users_read".to_owned(),
        result: "refused".to_owned(),
        reason: error.to_owned(),
        ..Action::default()
    }
}

/// Somebody took care of an alarm, or was refused: how it was, and how it is now, or why not.
pub fn acknowledge(author: &str, alarm: &Alarm, note: &str, now: Result<&Alarm, String>) -> Action {
    let seen = |alarm: &Alarm| {
        let by = alarm.acknowledged.as_ref();
        serde_json::json!({
            "alarm": alarm.name,
            "node": alarm.node,
            "queue": alarm.queue,
            "level": alarm.level,
            "acknowledged_by": by.map(|by| &by.author),
            "acknowledged_at": by.map(|by| by.at),
            // There is no other end to it.
            "until": by.map(|_| "it clears, or its level rises"),
        })
        .to_string()
    };
    let before = seen(alarm);
    Action {
        author: author.to_owned(),
        action: "acknowledge".to_owned(),
        target: alarm.id.to_string(),
        asked: serde_json::json!({ "note": note }).to_string(),
        after: now.as_ref().map_or_else(|_| before.clone(), |now| seen(now)),
        before,
        result: if now.is_ok() { "done" } else { "refused" }.to_owned(),
        reason: now.err().unwrap_or_default(),
    }
}

/// Somebody signed in, or tried to. What is no user's name is not kept: it may be a password in the wrong field.
pub fn log_in(user: Option<&str>, from: &str, refused: Option<&str>) -> Action {
    session("log_in", user, from, refused)
}

/// Somebody signed out.
pub fn log_out(user: &str) -> Action {
    session("log_out", Some(user), "", None)
}

fn session(action: &str, user: Option<&str>, from: &str, refused: Option<&str>) -> Action {
    Action {
        author: user.map_or_else(|| "http:".to_owned(), |user| format!("http:{user}")),
        action: action.to_owned(),
        target: user.unwrap_or_default().to_owned(),
        asked: match from {
            "" => String::new(),
            from => serde_json::json!({ "from": from }).to_string(),
        },
        result: if refused.is_some() { "refused" } else { "done" }.to_owned(),
        reason: refused.unwrap_or_default().to_owned(),
        ..Action::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::{Token, User};
    use crate::authority::Role;

    fn rights(role: Role) -> Rights {
        Rights {
            role,
            teams: vec!["sales".into()],
            agent: None,
            supervisor: None,
        }
    }

    fn user(name: &str, role: Role, password: &str) -> User {
        User {
            name: name.into(),
            rights: rights(role),
            password: password.into(),
        }
    }

    fn token(name: &str, secret: &str) -> Token {
        Token {
            name: name.into(),
            rights: rights(Role::Viewer),
            sha256: digest(secret),
            expires: Some("2030-01-31T00:00:00Z".into()),
        }
    }

    fn file(user: Vec<User>, token: Vec<Token>) -> People {
        let mut accounts = Accounts {
            user,
            token,
            ..Accounts::default()
        };
        accounts.sign("cli:root");
        People::of(&accounts)
    }

    #[test]
    fn each_difference_is_a_row_and_no_secret_is_in_any() {
        let before = file(
            vec![
                user("anna", Role::Viewer, "h1"),
                user("bo", Role::Viewer, "h2"),
                user("cy", Role::Viewer, "h3"),
            ],
            vec![token("wall", "s1"), token("old", "s2")],
        );
        let after = file(
            vec![
                user("anna", Role::Supervisor, "h1"),
                user("bo", Role::Viewer, "other"),
                user("di", Role::Viewer, "h4"),
            ],
            vec![token("wall", "s3"), token("new", "s4")],
        );
        let rows = after.since(Some(&before)).unwrap();
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row.author.as_str(), row.action.as_str(), row.target.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("cli:root", "users_read", ""),
                ("cli:root", "user_change", "anna"),
                ("cli:root", "user_passwd", "bo"),
                ("cli:root", "user_add", "di"),
                ("cli:root", "user_remove", "cy"),
                ("cli:root", "token_add", "new"),
                ("cli:root", "token_replace", "wall"),
                ("cli:root", "token_remove", "old"),
            ]
        );
        assert_eq!(rows[1].before, r#"{"role":"viewer","teams":["sales"]}"#);
        assert_eq!(rows[1].after, r#"{"role":"supervisor","teams":["sales"]}"#);
        assert_eq!(
            (rows[4].before.is_empty(), rows[4].after.is_empty()),
            (false, true)
        );
        let all = format!("{rows:?}");
        for person in before.users.values().chain(after.tokens.values()) {
            assert!(!all.contains(&person.secret), "{all}");
        }
        assert!(after.since(Some(&after)).unwrap().is_empty());
        assert_eq!(after.since(None).unwrap().len(), 1);
        assert!(file(Vec::new(), Vec::new()).since(None).unwrap().is_empty());
    }

    #[test]
    fn a_file_that_was_changed_by_hand_blames_nobody() {
        let mut accounts = Accounts {
            user: vec![user("anna", Role::Viewer, "h1")],
            ..Accounts::default()
        };
        accounts.sign("cli:root");
        assert_eq!(accounts.author(), "cli:root");
        accounts.user[0].rights.role = Role::Administrator;
        assert_eq!(accounts.author(), "file:users.toml");
    }
}
