//! Routes of the settings: mail for a domain, or for all, that goes to a server of its own.

use std::io;
use std::path::PathBuf;

use super::client::Credentials;
use crate::config::{self, RouteTls};
use crate::mail::address::normalise_domain;

/// A route.
pub(super) struct Route {
    fits: Fits,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: RouteTls,
    pub(super) credentials: Option<Credentials>,
}

enum Fits {
    All,
    Domain(String),
    /// With the dot in front.
    Below(String),
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
        let fits = match (&*route.domain, route.domain.strip_prefix('.')) {
            ("*", _) => Fits::All,
            (_, Some(domain)) => Fits::Below(format!(".{}", normalised(domain))),
            (domain, None) => Fits::Domain(normalised(domain)),
        };
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
            fits,
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

    /// Whether it is for this domain, normalised.
    pub(super) fn fits(&self, domain: &str) -> bool {
        match &self.fits {
            Fits::All => true,
            Fits::Domain(own) => own == domain,
            Fits::Below(suffix) => domain.ends_with(&**suffix) && domain.len() > suffix.len(),
        }
    }
}

fn normalised(domain: &str) -> String {
    normalise_domain(domain).unwrap_or_else(|_| domain.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_route_fits() {
        let route = |domain: &str| {
            Route::new(&config::Route {
                domain: domain.to_owned(),
                host: "mx.example.test".to_owned(),
                port: 25,
                tls: RouteTls::Opportunistic,
                user: None,
                password: None,
                password_file: None,
            })
            .unwrap()
        };
        for (of, domain, fits) in [
            ("*", "example.test", true),
            ("*", "[192.0.2.1]", true),
            ("Example.test", "example.test", true),
            ("example.test", "a.example.test", false),
            (".example.test", "a.example.test", true),
            (".example.test", "example.test", false),
            (".example.test", "badexample.test", false),
            ("xn--bcher-kva.test", "bücher.test", true),
        ] {
            assert_eq!(route(of).fits(domain), fits, "{of} {domain}");
        }
    }
}
