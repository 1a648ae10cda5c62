//! Where a caller has been in the dialplan's menus: `HOTLINE_PATH(menu)`.
//!
//! The path belongs to the caller's channel and goes with it through queues, transfers and the dialplan, like the attached data.

use std::ffi::CStr;
use std::sync::{Mutex, PoisonError};

use asterisk::Channel;
use asterisk::datastore::Kind;
use asterisk::dialplan::Function;

/// Most menus remembered; the earliest are forgotten first.
const MOST: usize = 32;
/// Longest name of a menu, in bytes.
const LONGEST: usize = 64;
/// More keys than that are no choice from a menu, but perhaps a PIN, or the number of an account.
const MOST_KEYS: usize = 2;
/// Stands for them.
const HIDDEN: &str = "...";
/// Between two menus.
const BETWEEN: &str = ">";

/// Menus in their order, each with what was keyed in there, if anything was.
#[derive(Default)]
pub(crate) struct Walk(Mutex<Vec<String>>);

static WALK: Kind<Walk> = Kind::inherited(c"hotline_path");

impl Walk {
    fn add(&self, menu: &str, keys: &str) -> Result<(), String> {
        let step = step(menu, keys)?;
        let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What is keyed in belongs to the menu that was come to.
        let here = steps.last().is_some_and(|last| last == menu) && step != menu;
        if here {
            steps.pop();
        } else if steps.len() >= MOST {
            steps.remove(0);
        }
        steps.push(step);
        Ok(())
    }

    fn steps(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A menu, and what was keyed in there.
fn step(menu: &str, keys: &str) -> Result<String, String> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ');
    if menu.is_empty() || menu.len() > LONGEST || !menu.chars().all(fits) {
        return Err(format!(
            "the name of a menu is of 1 to {LONGEST} bytes: letters, digits, spaces and '_-.'"
        ));
    }
    if !keys.chars().all(|c| c.is_ascii_digit() || matches!(c, '*' | '#')) {
        return Err("what is keyed in is of 0 to 9, * and #".to_owned());
    }
    Ok(match keys.len() {
        0 => menu.to_owned(),
        1..=MOST_KEYS => format!("{menu}:{keys}"),
        _ => format!("{menu}:{HIDDEN}"),
    })
}

/// The menus that the caller has passed.
pub(crate) fn steps(caller: &Channel) -> Vec<String> {
    caller.attached(&WALK).map_or_else(Vec::new, |walk| walk.steps())
}

/// Sets the variable `HOTLINE_PATH` on the channel of an agent who is rung, which has inherited the path.
pub(crate) fn show(leg: &Channel) {
    let steps = steps(leg);
    if !steps.is_empty() {
        leg.set_variable("HOTLINE_PATH", &steps.join(BETWEEN));
    }
}

/// The dialplan function.
pub(crate) struct HotlinePath;

impl Function for HotlinePath {
    const NAME: &'static CStr = c"HOTLINE_PATH";
    const SYNOPSIS: &'static CStr = c"Menus that a caller has passed, for the agent's screen.";
    const SYNTAX: &'static CStr = c"HOTLINE_PATH([menu])";
    const ARGUMENTS: &'static CStr =
        c"menu\n    Name of a menu, to write: up to 64 bytes, letters, digits, spaces and '_-.'. Without it, the path is read.";
    const DESCRIPTION: &'static CStr = c"Writing appends a menu that the caller comes to, and then what is keyed in there:

 same => n,Set(HOTLINE_PATH(main)=)
 same => n,Read(key,main-menu,1)
 same => n,Set(HOTLINE_PATH(main)=${key})
 same => n,Hotline(support)

Reading gives main:2>bills:1, the last menu last. The path goes with the caller through queues, transfers and the
dialplan, is told with the call when it joins a queue, and is on the agent's channel as variable HOTLINE_PATH.

Of more than two keys nothing is kept but that there were some (bills:...): they may be a PIN, or a card's number. The last 32 menus are kept.";
    const LONGEST: usize = MOST * (LONGEST + MOST_KEYS + 2);

    fn read(channel: &Channel, _: &str) -> Result<String, String> {
        Ok(steps(channel).join(BETWEEN))
    }

    fn write(channel: &Channel, menu: &str, keys: &str) -> Result<(), String> {
        let walk = channel
            .attach(&WALK, Walk::default)
            .ok_or("the PBX has no memory for it")?;
        walk.add(menu.trim(), keys.trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_belong_to_the_menu_that_was_come_to_and_pins_are_not_kept() {
        let walk = Walk::default();
        for (menu, keys) in [
            ("main", ""),
            ("main", "2"),
            ("bills", "#1"),
            ("card", ""),
            ("card", "123456"),
            ("main", ""),
            ("main", ""),
        ] {
            walk.add(menu, keys).unwrap();
        }
        assert_eq!(
            walk.steps(),
            ["main:2", "bills:#1", "card:...", "main", "main"],
            "who comes back has passed it twice"
        );
    }

    #[test]
    fn the_latest_are_kept_and_what_makes_no_sense_is_refused() {
        let walk = Walk::default();
        for n in 0..MOST + 2 {
            walk.add(&format!("m{n}"), "1").unwrap();
        }
        let steps = walk.steps();
        assert_eq!((steps.len(), steps[0].as_str()), (MOST, "m2:1"));
        for (menu, keys) in [("", "1"), ("a>b", "1"), ("main", "a"), (&*"m".repeat(65), "1")] {
            assert!(walk.add(menu, keys).is_err(), "{menu} {keys}");
        }
    }
}
