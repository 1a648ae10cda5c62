//! One leg: a dialog of a phone with the PBX, from INVITE to BYE. No I/O: datagrams to send go to an outbox.
//!
//! ```text
//! outgoing  Calling ─180/183→ Ringing ─200→ Up ─BYE→ Over          Calling, Ringing ─CANCEL, ≥300→ Over
//! incoming            Ringing ─answer→ Up ─BYE→ Over                        Ringing ─CANCEL, reject→ Over
//! ```

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::rtp::Media;
use super::sip::{self, Builder, Message};
use super::tone::Tone;

/// First interval of a retransmission (T1 of RFC 3261).
const T1: Duration = Duration::from_millis(500);

/// Longest interval of a retransmission (T2 of RFC 3261).
const T2: Duration = Duration::from_secs(4);

/// A message that nobody answers is given up after so long (64 T1).
const GIVE_UP: Duration = Duration::from_secs(32);

/// The event by which the PBX has a phone retrieve.
const TALK: &str = "talk";

/// Responses kept for retransmitted requests.
const RESPONSES: usize = 8;

/// Who placed the call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// The phone called.
    Outgoing,
    /// The phone was called.
    Incoming,
}

/// Where a leg stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LegState {
    /// Our INVITE is under way.
    Calling,
    /// A phone rings: ours (incoming) or the other (outgoing).
    Ringing,
    /// Answered.
    Up,
    /// Ended.
    Over(End),
}

/// How a leg ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct End {
    /// Whether this phone ended it.
    pub by_us: bool,
    /// 200 after an answered call, else the final status: 487 cancelled, 486 busy, 603 declined, 408 nobody answered.
    pub status: u16,
    /// The `Reason` header of what ended it.
    pub reason: String,
}

/// The moments of a leg.
#[derive(Clone, Copy, Debug)]
pub struct Moments {
    /// INVITE sent or received.
    pub began: Instant,
    /// Answered.
    pub up: Option<Instant>,
    /// Ended.
    pub over: Option<Instant>,
}

/// What an INVITE of ours asks for beside the number.
#[derive(Clone, Copy, Default)]
pub(super) struct Asks<'a> {
    /// Which trunk line it comes by.
    pub(super) line: Option<&'a str>,
    /// Whose place it takes: see [`Leg::place`].
    pub(super) replaces: Option<&'a str>,
}

/// What a leg does by itself, without a test that steers it.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub(super) answer_at: Option<Instant>,
    /// Hangs up at that moment, whatever the leg does.
    pub(super) hang_up_at: Option<Instant>,
    /// Hangs up so long after the answer.
    pub(super) talk: Option<Duration>,
    /// Gives up at that moment unless `listen_for` was heard by then.
    pub(super) patience_until: Option<Instant>,
    pub(super) listen_for: Option<Tone>,
    pub(super) heard: Option<Instant>,
}

/// What a leg needs of the bank: its addresses, the time, and a place for datagrams to the PBX.
pub(super) struct Ports<'a> {
    pub(super) sip: SocketAddr,
    pub(super) rtp: SocketAddr,
    pub(super) now: Instant,
    pub(super) out: &'a mut Vec<Vec<u8>>,
}

struct Resend {
    datagram: Vec<u8>,
    method: &'static str,
    next: Instant,
    interval: Duration,
    until: Instant,
}

pub(super) struct Leg {
    pub(super) phone: String,
    pub(super) direction: Direction,
    /// Number at the other end.
    pub(super) other: String,
    /// Display name at the other end.
    pub(super) state: LegState,
    pub(super) moments: Moments,
    pub(super) media: Media,
    pub(super) plan: Option<Plan>,
    /// The INVITE of an incoming leg.
    pub(super) invite: Option<Message>,
    pub(super) call_id: String,
    local: String,
    remote: String,
    target: String,
    line: Option<String>,
    /// Whose place its INVITE asks for (RFC 3891).
    replaces: Option<String>,
    cseq: u32,
    invite_branch: String,
    provisional: bool,
    cancel_wanted: bool,
    /// The other side knows that the call is up: ACK sent or received.
    confirmed: bool,
    bye_wanted: bool,
    resend: Option<Resend>,
    responses: VecDeque<(String, Vec<u8>)>,
    sdp_version: u64,
    /// The phone has the other side on hold.
    holds: bool,
    /// The events of NOTIFYs that the PBX sent in this dialog.
    pub(super) notified: Vec<String>,
    /// The phone does nothing about them.
    pub(super) ignores: bool,
    /// It does not tell which events it understands.
    pub(super) discreet: bool,
}

/// A fresh token for tags, branches and call ids.
pub(super) fn token() -> String {
    format!("{:016x}", fastrand::u64(..))
}

impl Leg {
    /// Calls `number` and sends the INVITE.
    pub(super) fn outgoing(
        phone: &str,
        asks: Asks<'_>,
        from: &str,
        number: &str,
        pbx: SocketAddr,
        tone: Tone,
        ports: &mut Ports<'_>,
    ) -> Leg {
        let mut leg = Leg::new(
            phone,
            Direction::Outgoing,
            number,
            LegState::Calling,
            tone,
            ports.now,
        );
        leg.call_id = format!("{}@{}", token(), ports.sip.ip());
        leg.local = format!("<sip:{from}@{}>;tag={}", ports.sip, token());
        leg.remote = format!("<sip:{}@{pbx}>", number.replace('#', "%23"));
        leg.target = format!("sip:{}@{pbx}", number.replace('#', "%23"));
        leg.line = asks.line.map(str::to_owned);
        leg.replaces = asks.replaces.map(str::to_owned);
        leg.invite_branch = format!("z9hG4bK{}", token());
        leg.cseq = 1;
        let sdp = leg.describe(ports);
        let datagram = leg.request("INVITE", 1, &leg.invite_branch, ports, Some(&sdp));
        leg.send_until_answered("INVITE", datagram, ports);
        leg
    }

    /// The leg as another INVITE names it that takes its place (RFC 3891).
    pub(super) fn place(&self) -> String {
        let tag = |address: &str| {
            let tag = address.split_once(";tag=").map_or("", |(_, tag)| tag);
            tag.split(';').next().unwrap_or_default().to_owned()
        };
        format!(
            "{};to-tag={};from-tag={}",
            self.call_id,
            tag(&self.remote),
            tag(&self.local)
        )
    }

    /// Takes an INVITE; nothing is answered but 100.
    pub(super) fn incoming(phone: &str, invite: Message, tone: Tone, ports: &mut Ports<'_>) -> Leg {
        let from = invite.header("From").unwrap_or_default().to_owned();
        let mut leg = Leg::new(
            phone,
            Direction::Incoming,
            sip::user_of(&from),
            LegState::Ringing,
            tone,
            ports.now,
        );
        leg.call_id = invite.header("Call-ID").unwrap_or_default().to_owned();
        leg.local = format!("{};tag={}", invite.header("To").unwrap_or_default(), token());
        leg.remote = from;
        leg.target = sip::uri_of(invite.header("Contact").unwrap_or_default()).to_owned();
        leg.invite_branch = invite.branch().to_owned();
        leg.media.remote = sip::media_address(&invite.body);
        leg.invite = Some(invite);
        leg.respond_invite("100 Trying", None, ports);
        leg
    }

    fn new(phone: &str, direction: Direction, other: &str, state: LegState, tone: Tone, now: Instant) -> Leg {
        Leg {
            phone: phone.to_owned(),
            direction,
            other: other.to_owned(),
            state,
            moments: Moments {
                began: now,
                up: None,
                over: None,
            },
            media: Media::new(tone, fastrand::u32(..)),
            plan: None,
            invite: None,
            call_id: String::new(),
            local: String::new(),
            remote: String::new(),
            target: String::new(),
            line: None,
            replaces: None,
            cseq: 0,
            invite_branch: String::new(),
            provisional: false,
            cancel_wanted: false,
            confirmed: false,
            bye_wanted: false,
            resend: None,
            responses: VecDeque::new(),
            sdp_version: 0,
            holds: false,
            notified: Vec::new(),
            ignores: false,
            discreet: false,
        }
    }

    /// Whether the leg has not ended.
    pub(super) fn alive(&self) -> bool {
        !matches!(self.state, LegState::Over(_))
    }

    /// Whether nothing of this leg is under way any more.
    pub(super) fn settled(&self) -> bool {
        !self.alive() && self.resend.is_none()
    }

    /// An incoming leg rings.
    pub(super) fn ring(&mut self, ports: &mut Ports<'_>) {
        if self.rings() {
            self.respond_invite("180 Ringing", None, ports);
        }
    }

    /// An incoming leg is answered.
    pub(super) fn answer(&mut self, ports: &mut Ports<'_>) {
        if self.rings() {
            self.state = LegState::Up;
            self.moments.up = Some(ports.now);
            let sdp = self.describe(ports);
            self.respond_invite("200 OK", Some(&sdp), ports);
        }
    }

    /// An incoming leg is refused: `486 Busy Here`, `603 Decline`, ...
    pub(super) fn reject(&mut self, status: &str, ports: &mut Ports<'_>) {
        if self.rings() {
            let code = status.get(..3).and_then(|code| code.parse().ok()).unwrap_or(603);
            self.respond_invite(status, None, ports);
            self.end(true, code, "", ports.now);
        }
    }

    /// Ends the leg in whichever way its state asks for.
    pub(super) fn hang_up(&mut self, ports: &mut Ports<'_>) {
        match (&self.state, self.direction) {
            (LegState::Over(_), _) => {}
            (LegState::Up, _) => {
                self.end(true, 200, "", ports.now);
                if self.confirmed {
                    self.bye(ports)
                } else {
                    self.bye_wanted = true
                }
            }
            (_, Direction::Incoming) => self.reject("480 Temporarily Unavailable", ports),
            (_, Direction::Outgoing) => {
                self.cancel_wanted = true;
                // A CANCEL must not overtake the INVITE: it waits for any provisional response.
                if self.provisional {
                    self.cancel(ports);
                }
            }
        }
    }

    /// Puts the other side on hold, or retrieves it.
    /// Whether no request of the phone's waits for its answer.
    pub(super) fn is_settled(&self) -> bool {
        self.resend.is_none()
    }

    pub(super) fn hold(&mut self, holds: bool, ports: &mut Ports<'_>) {
        if self.state == LegState::Up && self.holds != holds {
            self.holds = holds;
            // Above that of the first INVITE, whoever sent it.
            self.cseq = self.cseq.max(1) + 1;
            let branch = format!("z9hG4bK{}", token());
            let sdp = self.describe(ports);
            let datagram = self.request("INVITE", self.cseq, &branch, ports, Some(&sdp));
            self.send_until_answered("INVITE", datagram, ports);
        }
    }

    /// Asks the PBX to let the other side call `number` (RFC 3515), or take the place that is given (RFC 3891).
    pub(super) fn refer(&mut self, number: &str, replaces: Option<&str>, ports: &mut Ports<'_>) {
        self.cseq = self.cseq.max(1) + 1;
        let branch = format!("z9hG4bK{}", token());
        let host = self.target.rsplit('@').next().unwrap_or_default();
        let host = host.split(';').next().unwrap_or_default();
        let place = replaces.map_or(String::new(), |place| {
            let escaped = place.replace(';', "%3B").replace('=', "%3D").replace('@', "%40");
            format!("?Replaces={escaped}")
        });
        let to = format!("<sip:{number}@{host}{place}>");
        let request = self
            .builder("REFER", self.cseq, &branch, ports)
            .header("Refer-To", &to);
        self.send_until_answered("REFER", request.body(None), ports);
    }

    /// A response arrived.
    pub(super) fn on_response(&mut self, message: &Message, ports: &mut Ports<'_>) {
        let (Some(status), Some((cseq, method))) = (message.status(), message.cseq()) else {
            return;
        };
        match method {
            "INVITE" if cseq == 1 && self.direction == Direction::Outgoing => {
                self.on_invite_response(status, message, ports);
            }
            "INVITE" if (200..300).contains(&status) => {
                self.stop_resend("INVITE");
                let branch = format!("z9hG4bK{}", token());
                ports.out.push(self.request("ACK", cseq, &branch, ports, None));
            }
            _ if status >= 200 && self.resend.as_ref().is_some_and(|resend| resend.method == method) => {
                self.resend = None;
            }
            _ => {}
        }
    }

    fn on_invite_response(&mut self, status: u16, message: &Message, ports: &mut Ports<'_>) {
        self.stop_resend("INVITE");
        if let Some(address) = sip::media_address(&message.body) {
            self.media.remote = Some(address);
        }
        match status {
            100..200 => {
                if !self.provisional && self.cancel_wanted {
                    self.cancel(ports);
                }
                self.provisional = true;
                if matches!(status, 180 | 183) && self.state == LegState::Calling {
                    self.state = LegState::Ringing;
                }
            }
            200..300 => {
                self.remote = message.header("To").unwrap_or_default().to_owned();
                if let Some(contact) = message.header("Contact") {
                    self.target = sip::uri_of(contact).to_owned();
                }
                let branch = format!("z9hG4bK{}", token());
                ports.out.push(self.request("ACK", 1, &branch, ports, None));
                if !self.confirmed {
                    self.confirmed = true;
                    self.state = LegState::Up;
                    self.moments.up = Some(ports.now);
                    if self.cancel_wanted {
                        self.hang_up(ports);
                    }
                }
            }
            _ => {
                self.remote = message.header("To").unwrap_or_default().to_owned();
                ports
                    .out
                    .push(self.request("ACK", 1, &self.invite_branch, ports, None));
                if self.alive() {
                    let reason = message.header("Reason").unwrap_or_default();
                    self.end(self.cancel_wanted, status, reason, ports.now);
                }
            }
        }
    }

    /// A request of this dialog arrived.
    pub(super) fn on_request(&mut self, message: &Message, ports: &mut Ports<'_>) {
        let method = message.method().unwrap_or_default();
        let key = format!("{method} {}", message.branch());
        if let Some((_, response)) = self.responses.iter().find(|(k, _)| *k == key) {
            ports.out.push(response.clone());
            return;
        }
        match method {
            "ACK" => {
                self.stop_resend("answer");
                self.confirmed = true;
                if std::mem::take(&mut self.bye_wanted) {
                    self.bye(ports);
                }
            }
            "BYE" => {
                self.respond(message, "200 OK", None, ports);
                self.stop_resend("answer");
                if self.alive() {
                    self.end(
                        false,
                        200,
                        message.header("Reason").unwrap_or_default(),
                        ports.now,
                    );
                }
            }
            "CANCEL" => {
                self.respond(message, "200 OK", None, ports);
                if self.rings() {
                    self.respond_invite("487 Request Terminated", None, ports);
                    self.end(
                        false,
                        487,
                        message.header("Reason").unwrap_or_default(),
                        ports.now,
                    );
                }
            }
            "INVITE" | "UPDATE" => {
                if let Some(address) = sip::media_address(&message.body) {
                    self.media.remote = Some(address);
                }
                let sdp = (method == "INVITE" || !message.body.is_empty()).then(|| self.describe(ports));
                self.respond(message, "200 OK", sdp.as_deref(), ports);
            }
            "NOTIFY" => {
                let event = message.header("Event").unwrap_or_default().to_owned();
                if event.starts_with("refer") {
                    return self.respond(message, "200 OK", None, ports);
                }
                let known = event == TALK && !self.ignores;
                self.notified.push(event);
                let status = if known { "200 OK" } else { "489 Bad Event" };
                self.respond(message, status, None, ports);
                if known {
                    self.hold(false, ports);
                }
            }
            _ => self.respond(message, "200 OK", None, ports),
        }
    }

    /// Time passed: sends again what is due.
    pub(super) fn tick(&mut self, ports: &mut Ports<'_>) {
        let Some(resend) = self.resend.as_mut().filter(|resend| resend.next <= ports.now) else {
            return;
        };
        if resend.until <= ports.now {
            self.resend = None;
            if self.alive() {
                self.end(false, 408, "", ports.now);
            }
            return;
        }
        resend.interval = (resend.interval * 2).min(T2);
        resend.next = ports.now + resend.interval;
        ports.out.push(resend.datagram.clone());
    }

    fn rings(&self) -> bool {
        self.direction == Direction::Incoming && self.state == LegState::Ringing
    }

    fn end(&mut self, by_us: bool, status: u16, reason: &str, now: Instant) {
        self.state = LegState::Over(End {
            by_us,
            status,
            reason: reason.to_owned(),
        });
        self.moments.over = Some(now);
    }

    fn describe(&mut self, ports: &Ports<'_>) -> String {
        self.sdp_version += 1;
        sip::describe(ports.rtp, self.sdp_version, self.holds)
    }

    fn bye(&mut self, ports: &mut Ports<'_>) {
        self.cseq += 1;
        let branch = format!("z9hG4bK{}", token());
        let datagram = self.request("BYE", self.cseq, &branch, ports, None);
        self.send_until_answered("BYE", datagram, ports);
    }

    fn cancel(&mut self, ports: &mut Ports<'_>) {
        let datagram = self.request("CANCEL", 1, &self.invite_branch, ports, None);
        self.send_until_answered("CANCEL", datagram, ports);
    }

    fn request(
        &self,
        method: &str,
        cseq: u32,
        branch: &str,
        ports: &Ports<'_>,
        sdp: Option<&str>,
    ) -> Vec<u8> {
        self.builder(method, cseq, branch, ports).body(sdp)
    }

    fn builder(&self, method: &str, cseq: u32, branch: &str, ports: &Ports<'_>) -> Builder {
        let mut request = Builder::new(&format!("{method} {} SIP/2.0", self.target))
            .header("Via", &format!("SIP/2.0/UDP {};branch={branch};rport", ports.sip))
            .header("Max-Forwards", "70")
            .header("From", &self.local)
            .header("To", &self.remote)
            .header("Call-ID", &self.call_id)
            .header("CSeq", &format!("{cseq} {method}"))
            .header("Contact", &format!("<sip:{}@{}>", self.phone, ports.sip));
        if let Some(line) = &self.line {
            request = request.header("X-Line", line);
        }
        if let Some(replaces) = self.replaces.as_ref().filter(|_| method == "INVITE" && cseq == 1) {
            request = request.header("Replaces", replaces);
        }
        request
    }

    fn respond(&mut self, to: &Message, status: &str, sdp: Option<&str>, ports: &mut Ports<'_>) {
        let mut response = Builder::new(&format!("SIP/2.0 {status}"));
        if !self.discreet {
            response = response.header("Allow-Events", &format!("conference, {TALK}"));
        }
        let response = response
            .copy(to, "Via")
            .header("From", to.header("From").unwrap_or_default())
            .header("To", self.local_as_to(to))
            .header("Call-ID", &self.call_id)
            .header("CSeq", to.header("CSeq").unwrap_or_default())
            .header("Contact", &format!("<sip:{}@{}>", self.phone, ports.sip))
            .body(sdp);
        let key = format!("{} {}", to.method().unwrap_or_default(), to.branch());
        self.responses.retain(|(k, _)| *k != key);
        if self.responses.len() == RESPONSES {
            self.responses.pop_front();
        }
        self.responses.push_back((key, response.clone()));
        ports.out.push(response);
    }

    /// Our address in `To`: with our tag, which the first INVITE doesn't have yet.
    fn local_as_to<'a>(&'a self, to: &'a Message) -> &'a str {
        let theirs = to.header("To").unwrap_or_default();
        if sip::parameter(theirs, "tag").is_some() {
            theirs
        } else {
            &self.local
        }
    }

    /// Responds to the INVITE that began this leg; a final response is repeated until acknowledged.
    fn respond_invite(&mut self, status: &str, sdp: Option<&str>, ports: &mut Ports<'_>) {
        let Some(invite) = self.invite.take() else { return };
        self.respond(&invite, status, sdp, ports);
        self.invite = Some(invite);
        if !status.starts_with('1')
            && let Some(datagram) = ports.out.pop()
        {
            self.send_until_answered("answer", datagram, ports);
        }
    }

    fn send_until_answered(&mut self, method: &'static str, datagram: Vec<u8>, ports: &mut Ports<'_>) {
        ports.out.push(datagram.clone());
        self.resend = Some(Resend {
            datagram,
            method,
            next: ports.now + T1,
            interval: T1,
            until: ports.now + GIVE_UP,
        });
    }

    fn stop_resend(&mut self, method: &str) {
        if self.resend.as_ref().is_some_and(|resend| resend.method == method) {
            self.resend = None;
        }
    }
}
