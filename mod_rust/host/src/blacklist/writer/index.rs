//! The index beneath the changes: loaded, refused, and the last good one remembered.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hotline_blacklist::overlay::Overlay;
use hotline_blacklist::{Index, List};
use hotline_engine::Input;
use hotline_engine::screening::ListChange;

use super::super::{Rules, shown};
use super::Writer;
use crate::pbx::Level;

/// The name of the last good index in the node's folder.
const LAST: &str = "last-good.index";

impl Writer {
    /// Where another name of the last index that was good is kept.
    fn last(rules: &Rules) -> PathBuf {
        rules.settings.directory.join(LAST)
    }

    /// Remembers the index as the last good one, should its file be bad at the next start. It is another name of the same
    /// file, so this costs nothing, and is not to be had from one disk to another.
    fn remember(rules: &Rules, path: &Path) {
        let last = Writer::last(rules);
        // It may never have been there.
        let _ = std::fs::remove_file(&last);
        // Of the file itself, where the settings name a link to it.
        let _ = std::fs::canonicalize(path).and_then(|file| std::fs::hard_link(file, last));
    }

    /// Puts the last good index beneath the changes, at a start with a bad one. How many entries it has.
    pub(super) fn load_last(&mut self) -> Option<u64> {
        let rules = self.shared.rules.load_full();
        let index = Index::open(
            &Writer::last(&rules),
            &rules.settings.plan,
            rules.settings.max_index_bytes,
        )
        .ok()?;
        let taken = index.len();
        self.list.set_index(Some(Arc::new(index)));
        Some(taken)
    }

    /// Puts the index that the settings name beneath the changes. How many entries it has.
    pub(super) fn load(&mut self, author: &str) -> Result<u64, String> {
        let taken = self.read_index(author)?;
        // What the index holds was forgotten, and must not come back with the log at the next start.
        if let Err(error) = self.log.compact(&self.list) {
            self.shared.log(
                Level::Error,
                &format!("the changes of the blacklist could not be written anew: {error}"),
            );
        }
        self.tell_loaded(author, taken);
        Ok(taken)
    }

    pub(super) fn read_index(&mut self, author: &str) -> Result<u64, String> {
        let rules = self.shared.rules.load_full();
        let index = match &rules.settings.index {
            None if author == "reload" => None,
            None => return Err("the settings name no index: add index to [blacklist]".to_owned()),
            Some(path) => {
                let (plan, most) = (&rules.settings.plan, rules.settings.max_index_bytes);
                let index = Index::open(path, plan, most).map_err(|error| match &error {
                    hotline_blacklist::IndexError::Io(..) => error.to_string(),
                    _ => format!("{}: {error}", shown(path)),
                })?;
                Writer::remember(&rules, path);
                Some(Arc::new(index))
            }
        };
        let taken = index.as_ref().map_or(0, |index| index.len());
        match self.until_index.take() {
            None => self.list.set_index(index),
            Some(changes) => {
                self.list = List::new(index, Overlay::default());
                self.replay(&changes);
            }
        }
        // What the index holds is in it now, and no change.
        let overlay = self.list.overlay();
        self.review.retain(|what| overlay.get(what).is_some());
        self.ends.retain(|(_, what)| overlay.get(what).is_some());
        self.publish();
        Ok(taken)
    }

    /// Says what the list has now that an index lies beneath.
    pub(super) fn tell_loaded(&self, author: &str, taken: u64) {
        let rules = self.shared.rules.load();
        let file = rules.settings.index.as_deref().map(shown).unwrap_or_default();
        let entries = self.list.len();
        self.shared.log(
            Level::Notice,
            &format!("the blacklist has {entries} entries, {taken} of them from the index {file:?}"),
        );
        let change = ListChange::Whole {
            author: author.to_owned(),
            index: true,
            file,
            taken,
            bad: 0,
            entries,
        };
        self.shared.tell(Input::ListChanged {
            change: Box::new(change),
        });
    }
}
