//! `config.example.toml` is the reference of the settings: same keys, same defaults, same sentences as the structs of
//! `src/config.rs` and `src/config/`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use posthaste::config::Config;

const EXAMPLE: &str = include_str!("../../config.example.toml");

/// A setting or a table of settings.
#[derive(Debug, PartialEq, Eq)]
struct Setting {
    /// Its doc comment, or what stands above it in the example.
    sentence: String,
    /// Its type in the source.
    kind: String,
}

/// The source of all settings.
fn source() -> String {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut text = fs::read_to_string(src.join("config.rs")).unwrap();
    for file in fs::read_dir(src.join("config")).unwrap() {
        text.push_str(&fs::read_to_string(file.unwrap().path()).unwrap());
    }
    text
}

/// Structs of the source by name, with their fields in order.
fn structs(source: &str) -> BTreeMap<String, Vec<(String, Setting)>> {
    let mut structs: BTreeMap<String, Vec<(String, Setting)>> = BTreeMap::new();
    let (mut current, mut sentence) = (String::new(), Vec::new());
    for line in source.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("/// ") {
            sentence.push(text);
        } else if let Some(name) = line.strip_prefix("pub struct ") {
            current = name.trim_end_matches(" {").to_owned();
            sentence.clear();
        } else if let Some((name, kind)) = field(line) {
            let setting = Setting {
                sentence: sentence.join(" "),
                kind: kind.trim_end_matches(',').to_owned(),
            };
            structs
                .entry(current.clone())
                .or_default()
                .push((name.to_owned(), setting));
            sentence.clear();
        } else if !line.starts_with("#[") {
            sentence.clear();
        }
    }
    structs
}

/// Name and type of a line that declares a public field.
fn field(line: &str) -> Option<(&str, &str)> {
    let (name, kind) = line.strip_prefix("pub ")?.split_once(": ")?;
    (!name.contains(' ')).then_some((name, kind))
}

/// All settings of the source by dotted key, tables included.
fn in_source(source: &str) -> BTreeMap<String, Setting> {
    fn add(
        name: &str,
        prefix: &str,
        structs: &BTreeMap<String, Vec<(String, Setting)>>,
        all: &mut BTreeMap<String, Setting>,
    ) {
        for (field, setting) in &structs[name] {
            let key = format!("{prefix}{field}");
            if structs.contains_key(&setting.kind) {
                add(&setting.kind, &format!("{key}."), structs, all);
            }
            let Setting { sentence, kind } = setting;
            let setting = Setting {
                sentence: sentence.clone(),
                kind: kind.clone(),
            };
            all.insert(key, setting);
        }
    }
    let mut all = BTreeMap::new();
    add("Config", "", &structs(source), &mut all);
    all
}

/// The example with its settings switched on, and the sentence above each.
fn example() -> (String, BTreeMap<String, String>) {
    let (mut text, mut sentences) = (String::new(), BTreeMap::new());
    let (mut table, mut sentence) = (String::new(), Vec::new());
    for line in EXAMPLE.lines() {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        let setting = bare
            .split_once(" = ")
            .filter(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
        if let Some((key, _)) = setting {
            assert!(line.starts_with("# "), "switched on: {line}");
            sentences.insert(format!("{table}{key}"), sentence.join(" "));
            sentence.clear();
            text.push_str(bare);
        } else if let Some(name) = line.strip_prefix('[') {
            let name = name.trim_end_matches(']');
            sentences.insert(name.to_owned(), sentence.join(" "));
            table = format!("{name}.");
            sentence.clear();
            text.push_str(line);
        } else if line.starts_with('#') {
            sentence.push(bare);
        } else {
            sentence.clear();
        }
        text.push('\n');
    }
    (text, sentences)
}

#[test]
fn the_example_has_every_setting_with_its_sentence() {
    let text = source();
    let (source, (_, example)) = (in_source(&text), example());
    assert!(source.len() > 30, "the source was not understood");
    for (key, setting) in &source {
        assert!(!setting.sentence.is_empty(), "{key} has no doc comment");
        let sentence = example
            .get(key)
            .unwrap_or_else(|| panic!("{key} is not in config.example.toml"));
        // A table's sentence is that of its struct or of its field, whichever says more.
        if !key.contains('.') && text.contains(&format!("pub struct {} {{", setting.kind)) {
            assert!(
                sentence.starts_with(setting.sentence.trim_end_matches('.')),
                "[{key}]: {sentence}"
            );
        } else {
            assert_eq!(sentence, &setting.sentence, "{key}");
        }
    }
    for key in example.keys() {
        assert!(
            source.contains_key(key),
            "{key} is in config.example.toml and is no setting"
        );
    }
}

#[test]
fn the_example_has_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    let load = |text: &str| {
        fs::write(&file, text).unwrap();
        Config::load(&file).unwrap()
    };
    assert_eq!(load(EXAMPLE), Config::default(), "as it is");
    let (switched_on, _) = example();
    // A key is in one place, and tokens are verified or asked about; the example shows all ways.
    let others = [
        "public_key = ",
        "jwks = ",
        "introspection = ",
        "client_id = ",
        "client_secret = ",
    ];
    let one_way = |line: &&str| !others.iter().any(|other| line.starts_with(other));
    let mut config = load(&switched_on.lines().filter(one_way).collect::<Vec<_>>().join("\n"));
    // Without defaults: there is none that would do.
    assert!(config.tls.certificate.take().is_some());
    assert!(config.tls.key.take().is_some());
    assert!(config.dns.trust_anchor.take().is_some());
    assert!(config.outbound.authorities.take().is_some());
    let oauth = &mut config.login.oauth;
    assert!(oauth.issuer.take().is_some());
    assert_eq!(std::mem::take(&mut oauth.audience).len(), 1);
    assert!(oauth.keys.take().is_some() && oauth.authorities.take().is_some());
    assert!(oauth.scope.take().is_some());
    assert!(oauth.discovery.take().is_some());
    assert!(config.imap.comment.take().is_some() && config.imap.admin.take().is_some());
    assert!(config.forward.srs_domain.take().is_some());
    assert!(config.reports.from.take().is_some());
    assert!(config.training.url.take().is_some() && config.training.password.take().is_some());
    let quota = std::mem::take(&mut config.quota);
    assert!(quota.storage.is_some() && quota.messages.is_some() && quota.mailboxes.is_some());
    assert_eq!(config, Config::default(), "with every setting switched on");
}
