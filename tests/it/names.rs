//! Looking names up: what is there, what is not, what cannot be known, and what is proven.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use posthaste::net::dns::{Dns, Dnssec, Failure, Mx, Options, Tlsa};
use tempfile::TempDir;

use crate::peers::name_server::NameServer;

fn resolver(servers: &[SocketAddr], dnssec: Dnssec, folder: Option<&TempDir>) -> Dns {
    Dns::new(&options(servers, dnssec, folder)).unwrap()
}

fn options(servers: &[SocketAddr], dnssec: Dnssec, folder: Option<&TempDir>) -> Options {
    Options {
        servers: servers.to_vec(),
        dnssec,
        trust_anchor: folder.map(|folder| folder.path().join("anchor")),
        timeout: Duration::from_secs(5),
        cache_entries: 100,
    }
}

#[tokio::test]
async fn what_is_there_and_what_is_not() -> anyhow::Result<()> {
    let server = NameServer::start().await?;
    server.add("example.test", "MX 10 mx.example.test.")?;
    server.add("example.test", "MX 20 Backup.Example.test.")?;
    server.add("null.test", "MX 0 .")?;
    server.add("mx.example.test", "A 192.0.2.1")?;
    server.add("mx.example.test", "AAAA 2001:db8::1")?;
    server.add("text.test", "TXT \"v=one \" \"two\"")?;
    server.add("1.2.0.192.in-addr.arpa", "PTR Mx.example.test.")?;
    server.add("alias.test", "CNAME other.test.")?;
    server.add("other.test", "CNAME example.test.")?;
    server.add("circle.test", "CNAME circle.test.")?;
    server.add("xn--bcher-kva.test", "A 192.0.2.2")?;
    server.fail("broken.test")?;
    let dns = resolver(&[server.address()], Dnssec::Off, None);

    let mx = |preference, exchange: &str| Mx {
        preference,
        exchange: exchange.to_owned(),
    };
    let mut found = dns.mx("Example.test").await?;
    found.records.sort_by_key(|mx| mx.preference);
    assert_eq!(
        found.records,
        [mx(10, "mx.example.test"), mx(20, "backup.example.test")]
    );
    assert!(found.exists && !found.secure);
    assert_eq!(dns.mx("null.test").await?.records, [mx(0, "")]);
    assert_eq!(dns.a("mx.example.test").await?.records, [Ipv4Addr::new(192, 0, 2, 1)]);
    assert_eq!(
        dns.aaaa("mx.example.test").await?.records,
        ["2001:db8::1".parse::<Ipv6Addr>()?]
    );
    assert_eq!(dns.txt("text.test").await?.records, ["v=one two"]);
    assert_eq!(dns.ptr("192.0.2.1".parse()?).await?.records, ["mx.example.test"]);
    assert_eq!(dns.a("bücher.test").await?.records.len(), 1);

    let aliased = dns.mx("alias.test").await?;
    assert_eq!((aliased.records.len(), &*aliased.name), (2, "example.test"));

    let (no_records, no_name) = (dns.aaaa("text.test").await?, dns.aaaa("nothing.test").await?);
    assert!(no_records.is_empty() && no_records.exists);
    assert!(no_name.is_empty() && !no_name.exists);

    for name in ["broken.test", "circle.test"] {
        let failed = dns.a(name).await;
        assert!(!matches!(&failed, Ok(found) if !found.is_empty()), "{failed:?}");
    }
    assert!(matches!(dns.a("broken.test").await, Err(Failure::Unanswered { .. })));
    let long = format!("{}.test", "a".repeat(64));
    for name in ["a..test", &long] {
        assert_eq!(dns.a(name).await, Err(Failure::NotAName), "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn answers_are_remembered_and_large_ones_come_by_tcp() -> anyhow::Result<()> {
    let server = NameServer::start().await?;
    for number in 0..200 {
        server.add("many.test", &format!("TXT \"{number} {}\"", "x".repeat(100)))?;
    }
    let dns = resolver(&[server.address()], Dnssec::Off, None);
    for _ in 0..3 {
        assert_eq!(dns.txt("many.test").await?.records.len(), 200);
    }
    // Once by UDP, and once by TCP for it was cut off.
    assert_eq!(server.asked("many.test", "TXT")?, 2);
    Ok(())
}

#[tokio::test]
async fn a_name_server_that_is_not_there_is_no_answer() {
    let mut options = options(&[SocketAddr::from(([127, 0, 0, 1], 1))], Dnssec::Off, None);
    options.timeout = Duration::from_millis(10);
    let dns = Dns::new(&options).unwrap();
    assert!(matches!(dns.mx("example.test").await, Err(Failure::Unanswered { .. })));
}

#[tokio::test]
async fn what_is_proven() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let server = NameServer::signed(&folder.path().join("anchor")).await?;
    server.add("signed.test", "MX 10 mx.signed.test.")?;
    server.add("_25._tcp.mx.signed.test", "TLSA 3 1 1 00ff")?;
    server.add("alias.test", "CNAME signed.test.")?;
    server.unsigned("insecure.test")?;
    server.add("insecure.test", "MX 10 mx.signed.test.")?;
    server.add("half.test", "CNAME www.insecure.test.")?;
    server.add("www.insecure.test", "A 192.0.2.1")?;
    server.add("forged.test", "MX 10 mx.forged.test.")?;
    server.forge("forged.test")?;
    for dnssec in [Dnssec::On, Dnssec::Auto] {
        let dns = resolver(&[server.address()], dnssec, Some(&folder));
        let proven = dns.proven();
        assert!(proven.mx("signed.test").await?.secure);
        assert!(!dns.mx("signed.test").await?.secure);
        let aliased = proven.mx("alias.test").await?;
        assert!(aliased.secure && aliased.name == "signed.test");

        let tlsa = proven.tlsa("_25._tcp.mx.signed.test").await?;
        let wanted = Tlsa {
            usage: 3,
            selector: 1,
            matching: 1,
            data: vec![0, 255],
        };
        assert_eq!((tlsa.records, tlsa.secure), (vec![wanted], true));

        let insecure = proven.mx("insecure.test").await?;
        assert_eq!((insecure.records.len(), insecure.secure), (1, false));
        let half = proven.a("half.test").await?;
        assert_eq!((half.records.len(), half.secure), (1, false));

        let none = proven.tlsa("_25._tcp.nothing.test").await?;
        assert!(none.is_empty() && none.secure, "{none:?}");
        let none = proven.tlsa("_25._tcp.www.insecure.test").await?;
        assert!(none.is_empty() && !none.secure, "{none:?}");

        assert!(matches!(proven.mx("forged.test").await, Err(Failure::Bogus { .. })));
        assert_eq!(dns.mx("forged.test").await?.records.len(), 1);
    }
    Ok(())
}

#[tokio::test]
async fn behind_name_servers_that_strip_signatures_nothing_is_proven_and_nothing_fails() -> anyhow::Result<()> {
    let server = NameServer::start().await?;
    server.add("example.test", "MX 10 mx.example.test.")?;
    let dns = resolver(&[server.address()], Dnssec::Auto, None);
    let found = dns.proven().mx("example.test").await?;
    assert_eq!((found.records.len(), found.secure), (1, false));
    let strict = resolver(&[server.address()], Dnssec::On, None);
    assert!(strict.proven().mx("example.test").await.is_err());
    Ok(())
}
