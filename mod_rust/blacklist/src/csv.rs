//! Entries as CSV: `number,action,reason,author,from,until,tiers,queues,added`, the first line naming the columns.
//!
//! Only `number` must be there: `NUMBER`, `PREFIX*` or `_PATTERN`. Action is `busy` unless it says otherwise. Lines that begin
//! with `#` do not count. A bad line is named, and unless it is asked to be left out nothing of the file is to be taken.

use std::cell::{Cell, RefCell};
use std::io::{self, BufRead, Read, Write};

use csv::{ByteRecord, ReaderBuilder, Trim};

use crate::changes::{Change, END, PUT, REMOVE};
use crate::entry::{Action, Entry, MAX_AUTHOR, MAX_REASON, Names, Profile, What, line};
use crate::number::Plan;
use crate::time;

/// The columns, in the order in which they are written.
pub const COLUMNS: [&str; 9] = [
    "number", "action", "reason", "author", "from", "until", "tiers", "queues", "added",
];
/// Bad lines that are named; the others are counted.
pub const NAMED: usize = 20;
/// The longest line, in bytes: all fields at their longest, and every quote doubled.
pub const MAX_LINE: usize = 8 * 1_024;

/// What lines are read by.
#[derive(Clone, Debug)]
pub struct Rules<'a> {
    /// How numbers are written.
    pub plan: &'a Plan,
    /// Who adds what names no author.
    pub author: &'a str,
    /// Why, where no reason is given.
    pub reason: &'a str,
    /// When what says nothing of it was added.
    pub added: u64,
}

/// What becomes of a file with bad lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnBad {
    /// Nothing of it is taken.
    Refuse,
    /// They are left out.
    Skip,
}

/// A line that says nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {field}: {reason}")]
pub struct BadLine {
    /// From 1.
    pub line: u64,
    /// Which column; `line` for all of it.
    pub field: &'static str,
    /// Why.
    pub reason: String,
}

/// What was read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Good lines.
    pub taken: u64,
    /// Bad lines.
    pub bad: u64,
    /// The first of them.
    pub named: Vec<BadLine>,
}

impl Report {
    fn bad(&mut self, line: u64, field: &'static str, reason: String) {
        self.bad += 1;
        if self.named.len() < NAMED {
            self.named.push(BadLine { line, field, reason });
        }
    }
}

/// Why an entry is not wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unwanted {
    /// Its line counts as a bad one.
    Line(String),
    /// There is no use in going on.
    All(String),
}

/// Why nothing is taken.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The system cannot read it.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The first line does not name the columns.
    #[error("line 1: {0}")]
    Columns(String),
    /// There are bad lines.
    #[error("{}", named(.0))]
    Bad(Report),
    /// Whoever takes the entries wants no more.
    #[error("{0}")]
    Unwanted(String),
}

fn named(report: &Report) -> String {
    let mut lines: Vec<String> = report.named.iter().map(BadLine::to_string).collect();
    let more = report.bad - lines.len() as u64;
    if more > 0 {
        lines.push(format!("and {more} more bad lines"));
    }
    lines.join("; ")
}

/// Reads entries and hands each to `take`, which says why if it does not want it. What was handed over before a bad line
/// must not be used if this fails. However long the file is, no more than a line of it is in memory.
///
/// # Errors
/// See [`ImportError`].
pub fn read(
    from: impl BufRead,
    rules: &Rules<'_>,
    on_bad: OnBad,
    mut take: impl FnMut(Entry) -> Result<(), Unwanted>,
) -> Result<Report, ImportError> {
    let report = RefCell::new(Report::default());
    // The reader's own position is where it began to look for a line that counts.
    let number = Cell::new(0);
    let mut reader = ReaderBuilder::new()
        .flexible(true)
        .trim(Trim::All)
        .comment(Some(b'#'))
        .from_reader(Lines {
            from,
            report: &report,
            number: &number,
            line: Vec::new(),
            given: 0,
        });
    let columns = columns(reader.byte_headers().map_err(broken)?)?;
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(broken)? {
        let line = number.get();
        match entry(&record, &columns, rules) {
            Ok(entry) => match take(entry) {
                Ok(()) => report.borrow_mut().taken += 1,
                Err(Unwanted::Line(why)) => report.borrow_mut().bad(line, "number", why),
                Err(Unwanted::All(why)) => return Err(ImportError::Unwanted(why)),
            },
            Err((field, reason)) => report.borrow_mut().bad(line, field, reason),
        }
    }
    drop(reader);
    let mut report = report.into_inner();
    report.named.sort_by_key(|bad| bad.line);
    if report.bad > 0 && on_bad == OnBad::Refuse {
        return Err(ImportError::Bad(report));
    }
    Ok(report)
}

/// Hands on what can be the line of an entry, and an empty line for each that cannot: one that is too long, or has a quote
/// that is not closed and would swallow all that follows it.
struct Lines<'a, R> {
    from: R,
    report: &'a RefCell<Report>,
    /// Of the line at hand. Nobody reads ahead of it.
    number: &'a Cell<u64>,
    line: Vec<u8>,
    /// How much of it was handed on.
    given: usize,
}

impl<R: BufRead> Lines<'_, R> {
    fn next_line(&mut self) -> io::Result<()> {
        self.line.clear();
        self.given = 0;
        self.number.set(self.number.get() + 1);
        let most = MAX_LINE as u64 + 1;
        (&mut self.from).take(most).read_until(b'\n', &mut self.line)?;
        let ended = self.line.ends_with(b"\n");
        let wrong = if !ended && self.line.len() > MAX_LINE {
            self.from.skip_until(b'\n')?;
            format!("it is longer than {MAX_LINE} bytes")
        } else if is_open(&self.line) && !self.line.starts_with(b"#") {
            "a quote is not closed, and no field goes on in the next line".to_owned()
        } else {
            return Ok(());
        };
        self.report.borrow_mut().bad(self.number.get(), "line", wrong);
        self.line.clear();
        self.line.push(b'\n');
        Ok(())
    }
}

impl<R: BufRead> Read for Lines<'_, R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.given == self.line.len() {
            self.next_line()?;
        }
        let given = (&self.line[self.given..]).read(to)?;
        self.given += given;
        Ok(given)
    }
}

/// Whether a field of a line begins with a quote that is not closed. Inside a field that begins otherwise a quote is a sign
/// like others.
fn is_open(line: &[u8]) -> bool {
    enum At {
        Begin,
        Bare,
        Quoted,
        /// Behind a quote inside of quotes: the end of them, or half of one that is meant.
        Quote,
    }
    let last = line.iter().fold(At::Begin, |at, byte| match (at, byte) {
        (At::Quoted, b'"') => At::Quote,
        (At::Quoted, _) | (At::Begin | At::Quote, b'"') => At::Quoted,
        (At::Begin | At::Bare | At::Quote, b',' | b'\r' | b'\n') => At::Begin,
        (At::Begin | At::Bare | At::Quote, _) => At::Bare,
    });
    matches!(last, At::Quoted)
}

fn broken(error: csv::Error) -> ImportError {
    ImportError::Io(io::Error::from(error))
}

/// Which column each field of a line belongs to.
fn columns(head: &ByteRecord) -> Result<Vec<usize>, ImportError> {
    let mut columns = Vec::new();
    for name in head {
        let name = String::from_utf8_lossy(name);
        let name = name.trim_start_matches('\u{feff}').trim().to_ascii_lowercase();
        let column = COLUMNS.iter().position(|column| *column == name).ok_or_else(|| {
            // Of a file that is no list of ours nothing is told.
            let word = name.len() <= 16 && name.bytes().all(|byte| byte.is_ascii_alphabetic());
            let shown = if word { &name } else { "of that name" };
            ImportError::Columns(format!(
                "there is no column {shown}; there are {}",
                COLUMNS.join(", ")
            ))
        })?;
        if columns.contains(&column) {
            return Err(ImportError::Columns(format!("the column {name} is there twice")));
        }
        columns.push(column);
    }
    if columns.contains(&0) {
        Ok(columns)
    } else {
        Err(ImportError::Columns(format!(
            "it must name the columns, among them number: {}",
            COLUMNS.join(",")
        )))
    }
}

type Wrong = (&'static str, String);

fn entry(record: &ByteRecord, columns: &[usize], rules: &Rules<'_>) -> Result<Entry, Wrong> {
    if record.len() > columns.len() {
        let fields = record.len();
        return Err(("line", format!("{fields} fields under {} columns", columns.len())));
    }
    let mut fields = [""; COLUMNS.len()];
    for (field, column) in record.iter().zip(columns) {
        let text = str::from_utf8(field).map_err(|_| (COLUMNS[*column], "it is not UTF-8".to_owned()))?;
        fields[*column] = text.trim();
    }
    let [number, action, reason, author, from, until, tiers, queues, added] = fields;
    let or = |text: &'static str| move |why: String| (text, why);
    let moment = |column: &'static str, text: &str| match text {
        "" => Ok(None),
        text => time::parse(text)
            .map(Some)
            .map_err(|why| (column, why.to_owned())),
    };
    let given = |text, otherwise| if str::is_empty(text) { otherwise } else { text };
    let what = What::parse(number, rules.plan).map_err(|why| ("number", why.to_string()))?;
    let profile = Profile {
        action: Action::parse(given(action, "busy")).map_err(or("action"))?,
        tiers: Names::parse(tiers).map_err(or("tiers"))?,
        queues: Names::parse(queues).map_err(or("queues"))?,
        from: moment("from", from)?.unwrap_or(0),
        until: moment("until", until)?,
        reason: line(given(reason, rules.reason), MAX_REASON)
            .map_err(or("reason"))?
            .to_owned(),
        author: line(given(author, rules.author), MAX_AUTHOR)
            .map_err(or("author"))?
            .to_owned(),
        added: moment("added", added)?.unwrap_or(rules.added),
    };
    if profile.until.is_some_and(|until| until <= profile.from) {
        return Err(("until", "it must be later than from".to_owned()));
    }
    Ok(Entry { what, profile })
}

/// Writes entries, the line that names the columns first.
pub struct Writer<W: Write>(csv::Writer<W>);

impl<W: Write> Writer<W> {
    /// Begins.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(to: W) -> io::Result<Writer<W>> {
        let mut writer = csv::Writer::from_writer(to);
        writer.write_record(COLUMNS)?;
        Ok(Writer(writer))
    }

    /// Writes one.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&mut self, what: &What, profile: &Profile) -> io::Result<()> {
        self.0.write_record(row(what, profile))?;
        Ok(())
    }

    /// Ends.
    ///
    /// # Errors
    /// What the system says.
    pub fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn row(what: &What, profile: &Profile) -> [String; COLUMNS.len()] {
    let from = if profile.from == 0 {
        String::new()
    } else {
        time::show(profile.from)
    };
    [
        what.to_string(),
        profile.action.to_string(),
        profile.reason.clone(),
        profile.author.clone(),
        from,
        profile.until.map(time::show).unwrap_or_default(),
        profile.tiers.as_str().to_owned(),
        profile.queues.as_str().to_owned(),
        time::show(profile.added),
    ]
}

/// Changes as lines: a word for what is done, then the entry, or what of it is needed.
pub(crate) fn write_changes(to: &mut Vec<u8>, changes: &[Change]) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(to);
    for change in changes {
        match change {
            Change::Remove(what) => writer.write_record([REMOVE, &what.to_string()])?,
            Change::End(what, at) => {
                writer.write_record([END, &what.to_string(), "", "", "", "", &time::show(*at)])?;
            }
            Change::Put(Entry { what, profile }) => {
                let row = row(what, profile);
                writer.write_record(std::iter::once(PUT).chain(row.iter().map(String::as_str)))?;
            }
        }
    }
    writer.flush()
}

/// Reads them back, each or why it is none.
pub(crate) fn read_changes(from: &[u8], plan: &Plan, mut take: impl FnMut(Result<Change, String>)) {
    let rules = Rules {
        plan,
        author: "",
        reason: "",
        added: 0,
    };
    let columns: Vec<usize> = (0..COLUMNS.len()).collect();
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(from);
    for record in reader.byte_records() {
        let change = record.map_err(|error| error.to_string()).and_then(|record| {
            let mut fields = record.iter();
            let word = fields.next().unwrap_or_default();
            let rest: ByteRecord = fields.collect();
            let wrong = |(field, why): Wrong| format!("{field}: {why}");
            let entry = entry(&rest, &columns, &rules).map_err(wrong)?;
            if word == PUT.as_bytes() {
                Ok(Change::Put(entry))
            } else if word == REMOVE.as_bytes() {
                Ok(Change::Remove(entry.what))
            } else if word == END.as_bytes() {
                let at = entry.profile.until.ok_or("until: it is missing")?;
                Ok(Change::End(entry.what, at))
            } else {
                Err(format!("{:?} is no change", String::from_utf8_lossy(word)))
            }
        });
        take(change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(plan: &Plan) -> Rules<'_> {
        Rules {
            plan,
            author: "cli",
            reason: "list",
            added: 7_000_000,
        }
    }

    fn import(text: &str, on_bad: OnBad) -> (Vec<Entry>, Result<Report, String>) {
        let plan = Plan::default();
        let mut entries = Vec::new();
        let report = read(text.as_bytes(), &rules(&plan), on_bad, |entry| {
            entries.push(entry);
            Ok(())
        });
        (entries, report.map_err(|error| error.to_string()))
    }

    #[test]
    fn entries_go_round() {
        let text = "number,action,reason,author,from,until,tiers,queues,added\n\
            +8613800138000,busy,\"says \"\"hm\"\", often\",li,2026-01-01T00:00:00Z,2027-01-01T00:00:00Z,gold,\"sales,support\",2026-01-01T00:00:00Z\n\
            +86139*,\"divert:ivr,s,1\",list,cli,,,,,1970-01-01T00:00:07Z\n\
            _+86138XXXX1234,release:17,list,cli,,,,,1970-01-01T00:00:07Z\n";
        let (entries, report) = import(text, OnBad::Refuse);
        assert_eq!(report.unwrap().taken, 3);
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out).unwrap();
        for entry in &entries {
            writer.write(&entry.what, &entry.profile).unwrap();
        }
        writer.finish().unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), text);
    }

    #[test]
    fn a_number_is_enough() {
        let (entries, _) = import("\u{feff}Number\n# a list\n013800138000\n\n138*\n", OnBad::Refuse);
        assert_eq!(entries.len(), 2);
        let profile = &entries[0].profile;
        assert_eq!(profile.action, Action::Busy);
        assert_eq!(
            (profile.author.as_str(), profile.reason.as_str()),
            ("cli", "list")
        );
        assert_eq!(profile.added, 7_000_000);
    }

    #[test]
    fn a_bad_line_is_named_and_nothing_is_taken() {
        let text = "number,action,until\n13800138000,busy,\nalice,busy,\n13800138001,boom,\n13800138002,busy,soon\n1,2,3,4\n";
        let (_, refused) = import(text, OnBad::Refuse);
        let refused = refused.unwrap_err();
        for part in [
            "line 3: number: 'a' has no place in a number",
            "line 4: action: an action is",
            "line 5: until: a moment is written like",
            "line 6: line: 4 fields under 3 columns",
        ] {
            assert!(refused.contains(part), "{part} in {refused}");
        }
        let (entries, report) = import(text, OnBad::Skip);
        let report = report.unwrap();
        assert_eq!((entries.len(), report.taken, report.bad), (1, 1, 4));
    }

    #[test]
    fn columns_must_be_known() {
        for (text, why) in [
            ("", "must name the columns"),
            ("13800138000\n", "there is no column of that name"),
            ("number,colour\n", "there is no column colour"),
            ("number,number\n", "twice"),
            ("action\n", "among them number"),
        ] {
            let refused = import(text, OnBad::Skip).1.unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
    }

    #[test]
    fn an_unclosed_quote_swallows_nothing() {
        let text = "number,reason\n13800138000,\"late\n13800138001,ok\n# \"\n\"13800138002\",\"a \"\"b\"\"\"\n138a\n";
        let (_, refused) = import(text, OnBad::Refuse);
        let refused = refused.unwrap_err();
        assert!(
            refused.starts_with("line 2: line: a quote is not closed") && refused.contains("line 6: number"),
            "{refused}"
        );
        let (entries, report) = import(text, OnBad::Skip);
        assert_eq!((entries.len(), report.unwrap().bad), (2, 2));
        assert_eq!(entries[1].profile.reason, "a \"b\"");
    }

    #[test]
    fn a_quote_is_one_at_the_beginning_of_a_field_only() {
        // Two quotes, and yet the second of them is not closed.
        let text = "number,reason,author\n13800138000,5\" screen,\"li\n13800138001,5\" screen,li\n13800138002,\"a\"b\"\n138*,\"a\" \n";
        let (entries, report) = import(text, OnBad::Skip);
        let report = report.unwrap();
        assert_eq!((entries.len(), report.bad), (3, 1), "{report:?}");
        assert!(report.named[0].to_string().starts_with("line 2: line: a quote"));
        assert_eq!(entries[0].profile.reason, "5\" screen");
    }

    #[test]
    fn a_bad_line_behind_others_that_do_not_count_has_its_own_number() {
        let text = "number\n\n# a list\nalice\n\"\nbob\n";
        let refused = import(text, OnBad::Refuse).1.unwrap_err();
        for part in ["line 4: number", "line 5: line", "line 6: number"] {
            assert!(refused.contains(part), "{part} in {refused}");
        }
    }

    #[test]
    fn a_line_without_an_end_is_not_kept() {
        let text = format!("number\n13800138000\n{}\n13800138001", "1".repeat(1 << 20));
        let (entries, report) = import(&text, OnBad::Skip);
        let report = report.unwrap();
        assert_eq!((entries.len(), report.bad), (2, 1));
        assert_eq!(
            report.named[0].to_string(),
            "line 3: line: it is longer than 8192 bytes"
        );
        let (_, endless) = import(&"x".repeat(100_000), OnBad::Skip);
        assert!(endless.unwrap_err().contains("must name the columns"));
    }

    #[test]
    fn whoever_wants_no_more_ends_it() {
        let plan = Plan::default();
        let mut asked = 0;
        let stopped = read(
            "number\n138*\n139*\n".as_bytes(),
            &rules(&plan),
            OnBad::Skip,
            |_| {
                asked += 1;
                Err(Unwanted::All("enough".into()))
            },
        );
        assert_eq!((stopped.unwrap_err().to_string().as_str(), asked), ("enough", 1));
    }

    #[test]
    fn a_thousand_bad_lines_are_counted() {
        let text = format!("number\n{}", "alice\n".repeat(1_000));
        let refused = import(&text, OnBad::Refuse).1.unwrap_err();
        assert!(refused.ends_with("and 980 more bad lines"), "{refused}");
    }
}
