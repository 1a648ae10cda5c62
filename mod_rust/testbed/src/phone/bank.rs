//! Many phones on one SIP socket, one RTP socket and three threads: listeners for each, and a clock.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::handle::Phone;
use super::leg::{Asks, Direction, Leg, LegState, Plan, Ports};
use super::load::{Auto, LegRecord};
use super::sip::{Builder, Message};
use super::tone::Tone;

/// How long a wait may take before the test is told what did not happen.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// The clock's step. Legs speak every fourth step, a quarter of them at each.
const STEP: Duration = Duration::from_millis(5);

/// An ended leg that nobody steers answers retransmissions for so long.
const LINGER: Duration = Duration::from_secs(5);

/// Phones, and legs at once, that one bank takes.
const MAX_LEGS: usize = 20_000;

/// Phones on one SIP and one RTP socket on loopback. All of them talk to one PBX.
pub struct PhoneBank {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

pub(super) struct Shared {
    sip: UdpSocket,
    rtp: UdpSocket,
    sip_address: SocketAddr,
    rtp_address: SocketAddr,
    began: Instant,
    state: Mutex<State>,
    changed: Condvar,
    stop: AtomicBool,
}

/// Where a leg stands in [`State::legs`]. Never reused.
pub(super) type LegId = u64;

#[derive(Default)]
pub(super) struct State {
    pub(super) pbx: Option<SocketAddr>,
    pub(super) phones: HashMap<String, PhoneState>,
    pub(super) legs: HashMap<LegId, Leg>,
    by_call_id: HashMap<String, LegId>,
    by_media: HashMap<SocketAddr, LegId>,
    last_leg: LegId,
    /// Waits that look at audio: only then every packet is worth waking them.
    pub(super) listeners: usize,
    pub(super) records: Vec<LegRecord>,
    pub(super) records_lost: u64,
    out: Vec<Vec<u8>>,
}

pub(super) struct PhoneState {
    pub(super) number: String,
    pub(super) line: Option<String>,
    /// Whose place its next call takes.
    pub(super) replaces: Option<String>,
    pub(super) tone: Tone,
    /// Tones that its calls make a story of.
    pub(super) follow: Vec<Tone>,
    pub(super) plugged: bool,
    pub(super) lines: usize,
    pub(super) auto: Option<Auto>,
    pub(super) legs: Vec<LegId>,
    pub(super) offered: u64,
}

impl PhoneBank {
    /// Opens the sockets and starts the threads. No phone can call before [`PhoneBank::connect`].
    ///
    /// # Errors
    /// No socket or no thread to be had.
    pub fn open() -> Result<PhoneBank> {
        let sip = socket().context("opening a SIP socket on loopback")?;
        let rtp = socket().context("opening an RTP socket on loopback")?;
        let shared = Arc::new(Shared {
            sip_address: sip.local_addr()?,
            rtp_address: rtp.local_addr()?,
            sip,
            rtp,
            began: Instant::now(),
            state: Mutex::default(),
            changed: Condvar::new(),
            stop: AtomicBool::new(false),
        });
        let mut bank = PhoneBank {
            shared,
            threads: Vec::new(),
        };
        bank.spawn("phones-sip", Shared::listen_sip)?;
        bank.spawn("phones-rtp", Shared::listen_rtp)?;
        bank.spawn("phones-clock", Shared::clock)?;
        Ok(bank)
    }

    fn spawn(&mut self, name: &str, body: fn(&Shared)) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        self.threads.push(
            std::thread::Builder::new()
                .name(name.into())
                .spawn(move || body(&shared))?,
        );
        Ok(())
    }

    /// The PBX that all phones talk to.
    pub fn connect(&self, pbx: SocketAddr) {
        self.shared.lock().pbx = Some(pbx);
    }

    /// Where the PBX reaches the phones: `sip:PHONE@ADDRESS`.
    pub fn sip_address(&self) -> SocketAddr {
        self.shared.sip_address
    }

    /// Adds a phone that the PBX knows by `user`, and that rings until it is told what to do. It speaks with a
    /// tone of its own, as long as there are no more than [`Tone::COUNT`].
    pub fn phone(&self, user: &str) -> Phone {
        self.add(user, user, None, None)
    }

    /// Adds a caller: a phone that comes in over the PBX's line `line`, and calls as `number`.
    pub fn caller(&self, line: &str, number: &str) -> Phone {
        self.add(number, number, Some(line), None)
    }

    /// Adds a phone that answers and hangs up by itself.
    pub fn auto_phone(&self, user: &str, auto: Auto) {
        self.add(user, user, None, Some(auto));
    }

    fn add(&self, user: &str, number: &str, line: Option<&str>, auto: Option<Auto>) -> Phone {
        let mut state = self.shared.lock();
        let tone = auto
            .as_ref()
            .map_or_else(|| Tone::nth(state.phones.len()), |auto| auto.tone);
        let phone = PhoneState {
            number: number.to_owned(),
            line: line.map(str::to_owned),
            replaces: None,
            tone,
            follow: Vec::new(),
            plugged: true,
            lines: 1,
            auto,
            legs: Vec::new(),
            offered: 0,
        };
        state.phones.insert(user.to_owned(), phone);
        Phone::new(Arc::clone(&self.shared), user.to_owned(), tone)
    }

    /// The records of the unsteered legs that ended since the last time of asking.
    pub fn take_records(&self) -> Vec<LegRecord> {
        std::mem::take(&mut self.shared.lock().records)
    }

    /// Records that were dropped because nobody took them.
    pub fn records_lost(&self) -> u64 {
        self.shared.lock().records_lost
    }

    /// Legs that have not ended.
    pub fn legs(&self) -> usize {
        self.shared.lock().legs.values().filter(|leg| leg.alive()).count()
    }

    /// Waits until no leg is left, or until `limit` has passed; says how many are left.
    pub fn drain(&self, limit: Duration) -> usize {
        let deadline = Instant::now() + limit;
        let mut state = self.shared.lock();
        loop {
            let left = state.legs.values().filter(|leg| !leg.settled()).count();
            let now = Instant::now();
            if left == 0 || now >= deadline {
                return left;
            }
            state = self.shared.sleep(state, deadline - now);
        }
    }

    /// Hangs up every leg.
    pub fn hang_up_all(&self) {
        self.shared.change(|state, now| {
            let ids: Vec<LegId> = state.legs.keys().copied().collect();
            for id in ids {
                self.shared.with_leg(state, id, now, Leg::hang_up);
            }
        });
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Drop for PhoneBank {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // The listeners sit in recv: a datagram from ourselves lets them look at the flag.
        let _ = self.shared.sip.send_to(&[], self.shared.sip_address);
        let _ = self.shared.rtp.send_to(&[], self.shared.rtp_address);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep<'a>(&self, state: MutexGuard<'a, State>, limit: Duration) -> MutexGuard<'a, State> {
        self.changed
            .wait_timeout(state, limit)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    pub(super) fn began(&self) -> Instant {
        self.began
    }

    /// Changes the state, sends what that gave rise to, and wakes whoever waits.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State, Instant) -> T) -> T {
        let mut state = self.lock();
        let result = change(&mut state, Instant::now());
        self.flush(&mut state);
        drop(state);
        self.changed.notify_all();
        result
    }

    /// Waits until `look` sees what it wants. `awaited` says what that is, for the message when it does not come.
    pub(super) fn wait<T>(
        &self,
        listen: bool,
        awaited: &str,
        mut look: impl FnMut(&mut State) -> Option<T>,
        saw: impl FnOnce(&State) -> String,
    ) -> Result<T> {
        let deadline = Instant::now() + DEADLINE;
        let mut state = self.lock();
        state.listeners += usize::from(listen);
        let outcome = loop {
            if let Some(found) = look(&mut state) {
                break Ok(found);
            }
            let now = Instant::now();
            if now >= deadline {
                break Err(saw(&state));
            }
            state = self.sleep(state, deadline - now);
        };
        state.listeners -= usize::from(listen);
        match outcome {
            Ok(found) => Ok(found),
            Err(saw) => bail!("waited {DEADLINE:?} in vain: {awaited}; {saw}"),
        }
    }

    /// Lets one leg act.
    pub(super) fn with_leg<T>(
        &self,
        state: &mut State,
        id: LegId,
        now: Instant,
        act: impl FnOnce(&mut Leg, &mut Ports<'_>) -> T,
    ) -> Option<T> {
        let State {
            legs,
            out,
            by_media,
            records,
            records_lost,
            ..
        } = state;
        let leg = legs.get_mut(&id)?;
        let (was_alive, had_media) = (leg.alive(), leg.media.remote);
        let mut ports = Ports {
            sip: self.sip_address,
            rtp: self.rtp_address,
            now,
            out,
        };
        let result = act(leg, &mut ports);
        // The PBX gives the port of an ended leg to another one.
        if let Some(remote) = leg
            .media
            .remote
            .filter(|remote| leg.alive() && had_media != Some(*remote))
        {
            by_media.insert(remote, id);
        }
        if was_alive && !leg.alive() && leg.plan.is_some() {
            LegRecord::of(leg, self.began).store(records, records_lost);
        }
        Some(result)
    }

    /// A phone calls `number`.
    pub(super) fn call(
        &self,
        state: &mut State,
        user: &str,
        number: &str,
        plan: Option<Plan>,
        now: Instant,
    ) -> Result<LegId> {
        let pbx = state
            .pbx
            .context("the phones have no PBX: PhoneBank::connect first")?;
        if state.legs.len() >= MAX_LEGS {
            bail!("the bank has {MAX_LEGS} legs, its maximum: open another bank");
        }
        let State { phones, out, .. } = &mut *state;
        let phone = phones.get(user).with_context(|| format!("no phone {user}"))?;
        let ports = &mut Ports {
            sip: self.sip_address,
            rtp: self.rtp_address,
            now,
            out,
        };
        let mut leg = Leg::outgoing(
            user,
            Asks {
                line: phone.line.as_deref(),
                replaces: phone.replaces.as_deref(),
            },
            &phone.number,
            number,
            pbx,
            phone.tone,
            ports,
        );
        leg.plan = plan;
        leg.media.follow.clone_from(&phone.follow);
        Ok(Shared::keep(state, leg))
    }

    fn keep(state: &mut State, leg: Leg) -> LegId {
        state.last_leg += 1;
        let id = state.last_leg;
        state.by_call_id.insert(leg.call_id.clone(), id);
        if let Some(remote) = leg.media.remote {
            state.by_media.insert(remote, id);
        }
        if let Some(phone) = state.phones.get_mut(&leg.phone) {
            phone.legs.push(id);
        }
        state.legs.insert(id, leg);
        id
    }

    fn flush(&self, state: &mut State) {
        let Some(pbx) = state.pbx else { return };
        for datagram in state.out.drain(..) {
            // Loopback loses nothing but what a full buffer drops, and retransmission makes up for that.
            let _ = self.sip.send_to(&datagram, pbx);
        }
    }

    fn listen_sip(&self) {
        let mut buffer = vec![0; 65_536];
        while let Some((length, from)) = self.receive(&self.sip, &mut buffer) {
            let Some(message) = buffer.get(..length).and_then(Message::parse) else {
                continue;
            };
            self.change(|state, now| self.on_message(state, message, from, now));
        }
    }

    fn listen_rtp(&self) {
        let mut buffer = vec![0; 2_048];
        while let Some((length, from)) = self.receive(&self.rtp, &mut buffer) {
            let mut state = self.lock();
            let Some(id) = state.by_media.get(&from).copied() else {
                continue;
            };
            let Some(leg) = state.legs.get_mut(&id) else {
                continue;
            };
            if !leg.media.receive(buffer.get(..length).unwrap_or_default()) {
                continue;
            }
            if let Some(plan) = &mut leg.plan
                && plan.heard.is_none()
                && plan.listen_for.is_some_and(|tone| leg.media.hears(tone))
            {
                plan.heard = Some(Instant::now());
                plan.patience_until = None;
            }
            let wake = state.listeners > 0;
            drop(state);
            if wake {
                self.changed.notify_all();
            }
        }
    }

    fn receive(&self, socket: &UdpSocket, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        loop {
            let received = socket.recv_from(buffer);
            if self.stop.load(Ordering::Relaxed) {
                return None;
            }
            // An error on a UDP socket is an ICMP message about a datagram sent earlier: nothing to do with this one.
            if let Ok(received) = received {
                return Some(received);
            }
        }
    }

    fn on_message(&self, state: &mut State, message: Message, from: SocketAddr, now: Instant) {
        let id = message
            .header("Call-ID")
            .and_then(|call_id| state.by_call_id.get(call_id))
            .copied();
        let Some(method) = message.method() else {
            if let Some(id) = id {
                self.with_leg(state, id, now, |leg, ports| leg.on_response(&message, ports));
            }
            return;
        };
        if let Some(id) = id {
            let plugged = state
                .legs
                .get(&id)
                .and_then(|leg| state.phones.get(&leg.phone))
                .is_some_and(|p| p.plugged);
            if plugged {
                self.with_leg(state, id, now, |leg, ports| leg.on_request(&message, ports));
            }
            return;
        }
        let user = message.target_user().to_owned();
        match (state.phones.get_mut(&user), method) {
            (Some(phone), _) if !phone.plugged => {}
            (Some(phone), "INVITE") => {
                phone.offered += 1;
                self.on_invite(state, &user, message, now);
            }
            (_, "ACK") => {}
            (Some(_), "OPTIONS" | "NOTIFY") => self.respond(&message, "200 OK", from),
            (Some(_), _) => self.respond(&message, "481 Call/Transaction Does Not Exist", from),
            (None, _) => self.respond(&message, "404 Not Found", from),
        }
    }

    fn on_invite(&self, state: &mut State, user: &str, invite: Message, now: Instant) {
        let State {
            phones, legs, out, ..
        } = &mut *state;
        let Some(phone) = phones.get_mut(user) else { return };
        let busy = phone
            .legs
            .iter()
            .filter(|id| legs.get(id).is_some_and(Leg::alive))
            .count()
            >= phone.lines;
        let ports = &mut Ports {
            sip: self.sip_address,
            rtp: self.rtp_address,
            now,
            out,
        };
        let mut leg = Leg::incoming(user, invite, phone.tone, ports);
        leg.plan = phone.auto.as_ref().map(|auto| auto.plan(now));
        leg.media.follow.clone_from(&phone.follow);
        if busy {
            leg.reject("486 Busy Here", ports);
            if leg.plan.is_some() {
                LegRecord::of(&leg, self.began).store(&mut state.records, &mut state.records_lost);
            }
        } else {
            leg.ring(ports);
        }
        Shared::keep(state, leg);
    }

    fn respond(&self, to: &Message, status: &str, from: SocketAddr) {
        let to_header = to.header("To").unwrap_or_default();
        let response = Builder::new(&format!("SIP/2.0 {status}"))
            .copy(to, "Via")
            .copy(to, "From")
            .header("To", &format!("{to_header};tag=bank"))
            .copy(to, "Call-ID")
            .copy(to, "CSeq")
            .body(None);
        let _ = self.sip.send_to(&response, from);
    }

    fn clock(&self) {
        let mut next = Instant::now();
        let mut quarter = 0;
        while !self.stop.load(Ordering::Relaxed) {
            let now = Instant::now();
            let packets = {
                let mut state = self.lock();
                let acted = self.tick(&mut state, now);
                self.flush(&mut state);
                if acted {
                    self.changed.notify_all();
                }
                quarter = (quarter + 1) % 4;
                speak(&mut state, quarter)
            };
            for (packet, to) in packets {
                let _ = self.rtp.send_to(&packet, to);
            }
            next += STEP;
            match next.checked_duration_since(Instant::now()) {
                Some(pause) => std::thread::sleep(pause),
                // Late: speak at the usual pace from now on instead of catching up.
                None => next = Instant::now(),
            }
        }
    }

    /// Carries out what is due; says whether anything was.
    fn tick(&self, state: &mut State, now: Instant) -> bool {
        let ids: Vec<LegId> = state.legs.keys().copied().collect();
        let mut acted = false;
        for id in ids {
            let Some(leg) = state.legs.get(&id) else { continue };
            if leg.plan.is_some() && leg.settled() && leg.moments.over.is_some_and(|over| now - over > LINGER)
            {
                forget(state, id);
                continue;
            }
            acted |= self.with_leg(state, id, now, follow_plan).unwrap_or(false);
        }
        acted
    }
}

/// Does what the leg's plan says for this moment; says whether that was anything.
fn follow_plan(leg: &mut Leg, ports: &mut Ports<'_>) -> bool {
    leg.tick(ports);
    if !leg.alive() {
        return false;
    }
    let due = |at: Option<Instant>| at.is_some_and(|at| at <= ports.now);
    let Some(plan) = &mut leg.plan else { return false };
    if due(plan.answer_at) {
        plan.answer_at = None;
        leg.answer(ports);
        return true;
    }
    if leg.state == LegState::Up
        && let Some(talk) = plan.talk.take()
    {
        plan.hang_up_at = Some(ports.now + talk);
    }
    if due(plan.hang_up_at) || due(plan.patience_until) {
        plan.hang_up_at = None;
        plan.patience_until = None;
        leg.hang_up(ports);
        return true;
    }
    false
}

/// The packets of every leg whose turn it is.
fn speak(state: &mut State, quarter: u64) -> Vec<(Vec<u8>, SocketAddr)> {
    state
        .legs
        .iter_mut()
        .filter(|(id, leg)| *id % 4 == quarter && leg.state == LegState::Up && !leg.media.silent)
        .filter_map(|(_, leg)| leg.media.remote.map(|remote| (leg.media.next_packet(), remote)))
        .collect()
}

/// Removes an ended leg that nobody steers; a caller's phone goes with it.
fn forget(state: &mut State, id: LegId) {
    let Some(leg) = state.legs.remove(&id) else { return };
    state.by_call_id.remove(&leg.call_id);
    if let Some(remote) = leg.media.remote
        && state.by_media.get(&remote) == Some(&id)
    {
        state.by_media.remove(&remote);
    }
    if let Some(phone) = state.phones.get_mut(&leg.phone) {
        phone.legs.retain(|other| *other != id);
        if leg.direction == Direction::Outgoing && phone.legs.is_empty() {
            state.phones.remove(&leg.phone);
        }
    }
}

/// A UDP socket on a free port of loopback, with as large a buffer as the system lets it have.
fn socket() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket2::SockRef::from(&socket).set_recv_buffer_size(4 << 20)?;
    Ok(socket)
}
