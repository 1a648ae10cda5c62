//! A copy of the store as it is at one moment, made while a daemon writes, and opened to see that it is whole.
//!
//! The copy is a SQLite file whatever the store is in, so that every tool reads it, and a daemon can go on from it.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::schema::{self, TABLES};
use super::sql::{self, Engine, SqlError, Value, values};
use super::sqlite::{Sqlite, create};
use super::{StoreError, look};
use crate::audit::{self, Action};
use crate::settings::StoreSettings;

/// Rows that are copied at once.
const CHUNK: usize = 1_000;

/// A copy that was made and found to be whole.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Backup {
    /// Where it is.
    pub file: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Rows of each table.
    pub rows: BTreeMap<String, u64>,
    /// Rows of the audit record, all as written.
    pub audit_rows: u64,
    /// The hash of the last of them.
    pub audit_head: String,
}

/// Copies the store that the settings name into a new file, checks the copy, and leaves a row in the store's audit record.
///
/// # Errors
/// If the file is there already, cannot be written, or is not whole; then it is removed.
pub fn backup(settings: &StoreSettings, to: &Path, author: &str, now: u64) -> Result<Backup, StoreError> {
    let failed = |cause: String| StoreError::Failed {
        path: to.display().to_string(),
        cause,
    };
    if to.exists() {
        return Err(failed(
            "there is such a file already; name one that is not there yet".to_owned(),
        ));
    }
    // Under another name until it is whole: whoever is killed in the middle of it leaves nothing that looks like a copy.
    let part = beside(to, ".part");
    let held = begin(&part).map_err(|error| failed(format!("{}: {error}", part.display())))?;
    let made = copy(settings, &part)
        .and_then(|()| check(settings, &part))
        .and_then(|made| {
            let sync = |path: &Path| File::open(path).and_then(|file| file.sync_all());
            let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
            sync(&part)
                .and_then(|()| std::fs::rename(&part, to))
                .and_then(|()| sync(folder.unwrap_or(Path::new("."))))
                .map_err(|error| failed(error.to_string()))?;
            Ok(Backup {
                file: to.to_owned(),
                ..made
            })
        });
    drop(held);
    let made = match made {
        Ok(made) => made,
        Err(error) => {
            match std::fs::remove_file(&part) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    tracing::warn!(%error, file = %part.display(), "a copy that is not whole was not removed");
                }
                Ok(()) | Err(_) => {}
            }
            return Err(error);
        }
    };
    let mut engine: Box<dyn Engine> = match &settings.database {
        Some(database) => Box::new(super::postgres::Postgres::look(database)?),
        None => Box::new(Sqlite::visit(&settings.path)?),
    };
    let audited = sql::write(engine.as_mut(), |sql| {
        let action = Action {
            author: author.to_owned(),
            action: "store_backup".to_owned(),
            target: made.file.display().to_string(),
            after: format!("{{\"bytes\":{},\"audit_rows\":{}}}", made.bytes, made.audit_rows),
            result: "done".to_owned(),
            ..Action::default()
        };
        audit::append(sql, ("", "", 0, now), action)
    });
    audited.map_err(|error| engine.failure(error))?;
    Ok(made)
}

/// Makes the file for a copy, and keeps others from making theirs there. What a copy that was cut off left is overwritten.
fn begin(part: &Path) -> std::io::Result<File> {
    // It holds caller numbers: not for everybody to read. SQLite takes an empty file for none.
    let file = create(part)?;
    file.try_lock().map_err(|_| {
        let message = "another copy of that name is being made";
        std::io::Error::new(std::io::ErrorKind::AddrInUse, message)
    })?;
    file.set_len(0)?;
    remove_logs(part);
    Ok(file)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// What SQLite has beside a file, and the lock of who writes to it.
fn remove_logs(file: &Path) {
    for suffix in ["-wal", "-shm", "-journal", ".lock"] {
        // There is none, nearly always.
        let _ = std::fs::remove_file(beside(file, suffix));
    }
}

fn copy(settings: &StoreSettings, to: &Path) -> Result<(), StoreError> {
    if settings.database.is_none() {
        look(settings)?;
        return Sqlite::look(&settings.path)?.copy_to(to);
    }
    let mut from = look(settings)?;
    let mut file = Sqlite::open(to, 1 << 24)?;
    let copied = transfer(from.as_mut(), &mut file);
    copied.map_err(|error| file.failure(error))?;
    file.settle()?;
    drop(file);
    remove_logs(to);
    Ok(())
}

/// Copies all tables, as they are at one moment, into a store that has none.
fn transfer(from: &mut dyn Engine, to: &mut dyn Engine) -> Result<(), SqlError> {
    sql::write(to, |to| {
        schema::migrate(to)?;
        sql::read(from, |from| {
            for (table, columns) in TABLES {
                let mut rows: Vec<Value> = Vec::new();
                let mut width = 0;
                let into = match *columns {
                    "*" => (*table).to_owned(),
                    columns => format!("{table} ({columns})"),
                };
                from.each(&format!("SELECT {columns} FROM {table}"), &[], &mut |row| {
                    width = row.0.len();
                    rows.extend(row.0);
                    if rows.len() >= CHUNK * width {
                        to.insert(&into, width, std::mem::take(&mut rows), "")?;
                    }
                    Ok(())
                })?;
                if !rows.is_empty() {
                    to.insert(&into, width, rows, "")?;
                }
            }
            Ok(())
        })
    })
}

/// Opens the copy: the file is sound, its schema is this version's, its audit record is whole.
fn check(settings: &StoreSettings, file: &Path) -> Result<Backup, StoreError> {
    let copy = StoreSettings {
        path: file.to_owned(),
        database: None,
        ..settings.clone()
    };
    Sqlite::look(file)?.sound()?;
    let mut engine = look(&copy)?;
    let verified = audit::verify(engine.as_mut(), None, |_| {}).map_err(|error| StoreError::Failed {
        path: file.display().to_string(),
        cause: error.to_string(),
    })?;
    let counted = sql::read(engine.as_mut(), |sql| {
        let mut rows = BTreeMap::new();
        for (table, _) in TABLES {
            let row = sql.first(&format!("SELECT count(*) FROM {table}"), values![])?;
            rows.insert((*table).to_owned(), row.map_or(Ok(0), |row| row.uint(0))?);
        }
        Ok(rows)
    });
    Ok(Backup {
        file: file.to_owned(),
        bytes: std::fs::metadata(file).map_or(0, |file| file.len()),
        rows: counted.map_err(|error| engine.failure(error))?,
        audit_rows: verified.rows,
        audit_head: verified.head.to_string(),
    })
}
