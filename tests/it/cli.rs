//! The program from outside: what it says, and the code it ends with.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
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
struct Place(TempDir);

impl Place {
    fn new(settings: &str) -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        place.write("config.toml", settings);
        place
    }

    /// All services on free ports of loopback.
    fn serving(more: &str) -> Place {
        let any = "[\"127.0.0.1:0\"]";
        let listen =
            ["smtp", "submission", "submissions", "imap", "imaps"].map(|service| format!("{service} = {any}\n"));
        Place::new(&format!("data = \"data\"\n{more}\n[listen]\n{}", listen.concat()))
    }

    fn path(&self, name: &str) -> PathBuf {
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

    fn run(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).output().unwrap())
    }

    fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Ended::from(child.wait_with_output().unwrap())
    }

    /// Starts a server and waits until it says that it is ready.
    fn serve(&self) -> Server {
        let mut child = self.command(&["serve"]).spawn().unwrap();
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
struct Ended {
    code: Option<i32>,
    said: String,
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
    fn ok(self, said: &str) -> Ended {
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
struct Server {
    child: Child,
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
    fn address(&self, service: &str) -> String {
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

#[test]
fn wrong_settings_name_file_and_key_and_end_with_2() {
    for (settings, complaint) in [
        ("hostnam = \"x\"", "config.toml: hostnam: there is no such setting"),
        ("drain = 10", "config.toml: drain: found 10, wanted a duration"),
        (
            "[imap]\nmax_errors = \"x\"",
            "config.toml: imap.max_errors: found \"x\", wanted a whole number",
        ),
        (
            "[tls]\nkey = \"key.pem\"",
            "config.toml: tls.certificate: tls.key is given",
        ),
        ("data = \"config.toml\"", "config.toml (setting data) cannot be: "),
    ] {
        let place = Place::new(settings);
        place.run(&["check"]).failed(2, complaint);
    }
    let place = Place::new("[");
    let ended = place.run(&["serve"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.complained.contains("config.toml: TOML parse error at line 1"),
        "{ended:?}"
    );
}

#[test]
fn a_configuration_that_is_none_is_named() {
    let place = Place::new("");
    place
        .run(&["check", "--config", "nothing.toml"])
        .failed(2, "nothing.toml: cannot be read: No such file");
    place
        .run(&["check", "--config", "."])
        .failed(2, ".: cannot be read: Is a directory");
    place.write("binary.toml", [0xff, 0xfe]);
    place
        .run(&["check", "--config", "binary.toml"])
        .failed(2, "binary.toml: cannot be read: ");
    std::fs::remove_file(place.path("config.toml")).unwrap();
    if !Path::new("/etc/posthaste/config.toml").exists() {
        place.run(&["serve"]).failed(2, "no configuration file");
    }
    let ended = place.run(&["serve", "--no-such-option"]);
    assert_eq!(ended.code, Some(2), "wrong arguments end as wrong settings do");
}

#[test]
fn the_environment_has_precedence_and_is_named_when_it_is_wrong() {
    let place = Place::new("hostname = \"not a name\"\ndata = \"data\"");
    let check = |name: &str, value: &str| Ended::from(place.command(&["check"]).env(name, value).output().unwrap());
    check("POSTHASTE_HOSTNAME", "mail.example.org").ok("are fine");
    check("POSTHASTE_HOSTNAME", "neither is this").failed(2, "environment variable POSTHASTE_HOSTNAME: hostname: ");
    let place = Place::new("data = \"data\"");
    let check = |name: &str, value: &str| Ended::from(place.command(&["check"]).env(name, value).output().unwrap());
    check("POSTHASTE_SMTP__MAX_ERRORS", "x").failed(2, "POSTHASTE_SMTP__MAX_ERRORS: smtp.max_errors: found \"x\"");
    check("POSTHASTE_SMPT__MAX_ERRORS", "1").failed(2, "POSTHASTE_SMPT: smpt: there is no such setting");
    check("POSTHASTE_LISTEN__SMTP", "[\"127.0.0.1:2525\"]").ok("are fine");
    check("POSTHASTE_CONFIG", "elsewhere.toml").failed(2, "elsewhere.toml: cannot be read");
    // What a container platform sets for a service of this name is no setting.
    check("POSTHASTE_PORT_25_TCP", "tcp://10.0.0.1:25").ok("are fine");
}

#[test]
fn a_certificate_that_cannot_be_used_is_named() {
    let place = Place::new("data = \"data\"\ntls = { certificate = \"cert.pem\", key = \"key.pem\" }");
    place.run(&["check"]).failed(2, "cert.pem: No such file");
    place.write("cert.pem", "nonsense");
    place.write("key.pem", "nonsense");
    place
        .run(&["check"])
        .failed(2, "cert.pem holds no usable PEM certificate");
    place
        .run(&["serve"])
        .failed(1, "cert.pem holds no usable PEM certificate");
}

#[test]
fn check_changes_nothing() {
    let place = Place::new("data = \"new/data\"");
    place.run(&["check"]).ok("are fine");
    assert!(!place.path("new").exists());
}

#[test]
fn a_folder_that_cannot_be_written_to_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new("data = \"data\"");
    std::fs::create_dir(place.path("data")).unwrap();
    std::fs::set_permissions(place.path("data"), PermissionsExt::from_mode(0o555)).unwrap();
    std::fs::set_permissions(place.0.path(), PermissionsExt::from_mode(0o755)).unwrap();
    for (command, code) in [("check", 2), ("serve", 1)] {
        let mut command = place.command(&[command]);
        if rustix::process::geteuid().is_root() {
            command.uid(NOBODY);
        }
        Ended::from(command.output().unwrap()).failed(code, "data (setting data): Permission denied");
    }
    let place = Place::new("data = \"/proc/posthaste\"");
    place
        .run(&["domain", "list"])
        .failed(1, "cannot make the data folder /proc/posthaste (setting data)");
}

#[test]
fn domains_accounts_and_aliases() {
    let place = Place::new("data = \"data\"");
    place.run(&["domain", "list"]).ok("DOMAIN");
    place
        .run(&["account", "add", "alice@example.org"])
        .failed(1, "there is no domain example.org here");
    place
        .run(&["domain", "add", "Example.org"])
        .ok("domain example.org added");
    place
        .run(&["domain", "add", "example.org"])
        .failed(1, "the domain example.org exists already");
    let generated = place
        .run(&["account", "add", "alice@example.org"])
        .ok("alice@example.org added; its password is ");
    assert!(generated.said.trim_end().len() > 60, "{generated:?}");
    let add_bob = ["account", "add", "bob@example.org", "--password-stdin"];
    let ended = place
        .run_with_input(&add_bob, "a secret\n")
        .ok("account bob@example.org added\n");
    assert!(!ended.said.contains("secret"));
    place
        .run_with_input(&add_bob, "a secret\n")
        .failed(1, "the account bob@example.org exists already");
    place
        .run_with_input(&["account", "password", "bob@example.org", "--password-stdin"], "\n")
        .failed(1, "is empty");
    place
        .run(&["account", "password", "carol@example.org"])
        .failed(1, "there is no account carol@example.org");
    place
        .run(&["account", "disable", "bob@example.org"])
        .ok("may no longer log in");
    place
        .run(&["account", "list"])
        .ok("ACCOUNT            LOGIN\nalice@example.org  enabled\nbob@example.org    disabled\n");
    place
        .run(&["alias", "add", "@example.org", "bob@example.org"])
        .ok("alias @example.org added");
    place
        .run(&[
            "alias",
            "add",
            "team@example.org",
            "alice@example.org",
            "bob@example.org",
        ])
        .ok("added");
    place
        .run(&["alias", "list"])
        .ok("@example.org      bob@example.org\nteam@example.org  alice@example.org bob@example.org\n");
    place
        .run(&["account", "remove", "bob@example.org"])
        .failed(1, "@example.org, team@example.org");
    place
        .run(&["domain", "remove", "example.org"])
        .failed(1, "accounts: 2, aliases: 2");
    place
        .run(&["alias", "remove", "@example.org"])
        .ok("alias @example.org removed");
    place.run(&["alias", "remove", "team@example.org"]).ok("removed");
    place
        .run(&["account", "remove", "bob@example.org"])
        .ok("data/mail/example.org/bob\n");
    place.run(&["account", "remove", "alice@example.org"]).ok("removed");
    place
        .run(&["domain", "remove", "example.org"])
        .ok("domain example.org removed");
}

#[test]
fn an_accounts_database_that_is_none_is_named() {
    let place = Place::new("data = \"data\"");
    place.run(&["domain", "add", "example.org"]).ok("added");
    place.write("data/accounts.db", [b'x'; 8192]);
    place.run(&["domain", "list"]).failed(1, "data/accounts.db: ");
}

#[test]
fn a_port_that_is_taken_is_named_with_its_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let place = Place::new(&format!(
        "data = \"data\"\n[listen]\nsmtp = []\nsubmission = []\nsubmissions = []\nimaps = []\nimap = [\"{address}\"]"
    ));
    let complaint = format!("cannot listen on {address}: Address already in use (os error 98) (setting listen.imap)");
    let ended = place.run(&["serve"]);
    assert!(
        ended.code == Some(1) && ended.complained.contains(&complaint),
        "{ended:?}"
    );
}

#[test]
fn two_servers_cannot_share_a_folder_but_a_killed_one_leaves_it() {
    let place = Place::serving("");
    let server = place.serve();
    let process = format!("is in use by another server, process {}", server.child.id());
    let ended = place.run(&["serve"]);
    assert!(
        ended.code == Some(1) && ended.complained.contains(&process),
        "{ended:?}"
    );
    // The command line is no second server.
    place.run(&["domain", "add", "example.org"]).ok("added");
    drop(server);
    place.serve();
}

#[test]
fn sigterm_tells_the_clients_and_ends_with_0() {
    let place = Place::serving("drain = \"30s\"");
    let mut server = place.serve();
    let greeted = |service: &str| {
        let mut client = BufReader::new(TcpStream::connect(server.address(service)).unwrap());
        client.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
        let mut greeting = String::new();
        client.read_line(&mut greeting).unwrap();
        assert!(
            greeting.starts_with("220 ") || greeting.starts_with("* OK "),
            "{greeting}"
        );
        client
    };
    let (mut imap, mut smtp) = (greeted("imap"), greeted("smtp"));
    server.signal(rustix::process::Signal::TERM);
    let mut said = String::new();
    imap.read_to_string(&mut said).unwrap();
    assert!(said.starts_with("* BYE ") && said.lines().count() == 1, "{said:?}");
    said.clear();
    smtp.read_to_string(&mut said).unwrap();
    assert!(said.starts_with("421 ") && said.lines().count() == 1, "{said:?}");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    let left = std::fs::read_dir(place.path("data"))
        .unwrap()
        .map(|file| file.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().ends_with("-wal")).collect();
    assert!(left.is_empty(), "the databases were closed in order: {left:?}");
}

#[test]
fn the_self_signed_certificate_is_made_once_and_its_key_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::serving("hostname = \"mail.example.org\"");
    drop(place.serve());
    let key = place.path("data/tls/key.pem");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let made = std::fs::read(&key).unwrap();
    drop(place.serve());
    assert_eq!(std::fs::read(&key).unwrap(), made);
    std::fs::write(place.path("data/tls/certificate.pem"), "broken").unwrap();
    let ended = place.run(&["serve"]);
    assert!(
        ended.code == Some(1) && ended.complained.contains("data/tls/certificate.pem holds no"),
        "{ended:?}"
    );
}

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
