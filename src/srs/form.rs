//! How rewritten senders are written: `SRS0=HASH=DAY=domain=local` by the first forwarder, `SRS1=HASH=forwarder==…` by every
//! further one, which remembers the first only, so that addresses do not grow. Pure.

use crate::mail::address::Address;

/// Days after which the two characters of a day begin anew.
pub const DAYS: u16 = 1024;

const SEPARATORS: [char; 3] = ['=', '-', '+'];
/// The usual digits of base32, five bits each.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The parts of a rewritten sender, without the hash that proves it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rewritten {
    /// SRS0: a sender, and when it was rewritten.
    Original {
        /// Two characters.
        day: String,
        /// The sender's domain.
        domain: String,
        /// The sender's local part.
        local: String,
    },
    /// SRS1: a sender that another forwarder has rewritten.
    Forwarded {
        /// The first forwarder's domain.
        domain: String,
        /// The first forwarder's local part from its separator on.
        rest: String,
    },
}

/// Whether a local part claims to be one, well-formed or not.
pub fn looks_rewritten(local: &str) -> bool {
    tagged(local, "SRS0").or(tagged(local, "SRS1")).is_some()
}

/// What is behind a tag, from the separator on.
fn tagged<'a>(local: &'a str, tag: &str) -> Option<&'a str> {
    let (given, rest) = local.split_at_checked(tag.len())?;
    (given.eq_ignore_ascii_case(tag) && rest.starts_with(SEPARATORS)).then_some(rest)
}

impl Rewritten {
    /// Of a sender, on this day since 1970.
    pub fn of(sender: &Address, day: u64) -> Rewritten {
        let domain = sender.dns_domain().unwrap_or_else(|| sender.domain().to_owned());
        if let Some(rest) = tagged(sender.local(), "SRS0") {
            let rest = rest.to_owned();
            return Rewritten::Forwarded { domain, rest };
        }
        match Rewritten::parse(sender.local()) {
            Some((forwarded @ Rewritten::Forwarded { .. }, _)) => forwarded,
            _ => Rewritten::Original {
                day: encode(day),
                domain,
                local: sender.local().to_owned(),
            },
        }
    }

    /// The parts of a local part, and its hash.
    pub fn parse(local: &str) -> Option<(Rewritten, &str)> {
        if let Some(rest) = tagged(local, "SRS0") {
            let mut parts = rest.get(1..)?.splitn(4, '=');
            let (hash, day) = (parts.next()?, parts.next()?);
            let (domain, local) = (parts.next()?.to_owned(), parts.next()?.to_owned());
            decode(day)?;
            let day = day.to_owned();
            return Some((Rewritten::Original { day, domain, local }, hash));
        }
        let mut parts = tagged(local, "SRS1")?.get(1..)?.splitn(3, '=');
        let (hash, domain, rest) = (parts.next()?, parts.next()?.to_owned(), parts.next()?.to_owned());
        rest.starts_with(SEPARATORS)
            .then_some((Rewritten::Forwarded { domain, rest }, hash))
    }

    /// The local part with this hash.
    pub fn to_local(&self, hash: &str) -> String {
        match self {
            Rewritten::Original { day, domain, local } => format!("SRS0={hash}={day}={domain}={local}"),
            Rewritten::Forwarded { domain, rest } => format!("SRS1={hash}={domain}={rest}"),
        }
    }

    /// What the hash is made of, in this order.
    pub fn hashed(&self) -> Vec<&str> {
        match self {
            Rewritten::Original { day, domain, local } => vec![day, domain, local],
            Rewritten::Forwarded { domain, rest } => vec![domain, rest],
        }
    }

    /// To whom what comes back goes.
    pub fn sender(&self) -> Option<Address> {
        match self {
            Rewritten::Original { domain, local, .. } => Address::new(local, domain).ok(),
            Rewritten::Forwarded { domain, rest } => Address::new(&format!("SRS0{rest}"), domain).ok(),
        }
    }

    /// How many days ago it was rewritten; the first forwarder looks at that itself.
    pub fn age(&self, today: u64) -> Option<u16> {
        match self {
            Rewritten::Original { day, .. } => {
                let today = (today % u64::from(DAYS)) as u16;
                decode(day).map(|day| (today + DAYS - day) % DAYS)
            }
            Rewritten::Forwarded { .. } => None,
        }
    }
}

fn encode(day: u64) -> String {
    let digit = |shift: u32| BASE32[(day >> shift & 31) as usize] as char;
    [digit(5), digit(0)].into_iter().collect()
}

fn decode(day: &str) -> Option<u16> {
    let [high, low] = day.as_bytes() else {
        return None;
    };
    let digit = |byte: &u8| BASE32.iter().position(|known| known.eq_ignore_ascii_case(byte));
    Some((digit(high)? * 32 + digit(low)?) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days() {
        for day in 0..u64::from(DAYS) {
            assert_eq!(decode(&encode(day)), Some(day as u16));
        }
        assert_eq!(encode(20_000 + 1024), encode(20_000));
        for wrong in ["", "A", "AAA", "A1", "0A"] {
            assert_eq!(decode(wrong), None);
        }
        let sender = Address::parse("a@x.example").unwrap();
        assert_eq!(Rewritten::of(&sender, 1020).age(1026), Some(6));
    }

    #[test]
    fn parts() {
        for (local, hashed) in [
            ("SRS0=hash=AA=x.example=a=b", Some(vec!["AA", "x.example", "a=b"])),
            ("srs0+hash=aa=x.example=a", Some(vec!["aa", "x.example", "a"])),
            (
                "SRS1=hash=f.example==h=AA=x.example=a",
                Some(vec!["f.example", "=h=AA=x.example=a"]),
            ),
            (
                "SRS1-hash=f.example=-h=AA=x.example=a",
                Some(vec!["f.example", "-h=AA=x.example=a"]),
            ),
            ("SRS0=hash=A=x.example=a", None),
            ("SRS0=hash=AA=x.example", None),
            ("SRS1=hash=f.example=h", None),
            ("SRS2=hash=AA=x.example=a", None),
            ("SRS0", None),
            ("alice", None),
        ] {
            let parsed = Rewritten::parse(local);
            assert_eq!(parsed.as_ref().map(|(parts, _)| parts.hashed()), hashed, "{local}");
        }
        let (once, _) = Rewritten::parse("SRS1=h=f.example==h=AA=x.example=a").unwrap();
        assert_eq!(once.sender().unwrap().to_string(), "SRS0=h=AA=x.example=a@f.example");
    }
}
