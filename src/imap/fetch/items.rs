//! The items that the state of a message answers, without index or file (RFC 9051 §7.5.2).

use crate::imap::output::Output;
use crate::mail::date::Timestamp;
use crate::mail::flags::KeywordTable;
use crate::mail::ids::ModSeq;
use crate::mailbox::MessageState;

/// `FLAGS (\Seen \Recent $Label1)`. IMAP4rev2 knows no \Recent (RFC 9051 §2.3.2).
pub(crate) fn flags(output: &mut Output, state: &MessageState, recent: bool, keywords: &KeywordTable) {
    let recent = recent && !output.dialect().is_rev2();
    output.raw(b"FLAGS (");
    let system = state.flags.names().chain(recent.then_some("\\Recent"));
    let names = system.map(|name: &str| name).chain(keywords.names(state.keywords));
    for (index, name) in names.enumerate() {
        if index > 0 {
            output.raw(b" ");
        }
        output.raw(name.as_bytes());
    }
    output.raw(b")");
}

/// `MODSEQ (624140003)` (RFC 7162 §3.1.4.2).
pub(crate) fn mod_seq(output: &mut Output, mod_seq: ModSeq) {
    output.text(format_args!("MODSEQ ({mod_seq})"));
}

/// `SAVEDATE "01-Jan-2015 18:50:53 +0100"` (RFC 8514 §4.2).
pub(crate) fn save_date(output: &mut Output, date: Timestamp) {
    output.text(format_args!("SAVEDATE \"{}\"", date.to_internal_date()));
}

/// `INTERNALDATE "17-Jul-1996 02:44:25 -0700"`, in the offset it came with; the day is padded to two places.
pub(crate) fn internal_date(output: &mut Output, date: Timestamp) {
    output.text(format_args!("INTERNALDATE \"{}\"", date.to_internal_date()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_one_digit_is_padded() {
        let mut output = Output::new();
        let date = Timestamp {
            seconds: 836_214_240,
            offset_minutes: -420,
        };
        internal_date(&mut output, date);
        assert_eq!(output.written(), b"INTERNALDATE \" 1-Jul-1996 02:44:00 -0700\"");
    }
}
