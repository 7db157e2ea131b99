//! `posthaste demo`: the lines it prints work as printed.

use std::process::{Command, Stdio};

use super::{Ended, PATIENCE, Place, Server, lines};

#[test]
fn the_demo_does_what_it_prints() {
    let place = Place(tempfile::tempdir().unwrap());
    let mut child = place
        .command(&["demo", "--port-base", "0", "--data", "here"])
        .spawn()
        .unwrap();
    let said = lines(child.stdout.take().unwrap());
    let _log = lines(child.stderr.take().unwrap());
    let mut demo = Server {
        child,
        log: said,
        ready: String::new(),
    };
    let mut pastes = Vec::new();
    loop {
        let line = demo.log.recv_timeout(PATIENCE).unwrap();
        if line.starts_with("Deliveries:") {
            break;
        }
        let tool = ["curl ", "swaks ", "openssl "]
            .into_iter()
            .find(|tool| line.contains(tool));
        if let (Some(tool), true) = (tool, line.starts_with("  ")) {
            pastes.push((tool.trim(), line.trim().to_owned()));
        }
    }
    assert_eq!(pastes.len(), 5, "{pastes:?}");
    for (tool, line) in pastes {
        if Command::new(tool)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_err()
        {
            eprintln!("{tool} is not installed: not tried");
            continue;
        }
        match tool {
            // The one that watches does not end by itself.
            "openssl" => watch(&place, &line),
            _ => {
                let ended = Ended::from(Command::new("sh").args(["-c", &line]).output().unwrap());
                assert_eq!(ended.code, Some(0), "{line}: {ended:?}");
                if line.contains("MAILINDEX") {
                    assert!(ended.said.contains("\r\nSubject: "), "{ended:?}");
                } else {
                    let delivered = demo.wait_for(" → alice@posthaste.test  ");
                    assert!(delivered.contains(" B  durable in "), "{delivered}");
                }
            }
        }
    }
    demo.signal(rustix::process::Signal::INT);
    demo.wait_for("ended; mail and accounts stay in ");
    assert_eq!(demo.child.wait().unwrap().code(), Some(0));
}

/// Runs the line that watches until it shows the welcome message.
fn watch(place: &Place, line: &str) {
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(place.0.path());
    let mut child = shell
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let said = lines(child.stdout.take().unwrap());
    loop {
        let line = said.recv_timeout(PATIENCE).expect("the watching line shows no INBOX");
        if line.starts_with("+ ") {
            break;
        }
        assert!(!line.starts_with("a NO") && !line.starts_with("b NO"), "{line}");
    }
    // Its input ends, and with it the session.
    drop(child.stdin.take());
    let _ = child.kill();
    child.wait().unwrap();
}
