//! ENVELOPE and BODYSTRUCTURE of awkward messages: for each `tests/data/mime/NAME.eml` the answer is in `NAME.txt`, one
//! line an item. With `UPDATE_EXPECTED` set the answers are written anew, to be read through as a diff.

use super::envelope;
use super::structure::{self, Form};
use crate::imap::output::Output;
use crate::mail::mime::{MimeLimits, Scanner};
use crate::mail::summary::Summary;
use std::path::Path;

#[test]
fn awkward_messages() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mime");
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut failures = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "eml") {
            continue;
        }
        count += 1;
        let answer = answer(&std::fs::read(&path).unwrap());
        let expected = path.with_extension("txt");
        if update {
            std::fs::write(&expected, &answer).unwrap();
        } else if std::fs::read(&expected).ok().as_ref() != Some(&answer) {
            failures.push(format!("{}:\n{}", path.display(), String::from_utf8_lossy(&answer)));
        }
    }
    assert!(count > 0 && failures.is_empty(), "{}", failures.join("\n"));
}

/// The two items as they go to a client, by way of the index.
fn answer(message: &[u8]) -> Vec<u8> {
    let mut scanner = Scanner::new(MimeLimits::default());
    scanner.feed(message);
    let summary = Summary::decode(&scanner.finish().encode()).unwrap();
    let mut output = Output::new();
    output.raw(b"ENVELOPE ");
    envelope::write(&mut output, &summary.envelope);
    output.raw(b"\nBODYSTRUCTURE ");
    structure::write(&mut output, &summary.root, Form::Extended);
    output.raw(b"\n");
    output.written().to_vec()
}
