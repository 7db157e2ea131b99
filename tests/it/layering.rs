//! The architecture's imports go down, never up and never to a sibling (`docs/architecture.md`), and some crates are named
//! in one place only. The layers are read from `src/lib.rs`, so that the list there cannot be wrong.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where a crate may be named: paths below `src/`, folders or files.
const CRATES: [(&str, &[&str]); 14] = [
    ("argon2", &["accounts/"]),
    ("clap", &["cli"]),
    ("figment", &["config"]),
    // mail-auth has its own, in itself.
    ("hickory_resolver", &["net/dns.rs"]),
    ("hyper", &["net/"]),
    ("imap_proto", &[]),
    ("mail_auth", &["dkim/", "origin/", "reports/"]),
    ("mail_parser", &["mail/"]),
    // In `imap/` it is the command of that name (RFC 5465).
    ("notify", &["imap/", "storage/maildir/"]),
    // `net/tls.rs` names it as the provider of rustls.
    ("ring", &["accounts/", "net/", "outbound/scram.rs", "srs/"]),
    ("rustls", &["net/"]),
    ("smtp_proto", &["smtp/"]),
    ("stringprep", &["accounts/sasl/"]),
    (
        "sqlx",
        &[
            "storage/database/",
            "storage/index/",
            "storage/queue/",
            "storage/reports/",
            "storage/greylist/",
            "storage/full_text/",
            "storage/accounts/",
        ],
    ),
];

/// The one import on a layer: the command line starts servers.
const WIRING: (&str, &str) = ("cli", "server");

#[test]
fn imports_go_down() {
    let layers = layers();
    let mut wrong = Vec::new();
    for (file, code) in sources() {
        let Some(room) = room(&file).filter(|room| *room != "lib" && *room != "main") else {
            continue;
        };
        let layer = *layers
            .get(room)
            .unwrap_or_else(|| panic!("src/lib.rs names no layer for {room}"));
        for import in imports(&code) {
            let allowed = import == room
                || (room, import.as_str()) == WIRING
                || layers.get(&import).is_some_and(|below| *below < layer);
            if !allowed {
                wrong.push(format!("src/{file} imports crate::{import}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "imports that go up or to a sibling:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn crates_stay_in_their_rooms() {
    let mut wrong = Vec::new();
    for (file, code) in sources() {
        for (name, places) in CRATES {
            let allowed = places.iter().any(|place| file.starts_with(place));
            if !allowed && names(&code, name) {
                wrong.push(format!("src/{file} names {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "crates outside their rooms:\n{}", wrong.join("\n"));
}

#[test]
fn no_unsafe_and_no_unreachable_room() {
    let layers = layers();
    for (file, code) in sources() {
        assert!(!names(&code, "unsafe"), "src/{file} has unsafe code");
        let room = room(&file).unwrap();
        assert!(
            ["lib", "main"].contains(&room) || layers.contains_key(room),
            "{file} is in no layer"
        );
    }
}

/// The layer of each module, 0 at the bottom: blocks of `pub mod` in `src/lib.rs`, of which the last line says its layer.
fn layers() -> BTreeMap<String, u32> {
    let text = std::fs::read_to_string(src().join("lib.rs")).unwrap();
    let mut layers = BTreeMap::new();
    let mut block = Vec::new();
    for line in text.lines() {
        let Some(declared) = line.strip_prefix("pub mod ").and_then(|rest| rest.split_once(';')) else {
            continue;
        };
        block.push(declared.0.to_owned());
        if let Some(comment) = declared.1.trim().strip_prefix("// ") {
            let layer = comment.split_once(':').and_then(|(layer, _)| layer.parse().ok());
            let layer: u32 = layer.unwrap_or_else(|| panic!("`// LAYER: words` expected: {line}"));
            layers.extend(block.drain(..).map(|module| (module, layer)));
        }
    }
    assert!(block.is_empty() && layers.len() > 5, "src/lib.rs: {block:?} {layers:?}");
    layers
}

/// The top-level module that a file belongs to.
fn room(file: &str) -> Option<&str> {
    file.split('/').next()?.split('.').next()
}

/// Every source file below `src/`, its tests left out, with comments, strings and test modules blanked.
fn sources() -> Vec<(String, String)> {
    let mut files = Vec::new();
    collect(&src(), &mut files);
    assert!(files.len() > 50, "the sources were not found");
    files
        .into_iter()
        .filter(|file| !file.ends_with("tests.rs") && !file.iter().any(|part| part == "tests"))
        .map(|file| {
            let code = without_tests(&blanked(&std::fs::read_to_string(&file).unwrap()));
            let name = file.strip_prefix(src()).unwrap().to_str().unwrap().to_owned();
            (name, code)
        })
        .collect()
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The text with comments and the insides of strings gone, so that what is left is code.
fn blanked(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("r#\"") {
            rest.find("\"#").map_or(rest.len(), |end| end + 2)
        } else if let Some(raw) = rest.strip_prefix("r\"") {
            raw.find('"').map_or(rest.len(), |end| end + 3)
        } else if next == '"' {
            quoted(rest)
        } else if let Some(length) = character(rest) {
            length
        } else {
            code.push(next);
            rest = &rest[next.len_utf8()..];
            continue;
        };
        code.push(' ');
        rest = &rest[skipped..];
    }
    code
}

/// The length of the character literal, such as `'{'`, that the text begins with; lifetimes are none.
fn character(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    let escaped = inside.starts_with('\\');
    let at = inside.char_indices().nth(if escaped { 2 } else { 1 })?.0;
    let end = if escaped { inside[at..].find('\'')? + at } else { at };
    inside[end..].starts_with('\'').then_some(end + 2)
}

/// The length of the string literal that the text begins with.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The code without its `#[cfg(test)]` items.
fn without_tests(code: &str) -> String {
    let mut kept = String::new();
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..at]);
        let item = &rest[at..];
        let end = match (item.find('{'), item.find(';')) {
            (Some(open), semicolon) if semicolon.is_none_or(|semicolon| open < semicolon) => closing(item, open),
            (_, semicolon) => semicolon,
        };
        rest = &item[end.map_or(item.len(), |end| end + 1)..];
    }
    kept + rest
}

/// Where the brace opened at `open` closes.
fn closing(code: &str, open: usize) -> Option<usize> {
    let mut depth = 0;
    code[open..].char_indices().find_map(|(at, c)| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(open + at)
    })
}

/// The modules named by `crate::module` and `crate::{module, …}`.
fn imports(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let end = closing(rest, 0).unwrap_or(rest.len());
            let mut depth = 0;
            let tops = group[..end.saturating_sub(1)].split(|c| {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                c == ',' && depth == 0
            });
            found.extend(tops.map(|top| identifier(top.trim())));
        } else {
            found.push(identifier(rest));
        }
    }
    found.retain(|name| !name.is_empty() && name.starts_with(|c: char| c.is_ascii_lowercase()));
    found
}

fn identifier(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect()
}

/// Whether the code has this word, also as a part of a crate's name that builds on it (`tokio_rustls`).
fn names(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let after = code[at + word.len()..].trim_start();
        let before = code[..at].chars().next_back();
        let whole = !before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_')
            || code[..at].ends_with("tokio_");
        whole && (word == "unsafe" || after.starts_with("::") || code[..at].trim_end().ends_with("use"))
    })
}

#[test]
fn the_scan_itself() {
    let code = blanked(
        "use crate::mail::x; // crate::no\nlet a = \"crate::no\\\"\"; let b = r#\"\"crate::no\"#; '\"'; crate::{net::{a, b}, config};",
    );
    assert_eq!(imports(&code), ["mail", "net", "config"]);
    assert_eq!(
        without_tests("a #[cfg(test)] mod t { { } } b #[cfg(test)] mod u; c"),
        "a  b  c"
    );
    assert_eq!(blanked(r"<'a>('{', '\'', '\u{7f}', b'}')"), "<'a>( ,  ,  , b )");
    assert!(names("use tokio_rustls::x", "rustls") && names("use sqlx;", "sqlx") && !names("let sqlx = 1", "sqlx"));
}
