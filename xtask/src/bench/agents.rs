//! The agents' phones of a measurement: one UDP socket answers for all of them, writes down when each INVITE came in,
//! and hangs up after the agreed time. There is no audio, and nothing here can be told what it is measured with.

use anyhow::{Context, Result};
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

/// From ringing to answering.
const ANSWER_AFTER: Duration = Duration::from_millis(100);
/// What was not confirmed is sent again after this time (T1 of SIP).
const RESEND: Duration = Duration::from_millis(500);
/// Nothing is sent more often than this.
const RESENDS: u32 = 7;
/// A leg that ended answers retransmissions for so long.
const LINGER: Duration = Duration::from_secs(5);
/// Offers kept between two calls of [`Agents::take`]; more are a mistake in the measurement.
const MAX_OFFERS: usize = 1_000_000;

/// One INVITE at one agent's phone, and what became of it.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    /// The agent's name, the user part of the address.
    pub(super) agent: String,
    /// The caller's number, as the PBX passes it on.
    pub(super) caller: String,
    /// When the INVITE arrived.
    pub(super) invited: Instant,
    /// The same by the clock on the wall, to be compared with what another process noted.
    pub(super) invited_wall: SystemTime,
    /// When the PBX confirmed that the agent answered.
    pub(super) answered: Option<Instant>,
    /// When the agent was free again.
    pub(super) freed: Option<Instant>,
    /// The agent had another call already.
    pub(super) collided: bool,
}

/// All agents' phones. Dropping them closes the socket.
pub(super) struct Agents {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    talk: Duration,
    offers: Vec<Offer>,
    legs: HashMap<String, Leg>,
    busy: HashMap<String, String>,
    /// Legs so far. Tags and branches count it: a PBX takes one that it has seen for a retransmission.
    count: u64,
}

/// One call at one phone. By its Call-ID in [`State::legs`].
struct Leg {
    offer: usize,
    count: u64,
    agent: String,
    /// The headers that a response to the latest INVITE repeats.
    echo: String,
    from: String,
    to: String,
    contact: String,
    peer: SocketAddr,
    step: Step,
    due: Instant,
    sent: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Ringing,
    /// 200 sent, ACK awaited.
    Answered,
    Talking,
    /// BYE sent, 200 awaited.
    Leaving,
    Over,
}

impl Agents {
    /// Opens the socket and starts to answer.
    pub(super) fn open() -> Result<Self> {
        let socket =
            UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot open a UDP socket on loopback")?;
        let address = socket.local_addr()?;
        let shared = Arc::<Shared>::default();
        let its = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("agents".into())
            .spawn(move || serve(&socket, &its))?;
        Ok(Self {
            address,
            shared,
            thread: Some(thread),
        })
    }

    /// Where the PBX reaches all of them.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How long agents talk from now on.
    pub(super) fn set_talk(&self, talk: Duration) {
        self.shared.lock().talk = talk;
    }

    /// The offers since the last time of asking.
    pub(super) fn take(&self) -> Vec<Offer> {
        let mut state = self.shared.lock();
        state.legs.clear();
        state.busy.clear();
        std::mem::take(&mut state.offers)
    }
}

impl Drop for Agents {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The phones' only thread: a datagram or the next deadline, whichever comes first.
fn serve(socket: &UdpSocket, shared: &Shared) {
    const IDLE: Duration = Duration::from_millis(100);
    let Ok(own) = socket.local_addr() else { return };
    let mut buffer = vec![0; 65_536];
    while !shared.stop.load(Ordering::Relaxed) {
        let next = shared.lock().act(Instant::now(), socket, own);
        let wait = next.map_or(IDLE, |next| {
            next.saturating_duration_since(Instant::now()).min(IDLE)
        });
        // Zero would mean for ever.
        if socket
            .set_read_timeout(Some(wait.max(Duration::from_micros(50))))
            .is_err()
        {
            return;
        }
        let Ok((length, peer)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        let (now, wall) = (Instant::now(), SystemTime::now());
        if let Ok(text) = std::str::from_utf8(&buffer[..length])
            && let Some(message) = Message::parse(text)
        {
            shared.lock().receive(&message, peer, now, wall, socket);
        }
    }
}

impl State {
    /// Does what is due; returns when the next thing is.
    fn act(&mut self, now: Instant, socket: &UdpSocket, own: SocketAddr) -> Option<Instant> {
        for (call_id, leg) in &mut self.legs {
            if leg.due > now {
                continue;
            }
            match leg.step {
                Step::Ringing | Step::Answered if leg.sent < RESENDS => {
                    send(socket, leg.peer, &leg.response("200 OK", own));
                    leg.step = Step::Answered;
                    leg.sent += 1;
                    leg.due = now + RESEND;
                }
                Step::Talking | Step::Leaving if leg.sent < RESENDS => {
                    send(socket, leg.peer, &leg.bye(call_id, own));
                    if leg.step == Step::Talking {
                        leg.step = Step::Leaving;
                        // Free as seen from the agent: the moment of hanging up.
                        self.busy.remove(&leg.agent);
                        if let Some(offer) = self.offers.get_mut(leg.offer) {
                            offer.freed = Some(Instant::now());
                        }
                    }
                    leg.sent += 1;
                    leg.due = now + RESEND;
                }
                _ => leg.end(now, &mut self.busy),
            }
        }
        self.legs.retain(|_, leg| leg.step != Step::Over || leg.due > now);
        self.legs.values().map(|leg| leg.due).min()
    }

    fn receive(
        &mut self,
        message: &Message<'_>,
        peer: SocketAddr,
        now: Instant,
        wall: SystemTime,
        socket: &UdpSocket,
    ) {
        let Some(call_id) = message.header("Call-ID") else {
            return;
        };
        let Ok(own) = socket.local_addr() else { return };
        let Some(method) = message.method() else {
            // The only request of ours is a BYE.
            if let Some(leg) = self.legs.get_mut(call_id)
                && leg.step == Step::Leaving
                && message.is_final()
            {
                leg.end(now, &mut self.busy);
            }
            return;
        };
        match method {
            "INVITE" => self.invited(call_id, message, peer, now, wall, socket, own),
            "ACK" => {
                let talk = self.talk;
                if let Some(leg) = self.legs.get_mut(call_id)
                    && leg.step == Step::Answered
                {
                    leg.step = Step::Talking;
                    leg.sent = 0;
                    leg.due = now + talk;
                    if let Some(offer) = self.offers.get_mut(leg.offer) {
                        offer.answered = Some(now);
                    }
                }
            }
            "BYE" | "CANCEL" => {
                send(socket, peer, &message.response("200 OK", ""));
                if let Some(leg) = self.legs.get_mut(call_id) {
                    if method == "CANCEL" {
                        send(socket, peer, &leg.response("487 Request Terminated", own));
                    }
                    if let Some(offer) = self.offers.get_mut(leg.offer)
                        && offer.freed.is_none()
                    {
                        offer.freed = Some(now);
                    }
                    leg.end(now, &mut self.busy);
                }
            }
            _ => send(socket, peer, &message.response("200 OK", "")),
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one datagram and the two clocks read for it"
    )]
    fn invited(
        &mut self,
        call_id: &str,
        message: &Message<'_>,
        peer: SocketAddr,
        now: Instant,
        wall: SystemTime,
        socket: &UdpSocket,
        own: SocketAddr,
    ) {
        if let Some(leg) = self.legs.get_mut(call_id) {
            // Retransmitted, or the session is renegotiated: the answer is the same.
            leg.echo = message.echo();
            if leg.step != Step::Ringing {
                send(socket, peer, &leg.response("200 OK", own));
            }
            return;
        }
        if self.offers.len() >= MAX_OFFERS {
            send(socket, peer, &message.response("503 Too Many Offers", ""));
            return;
        }
        let agent = message.target().to_owned();
        let collided = self.busy.contains_key(&agent);
        let from = message.header("From").unwrap_or_default();
        self.offers.push(Offer {
            agent: agent.clone(),
            caller: user_of(from).to_owned(),
            invited: now,
            invited_wall: wall,
            answered: None,
            freed: None,
            collided,
        });
        if collided {
            send(socket, peer, &message.response("486 Busy Here", ""));
            return;
        }
        self.count += 1;
        let leg = Leg {
            offer: self.offers.len() - 1,
            count: self.count,
            agent: agent.clone(),
            echo: message.echo(),
            from: from.to_owned(),
            to: message.header("To").unwrap_or_default().to_owned(),
            contact: address_of(message.header("Contact").unwrap_or_default()).to_owned(),
            peer,
            step: Step::Ringing,
            due: now + ANSWER_AFTER,
            sent: 0,
        };
        send(socket, peer, &leg.response("180 Ringing", own));
        self.busy.insert(agent, call_id.to_owned());
        self.legs.insert(call_id.to_owned(), leg);
    }
}

impl Leg {
    fn end(&mut self, now: Instant, busy: &mut HashMap<String, String>) {
        if self.step != Step::Over {
            if self.step != Step::Leaving {
                busy.remove(&self.agent);
            }
            self.step = Step::Over;
            self.due = now + LINGER;
        }
    }

    /// The tag that makes the dialog.
    fn tag(&self) -> String {
        format!("a{}", self.count)
    }

    fn response(&self, status: &str, own: SocketAddr) -> String {
        let (to, tag, agent, echo) = (&self.to, self.tag(), &self.agent, &self.echo);
        let to = if to.contains(";tag=") {
            to.clone()
        } else {
            format!("{to};tag={tag}")
        };
        let head = format!("SIP/2.0 {status}\r\n{echo}To: {to}\r\nContact: <sip:{agent}@{own}>\r\n");
        if !status.starts_with("200") {
            return format!("{head}Content-Length: 0\r\n\r\n");
        }
        let (ip, port) = (own.ip(), own.port());
        // The address is real, so that nobody is told that it is not; what comes there is no SIP and dropped.
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n\
             a=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"
        );
        format!(
            "{head}Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
            sdp.len()
        )
    }

    fn bye(&self, call_id: &str, own: SocketAddr) -> String {
        let (contact, tag, to, from, count) = (&self.contact, self.tag(), &self.to, &self.from, self.count);
        format!(
            "BYE {contact} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKb{count};rport\r\nMax-Forwards: 70\r\n\
             From: {to};tag={tag}\r\nTo: {from}\r\nCall-ID: {call_id}\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n"
        )
    }
}

fn send(socket: &UdpSocket, peer: SocketAddr, text: &str) {
    // What a full buffer drops is sent again by the timers of either side.
    let _ = socket.send_to(text.as_bytes(), peer);
}

/// A SIP message, as far as an agent's phone reads it.
struct Message<'a> {
    start: &'a str,
    headers: Vec<(&'a str, &'a str)>,
}

impl<'a> Message<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let head = text.split("\r\n\r\n").next()?;
        let mut lines = head.split("\r\n");
        let start = lines.next().filter(|start| start.contains("SIP/2.0"))?;
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim(), value.trim()));
        Some(Self {
            start,
            headers: headers.collect(),
        })
    }

    /// None for a response.
    fn method(&self) -> Option<&'a str> {
        (!self.start.starts_with("SIP/2.0")).then(|| self.start.split(' ').next().unwrap_or_default())
    }

    fn is_final(&self) -> bool {
        self.start.starts_with("SIP/2.0 ") && !self.start.starts_with("SIP/2.0 1")
    }

    /// The user that a request is for.
    fn target(&self) -> &'a str {
        user_of(self.start)
    }

    fn header(&self, name: &str) -> Option<&'a str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| *value)
    }

    /// The headers that a response repeats, but for To.
    fn echo(&self) -> String {
        self.headers
            .iter()
            .filter(|(name, _)| {
                ["Via", "From", "Call-ID", "CSeq", "Record-Route"]
                    .iter()
                    .any(|one| name.eq_ignore_ascii_case(one))
            })
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect()
    }

    /// A response outside of any call that is kept.
    fn response(&self, status: &str, tag: &str) -> String {
        let to = self.header("To").unwrap_or_default();
        let tag = if to.contains(";tag=") {
            String::new()
        } else {
            format!(";tag=x{tag}")
        };
        format!(
            "SIP/2.0 {status}\r\n{}To: {to}{tag}\r\nContent-Length: 0\r\n\r\n",
            self.echo()
        )
    }
}

/// `x` of `... sip:x@host ...`; empty if there is none.
fn user_of(text: &str) -> &str {
    text.split("sip:")
        .nth(1)
        .and_then(|rest| rest.split_once('@'))
        .map_or("", |(user, _)| user)
}

/// `sip:...` of `<sip:...>;...`.
fn address_of(text: &str) -> &str {
    match text.split_once('<').and_then(|(_, rest)| rest.split_once('>')) {
        Some((address, _)) => address,
        None => text.split(';').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &str = "INVITE sip:a0007@127.0.0.1:5090 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z1\r\n\
        From: \"x\" <sip:13800000001@127.0.0.1>;tag=f1\r\nTo: <sip:a0007@127.0.0.1>\r\nContact: \
        <sip:asterisk@127.0.0.1:5060>\r\nCall-ID: c1\r\nCSeq: 7 INVITE\r\nContent-Length: 0\r\n\r\n";

    struct Pbx {
        agents: Agents,
        socket: UdpSocket,
    }

    impl Pbx {
        fn new(talk: Duration) -> Self {
            let agents = Agents::open().unwrap();
            agents.set_talk(talk);
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            Self { agents, socket }
        }

        fn send(&self, text: &str) {
            self.socket
                .send_to(text.as_bytes(), self.agents.address())
                .unwrap();
        }

        fn expect(&self, start: &str) -> String {
            let mut buffer = [0; 4096];
            let length = self.socket.recv(&mut buffer).unwrap();
            let text = String::from_utf8(buffer[..length].to_vec()).unwrap();
            assert!(text.starts_with(start), "{text}");
            text
        }
    }

    #[test]
    fn a_call_is_answered_held_for_the_agreed_time_and_ended() {
        let pbx = Pbx::new(Duration::from_millis(70));
        pbx.send(INVITE);
        pbx.expect("SIP/2.0 180");
        let ok = pbx.expect("SIP/2.0 200");
        assert!(
            ok.contains("CSeq: 7 INVITE")
                && ok.contains("m=audio")
                && ok.contains("To: <sip:a0007@127.0.0.1>;tag=")
        );
        pbx.send(&INVITE.replace("INVITE", "ACK"));
        let acked = Instant::now();
        let bye = pbx.expect("BYE sip:asterisk@127.0.0.1:5060");
        assert!(
            acked.elapsed() >= Duration::from_millis(65),
            "{:?}",
            acked.elapsed()
        );
        pbx.send(&bye.replacen(bye.lines().next().unwrap(), "SIP/2.0 200 OK", 1));
        let offers = pbx.agents.take();
        assert_eq!(offers.len(), 1);
        assert_eq!(
            (offers[0].agent.as_str(), offers[0].caller.as_str()),
            ("a0007", "13800000001")
        );
        assert!(offers[0].answered.is_some() && offers[0].freed > offers[0].answered);
    }

    #[test]
    fn a_second_call_to_a_busy_agent_is_refused_and_told() {
        let pbx = Pbx::new(Duration::from_secs(60));
        pbx.send(INVITE);
        pbx.expect("SIP/2.0 180");
        pbx.send(&INVITE.replace("c1", "c2"));
        pbx.expect("SIP/2.0 486");
        let offers = pbx.agents.take();
        assert_eq!(
            offers.iter().map(|offer| offer.collided).collect::<Vec<_>>(),
            [false, true]
        );
    }

    #[test]
    fn a_cancelled_call_frees_the_agent() {
        let pbx = Pbx::new(Duration::from_secs(60));
        pbx.send(INVITE);
        pbx.expect("SIP/2.0 180");
        pbx.send(&INVITE.replace("INVITE", "CANCEL"));
        pbx.expect("SIP/2.0 200");
        pbx.expect("SIP/2.0 487");
        let offers = pbx.agents.take();
        assert!(offers[0].freed.is_some() && offers[0].answered.is_none());
    }
}
