//! What callers are told. A place or a wait once told is never told longer in the same visit.

use hotline_engine::action::{Spoken, Utterance};
use hotline_engine::config::{Intro, Prompt};
use hotline_engine::event::Estimate;
use hotline_engine::ids::{CallId, OfferId};
use hotline_engine::{CallAction, Span};

use super::Model;

impl Model {
    /// Tells a waiting caller something, if it is all known.
    pub(super) fn say(&mut self, id: CallId, prompts: &[Prompt]) {
        let Some(call) = self.call(id) else { return };
        let position = self.position(id);
        let position = call.told_position.map_or(position, |told| told.min(position));
        let now = self.now;
        let reliable = self.queues[call.queue].measured.reliable();
        let wait = self.estimate(id).filter(|_| reliable).map(|wait| wait.p50);
        let wait = wait.map(|wait| match call.told_wait {
            Some((told, at)) => wait.min(Span(told.0.saturating_sub(now.since(at).0))),
            None => wait,
        });
        let tail = self.tail(call.queue, Some(id)).filter(|_| reliable);
        let Some(say) = spoken(prompts, Some(position), wait, tail.map(|tail| tail.p50)) else {
            return;
        };
        let Some(call) = self.call_mut(id) else { return };
        if prompts.contains(&Prompt::Position) {
            call.told_position = Some(position);
        }
        if let Some(wait) = wait.filter(|_| prompts.contains(&Prompt::Wait)) {
            call.told_wait = Some((wait, now));
        }
        if !say.is_empty() {
            self.tell(id, CallAction::Say { say });
        }
    }

    /// What the queue of the offer says to caller and agent before they talk.
    pub(super) fn greeting(&self, id: CallId, agent: usize, offer: OfferId) -> Option<Box<Spoken>> {
        let call = self.call(id)?;
        let via = call.rings.iter().find(|ring| ring.offer == offer)?.via;
        let settings = &self.queues[via].settings;
        let words = |pieces: &[Intro]| {
            let mut said = Vec::new();
            for piece in pieces {
                match piece {
                    Intro::File(file) => said.push(Utterance::File(file.clone())),
                    Intro::Agent => {
                        said.push(Utterance::Spelled(
                            self.agents[agent].settings.number.as_str().into(),
                        ));
                    }
                    Intro::Queue if settings.spoken.is_empty() => {}
                    Intro::Queue => said.push(Utterance::File(settings.spoken.clone())),
                    Intro::Tier => {
                        let tier = &self.tiers[call.visitor.tier].spoken;
                        said.extend((!tier.is_empty()).then(|| Utterance::File(tier.clone())));
                    }
                }
            }
            said
        };
        let greeting = &settings.greeting;
        let nothing = greeting.caller.is_empty() && greeting.agent.is_empty();
        (!nothing).then(|| {
            Box::new(Spoken {
                caller: words(&greeting.caller),
                agent: words(&greeting.agent),
            })
        })
    }

    /// What is said to a caller who leaves.
    pub(super) fn spoken_on_leaving(
        &self,
        queue: usize,
        tail: Option<Estimate>,
        prompts: &[Prompt],
    ) -> Vec<Utterance> {
        let tail = tail.filter(|_| self.queues[queue].measured.reliable());
        spoken(prompts, None, None, tail.map(|tail| tail.p50)).unwrap_or_default()
    }
}

/// `None` if any figure is missing.
fn spoken(
    prompts: &[Prompt],
    position: Option<u32>,
    wait: Option<Span>,
    retry_in: Option<Span>,
) -> Option<Vec<Utterance>> {
    let spoken = |prompt: &Prompt| match prompt {
        Prompt::File(file) => Some(Utterance::File(file.clone())),
        Prompt::Position => position.map(Utterance::Number),
        Prompt::Wait => wait.map(|wait| Utterance::Number(minutes(wait))),
        Prompt::RetryIn => retry_in.map(|wait| Utterance::Number(minutes(wait))),
    };
    prompts.iter().map(spoken).collect()
}

fn minutes(span: Span) -> u32 {
    span.0.div_ceil(60_000_000).max(1) as u32
}
