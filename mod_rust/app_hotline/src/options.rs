//! The arguments of `Hotline(queue[,options])` and `HotlineScreen([queue][,options])`.

use asterisk::Channel;
use asterisk::dialplan::words;
use asterisk::leg::Features;

/// What the dialplan asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Options {
    /// Queue name.
    pub(crate) queue: String,
    /// Tier name; empty if not given.
    pub(crate) tier: String,
    /// Seconds of waiting time that the call is worth.
    pub(crate) priority: Option<u32>,
    /// Skill names with `&` between them; empty if not given.
    pub(crate) skills: String,
    /// Number of the preferred agent; empty if not given.
    pub(crate) agent: String,
    /// Why the caller is suspicious; empty if not given.
    pub(crate) flag: String,
    /// Reference of the callback that this answers; empty if not given.
    pub(crate) callback: String,
    /// Keys of features.conf allowed during the conversation.
    pub(crate) features: Features,
}

/// Reads the arguments. What it cannot use is passed over, and named in the second list: a call is worth more than a
/// spelling mistake.
pub(crate) fn parse(arguments: &str) -> (Options, Vec<String>) {
    let mut options = Options::default();
    let mut complaints = Vec::new();
    let words = words(arguments, 2);
    options.queue = words[0].to_owned();
    let mut rest = words.get(1).copied().unwrap_or_default();
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        let value = match rest.strip_prefix('(') {
            None => None,
            Some(inside) => {
                let (value, after) = inside.split_once(')').unwrap_or_else(|| {
                    complaints.push(format!("option {letter}( has no closing bracket"));
                    (inside, "")
                });
                rest = after;
                Some(value.trim())
            }
        };
        match (letter, value) {
            ('t', Some(tier)) => options.tier = tier.to_owned(),
            ('p', Some(seconds)) => match seconds.parse() {
                Ok(seconds) => options.priority = Some(seconds),
                Err(_) => complaints.push(format!("option p({seconds}) wants a number of seconds")),
            },
            ('s', Some(skills)) => options.skills = skills.to_owned(),
            ('a', Some(agent)) => options.agent = agent.to_owned(),
            ('f', Some(reason)) => options.flag = reason.to_owned(),
            ('c', Some(callback)) => options.callback = callback.to_owned(),
            (' ', None) => {}
            (letter, None) if options.features.add(letter) => {}
            (letter, _) => complaints.push(format!("option {letter} is unknown")),
        }
    }
    (options, complaints)
}

/// Reads the arguments of `HotlineScreen([queue][,options])`, which knows fewer options.
pub(crate) fn parse_screening(arguments: &str) -> (Options, Vec<String>) {
    let (options, mut complaints) = parse(arguments);
    let known = Options {
        queue: options.queue.clone(),
        tier: options.tier.clone(),
        ..Options::default()
    };
    if options != known {
        complaints.push("t(tier) is the only option here".to_owned());
    }
    (known, complaints)
}

/// What the dialplan gave, by an option or else by a variable of the channel.
pub(crate) fn given(channel: &Channel, option: &str, variable: &str) -> String {
    if option.is_empty() {
        channel.variable(variable).unwrap_or_default().trim().to_owned()
    } else {
        option.to_owned()
    }
}

/// The skills in `one&two`, each once.
pub(crate) fn skills(text: &str) -> Vec<String> {
    let mut skills: Vec<String> = Vec::new();
    for skill in text.split('&').map(str::trim).filter(|skill| !skill.is_empty()) {
        if !skills.iter().any(|known| known == skill) {
            skills.push(skill.to_owned());
        }
    }
    skills
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_alone_is_enough() {
        let (options, complaints) = parse("support");
        assert_eq!(
            options,
            Options {
                queue: "support".into(),
                ..Options::default()
            }
        );
        assert!(complaints.is_empty());
    }

    #[test]
    fn t_is_a_tier_with_brackets_and_a_transfer_without() {
        let (options, complaints) = parse("support, t(gold)p(30)tH");
        assert!(complaints.is_empty(), "{complaints:?}");
        let mut features = Features::default();
        assert!(features.add('t') && features.add('H'));
        assert_eq!(
            options,
            Options {
                queue: "support".into(),
                tier: "gold".into(),
                priority: Some(30),
                features,
                ..Options::default()
            }
        );
    }

    #[test]
    fn callers_bring_skills_their_agent_a_flag_and_a_callback() {
        let (options, complaints) =
            parse("support,s(english& billing)a(1001)f(hung up 9 times)c(pbx1-1a2b-7)");
        assert!(complaints.is_empty(), "{complaints:?}");
        assert_eq!(skills(&options.skills), ["english", "billing"]);
        assert_eq!(options.agent, "1001");
        assert_eq!(options.flag, "hung up 9 times");
        assert_eq!(options.callback, "pbx1-1a2b-7");
        assert_eq!(skills("a&&b& a&"), ["a", "b"]);
        assert!(skills("").is_empty());
    }

    #[test]
    fn screening_knows_the_tier_only() {
        let (options, complaints) = parse_screening("support,t(gold)");
        assert_eq!((options.tier.as_str(), complaints.len()), ("gold", 0));
        let (options, complaints) = parse_screening(",f(x)");
        assert_eq!(options, Options::default());
        assert_eq!(complaints, ["t(tier) is the only option here"]);
    }

    #[test]
    fn mistakes_are_named_and_the_rest_stands() {
        let (options, complaints) = parse("support,zp(soon)T(x)t(gold");
        assert_eq!(options.tier, "gold");
        assert_eq!(options.features, Features::default());
        assert_eq!(
            complaints,
            [
                "option z is unknown",
                "option p(soon) wants a number of seconds",
                "option T is unknown",
                "option t( has no closing bracket",
            ]
        );
    }
}
