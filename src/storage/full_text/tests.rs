//! What is found, and that nothing is missed.

use super::*;

const ACCOUNT: &str = "alice@example.org";

fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

fn validity(number: u32) -> UidValidity {
    UidValidity::new(number).unwrap()
}

async fn open(folder: &tempfile::TempDir) -> FullText {
    let file = folder.path().join("fts.db");
    FullText::open(&file, Duration::from_secs(10)).await.unwrap()
}

async fn found(full_text: &FullText, known: &Known, text: &str) -> Option<String> {
    let candidates = full_text.candidates(known.id, text).await.unwrap();
    candidates.map(|uids| uids.to_string())
}

#[tokio::test]
async fn texts_are_found_in_their_mailbox_until_they_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let full_text = open(&folder).await;
    let mut one = full_text.begin(ACCOUNT, validity(7)).await.unwrap();
    let mut other = full_text.begin(ACCOUNT, validity(8)).await.unwrap();
    assert_ne!(one.id, other.id);
    let text = |text: &str| Some(text.to_owned());
    let texts = vec![
        (uid(1), text("HELLO WORLD")),
        (uid(2), text("SAY \"HELLO\"")),
        (uid(3), None),
        (uid(u32::MAX), text("GRU\u{308}ße")),
    ];
    full_text.put(&mut one, texts).await.unwrap();
    full_text.put(&mut other, vec![(uid(1), text("HELLO"))]).await.unwrap();
    for (looked_for, wanted) in [
        ("HELLO", Some("1:2")),
        ("ELL", Some("1:2")),
        ("O W", Some("1")),
        ("\"HE", Some("2")),
        ("hello", Some("")),
        ("u\u{308}ß", Some("")),
        ("U\u{308}ß", Some("4294967295")),
        ("HE", None),
        ("", None),
    ] {
        assert_eq!(
            found(&full_text, &one, looked_for).await.as_deref(),
            wanted,
            "{looked_for}"
        );
    }
    assert_eq!(one.indexed.to_string(), "1:2,4294967295");
    assert_eq!(one.passed.to_string(), "3");

    full_text
        .remove(&mut one, &UidSet::range(uid(2), uid(3)))
        .await
        .unwrap();
    assert_eq!(found(&full_text, &one, "HELLO").await.as_deref(), Some("1"));
    assert!(one.passed.is_empty());
    // Also after a restart.
    full_text.close().await;
    drop(full_text);
    let full_text = open(&folder).await;
    let known = full_text.known(ACCOUNT, validity(7)).await.unwrap().unwrap();
    assert_eq!(known.indexed.to_string(), "1,4294967295");
    let counts = counts(&folder.path().join("fts.db"), Duration::from_secs(1))
        .await
        .unwrap();
    let account = ACCOUNT.to_owned();
    assert_eq!(counts, [FullTextCount { account, messages: 3 }]);

    full_text.forget(ACCOUNT, validity(7)).await.unwrap();
    assert!(full_text.known(ACCOUNT, validity(7)).await.unwrap().is_none());
    assert_eq!(found(&full_text, &one, "HELLO").await.as_deref(), Some(""));
    assert_eq!(found(&full_text, &other, "HELLO").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_damaged_file_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("fts.db"), "this is no database").unwrap();
    let full_text = open(&folder).await;
    assert!(full_text.known(ACCOUNT, validity(7)).await.unwrap().is_none());
    // One in which damage was seen later, as well.
    full_text.begin(ACCOUNT, validity(7)).await.unwrap();
    let damaged = sqlx::Error::Protocol("damaged: page 7".to_owned());
    assert!(full_text.checked::<()>(Err(damaged)).is_err());
    full_text.close().await;
    drop(full_text);
    for wanted in [false, true] {
        let full_text = open(&folder).await;
        assert_eq!(full_text.known(ACCOUNT, validity(7)).await.unwrap().is_some(), wanted);
        full_text.begin(ACCOUNT, validity(7)).await.unwrap();
        full_text.close().await;
    }
}

#[test]
fn a_long_text_is_looked_up_by_some_of_it() {
    let long: String = (0..2000).filter_map(|number| char::from_u32(0x4e00 + number)).collect();
    let grams = grams(&long).unwrap();
    assert_eq!(grams.matches(" AND ").count() + 1, MAX_GRAMS);
    assert!(grams.len() < 1000);
}
