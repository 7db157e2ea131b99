//! Transcript tests: what several clients say to a server and what it answers, in one file for each subject.
//! `tests/transcripts/README.md` describes the format.
//!
//! One test for each folder; it runs all files of the folder, some at a time, each against its own server, and reports
//! every file that fails. `TRANSCRIPT=imap/idle` runs only the files whose name begins so.

mod pattern;
mod play;
mod script;

use std::io::Write;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::Context;

/// Transcripts that run at the same time.
const AT_A_TIME: usize = 4;
/// A transcript that takes longer has failed, whatever it waits for.
const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn imap() {
    run("imap");
}

#[test]
fn smtp() {
    run("smtp");
}

#[test]
fn managesieve() {
    run("managesieve");
}

#[test]
fn clients() {
    run("clients");
}

/// A folder without a test above would never run.
#[test]
fn every_folder_has_a_test() {
    let mut folders: Vec<_> = std::fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    folders.sort();
    assert_eq!(folders, ["clients", "imap", "managesieve", "messages", "smtp"]);
}

#[test]
fn every_transcript_parses() {
    let mut broken = Vec::new();
    for folder in ["imap", "smtp", "managesieve", "clients"] {
        for file in files(folder) {
            broken.extend(script::read(&file, &root().join("messages")).err());
        }
    }
    assert!(
        broken.is_empty(),
        "{}",
        broken.iter().map(|error| format!("\n{error:#}")).collect::<String>()
    );
}

fn run(folder: &str) {
    let wanted = std::env::var("TRANSCRIPT").unwrap_or_default();
    let names = files(folder)
        .into_iter()
        .map(|file| {
            (
                format!("{folder}/{}", file.file_stem().unwrap().to_string_lossy()),
                file,
            )
        })
        .filter(|(name, _)| name.starts_with(&wanted));
    let results = play_all(names.collect());
    let mut failed = 0;
    let mut report = String::new();
    for (name, result) in &results {
        if let Err(error) = result {
            failed += 1;
            report.push_str(&format!("\n---- transcript {name}\n{error:#}\n"));
        }
    }
    // Not by `println!`, whose output is kept back when the test passes: scripts/test adds these lines up.
    let passed = results.len() - failed;
    let _ = writeln!(
        std::io::stderr(),
        "transcripts {folder}: {passed} passed; {failed} failed"
    );
    assert!(failed == 0, "{failed} of {} transcripts failed{report}", results.len());
}

/// Each worker plays one after the other, with a runtime of its own for each: what a server leaves behind ends with it.
fn play_all(files: Vec<(String, PathBuf)>) -> Vec<(String, anyhow::Result<()>)> {
    let waiting = Mutex::new(files.into_iter());
    let next = || waiting.lock().unwrap().next();
    let mut results: Vec<_> = std::thread::scope(|scope| {
        let work = || {
            let mut results = Vec::new();
            while let Some((name, file)) = next() {
                // A panic fails this transcript, not all of them.
                let played = catch_unwind(|| play(&file));
                results.push((
                    name,
                    played.unwrap_or_else(|_| Err(anyhow::anyhow!("panicked: see above"))),
                ));
            }
            results
        };
        let workers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    results.sort_by(|(a, _), (b, _)| a.cmp(b));
    results
}

fn play(file: &Path) -> anyhow::Result<()> {
    let script = script::read(file, &root().join("messages"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime
        .block_on(async { tokio::time::timeout(LIMIT, play::play(script)).await })
        .with_context(|| format!("{} did not end within {LIMIT:?}", file.display()))?
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = root().join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| folder.display().to_string())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    files
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts")
}
