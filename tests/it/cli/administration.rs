//! Domains, accounts and aliases by the command line.

use super::Place;

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
fn app_passwords_are_told_once() {
    let place = Place::new("data = \"data\"");
    place.run(&["domain", "add", "example.org"]).ok("added");
    place.run(&["account", "add", "alice@example.org"]).ok("added");
    let app_password = |arguments: &[&str]| place.run(&[&["account", "app-password"], arguments].concat());
    let added = app_password(&["add", "alice@example.org", "phone", "--scope", "imap"])
        .ok("app password of alice@example.org added; it is ");
    let password = added.said.trim_end().rsplit(' ').next().unwrap().to_owned();
    assert_eq!(password.len(), 34, "{added:?}");
    let listed = app_password(&["list", "alice@example.org"]).ok("NAME   SCOPE  MADE");
    assert!(listed.said.contains("phone  imap   20"), "{listed:?}");
    assert!(
        listed.said.contains("Z  never") && !listed.said.contains(&password),
        "{listed:?}"
    );
    app_password(&["add", "alice@example.org", "phone"]).failed(1, "exists already");
    app_password(&["remove", "alice@example.org", "phone"]).ok("app password of alice@example.org removed");
    app_password(&["remove", "alice@example.org", "phone"]).failed(1, "there is no app password \"phone\"");
}

#[test]
fn capabilities_are_switched_off_by_their_names() {
    let place = Place::new("data = \"data\"");
    place.run(&["domain", "add", "example.org"]).ok("added");
    place.run(&["account", "add", "alice@example.org"]).ok("added");
    let capability = |action: &[&str]| place.run(&[&["account", "capability", "alice@example.org"], action].concat());
    capability(&["disable", "move"]).ok("MOVE is switched off for alice@example.org");
    capability(&["disable", "AUTH=PLAIN"]).ok("AUTH=PLAIN is switched off");
    capability(&["disable", "MOVED"]).failed(
        1,
        "\"MOVED\" is no capability that can be switched off; here are IMAP4rev2, ",
    );
    capability(&["list"]).ok("SWITCHED OFF\nAUTH=PLAIN\nMOVE\n");
    capability(&["enable", "Move"]).ok("MOVE is not switched off for alice@example.org");
    capability(&["list"]).ok("SWITCHED OFF\nAUTH=PLAIN\n");
    place
        .run(&["account", "capability", "bob@example.org", "disable", "MOVE"])
        .failed(1, "there is no account bob@example.org");
}

#[test]
fn an_accounts_database_that_is_none_is_named() {
    let place = Place::new("data = \"data\"");
    place.run(&["domain", "add", "example.org"]).ok("added");
    place.write("data/accounts.db", [b'x'; 8192]);
    place.run(&["domain", "list"]).failed(1, "data/accounts.db: ");
}

#[test]
fn administrators() {
    let place = Place::new("data = \"data\"");
    place.run(&["domain", "add", "example.org"]).ok("added");
    place.run(&["account", "add", "alice@example.org"]).ok("added");
    let admin = |arguments: &[&str]| place.run(&[&["account", "admin", "alice@example.org"], arguments].concat());
    admin(&[]).ok("account alice@example.org is no administrator\n");
    admin(&["on"]).ok("account alice@example.org is an administrator\n");
    admin(&[]).ok("is an administrator\n");
    admin(&["off"]).ok("is no administrator\n");
    assert_eq!(admin(&["perhaps"]).code, Some(2));
}

#[test]
fn quotas() {
    let place = Place::new("data = \"data\"\n[quota]\nstorage = \"5GiB\"");
    place.run(&["domain", "add", "example.org"]).ok("added");
    place.run(&["account", "add", "alice@example.org"]).ok("added");
    let quota = |arguments: &[&str]| place.run(&[&["account", "quota", "alice@example.org"], arguments].concat());
    quota(&[]).ok("account alice@example.org may hold 5GiB of mail\n");
    quota(&["--messages", "1000", "--storage", "1536MiB"]).ok("may hold 1536MiB of mail, 1000 messages\n");
    quota(&["--mailboxes", "20"]).ok("may hold 20 mailboxes\n");
    quota(&["--none"]).ok("may hold as much as there is room for\n");
    quota(&[]).ok("may hold as much as there is room for\n");
    quota(&["--usual"]).ok("may hold 5GiB of mail\n");
    assert_eq!(quota(&["--none", "--storage", "1GiB"]).code, Some(2));
    assert_eq!(quota(&["--storage", "much"]).code, Some(2));
    place
        .run(&["account", "quota", "nobody@example.org", "--none"])
        .failed(1, "there is no account nobody@example.org");
}

#[test]
fn the_queue_of_a_server_that_has_sent_nothing() {
    let place = Place::new("data = \"data\"");
    assert_eq!(
        place.run(&["queue", "list"]).ok("").said,
        "ID  ARRIVED  OCTETS  FROM  TO  TRIES  NEXT  WHY\n"
    );
    place
        .run(&["queue", "hold", "--all"])
        .ok("mail for 0 recipients is held\n");
    for command in ["show", "retry", "hold", "release", "drop"] {
        place
            .run(&["queue", command, "00000000000000ab"])
            .failed(1, "no message 00000000000000ab is in the queue");
        assert_eq!(place.run(&["queue", command, "1"]).code, Some(2));
    }
    assert_eq!(place.run(&["queue", "drop"]).code, Some(2));
}
