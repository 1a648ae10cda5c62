//! The supervisor's side of the bus: what `hotlinectl` asks and shows.

pub mod accounts;
mod asks;
pub mod audit;
pub mod blacklist;
pub mod doctor;
mod place;
pub mod report;
mod rows;
pub mod store;
mod table;

use std::fmt;
use std::io;
use std::time::Duration;

use zbus::Connection;
use zbus::fdo::ManagedObjects;

use crate::dbus::alarms::AlarmRow;
use crate::dbus::{self, ERROR_PREFIX, NAME, PipeRow, ROOT};
use crate::settings::Bus;

pub use asks::{Ask, CallAsk};
pub use rows::{Agent, Alarm, Call, Callback, Node, Queue};
pub use table::{printable, table};

const MANAGER: &str = "net.hotline.Hotline1.Manager";
const ALARMS: &str = "net.hotline.Hotline1.Alarms";

/// The daemon as seen from the bus.
#[derive(Debug)]
pub struct Client {
    connection: Connection,
    bus: Bus,
    patience: Duration,
}

/// Why something could not be asked or was not done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The engine, the daemon or the bus said no: exit code 3.
    Refused(String),
    /// There is no bus, or no daemon on it: exit code 4.
    Unreachable(String),
    /// Anything else: exit code 1.
    Other(String),
}

impl Failure {
    /// What the program ends with.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Refused(_) => 3,
            Failure::Unreachable(_) => 4,
            Failure::Other(_) => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(message) => write!(f, "refused: {message}"),
            Failure::Unreachable(message) | Failure::Other(message) => f.write_str(message),
        }
    }
}

impl Client {
    /// Connects to the bus. Neither this nor any answer is waited for longer than `patience`.
    ///
    /// # Errors
    /// If it is not there.
    pub async fn connect(bus: Bus, patience: Duration) -> Result<Client, Failure> {
        let connected = tokio::time::timeout(patience, dbus::connect(&bus, patience)).await;
        match connected.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into())) {
            Ok(connection) => Ok(Client {
                connection,
                bus,
                patience,
            }),
            Err(error) => Err(Failure::Unreachable(format!(
                "cannot connect to the bus {bus}: {error}; is dbus-daemon running, or is it another bus (--bus)?"
            ))),
        }
    }

    /// The bus.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// All queues.
    ///
    /// # Errors
    /// If the daemon does not answer.
    pub async fn queues(&self) -> Result<Vec<Queue>, Failure> {
        let mut queues: Vec<Queue> = rows::collect(&self.objects().await?);
        queues.sort_by(|a, b| (&a.node, &a.name).cmp(&(&b.node, &b.name)));
        Ok(queues)
    }

    /// All agents.
    ///
    /// # Errors
    /// If the daemon does not answer.
    pub async fn agents(&self) -> Result<Vec<Agent>, Failure> {
        let mut agents: Vec<Agent> = rows::collect(&self.objects().await?);
        agents.sort_by(|a, b| (&a.node, &a.number).cmp(&(&b.node, &b.number)));
        Ok(agents)
    }

    /// All calls in progress, longest first.
    ///
    /// # Errors
    /// If the daemon does not answer.
    pub async fn calls(&self) -> Result<Vec<Call>, Failure> {
        let reply = self.call(ROOT, MANAGER, "ListCalls", &()).await;
        let rows: Vec<rows::CallRow> = reply.map_err(|error| self.failure(error))?;
        Ok(rows.into_iter().map(Call::from).collect())
    }

    /// All alarms that are on, worst first.
    ///
    /// # Errors
    /// If the daemon does not answer.
    pub async fn alarms(&self) -> Result<Vec<Alarm>, Failure> {
        let reply = self.call(ROOT, ALARMS, "List", &()).await;
        let rows: Vec<AlarmRow> = reply.map_err(|error| self.failure(error))?;
        Ok(rows.into_iter().map(Alarm::from).collect())
    }

    /// All callers who are owed a call, longest first.
    ///
    /// # Errors
    /// If the daemon does not answer.
    pub async fn callbacks(&self) -> Result<Vec<Callback>, Failure> {
        let reply = self.call(ROOT, MANAGER, "ListCallbacks", &()).await;
        let rows: Vec<rows::CallbackRow> = reply.map_err(|error| self.failure(error))?;
        Ok(rows.into_iter().map(Callback::from).collect())
    }

    /// All nodes.
    ///
    /// # Errors
    /// If the daemon does not answer.
    pub async fn nodes(&self) -> Result<Vec<Node>, Failure> {
        let body = (MANAGER, "Nodes");
        let reply = self
            .call(ROOT, "org.freedesktop.DBus.Properties", "Get", &body)
            .await;
        let value: zbus::OwnedVariant = reply.map_err(|error| self.failure(error))?;
        let pipes = self.call(ROOT, MANAGER, "ListPipes", &()).await;
        let pipes: Vec<PipeRow> = pipes.map_err(|error| self.failure(error))?;
        rows::nodes(value, pipes).map_err(|error| self.failure(error))
    }

    async fn objects(&self) -> Result<ManagedObjects, Failure> {
        let reply = self
            .call(
                ROOT,
                "org.freedesktop.DBus.ObjectManager",
                "GetManagedObjects",
                &(),
            )
            .await;
        reply.map_err(|error| self.failure(error))
    }

    async fn call<R, B>(&self, path: &str, interface: &str, method: &str, body: &B) -> zbus::Result<R>
    where
        R: serde::de::DeserializeOwned + zbus::Type,
        B: serde::Serialize + zbus::wire::DynamicType,
    {
        // Whoever sits at a desktop may be asked for a password.
        let proxy = zbus::Proxy::new(&self.connection, NAME, path.to_owned(), interface.to_owned()).await?;
        let flags = zbus::proxy::MethodFlags::ALLOW_INTERACTIVE_AUTH;
        let asked = tokio::time::timeout(self.patience, proxy.call_with_flags(method, flags, body));
        match asked.await {
            Ok(reply) => reply?.ok_or(zbus::Error::InvalidReply),
            Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
        }
    }

    fn failure(&self, error: zbus::Error) -> Failure {
        let (name, message) = match &error {
            zbus::Error::FDO(error) => {
                let error: &dyn zbus::DBusError = &**error;
                (
                    error.name().to_string(),
                    error.description().unwrap_or_default().to_owned(),
                )
            }
            zbus::Error::MethodError(name, message, _) => {
                (name.to_string(), message.clone().unwrap_or_default())
            }
            zbus::Error::InputOutput(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Failure::Unreachable(format!(
                    "no answer over the bus {} within {:?}; is hotline-supervisord hung? Whether it did what was asked \
                     is not known",
                    self.bus, self.patience
                ));
            }
            other => return Failure::Other(other.to_string()),
        };
        if let Some(reason) = name.strip_prefix(ERROR_PREFIX) {
            return match reason.strip_prefix("Refused.") {
                Some(reason) => Failure::Refused(format!("{message} ({reason})")),
                None => Failure::Other(message),
            };
        }
        match name.strip_prefix("org.freedesktop.DBus.Error.") {
            Some("ServiceUnknown" | "NameHasNoOwner" | "NoReply" | "Disconnected") => {
                Failure::Unreachable(format!(
                    "hotline-supervisord is not on the bus {}; start it (systemctl start hotline-supervisord), or \
                     name its bus with --bus",
                    self.bus
                ))
            }
            Some("AccessDenied") => Failure::Refused(format!(
                "{message}; the bus's policy forbids it: is /usr/share/dbus-1/system.d/net.hotline.Hotline1.conf the one of this version?"
            )),
            _ => Failure::Other(format!("{message} ({name})")),
        }
    }
}
