//! Hotline as a module of Asterisk: its life, and what it registers.
//!
//! An instance is the host, the watch over phones and the calls to those who are owed one; it exists from load to unload. Callbacks of the PBX borrow it
//! with [`instance`] and find none while the module comes or goes.

mod agent;
mod call;
mod callbacks;
mod cli;
mod consult;
mod data;
mod events;
mod greet;
mod history;
mod ivr;
mod monitor;
mod options;
mod path;
mod pbx;
mod phones;
mod recorder;
mod screen;
mod serve;
mod sounds;
mod supervisor;
mod survey;
mod table;
mod talks;

use std::ffi::CStr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use asterisk::cli::RegisteredCommand;
use asterisk::dialplan::{RegisteredApplication, RegisteredFunction, Taken};
use asterisk::{datastore, dialplan};
use hotline_host::Host;

use crate::callbacks::Callbacks;
use crate::pbx::Asterisk;
use crate::phones::Phones;
use crate::recorder::Recorder;
use crate::talks::Talks;

/// The settings unless the environment names others.
const SETTINGS: &str = "/etc/hotline/hotline.toml";
/// Names another settings file.
const SETTINGS_VARIABLE: &str = "HOTLINE_CONFIG";

/// What runs while the module is loaded.
pub(crate) struct Instance {
    pub(crate) host: Host,
    pub(crate) phones: Arc<Phones>,
    pub(crate) callbacks: Arc<Callbacks>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) talks: Arc<Talks>,
    pub(crate) settings: PathBuf,
}

/// References to the instance that are no callback's: the one below, and that of who asks.
const OURS: usize = 2;

static INSTANCE: RwLock<Option<Arc<Instance>>> = RwLock::new(None);
static REGISTERED: Mutex<Option<Registered>> = Mutex::new(None);

/// What the PBX knows of us. Taken back when dropped.
struct Registered {
    _applications: [RegisteredApplication; 8],
    _functions: [RegisteredFunction; 4],
    _commands: Vec<RegisteredCommand>,
}

impl Registered {
    fn new() -> Result<Registered, Taken> {
        Ok(Registered {
            _applications: [
                dialplan::register_application::<call::Hotline>()?,
                dialplan::register_application::<screen::HotlineScreen>()?,
                dialplan::register_application::<agent::HotlineAgent>()?,
                dialplan::register_application::<supervisor::HotlineSupervisor>()?,
                dialplan::register_application::<monitor::HotlineMonitor>()?,
                dialplan::register_application::<ivr::HotlineReturn>()?,
                dialplan::register_application::<survey::HotlineSurvey>()?,
                dialplan::register_application::<consult::HotlineConsult>()?,
            ],
            _functions: [
                dialplan::register_function::<data::HotlineData>()?,
                dialplan::register_function::<history::HotlineAgents>()?,
                dialplan::register_function::<path::HotlinePath>()?,
                dialplan::register_function::<screen::HotlineBlacklist>()?,
            ],
            _commands: cli::register()?,
        })
    }
}

/// The running instance.
pub(crate) fn instance() -> Option<Arc<Instance>> {
    INSTANCE.read().unwrap_or_else(PoisonError::into_inner).clone()
}

fn replace(instance: Option<Arc<Instance>>) -> Option<Arc<Instance>> {
    std::mem::replace(
        &mut *INSTANCE.write().unwrap_or_else(PoisonError::into_inner),
        instance,
    )
}

fn registered() -> MutexGuard<'static, Option<Registered>> {
    REGISTERED.lock().unwrap_or_else(PoisonError::into_inner)
}

struct AppHotline;

asterisk::module!(AppHotline);

impl asterisk::Module for AppHotline {
    const NAME: &'static CStr = c"app_hotline";
    const DESCRIPTION: &'static CStr = c"Hotline automatic call distributor";

    fn load() -> Result<(), String> {
        let settings: PathBuf = std::env::var_os(SETTINGS_VARIABLE)
            .unwrap_or_else(|| SETTINGS.into())
            .into();
        let phones = Phones::new();
        let talks = Arc::<Talks>::default();
        let callbacks = Callbacks::new(Arc::clone(&talks), Arc::clone(&phones));
        let recorder = Recorder::new(Arc::clone(&talks));
        let pbx = Asterisk::new(Arc::clone(&phones), Arc::clone(&callbacks), Arc::clone(&recorder));
        let host = Host::start(Arc::new(pbx), &settings)
            .map_err(|error| format!("Hotline is not loaded: {error}"))?;
        let started = phones
            .start(host.clone())
            .and_then(|()| callbacks.start(host.clone()))
            .and_then(|()| recorder.start(host.clone()))
            .and_then(|()| Registered::new().map_err(|taken| taken.to_string()));
        match started {
            Ok(all) => {
                replace(Some(Arc::new(Instance {
                    host,
                    phones,
                    callbacks,
                    recorder,
                    talks,
                    settings,
                })));
                *registered() = Some(all);
                Ok(())
            }
            Err(why) => {
                recorder.stop();
                callbacks.stop();
                phones.stop();
                host.stop();
                Err(format!("Hotline is not loaded: {why}"))
            }
        }
    }

    fn reload() -> Result<String, String> {
        let instance = instance().ok_or("Hotline is not running")?;
        instance
            .host
            .reload("cli")
            .map_err(|why| format!("the settings stay as they are: {why}"))
    }

    fn unload() -> Result<(), String> {
        let Some(instance) = instance() else { return Ok(()) };
        busy(&instance)?;
        // The lock is not held while the PBX takes them back.
        let all = registered().take();
        drop(all);
        // Nor does anybody who answers a callback: such a channel has data of ours until its end.
        instance.callbacks.stop();
        // Nor is anything recorded without a call: what is left are files to be closed.
        instance.recorder.stop();
        // A call may have come in meanwhile; no other can.
        if let Err(why) = busy(&instance) {
            instance.callbacks.start(instance.host.clone())?;
            instance.recorder.start(instance.host.clone())?;
            *registered() = Some(Registered::new().map_err(|taken| taken.to_string())?);
            return Err(why);
        }
        replace(None);
        instance.phones.stop();
        instance.host.stop();
        Ok(())
    }
}

/// Why the module cannot go yet.
fn busy(instance: &Arc<Instance>) -> Result<(), String> {
    let callbacks = Arc::strong_count(instance) > OURS || asterisk::cli::left() > 0;
    let why = match (instance.host.calls(), datastore::held()) {
        (0, 0) if !callbacks => return Ok(()),
        (0, 0) => "a callback of the PBX is still on its way out".to_owned(),
        (0, channels) => format!("{channels} channels hold attached data"),
        (calls, _) => format!("{calls} calls are in it"),
    };
    Err(format!(
        "Hotline stays loaded: {why}; try again when that has ended"
    ))
}
