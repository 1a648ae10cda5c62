//! The PBX of this machine: the module's settings, the module, and what it works with.

use std::path::Path;

use serde_json::Value;

use super::{Findings, Started, last, start};

/// The module's settings, read by the program that reads them as the module does.
pub(super) fn settings(file: &Path, findings: &mut Findings) {
    let check = "module's settings";
    if !file.exists() {
        return findings.warning(
            check,
            format!("{} is not there", file.display()),
            "install hotline-asterisk if the PBX is on this machine, or name the file with --module-config",
        );
    }
    let said = match start("hotline-check", &["--json".as_ref(), file.as_os_str()]) {
        Started::Missing => {
            return findings.warning(
                check,
                "hotline-check is not there to read them",
                "it is in hotline-asterisk; `asterisk -rx 'hotline reload'` says as well what is wrong",
            );
        }
        Started::Well(said) | Started::Badly(said) => said,
    };
    match serde_json::from_str::<Value>(&said) {
        Ok(facts) if facts["right"] == true => {
            findings.ok(check, format!("{} is right", file.display()));
            for folder in facts["folders"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
            {
                if !Path::new(folder).is_dir() {
                    findings.error(
                        "module's folders",
                        format!("{folder} is not there"),
                        format!("`install -d -o asterisk -g asterisk -m 750 {folder}`"),
                    );
                }
            }
        }
        Ok(facts) => findings.error(
            check,
            facts["error"].as_str().unwrap_or("they are wrong").to_owned(),
            "correct that, then `asterisk -rx 'hotline reload'`; until then the running settings stay",
        ),
        Err(_) => findings.error(check, last(&said), "see `hotline-check --help`"),
    }
}

/// Modules and dialplan of the PBX, asked of the PBX itself.
pub(super) fn modules(findings: &mut Findings) {
    let ask = |what: &str| start("asterisk", &["-rx".as_ref(), what.as_ref()]);
    let check = "PBX";
    match ask("module show like app_hotline.so") {
        Started::Missing => {
            return findings.ok(check, "not looked at, as there is no asterisk on this machine");
        }
        Started::Badly(said) => {
            return findings.error(
                check,
                last(&said),
                "start it (`systemctl start asterisk`), or run this as root or as a user that may use its CLI",
            );
        }
        Started::Well(said) if !said.contains("Running") => {
            return findings.error(
                check,
                "it runs, but the module app_hotline.so does not",
                "`asterisk -rx 'module load app_hotline.so'`, and its log says why not",
            );
        }
        Started::Well(_) => findings.ok(check, "it runs, and so does app_hotline.so"),
    }
    for (module, without) in [
        (
            "res_pjsip_notify.so",
            "phones cannot be asked to retrieve a caller on hold",
        ),
        (
            "res_pjsip_header_funcs.so",
            "phones cannot be asked to pick up, nor be told of flagged callers",
        ),
        ("res_musiconhold.so", "callers wait in silence"),
    ] {
        match ask(&format!("module show like {module}")) {
            Started::Well(said) if said.contains("Running") => findings.ok(module, "runs"),
            Started::Well(_) | Started::Badly(_) | Started::Missing => findings.warning(
                module,
                format!("does not run: {without}"),
                format!("`asterisk -rx 'module load {module}'`, and take it out of noload in modules.conf"),
            ),
        }
    }
    for (context, without) in [
        ("hotline-features", "agents have no feature codes"),
        ("hotline-callback", "nobody can be called back"),
    ] {
        match ask(&format!("dialplan show {context}")) {
            Started::Well(said) if said.contains(&format!("'{context}'")) => {
                findings.ok("dialplan", format!("has the context {context}"));
            }
            Started::Well(_) | Started::Badly(_) | Started::Missing => findings.warning(
                "dialplan",
                format!("has no context {context}: {without}"),
                "`#include hotline.conf` in extensions.conf, then `asterisk -rx 'dialplan reload'`",
            ),
        }
    }
}
