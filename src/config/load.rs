//! Reading settings: a TOML file, then environment variables over it.
//!
//! `POSTHASTE_SMTP__MAX_RECIPIENTS=200` is `max_recipients` in `[smtp]`; lists are written as in TOML. A relative path
//! in the settings starts from the folder of the file, so that every command means the same data whatever folder it is
//! run in.

use std::fmt;
use std::path::Path;

use figment::Figment;
use figment::error::{Actual, Kind};
use figment::providers::{Env, Format, Toml};

use super::Config;

/// What the environment variables that are settings begin with.
pub const PREFIX: &str = "POSTHASTE_";
/// Names the configuration file; no setting.
pub const FILE_VARIABLE: &str = "POSTHASTE_CONFIG";
/// What container platforms set by themselves for a service of our name (`POSTHASTE_PORT_25_TCP=tcp://…`,
/// `POSTHASTE_SERVICE_HOST`); no setting begins so.
const OF_PLATFORMS: [&str; 2] = ["port", "service_"];

/// What is wrong with the settings: all that was found at once, a line each.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// At least one.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file or environment variable; empty for settings that come from neither.
    pub place: String,
    /// The key, such as `listen.smtp`; empty when it is about the file as a whole.
    pub key: String,
    /// What was found and what is wanted.
    pub what: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Problem { place, key, what }) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            for prefix in [place, key] {
                if !prefix.is_empty() {
                    write!(f, "{prefix}: ")?;
                }
            }
            f.write_str(what)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// From a file, and environment variables over it; checked.
    pub fn load(file: &Path) -> Result<Config, ConfigError> {
        let unreadable = |cause: std::io::Error| ConfigError {
            problems: vec![Problem {
                place: file.display().to_string(),
                key: String::new(),
                what: format!("cannot be read: {cause}"),
            }],
        };
        let text = std::fs::read_to_string(file).map_err(unreadable)?;
        let settings = Figment::from(Toml::string(&text)).merge(environment());
        let folder = std::path::absolute(file).map_err(unreadable)?;
        extract(&settings, &file.display().to_string(), folder.parent())
    }

    /// From environment variables alone; checked.
    pub fn from_environment() -> Result<Config, ConfigError> {
        extract(&Figment::from(environment()), "environment", None)
    }
}

fn environment() -> Env {
    Env::prefixed(PREFIX)
        .filter(|key| key != "config" && !OF_PLATFORMS.iter().any(|prefix| key.starts_with(prefix)))
        .split("__")
}

/// Whether any setting is given by an environment variable.
pub fn environment_has_settings() -> bool {
    environment().iter().next().is_some()
}

fn extract(settings: &Figment, file: &str, folder: Option<&Path>) -> Result<Config, ConfigError> {
    let mut config: Config = settings.extract().map_err(|errors| ConfigError {
        problems: errors
            .into_iter()
            .map(|error| problem(&error, settings, file))
            .collect(),
    })?;
    if let Some(folder) = folder {
        let paths = [
            Some(&mut config.data),
            config.tls.certificate.as_mut(),
            config.tls.key.as_mut(),
            config.login.oauth.keys.as_mut(),
            config.login.oauth.authorities.as_mut(),
            config.dns.trust_anchor.as_mut(),
            config.outbound.authorities.as_mut(),
        ];
        let of_routes = config.route.iter_mut().map(|route| route.password_file.as_mut());
        for path in paths
            .into_iter()
            .chain(of_routes)
            .flatten()
            .filter(|path| !path.as_os_str().is_empty())
        {
            *path = folder.join(&*path);
        }
    }
    config.check().map_err(|mut error| {
        for problem in &mut error.problems {
            problem.place = match settings.find_metadata(&problem.key) {
                Some(from) if from.name.contains("environment") => variable(&problem.key),
                _ => file.to_owned(),
            };
        }
        error
    })?;
    Ok(config)
}

/// What figment and serde say, in words for people.
fn problem(error: &figment::Error, settings: &Figment, file: &str) -> Problem {
    let mut path = error.path.clone();
    // Of a list, the setting is the list.
    let entry = path.pop_if(|last| last.parse::<usize>().is_ok());
    let key = path.join(".");
    let what = match &error.kind {
        Kind::UnknownField(_, known) => format!("there is no such setting; here are {}", known.join(", ")),
        Kind::UnknownVariant(found, known) => format!("found {found:?}, wanted one of {}", known.join(", ")),
        Kind::InvalidType(found, wanted) | Kind::InvalidValue(found, wanted) => {
            format!("found {}, wanted {}", found_in_words(found), wanted_in_words(wanted))
        }
        Kind::Message(text) if text == "invalid socket address syntax" => {
            let found = entry
                .and_then(|entry| entry_of(settings, &key, &entry))
                .unwrap_or_default();
            format!("found {found:?}, wanted {}", wanted_in_words("socket address"))
        }
        other => other.to_string().trim_end().to_owned(),
    };
    let place = match &error.metadata {
        Some(from) if from.name.contains("environment") => variable(&key),
        _ => file.to_owned(),
    };
    Problem { place, key, what }
}

/// A text in a list.
fn entry_of(settings: &Figment, key: &str, entry: &str) -> Option<String> {
    let list = settings.find_value(key).ok()?;
    let entry = list.as_array()?.get(entry.parse::<usize>().ok()?)?;
    entry.as_str().map(str::to_owned)
}

/// The environment variable of a key.
fn variable(key: &str) -> String {
    format!("environment variable {PREFIX}{}", key.replace('.', "__").to_uppercase())
}

fn found_in_words(found: &Actual) -> String {
    match found {
        Actual::Str(text) => format!("{text:?}"),
        Actual::Unsigned(number) => number.to_string(),
        Actual::Signed(number) => number.to_string(),
        Actual::Float(number) => number.to_string(),
        Actual::Bool(value) => value.to_string(),
        Actual::Seq => "a list".to_owned(),
        Actual::Map => "a table".to_owned(),
        other => other.to_string(),
    }
}

fn wanted_in_words(wanted: &str) -> &str {
    match wanted {
        "usize" | "u64" | "u32" | "u16" => "a whole number, 0 or more",
        "a sequence" => "a list, such as [\"127.0.0.1:25\"]",
        "a boolean" => "true or false",
        "socket address" => "an IP address with a port, such as \"127.0.0.1:25\" or \"[::]:25\"",
        wanted if wanted.starts_with("struct ") => "a table of settings",
        wanted => wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_file_key_what_was_found_and_what_is_wanted() {
        for (text, told) in [
            (
                "hostnam = \"x\"",
                "hostnam: there is no such setting; here are data, hostname, ",
            ),
            (
                "[listen]\nsmpt = []",
                "listen.smpt: there is no such setting; here are smtp, submission, ",
            ),
            ("[smtp]\nsmtp = 5", "smtp.smtp: there is no such setting"),
            (
                "[listen]\nsmtp = \"127.0.0.1:25\"",
                "listen.smtp: found \"127.0.0.1:25\", wanted a list, ",
            ),
            (
                "[listen]\nsmtp = [\"mx:25\"]",
                "listen.smtp: found \"mx:25\", wanted an IP address with a port, ",
            ),
            (
                "[listen]\nsmtp = [25]",
                "listen.smtp: found 25, wanted an IP address with a port, ",
            ),
            (
                "drain = 10",
                "drain: found 10, wanted a duration: a number with ms, s, m, h or d, ",
            ),
            (
                "drain = \"10 parsecs\"",
                "drain: found \"10 parsecs\", wanted a duration: ",
            ),
            (
                "[smtp]\nmax_message_size = -5",
                "smtp.max_message_size: found -5, wanted a size: ",
            ),
            (
                "[smtp]\nmax_message_size = \"5MB\"",
                "smtp.max_message_size: found \"5MB\", wanted a size: ",
            ),
            (
                "[smtp]\nmax_errors = \"many\"",
                "smtp.max_errors: found \"many\", wanted a whole number, 0 or more",
            ),
            (
                "[log]\nformat = \"xml\"",
                "log.format: found \"xml\", wanted one of auto, human, json",
            ),
            ("smtp = 5", "smtp: found 5, wanted a table of settings"),
            (
                "[storage]\nwatch = \"yes\"",
                "storage.watch: found \"yes\", wanted true or false",
            ),
            ("hostname = [", "TOML parse error at line 1, column 13"),
            ("hostname = \"a b\"", "hostname: a host name is wanted, "),
        ] {
            let settings = Figment::from(Toml::string(text));
            let error = extract(&settings, "config.toml", None).unwrap_err().to_string();
            assert!(error.starts_with(&format!("config.toml: {told}")), "{text:?}\n{error}");
        }
    }

    #[test]
    fn several_problems_are_told_at_once() {
        let settings = Figment::from(Toml::string("hostname = \"\"\n[smtp]\nmax_errors = 0"));
        let error = extract(&settings, "config.toml", None).unwrap_err();
        assert_eq!(error.problems.len(), 2);
        assert_eq!(error.to_string().lines().count(), 2);
    }

    #[test]
    fn relative_paths_start_from_the_folder_of_the_file() {
        let settings = Figment::from(Toml::string(
            "data = \"mail\"\ntls = { certificate = \"a.pem\", key = \"/etc/b.pem\" }",
        ));
        let config = extract(&settings, "config.toml", Some(Path::new("/srv"))).unwrap();
        assert_eq!(config.data, Path::new("/srv/mail"));
        assert_eq!(config.tls.certificate.unwrap(), Path::new("/srv/a.pem"));
        assert_eq!(config.tls.key.unwrap(), Path::new("/etc/b.pem"));
    }
}
