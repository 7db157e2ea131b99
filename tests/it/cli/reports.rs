//! Reports, and the records of a domain, by the command line.

use posthaste::reports::tls::{Policy, seen};
use posthaste::storage::reports::{Kind, Received, ReceivedRow, ReportStore};

use super::Place;

#[test]
fn what_was_collected_and_what_came() {
    let place = Place::new("data = \"data\"");
    place.run(&["reports", "list"]).ok("DAY  KIND  DOMAIN  COUNT  REPORT\n");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = ReportStore::open(&place.path("data")).await.unwrap();
        for _ in 0..3 {
            store.note_on(20_000, seen("example.net", &Policy::default(), None));
        }
        store.counted().await;
        store
            .settle(Kind::Tls, 20_000, "example.net", "nobody asks for it")
            .await
            .unwrap();
        let row = |source: &str, count, passed| ReceivedRow {
            source: source.to_owned(),
            count,
            passed,
            detail: "none dkim=pass spf=pass from=example.org".to_owned(),
        };
        let report = |reporter: &str, rows| Received {
            kind: Kind::Dmarc,
            domain: "example.org".to_owned(),
            reporter: reporter.to_owned(),
            report: "1".to_owned(),
            begins: 1_728_000_000,
            ends: 1_728_086_399,
            rows,
        };
        let first = report(
            "big.example",
            vec![row("192.0.2.1", 7, true), row("203.0.113.5", 2, false)],
        );
        let second = report("small.example", vec![row("192.0.2.1", 1, true)]);
        assert!(store.receive(20_001, &first).await.unwrap() && store.receive(20_001, &second).await.unwrap());
        store.close().await;
    });
    place
        .run(&["reports", "list"])
        .ok("2024-10-04  tls   example.net  3      nobody asks for it\n");
    place
        .run(&["reports", "list", "example.net"])
        .ok("2024-10-04  tls   *       3      pass    no-policy-found\n");
    place.run(&["reports", "received", "Example.org"]).ok(
        "DAY         KIND   DOMAIN       SOURCE       PASSED  FAILED  REPORTS\n\
         2024-10-04  dmarc  example.org  192.0.2.1    8       0       2 1\n\
         2024-10-04  dmarc  example.org  203.0.113.5  0       2       1\n",
    );
    let none = place.run(&["reports", "received", "other.example"]).ok("DAY");
    assert_eq!(none.said.lines().count(), 1);
    place
        .run(&["reports", "show", "1"])
        .ok("203.0.113.5  2      fail    none dkim=pass");
    place.run(&["reports", "show", "9"]).failed(1, "no report 9 came");
    place.run(&["reports", "send"]).ok("the server sends what is there");
}

#[test]
fn who_sends_none_is_told() {
    let place = Place::new("data = \"data\"\n[reports]\nsend = false");
    place.run(&["reports", "send"]).failed(1, "reports.send is false");
}

#[test]
fn all_records_of_a_domain() {
    let place = Place::new("data = \"data\"\nhostname = \"mail.example.org\"");
    place
        .run(&["domain", "dns", "example.org"])
        .failed(1, "is no domain of this server");
    place.run(&["domain", "add", "example.org"]).ok("added");
    place.run(&["dkim", "create", "example.org"]).ok("signed");
    let printed = place
        .run(&["domain", "dns", "Example.org"])
        .ok("example.org. IN MX 10 mail.example.org.\n")
        .said;
    assert_eq!(
        printed.matches("._domainkey.example.org. IN TXT").count(),
        2,
        "{printed}"
    );
    assert!(
        printed
            .lines()
            .all(|line| line.starts_with("; ") || line.contains(" IN ")),
        "{printed}"
    );
}
