//! Transcript tests: what several clients say to a server and what it answers, in one file for each subject.
//! `tests/transcripts/README.md` describes the format.
//!
//! One test for each folder; it runs all files of the folder, some at a time, each against its own server, and reports
//! every file that fails. `TRANSCRIPT=imap/idle` runs only the files whose name begins so.

mod pattern;
mod play;
mod script;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

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
    assert_eq!(folders, ["clients", "imap", "messages", "smtp"]);
}

#[test]
fn every_transcript_parses() {
    let mut broken = Vec::new();
    for folder in ["imap", "smtp", "clients"] {
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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let results = runtime.block_on(play_all(names.collect()));
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

async fn play_all(files: Vec<(String, PathBuf)>) -> Vec<(String, anyhow::Result<()>)> {
    let permits = Arc::new(Semaphore::new(AT_A_TIME));
    let mut running = JoinSet::new();
    for (name, file) in files {
        let permits = permits.clone();
        running.spawn(async move {
            let _permit = permits.acquire_owned().await;
            // In a task of its own: a panic fails this transcript, not all of them.
            let played = tokio::spawn(async move { tokio::time::timeout(LIMIT, play(&file)).await });
            let result = match played.await {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err(anyhow::anyhow!("did not end within {LIMIT:?}")),
                Err(panic) => Err(panic.into()),
            };
            (name, result)
        });
    }
    let mut results = running.join_all().await;
    results.sort_by(|(a, _), (b, _)| a.cmp(b));
    results
}

async fn play(file: &Path) -> anyhow::Result<()> {
    let script = script::read(file, &root().join("messages"))?;
    play::play(script).await
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
