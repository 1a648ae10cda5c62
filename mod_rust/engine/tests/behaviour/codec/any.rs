//! Any input there can be, for properties of its binary form.

use hotline_engine::config::{
    Agent, Answering, Band, CallbackSettings, Choice, Comfort, Config, Disposition, Door, Exit, Exits,
    Greeting, HoldCare, Intro, Ivr, Key, Limits, Membership, Menu, Misses, NeedsAgents, Operation, Prompt,
    Queue, Reason, Recording, RecordingMode, Retrieve, Right, Rule, Steps, Strategy as Pick, Supervision,
    Supervisor, Survey, Tier, TierLimits, Tone, Warnings, Way, WrapUp,
};
use hotline_engine::event::{RecordingFailure, RetrieveFailure};
use hotline_engine::ids::{AgentId, CallId, CommandId, MonitorId, OfferId, RecordingId};
use hotline_engine::input::{
    Act, Arrangement, Attached, Caller, ConsultFact, ConsultStep, Deed, Departure, Destination, Follow,
    MonitorFact, MonitorMode, OfferFailure, Order, Party, PhoneState, RecordOrder, RecordingFact, Return,
    Score, TalkState, ToIvr, Whom,
};
use hotline_engine::screening::{EntryChange, ListChange, ListEntry, ScreenAction, Screening};
use hotline_engine::{Command, Input, Owed, Span, Time};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn span() -> impl Strategy<Value = Span> {
    any::<u64>().prop_map(Span)
}

fn phone_state() -> impl Strategy<Value = PhoneState> {
    prop_oneof![
        Just(PhoneState::Available),
        Just(PhoneState::Busy),
        Just(PhoneState::Unreachable)
    ]
}

fn command() -> impl Strategy<Value = Command> {
    let text = any::<String>;
    prop_oneof![
        (text(), text(), any::<bool>()).prop_map(|(agent, phone, from_there)| Command::SignIn {
            agent,
            phone,
            from_there
        }),
        text().prop_map(|agent| Command::SignOut { agent }),
        text().prop_map(|agent| Command::SetReady { agent }),
        (text(), text()).prop_map(|(agent, reason)| Command::SetNotReady { agent, reason }),
        (text(), text(), option::of(span())).prop_map(|(agent, reason, lasting)| Command::ForceBusy {
            agent,
            reason,
            lasting
        }),
        text().prop_map(|agent| Command::ForceIdle { agent }),
        (text(), text()).prop_map(|(agent, reason)| Command::ForceSignOut { agent, reason }),
        more_commands(),
        supervising(),
    ]
}

fn mode() -> impl Strategy<Value = MonitorMode> {
    prop_oneof![
        Just(MonitorMode::Listen),
        Just(MonitorMode::Whisper),
        Just(MonitorMode::Barge),
        Just(MonitorMode::TakeOver)
    ]
}

fn monitor() -> impl Strategy<Value = MonitorId> {
    any::<u64>().prop_map(MonitorId)
}

fn supervising() -> impl Strategy<Value = Command> {
    let text = any::<String>;
    let follow = prop_oneof![Just(Follow::Agent), Just(Follow::Call)];
    let whom = prop_oneof![Just(Whom::Caller), Just(Whom::Agent), Just(Whom::Both)];
    prop_oneof![
        (text(), text()).prop_map(|(supervisor, phone)| Command::SignInSupervisor { supervisor, phone }),
        text().prop_map(|supervisor| Command::SignOutSupervisor { supervisor }),
        (monitor(), text(), text(), text(), mode(), follow).prop_map(
            |(monitor, supervisor, from, agent, mode, follow)| Command::Monitor {
                monitor,
                supervisor,
                from,
                agent,
                mode,
                follow
            }
        ),
        text().prop_map(|supervisor| Command::StopMonitor { supervisor }),
        (text(), whom, text()).prop_map(|(agent, whom, from)| Command::Disconnect { agent, whom, from }),
        (text(), any::<bool>()).prop_map(|(agent, on)| Command::Hold { agent, on }),
        (text(), any::<bool>()).prop_map(|(agent, on)| Command::Mute { agent, on }),
        (text(), record_order()).prop_map(|(agent, order)| Command::Record { agent, order }),
        (text(), destination(), text()).prop_map(|(agent, to, reason)| Command::Transfer {
            agent,
            to,
            reason
        }),
        (text(), destination()).prop_map(|(agent, with)| Command::Consult { agent, with }),
        (text(), consult_step()).prop_map(|(agent, step)| Command::Consultation { agent, step }),
        (text(), to_ivr(), option::of(span())).prop_map(|(agent, to, timeout)| Command::Ivr {
            agent,
            to,
            timeout
        }),
        text().prop_map(|agent| Command::Survey { agent }),
    ]
}

fn to_ivr() -> impl Strategy<Value = ToIvr> {
    prop_oneof![
        any::<String>().prop_map(|name| ToIvr::Named { name }),
        any::<String>().prop_map(|place| ToIvr::Place { place }),
    ]
}

fn consult_step() -> impl Strategy<Value = ConsultStep> {
    prop_oneof![
        Just(ConsultStep::Swap),
        Just(ConsultStep::Join),
        ".{0,20}".prop_map(|reason| ConsultStep::HandOver { reason }),
        Just(ConsultStep::Drop),
    ]
}

fn arrangement() -> impl Strategy<Value = Arrangement> {
    prop_oneof![
        Just(Arrangement::Apart),
        Just(Arrangement::WithCaller),
        Just(Arrangement::Together),
        Just(Arrangement::HandedOver),
        Just(Arrangement::Alone),
        Just(Arrangement::Parted),
    ]
}

fn consult_fact() -> impl Strategy<Value = ConsultFact> {
    let cause = prop_oneof![
        Just(OfferFailure::Rejected),
        Just(OfferFailure::Busy),
        Just(OfferFailure::NoAnswer),
        Just(OfferFailure::Unreachable),
    ];
    prop_oneof![
        Just(ConsultFact::Begun),
        Just(ConsultFact::Answered),
        arrangement().prop_map(ConsultFact::Arranged),
        proptest::option::of(arrangement()).prop_map(ConsultFact::NotDone),
        cause.prop_map(ConsultFact::Gone),
    ]
}

fn record_order() -> impl Strategy<Value = RecordOrder> {
    prop_oneof![
        Just(RecordOrder::Start),
        Just(RecordOrder::Stop),
        Just(RecordOrder::Pause),
        Just(RecordOrder::Resume)
    ]
}

fn recording_fact() -> impl Strategy<Value = RecordingFact> {
    let why = prop_oneof![
        Just(RecordingFailure::Folder),
        Just(RecordingFailure::DiskFull),
        Just(RecordingFailure::Recorder),
        Just(RecordingFailure::TooLate),
        Just(RecordingFailure::Incomplete)
    ];
    prop_oneof![
        any::<String>().prop_map(|file| RecordingFact::Started { file }),
        Just(RecordingFact::Paused),
        Just(RecordingFact::Resumed),
        any::<u64>().prop_map(|bytes| RecordingFact::Finished { bytes }),
        (why, any::<u64>()).prop_map(|(why, bytes)| RecordingFact::Failed { why, bytes }),
    ]
}

fn recording() -> impl Strategy<Value = Recording> {
    let mode = prop_oneof![
        Just(RecordingMode::Never),
        Just(RecordingMode::OnDemand),
        Just(RecordingMode::Always)
    ];
    (mode, any::<u8>()).prop_map(|(mode, percent)| Recording { mode, percent })
}

fn destination() -> impl Strategy<Value = Destination> {
    prop_oneof![
        any::<(String, String, Option<u32>)>().prop_map(|(queue, tier, priority)| Destination::Queue {
            queue,
            tier,
            priority
        }),
        any::<String>().prop_map(|agent| Destination::Agent { agent }),
        any::<String>().prop_map(|place| Destination::Place { place }),
    ]
}

fn fact() -> impl Strategy<Value = MonitorFact> {
    let call = || any::<u64>().prop_map(CallId);
    prop_oneof![
        Just(MonitorFact::Up),
        any::<char>().prop_map(MonitorFact::Key),
        call().prop_map(MonitorFact::Lost),
        call().prop_map(MonitorFact::TookOver),
        call().prop_map(MonitorFact::NoPlace),
        Just(MonitorFact::Gone),
    ]
}

fn supervision() -> impl Strategy<Value = (Vec<Supervisor>, Supervision)> {
    let rights = prop::sample::subsequence(Right::ALL.to_vec(), 0..=5);
    let supervisor = (any::<(String, String)>(), vec(any::<String>(), 0..2), rights).prop_map(
        |((number, name), phones, may)| Supervisor {
            number,
            name,
            phones,
            may,
        },
    );
    let tone = option::of((any::<u16>(), span()).prop_map(|(hertz, lasting)| Tone { hertz, lasting }));
    let answering = prop_oneof![Just(Answering::Manual), Just(Answering::Automatic)];
    let supervision =
        (any::<u32>(), span(), answering, tone).prop_map(|(max_monitors, ring_time, answering, tone)| {
            Supervision {
                max_monitors,
                ring_time,
                answering,
                tone,
            }
        });
    (vec(supervisor, 0..3), supervision)
}

fn more_commands() -> impl Strategy<Value = Command> {
    let text = any::<String>;
    let call = || any::<u64>().prop_map(CallId);
    prop_oneof![
        (text(), span()).prop_map(|(agent, by)| Command::ExtendWrapUp { agent, by }),
        (text(), text(), text()).prop_map(|(agent, code, note)| Command::Dispose { agent, code, note }),
        (text(), text(), any::<Option<(u8, u16)>>())
            .prop_map(|(agent, queue, place)| Command::SetMembership { agent, queue, place }),
        (text(), text(), any::<bool>()).prop_map(|(agent, skill, has)| Command::SetSkill {
            agent,
            skill,
            has
        }),
        (text(), door()).prop_map(|(queue, door)| Command::SetDoor { queue, door }),
        (call(), any::<u32>()).prop_map(|(call, priority)| Command::Reprioritise { call, priority }),
        (call(), text()).prop_map(|(call, queue)| Command::MoveCall { call, queue }),
        (call(), text()).prop_map(|(call, place)| Command::Withdraw { call, place }),
        call().prop_map(|callback| Command::CancelCallback { callback }),
    ]
}

fn door() -> impl Strategy<Value = Door> {
    prop_oneof![Just(Door::Open), Just(Door::Closed), Just(Door::Emergency)]
}

fn prompts() -> impl Strategy<Value = Vec<Prompt>> {
    let prompt = prop_oneof![
        any::<String>().prop_map(Prompt::File),
        Just(Prompt::Position),
        Just(Prompt::Wait),
        Just(Prompt::RetryIn)
    ];
    vec(prompt, 0..3)
}

fn way() -> impl Strategy<Value = Way> {
    let exit = prop_oneof![
        Just(Exit::Onward),
        any::<String>().prop_map(Exit::Place),
        any::<String>().prop_map(Exit::Queue),
        Just(Exit::Busy),
        Just(Exit::Callback)
    ];
    (exit, prompts()).prop_map(|(to, say)| Way { to, say })
}

fn steps() -> impl Strategy<Value = Steps> {
    (vec(span(), 0..3), option::of(span())).prop_map(|(at, every)| Steps { at, every })
}

fn rule() -> impl Strategy<Value = Rule> {
    let text = any::<String>;
    let operation = prop_oneof![
        any::<u8>().prop_map(Operation::AcceptLevel),
        text().prop_map(Operation::DropSkill),
        text().prop_map(Operation::AddQueue),
        span().prop_map(Operation::Raise),
        prompts().prop_map(Operation::Say),
        text().prop_map(Operation::Menu),
        way().prop_map(Operation::Divert),
    ];
    let band = || option::of((any::<u64>(), any::<u64>()).prop_map(|(over, until)| Band { over, until }));
    (
        (span(), option::of(span()), vec(text(), 0..2)),
        (band(), band()),
        vec(operation, 0..4),
    )
        .prop_map(|((after, every, tiers), (predicted_wait, waiting), then)| Rule {
            after,
            every,
            tiers,
            predicted_wait,
            waiting,
            then,
        })
}

fn menu() -> impl Strategy<Value = Menu> {
    let choice = prop_oneof![
        prompts().prop_map(|say| Choice::Wait { say }),
        way().prop_map(Choice::Leave)
    ];
    let key = (any::<char>(), choice).prop_map(|(key, choice)| Key { key, choice });
    (any::<String>(), prompts(), span(), vec(key, 0..3)).prop_map(|(name, say, lasting, keys)| Menu {
        name,
        say,
        lasting,
        keys,
    })
}

fn warnings() -> impl Strategy<Value = Warnings> {
    (steps(), steps(), steps(), steps(), steps()).prop_map(|(wait, ring, talk, hold, wrap_up)| Warnings {
        wait,
        ring,
        talk,
        hold,
        wrap_up,
    })
}

fn retrieve_failure() -> impl Strategy<Value = RetrieveFailure> {
    prop_oneof![
        Just(RetrieveFailure::Ignored),
        Just(RetrieveFailure::NoSipPhone),
        Just(RetrieveFailure::NotSent),
        Just(RetrieveFailure::Consulting),
        Just(RetrieveFailure::NotAnnounced),
    ]
}

fn hold_care() -> impl Strategy<Value = HoldCare> {
    let comfort = (span(), option::of(span()), vec(any::<String>(), 0..3))
        .prop_map(|(after, every, say)| Comfort { after, every, say });
    let retrieve =
        (span(), any::<String>(), any::<bool>(), span()).prop_map(|(after, event, unannounced, patience)| {
            Retrieve {
                after,
                event,
                unannounced,
                patience,
            }
        });
    (option::of(comfort), option::of(retrieve)).prop_map(|(comfort, retrieve)| HoldCare { comfort, retrieve })
}

fn callback() -> impl Strategy<Value = CallbackSettings> {
    (any::<(u32, String, u32, u32)>(), (span(), span(), span())).prop_map(|(numbers, spans)| {
        CallbackSettings {
            max: numbers.0,
            dial: numbers.1,
            ahead: numbers.2,
            attempts: numbers.3,
            retry_after: spans.0,
            ring_time: spans.1,
            expires: spans.2,
        }
    })
}

fn greeting() -> impl Strategy<Value = (String, Greeting)> {
    let intro = || {
        prop_oneof![
            any::<String>().prop_map(Intro::File),
            Just(Intro::Agent),
            Just(Intro::Queue),
            Just(Intro::Tier)
        ]
    };
    let sides = (vec(intro(), 0..3), vec(intro(), 0..3));
    (any::<String>(), sides).prop_map(|(spoken, (caller, agent))| (spoken, Greeting { caller, agent }))
}

fn exits() -> impl Strategy<Value = Exits> {
    (way(), way(), way(), way(), way()).prop_map(|(full, timeout, no_agents, closed, emergency)| Exits {
        full,
        timeout,
        no_agents,
        closed,
        emergency,
    })
}

fn queue() -> impl Strategy<Value = Queue> {
    let pick = prop_oneof![
        Just(Pick::LongestIdle),
        Just(Pick::RingAll),
        Just(Pick::RoundRobin),
        Just(Pick::FewestCalls),
        Just(Pick::LeastTalkTime),
        Just(Pick::Random),
        Just(Pick::Linear),
        Just(Pick::WeightedRandom),
        Just(Pick::SkillLevel),
    ];
    let needs = prop_oneof![
        Just(NeedsAgents::None),
        Just(NeedsAgents::SignedIn),
        Just(NeedsAgents::AtWork)
    ];
    let wrap_up = prop_oneof![span().prop_map(WrapUp::Timed), Just(WrapUp::Manual)];
    let limits = (any::<String>(), any::<Option<u32>>(), option::of(span()));
    let limits = limits.prop_map(|(tier, max_waiting, max_wait)| TierLimits {
        tier,
        max_waiting,
        max_wait,
    });
    let numbers = (any::<u32>(), any::<u32>(), any::<u8>(), any::<bool>());
    let spans = (
        (span(), option::of(span()), span(), span()),
        (span(), span(), span(), span()),
        span(),
    );
    let choices = (pick, needs, door(), wrap_up);
    let lists = (vec(limits, 0..3), vec(any::<String>(), 0..3), vec(rule(), 0..3));
    let survey = (any::<String>(), any::<u8>(), span()).prop_map(|(place, share, min_talk)| Survey {
        place,
        share,
        min_talk,
    });
    let held = (hold_care(), option::of(survey));
    let parts = (exits(), callback(), warnings(), held, greeting(), recording());
    (any::<(String, String)>(), choices, numbers, spans, lists, parts).prop_map(
        |((name, music), choices, numbers, spans, lists, parts)| Queue {
            name,
            strategy: choices.0,
            handicap: spans.0.0,
            max_waiting: numbers.0,
            max_wait: spans.0.1,
            tiers: lists.0,
            needs_agents: choices.1,
            door: choices.2,
            exits: parts.0,
            ring_time: spans.0.2,
            wrap_up: choices.3,
            wrap_up_max: spans.0.3,
            needs_disposition: numbers.3,
            service_target: spans.1.0,
            ring_all_max: numbers.1,
            music,
            music_after: spans.1.1,
            skills: lists.1,
            level: numbers.2,
            sticky: spans.1.2,
            transfer_wait: spans.2,
            rules: lists.2,
            callback: parts.1,
            handle_time: spans.1.3,
            warn: parts.2,
            hold: parts.3.0,
            survey: parts.3.1,
            spoken: parts.4.0,
            greeting: parts.4.1,
            recording: parts.5,
        },
    )
}

fn agent() -> impl Strategy<Value = Agent> {
    let membership =
        any::<(String, u8, u16)>().prop_map(|(queue, level, weight)| Membership { queue, level, weight });
    let answering = prop_oneof![Just(Answering::Manual), Just(Answering::Automatic)];
    (
        any::<(String, String, String)>(),
        vec(membership, 0..4),
        vec(any::<String>(), 0..3),
        any::<bool>(),
        answering,
    )
        .prop_map(
            |((number, name, phone), queues, skills, always_signed_in, answering)| Agent {
                number,
                name,
                phone,
                queues,
                skills,
                always_signed_in,
                answering,
            },
        )
}

fn disposition() -> impl Strategy<Value = Disposition> {
    let texts = any::<(String, String, String)>();
    (texts, any::<(bool, bool, bool)>(), vec(any::<String>(), 0..2)).prop_map(
        |((code, zh, en), (complaint, resolved, follow_up), queues)| Disposition {
            code,
            zh,
            en,
            complaint,
            resolved,
            follow_up,
            queues,
        },
    )
}

pub(super) fn config() -> impl Strategy<Value = Config> {
    let tier = (any::<String>(), span(), any::<String>()).prop_map(|(name, handicap, spoken)| Tier {
        name,
        handicap,
        spoken,
    });
    let misses = (span(), span(), span(), span(), any::<u32>()).prop_map(
        |(no_answer, rejected, busy, unreachable, not_ready_after)| Misses {
            no_answer,
            rejected,
            busy,
            unreachable,
            not_ready_after,
        },
    );
    let limits = any::<(u32, u32, u32)>().prop_map(|(calls, remembered, decisions)| Limits {
        calls,
        remembered,
        decisions,
    });
    let ivr = (any::<String>(), any::<String>(), span()).prop_map(|(name, place, timeout)| Ivr {
        name,
        place,
        timeout,
    });
    let reason = (any::<String>(), steps()).prop_map(|(name, warn)| Reason { name, warn });
    (
        vec(tier, 0..3),
        vec(queue(), 0..3),
        (vec(agent(), 0..3), supervision()),
        (
            vec(menu(), 0..2),
            vec(reason, 0..2),
            vec(disposition(), 0..2),
            vec(ivr, 0..2),
        ),
        misses,
        limits,
    )
        .prop_map(
            |(
                tiers,
                queues,
                (agents, (supervisors, supervision)),
                (menus, reasons, dispositions, ivrs),
                misses,
                limits,
            )| {
                Config {
                    tiers,
                    queues,
                    agents,
                    supervisors,
                    supervision,
                    menus,
                    reasons,
                    dispositions,
                    ivrs,
                    misses,
                    limits,
                }
            },
        )
}

fn attached() -> impl Strategy<Value = Attached> {
    let data = vec(any::<(String, String)>(), 0..2);
    (data, vec(any::<String>(), 0..3)).prop_map(|(data, path)| Attached { data, path })
}

fn caller() -> impl Strategy<Value = Caller> {
    let texts = any::<(String, String, String, String)>();
    (
        texts,
        any::<u32>(),
        (vec(any::<String>(), 0..3), attached()),
        any::<Option<u64>>(),
    )
        .prop_map(
            |((number, tier, agent, flag), priority, (skills, attached), callback)| Caller {
                number,
                tier,
                priority,
                skills,
                agent,
                flag,
                attached,
                callback: callback.map(CallId),
            },
        )
}

fn talk() -> impl Strategy<Value = TalkState> {
    prop_oneof![
        Just(TalkState::Talking),
        Just(TalkState::OnHold),
        Just(TalkState::Consulting),
        Just(TalkState::Conferencing),
        Just(TalkState::Away)
    ]
}

fn owed() -> impl Strategy<Value = Owed> {
    let times = [(); 3].map(|()| any::<u64>().prop_map(Time));
    let spans = [(); 2].map(|()| any::<u64>().prop_map(Span));
    let retry = proptest::option::of(any::<u64>().prop_map(Time));
    (any::<String>(), caller(), times, spans, any::<u32>(), retry).prop_map(
        |(queue, caller, [arrived, placed, expires], [raised, worth], attempts, retry_at)| Owed {
            queue,
            caller,
            arrived,
            raised,
            worth,
            placed,
            expires,
            attempts,
            retry_at,
        },
    )
}

fn conduct() -> impl Strategy<Value = Input> {
    let call = || any::<u64>().prop_map(CallId);
    prop_oneof![
        (call(), any::<bool>()).prop_map(|(call, on)| Input::Held { call, on }),
        (call(), any::<bool>()).prop_map(|(call, on)| Input::Muted { call, on }),
        (any::<u64>().prop_map(RecordingId), recording_fact())
            .prop_map(|(recording, fact)| Input::Recording { recording, fact }),
        (
            call(),
            prop_oneof![Just(Order::Hold), Just(Order::Mute), Just(Order::Ivr)]
        )
            .prop_map(|(call, what)| Input::NotDone { call, what }),
        call().prop_map(|call| Input::WentAway { call }),
        (
            call(),
            prop_oneof![
                any::<String>().prop_map(Return::With),
                Just(Return::RanOut),
                Just(Return::TimedOut)
            ]
        )
            .prop_map(|(call, how)| Input::CameBack { call, how }),
        (call(), any::<Option<(u8, u8)>>()).prop_map(|(call, score)| Input::Surveyed {
            call,
            score: score.map(|(score, highest)| Score { score, highest }),
        }),
        (call(), call()).prop_map(|(line, call)| Input::JoinConsult { line, call }),
        (call(), consult_fact()).prop_map(|(call, fact)| Input::Consult { call, fact }),
    ]
}

pub(super) fn input() -> impl Strategy<Value = Input> {
    let call = || any::<u64>().prop_map(CallId);
    let offer = || any::<u64>().prop_map(OfferId);
    let id = || any::<u64>().prop_map(CommandId);
    let cause = prop_oneof![
        Just(OfferFailure::Rejected),
        Just(OfferFailure::Busy),
        Just(OfferFailure::NoAnswer),
        Just(OfferFailure::Unreachable)
    ];
    let party = prop_oneof![
        Just(Party::Caller),
        Just(Party::Agent),
        Just(Party::System),
        Just(Party::Supervisor)
    ];
    prop_oneof![
        (call(), any::<String>(), caller()).prop_map(|(call, queue, caller)| Input::Join {
            call,
            queue,
            caller,
        }),
        (call(), any::<char>()).prop_map(|(call, key)| Input::Digit { call, key }),
        (call(), talk()).prop_map(|(call, state)| Input::Talk { call, state }),
        call().prop_map(|callback| Input::CallbackFailed { callback }),
        (
            call(),
            prop_oneof![Just(Whom::Caller), Just(Whom::Agent), Just(Whom::Both)],
            any::<bool>()
        )
            .prop_map(|(call, whom, done)| Input::DisconnectSettled { call, whom, done }),
        call().prop_map(|call| Input::HandedOver { call }),
        conduct(),
        (id(), call(), any::<String>(), owed()).prop_map(|(id, callback, before, owed)| Input::Owed {
            id,
            callback,
            before,
            owed: Box::new(owed),
        }),
        (call(), retrieve_failure()).prop_map(|(call, why)| Input::RetrieveFailed { call, why }),
        (monitor(), fact()).prop_map(|(monitor, fact)| Input::Monitor { monitor, fact }),
        (
            call(),
            prop_oneof![Just(Departure::HungUp), Just(Departure::Taken)]
        )
            .prop_map(|(call, how)| Input::CallerGone { call, how }),
        offer().prop_map(|offer| Input::Ringing { offer }),
        offer().prop_map(|offer| Input::Answered { offer }),
        (offer(), cause).prop_map(|(offer, cause)| Input::OfferFailed { offer, cause }),
        call().prop_map(|call| Input::Connected { call }),
        (call(), party, phone_state()).prop_map(|(call, by, phone)| Input::Ended { call, by, phone }),
        (any::<u32>().prop_map(AgentId), phone_state())
            .prop_map(|(agent, state)| Input::Phone { agent, state }),
        (id(), any::<String>(), command()).prop_map(|(id, author, command)| Input::Command {
            id,
            author,
            command
        }),
        (id(), any::<String>(), config().prop_map(Box::new)).prop_map(|(id, author, config)| Input::Reload {
            id,
            author,
            config
        }),
        (call(), any::<[String; 7]>(), screen_action()).prop_map(|(call, texts, action)| {
            let [queue, tier, number, detail, entry, reason, author] = texts;
            let screening = Screening {
                queue,
                tier,
                number,
                action,
                detail,
                entry,
                reason,
                author,
            };
            Input::Screened {
                call,
                screening: Box::new(screening),
            }
        }),
        list_change().prop_map(|change| Input::ListChanged {
            change: Box::new(change)
        }),
        (any::<String>(), act(), any::<String>()).prop_map(|(author, what, refused)| Input::Deed {
            deed: Box::new(Deed {
                author,
                what,
                refused
            })
        }),
        Just(Input::Tick),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        Just(Act::Reload),
        any::<String>().prop_map(|file| Act::SaveConfig { file }),
        any::<String>().prop_map(|about| Act::ForgetStanding { about }),
    ]
}

fn screen_action() -> impl Strategy<Value = ScreenAction> {
    prop_oneof![
        Just(ScreenAction::Flag),
        Just(ScreenAction::Divert),
        Just(ScreenAction::Busy),
        Just(ScreenAction::Release),
        Just(ScreenAction::Tarpit)
    ]
}

fn list_entry() -> impl Strategy<Value = ListEntry> {
    let times = (any::<u64>(), any::<Option<u64>>(), any::<u64>());
    let names = prop::collection::vec(any::<String>(), 0..3);
    (any::<[String; 4]>(), times, names.clone(), names).prop_map(
        |([number, action, reason, author], (from, until, added), tiers, queues)| ListEntry {
            number,
            action,
            reason,
            author,
            from: Time(from),
            until: until.map(Time),
            tiers,
            queues,
            added: Time(added),
        },
    )
}

fn list_change() -> impl Strategy<Value = ListChange> {
    let how = prop_oneof![
        Just(EntryChange::Added),
        Just(EntryChange::Removed),
        Just(EntryChange::Expired),
        Just(EntryChange::Automatic)
    ];
    let entry = || prop::option::of(list_entry().prop_map(Box::new));
    prop_oneof![
        (any::<[String; 2]>(), how, entry(), entry(), any::<u64>()).prop_map(
            |([author, reason], how, before, after, entries)| ListChange::Entry {
                author,
                how,
                reason,
                before,
                after,
                entries,
            }
        ),
        (any::<[String; 2]>(), any::<bool>(), any::<[u64; 3]>()).prop_map(
            |([author, file], index, [taken, bad, entries])| ListChange::Whole {
                author,
                index,
                file,
                taken,
                bad,
                entries,
            }
        ),
    ]
}
