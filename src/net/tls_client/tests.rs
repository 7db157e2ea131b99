//! A server with a certificate that an authority of the test has issued, and clients that want this or that of it.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use ring::digest::{SHA256, SHA512, digest};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use rustls::server::ParsedCertificate;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::*;
use crate::net::connection::Connection;
use crate::net::dns::Tlsa;
use crate::net::tls::Tls;

const SOON: Duration = Duration::from_secs(20);
const HOST: &str = "mx.example.test";

struct World {
    folder: TempDir,
    server: Tls,
    authority: CertificateDer<'static>,
    own: CertificateDer<'static>,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let authority_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&authority_key).unwrap();
        let issuer = Issuer::new(params, authority_key);
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
        let own = params.signed_by(&key, &issuer).unwrap();
        let write = |name: &str, text: String| {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            file
        };
        write("authority.pem", authority.pem());
        let chain = write("chain.pem", own.pem() + &authority.pem());
        let key = write("key.pem", key.serialize_pem());
        World {
            server: Tls::from_files(&chain, &key).unwrap(),
            authority: CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap(),
            own: CertificateDer::from_pem_slice(own.pem().as_bytes()).unwrap(),
            folder,
        }
    }

    /// What comes of a handshake with a client that trusts the authority, or does not.
    async fn handshake(&self, trusting: bool, wanted: Verification) -> Result<(), TlsFailure> {
        let file = self.folder.path().join("authority.pem");
        let client = TlsClient::new(&Roots::trusted(trusting.then_some(&*file)).unwrap()).unwrap();
        let (mut connection, serving) = self.connected(b"").await;
        let result = connection.start_tls_as_client(&client, HOST, wanted, SOON).await;
        if result.is_ok() {
            assert_eq!(connection.fill(SOON).await.unwrap(), b"hello");
        }
        drop(connection);
        serving.await.unwrap();
        result
    }

    /// A connection to the server, which has said `before` in plain text.
    async fn connected(&self, before: &'static [u8]) -> (Connection, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = self.server.clone();
        let serving = tokio::spawn(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            tcp.write_all(before).await.unwrap();
            if let Ok((mut tls, _)) = server.accept(tcp, SOON).await {
                let _ = tls.write_all(b"hello").await;
            }
        });
        let from = crate::net::outgoing::From::new(&["127.0.0.1".parse().unwrap()]);
        (from.connect(address, SOON).await.unwrap(), serving)
    }
}

fn tlsa(usage: u8, selector: u8, matching: u8, certificate: &CertificateDer<'_>) -> Tlsa {
    let public: SubjectPublicKeyInfoDer<'_> = ParsedCertificate::try_from(certificate)
        .unwrap()
        .subject_public_key_info();
    let selected: &[u8] = if selector == 0 { certificate } else { &public };
    let data = match matching {
        0 => selected.to_vec(),
        1 => digest(&SHA256, selected).as_ref().to_vec(),
        _ => digest(&SHA512, selected).as_ref().to_vec(),
    };
    Tlsa {
        usage,
        selector,
        matching,
        data,
    }
}

fn dane(records: Vec<Tlsa>, names: &[&str]) -> Verification {
    assert!(records.iter().all(is_usable));
    Verification::Dane {
        records,
        names: names.iter().map(|name| (*name).to_owned()).collect(),
    }
}

#[tokio::test]
async fn a_certificate_of_an_authority() {
    let world = World::new();
    let named = |name: &str| Verification::Name(name.to_owned());
    let fault = |result| match result {
        Ok(()) => None,
        Err(TlsFailure::Certificate(fault)) => Some(fault),
        Err(other) => panic!("{other}"),
    };
    for (trusting, wanted, expected) in [
        (false, Verification::None, None),
        (true, named(HOST), None),
        (false, named(HOST), Some(CertificateFault::Untrusted)),
        (true, named("other.example.test"), Some(CertificateFault::WrongName)),
    ] {
        let told = format!("{trusting} {wanted:?}");
        assert_eq!(fault(world.handshake(trusting, wanted).await), expected, "{told}");
    }
}

#[tokio::test]
async fn a_certificate_that_the_dns_names() {
    let world = World::new();
    let (own, authority) = (&world.own, &world.authority);
    for selector in [0, 1] {
        for matching in [0, 1, 2] {
            let ee = dane(vec![tlsa(3, selector, matching, own)], &["whatever.test"]);
            world.handshake(false, ee).await.unwrap();
            let ta = dane(vec![tlsa(2, selector, matching, authority)], &["other.test", HOST]);
            world.handshake(false, ta).await.unwrap();
        }
    }
    let wrong = |result: Result<(), TlsFailure>| match result {
        Err(TlsFailure::Certificate(fault)) => fault,
        other => panic!("{other:?}"),
    };
    // The authority's certificate is not the server's own, and the server's own issues nothing.
    for record in [tlsa(3, 1, 1, authority), tlsa(2, 1, 1, own)] {
        let result = world.handshake(true, dane(vec![record], &[HOST])).await;
        assert_eq!(wrong(result), CertificateFault::NotInDns);
    }
    let result = world
        .handshake(true, dane(vec![tlsa(2, 0, 1, authority)], &["other.test"]))
        .await;
    assert_eq!(wrong(result), CertificateFault::WrongName);
    // One of several is enough.
    let several = vec![tlsa(3, 1, 1, authority), tlsa(3, 1, 1, own)];
    world.handshake(false, dane(several, &[HOST])).await.unwrap();
}

#[test]
fn records_that_cannot_be_compared_with() {
    let usable = |usage, selector, matching, length| {
        is_usable(&Tlsa {
            usage,
            selector,
            matching,
            data: vec![0; length],
        })
    };
    assert!(usable(3, 1, 1, 32) && usable(2, 0, 2, 64) && usable(3, 0, 0, 1));
    for (usage, selector, matching, length) in [
        (0, 1, 1, 32),
        (1, 1, 1, 32),
        (3, 2, 1, 32),
        (3, 1, 1, 31),
        (3, 1, 3, 32),
        (3, 1, 0, 0),
    ] {
        assert!(
            !usable(usage, selector, matching, length),
            "{usage} {selector} {matching} {length}"
        );
    }
}

#[tokio::test]
async fn plain_text_before_the_handshake_is_never_taken_as_encrypted() {
    let world = World::new();
    let client = TlsClient::new(&Roots::trusted(None).unwrap()).unwrap();
    let (mut connection, serving) = world.connected(b"250 injected\r\n").await;
    connection.fill(SOON).await.unwrap();
    let result = connection
        .start_tls_as_client(&client, HOST, Verification::None, SOON)
        .await;
    assert!(matches!(result, Err(TlsFailure::Handshake(_))));
    drop(connection);
    serving.await.unwrap();
}
