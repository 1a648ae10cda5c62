//! Makes the bindings: bindgen over the PBX's own headers, with only what `asterisk` uses.
//!
//! `ASTERISK_INCLUDE_DIR` names the folder that holds `asterisk.h` and `asterisk/`; `/usr/include` by default.
//! Nothing else of that folder is read: a PBX unpacked beside the host brings a C library of its own there.

use std::env;
use std::error::Error;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// What is bound. A name that a PBX release lacks is a compile error where it is used, and nowhere else.
const FUNCTIONS: &str = "\
    ast_module_register|ast_module_unregister|ast_register_application2|ast_unregister_application|\
    __ast_custom_function_register|ast_custom_function_unregister|__ast_cli_register|ast_cli_unregister|\
    ast_cli|ast_cli_completion_add|ast_log|ast_get_version|__ast_strdup|__ao2_ref|__ao2_lock|\
    __ao2_unlock|ast_channel_get_by_name|ast_channel_snapshot_get_latest|ast_channel_bridge_peer|ast_channel_name|ast_channel_uniqueid|ast_channel_state|\
    ast_channel_language|ast_channel_caller|ast_channel_connected|ast_channel_redirecting|\
    ast_channel_dialed|ast_channel_context|ast_channel_exten|ast_channel_dialcontext_set|\
    ast_channel_exten_set|ast_channel_hangupcause|ast_channel_hangupcause_set|\
    ast_channel_softhangup_internal_flag|ast_channel_nativeformats|ast_channel_call_forward|\
    ast_channel_appl_set|ast_channel_data_set|ast_channel_musicclass|ast_channel_musicclass_set|\
    ast_channel_get_device_name|ast_channel_visible_indication_set|ast_channel_pbx|\
    ast_channel_transfercapability|ast_channel_transfercapability_set|ast_channel_stage_snapshot|\
    ast_channel_stage_snapshot_done|ast_channel_publish_dial|ast_channel_req_accountcodes_precious|\
    ast_channel_inherit_variables|ast_max_forwards_decrement|ast_channel_datastore_inherit|\
    ast_channel_datastore_add|ast_channel_datastore_find|__ast_datastore_alloc|ast_set_callerid|\
    ast_party_redirecting_copy|ast_connected_line_copy_from_caller|ast_party_connected_line_init|\
    ast_party_connected_line_free|ast_channel_connected_line_sub|ast_channel_update_connected_line|\
    ast_request|ast_call|ast_hangup|ast_raw_answer|ast_indicate|ast_check_hangup|\
    ast_channel_make_compatible|ast_bridge_call|ast_deactivate_generator|ast_read|ast_write|ast_queue_frame_head|ast_frame_free|\
    ast_waitfor_nandfds|ast_moh_start|ast_moh_stop|ast_streamfile|ast_waitstream|ast_stopstream|\
    ast_app_getdata|pbx_builtin_setvar_helper|pbx_builtin_getvar_helper|__ast_manager_event_multichan|\
    ast_device_state|ast_device_state_topic_all|ast_device_state_message_type|__stasis_subscribe_pool|\
    stasis_subscription_accept_message_type|stasis_subscription_set_filter|stasis_unsubscribe_and_join|\
    stasis_message_data|stasis_message_type|ast_channel_topic_all|ast_channel_hold_type|\
    ast_channel_unhold_type|ast_channel_sched|ast_channel_stream|ast_channel_streamid|\
    ast_channel_timingfunc|ast_sched_runq|ast_sched_wait|ast_parseable_goto|ast_exists_extension|\
    ast_channel_priority|ast_channel_context_set|ast_channel_priority_set|ast_waitfor|ast_func_write|ast_func_read|\
    __ast_format_cap_alloc|__ast_format_cap_append|ast_pbx_start|ast_softhangup|\
    ast_channel_set_connected_line|ast_party_connected_line_set_init|\
    ast_audiohook_init|ast_audiohook_destroy|ast_audiohook_attach|ast_autochan_setup|ast_autochan_destroy|\
    ast_activate_generator|ast_start_mixmonitor|ast_stop_mixmonitor|pbx_findapp|ast_set_read_format|ast_set_write_format|ast_channel_get_bridge|ast_queue_unhold|ast_queue_control|ast_framehook_attach|ast_framehook_detach|ast_bridge_join|\
    ast_bridge_features_new|ast_bridge_features_destroy|ast_bridge_join_hook|ast_channel_iterator_all_new|ast_channel_iterator_next|ast_channel_iterator_destroy|\
    ast_channel_audiohook_count_by_source|ast_bridge_channel_leave_bridge|ast_bridge_move|ast_bridge_destroy|ast_softhangup_nolock|ast_channel_clear_softhangup|\
    ast_channel_hold_state|ast_channel_latest_musicclass|ast_hook_send_action|ast_endpoint_find_by_id|ast_endpoint_snapshot_create|\
    astsys_.*";

const TYPES: &str = "\
    ast_module_info|ast_custom_function|ast_cli_entry|ast_cli_args|ast_cli_command|ast_frame|ast_frame_type|\
    bridge_channel_state|ast_bridge_hook_remove_flags|ast_control_frame_type|ast_channel_state|ast_bridge_config|ast_datastore|ast_datastore_info|\
    AST_CONNECTED_LINE_UPDATE_SOURCE|ast_module_flags|ast_module_load_priority|\
    ast_device_state_message|ast_device_state|ast_channel_blob|\
    ast_audiohook_type|ast_framehook_interface|ast_framehook_event|ast_generator|ast_pbx_result|manager_custom_hook|ast_endpoint_snapshot|ast_getdata_result";

const CONSTANTS: &str = "\
    AST_BUILDOPT_SUM|ast_format_slin|AST_MODULE_LOAD_.*|AST_MODFLAG_.*|AST_MODPRI_.*|AST_MODULE_SUPPORT_.*|\
    __LOG_.*|AST_CAUSE_.*|AST_FEATURE_.*|AST_SOFTHANGUP_.*|AST_FLAG_ZOMBIE|ast_null_frame|AST_FRAMEHOOK_INTERFACE_VERSION|EVENT_FLAG_.*|\
    RESULT_SUCCESS|RESULT_SHOWUSAGE|RESULT_FAILURE|CLI_INIT|CLI_GENERATE|CLI_HANDLER";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/headers.h");
    println!("cargo:rerun-if-changed=src/thread_exit.c");
    println!("cargo:rerun-if-env-changed=ASTERISK_INCLUDE_DIR");

    let installed =
        PathBuf::from(env::var_os("ASTERISK_INCLUDE_DIR").unwrap_or_else(|| "/usr/include".into()));
    if !installed.join("asterisk.h").is_file() || !installed.join("asterisk/module.h").is_file() {
        return Err(format!(
            "no Asterisk headers in {}: `cargo xtask` provides a PBX and builds against it; or install the \
             package asterisk-dev, or set ASTERISK_INCLUDE_DIR to the folder that holds asterisk.h",
            installed.display()
        )
        .into());
    }
    println!(
        "cargo:rerun-if-changed={}",
        installed.join("asterisk/buildopts.h").display()
    );
    println!(
        "cargo:rerun-if-changed={}",
        installed.join("asterisk/ast_version.h").display()
    );

    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let include = private_include(&installed, &out)?;
    let inlines = out.join("inlines");

    bindgen::Builder::default()
        .header("src/headers.h")
        .clang_args(["-I", &include, "-fblocks"])
        .allowlist_function(FUNCTIONS)
        .allowlist_type(TYPES)
        .allowlist_var(CONSTANTS)
        // Not newtypes: some enum and some function share a name.
        .default_enum_style(bindgen::EnumVariation::ModuleConsts)
        // The names of unnamed enums change from one release to the next; plain constants have none.
        .constified_enum("AST_FLAG_ZOMBIE|AST_SOFTHANGUP_ASYNCGOTO|AST_FEATURE_REDIRECT")
        .prepend_enum_name(false)
        .opaque_type("ast_audiohook|ast_autochan|ast_bridge|ast_bridge_channel|ast_bridge_features|ast_channel|ast_module|ao2_container|ast_rtp_.*|stasis_message_sanitizer")
        .wrap_static_fns(true)
        .wrap_static_fns_path(&inlines)
        .derive_debug(false)
        .derive_default(false)
        .layout_tests(false)
        .wrap_unsafe_ops(true)
        .generate_comments(false)
        .formatter(bindgen::Formatter::None)
        .generate()?
        .write_to_file(out.join("bindings.rs"))?;

    cc::Build::new()
        .file(inlines.with_extension("c"))
        .include(&include)
        .include(env::current_dir()?)
        .warnings(false)
        .try_compile("asterisk_inlines")?;
    cc::Build::new()
        .file("src/thread_exit.c")
        .try_compile("asterisk_thread_exit")?;
    Ok(())
}

/// A folder that shows the compilers the PBX's headers and nothing else of where they lie.
fn private_include(installed: &Path, out: &Path) -> Result<String, Box<dyn Error>> {
    let include = out.join("include");
    if include.exists() {
        std::fs::remove_dir_all(&include)?;
    }
    std::fs::create_dir_all(&include)?;
    let installed = installed.canonicalize()?;
    symlink(installed.join("asterisk"), include.join("asterisk"))?;
    symlink(installed.join("asterisk.h"), include.join("asterisk.h"))?;
    Ok(include
        .into_os_string()
        .into_string()
        .map_err(|_| "the build folder's name is not UTF-8")?)
}
