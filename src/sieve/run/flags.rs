//! Flags (RFC 5232): lists of names in the internal variable and in others.

use super::Run;
use crate::mail::flags::FlagList;
use crate::sieve::limits;
use crate::sieve::outcome::Why;
use crate::sieve::program::{Compare, FlagChange, Text};

impl Run<'_> {
    /// `setflag`, `addflag`, `removeflag`.
    pub(super) fn change_flags(
        &mut self,
        change: FlagChange,
        variable: Option<&str>,
        flags: &[Text],
    ) -> Result<(), Why> {
        let changes = split(&self.expand_all(flags)?);
        let mut list = match variable {
            Some(name) => split(&[self.variables.get(name).to_owned()]),
            None => std::mem::take(&mut self.flags),
        };
        match change {
            FlagChange::Set => list = changes,
            FlagChange::Add => {
                list.extend(changes);
                list = split(&list);
            }
            FlagChange::Remove => list.retain(|flag| !has(&changes, flag)),
        }
        self.work(list.len() * list.len())?;
        match variable {
            Some(name) => self.variables.set(name, list.join(" ")),
            None => {
                self.flags = list;
                Ok(())
            }
        }
    }

    /// `hasflag` (RFC 5232 §4).
    pub(super) fn has_flag(
        &mut self,
        compare: Compare,
        variables: Option<&[Text]>,
        keys: &[Text],
    ) -> Result<bool, Why> {
        let values = match variables {
            None => self.flags.clone(),
            Some(names) => {
                let names = self.expand_all(names)?;
                let lists = names.iter().map(|name| self.variables.get(&name.to_ascii_lowercase()));
                split(&lists.map(str::to_owned).collect::<Vec<_>>())
            }
        };
        // RFC 5232 §2: a key may be a list as well.
        let keys = split(&self.expand_all(keys)?);
        let keys: Vec<Text> = keys.iter().map(|key| Text::literal(key)).collect();
        self.any(compare, &values, &keys)
    }

    /// The flags that a message gets: those given, or those of the internal variable. What is no flag is left out.
    pub(super) fn flags_of(&mut self, given: Option<&[Text]>) -> Result<FlagList, Why> {
        let names = match given {
            Some(texts) => split(&self.expand_all(texts)?),
            None => self.flags.clone(),
        };
        let mut flags = FlagList::default();
        for name in names {
            flags.insert(&name);
        }
        Ok(flags)
    }
}

/// The names in lists of them, each once in whatever case.
fn split(lists: &[String]) -> Vec<String> {
    let mut flags: Vec<String> = Vec::new();
    for name in lists.iter().flat_map(|list| list.split_ascii_whitespace()) {
        if flags.len() < limits::FLAGS && !has(&flags, name) {
            flags.push(name.to_owned());
        }
    }
    flags
}

fn has(flags: &[String], name: &str) -> bool {
    flags.iter().any(|flag| flag.eq_ignore_ascii_case(name))
}
