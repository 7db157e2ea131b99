use super::*;

const MESSAGE: &[u8] = b"From: Alice <alice@example.org>\r\nTo: bob@example.net\r\nSubject: hello\r\n\r\nText\r\n";

#[tokio::test]
async fn a_life_of_keys() {
    let folder = tempfile::tempdir().unwrap();
    let (keys_of, signers) = (KeyFolder::new(folder.path()), Signers::new(folder.path()));
    let domain = "example.org";
    assert!(matches!(keys::rotate(&keys_of, domain), Err(keys::Error::NotThere)));
    assert_eq!(signers.sign(domain, MESSAGE.to_vec()).await, "");

    let first = keys::create(&keys_of, domain).unwrap();
    assert!(matches!(keys::create(&keys_of, domain), Err(keys::Error::AlreadyThere)));
    let signed = signers.sign(domain, MESSAGE.to_vec()).await;
    let by = |signed: &str, key: &keys::Key| signed.contains(&format!("s={};", key.selector()));
    assert!(first.iter().all(|key| by(&signed, key)), "{signed}");
    assert_eq!(signed.matches("DKIM-Signature:").count(), 2);
    assert!(
        signed.contains("c=relaxed/relaxed") && !signed.contains(" l="),
        "{signed}"
    );

    // The running server signs with the old ones until the new ones are told to be in the DNS.
    let second = keys::rotate(&keys_of, domain).unwrap();
    let signed = signers.sign(domain, MESSAGE.to_vec()).await;
    assert!(first.iter().all(|key| by(&signed, key)) && !second.iter().any(|key| by(&signed, key)));
    keys::rotate(&keys_of, domain).unwrap();
    let signed = signers.sign(domain, MESSAGE.to_vec()).await;
    assert!(second.iter().all(|key| by(&signed, key)) && !first.iter().any(|key| by(&signed, key)));
    assert_eq!(keys::retire(&keys_of, domain).unwrap().len(), 2);
    assert_eq!(keys::of(&keys_of, domain).unwrap().len(), 2);
}

#[test]
fn keys_are_for_their_owner_alone_and_records_fit_the_dns() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let made = keys::create(&KeyFolder::new(folder.path()), "example.org").unwrap();
    for key in &made {
        let file = folder
            .path()
            .join(format!("dkim/example.org/{}.used.pem", key.selector()));
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let line = key.zone_line("example.org").unwrap();
        assert!(line.starts_with(&format!(
            "{}._domainkey.example.org. IN TXT (\"v=DKIM1; k=",
            key.selector()
        )));
        assert!(line.split('"').all(|string| string.len() <= 255), "{line}");
    }
    // What openssl would print begins like this for every key of 2,048 bits.
    assert!(
        made[0]
            .record()
            .unwrap()
            .contains("p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA")
    );
}

#[test]
fn who_wrote_it() {
    assert_eq!(author(MESSAGE).unwrap().to_string(), "alice@example.org");
    for none in ["", "\r\n", "Subject: x\r\n\r\n", "From: \r\n\r\n", "From: root\r\n\r\n"] {
        assert_eq!(author(none.as_bytes()), None, "{none:?}");
    }
}
