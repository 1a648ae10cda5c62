//! Caller numbers as people and logs may see them.

/// The last four digits; all else is stars. A number of four digits or fewer is stars alone.
pub fn masked(number: &str) -> String {
    let length = number.chars().count();
    let shown = if length > 4 { 4 } else { 0 };
    number
        .chars()
        .enumerate()
        .map(|(i, c)| if i + shown < length { '*' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn four_digits_are_kept() {
        assert_eq!(masked("13800138000"), "*******8000");
        assert_eq!(masked("+8613800138000"), "**********8000");
        assert_eq!(masked("10086"), "*0086");
        assert_eq!(masked("1001"), "****");
        assert_eq!(masked(""), "");
    }
}
