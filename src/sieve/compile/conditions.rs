//! The tests.

use super::Compiler;
use super::arguments::Arguments;
use super::compare::{Allowed, Tags, once};
use crate::sieve::limits;
use crate::sieve::problem::{Place, Problem, quoted};
use crate::sieve::program::{Duplicate, DuplicateId, Test, Text, Transform, Zone};
use crate::sieve::syntax::Call;

/// Seconds for which `duplicate` remembers if it is not told otherwise (RFC 7352 §3.3).
const DUPLICATE: u64 = 7 * 24 * 60 * 60;

impl Compiler {
    /// One test, and those within it.
    pub(super) fn test(&mut self, call: &Call) -> Result<Test, Problem> {
        let at = call.at;
        let mut arguments = Arguments::new(call);
        let test = match call.name.as_str() {
            "true" => Test::True,
            "false" => Test::False,
            "not" => Test::Not(Box::new(self.test(arguments.test()?)?)),
            "allof" => Test::AllOf(self.tests(&mut arguments)?),
            "anyof" => Test::AnyOf(self.tests(&mut arguments)?),
            "exists" => Test::Exists(arguments.texts(self, "the names of header fields")?),
            "size" => size(at, &mut arguments)?,
            "header" => self.header(at, &mut arguments)?,
            "address" => self.address_test(at, &mut arguments)?,
            "envelope" => {
                self.needs("envelope", "envelope", at)?;
                self.envelope(at, &mut arguments)?
            }
            "body" => {
                self.needs("body", "body", at)?;
                self.uses_body = true;
                self.body(at, &mut arguments)?
            }
            "string" => {
                self.needs("variables", "string", at)?;
                let tags = self.tags(Allowed::default(), &mut arguments)?;
                Test::Strings {
                    compare: tags.compare(at)?,
                    sources: arguments.texts(self, "strings")?,
                    keys: arguments.texts(self, "what to compare them with")?,
                }
            }
            "hasflag" => {
                self.needs("imap4flags", "hasflag", at)?;
                self.has_flag(at, &mut arguments)?
            }
            "mailboxexists" => {
                self.needs("mailbox", "mailboxexists", at)?;
                Test::MailboxExists(arguments.texts(self, "mailboxes")?)
            }
            "specialuse_exists" => {
                self.needs("special-use", "specialuse_exists", at)?;
                let mailbox = match arguments.left() {
                    2 => Some(arguments.text(self, "a mailbox")?),
                    _ => None,
                };
                Test::SpecialUseExists {
                    mailbox,
                    uses: arguments.texts(self, "special uses such as \"\\\\Junk\"")?,
                }
            }
            "duplicate" => {
                self.needs("duplicate", "duplicate", at)?;
                self.duplicate(&mut arguments)?
            }
            "date" | "currentdate" => {
                self.needs("date", &call.name, at)?;
                self.date(at, call.name == "date", &mut arguments)?
            }
            name => return Err(at.problem(format!("the test {} is not known here", quoted(name)))),
        };
        arguments.end()?;
        Ok(test)
    }

    fn tests(&mut self, arguments: &mut Arguments<'_>) -> Result<Vec<Test>, Problem> {
        arguments.tests()?.iter().map(|call| self.test(call)).collect()
    }

    /// The tags of a test that has no others.
    fn tags(&mut self, allowed: Allowed, arguments: &mut Arguments<'_>) -> Result<Tags, Problem> {
        let mut tags = Tags::new(allowed);
        while let Some(tag) = arguments.tag() {
            if !tags.take(tag, arguments, self)? {
                return Err(arguments.unknown(tag.0, tag.1));
            }
        }
        Ok(tags)
    }

    fn header(&mut self, at: Place, arguments: &mut Arguments<'_>) -> Result<Test, Problem> {
        let allowed = Allowed {
            index: true,
            part: false,
        };
        let tags = self.tags(allowed, arguments)?;
        Ok(Test::Header {
            compare: tags.compare(at)?,
            index: tags.index()?,
            fields: arguments.texts(self, "the names of header fields")?,
            keys: self.keys(arguments)?,
        })
    }

    fn address_test(&mut self, at: Place, arguments: &mut Arguments<'_>) -> Result<Test, Problem> {
        let allowed = Allowed {
            index: true,
            part: true,
        };
        let tags = self.tags(allowed, arguments)?;
        Ok(Test::Address {
            compare: tags.compare(at)?,
            index: tags.index()?,
            part: tags.part(),
            fields: arguments.texts(self, "the names of header fields")?,
            keys: self.keys(arguments)?,
        })
    }

    /// RFC 5228 §5.4.
    fn envelope(&mut self, at: Place, arguments: &mut Arguments<'_>) -> Result<Test, Problem> {
        let allowed = Allowed {
            index: false,
            part: true,
        };
        let tags = self.tags(allowed, arguments)?;
        let names = arguments.constants("\"from\" or \"to\"")?;
        let mut parts = Vec::new();
        for (at, name) in names {
            let known = name.eq_ignore_ascii_case("from") || name.eq_ignore_ascii_case("to");
            if !known && !name.contains("${") {
                return Err(at.problem(format!("the envelope has no part {}, but from and to", quoted(name))));
            }
            parts.push(self.text(at, name)?);
        }
        Ok(Test::Envelope {
            compare: tags.compare(at)?,
            part: tags.part(),
            parts,
            keys: self.keys(arguments)?,
        })
    }

    /// RFC 5173 §4, §5.
    fn body(&mut self, at: Place, arguments: &mut Arguments<'_>) -> Result<Test, Problem> {
        let mut tags = Tags::new(Allowed::default());
        let mut transform = None;
        while let Some((at, tag)) = arguments.tag() {
            let given = match tag {
                "raw" => Transform::Raw,
                "text" => Transform::Text,
                "content" => Transform::Content(arguments.texts(self, "media types")?),
                _ if tags.take((at, tag), arguments, self)? => continue,
                _ => return Err(arguments.unknown(at, tag)),
            };
            once(&mut transform, given, at, "form of the body")?;
        }
        Ok(Test::Body {
            compare: tags.compare(at)?,
            transform: transform.unwrap_or(Transform::Text),
            keys: self.keys(arguments)?,
        })
    }

    /// RFC 5232 §4.
    fn has_flag(&mut self, at: Place, arguments: &mut Arguments<'_>) -> Result<Test, Problem> {
        let tags = self.tags(Allowed::default(), arguments)?;
        let variables = match arguments.left() {
            2 => {
                self.needs("variables", "a variable with flags", at)?;
                Some(arguments.texts(self, "variables")?)
            }
            _ => None,
        };
        Ok(Test::HasFlag {
            compare: tags.compare(at)?,
            variables,
            flags: arguments.texts(self, "flags")?,
        })
    }

    /// RFC 7352 §3.
    fn duplicate(&mut self, arguments: &mut Arguments<'_>) -> Result<Test, Problem> {
        let (mut handle, mut id, mut seconds, mut last) = (None, None, None, None);
        while let Some((at, tag)) = arguments.tag() {
            match tag {
                "handle" => once(&mut handle, arguments.text(self, "a name")?, at, ":handle")?,
                "header" => {
                    let field = arguments.text(self, "the name of a header field")?;
                    once(&mut id, DuplicateId::Field(field), at, ":header or :uniqueid")?;
                }
                "uniqueid" => {
                    let unique = arguments.text(self, "what makes a message unique")?;
                    once(&mut id, DuplicateId::Unique(unique), at, ":header or :uniqueid")?;
                }
                "seconds" => once(&mut seconds, arguments.number("a number of seconds")?, at, ":seconds")?,
                "last" => once(&mut last, (), at, ":last")?,
                _ => return Err(arguments.unknown(at, tag)),
            }
        }
        Ok(Test::Duplicate(Box::new(Duplicate {
            handle,
            id: id.unwrap_or_else(|| DuplicateId::Field(Text::literal("Message-ID"))),
            seconds: seconds.unwrap_or(DUPLICATE).min(limits::REMEMBERED),
            last: last.is_some(),
        })))
    }

    /// RFC 5260 §4, §5.
    fn date(&mut self, at: Place, of_field: bool, arguments: &mut Arguments<'_>) -> Result<Test, Problem> {
        let mut tags = Tags::new(Allowed {
            index: of_field,
            part: false,
        });
        let mut zone = None;
        while let Some((at, tag)) = arguments.tag() {
            match tag {
                "zone" => {
                    let (at, name) = arguments.constant("a zone such as \"+0100\"")?;
                    let text = self.text(at, name)?;
                    once(&mut zone, Zone::Offset(text), at, "zone")?;
                }
                "originalzone" if of_field => once(&mut zone, Zone::Original, at, "zone")?,
                _ if tags.take((at, tag), arguments, self)? => {}
                _ => return Err(arguments.unknown(at, tag)),
            }
        }
        let field = match of_field {
            true => Some(arguments.text(self, "the name of a header field")?),
            false => None,
        };
        Ok(Test::Date {
            compare: tags.compare(at)?,
            index: tags.index()?,
            field,
            zone: zone.unwrap_or(Zone::Local),
            part: arguments.text(self, "the part of the date")?,
            keys: self.keys(arguments)?,
        })
    }

    fn keys(&mut self, arguments: &mut Arguments<'_>) -> Result<Vec<Text>, Problem> {
        arguments.texts(self, "what to compare with")
    }
}

/// `size :over 1M` (RFC 5228 §5.9)
fn size(at: Place, arguments: &mut Arguments<'_>) -> Result<Test, Problem> {
    let over = match arguments.tag() {
        Some((_, "over")) => true,
        Some((_, "under")) => false,
        _ => return Err(at.problem("size has :over or :under")),
    };
    Ok(Test::Size {
        over,
        octets: arguments.number("a number of octets")?,
    })
}
