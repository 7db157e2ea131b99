//! Who shares connections, and their number.

use std::sync::Arc;

use super::Destination;
use crate::config::Route;
use crate::mail::address::normalise_domain;

/// Destinations that one server serves, as far as that is known beforehand.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Group {
    /// This server.
    Local,
    /// One domain.
    Domain(Arc<str>),
    /// All domains of a route of the settings, by its place there, and of those that lead to the same server in the same way.
    Route(usize),
}

/// What routes are there.
#[derive(Default)]
pub(super) struct Groups(Vec<(Fits, usize)>);

enum Fits {
    All,
    Domain(String),
    /// With the dot in front.
    Below(String),
}

impl Groups {
    /// Of the settings, which are checked.
    pub(super) fn new(routes: &[Route]) -> Groups {
        let group = |number: usize, route: &Route| {
            let same = |other: &Route| {
                Route {
                    domain: route.domain.clone(),
                    ..other.clone()
                } == *route
            };
            routes.iter().position(same).unwrap_or(number)
        };
        let routes = routes.iter().enumerate();
        Groups(
            routes
                .map(|(number, route)| (Fits::new(&route.domain), group(number, route)))
                .collect(),
        )
    }

    /// The first route that fits counts.
    pub(super) fn of(&self, destination: &Destination) -> Group {
        match destination {
            Destination::Local => Group::Local,
            Destination::Domain(domain) => match self.0.iter().find(|(route, _)| route.fits(domain)) {
                Some((_, route)) => Group::Route(*route),
                None => Group::Domain(domain.clone()),
            },
        }
    }
}

impl Fits {
    fn new(domain: &str) -> Fits {
        match (domain, domain.strip_prefix('.')) {
            ("*", _) => Fits::All,
            (_, Some(domain)) => Fits::Below(format!(".{}", normalised(domain))),
            (domain, None) => Fits::Domain(normalised(domain)),
        }
    }

    /// Whether it is for this domain, normalised.
    fn fits(&self, domain: &str) -> bool {
        match self {
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
    use crate::config::RouteTls;

    fn route(domain: &str, host: &str) -> Route {
        Route {
            domain: domain.to_owned(),
            host: host.to_owned(),
            port: 25,
            tls: RouteTls::Opportunistic,
            user: None,
            password: None,
            password_file: None,
        }
    }

    #[test]
    fn which_route_fits() {
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
            let group = Groups::new(&[route(of, "mx.test")]).of(&Destination::Domain(domain.into()));
            assert_eq!(group == Group::Route(0), fits, "{of} {domain}");
        }
    }

    #[test]
    fn routes_to_one_server_are_one_group() {
        let groups = Groups::new(&[
            route("a.test", "mx.test"),
            route("b.test", "other.test"),
            route("c.test", "mx.test"),
        ]);
        let of = |domain: &str| groups.of(&Destination::Domain(domain.into()));
        assert_eq!(of("a.test"), Group::Route(0));
        assert_eq!(of("b.test"), Group::Route(1));
        assert_eq!(of("c.test"), Group::Route(0));
        assert_eq!(of("d.test"), Group::Domain("d.test".into()));
        assert_eq!(groups.of(&Destination::Local), Group::Local);
    }
}
