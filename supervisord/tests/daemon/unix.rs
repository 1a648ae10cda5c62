//! What users of the machine may do on D-Bus, as `[[unix]]` says.

use std::sync::{Arc, Mutex};

use hotline_wire::Outcome;

use crate::hotlinectl::{hotlinectl, shown, text};
use crate::support::bus::PrivateBus;
use crate::support::daemon::{DaemonProcess, write_settings};
use crate::support::node::FakeNode;
use crate::support::story::Story;

#[test]
fn a_user_of_the_machine_acts_on_its_teams_only() {
    let dir = tempfile::tempdir().unwrap();
    let bus = PrivateBus::start(dir.path());
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(81, "b1").begin(&node);
    let authors = Arc::new(Mutex::new(Vec::new()));
    let heard = authors.clone();
    node.answer_with(move |author, _| {
        heard.lock().unwrap().push(author.to_owned());
        vec![Outcome::Done]
    });
    let me = nix::unistd::User::from_uid(nix::unistd::getuid())
        .unwrap()
        .unwrap();
    let group = nix::unistd::Group::from_gid(me.gid).unwrap().unwrap().name;
    let more = format!(
        "[[team]]\nname = \"first\"\nagents = [\"1001\"]\n\
         [[unix]]\nuser = \"nobody-of-that-name\"\nrole = \"administrator\"\n\
         [[unix]]\ngroup = {group:?}\nrole = \"supervisor\"\nteams = [\"first\"]\nsupervisor = \"9001\"\n"
    );
    let settings = write_settings(dir.path(), &[&node.socket], bus.address(), &more);
    let daemon = DaemonProcess::start(&settings);
    // The others are not there for who is of that team.
    shown(bus.address(), 1);
    let ask = |arguments: &[&str]| {
        let output = hotlinectl(bus.address(), arguments);
        (output.status.code(), text(&output))
    };
    assert_eq!(
        ask(&["agent", "force-idle", "1001"]),
        (Some(0), "done\n".to_owned())
    );
    let (code, said) = ask(&["agent", "force-idle", "1002"]);
    assert_eq!(code, Some(3));
    assert!(said.contains("no agent 1002"), "{said}");
    let (code, said) = ask(&["agent", "monitor", "1001", "9002"]);
    assert_eq!(code, Some(3));
    assert!(said.contains("own supervisor number"), "{said}");
    assert_eq!(ask(&["agent", "monitor", "1001", "9001"]).0, Some(0));
    let (code, said) = ask(&["config", "forget", "--all"]);
    assert_eq!(code, Some(3));
    assert!(said.contains("supervisor, who may not"), "{said}");
    let author = format!("dbus:{}", me.name);
    assert_eq!(*authors.lock().unwrap(), [author.clone(), author]);
    daemon.stop();
}
