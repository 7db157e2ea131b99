//! Accounts, aliases and logins on a real database.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use posthaste::accounts::{Accounts, Error, LoginError, Origin, Resolution, Scope, Service};
use posthaste::config::Login;
use posthaste::mail::address::Address;
use tempfile::TempDir;

/// From where all of these tests log in.
const HERE: Origin = origin(Service::Imap);

const fn origin(service: Service) -> Origin {
    Origin {
        service,
        address: std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)),
    }
}

async fn open(data: &TempDir) -> Accounts {
    Accounts::open(data.path(), &Login::default()).await.unwrap()
}

/// example.org with alice and bob.
async fn populated(data: &TempDir) -> Accounts {
    let accounts = open(data).await;
    accounts.add_domain("Example.ORG").await.unwrap();
    accounts.add("Alice@example.org", "wonderland").await.unwrap();
    accounts.add("bob@example.org", "builder").await.unwrap();
    accounts
}

/// The local parts of those whose address it is; `?` for an unknown user, `remote` for another's domain.
async fn whose(accounts: &Accounts, address: &str) -> String {
    match accounts.resolve(&Address::parse(address).unwrap()).await.unwrap() {
        Resolution::Local(found) => {
            let locals: Vec<_> = found.iter().map(|account| account.address.local()).collect();
            locals.join(" ")
        }
        Resolution::Forwarded(_) | Resolution::Circular => panic!("{address} leads elsewhere"),
        Resolution::UnknownUser => "?".to_owned(),
        Resolution::Remote => "remote".to_owned(),
    }
}

#[tokio::test]
async fn account_alias_subaddress_and_catch_all_in_that_order() {
    let data = tempfile::tempdir().unwrap();
    let accounts = populated(&data).await;
    let both = ["alice@example.org".to_owned(), "bob@example.org".to_owned()];
    accounts.add_alias("team@example.org", &both).await.unwrap();
    accounts.add_alias("alice+shop@example.org", &both[1..]).await.unwrap();
    for (address, owners) in [
        ("alice@example.org", "alice"),
        ("ALICE@EXAMPLE.org", "alice"),
        ("alice+tag@example.org", "alice"),
        ("alice+a+b@example.org", "alice"),
        ("alice+Shop@example.org", "bob"),
        ("team@example.org", "alice bob"),
        ("Team+x@example.org", "alice bob"),
        ("carol@example.org", "?"),
        ("carol+tag@example.org", "?"),
        ("+tag@example.org", "?"),
        ("alice@example.net", "remote"),
        ("alice@sub.example.org", "remote"),
        ("Postmaster@example.org", "alice"),
    ] {
        assert_eq!(whose(&accounts, address).await, owners, "{address}");
    }
    accounts.add_alias("@example.org", &both[1..]).await.unwrap();
    for (address, owners) in [
        ("carol@example.org", "bob"),
        ("+tag@example.org", "bob"),
        ("alice@example.org", "alice"),
        ("postmaster@example.org", "bob"),
        ("carol@example.net", "remote"),
    ] {
        assert_eq!(whose(&accounts, address).await, owners, "{address}, with a catch-all");
    }
    accounts.add_alias("postmaster@example.org", &both).await.unwrap();
    assert_eq!(whose(&accounts, "postmaster@example.org").await, "alice bob");
}

#[tokio::test]
async fn postmaster_is_always_somebody() {
    let data = tempfile::tempdir().unwrap();
    let accounts = open(&data).await;
    assert_eq!(accounts.postmaster().await.unwrap(), Resolution::UnknownUser);
    accounts.add_domain("empty.example").await.unwrap();
    assert_eq!(whose(&accounts, "postmaster@empty.example").await, "?");
    let accounts = populated(&data).await;
    assert_eq!(whose(&accounts, "postmaster@empty.example").await, "alice");
    let Resolution::Local(found) = accounts.postmaster().await.unwrap() else {
        panic!("nobody");
    };
    assert_eq!(found[0].address.to_string(), "alice@example.org");
}

#[tokio::test]
async fn a_login_is_an_address_in_any_case_or_a_local_part_where_that_is_clear() {
    let data = tempfile::tempdir().unwrap();
    let accounts = populated(&data).await;
    let alice = ["alice@example.org".to_owned()];
    accounts.add_alias("wonder@example.org", &alice).await.unwrap();
    accounts
        .add_alias("both@example.org", &[alice[0].clone(), "bob@example.org".to_owned()])
        .await
        .unwrap();
    accounts.add_alias("@example.org", &alice).await.unwrap();
    for login in [
        "alice@example.org",
        " Alice@EXAMPLE.org\t",
        "alice",
        "ALICE",
        "alice+tag@example.org",
        "Alice+tag",
        "wonder@example.org",
        "Wonder+tag",
    ] {
        let account = accounts.authenticate(HERE, login, "wonderland").await.unwrap();
        assert_eq!(account.address.to_string(), "alice@example.org", "{login:?}");
    }
    for (login, password) in [
        ("alice@example.org", "Wonderland"),
        ("alice@example.org", "wonderland "),
        ("alice@example.org", ""),
        ("alice@example.org", "builder"),
        ("carol@example.org", "wonderland"),
        ("carol+tag@example.org", "wonderland"),
        ("both@example.org", "wonderland"),
        ("@example.org", "wonderland"),
        ("+tag@example.org", "wonderland"),
        ("", ""),
        ("a@b@c", "x"),
        ("alice@example.net", "wonderland"),
    ] {
        let refused = accounts.authenticate(HERE, login, password).await;
        assert!(matches!(refused, Err(LoginError::Refused(_))), "{login:?} {password:?}");
    }
    accounts.add_domain("example.net").await.unwrap();
    let refused = accounts.authenticate(HERE, "alice", "wonderland").await;
    assert!(
        matches!(refused, Err(LoginError::Refused(_))),
        "two domains: whose alice?"
    );
}

#[tokio::test]
async fn changes_of_another_process_are_true_at_once() {
    let data = tempfile::tempdir().unwrap();
    let (server, command_line) = (populated(&data).await, open(&data).await);
    server.authenticate(HERE, "alice", "wonderland").await.unwrap();
    command_line
        .set_password("alice@example.org", "looking glass")
        .await
        .unwrap();
    assert!(
        server.authenticate(HERE, "alice", "wonderland").await.is_err(),
        "the old password was remembered"
    );
    server.authenticate(HERE, "alice", "looking glass").await.unwrap();

    command_line.set_enabled("alice@example.org", false).await.unwrap();
    assert!(server.authenticate(HERE, "alice", "looking glass").await.is_err());
    assert_eq!(
        whose(&server, "alice@example.org").await,
        "alice",
        "who may not log in still gets mail"
    );
    command_line.set_enabled("alice@example.org", true).await.unwrap();
    server.authenticate(HERE, "alice", "looking glass").await.unwrap();

    let first = command_line.remove("alice@example.org").await.unwrap();
    assert!(server.authenticate(HERE, "alice", "looking glass").await.is_err());
    assert_eq!(whose(&server, "alice@example.org").await, "?");
    let second = command_line.add("alice@example.org", "again").await.unwrap();
    assert_ne!(first.id, second.id, "a number is given once");
}

#[tokio::test]
async fn app_passwords_let_in_where_they_are_for() {
    let data = tempfile::tempdir().unwrap();
    let accounts = populated(&data).await;
    let (_, reading) = accounts
        .add_app_password("alice@example.org", "phone", Scope::Imap)
        .await
        .unwrap();
    let (_, sending) = accounts
        .add_app_password("Alice@example.org", " printer ", Scope::Smtp)
        .await
        .unwrap();
    // One that reads mail must not be able to have all of it sent elsewhere.
    let (_, rules) = accounts
        .add_app_password("bob@example.org", "filters", Scope::Sieve)
        .await
        .unwrap();
    for (login, password, lets_in) in [
        ("alice@example.org", &reading, false),
        ("alice@example.org", &sending, false),
        ("bob@example.org", &rules, true),
    ] {
        let entered = accounts
            .authenticate(origin(Service::ManageSieve), login, password)
            .await;
        assert_eq!(entered.is_ok(), lets_in, "{login}");
    }
    let log_in = async |login: &str, password: &str| {
        let mut doors = [false; 2];
        for (door, service) in doors.iter_mut().zip([Service::Imap, Service::Submission]) {
            *door = accounts.authenticate(origin(service), login, password).await.is_ok();
        }
        doors
    };
    assert_eq!(log_in("alice@example.org", &reading).await, [true, false]);
    assert_eq!(log_in("alice+x@example.org", &sending).await, [false, true]);
    let typed = reading.replace('-', " ").to_uppercase();
    assert_eq!(log_in("alice", &typed).await, [true, false]);
    assert_eq!(log_in("bob@example.org", &rules).await, [false; 2]);
    assert_eq!(log_in("bob@example.org", &reading).await, [false; 2]);
    assert_eq!(log_in("alice@example.org", "wonderland").await, [true; 2]);

    let listed = accounts.app_passwords("alice@example.org").await.unwrap();
    let names: Vec<_> = listed.iter().map(|one| (&*one.name, one.scope)).collect();
    assert_eq!(names, [("phone", Scope::Imap), ("printer", Scope::Smtp)]);
    assert!(listed.iter().all(|one| one.used.as_ref().unwrap().1 == "192.0.2.1"));

    let told = async |address: &str, name: &str| {
        let added = accounts.add_app_password(address, name, Scope::Both).await;
        added.unwrap_err().to_string()
    };
    assert_eq!(
        told("alice@example.org", "phone").await,
        "an app password \"phone\" exists already"
    );
    assert_eq!(
        told("alice@example.org", " ").await,
        "\"\" cannot name an app password: up to 64 characters are wanted"
    );
    assert_eq!(
        told("carol@example.org", "x").await,
        "there is no account carol@example.org"
    );
    accounts
        .remove_app_password("alice@example.org", "phone")
        .await
        .unwrap();
    let again = accounts.remove_app_password("alice@example.org", "phone").await;
    assert_eq!(again.unwrap_err().to_string(), "there is no app password \"phone\"");
    assert_eq!(log_in("alice@example.org", &reading).await, [false; 2]);
    assert_eq!(log_in("alice@example.org", &sending).await, [false, true]);
}

/// Guesses wait in a lane of their own, and end when there were too many; whoever is right gets in meanwhile.
#[tokio::test]
async fn a_flood_of_guesses_delays_nobody() {
    let data = tempfile::tempdir().unwrap();
    let accounts = populated(&data).await;
    let guesser = Origin {
        address: "198.51.100.1".parse().unwrap(),
        ..HERE
    };
    let looked_at = Arc::new(AtomicUsize::new(0));
    let guesses: Vec<_> = (0..90)
        .map(|number| {
            let (accounts, looked_at) = (accounts.clone(), looked_at.clone());
            tokio::spawn(async move {
                let guess = format!("guess {number}");
                let refused = accounts.authenticate(guesser, "alice", &guess).await.unwrap_err();
                if matches!(refused, LoginError::Refused(_)) {
                    looked_at.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    tokio::task::yield_now().await;
    for login in ["bob", "alice"] {
        let password = if login == "bob" { "builder" } else { "wonderland" };
        accounts.authenticate(HERE, login, password).await.unwrap();
    }
    assert!(
        looked_at.load(Ordering::Relaxed) < 10,
        "all guesses came before who was right"
    );
    for guess in guesses {
        guess.await.unwrap();
    }
    // The next one may be on its way when the last one fails.
    let limit = Login::default().max_failures;
    assert!((limit..=limit + 1).contains(&looked_at.load(Ordering::Relaxed)));
    // Where the guesses came from, alice has to wait; elsewhere not.
    let blocked = accounts.authenticate(guesser, "alice", "wonderland again").await;
    assert!(matches!(blocked, Err(LoginError::Blocked(_))));
    accounts.authenticate(HERE, "alice", "wonderland").await.unwrap();
}

#[tokio::test]
async fn twenty_processes_may_open_a_new_database_together() {
    let data = tempfile::tempdir().unwrap();
    let opening: Vec<_> = (0..20)
        .map(|number| {
            let folder = data.path().to_owned();
            tokio::spawn(async move {
                let accounts = Accounts::open(&folder, &Login::default()).await.unwrap();
                accounts.add_domain(&format!("d{number}.example")).await.unwrap();
            })
        })
        .collect();
    for opened in opening {
        opened.await.unwrap();
    }
    assert_eq!(open(&data).await.domains().await.unwrap().len(), 20);
}

#[tokio::test]
async fn what_cannot_be_done_says_why() {
    let data = tempfile::tempdir().unwrap();
    let accounts = populated(&data).await;
    let alice = ["alice@example.org".to_owned()];
    accounts.add_alias("info@example.org", &alice).await.unwrap();
    let told = |error: Error| error.to_string();

    let error = accounts.add_domain("EXAMPLE.org").await.unwrap_err();
    assert_eq!(told(error), "the domain example.org exists already");
    for wrong in ["", "exa mple", "[127.0.0.1]", "a@b", "@example.org"] {
        let error = accounts.add_domain(wrong).await.unwrap_err();
        assert_eq!(told(error), format!("{wrong:?} is no domain name"));
    }
    let error = accounts.remove_domain("example.org").await.unwrap_err();
    assert_eq!(
        told(error),
        "the domain example.org is in use: accounts: 2, aliases: 1; remove these first"
    );
    let error = accounts.add("carol@example.net", "secret").await.unwrap_err();
    assert!(told(error).starts_with("there is no domain example.net here"));
    let error = accounts.add("Alice@example.org", "secret").await.unwrap_err();
    assert_eq!(told(error), "the account alice@example.org exists already");
    let error = accounts.add("info@example.org", "secret").await.unwrap_err();
    assert_eq!(told(error), "the alias info@example.org exists already");
    for wrong in [
        "carol+x@example.org",
        "\"../x\"@example.org",
        "a/b@example.org",
        "\".\"@example.org",
    ] {
        let error = accounts.add(wrong, "secret").await.unwrap_err();
        assert!(matches!(error, Error::UnusableName(_)), "{wrong}: {error}");
    }
    for wrong in ["", "x\r\ny", &"x".repeat(600)] {
        let error = accounts.add("carol@example.org", wrong).await.unwrap_err();
        assert!(matches!(error, Error::UnusablePassword(_)), "{error}");
    }
    let error = accounts.remove("alice@example.org").await.unwrap_err();
    assert_eq!(
        told(error),
        "aliases lead to the account alice@example.org: info@example.org; remove these first"
    );
    let error = accounts.remove("carol@example.org").await.unwrap_err();
    assert_eq!(told(error), "there is no account carol@example.org");
    let error = accounts
        .add_alias("x@example.org", &["carol@example.org".to_owned()])
        .await
        .unwrap_err();
    assert_eq!(told(error), "there is no account carol@example.org");
    let error = accounts.add_alias("bob@example.org", &alice).await.unwrap_err();
    assert_eq!(told(error), "the account bob@example.org exists already");
    let error = accounts.remove_alias("x@example.org").await.unwrap_err();
    assert_eq!(told(error), "there is no alias x@example.org");
    let error = accounts.remove_alias("@example.org").await.unwrap_err();
    assert_eq!(told(error), "there is no alias @example.org");

    // What failed half way left nothing behind.
    let aliases = accounts.aliases().await.unwrap();
    assert_eq!(aliases.len(), 1);
    assert_eq!(aliases[0].targets, alice);

    accounts.remove_alias("info@example.org").await.unwrap();
    accounts.remove("alice@example.org").await.unwrap();
    accounts.remove("bob@example.org").await.unwrap();
    accounts.remove_domain("example.org").await.unwrap();
    assert!(accounts.domains().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_database_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let data = tempfile::tempdir().unwrap();
    let _accounts = populated(&data).await;
    for file in std::fs::read_dir(data.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.path().display());
    }
}
