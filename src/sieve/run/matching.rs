//! Comparing values with keys: comparators (RFC 4790 §9, RFC 5051), match types (RFC 5228 §2.7.1) and relations (RFC 5231).

use std::cmp::Ordering;

use super::Run;
use super::glob::Glob;
use super::variables;
use crate::mail::collation;
use crate::sieve::limits;
use crate::sieve::outcome::Why;
use crate::sieve::program::{Comparator, Compare, Matching, Relation, Text};

impl Run<'_> {
    /// Whether one of the values matches one of the keys. `:matches` leaves its captures.
    pub(super) fn any(&mut self, compare: Compare, values: &[String], keys: &[Text]) -> Result<bool, Why> {
        let keys = self.expand_all(keys)?;
        if let Matching::Count(relation) = compare.matching {
            let count = values.len().to_string();
            return Ok(keys
                .iter()
                .any(|key| relation.holds(compare.comparator.order(&count, key))));
        }
        for value in values {
            for key in &keys {
                if self.one(compare, value, key)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Whether a value matches a key.
    pub(super) fn one(&mut self, compare: Compare, value: &str, key: &str) -> Result<bool, Why> {
        let comparator = compare.comparator;
        self.work(value.len() + key.len())?;
        Ok(match compare.matching {
            Matching::Is => comparator.order(value, key) == Ordering::Equal,
            Matching::Value(relation) => relation.holds(comparator.order(value, key)),
            Matching::Contains => memchr::memmem::find(&comparator.mapped(value), &comparator.mapped(key)).is_some(),
            Matching::Matches => {
                let left = limits::STEPS.saturating_sub(self.steps).saturating_mul(limits::STEP);
                let tried = Glob::new(key, comparator).matches(value, comparator, left);
                self.work(tried.work)?;
                match tried.captures {
                    Some(mut captures) => {
                        captures.iter_mut().for_each(variables::cut);
                        self.variables.capture(captures);
                        true
                    }
                    None => false,
                }
            }
            // Only several together can be counted.
            Matching::Count(_) => false,
        })
    }
}

impl Comparator {
    /// What of two comes first.
    fn order(self, one: &str, other: &str) -> Ordering {
        match self {
            Comparator::AsciiNumeric => numeric(one, other),
            _ => self.mapped(one).cmp(&self.mapped(other)),
        }
    }

    /// The octets that are compared.
    fn mapped(self, text: &str) -> Vec<u8> {
        match self {
            Comparator::Octet | Comparator::AsciiNumeric => text.as_bytes().to_vec(),
            Comparator::AsciiCasemap => text.as_bytes().to_ascii_uppercase(),
            Comparator::UnicodeCasemap => {
                let mut mapped = Vec::new();
                collation::casemap(text, &mut mapped);
                mapped
            }
        }
    }
}

/// By the digits at the start; a text without is above all numbers (RFC 4790 §9.1.1).
fn numeric(one: &str, other: &str) -> Ordering {
    fn digits(text: &str) -> Option<&str> {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let digits = text.get(..end).filter(|digits| !digits.is_empty())?;
        Some(digits.trim_start_matches('0'))
    }
    match (digits(one), digits(other)) {
        (Some(one), Some(other)) => one.len().cmp(&other.len()).then_with(|| one.cmp(other)),
        (one, other) => one.is_none().cmp(&other.is_none()),
    }
}

impl Relation {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Relation::Gt => order.is_gt(),
            Relation::Ge => order.is_ge(),
            Relation::Lt => order.is_lt(),
            Relation::Le => order.is_le(),
            Relation::Eq => order.is_eq(),
            Relation::Ne => order.is_ne(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_as_numbers() {
        for (one, other, order) in [
            ("1", "2", Ordering::Less),
            ("10", "9", Ordering::Greater),
            ("007", "7x", Ordering::Equal),
            ("0", "000", Ordering::Equal),
            ("99999999999999999999999999", "1", Ordering::Greater),
            ("x", "1", Ordering::Greater),
            ("", "y", Ordering::Equal),
        ] {
            assert_eq!(numeric(one, other), order, "{one} {other}");
        }
    }
}
