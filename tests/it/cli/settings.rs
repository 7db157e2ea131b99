//! Settings that are wrong, and what else a start would stumble over.

use std::os::unix::process::CommandExt;
use std::path::Path;

use super::{Ended, NOBODY, Place};

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
            "data = \"data\"\n[imap]\ndisable = [\"MOVED\"]",
            "imap.disable: \"MOVED\" is no capability that can be switched off; here are IMAP4rev2, ",
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
fn the_full_text_index_tells_its_size() {
    let place = Place::new("data = \"data\"");
    place.run(&["full-text"]).ok("ACCOUNT  MESSAGES\n0 octets on disk\n");
    let off = Place::new("data = \"data\"\nstorage.full_text = false");
    off.run(&["full-text"]).ok("it is switched off (storage.full_text)");
}
