//! Callers who were asked what it was like, and what they answered.

use hotline_wire::Event;
use hotline_wire::frame::EventFrame;
use serde::{Deserialize, Serialize};

use super::Pen;
use super::rows::Cut;
use super::tables::cut;
use crate::store::sql::{Row, SqlError, Value, values};

/// Columns of a survey.
pub(crate) const SURVEYS: &str =
    "boot, born, call, asked, queue, tier, agent, ended, score, highest, cut, settled";

/// A caller who was asked, or went to be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Survey {
    /// Number of the boot.
    pub boot: u64,
    /// The event that began it.
    pub born: u64,
    /// Call reference.
    pub call: String,
    /// When the agent's side was over.
    pub asked: u64,
    /// Queue name.
    pub queue: String,
    /// The call's tier; empty if the call was not known.
    pub tier: String,
    /// Agent number of who talked last.
    pub agent: String,
    /// When it was answered, or could not be any more; none before.
    pub ended: Option<u64>,
    /// What was answered, from 1; none if nothing.
    pub score: Option<u64>,
    /// What could be answered at most; none without an answer.
    pub highest: Option<u64>,
    /// What is missing.
    pub cut: Cut,
    /// Whether nothing more can become of it.
    pub settled: bool,
}

impl Pen<'_> {
    pub(super) fn survey_event(&mut self, frame: &EventFrame) {
        match &frame.event {
            Event::SurveyOffered {
                call, agent, queue, ..
            } => {
                self.end_survey(call, frame.at, None, Cut::None);
                self.begin_survey(call, agent, queue, frame.at, Cut::None);
            }
            Event::SurveyAnswered {
                call,
                agent,
                queue,
                score,
                highest,
            } => {
                let answer = (u64::from(*score), u64::from(*highest));
                self.answer(call, agent, queue, frame.at, Some(answer));
            }
            Event::SurveyUnanswered { call, agent, queue } => {
                self.answer(call, agent, queue, frame.at, None);
            }
            // Others are no surveys.
            _ => {}
        }
    }

    fn answer(&mut self, call: &str, agent: &str, queue: &str, at: u64, answer: Option<(u64, u64)>) {
        if !self.book.surveys.contains_key(call) {
            // It was offered in a gap.
            self.begin_survey(call, agent, queue, at, Cut::Gap);
        }
        self.end_survey(call, at, answer, Cut::None);
    }

    fn begin_survey(&mut self, call: &str, agent: &str, queue: &str, at: u64, cut: Cut) {
        let tier = self.book.visits.get(call).map(|visit| visit.tier.clone());
        let survey = Survey {
            boot: self.book.boot,
            born: self.book.seq,
            call: call.to_owned(),
            asked: at,
            queue: queue.to_owned(),
            tier: tier.unwrap_or_default(),
            agent: agent.to_owned(),
            ended: None,
            score: None,
            highest: None,
            cut,
            settled: false,
        };
        self.keep_survey(&survey);
        self.book.surveys.insert(call.to_owned(), survey);
    }

    fn end_survey(&mut self, call: &str, at: u64, answer: Option<(u64, u64)>, cut: Cut) {
        let Some(mut survey) = self.book.surveys.remove(call) else {
            return;
        };
        survey.ended = Some(at);
        (survey.score, survey.highest) = answer.unzip();
        if cut != Cut::None {
            survey.cut = cut;
        }
        survey.settled = true;
        self.keep_survey(&survey);
    }

    /// No answer will come any more.
    pub(super) fn close_surveys(&mut self, cut: Cut) {
        let at = self.book.at;
        for call in self.book.surveys.keys().cloned().collect::<Vec<_>>() {
            self.end_survey(&call, at, None, cut);
        }
    }

    fn keep_survey(&mut self, survey: &Survey) {
        let key = (survey.boot, survey.born, survey.call.clone());
        self.changed.surveys.insert(key, survey.clone());
    }
}

pub(super) fn survey_row(survey: &Survey) -> Vec<Value> {
    values![
        survey.boot,
        survey.born,
        &survey.call,
        survey.asked,
        &survey.queue,
        &survey.tier,
        &survey.agent,
        survey.ended,
        survey.score,
        survey.highest,
        survey.cut.word(),
        u64::from(survey.settled),
    ]
    .to_vec()
}

pub(super) fn read_survey(row: &Row) -> Result<Survey, SqlError> {
    Ok(Survey {
        boot: row.uint(0)?,
        born: row.uint(1)?,
        call: row.text(2)?.to_owned(),
        asked: row.uint(3)?,
        queue: row.text(4)?.to_owned(),
        tier: row.text(5)?.to_owned(),
        agent: row.text(6)?.to_owned(),
        ended: row.maybe_uint(7)?,
        score: row.maybe_uint(8)?,
        highest: row.maybe_uint(9)?,
        cut: cut(row, 10)?,
        settled: row.uint(11)? > 0,
    })
}
