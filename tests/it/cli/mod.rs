//! The program from outside: what it says, and the code it ends with.

mod administration;
mod demo;
mod reports;
mod serve;
mod settings;
mod sieve;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// Nothing here takes this long, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// Any unprivileged user, for what root may do and others may not.
const NOBODY: u32 = 65534;

/// A folder with a configuration, and the program run in it.
pub(crate) struct Place(TempDir);

impl Place {
    fn new(settings: &str) -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        place.write("config.toml", settings);
        place
    }

    /// All services on free ports of loopback.
    pub(crate) fn serving(more: &str) -> Place {
        let any = "[\"127.0.0.1:0\"]";
        let listen = ["smtp", "submission", "submissions", "imap", "imaps", "managesieve"]
            .map(|service| format!("{service} = {any}\n"));
        Place::new(&format!("data = \"data\"\n{more}\n[listen]\n{}", listen.concat()))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_posthaste"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env_remove("RUST_LOG");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("POSTHASTE_")) {
            command.env_remove(name);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).output().unwrap())
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Ended::from(child.wait_with_output().unwrap())
    }

    /// Starts a server and waits until it says that it is ready.
    pub(crate) fn serve(&self) -> Server {
        Server::of(self.command(&["serve"]))
    }
}

impl Server {
    /// Starts it and waits until it says that it is ready.
    pub(crate) fn of(mut command: Command) -> Server {
        let mut child = command.spawn().unwrap();
        let log = lines(child.stderr.take().unwrap());
        let mut server = Server {
            child,
            log,
            ready: String::new(),
        };
        server.ready = server.wait_for("\"ready\"");
        server
    }
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    code: Option<i32>,
    pub(crate) said: String,
    complained: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Ended {
        Ended {
            code: output.status.code(),
            said: String::from_utf8(output.stdout).unwrap(),
            complained: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ended {
    #[track_caller]
    pub(crate) fn ok(self, said: &str) -> Ended {
        assert!(
            self.code == Some(0) && self.said.contains(said),
            "wanted {said:?}: {self:?}"
        );
        self
    }

    /// One complaint of one line, with this in it.
    #[track_caller]
    fn failed(self, code: i32, complained: &str) {
        assert!(
            self.code == Some(code) && self.complained.contains(complained) && self.complained.lines().count() == 1,
            "wanted {code}, {complained:?}: {self:?}"
        );
        assert!(
            self.complained.starts_with("posthaste: ") && self.said.is_empty(),
            "{self:?}"
        );
    }
}

/// A server that runs until it is dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    log: mpsc::Receiver<String>,
    ready: String,
}

impl Server {
    fn wait_for(&self, text: &str) -> String {
        loop {
            let line = self
                .log
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("{text:?} was never said"));
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Where it listens, from its ready line.
    pub(crate) fn address(&self, service: &str) -> String {
        let (_, rest) = self.ready.split_once(&format!("\"{service}\":\"[")).unwrap();
        rest.split_once(']').unwrap().0.to_owned()
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_raw(self.child.id() as i32).unwrap();
        rustix::process::kill_process(id, signal).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lines as they come, so that waiting for one can time out.
fn lines(from: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    receive
}
