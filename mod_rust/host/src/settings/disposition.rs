//! `[[disposition]]`

use hotline_engine::config::{Disposition, MAX_DISPOSITIONS};

use super::Names;
use super::reader::{Form, Once, Read, Table, Value};

/// The longest label, in bytes.
const MOST_LABEL: usize = 128;
/// Most queues that one is for.
const MOST_QUEUES: usize = 1_000;

pub(super) fn read_all(file: &mut Table<'_>, names: &Names) -> Read<Vec<Disposition>> {
    let mut once = Once::new("disposition", MAX_DISPOSITIONS);
    let tables = file.tables("disposition")?;
    let mut read = |mut table: Table<'_>| {
        let code = table.need("code")?;
        let mut disposition = Disposition {
            code: once.take(&code, code.name()?)?,
            ..Disposition::default()
        };
        if let Some(value) = table.take("label") {
            (disposition.zh, disposition.en) = label(&value)?;
        }
        table.set("complaint", &mut disposition.complaint, Value::flag)?;
        table.set("resolved", &mut disposition.resolved, Value::flag)?;
        table.set("follow_up", &mut disposition.follow_up, Value::flag)?;
        table.set("queues", &mut disposition.queues, |value| {
            let mut queues = Once::new("queue", MOST_QUEUES);
            let values = value.one_or_more(MOST_QUEUES)?;
            let queue = |value: &Value<'_>| {
                let name = names.queue(value, value.string()?)?;
                queues.take(value, name)
            };
            values.iter().map(queue).collect()
        })?;
        table.end()?;
        Ok(disposition)
    };
    tables.into_iter().map(&mut read).collect()
}

/// In Chinese and in English: a text for both, or `{ zh = "…", en = "…" }`.
fn label(value: &Value<'_>) -> Read<(String, String)> {
    let Form::Table(mut table) = value.form() else {
        let text = words(value)?;
        return Ok((text.clone(), text));
    };
    let (mut zh, mut en) = (String::new(), String::new());
    table.set("zh", &mut zh, words)?;
    table.set("en", &mut en, words)?;
    table.end()?;
    Ok((zh, en))
}

fn words(value: &Value<'_>) -> Read<String> {
    let text = value.line()?;
    if text.len() > MOST_LABEL {
        return Err(value.wrong(format_args!("is longer than {MOST_LABEL} bytes")));
    }
    Ok(text)
}
