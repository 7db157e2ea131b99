//! The example of RFC 7677 §3, and what must fail.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;

const FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const SALT: &str = "W22ZaJ0SNY7soEsUEjb6gQ==";
const LAST: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                    p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

fn iterations() -> NonZeroU32 {
    NonZeroU32::new(4096).unwrap()
}

fn challenged(first: First) -> (Challenged, String) {
    first.challenge(NONCE, &STANDARD.decode(SALT).unwrap(), iterations())
}

/// The last message of a client that knows the password.
fn answer(password: &str, bare: &str, challenge: &str, channel: &[u8]) -> String {
    let nonce = challenge.split(',').next().unwrap();
    let unproven = format!("c={},{nonce}", STANDARD.encode(channel));
    let message = format!("{bare},{challenge},{unproven}");
    let mut salted = [0; 32];
    let salt = STANDARD.decode(SALT).unwrap();
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        iterations(),
        &salt,
        password.as_bytes(),
        &mut salted,
    );
    let mut proof = keyed(&salted, b"Client Key");
    let signature = keyed(&sha256(&proof), message.as_bytes());
    for (octet, signed) in proof.iter_mut().zip(signature) {
        *octet ^= signed;
    }
    format!("{unproven},p={}", STANDARD.encode(proof))
}

#[test]
fn the_example_of_the_standard() {
    let first = First::read(FIRST.as_bytes(), false, None).unwrap();
    assert_eq!((&*first.name, &*first.authorize), ("user", ""));
    let (challenged, challenge) = challenged(first);
    assert_eq!(
        challenge,
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    );
    let proof = challenged.read(LAST.as_bytes()).unwrap();
    let keys = |password| Keys::derive(password, &STANDARD.decode(SALT).unwrap(), iterations());
    assert_eq!(
        proof.verify(&keys("pencil")).as_deref(),
        Some("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    );
    assert_eq!(proof.verify(&keys("Pencil")), None);
    assert_eq!(proof.verify(&Keys::of_nobody()), None);
}

#[test]
fn the_flag_the_mechanism_and_the_channel_must_agree() {
    let bindings = ChannelBindings {
        exporter: [7; 32],
        server_end_point: Some(Arc::from(&b"certificate"[..])),
    };
    const MALFORMED: ScramError = ScramError::Malformed;
    for (flag, plus, offered, expected) in [
        ("n", false, false, None),
        ("n", false, true, None),
        ("y", false, false, None),
        ("y", false, true, Some(ScramError::DOWNGRADED)),
        ("p=tls-exporter", true, true, None),
        ("p=tls-server-end-point", true, true, None),
        ("p=tls-unique", true, true, Some(ScramError::UNSUPPORTED)),
        ("p=tls-exporter", true, false, Some(ScramError::UNSUPPORTED)),
        ("p=tls-exporter", false, true, Some(ScramError::UNSUPPORTED)),
        ("n", true, true, Some(ScramError::UNSUPPORTED)),
        ("y", true, true, Some(ScramError::UNSUPPORTED)),
        ("", false, false, Some(MALFORMED)),
        ("x", false, false, Some(MALFORMED)),
        ("P=tls-exporter", true, true, Some(MALFORMED)),
    ] {
        let message = format!("{flag},,n=user,r=abc");
        let read = First::read(message.as_bytes(), plus, offered.then_some(&bindings));
        assert_eq!(read.err(), expected, "{flag:?}, plus: {plus}, offered: {offered}");
    }
}

#[test]
fn the_last_message_repeats_header_and_channel() {
    let bindings = ChannelBindings {
        exporter: [7; 32],
        server_end_point: None,
    };
    let header = b"p=tls-exporter,a=user,";
    let bare = "n=user,r=abc";
    let keys = Keys::derive("pencil", &STANDARD.decode(SALT).unwrap(), iterations());
    for (data, right) in [(&[7; 32][..], true), (&[8; 32], false), (&[], false)] {
        let message = [header, bare.as_bytes()].concat();
        let first = First::read(&message, true, Some(&bindings)).unwrap();
        assert_eq!(first.authorize, "user");
        let (challenged, challenge) = challenged(first);
        let last = answer("pencil", bare, &challenge, &[header, data].concat());
        match challenged.read(last.as_bytes()) {
            Ok(proof) => assert!(right && proof.verify(&keys).is_some()),
            Err(error) => assert!(!right && error == ScramError::OTHER_CHANNEL),
        }
    }
}

#[test]
fn what_is_none_is_refused() {
    for (first, expected) in [
        ("", ScramError::Malformed),
        ("n", ScramError::Malformed),
        ("n,", ScramError::Malformed),
        ("n,,", ScramError::Malformed),
        ("n,,n=user", ScramError::Malformed),
        ("n,,n=user,r=", ScramError::Malformed),
        ("n,,n=,r=abc", ScramError::Malformed),
        ("n,,r=abc,n=user", ScramError::Malformed),
        ("n,,n=us=er,r=abc", ScramError::Malformed),
        ("n,,n=us=2cer,r=abc", ScramError::Malformed),
        ("n,,n=user=,r=abc", ScramError::Malformed),
        ("n,user,n=user,r=abc", ScramError::Malformed),
        ("n,a=,n=user,r=abc", ScramError::Malformed),
        ("n,,n=user,r=a\u{e9}c", ScramError::Malformed),
        ("n,,n=user,r=a c", ScramError::Malformed),
        ("n,,m=ext,n=user,r=abc", ScramError::Extension),
    ] {
        let read = First::read(first.as_bytes(), false, None);
        assert_eq!(read.err(), Some(expected), "{first:?}");
    }
    let long = format!("n,,n=user,r={}", "x".repeat(MAX_NONCE + 1));
    assert!(First::read(long.as_bytes(), false, None).is_err());
    assert!(First::read(b"n,,n=\xff,r=abc", false, None).is_err());
    let named = First::read(b"n,a=b=2C=3D,n=a=3Db=2Cc,r=abc,x=y", false, None).unwrap();
    assert_eq!((&*named.name, &*named.authorize), ("a=b,c", "b,="));

    let proof = STANDARD.encode([0; 32]);
    let nonce = format!("rOprNGfwEbeRWgbNEkqO{NONCE}");
    for (last, expected) in [
        (String::new(), ScramError::Malformed),
        (format!("c=biws,r={nonce}"), ScramError::Malformed),
        (format!("r={nonce},c=biws,p={proof}"), ScramError::Malformed),
        (format!("c=biws,r={nonce},p="), ScramError::Malformed),
        (format!("c=biws,r={nonce},p=AAAA"), ScramError::Malformed),
        (format!("c=biws,r={nonce}x,p={proof}"), ScramError::Malformed),
        (
            format!("c=biws,r=rOprNGfwEbeRWgbNEkqO,p={proof}"),
            ScramError::Malformed,
        ),
        (format!("c=eSws,r={nonce},p={proof}"), ScramError::OTHER_CHANNEL),
        (format!("c=,r={nonce},p={proof}"), ScramError::OTHER_CHANNEL),
    ] {
        let (challenged, _) = challenged(First::read(FIRST.as_bytes(), false, None).unwrap());
        assert_eq!(challenged.read(last.as_bytes()).err(), Some(expected), "{last:?}");
    }
    // Unknown extensions are passed over, and are part of what is proven.
    let (challenged, _) = challenged(First::read(FIRST.as_bytes(), false, None).unwrap());
    assert!(
        challenged
            .read(format!("c=biws,r={nonce},x=y,p={proof}").as_bytes())
            .is_ok()
    );
}

proptest! {
    #[test]
    fn any_octets_are_an_error_at_worst(message in proptest::collection::vec(any::<u8>(), 0..80), plus in any::<bool>()) {
        let _ = First::read(&message, plus, None);
        let (challenged, _) = challenged(First::read(FIRST.as_bytes(), false, None).unwrap());
        let _ = challenged.read(&message);
    }
}
