//! Skills: names that become bits, so that whether an agent has all that a caller requires is one operation.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::MAX_SKILLS;

/// A set of skills.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct SkillSet(u128);

impl SkillSet {
    pub(crate) fn includes(self, required: SkillSet) -> bool {
        required.0 & !self.0 == 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn set(&mut self, skill: Skill, has: bool) {
        if has {
            self.0 |= 1 << skill.0;
        } else {
            self.0 &= !(1 << skill.0);
        }
    }

    pub(crate) fn has(self, skill: Skill) -> bool {
        self.0 >> skill.0 & 1 == 1
    }
}

/// A skill that the engine knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Skill(u8);

/// The names of skills. None is ever forgotten, so that a set means the same for the whole boot.
#[derive(Default, Debug)]
pub(crate) struct SkillNames {
    names: Vec<Arc<str>>,
    ids: BTreeMap<Arc<str>, Skill>,
}

impl SkillNames {
    pub(crate) fn get(&self, name: &str) -> Option<Skill> {
        self.ids.get(name).copied()
    }

    /// Whether so many names more, of which some may be known, find room.
    pub(crate) fn have_room_for<'a>(&self, names: impl Iterator<Item = &'a str>) -> bool {
        let new = names.filter(|name| !self.ids.contains_key(*name)).count();
        self.names.len() + new <= MAX_SKILLS
    }

    /// The skill of that name, new if need be; `None` if there is no room.
    pub(crate) fn learn(&mut self, name: &str) -> Option<Skill> {
        if let Some(skill) = self.get(name) {
            return Some(skill);
        }
        let at = u8::try_from(self.names.len())
            .ok()
            .filter(|at| usize::from(*at) < MAX_SKILLS)?;
        let name: Arc<str> = name.into();
        self.names.push(Arc::clone(&name));
        self.ids.insert(name, Skill(at));
        Some(Skill(at))
    }

    /// The names in a set, in their order.
    pub(crate) fn of(&self, set: SkillSet) -> Arc<[Arc<str>]> {
        let has = self.ids.iter().filter(|(_, skill)| set.has(**skill));
        has.map(|(name, _)| Arc::clone(name)).collect()
    }
}
