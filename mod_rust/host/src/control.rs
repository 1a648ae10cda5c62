//! The control socket: one listener, a reader and a writer per client. A slow or hung client harms only itself.

use std::collections::BTreeMap;
use std::io::{self, BufReader};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hotline_spool::Shelf;
use hotline_wire::command::MAX_TEXT;
use hotline_wire::frame::{NodeHello, PipeInfo, Resume};
use hotline_wire::line::{self, LineError};
use hotline_wire::{Command, FromClient, FromNode, MAX_CLIENT_LINE, Outcome, PROTOCOL, Refusal, Snapshot};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};

use crate::log::{ClientId, EventLog};
use crate::pbx::{Level, Pbx};
use crate::runner::Reply;
use crate::story::{self, Teller};

/// Most clients at once.
const CLIENTS: usize = 64;
/// Most commands of one client without an answer.
const COMMANDS: usize = 256;
/// How long a client may take to read, or to say hello.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the control socket needs of the rest of the host.
pub(crate) trait Node: Send + Sync + 'static {
    /// The hello line's content, ranges aside.
    fn identity(&self) -> NodeHello;
    /// Microseconds since the Unix epoch.
    fn now(&self) -> u64;
    fn snapshot(&self) -> Option<Snapshot>;
    /// How events fare on their way.
    fn pipe(&self) -> PipeInfo;
    fn command(&self, author: &str, command: Command, reply: Reply);
}

/// The listening socket; dropping it ends all clients and removes the socket file.
pub(crate) struct Control {
    path: PathBuf,
    shared: Arc<Shared>,
    stop: Arc<OwnedFd>,
    listener: Option<JoinHandle<()>>,
}

struct Shared {
    node: Arc<dyn Node>,
    log: Arc<EventLog>,
    /// The boots before, if they are held.
    shelf: Option<Shelf>,
    pbx: Arc<dyn Pbx>,
    clients: Mutex<BTreeMap<u64, Client>>,
    /// Further clients are being refused, and that has been said.
    at_limit: AtomicBool,
}

/// A client's thread. It stays listed until joined, so that none is left running when the module is unloaded.
struct Client {
    /// For hanging up on it; gone once the reader is done.
    stream: Option<UnixStream>,
    reader: JoinHandle<()>,
}

impl Control {
    /// Binds and begins to serve.
    ///
    /// # Errors
    /// The folder is missing and cannot be made, another node listens there, or the system says no.
    pub(crate) fn listen(
        path: &Path,
        mode: u32,
        node: Arc<dyn Node>,
        log: Arc<EventLog>,
        shelf: Option<Shelf>,
        pbx: Arc<dyn Pbx>,
    ) -> io::Result<Control> {
        let listener = bind(path, mode)?;
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?);
        let shared = Arc::new(Shared {
            node,
            log,
            shelf,
            pbx,
            clients: Mutex::default(),
            at_limit: AtomicBool::new(false),
        });
        let thread = {
            let (shared, stop) = (Arc::clone(&shared), Arc::clone(&stop));
            thread::Builder::new()
                .name("hotline-control".into())
                .spawn(move || shared.accept(&listener, &stop))?
        };
        Ok(Control {
            path: path.to_owned(),
            shared,
            stop,
            listener: Some(thread),
        })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // An eventfd takes one number without fail.
        let _ = rustix::io::write(&*self.stop, &1u64.to_ne_bytes());
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
        let clients = std::mem::take(&mut *self.shared.clients());
        for stream in clients.values().filter_map(|client| client.stream.as_ref()) {
            // It may have hung up itself.
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        for client in clients.into_values() {
            let _ = client.reader.join();
        }
        // A file that is gone already is as good.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn bind(path: &Path, mode: u32) -> io::Result<UnixListener> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(named)?;
    }
    match UnixStream::connect(path) {
        Ok(_) => {
            let message = "another node listens there; give each its own [control] socket";
            return Err(named(io::Error::new(io::ErrorKind::AddrInUse, message)));
        }
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            // Left behind by a node that was killed.
            std::fs::remove_file(path).map_err(named)?;
        }
        Err(_) => {}
    }
    let listener = UnixListener::bind(path).map_err(named)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(named)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

impl Shared {
    fn clients(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Client>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: &Arc<Self>, listener: &UnixListener, stop: &OwnedFd) {
        let mut number = 0;
        loop {
            let (listening, stopping) = (listener.as_fd(), stop.as_fd());
            let mut fds = [
                PollFd::new(&listening, PollFlags::IN),
                PollFd::new(&stopping, PollFlags::IN),
            ];
            match poll(&mut fds, None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => {
                    self.pbx
                        .log(Level::Error, &format!("the control socket failed: {error}"));
                    return;
                }
            }
            if !fds[1].revents().is_empty() {
                return;
            }
            match listener.accept() {
                Ok((stream, _)) => {
                    number += 1;
                    if let Err(error) = self.admit(number, stream) {
                        self.pbx.log(
                            Level::Warning,
                            &format!("a control client could not be served: {error}"),
                        );
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => {
                    // Out of descriptors, most likely: the client waits in the backlog, so don't spin.
                    self.pbx.log(
                        Level::Warning,
                        &format!("a control client could not be accepted: {error}"),
                    );
                    thread::sleep(Duration::from_millis(200));
                }
            }
        }
    }

    fn admit(self: &Arc<Self>, number: u64, stream: UnixStream) -> io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut clients = self.clients();
        for (_, done) in clients.extract_if(.., |_, client| client.reader.is_finished()) {
            // It has said what went wrong, if anything did.
            let _ = done.reader.join();
        }
        if clients.len() < CLIENTS {
            self.at_limit.store(false, Ordering::Relaxed);
        } else {
            drop(clients);
            if !self.at_limit.swap(true, Ordering::Relaxed) {
                self.pbx.log(
                    Level::Warning,
                    &format!("more than {CLIENTS} control clients: further ones are refused"),
                );
            }
            return line::write(
                &mut &stream,
                &error_frame(format!("the node serves {CLIENTS} clients at most")),
            );
        }
        let copy = stream.try_clone()?;
        let shared = Arc::clone(self);
        // The lock is held until the client is listed, so it cannot leave before.
        let reader = thread::Builder::new()
            .name("hotline-client".into())
            .spawn(move || {
                shared.serve(&stream);
                if let Some(client) = shared.clients().get_mut(&number) {
                    client.stream = None;
                }
            })?;
        clients.insert(
            number,
            Client {
                stream: Some(copy),
                reader,
            },
        );
        Ok(())
    }

    /// One client's reader, to its end.
    fn serve(self: &Arc<Self>, stream: &UnixStream) {
        let mut greeted = None;
        if let Err(error) = self.converse(stream, &mut greeted) {
            let who = greeted.as_deref().unwrap_or("a control client");
            self.pbx
                .log(Level::Notice, &format!("{who} was dropped: {error}"));
            // It may be gone already.
            let _ = line::write(&mut &*stream, &error_frame(error.to_string()));
        }
        let _ = stream.shutdown(std::net::Shutdown::Both);
    }

    fn converse(
        self: &Arc<Self>,
        stream: &UnixStream,
        greeted: &mut Option<String>,
    ) -> Result<(), LineError> {
        let mut from = BufReader::new(stream);
        let mut buffer = Vec::new();
        stream.set_read_timeout(Some(PATIENCE))?;
        let Some(hello) = line::read_at_most(&mut from, &mut buffer, MAX_CLIENT_LINE)? else {
            return Ok(());
        };
        let FromClient::Hello {
            protocol,
            client,
            resume,
            durable,
        } = hello
        else {
            return refuse("the first line must be a hello".to_owned());
        };
        if protocol != PROTOCOL {
            return refuse(format!(
                "this node speaks protocol {PROTOCOL}, not {protocol}; use matching versions"
            ));
        }
        stream.set_read_timeout(None)?;
        if client.len() > MAX_TEXT {
            return refuse(format!("the client's name is longer than {MAX_TEXT} bytes"));
        }
        let identity = self.node.identity();
        let present = (identity.boot.as_str(), self.log.boot());
        let stored = story::stored(resume.as_ref(), present, self.shelf.as_ref());
        let (id, given_up) = self.log.enter(durable.then_some((client.as_str(), stored)));
        if let Some(name) = given_up {
            let message = format!("events are kept no more for {name}, which has been away for longest");
            self.pbx.log(Level::Warning, &message);
        }
        self.pbx.log(Level::Debug, &format!("{client} is connected"));
        *greeted = Some(client.clone());
        let writer = {
            let (shared, stream) = (Arc::clone(self), stream.try_clone()?);
            thread::Builder::new()
                .name("hotline-writer".into())
                .spawn(move || {
                    let teller = Teller::new(&*shared.node, &shared.log, shared.shelf.as_ref(), id, &stream);
                    let ended = teller.tell(resume.as_ref(), durable);
                    let _ = stream.shutdown(std::net::Shutdown::Both);
                    ended
                })
        };
        let result = writer.map_err(LineError::from).and_then(|writer| {
            let read = self.listen_to(&mut from, &mut buffer, id, durable.then_some(client.as_str()));
            self.log.leave(id);
            match (read, writer.join()) {
                (Err(error), _) => Err(error),
                (Ok(()), Ok(Err(error))) if error.kind() == io::ErrorKind::WouldBlock => {
                    refuse(format!("it read nothing for {} s", PATIENCE.as_secs()))
                }
                (Ok(()), _) => Ok(()),
            }
        });
        self.log.leave(id);
        result
    }

    fn listen_to(
        &self,
        from: &mut BufReader<&UnixStream>,
        buffer: &mut Vec<u8>,
        id: ClientId,
        durable: Option<&str>,
    ) -> Result<(), LineError> {
        let outstanding = Arc::new(AtomicUsize::new(0));
        let identity = self.node.identity();
        loop {
            match line::read_at_most(from, buffer, MAX_CLIENT_LINE) {
                Ok(None) => return Ok(()),
                Ok(Some(FromClient::Hello { .. })) => return refuse("a second hello".to_owned()),
                Ok(Some(FromClient::Ack { boot, seq })) => {
                    if let Some(name) = durable {
                        let resume = Some(&Resume { boot, seq });
                        let present = (identity.boot.as_str(), self.log.boot());
                        self.log
                            .stored(name, story::stored(resume, present, self.shelf.as_ref()));
                    }
                }
                Ok(Some(FromClient::Command {
                    id: name,
                    author,
                    command,
                })) => {
                    if name.len().max(author.len()) > MAX_TEXT {
                        return refuse(format!(
                            "id or author of a command is longer than {MAX_TEXT} bytes"
                        ));
                    }
                    let reply = self.replier(id, name, Arc::clone(&outstanding));
                    self.command(&author, command, reply, &outstanding);
                }
                Err(LineError::Io(error)) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn replier(&self, client: ClientId, id: String, outstanding: Arc<AtomicUsize>) -> Reply {
        outstanding.fetch_add(1, Ordering::Relaxed);
        let log = Arc::clone(&self.log);
        let mut open = true;
        Box::new(move |outcome| {
            // A pending command waits for a call's end and does not count any more.
            if std::mem::take(&mut open) {
                outstanding.fetch_sub(1, Ordering::Relaxed);
            }
            let frame = FromNode::Reply {
                id: id.clone(),
                outcome,
            };
            if let Ok(line) = line::encode(&frame) {
                log.reply(client, line.into());
            }
        })
    }

    fn command(&self, author: &str, command: Command, mut reply: Reply, outstanding: &AtomicUsize) {
        if outstanding.load(Ordering::Relaxed) > COMMANDS {
            let message = format!("more than {COMMANDS} commands wait for an answer");
            reply(Outcome::Refused {
                reason: Refusal::Unavailable,
                message,
            });
        } else {
            self.node.command(author, command, reply);
        }
    }
}

fn error_frame(message: String) -> FromNode {
    FromNode::Error { message }
}

fn refuse(why: String) -> Result<(), LineError> {
    Err(LineError::Io(io::Error::new(io::ErrorKind::InvalidData, why)))
}
