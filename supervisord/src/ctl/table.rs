//! Aligned tables.

use unicode_width::UnicodeWidthStr;

/// Titles and rows in aligned columns. A column of numbers and times is aligned to the right. Characters that would
/// steer the terminal are shown as U+FFFD: names and reasons come from others.
pub fn table(titles: &[&str], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| printable(cell)).collect())
        .collect();
    let column = |i: usize| rows.iter().map(move |row| row.get(i).map_or("", String::as_str));
    let widths: Vec<usize> = titles
        .iter()
        .enumerate()
        .map(|(i, title)| {
            column(i)
                .map(UnicodeWidthStr::width)
                .max()
                .unwrap_or(0)
                .max(title.width())
        })
        .collect();
    let right: Vec<bool> = (0..titles.len())
        .map(|i| {
            let number = |cell: &str| cell.chars().all(|c| c.is_ascii_digit() || c == ':');
            column(i).all(number) && column(i).any(|cell| !cell.is_empty())
        })
        .collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (i, cell) in cells.enumerate() {
            let space = " ".repeat(widths[i].saturating_sub(cell.width()));
            let gap = if i == 0 { "" } else { "  " };
            let (before, after) = if right[i] {
                (space.as_str(), "")
            } else {
                ("", space.as_str())
            };
            line.push_str(&format!("{gap}{before}{cell}{after}"));
        }
        format!("{}\n", line.trim_end())
    };
    let mut text = line(&mut titles.iter().copied());
    for row in &rows {
        text.push_str(&line(&mut row.iter().map(String::as_str).take(titles.len())));
    }
    text
}

/// A text in which nothing steers the terminal.
pub fn printable(cell: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    cell.replace(steers, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn what_others_wrote_cannot_steer_the_terminal() {
        let rows = ["a\nb", "\u{1b}[2Jc", "\u{202e}d"].map(|cell| vec![cell.to_owned(), "x".to_owned()]);
        assert_eq!(
            table(&["REASON", "Y"], &rows),
            "REASON  Y\na\u{fffd}b     x\n\u{fffd}[2Jc   x\n\u{fffd}d      x\n"
        );
    }

    #[test]
    fn columns_are_aligned_by_width() {
        let rows = [["售后", "12", "x"], ["sales", "3", ""]].map(|row| row.map(String::from).to_vec());
        assert_eq!(
            table(&["QUEUE", "WAITING", "NOTE"], &rows),
            "QUEUE  WAITING  NOTE\n售后        12  x\nsales        3\n"
        );
    }
}
