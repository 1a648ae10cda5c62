//! Rules that add entries by what callers do.

use hotline_blacklist::auto::Watch;
use hotline_blacklist::{Entry, Names, Number, Profile, Query, What};
use hotline_engine::screening::EntryChange;
use hotline_wire::Outcome;

use super::super::asked::AUTOMATIC;
use super::Writer;
use crate::pbx::Level;
use crate::settings::{AutoRule, Counted};

impl Writer {
    /// A caller did something that rules count.
    pub(super) fn saw(&mut self, number: Number, counts: impl Fn(Counted) -> bool) {
        let now = self.shared.now();
        let asks: Vec<AutoRule> = self
            .watches
            .iter_mut()
            .filter(|(rule, _)| counts(rule.counted))
            .filter_map(|(rule, watch)| watch.saw(number, now).then(|| rule.clone()))
            .collect();
        for rule in asks {
            self.add_by(&rule, number, now);
        }
    }

    fn add_by(&mut self, rule: &AutoRule, number: Number, now: u64) {
        let what = What::Exact(number);
        let query = Query {
            number,
            queue: None,
            tier: None,
            now,
        };
        // Whoever is let through or blocked by name stays so; what a rule did, a stricter one makes harder.
        let stays = self.list.lookup(&query).is_some_and(|found| {
            let profile = found.profile;
            let milder = profile.author.starts_with(AUTOMATIC) && profile.action < rule.action.as_ref();
            profile.action == hotline_blacklist::Action::Allow || found.what == what && !milder
        });
        if stays {
            return;
        }
        let did = match rule.counted {
            Counted::Calls => "calls",
            Counted::HangUps(_) => "hang-ups",
        };
        let seconds = rule.within.0 / 1_000_000;
        let profile = Profile {
            action: rule.action.clone(),
            tiers: Names::default(),
            queues: Names::default(),
            from: 0,
            until: Some(now.saturating_add(rule.lasting.0)),
            reason: format!("more than {} {did} within {seconds} s", rule.count),
            author: format!("{AUTOMATIC}{}", rule.name),
            added: now,
        };
        let author = profile.author.clone();
        match self.put(&author, Entry { what, profile }, EntryChange::Automatic) {
            Ok(()) => self.said_full = false,
            Err(Outcome::Refused { message, .. }) if !self.said_full => {
                self.said_full = true;
                self.shared.log(
                    Level::Warning,
                    &format!("the rule {} of the blacklist adds nobody: {message}", rule.name),
                );
            }
            Err(_) => {}
        }
    }
}

pub(super) fn watches(rules: &[AutoRule]) -> Vec<(AutoRule, Watch)> {
    rules
        .iter()
        .map(|rule| (rule.clone(), Watch::new(rule.count, rule.within.0, rule.watched)))
        .collect()
}
