//! Rules about Rust code: what may be unsafe, what the engine may use, how the PBX calls in.

use super::Finding;
use super::tree::{Token, Tree};

/// The folders of the crates whose work is a C interface.
const UNSAFE_IN: &[&str] = &[
    "mod_rust/asterisk-sys",
    "mod_rust/asterisk",
    "mod_rust/app_hotline",
    "mod_rust/freeswitch-sys",
    "mod_rust/freeswitch",
    "mod_rust/mod_hotline",
];
const ENGINE: &str = "mod_rust/engine/src";
/// Words that bring a clock, an order by chance or a thread.
const IMPURE: &[&str] = &[
    "HashMap",
    "HashSet",
    "RandomState",
    "DefaultHasher",
    "SystemTime",
    "Instant",
    "rand",
    "thread_local",
];
/// Modules of std that reach out of the process.
const IMPURE_STD: &[&str] = &["thread", "fs", "net", "env", "process", "io", "os"];

/// `unsafe` only in the crates that talk C.
pub(super) fn no_unsafe(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree
        .rust()
        .filter(|file| !UNSAFE_IN.iter().any(|dir| file.path.starts_with(dir)))
    {
        for token in file.tokens().iter().filter(|token| token.text == "unsafe") {
            findings.push(Finding::new(
                &file.path,
                token.line,
                format!("unsafe code outside of the crates that may have it ({}): move it there behind a safe function", UNSAFE_IN.join(", ")),
            ));
        }
    }
    findings
}

/// Every library and program outside of these crates forbids unsafe code in its first file.
pub(super) fn forbid_unsafe(tree: &Tree) -> Vec<Finding> {
    tree.crates
        .iter()
        .filter(|one| !UNSAFE_IN.iter().any(|dir| one.manifest.starts_with(dir)))
        .flat_map(|one| &one.roots)
        .filter_map(|root| tree.file(root))
        .filter(|file| {
            !follows(
                &file.tokens(),
                &["#", "!", "[", "forbid", "(", "unsafe_code", ")", "]"],
            )
        })
        .map(|file| {
            Finding::new(
                &file.path,
                1,
                "unsafe code is not forbidden here: add `#![forbid(unsafe_code)]`",
            )
        })
        .collect()
}

/// The engine takes time, chance and the world from its inputs.
pub(super) fn pure_engine(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust().filter(|file| file.path.starts_with(ENGINE)) {
        let tokens = file.tokens();
        for (index, token) in tokens.iter().enumerate() {
            let found = if IMPURE.contains(&token.text.as_str()) {
                token.text.clone()
            } else if let Some(module) = of_std(&tokens[index..]) {
                format!("std::{module}")
            } else {
                continue;
            };
            findings.push(Finding::new(
                &file.path,
                token.line,
                format!("the engine uses {found}: take it from an input, and BTreeMap or a Vec for a map"),
            ));
        }
    }
    findings
}

/// Every function that C calls is one `guard(...)`, which catches a panic.
pub(super) fn guarded_callbacks(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        let tokens = file.tokens();
        for (index, window) in tokens.windows(4).enumerate() {
            let [word, abi, function, name] = window else {
                continue;
            };
            // `extern "C" fn(...)` with no name is a type, `extern "C" {` declares functions of the other side.
            let is_callback = word.text == "extern"
                && matches!(abi.text.as_str(), "\"C\"" | "\"C-unwind\"" | "\"system\"")
                && function.text == "fn"
                && name.text != "(";
            if is_callback && !body(&tokens[index..]).is_some_and(is_one_guard) {
                findings.push(Finding::new(
                    &file.path,
                    name.line,
                    format!(
                        "the body of extern {} fn {} is not one guard(fallback, || ...): wrap all of it",
                        abi.text, name.text
                    ),
                ));
            }
        }
    }
    findings
}

/// The tokens between the braces of the function that begins here; none for a declaration.
fn body(tokens: &[Token]) -> Option<&[Token]> {
    let mut depth = 0_usize;
    let mut open = None;
    for (index, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "{" if depth == 0 => {
                open = Some(index);
                depth = 1;
            }
            ";" if depth == 0 => return None,
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => {
                depth = depth.checked_sub(1)?;
                if let (0, Some(open)) = (depth, open) {
                    return Some(&tokens[open + 1..index]);
                }
            }
            _ => {}
        }
    }
    None
}

/// `guard(...)`, `path::guard(...)` or `guard!(...)`, and nothing after it but a semicolon.
fn is_one_guard(body: &[Token]) -> bool {
    let Some(open) = body.iter().position(|token| token.text == "(") else {
        return false;
    };
    let path = &body[..open];
    let path = match path.split_last() {
        Some((last, rest)) if last.text == "!" => rest,
        _ => path,
    };
    let named = path.last().is_some_and(|token| token.text == "guard");
    let plain = path
        .iter()
        .all(|token| token.text == ":" || token.text.chars().all(|c| c.is_alphanumeric() || c == '_'));
    let mut depth = 0_usize;
    let close = body.iter().position(|token| {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => return false,
        }
        depth == 0
    });
    let rest = close.map_or(&[][..], |close| &body[close + 1..]);
    named && plain && close.is_some() && rest.iter().all(|token| token.text == ";")
}

/// The impure module that `std::module` or `std::{..., module}` names here.
fn of_std(tokens: &[Token]) -> Option<&'static str> {
    let [std, colon, colon2, first, rest @ ..] = tokens else {
        return None;
    };
    if std.text != "std" || colon.text != ":" || colon2.text != ":" {
        return None;
    }
    let impure = |token: &Token| IMPURE_STD.iter().copied().find(|module| token.text == *module);
    if first.text != "{" {
        return impure(first);
    }
    // In a list only what follows its brace or a comma is a module of std.
    let mut previous = first;
    let mut depth = 1_usize;
    for token in rest {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return None;
        }
        if depth == 1
            && matches!(previous.text.as_str(), "{" | ",")
            && let Some(module) = impure(token)
        {
            return Some(module);
        }
        previous = token;
    }
    None
}

fn follows(tokens: &[Token], wanted: &[&str]) -> bool {
    tokens.windows(wanted.len()).any(|window| {
        window
            .iter()
            .map(|token| token.text.as_str())
            .eq(wanted.iter().copied())
    })
}

#[cfg(test)]
mod tests {
    use super::super::tree::Crate;
    use super::super::tree::tests::of_files;
    use super::*;

    #[test]
    fn unsafe_is_found_where_it_may_not_be() {
        let tree = of_files(&[
            (
                "mod_rust/host/src/lib.rs",
                "//! a\nfn a() {\n    unsafe { b() }\n}\n",
            ),
            ("mod_rust/asterisk/src/lib.rs", "fn a() { unsafe { b() } }"),
            ("mod_rust/asterisk-other/src/lib.rs", "unsafe fn a() {}"),
        ]);
        let found = no_unsafe(&tree);
        let places: Vec<_> = found
            .iter()
            .map(|finding| (finding.file.to_str().unwrap(), finding.line))
            .collect();
        assert_eq!(
            places,
            [
                ("mod_rust/host/src/lib.rs", 3),
                ("mod_rust/asterisk-other/src/lib.rs", 1)
            ]
        );
    }

    #[test]
    fn a_crate_that_does_not_forbid_it_is_found() {
        let mut tree = of_files(&[
            ("good/src/lib.rs", "#![forbid(unsafe_code)]\n"),
            ("bad/src/lib.rs", "// #![forbid(unsafe_code)]\n"),
            ("mod_rust/asterisk/src/lib.rs", "//! Wraps C.\n"),
        ]);
        tree.crates = ["good", "bad", "mod_rust/asterisk"]
            .map(|dir| Crate {
                manifest: format!("{dir}/Cargo.toml").into(),
                roots: vec![format!("{dir}/src/lib.rs").into()],
                ..Crate::default()
            })
            .to_vec();
        let found = forbid_unsafe(&tree);
        assert_eq!(found.len(), 1);
        assert!(found[0].file.starts_with("bad"));
    }

    #[test]
    fn an_impure_engine_is_found() {
        for text in [
            "use std::collections::HashMap;",
            "use std::time::Instant;",
            "fn a() { std::thread::yield_now() }",
            "use std::{collections::BTreeMap, fs};",
            "fn a() -> u32 { rand::random() }",
        ] {
            let found = pure_engine(&of_files(&[("mod_rust/engine/src/a.rs", text)]));
            assert_eq!(found.len(), 1, "{text}");
        }
        let pure = "// HashMap\nuse std::{collections::BTreeMap, fmt};\nfn a(random: u64, thread: u8) {}\n";
        assert_eq!(pure_engine(&of_files(&[("mod_rust/engine/src/a.rs", pure)])), []);
        assert_eq!(
            pure_engine(&of_files(&[(
                "mod_rust/host/src/a.rs",
                "use std::collections::HashMap;"
            )])),
            []
        );
    }

    #[test]
    fn a_callback_that_may_unwind_is_found() {
        for text in [
            "extern \"C\" fn a() { b() }",
            "extern \"C\" fn a() -> i32 { let x = 1; guard(0, || x) }",
            "extern \"C\" fn a() -> i32 { guard(0, || 1) + 1 }",
            "extern \"C\" fn a() { guard((), || ()); b(); }",
            "extern \"C-unwind\" fn a() {}",
            "macro_rules! m { () => { pub extern \"C\" fn a() { b() } } }",
        ] {
            let found = guarded_callbacks(&of_files(&[("a.rs", text)]));
            assert_eq!(found.len(), 1, "{text}");
        }
        for text in [
            "unsafe extern \"C\" fn a(b: *mut u8) -> i32 { guard(-1, || { c(b) }) }",
            "extern \"C\" fn a() { crate::guard((), || ()); }",
            "extern \"C\" fn a() { guard!((), { b() }) }",
            "unsafe extern \"C\" { fn a(); }",
            "type A = unsafe extern \"C\" fn(i32) -> i32;",
        ] {
            assert_eq!(guarded_callbacks(&of_files(&[("a.rs", text)])), [], "{text}");
        }
    }
}
