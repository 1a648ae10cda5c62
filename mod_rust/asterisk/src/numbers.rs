//! Numbers as the PBX's sound files, in the order in which a language says them.

/// The sound files that say `number` in a channel's language (`en`, `zh_CN`). Chinese has an order of its own; all other
/// languages are said in the English one.
pub fn files(number: u32, language: &str) -> Vec<String> {
    let mut words = Vec::new();
    if chinese(language) {
        say_chinese(number, &mut words);
    } else {
        say_english(number, &mut words);
    }
    words.into_iter().map(|word| format!("digits/{word}")).collect()
}

/// The sound files that say `text` character by character. What the PBX has no file for is left out.
pub fn spelled(text: &str) -> Vec<String> {
    text.chars()
        .filter_map(|c| match c {
            '0'..='9' => Some(format!("digits/{c}")),
            '*' => Some("digits/star".to_owned()),
            '#' => Some("digits/pound".to_owned()),
            _ if c.is_ascii_alphabetic() => Some(format!("letters/{}", c.to_ascii_lowercase())),
            '-' => Some("letters/dash".to_owned()),
            '.' => Some("letters/dot".to_owned()),
            _ => None,
        })
        .collect()
}

fn chinese(language: &str) -> bool {
    let begins = |with: &str| {
        language
            .get(..with.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(with))
    };
    begins("zh") || begins("cn") || begins("tw")
}

fn say_english(number: u32, words: &mut Vec<String>) {
    for (unit, word) in [
        (1_000_000_000, "billion"),
        (1_000_000, "million"),
        (1_000, "thousand"),
        (100, "hundred"),
    ] {
        if number >= unit {
            say_english(number / unit, words);
            words.push(word.to_owned());
            if !number.is_multiple_of(unit) {
                say_english(number % unit, words);
            }
            return;
        }
    }
    if number <= 20 || number.is_multiple_of(10) {
        words.push(number.to_string());
    } else {
        words.push((number / 10 * 10).to_string());
        words.push((number % 10).to_string());
    }
}

fn say_chinese(number: u32, words: &mut Vec<String>) {
    if number == 0 {
        words.push("0".to_owned());
        return;
    }
    // Groups of four digits: 亿, 万, and the rest.
    let groups = [
        (number / 100_000_000, Some("yi")),
        (number / 10_000 % 10_000, Some("wan")),
        (number % 10_000, None),
    ];
    let mut skipped = false;
    for (group, unit) in groups {
        if group == 0 {
            skipped = !words.is_empty();
            continue;
        }
        // One 零 for whatever is left out between two groups.
        if !words.is_empty() && (skipped || group < 1_000) {
            words.push("0".to_owned());
        }
        skipped = false;
        say_group(group, words);
        words.extend(unit.map(str::to_owned));
    }
}

/// Up to 9,999.
fn say_group(group: u32, words: &mut Vec<String>) {
    let first = words.is_empty();
    let mut said = false;
    let mut skipped = false;
    for (unit, word) in [(1_000, Some("thousand")), (100, Some("hundred"))] {
        let digit = group / unit % 10;
        if digit == 0 {
            skipped = said;
            continue;
        }
        if std::mem::take(&mut skipped) {
            words.push("0".to_owned());
        }
        words.push(digit.to_string());
        words.extend(word.map(str::to_owned));
        said = true;
    }
    let (tens, ones) = (group / 10 % 10, group % 10);
    if (tens > 0 || ones > 0) && said && (skipped || tens == 0) {
        words.push("0".to_owned());
    }
    match tens {
        0 => {}
        // 十一 alone, but 一百一十一.
        1 if said || !first => words.extend(["1".to_owned(), "10".to_owned()]),
        tens => words.push((tens * 10).to_string()),
    }
    if ones > 0 {
        words.push(ones.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(number: u32, language: &str) -> String {
        let files = files(number, language);
        let words: Vec<&str> = files
            .iter()
            .map(|file| file.strip_prefix("digits/").unwrap())
            .collect();
        words.join(" ")
    }

    #[test]
    fn english_numbers() {
        for (number, words) in [
            (0, "0"),
            (7, "7"),
            (13, "13"),
            (20, "20"),
            (21, "20 1"),
            (40, "40"),
            (99, "90 9"),
            (100, "1 hundred"),
            (117, "1 hundred 17"),
            (342, "3 hundred 40 2"),
            (1_000, "1 thousand"),
            (1_001, "1 thousand 1"),
            (12_345, "12 thousand 3 hundred 40 5"),
            (2_000_100, "2 million 1 hundred"),
            (
                u32::MAX,
                "4 billion 2 hundred 90 4 million 9 hundred 60 7 thousand 2 hundred 90 5",
            ),
        ] {
            assert_eq!(said(number, "en"), words, "{number}");
        }
        assert_eq!(said(21, ""), "20 1");
        assert_eq!(said(21, "de"), "20 1");
    }

    #[test]
    fn chinese_numbers() {
        for (number, words) in [
            (0, "0"),
            (7, "7"),
            (10, "10"),
            (11, "10 1"),
            (20, "20"),
            (21, "20 1"),
            (100, "1 hundred"),
            (101, "1 hundred 0 1"),
            (110, "1 hundred 1 10"),
            (111, "1 hundred 1 10 1"),
            (120, "1 hundred 20"),
            (342, "3 hundred 40 2"),
            (1_000, "1 thousand"),
            (1_001, "1 thousand 0 1"),
            (1_010, "1 thousand 0 1 10"),
            (1_100, "1 thousand 1 hundred"),
            (1_101, "1 thousand 1 hundred 0 1"),
            (10_000, "1 wan"),
            (10_001, "1 wan 0 1"),
            (10_010, "1 wan 0 1 10"),
            (12_345, "1 wan 2 thousand 3 hundred 40 5"),
            (20_300, "2 wan 0 3 hundred"),
            (100_000, "10 wan"),
            (120_000, "10 2 wan"),
            (1_000_000, "1 hundred wan"),
            (100_000_000, "1 yi"),
            (100_000_001, "1 yi 0 1"),
            (100_020_000, "1 yi 0 2 wan"),
            (100_023_000, "1 yi 0 2 wan 3 thousand"),
            (
                112_345_678,
                "1 yi 1 thousand 2 hundred 30 4 wan 5 thousand 6 hundred 70 8",
            ),
        ] {
            assert_eq!(said(number, "zh"), words, "{number}");
        }
        for language in ["zh_CN", "zh-TW", "cn", "ZH"] {
            assert_eq!(said(12, language), "10 2", "{language}");
        }
    }
}
