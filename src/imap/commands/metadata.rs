//! GETMETADATA and SETMETADATA (RFC 5464), and what LIST tells of annotations (RFC 9590).
//!
//! Annotations of the "server" are those of the account: private ones, which its owner sets. Shared ones are in the
//! settings, and nobody can set them who logs in. Of a mailbox that others may use too, each of them has private ones of their
//! own; shared ones are set by who may change flags.

use crate::imap::answer::{Answer, Failure, Outcome};
use crate::imap::command::{Depth, MailboxArgument};
use crate::imap::namespaces::Place;
use crate::imap::output::Output;
use crate::imap::session::{Login, Session};
use crate::mail::mailbox_name::MailboxName;
use crate::mail::rights::{Rights, Who};
use crate::mailbox::Error;
use std::collections::BTreeMap;

/// The longest value, in octets. RFC 5464 §4.1 wants 1024.
const MAX_VALUE: usize = 64 * 1024;

/// What a mailbox is for, which CREATE says once for all (RFC 6154 §4).
const SPECIAL_USE: &str = "/private/specialuse";

/// Tells the values of entries, and with DEPTH of those below them. An entry that is named and has no value is NIL.
pub(crate) async fn get(
    session: &mut Session,
    login: &Login,
    mailbox: Option<MailboxArgument>,
    entries: &[String],
    depth: Depth,
    max_size: Option<u32>,
) -> Outcome {
    let name = mailbox.transpose().map_err(Error::from)?;
    let mut stored = stored(login, name.as_ref()).await?;
    if name.is_none() {
        let settings = &session.imap.config.imap;
        for (entry, value) in [
            ("/shared/comment", &settings.comment),
            ("/shared/admin", &settings.admin),
        ] {
            stored.extend(
                value
                    .as_ref()
                    .map(|value| (entry.to_owned(), value.clone().into_bytes())),
            );
        }
    }
    let mut found = select(&stored, entries, depth);
    let largest = longer_than(&found, max_size);
    found.retain(|_, value| !value.is_some_and(|value| is_longer(value, max_size)));
    write(&mut session.output, name.as_ref(), &found);
    let answer = Answer::ok("GETMETADATA completed");
    Ok(match largest {
        Some(octets) => answer.with_code(format!("METADATA LONGENTRIES {octets}")),
        None => answer,
    })
}

/// Sets or removes entries, all or none.
pub(crate) async fn set(
    login: &Login,
    mailbox: Option<MailboxArgument>,
    entries: Vec<(String, Option<Vec<u8>>)>,
) -> Outcome {
    let name = mailbox.transpose().map_err(Error::from)?;
    if name.is_none() && entries.iter().any(|(entry, _)| entry.starts_with("/shared")) {
        return Ok(Answer::no(
            Some("NOPERM"),
            "What is shared by all users cannot be changed here",
        ));
    }
    if name.is_some() && entries.iter().any(|(entry, _)| entry == SPECIAL_USE) {
        return Ok(Answer::no(
            Some("CANNOT"),
            "The use of a mailbox is set when it is created",
        ));
    }
    let too_long = |value: &Option<Vec<u8>>| value.as_ref().is_some_and(|value| value.len() > MAX_VALUE);
    if entries.iter().any(|(_, value)| too_long(value)) {
        let code = format!("METADATA MAXSIZE {MAX_VALUE}");
        return Ok(Answer::no(Some(&code), "The value is too long"));
    }
    let Some(name) = name else {
        login.mailboxes.own().annotate(None, &Who::Owner, entries).await?;
        return Ok(Answer::ok("SETMETADATA completed"));
    };
    let place = annotated(login, &name).await?;
    if entries.iter().any(|(entry, _)| entry.starts_with("/shared")) {
        place.allows(Rights::WRITE)?;
    }
    let who = place.access.who().unwrap_or(Who::Owner);
    place.mailboxes.annotate(Some(&place.name), &who, entries).await?;
    Ok(Answer::ok("SETMETADATA completed"))
}

/// All that a mailbox or the account has for this client, the special use included.
pub(crate) async fn stored(login: &Login, name: Option<&MailboxName>) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let Some(name) = name else {
        return login.mailboxes.own().annotations(None, &Who::Owner).await;
    };
    let place = annotated(login, name).await?;
    let who = place.access.who().unwrap_or(Who::Owner);
    let mut all = place.mailboxes.annotations(Some(&place.name), &who).await?;
    if who == Who::Owner
        && let Some(special_use) = place.mailboxes.special_use(&place.name)
    {
        all.insert(SPECIAL_USE.to_owned(), special_use.attribute().into());
    }
    Ok(all)
}

/// A mailbox whose annotations the client may use (RFC 5464 §3.3).
async fn annotated(login: &Login, name: &MailboxName) -> Result<Place, Error> {
    let place = login.mailboxes.place(name).await?;
    place.allows(Rights::LOOKUP)?;
    match place.rights().intersects(Rights::ANNOTATIONS) {
        true => Ok(place),
        false => Err(Error::NotPermitted),
    }
}

/// The METADATA response that goes with a name in LIST. With a problem the name comes alone, as with STATUS.
pub(crate) async fn list(
    session: &mut Session,
    login: &Login,
    name: &MailboxName,
    entries: &[String],
) -> Result<(), Failure> {
    match Box::pin(stored(login, Some(name))).await {
        Ok(stored) => write(&mut session.output, Some(name), &select(&stored, entries, Depth::Zero)),
        Err(Error::NotFound | Error::NotPermitted) => {}
        // Logs the cause.
        Err(error) => drop(Failure::from(error)),
    }
    Ok(())
}

/// METADATA without values: what has changed (RFC 5464 §4.4.2).
pub(crate) fn changed<'a>(
    output: &mut Output,
    mailbox: Option<&MailboxName>,
    entries: impl IntoIterator<Item = &'a String>,
) {
    begin(output, mailbox);
    for name in entries {
        output.raw(b" ");
        entry(output, name);
    }
    output.raw(b"\r\n");
}

/// Entries with their values; `None` is NIL.
type Values<'a> = BTreeMap<&'a str, Option<&'a [u8]>>;

fn select<'a>(stored: &'a BTreeMap<String, Vec<u8>>, entries: &'a [String], depth: Depth) -> Values<'a> {
    let mut found = Values::new();
    for asked in entries {
        if depth == Depth::Zero {
            found.insert(asked, stored.get(asked).map(Vec::as_slice));
            continue;
        }
        for (name, value) in stored {
            let is_meant = match name.strip_prefix(asked.as_str()) {
                Some("") => true,
                below => below
                    .and_then(|below| below.strip_prefix('/'))
                    .is_some_and(|below| depth == Depth::Infinity || !below.contains('/')),
            };
            if is_meant {
                found.insert(name, Some(value));
            }
        }
    }
    found
}

fn is_longer(value: &[u8], max_size: Option<u32>) -> bool {
    max_size.is_some_and(|max_size| value.len() > max_size as usize)
}

/// The size of the largest value that is not told (RFC 5464 §4.2.1).
fn longer_than(found: &Values<'_>, max_size: Option<u32>) -> Option<usize> {
    let values = found.values().flatten();
    values
        .filter(|value| is_longer(value, max_size))
        .map(|value| value.len())
        .max()
}

/// METADATA with values; nothing for none.
fn write(output: &mut Output, mailbox: Option<&MailboxName>, found: &Values<'_>) {
    if found.is_empty() {
        return;
    }
    begin(output, mailbox);
    for (index, (name, value)) in found.iter().enumerate() {
        output.raw(if index > 0 { b" " } else { b" (" });
        entry(output, name);
        output.raw(b" ");
        match value {
            // RFC 5464 §5: `literal8`, the only string that has NULs.
            Some(value) if value.contains(&0) => {
                output.text(format_args!("~{{{}}}\r\n", value.len()));
                output.raw(value);
            }
            value => output.nstring(*value),
        }
    }
    output.raw(b")\r\n");
}

fn begin(output: &mut Output, mailbox: Option<&MailboxName>) {
    output.raw(b"* METADATA ");
    output.mailbox(mailbox.map_or("", MailboxName::as_str));
}

fn entry(output: &mut Output, name: &str) {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.:".contains(&byte);
    match name.bytes().all(is_plain) {
        true => output.raw(name.as_bytes()),
        false => output.string(name.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_and_maxsize() {
        let stored: BTreeMap<String, Vec<u8>> = ["/private/f", "/private/f/a", "/private/f/a/b", "/private/fx"]
            .iter()
            .map(|name| ((*name).to_owned(), name.as_bytes().to_vec()))
            .collect();
        let asked = ["/private/f".to_owned()];
        let names = |depth| select(&stored, &asked, depth).into_keys().collect::<Vec<_>>();
        assert_eq!(names(Depth::Zero), ["/private/f"]);
        assert_eq!(names(Depth::One), ["/private/f", "/private/f/a"]);
        assert_eq!(names(Depth::Infinity), ["/private/f", "/private/f/a", "/private/f/a/b"]);
        let all = select(&stored, &asked, Depth::Infinity);
        assert_eq!(longer_than(&all, Some(12)), Some(14));
        assert_eq!(longer_than(&all, Some(14)), None);
        assert_eq!(longer_than(&all, None), None);
    }

    #[test]
    fn a_value_with_nul_is_a_binary_literal() {
        let mut output = Output::new();
        let found = Values::from([("/private/a b", None), ("/private/x", Some(b"a\0b".as_slice()))]);
        write(&mut output, None, &found);
        let told = b"* METADATA \"\" (\"/private/a b\" NIL /private/x ~{3}\r\na\0b)\r\n";
        assert_eq!(output.written(), told);
    }
}
