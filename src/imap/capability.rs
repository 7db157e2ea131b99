//! What CAPABILITY lists (RFC 9051 §7.2.2). A name stands here only when all of its extension works.

use super::switched_off::SwitchedOff;
use crate::accounts::sasl::Mechanism;
use std::borrow::Cow;

/// Extensions, each with where it is specified. They are listed in every state, for clients ask once, and often before
/// they log in.
const EXTENSIONS: &[&str] = &[
    "IMAP4rev1",          // RFC 3501
    "IMAP4rev2",          // RFC 9051, once it is enabled
    "LITERAL+",           // RFC 7888
    "SASL-IR",            // RFC 4959
    "ID",                 // RFC 2971
    "ENABLE",             // RFC 5161
    "IDLE",               // RFC 2177
    "NAMESPACE",          // RFC 2342
    "CHILDREN",           // RFC 3348
    "UNSELECT",           // RFC 3691
    "UIDPLUS",            // RFC 4315
    "MOVE",               // RFC 6851
    "MULTIAPPEND",        // RFC 3502
    "NOTIFY",             // RFC 5465
    "BINARY",             // RFC 3516
    "CATENATE",           // RFC 4469
    "REPLACE",            // RFC 8508
    "METADATA",           // RFC 5464
    "METADATA-SERVER",    // RFC 5464 §1, for clients that look for this name alone
    "LIST-METADATA",      // RFC 9590
    "ACL",                // RFC 4314
    "RIGHTS=texk",        // RFC 4314 §5.1.1
    "LIST-MYRIGHTS",      // RFC 8440
    "UTF8=ACCEPT",        // RFC 6855
    "SPECIAL-USE",        // RFC 6154
    "CREATE-SPECIAL-USE", // RFC 6154 §3
    "CONDSTORE",          // RFC 7162
    "QRESYNC",            // RFC 7162 §3.2
    "ESEARCH",            // RFC 4731
    "LIST-EXTENDED",      // RFC 5258
    "LIST-STATUS",        // RFC 5819
    "STATUS=SIZE",        // RFC 8438
    "SEARCHRES",          // RFC 5182
    "WITHIN",             // RFC 5032
    "PARTIAL",            // RFC 9394
    "SEARCH=FUZZY",       // RFC 6203
    "I18NLEVEL=1",        // RFC 5255
    "SORT",               // RFC 5256
    "SORT=DISPLAY",       // RFC 5957
    "ESORT",              // RFC 5267
    "MULTISEARCH",        // RFC 7377
    "CONTEXT=SEARCH",     // RFC 5267 §4
    "CONTEXT=SORT",       // RFC 5267 §4
    "THREAD=ORDEREDSUBJECT",
    "THREAD=REFERENCES",
    "THREAD=REFS", // draft-ietf-morg-inthread
    "QUOTA",       // RFC 9208
    "QUOTASET",    // RFC 9208 §4.1.3
    "QUOTA=RES-STORAGE",
    "QUOTA=RES-MESSAGE",
    "QUOTA=RES-MAILBOX",
    "UNAUTHENTICATE", // RFC 8437
    "UIDONLY",        // RFC 9586
    "INPROGRESS",     // RFC 9585
    "OBJECTID",       // RFC 8474
    "SAVEDATE",       // RFC 8514
    "PREVIEW",        // RFC 8970
];

/// What depends on the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer<'a> {
    /// STARTTLS is possible.
    pub(crate) start_tls: bool,
    /// The mechanisms of AUTHENTICATE.
    pub(crate) mechanisms: &'a [Mechanism],
    /// The largest message that APPEND takes, in every mailbox.
    pub(crate) append_limit: u32,
    /// Sessions may be compressed.
    pub(crate) compress: bool,
    /// Passwords may be sent.
    pub(crate) log_in: bool,
    /// Names that are left out.
    pub(crate) off: &'a SwitchedOff,
}

/// Every name that can be switched off: all but the one of IMAP itself, and that nobody can log in.
pub(crate) fn names() -> impl Iterator<Item = String> {
    let extensions = EXTENSIONS.iter().filter(|name| **name != "IMAP4rev1");
    let others = ["APPENDLIMIT", "COMPRESS=DEFLATE", "STARTTLS"].iter();
    let mechanisms = Mechanism::ALL.into_iter().map(announced);
    extensions
        .chain(others)
        .map(|name| (*name).to_owned())
        .chain(mechanisms)
}

/// A mechanism as CAPABILITY names it.
pub(crate) fn announced(mechanism: Mechanism) -> String {
    format!("AUTH={}", mechanism.name())
}

/// The names, separated by spaces.
pub(crate) fn list(offer: Offer<'_>) -> String {
    let append_limit = format!("APPENDLIMIT={}", offer.append_limit); // RFC 7889
    let mut names: Vec<Cow<'_, str>> = EXTENSIONS.iter().copied().map(Cow::Borrowed).collect();
    names.push(append_limit.into());
    if offer.compress {
        names.push("COMPRESS=DEFLATE".into()); // RFC 4978
    }
    if offer.start_tls {
        names.push("STARTTLS".into());
    }
    if !offer.log_in {
        // RFC 9051 §6.2.3.
        names.push("LOGINDISABLED".into());
    }
    names.extend(offer.mechanisms.iter().map(|mechanism| announced(*mechanism).into()));
    let is_limit = |name: &str| name.starts_with("APPENDLIMIT=");
    names.retain(|name| !(offer.off.has(name) || is_limit(name) && offer.off.has("APPENDLIMIT")));
    names.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_invited_only_where_they_may_be_sent() {
        let plain = list(Offer {
            start_tls: true,
            mechanisms: &[],
            append_limit: 1000,
            compress: false,
            log_in: false,
            off: &SwitchedOff::default(),
        });
        assert!(plain.starts_with("IMAP4rev1 ") && plain.ends_with(" APPENDLIMIT=1000 STARTTLS LOGINDISABLED"));
        assert!(!plain.contains("AUTH="));
        let encrypted = list(Offer {
            start_tls: false,
            mechanisms: &[Mechanism::ScramSha256, Mechanism::Plain],
            append_limit: 1000,
            compress: true,
            log_in: true,
            off: &SwitchedOff::new(["idle".to_owned(), "AppendLimit".to_owned()]),
        });
        assert!(encrypted.contains(" COMPRESS=DEFLATE ") && plain.contains(" IDLE "));
        assert!(!encrypted.contains("IDLE") && !encrypted.contains("APPENDLIMIT"));
        assert!(encrypted.ends_with(" AUTH=SCRAM-SHA-256 AUTH=PLAIN"));
        assert!(!encrypted.contains("STARTTLS") && !encrypted.contains("LOGINDISABLED"));
    }

    #[test]
    fn each_name_stands_once() {
        let mut names = EXTENSIONS.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), EXTENSIONS.len());
    }
}
