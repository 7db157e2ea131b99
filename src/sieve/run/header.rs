//! The header of the message, which a script may change (RFC 5293).

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::Run;
use crate::mail::encoded_word;
use crate::mail::header::{Field, fields};
use crate::sieve::limits;
use crate::sieve::outcome::Why;
use crate::sieve::program::{self, Compare, Index, Text};

/// Fields that tell what happened to the message; they stay (RFC 5293 §6).
const PROTECTED: [&str; 3] = ["Received", "Auto-Submitted", "Return-Path"];

/// The fields as they are now.
pub(super) struct Header<'a> {
    fields: Vec<Cow<'a, [u8]>>,
    octets: usize,
    added: usize,
    /// Made when it is first asked for after a change.
    changed: Option<Arc<[u8]>>,
    dirty: bool,
}

impl<'a> Header<'a> {
    pub(super) fn new(block: &'a [u8]) -> Header<'a> {
        Header {
            fields: fields(block).map(|field| Cow::Borrowed(field.raw)).collect(),
            octets: block.len(),
            added: 0,
            changed: None,
            dirty: false,
        }
    }

    /// The fields of that name, in their order.
    fn named<'b>(&'b self, name: &'b str) -> impl Iterator<Item = (usize, Field<'b>)> {
        self.fields
            .iter()
            .enumerate()
            .filter_map(|(at, raw)| Some((at, fields(raw).next()?)))
            .filter(move |(_, field)| field.is(name))
    }

    /// The whole header with the empty line behind it, if a script has changed it.
    pub(super) fn changed(&mut self) -> Option<Arc<[u8]>> {
        if std::mem::take(&mut self.dirty) {
            let mut block = self.fields.concat();
            block.extend_from_slice(b"\r\n");
            self.changed = Some(block.into());
        }
        self.changed.clone()
    }
}

impl Run<'_> {
    /// The values of the fields of that name as they stand, unfolded, or of the one that the index tells.
    pub(super) fn raw_values(&mut self, name: &str, index: Option<Index>) -> Result<Vec<Vec<u8>>, Why> {
        self.work(self.header.octets)?;
        let mut values: Vec<_> = self.header.named(name).map(|(_, field)| field.unfolded()).collect();
        if let Some(index) = index {
            values = index
                .of(values.len())
                .map(|at| values.swap_remove(at))
                .into_iter()
                .collect();
        }
        Ok(values)
    }

    /// The same, decoded.
    pub(super) fn values(&mut self, name: &str, index: Option<Index>) -> Result<Vec<String>, Why> {
        let raw = self.raw_values(name, index)?;
        Ok(raw.iter().map(|value| encoded_word::decoded(value)).collect())
    }

    /// `addheader` (RFC 5293 §4).
    pub(super) fn add_header(&mut self, last: bool, name: &Text, value: &Text) -> Result<(), Why> {
        let name = self.field_name(name)?;
        let value = self.expand(value)?;
        if is_protected(&name) {
            return Ok(());
        }
        self.header.added += 1;
        if self.header.added > limits::ADDED_FIELDS {
            return Err(Why::Actions);
        }
        let field = encoded_word::field(&name, value.trim()).into_bytes();
        self.header.octets += field.len();
        let at = match (last, self.header.fields.first()) {
            (true, _) => self.header.fields.len(),
            // It stays the first (RFC 5321 §4.4).
            (false, Some(first)) if fields(first).next().is_some_and(|first| first.is("Return-Path")) => 1,
            (false, _) => 0,
        };
        if let Some(end) = self
            .header
            .fields
            .last_mut()
            .filter(|end| last && !end.ends_with(b"\n"))
        {
            end.to_mut().extend_from_slice(b"\r\n");
        }
        self.header.fields.insert(at, Cow::Owned(field));
        self.header.dirty = true;
        Ok(())
    }

    /// `deleteheader` (RFC 5293 §5).
    pub(super) fn delete_header(
        &mut self,
        compare: Compare,
        index: Option<Index>,
        name: &Text,
        patterns: Option<&[Text]>,
    ) -> Result<(), Why> {
        let name = self.field_name(name)?;
        if is_protected(&name) {
            return Ok(());
        }
        self.work(self.header.octets)?;
        let mut found: Vec<(usize, String)> = self
            .header
            .named(&name)
            .map(|(at, field)| (at, encoded_word::decoded(&field.unfolded())))
            .collect();
        if let Some(index) = index {
            found = index
                .of(found.len())
                .map(|at| found.swap_remove(at))
                .into_iter()
                .collect();
        }
        let mut deleted = BTreeSet::new();
        for (at, value) in found {
            let matches = match patterns {
                None => true,
                Some(patterns) => self.any(compare, &[value], patterns)?,
            };
            if matches {
                deleted.insert(at);
            }
        }
        self.header.dirty |= !deleted.is_empty();
        let mut at = 0..;
        self.header
            .fields
            .retain(|_| at.next().is_some_and(|at| !deleted.contains(&at)));
        Ok(())
    }

    fn field_name(&mut self, name: &Text) -> Result<String, Why> {
        let name = self.expand(name)?;
        match program::is_field_name(&name) {
            true => Ok(name),
            false => Err(Why::FieldName),
        }
    }
}

impl Index {
    /// Which of so many it is, from 0.
    fn of(self, count: usize) -> Option<usize> {
        match self.last {
            true => count.checked_sub(self.number),
            false => self.number.checked_sub(1).filter(|at| *at < count),
        }
    }
}

fn is_protected(name: &str) -> bool {
    PROTECTED.iter().any(|known| known.eq_ignore_ascii_case(name))
}
