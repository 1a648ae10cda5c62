//! The configuration files of a test instance.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::manifest::Manifest;
use crate::phone::Tone;

/// An Asterisk to be.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Phones of the bank that Asterisk can dial: `PJSIP/NAME`. They dial into context `phones`.
    pub phones: Vec<String>,
    /// Phones that are no part of the bank, and where they are.
    pub other_phones: Vec<(String, SocketAddr)>,
    /// Phones whose reachability Asterisk checks every second.
    pub watched_phones: Vec<String>,
    /// Lines that callers come in on. They dial into the context of the same name if `extensions` has it, see there.
    pub lines: Vec<String>,
    /// `extensions.conf`. Context `phones` is where phones dial into, `callers` is where callers do.
    pub extensions: String,
    /// Modules to load after Asterisk's own: name without `.so`, and file.
    pub modules: Vec<(String, PathBuf)>,
    /// Further files for the configuration folder: name and content. `@ETC@`, `@RUN@` and `@DIR@` are replaced.
    pub files: Vec<(String, String)>,
    /// Environment of the process; the same replacements in the values.
    pub environment: Vec<(String, String)>,
    /// What runs the process, in front of its own command; for its first start only. The same replacements in the words.
    pub around: Vec<String>,
    /// Open the manager interface, without which [`Asterisk::manager`](super::Asterisk::manager) refuses.
    pub manager: bool,
    /// Write down what Asterisk logs as debug.
    pub debug: bool,
}

/// The folder of an instance.
#[derive(Clone, Debug)]
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(super) fn etc(&self) -> PathBuf {
        self.at("etc")
    }

    /// Replaces the places in `text` that stand for this instance's folders.
    pub(super) fn fill(&self, text: &str) -> String {
        text.replace("@ETC@", &self.etc().display().to_string())
            .replace("@RUN@", &self.at("run").display().to_string())
            .replace("@DIR@", &self.0.display().to_string())
    }
}

/// Modules of Asterisk that a PBX with SIP phones and queues needs.
const MODULES: &[&str] = &[
    "res_timing_timerfd",
    "res_sorcery_config",
    "res_sorcery_memory",
    "res_sorcery_astdb",
    "res_pjproject",
    "res_pjsip",
    "res_pjsip_session",
    "res_pjsip_pubsub",
    "res_pjsip_sdp_rtp",
    "res_pjsip_caller_id",
    "res_pjsip_header_funcs",
    "res_pjsip_rfc3326",
    "res_pjsip_dtmf_info",
    "res_pjsip_notify",
    "res_pjsip_authenticator_digest",
    "res_pjsip_outbound_authenticator_digest",
    "res_pjsip_endpoint_identifier_ip",
    "res_pjsip_endpoint_identifier_user",
    "res_pjsip_registrar",
    "res_rtp_asterisk",
    "res_musiconhold",
    "res_stasis",
    "bridge_simple",
    "bridge_native_rtp",
    "bridge_softmix",
    "bridge_holding",
    "bridge_builtin_features",
    "bridge_builtin_interval_features",
    "chan_pjsip",
    "pbx_config",
    "codec_ulaw",
    "codec_alaw",
    "codec_gsm",
    "format_pcm",
    "format_wav",
    "format_gsm",
    "format_sln",
    "app_stack",
    "app_dial",
    "app_queue",
    "app_playback",
    "app_playtones",
    "app_mixmonitor",
    "app_echo",
    "app_exec",
    "app_verbose",
    "app_read",
    "app_userevent",
    "app_softhangup",
    "app_channelredirect",
    "app_originate",
    "app_sayunixtime",
    "func_callerid",
    "func_channel",
    "func_cut",
    "func_db",
    "func_devstate",
    "func_dialplan",
    "func_env",
    "func_global",
    "func_hangupcause",
    "func_logic",
    "func_math",
    "func_rand",
    "func_sprintf",
    "func_strings",
    "func_timeout",
];

/// Seconds of music before it begins anew.
const MUSIC_SECONDS: usize = 10;

/// Writes all files of an instance.
pub(super) fn write(
    folder: &Folder,
    manifest: &Manifest,
    setup: &Setup,
    sip: SocketAddr,
    manager: SocketAddr,
    phones: SocketAddr,
) -> Result<()> {
    for name in ["etc", "var", "spool", "run", "log", "modules", "music"] {
        std::fs::create_dir_all(folder.at(name)).context("making the folder of an Asterisk")?;
    }
    link_data(folder, manifest)?;
    let music: Vec<u8> = Tone::MUSIC.packet().repeat(50 * MUSIC_SECONDS);
    std::fs::write(folder.at("music/tone.ulaw"), music)?;
    let debug = if setup.debug { ",debug" } else { "" };
    let files = [
        ("asterisk.conf", asterisk_conf(folder, manifest)),
        ("modules.conf", link_modules(folder, manifest, setup)?),
        ("pjsip.conf", pjsip_conf(setup, sip, phones)),
        ("extensions.conf", setup.extensions.clone()),
        ("manager.conf", manager_conf(setup.manager, manager)),
        (
            "logger.conf",
            format!("[general]\nqueue_log=no\n[logfiles]\nfull => notice,warning,error,verbose(3){debug}\n"),
        ),
        ("rtp.conf", "[general]\nrtpstart=10000\nrtpend=32000\n".into()),
        (
            "musiconhold.conf",
            "[default]\nmode=files\ndirectory=@DIR@/music\n".into(),
        ),
        // A fixed number of threads, so that a leaked one shows.
        (
            "stasis.conf",
            "[threadpool]\ninitial_size=5\nmax_size=5\nidle_timeout_sec=0\n".into(),
        ),
        (
            "pjsip_notify.conf",
            "; res_pjsip_notify does not load without it.\n".into(),
        ),
        ("features.conf", "[general]\n".into()),
        ("queues.conf", "[general]\n".into()),
        ("cdr.conf", "[general]\nenable=no\n".into()),
    ];
    for (name, content) in files
        .iter()
        .map(|(name, content)| (*name, content))
        .chain(own_files(setup))
    {
        let path = folder.etc().join(name);
        std::fs::write(&path, folder.fill(content)).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

fn own_files(setup: &Setup) -> impl Iterator<Item = (&str, &String)> {
    setup.files.iter().map(|(name, content)| (name.as_str(), content))
}

fn asterisk_conf(folder: &Folder, manifest: &Manifest) -> String {
    let mut text = String::from("[directories]\n");
    let own = [
        ("astetcdir", "etc"),
        ("astmoddir", "modules"),
        ("astvarlibdir", "var"),
        ("astdbdir", "var"),
        ("astkeydir", "var"),
        ("astspooldir", "spool"),
        ("astrundir", "run"),
        ("astlogdir", "log"),
    ];
    for (key, name) in own {
        let _ = writeln!(text, "{key} => {}", folder.at(name).display());
    }
    let _ = writeln!(text, "astdatadir => {}", folder.at("data").display());
    let _ = writeln!(
        text,
        "astagidir => {}",
        manifest.data_dir.join("agi-bin").display()
    );
    text.push_str("[options]\nverbose = 3\nnocolor = yes\n");
    text
}

/// Asterisk's documentation and its English prompts, which a package's installation would have linked to `en`.
fn link_data(folder: &Folder, manifest: &Manifest) -> Result<()> {
    use std::os::unix::fs::symlink;
    std::fs::create_dir_all(folder.at("data/sounds"))?;
    symlink(
        manifest.data_dir.join("documentation"),
        folder.at("data/documentation"),
    )?;
    let Ok(languages) = std::fs::read_dir(manifest.data_dir.join("sounds")) else {
        return Ok(());
    };
    let mut english: Vec<PathBuf> = languages
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.as_encoded_bytes().starts_with(b"en"))
        })
        .collect();
    // The shortest name is `en` itself where there is one.
    english.sort_by_key(|path| path.as_os_str().len());
    if let Some(path) = english.first() {
        symlink(path, folder.at("data/sounds/en"))?;
    }
    Ok(())
}

/// Asterisk loads modules from one folder only: links to its own and to ours.
fn link_modules(folder: &Folder, manifest: &Manifest, setup: &Setup) -> Result<String> {
    let mut conf = String::from("[modules]\nautoload=no\n");
    let own = MODULES
        .iter()
        .map(|name| (*name, manifest.modules_dir.join(format!("{name}.so"))));
    let others = setup
        .modules
        .iter()
        .map(|(name, path)| (name.as_str(), path.clone()));
    for (name, path) in own.filter(|(_, path)| path.exists()).chain(others) {
        let path =
            std::fs::canonicalize(&path).with_context(|| format!("no module at {}", path.display()))?;
        std::os::unix::fs::symlink(&path, folder.at("modules").join(format!("{name}.so")))?;
        let _ = writeln!(conf, "load={name}.so");
    }
    Ok(conf)
}

fn pjsip_conf(setup: &Setup, sip: SocketAddr, phones: SocketAddr) -> String {
    let mut text = format!(
        "[system]\ntype=system\n\
         threadpool_initial_size=8\nthreadpool_max_size=8\nthreadpool_idle_timeout=0\n\
         [global]\ntype=global\nendpoint_identifier_order=header,username\nunidentified_request_count=10000\n\
         [transport]\ntype=transport\nprotocol=udp\nbind={sip}\n\
         [phone](!)\ntype=endpoint\ntransport=transport\ncontext=phones\nidentify_by=username\n\
         disallow=all\nallow=ulaw\ndirect_media=no\nrtp_symmetric=no\ndevice_state_busy_at=0\n\
         [line](!)\ntype=endpoint\ntransport=transport\ncontext=callers\nidentify_by=header\n\
         disallow=all\nallow=ulaw\ndirect_media=no\n"
    );
    let own = setup.phones.iter().map(|phone| (phone, phones));
    let others = setup
        .other_phones
        .iter()
        .map(|(phone, address)| (phone, *address));
    for (phone, address) in own
        .filter(|(phone, _)| !others.clone().any(|(other, _)| other == *phone))
        .chain(others.clone())
    {
        let qualify = u8::from(setup.watched_phones.contains(phone));
        let _ = write!(
            text,
            "[{phone}](phone)\naors={phone}\ncallerid={phone} <{phone}>\n\
             [{phone}]\ntype=aor\ncontact=sip:{phone}@{address}\nqualify_frequency={qualify}\nqualify_timeout=1.0\n"
        );
    }
    for line in &setup.lines {
        let _ = write!(
            text,
            "[{line}](line)\nset_var=LINE={line}\n\
             [{line}-line]\ntype=identify\nendpoint={line}\nmatch_header=X-Line: {line}\n"
        );
    }
    text
}

fn manager_conf(enabled: bool, address: SocketAddr) -> String {
    if !enabled {
        return "[general]\nenabled=no\n".into();
    }
    format!(
        "[general]\nenabled=yes\nbindaddr={}\nport={}\n[testbed]\nsecret=testbed\nread=call,user,system,agent\nwrite=all\n",
        address.ip(),
        address.port()
    )
}
