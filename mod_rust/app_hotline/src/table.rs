//! Aligned tables and readable figures for the command line.

/// Columns as wide as their widest cell, headed and separated by two blanks. Control characters, which callers can put into
/// their numbers, become blanks.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|title| title.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = line(head, &widths);
    for row in rows {
        let cells: Vec<&str> = row.iter().map(String::as_str).collect();
        text.push_str(&line(&cells, &widths));
    }
    text
}

fn line(cells: &[&str], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        line.push_str(&cell.replace(char::is_control, " "));
        line.extend(std::iter::repeat_n(' ', width - cell.chars().count() + 2));
    }
    let mut line = line.trim_end().to_owned();
    line.push('\n');
    line
}

/// A caller number with only its last four digits.
pub(crate) fn masked(number: &str) -> String {
    if number.is_empty() {
        "withheld".to_owned()
    } else {
        hotline_wire::mask::masked(number)
    }
}

/// `0:07`, `12:34`, `1:02:03` from microseconds.
pub(crate) fn duration(microseconds: u64) -> String {
    let seconds = microseconds / 1_000_000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_have_no_tail() {
        let rows = vec![
            vec!["support".into(), "3".into()],
            vec!["销售".into(), "12".into()],
        ];
        assert_eq!(
            table(&["queue", "waiting"], &rows),
            "queue    waiting\nsupport  3\n销售       12\n"
        );
        assert_eq!(table(&["queue"], &[]), "queue\n");
        let forged = vec![vec!["138\r\n1".into(), "x".into()]];
        assert_eq!(table(&["caller", "state"], &forged), "caller  state\n138  1  x\n");
    }

    #[test]
    fn numbers_keep_their_last_four_digits() {
        assert_eq!(masked("13912345678"), "*******5678");
        assert_eq!(masked("123"), "***");
        assert_eq!(masked(""), "withheld");
    }

    #[test]
    fn durations_read_like_a_clock() {
        assert_eq!(duration(7_999_999), "0:07");
        assert_eq!(duration(754_000_000), "12:34");
        assert_eq!(duration(3_723_000_000), "1:02:03");
    }
}
