//! What a waiting caller hears: music, and in its place what is to be said.

use std::time::{Duration, Instant};

use asterisk::channel::Indication;
use asterisk::player::{Player, Playing};
use asterisk::{Channel, HungUp, Level, log, numbers};
use hotline_engine::action::Utterance;

/// See the head of this file. Nothing of it delays a conversation: all is over with [`stop`](Self::stop).
pub(crate) struct Sounds<'a> {
    caller: &'a Channel,
    music: Music,
    speech: Option<Speech<'a>>,
}

/// What is being said.
struct Speech<'a> {
    player: Player<'a>,
    /// It must be served again within this time.
    serve_in: Option<Duration>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Music {
    None,
    /// Music of this class from then on.
    Due(Instant, String),
    Playing(String),
}

impl<'a> Sounds<'a> {
    pub(crate) fn new(caller: &'a Channel) -> Sounds<'a> {
        Sounds {
            caller,
            music: Music::None,
            speech: None,
        }
    }

    /// Music of this class after so long. Music of that class which plays goes on.
    pub(crate) fn music(&mut self, class: String, after: Duration) {
        if self.music != Music::Playing(class.clone()) {
            self.stop_music();
            self.music = Music::Due(Instant::now() + after, class);
        }
    }

    /// Says this instead of the music, and instead of what is being said.
    pub(crate) fn say(&mut self, say: &[Utterance]) {
        self.speech = None;
        if let Music::Playing(class) = &self.music {
            let class = class.clone();
            self.stop_music();
            self.music = Music::Due(Instant::now(), class);
        }
        self.speech = Some(Speech {
            player: Player::new(self.caller, files(say, &self.caller.language())),
            serve_in: None,
        });
    }

    /// Says this at the end of all, and blocks so long.
    ///
    /// # Errors
    /// The caller hung up.
    pub(crate) fn say_at_last(&mut self, say: &[Utterance]) -> Result<(), HungUp> {
        self.stop();
        Player::new(self.caller, files(say, &self.caller.language())).finish()
    }

    /// Does what is due; to be called after every wait on the caller.
    pub(crate) fn go_on(&mut self) {
        if let Some(speech) = &mut self.speech {
            match speech.player.go_on() {
                Playing::On(limit) => speech.serve_in = limit,
                Playing::Over => self.speech = None,
            }
        }
        if self.speech.is_some() || self.due_in() != Some(Duration::ZERO) {
            return;
        }
        if let Music::Due(_, class) = std::mem::replace(&mut self.music, Music::None) {
            self.start_music(&class);
            self.music = Music::Playing(class);
        }
    }

    /// How long until [`go_on`](Self::go_on) must be called, if it must.
    pub(crate) fn due_in(&self) -> Option<Duration> {
        if let Some(speech) = &self.speech {
            return speech.serve_in;
        }
        match &self.music {
            Music::Due(at, _) => Some(at.saturating_duration_since(Instant::now())),
            Music::None | Music::Playing(_) => None,
        }
    }

    /// Silence.
    pub(crate) fn stop(&mut self) {
        self.speech = None;
        self.stop_music();
    }

    fn start_music(&self, class: &str) {
        if !self.caller.start_music(class) {
            log(
                Level::Notice,
                &format!(
                    "no music of class '{class}' for {}: it hears ringing",
                    self.caller.name()
                ),
            );
            self.caller.indicate(Indication::Ringing);
        }
    }

    fn stop_music(&mut self) {
        if let Music::Playing(_) = std::mem::replace(&mut self.music, Music::None) {
            self.caller.stop_music();
            self.caller.indicate(Indication::Stop);
        }
    }
}

/// The sound files of speech in a language.
pub(crate) fn files(say: &[Utterance], language: &str) -> Vec<String> {
    say.iter()
        .flat_map(|utterance| match utterance {
            Utterance::File(file) => vec![file.clone()],
            Utterance::Number(number) => numbers::files(*number, language),
            Utterance::Spelled(text) => numbers::spelled(text),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speech_is_files_in_its_order() {
        let say = [
            Utterance::File("hotline/you-are-number".into()),
            Utterance::Number(21),
            Utterance::Spelled("10-A".into()),
            Utterance::File("/sounds/thanks".into()),
        ];
        assert_eq!(
            files(&say, "en"),
            [
                "hotline/you-are-number",
                "digits/20",
                "digits/1",
                "digits/1",
                "digits/0",
                "letters/dash",
                "letters/a",
                "/sounds/thanks"
            ]
        );
    }
}
