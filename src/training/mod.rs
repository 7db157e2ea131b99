//! What users think of their mail, told to the filter that judges it: who moves a message into Junk says that it is spam, who
//! moves one out of it says that it is not.
//!
//! The filter is rspamd, by the HTTP interface of its controller (`/learnspam` and `/learnham`). Nobody waits for it: sessions
//! leave a [`Lesson`] in a bounded box, and one task, the [`Teacher`], reads the messages and hands them over, one after the
//! other. Lessons are of help and no more: what does not fit into the box, cannot be handed over in a few tries, or
//! waits while the server ends is left out, and the log says so.

mod teacher;

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::config;
use crate::mail::mailbox_name::SpecialUse;
use crate::mail::uidset::UidSet;
use crate::mailbox::{Copied, Mailbox};
use crate::net::http::{Client, UrlError};

pub use teacher::Teacher;

/// Lessons that may wait. Each is what one command has moved.
const MAX_LESSONS: usize = 256;

/// Where sessions leave what is to be learnt. Cheap to clone.
#[derive(Clone)]
pub struct Training(Option<mpsc::Sender<Lesson>>);

/// Messages that are to be learnt.
struct Lesson {
    class: Class,
    /// Where they are now.
    mailbox: Arc<Mailbox>,
    uids: UidSet,
}

/// What they are said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Spam,
    Ham,
}

impl Training {
    /// As the settings say; with no teacher when nothing is to be learnt. `http`: who asks the controller.
    pub fn new(settings: &config::Training, http: &Client) -> Result<(Training, Option<Teacher>), UrlError> {
        let Some(url) = &settings.url else {
            return Ok((Training(None), None));
        };
        let (box_, lessons) = mpsc::channel(MAX_LESSONS);
        let teacher = Teacher::new(url, settings, http.clone(), lessons)?;
        Ok((Training(Some(box_)), Some(teacher)))
    }

    /// Messages were moved or copied. Returns at once.
    pub fn moved(&self, source: &Mailbox, target: &Arc<Mailbox>, copied: &Copied) {
        let Some(lessons) = self.0.as_ref().filter(|_| !copied.target.is_empty()) else {
            return;
        };
        let Some(class) = Class::of(source.special_use(), target.special_use()) else {
            return;
        };
        let lesson = Lesson {
            class,
            mailbox: Arc::clone(target),
            uids: copied.target.clone(),
        };
        if lessons.try_send(lesson).is_err() {
            tracing::warn!(messages = copied.target.len(), "too much waits to be learnt: left out");
        }
    }
}

impl Class {
    /// What a move says of a message: into Junk, and out of it to anywhere but Trash.
    fn of(source: Option<SpecialUse>, target: Option<SpecialUse>) -> Option<Class> {
        match (source == Some(SpecialUse::Junk), target) {
            (false, Some(SpecialUse::Junk)) => Some(Class::Spam),
            (true, Some(SpecialUse::Junk | SpecialUse::Trash)) => None,
            (true, _) => Some(Class::Ham),
            (false, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_moves_into_and_out_of_junk_say_something() {
        use SpecialUse::{Archive, Junk, Trash};
        for (source, target, class) in [
            (None, Some(Junk), Some(Class::Spam)),
            (Some(Trash), Some(Junk), Some(Class::Spam)),
            (Some(Junk), None, Some(Class::Ham)),
            (Some(Junk), Some(Archive), Some(Class::Ham)),
            (Some(Junk), Some(Trash), None),
            (Some(Junk), Some(Junk), None),
            (None, Some(Trash), None),
            (None, None, None),
        ] {
            assert_eq!(Class::of(source, target), class, "{source:?} to {target:?}");
        }
    }
}
