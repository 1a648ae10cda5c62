//! Raw bindings to the module API of the installed Asterisk, made by bindgen when this crate is built.
//!
//! Nothing is linked: the PBX offers these symbols to the modules it loads. [`asterisk`](../asterisk) is the safe
//! layer over them, and the only crate that should use this one.
#![allow(
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unreachable_pub,
    unsafe_op_in_unsafe_fn,
    unnecessary_transmutes,
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    reason = "generated code in the PBX's own style"
)]

include!(concat!(env!("OUT_DIR"), "/bindings.rs"));

unsafe extern "C" {
    /// Forgets the thread-exit hooks of this module; the last thing before the module may be unmapped. See
    /// `thread_exit.c`.
    pub fn astsys_thread_exit_forget();
}
