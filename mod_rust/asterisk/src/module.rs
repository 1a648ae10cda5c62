//! A loadable module: how it presents itself to the PBX, and its life.

use std::cell::UnsafeCell;
use std::ffi::{CStr, c_char, c_int};
use std::mem::MaybeUninit;

use asterisk_sys as sys;

use crate::guard::{arm, caught, disarm, guard};
use crate::log::{Level, log};

/// A module under the GPL. Name it to the PBX with [`module!`](crate::module!).
pub trait Module: 'static {
    /// The file's name without `.so`.
    const NAME: &'static CStr;
    /// Shown by `module show`.
    const DESCRIPTION: &'static CStr;

    /// Starts everything and registers it.
    ///
    /// # Errors
    /// Why not, with the remedy; logged. The PBX goes on without the module.
    fn load() -> Result<(), String>;

    /// Reads the settings again. What it says is logged.
    ///
    /// # Errors
    /// Why the old ones stay; logged.
    fn reload() -> Result<String, String>;

    /// Stops everything and unregisters it: no thread and no callback is left.
    ///
    /// # Errors
    /// Why the module must stay; logged. Nothing has been stopped.
    fn unload() -> Result<(), String>;
}

/// The PBX's record of this module. One object file is one module, so this is one per module.
struct Record(UnsafeCell<MaybeUninit<sys::ast_module_info>>);

// SAFETY: written once by the constructor of the shared object, before any thread of the PBX can know it; afterwards
// only the PBX writes its own field in it, under its module lock.
unsafe impl Sync for Record {}

static RECORD: Record = Record(UnsafeCell::new(MaybeUninit::zeroed()));

/// Hands the module to the PBX. Called by the constructor that [`module!`](crate::module!) makes.
pub extern "C" fn register<M: Module>() {
    guard("registering", (), || {
        let record = RECORD.0.get().cast::<sys::ast_module_info>();
        // SAFETY: see `Record`. All zeroes is a valid `ast_module_info`, every string is static, and nobody else looks
        // before it is registered.
        unsafe {
            let info = &mut *record;
            info.load = Some(load::<M>);
            info.reload = Some(reload::<M>);
            info.unload = Some(unload::<M>);
            info.name = M::NAME.as_ptr();
            info.description = M::DESCRIPTION.as_ptr();
            info.key = sys::astsys_gpl_key();
            info.flags = sys::ast_module_flags::AST_MODFLAG_LOAD_ORDER;
            // With this the PBX refuses a module that was built for another one.
            info.buildopt_sum = sys::AST_BUILDOPT_SUM.map(|byte| byte as c_char);
            // After all that provides devices and their states.
            info.load_pri = sys::ast_module_load_priority::AST_MODPRI_DEVSTATE_CONSUMER as _;
            info.support_level = sys::ast_module_support_level::AST_MODULE_SUPPORT_EXTENDED;
            sys::ast_module_register(record);
        }
    });
}

/// Takes the module back. Called by the destructor that [`module!`](crate::module!) makes.
pub extern "C" fn unregister() {
    guard("unregistering", (), || {
        // SAFETY: the record was registered by `register`; nothing of this module runs any more, so the hooks for
        // thread ends can go.
        unsafe {
            sys::ast_module_unregister(RECORD.0.get().cast());
            sys::astsys_thread_exit_forget();
        }
    });
}

/// The PBX's handle of this module; null before it is registered.
pub(crate) fn this() -> *mut sys::ast_module {
    // SAFETY: see `Record`.
    unsafe { (*RECORD.0.get().cast::<sys::ast_module_info>()).self_ }
}

extern "C" fn load<M: Module>() -> sys::ast_module_load_result::Type {
    // Declined, not failed: a failure aborts the PBX's own start.
    guard(
        "load",
        sys::ast_module_load_result::AST_MODULE_LOAD_DECLINE,
        || {
            arm();
            let loaded = match caught("load", M::load) {
                Some(Ok(())) => true,
                Some(Err(why)) => {
                    log(Level::Error, &why);
                    false
                }
                None => false,
            };
            if loaded {
                return sys::ast_module_load_result::AST_MODULE_LOAD_SUCCESS;
            }
            disarm();
            sys::ast_module_load_result::AST_MODULE_LOAD_DECLINE
        },
    )
}

extern "C" fn reload<M: Module>() -> c_int {
    guard("reload", -1, || match M::reload() {
        Ok(what) => {
            log(Level::Notice, &what);
            0
        }
        Err(why) => {
            log(Level::Error, &why);
            -1
        }
    })
}

extern "C" fn unload<M: Module>() -> c_int {
    guard("unload", -1, || match M::unload() {
        Ok(()) => {
            disarm();
            0
        }
        Err(why) => {
            log(Level::Warning, &why);
            -1
        }
    })
}

/// Makes the shared object a module of the PBX: `asterisk::module!(MyModule)`, once.
#[macro_export]
macro_rules! module {
    ($module:ty) => {
        // A test program is no module, and has no PBX to register with.
        #[cfg(test)]
        const _: extern "C" fn() = $crate::module::register::<$module>;
        #[cfg(not(test))]
        const _: () = {
            // SAFETY: constructors are functions without arguments; the linker collects them here.
            #[used]
            #[unsafe(link_section = ".init_array")]
            static REGISTER: extern "C" fn() = $crate::module::register::<$module>;
            // SAFETY: as above, for destructors.
            #[used]
            #[unsafe(link_section = ".fini_array")]
            static UNREGISTER: extern "C" fn() = $crate::module::unregister;
        };
    };
}
