//! Menus for waiting callers.

use hotline_engine::config::{Choice, Exit, Menu};
use hotline_engine::event::CallOutcome;
use hotline_engine::ids::{CallId, QueueId};
use hotline_engine::{Event, Span};

use super::Model;

impl Model {
    fn menu_named(&self, name: &str) -> Option<Menu> {
        let known = self.config.menus.iter().find(|menu| menu.name == name);
        known.cloned()
    }

    pub(super) fn offer_menu(&mut self, id: CallId, name: &str) {
        let Some(menu) = self.menu_named(name) else { return };
        self.say(id, &menu.say);
        let until = (menu.lasting > Span::ZERO).then_some(self.now + menu.lasting);
        if let Some(call) = self.call_mut(id) {
            call.menu = Some((menu.name, until));
        }
    }

    pub(super) fn pressed(&mut self, id: CallId, pressed: char) {
        let Some(call) = self.waiting_call(id) else { return };
        let Some((name, until)) = &call.menu else { return };
        if until.is_some_and(|until| self.now > until) {
            return;
        }
        let keys = self.menu_named(name).map(|menu| menu.keys).unwrap_or_default();
        let Some(key) = keys.into_iter().find(|key| key.key == pressed) else {
            return;
        };
        let owed = self.may_be_owed(&call.visitor, call.queue).is_some();
        let queue = QueueId(call.queue as u32);
        self.events.push(Event::KeyPressed {
            call: id,
            queue,
            key: pressed,
        });
        if let Some(call) = self.call_mut(id) {
            call.menu = None;
        }
        match key.choice {
            Choice::Wait { say } => self.say(id, &say),
            Choice::Leave(way) if way.to == Exit::Callback && !owed => {}
            Choice::Leave(way) => self.turn_away(id, CallOutcome::Left, &way),
        }
    }
}
