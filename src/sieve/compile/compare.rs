//! The tags by which a test says how it compares: match type, comparator, address part, index.

use super::Compiler;
use super::arguments::Arguments;
use crate::sieve::problem::{Place, Problem, quoted};
use crate::sieve::program::{AddressPart, Comparator, Compare, Index, Matching, Relation};

/// Which of them a test has.
#[derive(Clone, Copy, Default)]
pub(super) struct Allowed {
    pub(super) part: bool,
    pub(super) index: bool,
}

/// What was given so far.
#[derive(Default)]
pub(super) struct Tags {
    allowed: Allowed,
    comparator: Option<Comparator>,
    matching: Option<Matching>,
    part: Option<AddressPart>,
    number: Option<usize>,
    last: Option<Place>,
}

impl Tags {
    pub(super) fn new(allowed: Allowed) -> Tags {
        Tags {
            allowed,
            ..Tags::default()
        }
    }

    /// Takes a tag, with its value, if it is one of these.
    pub(super) fn take(
        &mut self,
        (at, tag): (Place, &str),
        arguments: &mut Arguments<'_>,
        compiler: &mut Compiler,
    ) -> Result<bool, Problem> {
        match tag {
            "comparator" => {
                let (at, name) = arguments.constant("the name of a comparator")?;
                once(&mut self.comparator, comparator(compiler, at, name)?, at, "comparator")?;
            }
            "is" | "contains" | "matches" | "value" | "count" => {
                let matching = match tag {
                    "is" => Matching::Is,
                    "contains" => Matching::Contains,
                    "matches" => Matching::Matches,
                    _ => {
                        compiler.needs("relational", &format!(":{tag}"), at)?;
                        let (at, name) = arguments.constant("a relation such as \"gt\"")?;
                        let relation = relation(at, name)?;
                        match tag {
                            "value" => Matching::Value(relation),
                            _ => Matching::Count(relation),
                        }
                    }
                };
                once(&mut self.matching, matching, at, "match type")?;
            }
            "all" | "localpart" | "domain" | "user" | "detail" if self.allowed.part => {
                let part = match tag {
                    "all" => AddressPart::All,
                    "localpart" => AddressPart::LocalPart,
                    "domain" => AddressPart::Domain,
                    _ => {
                        compiler.needs("subaddress", &format!(":{tag}"), at)?;
                        match tag {
                            "user" => AddressPart::User,
                            _ => AddressPart::Detail,
                        }
                    }
                };
                once(&mut self.part, part, at, "part of an address")?;
            }
            "index" if self.allowed.index => {
                compiler.needs("index", ":index", at)?;
                let number = arguments.number("which field, from 1")?;
                if number == 0 {
                    return Err(at.problem("the first field has the :index 1"));
                }
                let number = usize::try_from(number).unwrap_or(usize::MAX);
                once(&mut self.number, number, at, "index")?;
            }
            "last" if self.allowed.index => {
                compiler.needs("index", ":last", at)?;
                once(&mut self.last, at, at, ":last")?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// How the test compares, once all tags are read.
    pub(super) fn compare(&self, at: Place) -> Result<Compare, Problem> {
        let compare = Compare {
            comparator: self.comparator.unwrap_or(Comparator::AsciiCasemap),
            matching: self.matching.unwrap_or(Matching::Is),
        };
        match (compare.comparator, compare.matching) {
            // RFC 4790 §9.1.1
            (Comparator::AsciiNumeric, Matching::Contains | Matching::Matches) => {
                Err(at.problem("i;ascii-numeric compares whole numbers only, without :contains and :matches"))
            }
            _ => Ok(compare),
        }
    }

    pub(super) fn part(&self) -> AddressPart {
        self.part.unwrap_or(AddressPart::All)
    }

    /// RFC 5260 §6: `:last` means something only with `:index`.
    pub(super) fn index(&self) -> Result<Option<Index>, Problem> {
        match (self.number, self.last) {
            (Some(number), last) => Ok(Some(Index {
                number,
                last: last.is_some(),
            })),
            (None, Some(at)) => Err(at.problem(":last needs :index")),
            (None, None) => Ok(None),
        }
    }
}

/// Sets what may be given once.
pub(super) fn once<T>(slot: &mut Option<T>, value: T, at: Place, what: &str) -> Result<(), Problem> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(at.problem(format!("a second {what}, where one has its place"))),
    }
}

fn comparator(compiler: &mut Compiler, at: Place, name: &str) -> Result<Comparator, Problem> {
    match name {
        "i;octet" => Ok(Comparator::Octet),
        "i;ascii-casemap" => Ok(Comparator::AsciiCasemap),
        "i;ascii-numeric" => {
            compiler.needs("comparator-i;ascii-numeric", "this comparator", at)?;
            Ok(Comparator::AsciiNumeric)
        }
        "i;unicode-casemap" => {
            compiler.needs("comparator-i;unicode-casemap", "this comparator", at)?;
            Ok(Comparator::UnicodeCasemap)
        }
        _ => Err(at.problem(format!("the comparator {} is not known here", quoted(name)))),
    }
}

fn relation(at: Place, name: &str) -> Result<Relation, Problem> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "gt" => Relation::Gt,
        "ge" => Relation::Ge,
        "lt" => Relation::Lt,
        "le" => Relation::Le,
        "eq" => Relation::Eq,
        "ne" => Relation::Ne,
        _ => {
            let text = format!(
                "{} is none of \"gt\", \"ge\", \"lt\", \"le\", \"eq\", \"ne\"",
                quoted(name)
            );
            return Err(at.problem(text));
        }
    })
}
