//! The PBX of this machine: the module's settings, the module, and what it works with.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{AS_ROOT, Findings, Started, last, may, readable, start};

/// The module's settings, read by the program that reads them as the module does. Its socket, if they are right.
pub(super) async fn settings(file: &Path, user: &str, findings: &mut Findings) -> Option<PathBuf> {
    let check = "module's settings";
    match std::fs::File::open(file) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {
            findings.warning(
                check,
                format!("{} is not there", file.display()),
                "install hotline-asterisk if the PBX is on this machine, or name the file with --module-config",
            );
            return None;
        }
        Err(error) => {
            findings.warning(check, format!("{}: {error}", file.display()), AS_ROOT);
            return None;
        }
    }
    readable(check, file, user, findings);
    let said = match start("hotline-check", &["--json".as_ref(), file.as_os_str()]).await {
        Started::Missing => {
            findings.warning(
                check,
                "hotline-check is not there to read them",
                "it is in hotline-asterisk; `asterisk -rx 'hotline reload'` says as well what is wrong",
            );
            return None;
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
                self::folder(Path::new(folder), user, findings);
            }
            facts["socket"].as_str().map(PathBuf::from)
        }
        Ok(facts) => {
            findings.error(
                check,
                facts["error"].as_str().unwrap_or("they are wrong").to_owned(),
                "correct that, then `asterisk -rx 'hotline reload'`; until then the running settings stay",
            );
            None
        }
        Err(_) => {
            findings.error(check, last(&said), "see `hotline-check --help`");
            None
        }
    }
}

/// A folder that the module writes to.
fn folder(folder: &Path, user: &str, findings: &mut Findings) {
    let check = "module's folders";
    let shown = folder.display();
    match std::fs::metadata(folder) {
        Ok(found) if found.is_dir() => {
            if let Ok(Some(pbx)) = nix::unistd::User::from_name(user)
                && may(&pbx, folder, 3).is_ok_and(|may| !may)
            {
                findings.error(
                    check,
                    format!("the PBX's user {user} may not write to {shown}"),
                    format!("`chown -R {user}: {shown}` and `chmod u+rwx {shown}`"),
                );
            }
        }
        Ok(_) => findings.error(check, format!("{shown} is no folder"), "correct hotline.toml"),
        Err(error) if error.kind() == ErrorKind::NotFound => findings.error(
            check,
            format!("{shown} is not there"),
            format!("`install -d -o {user} -g {user} -m 750 {shown}`"),
        ),
        Err(error) => findings.warning(check, format!("{shown}: {error}"), AS_ROOT),
    }
}

/// What the PBX shows of a module: one that was loaded and gave up is `Not Running`.
fn runs(said: &str) -> bool {
    said.replace("Not Running", "").contains("Running")
}

/// Modules and dialplan of the PBX, asked of the PBX itself.
pub(super) async fn modules(findings: &mut Findings) {
    let ask = async |what: &str| start("asterisk", &["-rx".as_ref(), what.as_ref()]).await;
    let check = "PBX";
    match ask("module show like app_hotline.so").await {
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
        Started::Well(said) if !runs(&said) => {
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
        match ask(&format!("module show like {module}")).await {
            Started::Well(said) if runs(&said) => findings.ok(module, "runs"),
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
        ("hotline-consult", "agents can consult no colleague by command"),
    ] {
        match ask(&format!("dialplan show {context}")).await {
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
