//! Where a command finds the settings.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::accounts::Accounts;
use crate::config::load::{FILE_VARIABLE, environment_has_settings};
use crate::config::{Config, ConfigError, Login, Oauth, Problem};
use crate::server::folder;

/// Looked for in this order when no file is named.
const USUAL_FILES: [&str; 2] = ["config.toml", "/etc/posthaste/config.toml"];

/// The configuration file that a command works with.
#[derive(Args)]
pub(super) struct Settings {
    /// Configuration file [default: ./config.toml if there, else /etc/posthaste/config.toml]
    #[arg(long, value_name = "FILE", env = FILE_VARIABLE, hide_env_values = true)]
    config: Option<PathBuf>,
}

impl Settings {
    /// The settings of the file named, or else of the first usual file that is there, or else of the environment alone.
    pub(super) fn load(&self) -> Result<Config, ConfigError> {
        let usual = || USUAL_FILES.iter().map(Path::new).find(|file| file.exists());
        match self.config.as_deref().or_else(usual) {
            Some(file) => Config::load(file),
            None if environment_has_settings() => Config::from_environment(),
            None => Err(ConfigError {
                problems: vec![Problem {
                    place: String::new(),
                    key: String::new(),
                    what: format!(
                        "no configuration file: there is neither {}; name a file with --config (config.example.toml has \
                         every setting), or see it run without any: posthaste demo",
                        USUAL_FILES.join(" nor ")
                    ),
                }],
            }),
        }
    }

    /// Runs a short command on the accounts database that these settings name.
    pub(super) fn administer(&self, command: impl AsyncFnOnce(&Accounts) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let config = self.load()?;
        folder::prepare(&config.data)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let done = runtime.block_on(async {
            // Nobody logs in here: whether the issuer's keys can be read is of no account.
            let login = Login {
                oauth: Oauth::default(),
                ..config.login
            };
            let accounts = Accounts::open(&config.data, &login).await?;
            let done = command(&accounts).await;
            accounts.close().await;
            done
        });
        // A prompt that was interrupted still waits for its line.
        runtime.shutdown_background();
        done
    }
}
