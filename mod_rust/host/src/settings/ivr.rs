//! `[[ivr]]` and `[queue.survey]`: places of the dialplan from which callers come back, or where they are asked what it was like.

use hotline_engine::Span;
use hotline_engine::config::{IVR_TIMEOUT, Ivr, MAX_IVR_TIMEOUT, Survey};

use super::reader::{Once, Read, Table, Value};

/// Most places from which callers come back.
const MOST: usize = 1_000;
/// Of a hundred callers so many are asked, where `[queue.survey]` does not say.
const SHARE: u8 = 100;

pub(super) fn ivrs(file: &mut Table<'_>) -> Read<Vec<Ivr>> {
    let mut once = Once::new("ivr", MOST);
    let mut ivrs = Vec::new();
    for mut table in file.tables("ivr")? {
        let value = table.need("name")?;
        let name = once.take(&value, value.name()?)?;
        let mut ivr = Ivr {
            name,
            place: place(&table.need("place")?)?,
            timeout: IVR_TIMEOUT,
        };
        table.set("timeout_seconds", &mut ivr.timeout, |value| {
            let span = value.some_seconds()?;
            if span > MAX_IVR_TIMEOUT {
                return Err(value.must_be("3600 at most"));
            }
            Ok(span)
        })?;
        table.end()?;
        ivrs.push(ivr);
    }
    Ok(ivrs)
}

pub(super) fn survey(value: &Value<'_>) -> Read<Option<Survey>> {
    let mut table = value.table()?;
    let mut survey = Survey {
        place: place(&table.need("place")?)?,
        share: SHARE,
        min_talk: Span::ZERO,
    };
    table.set("share_percent", &mut survey.share, |value| value.number(0..=100))?;
    table.set("min_talk_seconds", &mut survey.min_talk, Value::seconds)?;
    table.end()?;
    Ok(Some(survey))
}

/// A place as the PBX writes it.
fn place(value: &Value<'_>) -> Read<String> {
    let place = value.line()?;
    let parts = place.split(',').filter(|part| !part.is_empty()).count();
    if parts == 3 && place.matches(',').count() == 2 {
        Ok(place)
    } else {
        Err(value.must_be("a place of the dialplan: CONTEXT,EXTENSION,PRIORITY"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::parse;

    const NODE: &str = "node = \"n\"\n[[queue]]\nname = \"support\"\n";

    fn config(lines: &str) -> Result<hotline_engine::config::Config, String> {
        match parse(&format!("{NODE}{lines}")) {
            Ok(settings) => Ok(settings.config),
            Err(fault) => Err(fault.message),
        }
    }

    #[test]
    fn places_and_surveys_are_read_with_their_defaults() {
        let ivr = "[[ivr]]\nname = \"pin\"\nplace = \"verify,s,1\"\n";
        let plain = config(ivr).unwrap();
        assert_eq!(
            (plain.ivrs[0].name.as_str(), plain.ivrs[0].timeout),
            ("pin", IVR_TIMEOUT)
        );
        assert_eq!(plain.queues[0].survey, None);
        let full = config(&format!(
            "[queue.survey]\nplace = \"survey,s,1\"\nshare_percent = 20\nmin_talk_seconds = 30\n{ivr}timeout_seconds = 9"
        ));
        let full = full.unwrap();
        assert_eq!(full.ivrs[0].timeout, Span::seconds(9));
        let survey = full.queues[0].survey.as_ref().unwrap();
        assert_eq!(
            (survey.place.as_str(), survey.share, survey.min_talk),
            ("survey,s,1", 20, Span::seconds(30))
        );
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_allowed() {
        for (lines, expected) in [
            ("[[ivr]]\nname = \"pin\"", "place"),
            (
                "[[ivr]]\nname = \"pin\"\nplace = \"verify\"",
                "CONTEXT,EXTENSION,PRIORITY",
            ),
            (
                "[[ivr]]\nname = \"pin\"\nplace = \"v,s,1\"\ntimeout_seconds = 3601",
                "3600 at most",
            ),
            (
                "[[ivr]]\nname = \"pin\"\nplace = \"v,s,1\"\n[[ivr]]\nname = \"pin\"\nplace = \"v,s,1\"",
                "pin",
            ),
            ("[queue.survey]\nshare_percent = 5", "place"),
            (
                "[queue.survey]\nplace = \"s,s,1\"\nshare_percent = 101",
                "share_percent",
            ),
        ] {
            let why = config(lines).unwrap_err();
            assert!(why.contains(expected), "{lines}: {why}");
        }
    }
}
