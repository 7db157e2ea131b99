//! SEARCH and ESEARCH responses (RFC 3501 §7.2.5, RFC 4731 §3, RFC 7162 §3.1.5).

use crate::imap::command::SearchReturn;
use crate::imap::numbering::Numbers;
use crate::imap::output::Output;
use crate::mail::ids::ModSeq;

/// What was found, in the numbers that the client asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    numbers: Numbers,
    count: u32,
    first_mod_seq: Option<ModSeq>,
    last_mod_seq: Option<ModSeq>,
    highest_mod_seq: Option<ModSeq>,
}

impl Found {
    /// One more message. Numbers come in ascending order.
    pub(crate) fn push(&mut self, number: u32, mod_seq: ModSeq) {
        self.numbers.push(number);
        self.count += 1;
        self.first_mod_seq.get_or_insert(mod_seq);
        self.last_mod_seq = Some(mod_seq);
        self.highest_mod_seq = self.highest_mod_seq.max(Some(mod_seq));
    }

    /// The numbers, for `* SEARCH`.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.numbers.iter()
    }

    /// The MODSEQ of `* SEARCH ... (MODSEQ n)`: the highest of all that was found.
    pub(crate) fn highest_mod_seq(&self) -> Option<ModSeq> {
        self.highest_mod_seq
    }

    /// Which MODSEQ an ESEARCH response names (RFC 4731 §3.2): that of the messages named by MIN and MAX when nothing
    /// but these was asked for, else the highest of all.
    fn extended_mod_seq(&self, returns: SearchReturn) -> Option<ModSeq> {
        if returns.all || returns.count {
            return self.highest_mod_seq;
        }
        match (returns.min, returns.max) {
            (true, false) => self.first_mod_seq,
            (false, true) => self.last_mod_seq,
            (true, true) => self.first_mod_seq.max(self.last_mod_seq),
            (false, false) => self.highest_mod_seq,
        }
    }
}

/// What an ESEARCH response tells besides the numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extended<'a> {
    /// The command's tag: the response says which command it answers.
    pub(crate) tag: &'a str,
    /// Whether the numbers are UIDs.
    pub(crate) uid: bool,
    /// What was asked for.
    pub(crate) returns: SearchReturn,
    /// Whether the MODSEQ key was used.
    pub(crate) mod_seq: bool,
}

/// Writes the one ESEARCH response of a command. MIN, MAX and ALL are left out when nothing matched, COUNT is not.
pub(crate) fn write_extended(output: &mut Output, found: &Found, extended: Extended<'_>) {
    let Extended { tag, uid, returns, .. } = extended;
    output.raw(b"* ESEARCH (TAG ");
    output.string(tag.as_bytes());
    output.raw(if uid { b") UID" } else { b")" });
    if returns.min
        && let Some(first) = found.numbers.first()
    {
        output.text(format_args!(" MIN {first}"));
    }
    if returns.max
        && let Some(last) = found.numbers.last()
    {
        output.text(format_args!(" MAX {last}"));
    }
    if returns.all && !found.numbers.is_empty() {
        output.text(format_args!(" ALL {}", found.numbers));
    }
    if returns.count {
        output.text(format_args!(" COUNT {}", found.count));
    }
    if extended.mod_seq
        && let Some(mod_seq) = found.extended_mod_seq(returns)
    {
        output.text(format_args!(" MODSEQ {mod_seq}"));
    }
    output.raw(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pairs: &[(u32, u64)]) -> Found {
        let mut found = Found::default();
        for (number, mod_seq) in pairs {
            found.push(*number, ModSeq::new(*mod_seq).unwrap());
        }
        found
    }

    fn returns(text: &str) -> SearchReturn {
        SearchReturn {
            min: text.contains("MIN"),
            max: text.contains("MAX"),
            all: text.contains("ALL"),
            count: text.contains("COUNT"),
        }
    }

    fn written(found: &Found, what: &str, uid: bool, mod_seq: bool) -> String {
        let mut output = Output::new();
        let extended = Extended {
            tag: "a",
            uid,
            returns: returns(what),
            mod_seq,
        };
        write_extended(&mut output, found, extended);
        String::from_utf8_lossy(output.written()).trim_end().to_owned()
    }

    #[test]
    fn what_was_asked_for_in_order() {
        let some = found(&[(2, 50), (10, 70), (11, 60)]);
        for (what, uid, mod_seq, wanted) in [
            ("ALL", false, false, "* ESEARCH (TAG \"a\") ALL 2,10:11"),
            ("MIN COUNT", false, false, "* ESEARCH (TAG \"a\") MIN 2 COUNT 3"),
            ("MIN MAX", true, false, "* ESEARCH (TAG \"a\") UID MIN 2 MAX 11"),
            (
                "MIN MAX ALL COUNT",
                true,
                false,
                "* ESEARCH (TAG \"a\") UID MIN 2 MAX 11 ALL 2,10:11 COUNT 3",
            ),
            ("MIN", false, true, "* ESEARCH (TAG \"a\") MIN 2 MODSEQ 50"),
            ("MAX", false, true, "* ESEARCH (TAG \"a\") MAX 11 MODSEQ 60"),
            ("MIN MAX", false, true, "* ESEARCH (TAG \"a\") MIN 2 MAX 11 MODSEQ 60"),
            (
                "MIN COUNT",
                false,
                true,
                "* ESEARCH (TAG \"a\") MIN 2 COUNT 3 MODSEQ 70",
            ),
        ] {
            assert_eq!(written(&some, what, uid, mod_seq), wanted);
        }
    }

    #[test]
    fn nothing_found() {
        let none = found(&[]);
        assert_eq!(written(&none, "MIN MAX ALL", false, true), "* ESEARCH (TAG \"a\")");
        assert_eq!(
            written(&none, "ALL COUNT", true, true),
            "* ESEARCH (TAG \"a\") UID COUNT 0"
        );
    }
}
