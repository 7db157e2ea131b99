//! SEARCH and ESEARCH responses (RFC 3501 §7.2.5, RFC 4731 §3, RFC 6203 §4, RFC 7162 §3.1.5, RFC 9394 §3).

use crate::imap::command::{PartialRange, SearchReturn};
use crate::imap::numbering::{Numbers, Positions};
use crate::imap::output::Output;
use crate::mail::ids::{ModSeq, Uid, UidValidity};
use crate::mail::mailbox_name::MailboxName;
use crate::mail::uidset::UidSet;
use std::ops::Range;

/// What was found, in the order of the answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Results {
    /// The messages.
    pub(crate) uids: Numbers,
    /// How relevant each of them is, when that was asked for.
    pub(crate) scores: Vec<u8>,
}

impl Results {
    /// The numbers that the client asked for: UIDs, or sequence numbers in its picture.
    pub(crate) fn numbers(&self, picture: &UidSet, uid: bool) -> Numbers {
        if uid {
            return self.uids.clone();
        }
        let positions = Positions::new(picture);
        self.uids.iter().filter_map(|uid| positions.of(uid)).collect()
    }

    /// The messages that an answer with these options names or counts: those that are saved (RFC 5182 §2.4, RFC 9394
    /// §3.2), and whose highest MODSEQ is told (RFC 4731 §3.2).
    pub(crate) fn concerned(&self, returns: SearchReturn) -> UidSet {
        let set = |numbers: &Numbers| numbers.iter().filter_map(Uid::new).collect::<UidSet>();
        let all = returns.all || returns.count || !(returns.min || returns.max || returns.partial.is_some());
        if all {
            return set(&self.uids);
        }
        let mut concerned = match returns.partial {
            Some(range) => set(&self.uids.slice(range.of(self.uids.len()))),
            None => UidSet::new(),
        };
        let ends = [
            self.uids.first().filter(|_| returns.min),
            self.uids.last().filter(|_| returns.max),
        ];
        ends.into_iter()
            .flatten()
            .filter_map(Uid::new)
            .for_each(|uid| concerned.insert(uid));
        concerned
    }
}

/// A mailbox as a response names it: by what the client calls it, and its UIDVALIDITY.
pub(crate) type Named = (MailboxName, UidValidity);

/// What an ESEARCH response tells besides the numbers.
#[derive(Clone, Copy)]
pub(crate) struct Extended<'a> {
    /// The command's tag: the response says which command it answers.
    pub(crate) tag: &'a str,
    /// The mailbox, when the response says which one it is about (RFC 7377 §2.1).
    pub(crate) mailbox: Option<&'a Named>,
    /// Whether the numbers are UIDs.
    pub(crate) uid: bool,
    /// What was asked for.
    pub(crate) returns: SearchReturn,
    /// The highest MODSEQ of the messages concerned, when the MODSEQ key was used.
    pub(crate) mod_seq: Option<ModSeq>,
    /// How relevant each message is.
    pub(crate) scores: &'a [u8],
}

/// Writes the one ESEARCH response of a command. MIN, MAX and ALL are left out when nothing matched, COUNT and PARTIAL are
/// not.
pub(crate) fn write_extended(output: &mut Output, numbers: &Numbers, extended: Extended<'_>) {
    let Extended { returns, .. } = extended;
    begin_extended(output, extended.tag, extended.mailbox, extended.uid);
    if returns.min
        && let Some(first) = numbers.first()
    {
        output.text(format_args!(" MIN {first}"));
    }
    if returns.max
        && let Some(last) = numbers.last()
    {
        output.text(format_args!(" MAX {last}"));
    }
    if returns.all && !numbers.is_empty() {
        output.text(format_args!(" ALL {numbers}"));
    }
    let mut scored = 0..extended.scores.len();
    if let Some(range) = returns.partial {
        scored = range.of(numbers.len());
        partial(output, numbers, range);
    }
    if returns.count {
        output.text(format_args!(" COUNT {}", numbers.len()));
    }
    if returns.relevancy {
        relevancy(output, extended.scores, scored);
    }
    if let Some(mod_seq) = extended.mod_seq {
        output.text(format_args!(" MODSEQ {mod_seq}"));
    }
    output.raw(b"\r\n");
}

/// The beginning of an ESEARCH response: what it is about (RFC 4466 §2.6.2, RFC 7377 §2.1).
pub(crate) fn begin_extended(output: &mut Output, tag: &str, mailbox: Option<&Named>, uid: bool) {
    output.raw(b"* ESEARCH (TAG ");
    output.string(tag.as_bytes());
    if let Some((name, uid_validity)) = mailbox {
        output.raw(b" MAILBOX ");
        output.mailbox(name.as_str());
        output.text(format_args!(" UIDVALIDITY {uid_validity}"));
    }
    output.raw(if uid { b") UID" } else { b")" });
}

fn partial(output: &mut Output, numbers: &Numbers, range: PartialRange) {
    let some = numbers.slice(range.of(numbers.len()));
    match some.is_empty() {
        true => output.text(format_args!(" PARTIAL ({range} NIL)")),
        false => output.text(format_args!(" PARTIAL ({range} {some})")),
    }
}

fn relevancy(output: &mut Output, scores: &[u8], places: Range<usize>) {
    output.raw(b" RELEVANCY (");
    for (index, score) in scores.iter().skip(places.start).take(places.len()).enumerate() {
        let space = if index > 0 { " " } else { "" };
        output.text(format_args!("{space}{score}"));
    }
    output.raw(b")");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn returns(text: &str) -> SearchReturn {
        SearchReturn {
            min: text.contains("MIN"),
            max: text.contains("MAX"),
            all: text.contains("ALL"),
            count: text.contains("COUNT"),
            relevancy: text.contains("RELEVANCY"),
            save: text.contains("SAVE"),
            update: false,
            context: false,
            partial: text.contains("PARTIAL").then_some(PartialRange {
                first: 2,
                last: 3,
                from_end: false,
            }),
        }
    }

    fn written(numbers: &[u32], what: &str, uid: bool, mod_seq: Option<u64>) -> String {
        let mut output = Output::new();
        let extended = Extended {
            tag: "a",
            mailbox: None,
            uid,
            returns: returns(what),
            mod_seq: mod_seq.and_then(ModSeq::new),
            scores: &[4, 99, 42],
        };
        write_extended(&mut output, &numbers.iter().copied().collect(), extended);
        String::from_utf8_lossy(output.written()).trim_end().to_owned()
    }

    #[test]
    fn what_was_asked_for_in_order() {
        for (what, uid, mod_seq, wanted) in [
            ("ALL", false, None, " ALL 2,10:11"),
            ("MIN COUNT", false, None, " MIN 2 COUNT 3"),
            ("MIN MAX", true, None, " UID MIN 2 MAX 11"),
            ("MIN MAX ALL COUNT", true, None, " UID MIN 2 MAX 11 ALL 2,10:11 COUNT 3"),
            ("MIN", false, Some(50), " MIN 2 MODSEQ 50"),
            (
                "PARTIAL COUNT",
                true,
                Some(7),
                " UID PARTIAL (2:3 10:11) COUNT 3 MODSEQ 7",
            ),
            ("ALL RELEVANCY", false, None, " ALL 2,10:11 RELEVANCY (4 99 42)"),
            (
                "PARTIAL RELEVANCY",
                false,
                None,
                " PARTIAL (2:3 10:11) RELEVANCY (99 42)",
            ),
            ("ALL SAVE", false, None, " ALL 2,10:11"),
        ] {
            let wanted = format!("* ESEARCH (TAG \"a\"){wanted}");
            assert_eq!(written(&[2, 10, 11], what, uid, mod_seq), wanted);
        }
        assert_eq!(
            written(&[11, 2, 3], "MIN MAX ALL PARTIAL", false, None).replace("* ESEARCH (TAG \"a\")", ""),
            " MIN 11 MAX 3 ALL 11,2:3 PARTIAL (2:3 2:3)"
        );
    }

    #[test]
    fn nothing_found() {
        assert_eq!(written(&[], "MIN MAX ALL", false, None), "* ESEARCH (TAG \"a\")");
        assert_eq!(
            written(&[], "PARTIAL COUNT", true, None),
            "* ESEARCH (TAG \"a\") UID PARTIAL (2:3 NIL) COUNT 0"
        );
    }

    #[test]
    fn what_is_saved_is_what_was_told() {
        let results = Results {
            uids: [2, 10, 11, 15, 21].into_iter().collect(),
            scores: Vec::new(),
        };
        for (what, wanted) in [
            ("SAVE", "2,10:11,15,21"),
            ("SAVE MIN", "2"),
            ("SAVE MAX", "21"),
            ("SAVE MIN MAX", "2,21"),
            ("SAVE MIN MAX COUNT", "2,10:11,15,21"),
            ("SAVE ALL MIN", "2,10:11,15,21"),
            ("SAVE PARTIAL", "10:11"),
            ("SAVE PARTIAL MIN", "2,10:11"),
            ("SAVE PARTIAL MIN MAX", "2,10:11,21"),
            ("SAVE PARTIAL COUNT MIN", "2,10:11,15,21"),
        ] {
            assert_eq!(results.concerned(returns(what)).to_string(), wanted, "{what}");
        }
        assert!(Results::default().concerned(returns("SAVE MIN PARTIAL")).is_empty());
    }

    #[test]
    fn numbers_as_the_client_counts() {
        let results = Results {
            uids: [9, 4, 6].into_iter().collect(),
            scores: Vec::new(),
        };
        let picture = [2, 4, 6, 9].into_iter().filter_map(Uid::new).collect();
        assert_eq!(results.numbers(&picture, true).to_string(), "9,4,6");
        assert_eq!(results.numbers(&picture, false).to_string(), "4,2:3");
    }
}
