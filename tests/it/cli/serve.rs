//! `posthaste serve`: how it starts and how it ends.

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};

use super::{PATIENCE, Place, Server};

#[test]
fn a_port_that_is_taken_is_named_with_its_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let place = Place::new(&format!(
        "data = \"data\"\n[listen]\nsmtp = []\nsubmission = []\nsubmissions = []\nmanagesieve = []\nimaps = []\nimap = [\"{address}\"]"
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
fn a_system_without_authorities_will_do() {
    let place = Place::serving("");
    let mut command = place.command(&["serve"]);
    command.env("SSL_CERT_FILE", place.path("none.pem"));
    command.env("SSL_CERT_DIR", place.path("none"));
    Server::of(command);
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
