//! Rules about files as text: their first line, their size, what they must not name.

use super::Finding;
use super::tree::Tree;

/// A longer file is asked about.
const LONG: usize = 600;
/// A longer file is split.
const TOO_LONG: usize = 1000;
/// What people write, and therefore read.
const WRITTEN: &[&str] = &[
    "rs", "c", "h", "conf", "sh", "ts", "svelte", "css", "lua", "md", "xml",
];
/// Top folders that are only ever a certain machine's or person's.
const PRIVATE: &[&str] = &["work", "root", "home", "Users"];
/// Host names that mean any machine.
const COMMON: &[&str] = &["localhost", "debian", "ubuntu", "localhost.localdomain"];

/// A source file says first what it is for.
pub(super) fn first_line(tree: &Tree) -> Vec<Finding> {
    tree.rust()
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| {
            Finding::new(
                &file.path,
                1,
                "the first line must say what the file is for: begin it with `//! `",
            )
        })
        .collect()
}

/// No file grows without end.
pub(super) fn size(tree: &Tree) -> Vec<Finding> {
    tree.files
        .iter()
        .filter(|file| {
            let extension = file.path.extension().and_then(|extension| extension.to_str());
            extension.is_some_and(|extension| WRITTEN.contains(&extension))
        })
        .filter_map(|file| match file.text.lines().count() {
            0..=LONG => None,
            lines @ ..=TOO_LONG => Some(
                Finding::new(
                    &file.path,
                    lines,
                    format!("{lines} lines: has it more than one reason to exist?"),
                )
                .warning(),
            ),
            lines => Some(Finding::new(
                &file.path,
                lines,
                format!("{lines} lines: split it, {TOO_LONG} is the most"),
            )),
        })
        .collect()
}

/// Nothing names the machine or the folders that it was made on.
pub(super) fn machine(tree: &Tree) -> Vec<Finding> {
    let host = tree
        .host
        .as_deref()
        .filter(|name| name.len() > 3 && !COMMON.contains(name));
    let mut findings = Vec::new();
    for file in &tree.files {
        for (index, line) in file.text.lines().enumerate() {
            if let Some(dir) = PRIVATE.iter().find(|dir| names_folder(line, dir)) {
                findings.push(Finding::new(
                    &file.path,
                    index + 1,
                    format!("names a folder of one machine (/{dir}/): use a relative path or a setting"),
                ));
            }
            if host.is_some_and(|host| {
                line.split(|c: char| !c.is_alphanumeric() && c != '-')
                    .any(|word| word == host)
            }) {
                findings.push(Finding::new(
                    &file.path,
                    index + 1,
                    "names this machine: leave it out",
                ));
            }
        }
    }
    findings
}

/// Whether `/dir/` is in the line as the beginning of a path.
fn names_folder(line: &str, dir: &str) -> bool {
    let pattern = format!("/{dir}/");
    line.match_indices(&pattern).any(|(at, _)| {
        // Behind a word it is the middle of a path.
        line[..at]
            .chars()
            .next_back()
            .is_none_or(|before| !(before.is_alphanumeric() || "_-./}*~$)".contains(before)))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tree::tests::of_files;
    use super::*;

    #[test]
    fn a_file_with_no_first_line_is_found() {
        let tree = of_files(&[
            ("a.rs", "use b;\n"),
            ("b.rs", "//! What b is.\n"),
            ("c.rs", ""),
            ("d.md", "text\n"),
        ]);
        let found: Vec<_> = first_line(&tree)
            .into_iter()
            .map(|finding| finding.file)
            .collect();
        assert_eq!(
            found,
            [std::path::Path::new("a.rs"), std::path::Path::new("c.rs")]
        );
    }

    #[test]
    fn long_files_are_found() {
        let lines = |count: usize| "x\n".repeat(count);
        let tree = of_files(&[
            ("short.rs", &lines(600)),
            ("long.rs", &lines(601)),
            ("limit.rs", &lines(1000)),
            ("too-long.rs", &lines(1001)),
            ("Cargo.lock", &lines(5000)),
        ]);
        let found: Vec<_> = size(&tree)
            .into_iter()
            .map(|finding| (finding.line, finding.warning))
            .collect();
        assert_eq!(found, [(601, true), (1000, true), (1001, false)]);
    }

    #[test]
    fn folders_of_one_machine_are_found() {
        for dir in PRIVATE {
            let tree = of_files(&[("a.md", &format!("first\nsee /{dir}/main/x\n"))]);
            let found = machine(&tree);
            assert_eq!((found.len(), found[0].line), (1, 2), "{dir}");
            let middle = of_files(&[("a.md", &format!("see target/pbx/{dir}/main and $HOME/{dir}/x\n"))]);
            assert_eq!(machine(&middle), [], "{dir}");
        }
    }

    #[test]
    fn the_name_of_this_machine_is_found() {
        let mut tree = of_files(&[
            ("a.md", "built on builder-7.\n"),
            ("b.md", "builder-70 and rebuilder-7\n"),
        ]);
        tree.host = Some("builder-7".into());
        assert_eq!(machine(&tree).len(), 1);
        tree.host = Some("localhost".into());
        assert_eq!(machine(&tree).len(), 0);
    }
}
