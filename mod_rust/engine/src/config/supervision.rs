//! Supervisors: who they are, what they may do, and how they are brought to the conversations of agents.

use std::collections::BTreeSet;

use crate::config::{Answering, Config, ConfigError, SupervisionFault};
use crate::time::Span;

/// A supervisor (班长) or an inspector (质检员).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Supervisor {
    /// The number to sign in with.
    pub number: String,
    /// Shown to others.
    pub name: String,
    /// The phones from which the supervisor may sign in, as the PBX names their devices (`PJSIP/s9001`). Empty: any phone of
    /// the PBX.
    pub phones: Vec<String>,
    /// What the supervisor may do, each once.
    pub may: Vec<Right>,
}

/// What a supervisor may do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Right {
    /// Listen to a conversation, unheard (监听).
    Listen,
    /// Speak to the agent alone (耳语).
    Whisper,
    /// Speak to agent and caller (强插).
    Barge,
    /// Take the agent's place (拦截).
    TakeOver,
    /// End a conversation (强拆).
    Disconnect,
}

impl Right {
    /// All rights, in the order of their weight.
    pub const ALL: [Right; 5] = [
        Right::Listen,
        Right::Whisper,
        Right::Barge,
        Right::TakeOver,
        Right::Disconnect,
    ];
}

/// How supervisors listen to agents.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Supervision {
    /// Most supervisors who listen at once, those included whose phones still ring.
    pub max_monitors: u32,
    /// How long the phone of a supervisor rings who is called. Never zero.
    pub ring_time: Span,
    /// How that phone is answered.
    pub answering: Answering,
    /// What the agent hears when a supervisor barges in.
    pub tone: Option<Tone>,
}

/// A tone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tone {
    /// 100 to 3,400.
    pub hertz: u16,
    /// How long it lasts; not zero, 5 s at most.
    pub lasting: Span,
}

/// The longest tone.
pub(crate) const LONGEST_TONE: Span = Span::seconds(5);

impl Supervisor {
    /// A supervisor who may do everything from any phone.
    pub fn numbered(number: impl Into<String>) -> Supervisor {
        Supervisor {
            number: number.into(),
            name: String::new(),
            phones: Vec::new(),
            may: Right::ALL.to_vec(),
        }
    }
}

impl Default for Supervision {
    fn default() -> Supervision {
        Supervision {
            max_monitors: 100,
            ring_time: Span::seconds(20),
            answering: Answering::Automatic,
            tone: Some(Tone {
                hertz: 1_400,
                lasting: Span(300_000),
            }),
        }
    }
}

impl Config {
    pub(super) fn check_supervision(&self) -> Result<(), ConfigError> {
        let mut numbers = BTreeSet::new();
        for supervisor in &self.supervisors {
            let wrong = |fault| {
                Err(ConfigError::Supervisor {
                    supervisor: supervisor.number.clone(),
                    fault,
                })
            };
            if supervisor.number.is_empty() {
                return wrong(SupervisionFault::NoNumber);
            }
            if !numbers.insert(&supervisor.number) {
                return wrong(SupervisionFault::Twice);
            }
            let rights: BTreeSet<&Right> = supervisor.may.iter().collect();
            if rights.len() < supervisor.may.len() {
                return wrong(SupervisionFault::RightTwice);
            }
        }
        let Supervision { ring_time, tone, .. } = &self.supervision;
        if *ring_time == Span::ZERO {
            return Err(ConfigError::Supervision(SupervisionFault::NoRingTime));
        }
        let audible = |tone: &Tone| {
            (100..=3_400).contains(&tone.hertz) && tone.lasting > Span::ZERO && tone.lasting <= LONGEST_TONE
        };
        if tone.as_ref().is_some_and(|tone| !audible(tone)) {
            return Err(ConfigError::Supervision(SupervisionFault::Tone));
        }
        Ok(())
    }
}
