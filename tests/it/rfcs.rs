//! `docs/rfcs.md` is complete and true: every RFC that the code cites has a row, every place is there, and the server
//! announces nothing that the table does not have.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use posthaste::config::Oauth;

use crate::client::printable;
use crate::server::TestServer;

/// A login as alice.
const ALICE: &str = "AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAGNvcnJlY3QgaG9yc2U=\r\n";

const STATUSES: [&str; 4] = ["yes", "partial", "no", "cited"];

/// A row of the tables.
struct Row {
    rfc: String,
    status: String,
    announced: Vec<String>,
    places: Vec<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rows() -> Vec<Row> {
    let text = std::fs::read_to_string(root().join("docs/rfcs.md")).unwrap();
    let rows: Vec<Row> = text
        .lines()
        .filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'))
        .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>())
        .filter(|cells| cells[0] != "RFC" && !cells[0].starts_with("---"))
        .map(|cells| {
            assert_eq!(cells.len(), 5, "a row has five cells: {cells:?}");
            Row {
                rfc: cells[0].to_owned(),
                status: cells[2].split(':').next().unwrap().to_owned(),
                announced: quoted(cells[3]),
                places: quoted(cells[4])
                    .into_iter()
                    .filter(|place| place.starts_with("src/"))
                    .collect(),
            }
        })
        .collect();
    assert!(rows.len() > 50, "the tables were not found");
    rows
}

/// What stands in back quotes.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_row_has_a_status_and_places_that_are_there() {
    for Row {
        rfc,
        status,
        announced,
        places,
    } in rows()
    {
        assert!(
            STATUSES.contains(&status.as_str()),
            "RFC {rfc}: the status {status:?} is none"
        );
        assert!(
            status == "no" || status == "cited" || !places.is_empty(),
            "RFC {rfc}: where?"
        );
        assert!(
            announced.is_empty() || status == "yes" || status == "partial",
            "RFC {rfc}: announced, and the status is {status}"
        );
        for place in places {
            assert!(root().join(&place).exists(), "RFC {rfc}: there is no {place}");
        }
    }
}

#[test]
fn every_rfc_cited_has_a_row() {
    let known: BTreeSet<String> = rows().into_iter().map(|row| row.rfc).collect();
    let mut unknown = BTreeSet::new();
    let mut files = Vec::new();
    for folder in ["src", "migrations", "loadtest", "benches"] {
        collect(&root().join(folder), &mut files);
    }
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        for (at, _) in text.match_indices("RFC ") {
            let number: String = text[at + 4..].chars().take_while(char::is_ascii_digit).collect();
            if number.len() >= 3 && !known.contains(&number) {
                unknown.insert(format!(
                    "RFC {number} in {}",
                    file.strip_prefix(root()).unwrap().display()
                ));
            }
        }
    }
    assert!(unknown.is_empty(), "no row in docs/rfcs.md: {unknown:#?}");
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => collect(&path, files),
            false => files.push(path),
        }
    }
}

/// An issuer of tokens, with the key of RFC 8037 appendix A.
fn oauth() -> Oauth {
    let key = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    Oauth {
        issuer: Some("https://id.example.org".to_owned()),
        audience: vec!["posthaste".to_owned()],
        public_key: Some(format!("-----BEGIN PUBLIC KEY-----\n{key}\n-----END PUBLIC KEY-----")),
        ..Oauth::default()
    }
}

#[tokio::test]
async fn what_is_announced_is_in_the_table_and_the_other_way_round() -> anyhow::Result<()> {
    let table: BTreeSet<String> = rows().into_iter().flat_map(|row| row.announced).collect();
    let mut announced = BTreeSet::new();
    for require_tls in [true, false] {
        let server = TestServer::with(|config| {
            config.login.require_tls = require_tls;
            config.login.oauth = oauth();
        })
        .await?;
        for service in ["imap", "imaps"] {
            let mut imap = server.connect(service).await?;
            let greeting = printable(&imap.line().await?);
            let capabilities = greeting
                .split_once("[CAPABILITY ")
                .and_then(|(_, rest)| rest.split_once(']'))
                .with_context(|| greeting.clone())?;
            announced.extend(capabilities.0.split(' ').map(|name| match name.split_once('=') {
                // What follows is a setting.
                Some((name @ "APPENDLIMIT", _)) => name.to_owned(),
                _ => name.to_owned(),
            }));
        }
        for (service, login) in [
            ("smtp", ""),
            ("submission", ""),
            ("submissions", ""),
            ("submissions", ALICE),
        ] {
            let mut smtp = server.connect(service).await?;
            smtp.line().await?;
            smtp.send(&format!("EHLO client.test\r\n{login}")).await?;
            if !login.is_empty() {
                while !printable(&smtp.line().await?).starts_with("235 ") {}
                smtp.send("EHLO client.test\r\n").await?;
            }
            loop {
                let line = printable(&smtp.line().await?);
                let (code, keyword) = line.split_at_checked(4).with_context(|| line.clone())?;
                // The first line is the host's name and greeting.
                if !keyword.starts_with("mx.") {
                    announced.insert(keyword.split(' ').next().unwrap_or_default().to_owned());
                }
                if code == "250 " {
                    break;
                }
            }
        }
    }
    let missing: Vec<_> = announced.difference(&table).collect();
    ensure!(missing.is_empty(), "announced, and not in docs/rfcs.md: {missing:?}");
    let stale: Vec<_> = table.difference(&announced).collect();
    ensure!(stale.is_empty(), "in docs/rfcs.md, and announced nowhere: {stale:?}");
    Ok(())
}
