//! The tests (RFC 5228 §5 and its extensions).

use super::{Run, body};
use crate::mail::encoded_word::plain;
use crate::mail::envelope::ReversePath;
use crate::mail::mailbox_name::{MailboxName, SpecialUse};
use crate::mail::mime;
use crate::sieve::outcome::Why;
use crate::sieve::program::{AddressPart, Compare, Index, Matching, Test, Text};

/// Separates a local part from its detail (RFC 5233 §3), as everywhere in this server.
const DETAIL: char = '+';

impl Run<'_> {
    /// Whether it is so.
    pub(super) fn test(&mut self, test: &Test) -> Result<bool, Why> {
        self.work(0)?;
        match test {
            Test::True => Ok(true),
            Test::False => Ok(false),
            Test::Not(inner) => Ok(!self.test(inner)?),
            Test::AllOf(tests) => {
                for test in tests {
                    if !self.test(test)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Test::AnyOf(tests) => {
                for test in tests {
                    if self.test(test)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Test::Exists(names) => {
                for name in self.expand_all(names)? {
                    if self.raw_values(&name, None)?.is_empty() {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Test::Size { over, octets } => Ok(match over {
                true => self.input.message.size > *octets,
                false => self.input.message.size < *octets,
            }),
            Test::Header {
                compare,
                index,
                fields,
                keys,
            } => {
                let mut values = Vec::new();
                for name in self.expand_all(fields)? {
                    values.extend(self.values(&name, *index)?);
                }
                self.any(*compare, &values, keys)
            }
            Test::Address {
                compare,
                index,
                part,
                fields,
                keys,
            } => {
                let values = self.addresses(fields, *index, *part)?;
                self.any(*compare, &values, keys)
            }
            Test::Envelope {
                compare,
                part,
                parts,
                keys,
            } => {
                let values = self.envelope(parts, *part)?;
                self.any(*compare, &values, keys)
            }
            Test::Body {
                compare,
                transform,
                keys,
            } => {
                let values = body::values(self, transform)?;
                self.any(*compare, &values, keys)
            }
            Test::Strings { compare, sources, keys } => self.strings(*compare, sources, keys),
            Test::HasFlag {
                compare,
                variables,
                flags,
            } => self.has_flag(*compare, variables.as_deref(), flags),
            Test::MailboxExists(names) => {
                let names = self.expand_all(names)?;
                Ok(names
                    .iter()
                    .all(|name| MailboxName::new(name).is_ok_and(|name| self.exists(&name))))
            }
            Test::SpecialUseExists { mailbox, uses } => self.special_use_exists(mailbox.as_ref(), uses),
            Test::Duplicate(duplicate) => self.duplicate(duplicate),
            Test::Date {
                compare,
                index,
                field,
                zone,
                part,
                keys,
            } => {
                let value = self.date(field.as_ref(), *index, zone, part)?;
                self.any(*compare, value.as_slice(), keys)
            }
        }
    }

    /// The addresses of these fields, or that part of them (RFC 5228 §5.1).
    fn addresses(&mut self, fields: &[Text], index: Option<Index>, part: AddressPart) -> Result<Vec<String>, Why> {
        let mut found = Vec::new();
        for name in self.expand_all(fields)? {
            for value in self.raw_values(&name, index)? {
                for address in mime::addresses(&value) {
                    let local = plain(&address.mailbox.unwrap_or_default());
                    let domain = plain(&address.host.unwrap_or_default());
                    found.extend(part.of(&local, &domain));
                }
            }
        }
        Ok(found)
    }

    /// The null path is an empty text in all its parts (RFC 5228 §5.4).
    fn envelope(&mut self, parts: &[Text], part: AddressPart) -> Result<Vec<String>, Why> {
        let mut found = Vec::new();
        for name in self.expand_all(parts)? {
            if name.eq_ignore_ascii_case("from") {
                match self.input.reverse_path {
                    ReversePath::Null => found.push(String::new()),
                    ReversePath::Address(address) => found.extend(part.of(address.local(), address.domain())),
                }
            } else if name.eq_ignore_ascii_case("to") {
                let paths = self.input.forward_paths.iter();
                found.extend(paths.filter_map(|path| part.of(path.local(), path.domain())));
            }
        }
        Ok(found)
    }

    /// `string` (RFC 5229 §5): empty ones are not counted.
    fn strings(&mut self, compare: Compare, sources: &[Text], keys: &[Text]) -> Result<bool, Why> {
        let mut values = self.expand_all(sources)?;
        if matches!(compare.matching, Matching::Count(_)) {
            values.retain(|value| !value.is_empty());
        }
        self.any(compare, &values, keys)
    }

    /// RFC 8579 §3.
    fn special_use_exists(&mut self, mailbox: Option<&Text>, uses: &[Text]) -> Result<bool, Why> {
        let name = match mailbox {
            Some(text) => Some(MailboxName::new(&self.expand(text)?)),
            None => None,
        };
        let uses = self.expand_all(uses)?;
        let known = self.input.mailboxes;
        Ok(uses.iter().all(|wanted| {
            let wanted = SpecialUse::from_attribute(wanted);
            wanted.is_some()
                && known.iter().any(|mailbox| {
                    let right = match &name {
                        Some(name) => name.as_ref() == Ok(&mailbox.name),
                        None => true,
                    };
                    right && mailbox.special_use == wanted
                })
        }))
    }
}

impl AddressPart {
    /// That part; nothing when the address has no detail (RFC 5233 §4).
    fn of(self, local: &str, domain: &str) -> Option<String> {
        match self {
            AddressPart::All => Some(format!("{local}@{domain}")),
            AddressPart::LocalPart => Some(local.to_owned()),
            AddressPart::Domain => Some(domain.to_owned()),
            AddressPart::User => Some(local.split_once(DETAIL).map_or(local, |(user, _)| user).to_owned()),
            AddressPart::Detail => local.split_once(DETAIL).map(|(_, detail)| detail.to_owned()),
        }
    }
}
