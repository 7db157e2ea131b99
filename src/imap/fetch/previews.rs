//! PREVIEW (RFC 8970): from the index, or made of the message and kept there.

use super::body::broken;
use crate::imap::answer::Failure;
use crate::imap::numbering::Pieces;
use crate::mail::ids::Uid;
use crate::mail::preview::{Form, candidates, preview};
use crate::mail::summary::{Part, Summary};
use crate::mail::transfer::Transfer;
use crate::mail::uidset::UidSet;
use crate::mailbox::{Mailbox, MessageFile, Result};
use encoding_rs::{Encoding, UTF_8};
use std::sync::Arc;

/// How many previews are read from the index at a time.
const PIECE: u32 = 1024;
/// How many are made before they are put into the index.
const BATCH: usize = 256;
/// How many previews one FETCH with LAZY makes: as many as clients are told to ask for without it (RFC 8970 §4.2).
const LAZY: usize = 50;
/// Octets of a body that are looked at. Newsletters put some ten thousand of style in front of their words.
const PLAIN: u64 = 32 * 1024;
const HTML: u64 = 256 * 1024;

/// A walk over the previews of messages, in ascending order.
pub(crate) struct Previews {
    pieces: Pieces,
    /// The highest UID that has been read or passed by.
    read: u32,
    known: std::iter::Peekable<std::vec::IntoIter<(Uid, String)>>,
    made: Vec<(Uid, String)>,
    /// How many more may be made; `None` without LAZY.
    allowed: Option<usize>,
}

impl Previews {
    /// The previews of `uids`; none is read yet.
    pub(crate) fn new(uids: &UidSet, lazy: bool) -> Previews {
        Previews {
            pieces: Pieces::new(uids, PIECE),
            read: 0,
            known: Vec::new().into_iter().peekable(),
            made: Vec::new(),
            allowed: lazy.then_some(LAZY),
        }
    }

    /// The preview of a message of the set when the index has it. To be asked for in ascending order.
    pub(crate) async fn known(&mut self, mailbox: &Mailbox, uid: Uid) -> Result<Option<String>> {
        while self.read < uid.get() {
            let Some(piece) = self.pieces.next() else { break };
            self.read = piece.last().map_or(self.read, Uid::get);
            if self.read >= uid.get() {
                self.known = mailbox.previews(&piece).await?.into_iter().peekable();
            }
        }
        while self.known.next_if(|(other, _)| *other < uid).is_some() {}
        Ok(self.known.next_if(|(other, _)| *other == uid).map(|(_, text)| text))
    }

    /// Whether one more may be made.
    pub(crate) fn may_make(&mut self) -> bool {
        match &mut self.allowed {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }

    /// Makes the preview of a message from its file.
    pub(crate) async fn make(
        &mut self,
        mailbox: &Arc<Mailbox>,
        uid: Uid,
        summary: &Summary,
        file: &MessageFile,
    ) -> std::result::Result<String, Failure> {
        let mut text = String::new();
        for (part, form) in candidates(&summary.root) {
            text = preview(&beginning(file, part, form).await.map_err(broken)?, form);
            if !text.is_empty() {
                break;
            }
        }
        self.made.push((uid, text.clone()));
        if self.made.len() >= BATCH {
            self.keep(mailbox);
        }
        Ok(text)
    }

    /// Puts what was made into the index, behind the answer's back: that it is not there yet harms nobody.
    pub(crate) fn keep(&mut self, mailbox: &Arc<Mailbox>) {
        let made = std::mem::take(&mut self.made);
        if !made.is_empty() {
            let mailbox = Arc::clone(mailbox);
            tokio::spawn(async move { mailbox.keep_previews(made).await });
        }
    }
}

/// The beginning of a body as text.
async fn beginning(file: &MessageFile, part: &Part, form: Form) -> Result<String> {
    let most = match form {
        Form::Plain => PLAIN,
        Form::Html => HTML,
    };
    let length = part.body_end.saturating_sub(part.body_start).min(most);
    let raw = file.read(part.body_start, length as usize).await?;
    let mut bytes = Vec::new();
    Transfer::new(&part.encoding).feed(&raw, &mut bytes);
    let mut parameters = part.parameters.iter();
    let charset = parameters.find(|(name, _)| name.eq_ignore_ascii_case(b"charset"));
    // As in a search: what is not labelled, or wrongly, is mostly UTF-8.
    let charset = charset
        .filter(|(_, label)| !label.eq_ignore_ascii_case(b"us-ascii"))
        .and_then(|(_, label)| Encoding::for_label(label))
        .unwrap_or(UTF_8);
    Ok(charset.decode_with_bom_removal(&bytes).0.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lazy_fetch_makes_some_and_no_more() {
        let mut lazy = Previews::new(&UidSet::new(), true);
        assert!((0..LAZY).all(|_| lazy.may_make()) && !lazy.may_make() && !lazy.may_make());
        let mut eager = Previews::new(&UidSet::new(), false);
        assert!((0..10 * LAZY).all(|_| eager.may_make()));
    }
}
