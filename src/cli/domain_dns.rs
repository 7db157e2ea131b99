//! `posthaste domain dns`: all records that a domain wants in the DNS, as a zone file has them.

use crate::config::{Config, MtaStsMode};
use crate::dkim::keys::{self, State};
use crate::storage::dkim_keys::KeyFolder;
use crate::web::policy;

/// The records of a domain (A-labels).
pub(super) fn records(config: &Config, domain: &str) -> anyhow::Result<String> {
    let host = config.hostname.trim_end_matches('.');
    let mut zone = Zone(String::new());
    zone.about(
        "Mail for the domain comes to this server. Its name needs A and AAAA records, and its addresses that name.",
    );
    zone.record(domain, &format!("MX 10 {host}."));

    zone.about(
        "SPF: who may send in its name. A smarthost, and others that send for you, want a word of their own here.",
    );
    zone.record(domain, &text("v=spf1 mx -all"));
    if host != domain {
        zone.record(host, &text("v=spf1 a -all"));
    }

    let keys = keys::of(&KeyFolder::new(&config.data), domain)?;
    let announced = || {
        keys.iter()
            .filter(|key| matches!(key.state, State::Used | State::Waiting))
    };
    match announced().next() {
        None => zone.about(&format!("DKIM: there are no keys yet: posthaste dkim create {domain}")),
        Some(_) => zone.about("DKIM: the keys that mail is signed with."),
    }
    for key in announced() {
        zone.line(&key.zone_line(domain)?);
    }

    let reports = config
        .reports
        .addresses
        .first()
        .map(|local| format!("rua=mailto:{local}@{domain}"));
    zone.about(
        "DMARC: what others do with mail that is not proven to be yours. Begin with p=none if others send for you.",
    );
    let wish = reports.as_ref().map(|rua| format!("; {rua}")).unwrap_or_default();
    zone.record(
        &format!("_dmarc.{domain}"),
        &text(&format!("v=DMARC1; p=quarantine{wish}")),
    );
    if let Some(rua) = &reports {
        zone.about("Others tell every day how encryption to your server went.");
        zone.record(&format!("_smtp._tls.{domain}"), &text(&format!("v=TLSRPTv1; {rua}")));
    }

    let (sts, serving) = (&config.mta_sts, !config.listen.https.is_empty());
    if sts.mode == MtaStsMode::None && !serving {
        zone.about("MTA-STS: no policy (settings mta_sts.mode and listen.https).");
    } else {
        zone.about("MTA-STS: mail to you is to be encrypted. The id changes with the policy.");
        let id = policy::id(sts, host);
        zone.record(&format!("_mta-sts.{domain}"), &text(&format!("v=STSv1; id={id}")));
        if serving {
            zone.record(&format!("mta-sts.{domain}"), &format!("CNAME {host}."));
        }
        if let Some(false) = certificate_covers(config, &format!("mta-sts.{domain}")) {
            zone.about(&format!(
                "NOTE: the certificate (tls.certificate) is not for mta-sts.{domain}: the policy cannot be fetched."
            ));
        }
        if !serving {
            zone.about(&format!(
                "It is not served by this server (listen.https); https://mta-sts.{domain}/.well-known/mta-sts.txt:"
            ));
            policy::text(sts, host)
                .lines()
                .for_each(|line| zone.about(&format!("  {line}")));
        }
    }

    zone.about("Mail programs find the server by these (RFC 6186, RFC 8314).");
    for (service, addresses) in [
        ("_imaps", &config.listen.imaps),
        ("_submissions", &config.listen.submissions),
        ("_sieve", &config.listen.managesieve),
    ] {
        if let Some(address) = addresses.first() {
            zone.record(
                &format!("{service}._tcp.{domain}"),
                &format!("SRV 0 1 {} {host}.", address.port()),
            );
        }
    }
    Ok(zone.0)
}

/// Whether the certificate of the settings is for a name; none without one, or if it cannot be read.
fn certificate_covers(config: &Config, name: &str) -> Option<bool> {
    let (certificate, key) = (config.tls.certificate.as_ref()?, config.tls.key.as_ref()?);
    let tls = crate::net::tls::Tls::from_files(certificate, key).ok()?;
    Some(tls.is_for(name))
}

struct Zone(String);

impl Zone {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn about(&mut self, words: &str) {
        self.line(&format!("; {words}"));
    }

    fn record(&mut self, owner: &str, record: &str) {
        self.line(&format!("{owner}. IN {record}"));
    }
}

fn text(text: &str) -> String {
    format!("TXT \"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_dns() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config {
            data: folder.path().to_owned(),
            hostname: "mail.example.org".to_owned(),
            ..Config::default()
        };
        let printed = records(&config, "example.org").unwrap();
        for line in [
            "example.org. IN MX 10 mail.example.org.\n",
            "example.org. IN TXT \"v=spf1 mx -all\"\n",
            "mail.example.org. IN TXT \"v=spf1 a -all\"\n",
            "; DKIM: there are no keys yet: posthaste dkim create example.org\n",
            "_dmarc.example.org. IN TXT \"v=DMARC1; p=quarantine; rua=mailto:postmaster@example.org\"\n",
            "_smtp._tls.example.org. IN TXT \"v=TLSRPTv1; rua=mailto:postmaster@example.org\"\n",
            "; MTA-STS: no policy",
            "_imaps._tcp.example.org. IN SRV 0 1 993 mail.example.org.\n",
        ] {
            assert!(printed.contains(line), "{line}\n-- is not in:\n{printed}");
        }
        config.listen.https = vec!["[::]:443".parse().unwrap()];
        config.mta_sts.mode = MtaStsMode::Enforce;
        config.reports.addresses.clear();
        let printed = records(&config, "example.org").unwrap();
        let id = policy::id(&config.mta_sts, "mail.example.org");
        assert!(
            printed.contains(&format!("_mta-sts.example.org. IN TXT \"v=STSv1; id={id}\"\n")),
            "{printed}"
        );
        assert!(
            printed.contains("mta-sts.example.org. IN CNAME mail.example.org.\n"),
            "{printed}"
        );
        assert!(
            !printed.contains("_smtp._tls") && !printed.contains("rua="),
            "{printed}"
        );
    }
}
