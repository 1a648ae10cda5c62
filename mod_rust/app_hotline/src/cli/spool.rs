//! `hotline show spool`: events on their way to who stores them.

use hotline_wire::frame::PipeInfo;

use crate::table::table;

pub(super) fn show(pipe: &PipeInfo) -> String {
    let mut rows = vec![
        ("Events since the start", pipe.newest.to_string()),
        ("Acknowledged by every supervisor", pipe.acknowledged.to_string()),
        ("In memory", pipe.memory.to_string()),
    ];
    match &pipe.spool {
        None => rows.push(("Spool", "none, events are in memory only".to_owned())),
        Some(spool) => rows.extend([
            (
                "Spool",
                match spool.trouble.as_str() {
                    "" => "written".to_owned(),
                    trouble => format!("CANNOT BE WRITTEN: {trouble}"),
                },
            ),
            ("Written to the spool", spool.written.to_string()),
            ("Safe from a power cut", spool.synced.to_string()),
            (
                "MiB of the spool",
                format!("{} of {}", mib(spool.bytes), spool.max_bytes >> 20),
            ),
            ("Earlier starts held", spool.earlier.to_string()),
        ]),
    }
    if pipe.journal_bytes > 0 {
        rows.push(("MiB of the journal", mib(pipe.journal_bytes)));
    }
    let lost: Vec<String> = pipe
        .lost
        .iter()
        .map(|(reason, count)| format!("{count} {}", reason.label()))
        .collect();
    rows.push((
        "Lost before they were stored",
        if lost.is_empty() {
            "none".to_owned()
        } else {
            lost.join(", ")
        },
    ));
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|(what, now)| vec![what.to_owned(), now])
        .collect();
    table(&["Events", "Now"], &rows)
}

fn mib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 20))
}
