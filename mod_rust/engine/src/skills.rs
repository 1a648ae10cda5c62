//! Skills: names that become bits, so that whether an agent has all that a caller requires is one operation.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::MAX_SKILLS;

/// A set of skills. Two words and not one of twice the size, which would have to be aligned to that.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct SkillSet([u64; 2]);

impl SkillSet {
    pub(crate) fn includes(self, required: SkillSet) -> bool {
        let [lacks, also] = [0, 1].map(|at| required.0[at] & !self.0[at]);
        lacks | also == 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == [0, 0]
    }

    pub(crate) fn set(&mut self, skill: Skill, has: bool) {
        let (word, bit) = skill.place();
        if has {
            self.0[word] |= bit;
        } else {
            self.0[word] &= !bit;
        }
    }

    pub(crate) fn has(self, skill: Skill) -> bool {
        let (word, bit) = skill.place();
        self.0[word] & bit != 0
    }
}

/// A skill that the engine knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Skill(u8);

impl Skill {
    /// The word in a set, and the bit in it.
    fn place(self) -> (usize, u64) {
        (usize::from(self.0 / 64), 1 << (self.0 % 64))
    }
}

const _: () = assert!(MAX_SKILLS <= 128, "a set has so many bits");

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
    pub(crate) fn of(&self, set: SkillSet) -> Vec<Arc<str>> {
        let has = self.ids.iter().filter(|(_, skill)| set.has(**skill));
        has.map(|(name, _)| Arc::clone(name)).collect()
    }
}
