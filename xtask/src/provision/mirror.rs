//! The package mirror that this machine already uses, read from its own apt settings: nothing is fetched from
//! anywhere else.

use anyhow::{Context, Result, bail};
use std::path::Path;

/// An archive of packages, with the release that this machine runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mirror {
    /// `debian`, `ubuntu`, ...
    pub(crate) distribution: String,
    /// The base address.
    pub(crate) uri: String,
    /// The release of this machine, `bookworm`.
    pub(crate) suite: String,
    /// The parts of the archive that are switched on, `main`.
    pub(crate) components: String,
    /// The keyring that signs the archive, where the settings name one.
    pub(crate) signed_by: Option<String>,
}

impl Mirror {
    /// Reads /etc/os-release and the sources in /etc/apt.
    pub(crate) fn of_this_machine() -> Result<Self> {
        let release = std::fs::read_to_string("/etc/os-release").context("cannot read /etc/os-release")?;
        let mut texts = Vec::new();
        let mut files = vec![Path::new("/etc/apt/sources.list").to_path_buf()];
        if let Ok(entries) = std::fs::read_dir("/etc/apt/sources.list.d") {
            let mut more: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
            more.sort();
            files.extend(more);
        }
        for file in files {
            let deb822 = match file.extension().and_then(|extension| extension.to_str()) {
                Some("list") => false,
                Some("sources") => true,
                _ => continue,
            };
            if let Ok(text) = std::fs::read_to_string(&file) {
                texts.push((deb822, text));
            }
        }
        Self::choose(&release, &texts)
    }

    fn choose(release: &str, texts: &[(bool, String)]) -> Result<Self> {
        let Some(distribution) = os_release(release, "ID") else {
            bail!("/etc/os-release has no ID");
        };
        let codename = os_release(release, "VERSION_CODENAME").unwrap_or_else(|| "sid".into());
        let mut entries: Vec<Entry> = texts
            .iter()
            .flat_map(|(deb822, text)| if *deb822 { stanzas(text) } else { one_lines(text) })
            .filter(|entry| entry.components.iter().any(|component| component == "main"))
            .collect();
        // The release itself first, its updates after: any entry of the archive names the same mirror.
        entries.sort_by_key(|entry| !entry.suites.contains(&codename));
        let Some(entry) = entries.into_iter().find(|entry| {
            entry
                .suites
                .iter()
                .any(|suite| !suite.contains("security") && !suite.contains('/'))
        }) else {
            bail!(
                "no package mirror in /etc/apt/sources.list or /etc/apt/sources.list.d: \
                 add the archive of {distribution} there, or install Asterisk 18 or newer with its headers"
            );
        };
        Ok(Self {
            distribution,
            uri: entry.uri,
            suite: codename,
            components: entry.components.join(" "),
            signed_by: entry.signed_by,
        })
    }
}

#[derive(Debug, Default)]
struct Entry {
    uri: String,
    suites: Vec<String>,
    components: Vec<String>,
    signed_by: Option<String>,
}

fn os_release(text: &str, key: &str) -> Option<String> {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
    Some(value.trim().trim_matches('"').to_owned())
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// `deb [options] uri suite component...`, one a line.
fn one_lines(text: &str) -> Vec<Entry> {
    text.lines()
        .filter_map(|line| {
            let rest = line.split('#').next()?.trim().strip_prefix("deb")?;
            if !rest.starts_with([' ', '\t']) {
                return None;
            }
            let rest = rest.trim_start();
            let (options, rest) = match rest.strip_prefix('[') {
                Some(rest) => rest.split_once(']')?,
                None => ("", rest),
            };
            let mut fields = rest.split_whitespace();
            Some(Entry {
                uri: fields.next()?.to_owned(),
                suites: vec![fields.next()?.to_owned()],
                components: fields.map(str::to_owned).collect(),
                signed_by: options
                    .split_whitespace()
                    .find_map(|option| option.strip_prefix("signed-by="))
                    .map(str::to_owned),
            })
        })
        .collect()
}

/// The field form (deb822): `Key: value` lines, an empty line between entries, `#` lines are comments.
fn stanzas(text: &str) -> Vec<Entry> {
    let text: String = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| format!("{}\n", line.trim_end()))
        .collect();
    text.split("\n\n")
        .filter_map(|stanza| {
            let field = |name: &str| {
                let mut lines = stanza.lines().skip_while(|line| {
                    !line
                        .split_once(':')
                        .is_some_and(|(key, _)| key.trim().eq_ignore_ascii_case(name))
                });
                let first = lines.next()?.split_once(':')?.1.trim().to_owned();
                // A value goes on in the lines that are indented.
                let more: String = lines.take_while(|line| line.starts_with([' ', '\t'])).collect();
                Some(format!("{first}{more}").trim().to_owned())
            };
            if field("Enabled").is_some_and(|value| value.eq_ignore_ascii_case("no"))
                || !words(&field("Types")?).iter().any(|kind| kind == "deb")
            {
                return None;
            }
            Some(Entry {
                uri: words(&field("URIs")?).into_iter().next()?,
                suites: words(&field("Suites")?),
                components: words(&field("Components").unwrap_or_default()),
                // A key written into the entry itself spans lines; only a file's name can be carried over.
                signed_by: field("Signed-By").filter(|value| value.starts_with('/')),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOKWORM: &str = "ID=debian\nVERSION_CODENAME=bookworm\nVERSION_ID=\"12\"\n";

    #[test]
    fn the_field_form() {
        let text = "\
# added by hand
Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /keys/security.gpg

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb deb-src
# a comment inside
URIs: http://mirror.example/debian http://second.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /keys/debian.gpg
";
        let mirror = Mirror::choose(BOOKWORM, &[(true, text.into())]).unwrap();
        assert_eq!(mirror.uri, "http://mirror.example/debian");
        assert_eq!(mirror.suite, "bookworm");
        assert_eq!(mirror.components, "main contrib");
        assert_eq!(mirror.signed_by.as_deref(), Some("/keys/debian.gpg"));
    }

    #[test]
    fn the_one_line_form() {
        let text = "\
# deb http://old.example/debian bookworm main
deb-src http://src.example/debian bookworm main
deb http://security.example/debian bookworm-security main
deb [arch=amd64 signed-by=/keys/debian.gpg] https://mirror.example/debian bookworm main # ours
";
        let mirror = Mirror::choose(BOOKWORM, &[(false, text.into())]).unwrap();
        assert_eq!(mirror.uri, "https://mirror.example/debian");
        assert_eq!(mirror.signed_by.as_deref(), Some("/keys/debian.gpg"));
    }

    #[test]
    fn other_peoples_archives_are_not_taken_for_the_mirror() {
        let text =
            "deb https://deb.example/node nodistro main\ndeb http://mirror.example/debian bookworm main\n";
        let mirror = Mirror::choose(BOOKWORM, &[(false, text.into())]).unwrap();
        assert_eq!(mirror.uri, "http://mirror.example/debian");
    }

    #[test]
    fn no_mirror_is_an_error_with_a_remedy() {
        let error = Mirror::choose(BOOKWORM, &[]).unwrap_err().to_string();
        assert!(
            error.contains("/etc/apt/sources.list") && error.contains("install Asterisk"),
            "{error}"
        );
    }
}
