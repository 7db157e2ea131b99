//! Routes of the settings: mail for a domain, or for all, that goes to a server of its own. Which of them a domain takes the
//! queue knows, by its group.

use std::io;
use std::path::PathBuf;

use super::login::Credentials;
use crate::config::{self, RouteTls};

/// A route.
pub(super) struct Route {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: RouteTls,
    pub(super) credentials: Option<Credentials>,
}

/// A file with a password cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("route.password_file: cannot read {}: {cause}", file.display())]
pub struct NoPassword {
    /// Which.
    pub file: PathBuf,
    /// Why.
    pub cause: io::Error,
}

impl Route {
    /// From the settings, which are checked. Reads the file with the password.
    pub(super) fn new(route: &config::Route) -> Result<Route, NoPassword> {
        let password = match &route.password_file {
            None => route.password.clone(),
            Some(file) => {
                let text = std::fs::read_to_string(file).map_err(|cause| NoPassword {
                    file: file.clone(),
                    cause,
                })?;
                Some(text.lines().next().unwrap_or_default().to_owned())
            }
        };
        Ok(Route {
            host: route.host.clone(),
            port: route.port,
            tls: route.tls,
            credentials: route
                .user
                .clone()
                .zip(password)
                .map(|(user, password)| Credentials { user, password }),
        })
    }
}
