//! What both sides can do and want to be told, agreed on at the beginning (the packet `O`).

use super::Problem;
use super::packet::Packet;
use super::step::Step;

/// The version of the protocol that is spoken, and the oldest with which filters may answer.
const VERSION: u32 = 6;
const OLDEST: u32 = 2;

/// What a filter may do with a message, as far as it says beforehand that it will.
pub(super) mod action {
    /// Add and insert fields.
    pub(crate) const ADD_FIELDS: u32 = 0x01;
    /// Replace the body.
    pub(crate) const CHANGE_BODY: u32 = 0x02;
    /// Add recipients.
    pub(crate) const ADD_RECIPIENTS: u32 = 0x04;
    /// Remove recipients.
    pub(crate) const REMOVE_RECIPIENTS: u32 = 0x08;
    /// Change and delete fields.
    pub(crate) const CHANGE_FIELDS: u32 = 0x10;
    /// Have it kept aside.
    pub(crate) const QUARANTINE: u32 = 0x20;
    /// Change the sender.
    pub(crate) const CHANGE_SENDER: u32 = 0x40;
    /// Add recipients with parameters.
    pub(crate) const ADD_RECIPIENTS_WITH: u32 = 0x80;
}

/// All of them.
const ACTIONS: u32 = 0xff;

/// The filter understands that no more of the body is wanted, and may say so.
const SKIP: u32 = 0x400;
/// White space in front of a field's value is part of it, in both directions.
const LEADING_SPACE: u32 = 0x10_0000;

/// What was agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Options {
    version: u32,
    actions: u32,
    steps: u32,
}

impl Options {
    /// What we can do, for the filter to choose from.
    pub(super) fn offer() -> Packet {
        let steps = Step::ALL
            .iter()
            .fold(SKIP | LEADING_SPACE | super::step::NO_UNKNOWN, |all, step| {
                all | step.unwanted() | step.unanswered()
            });
        Packet::new(b'O')
            .octets(&VERSION.to_be_bytes())
            .octets(&ACTIONS.to_be_bytes())
            .octets(&steps.to_be_bytes())
    }

    /// What the filter has chosen.
    pub(super) fn chosen(packet: &[u8]) -> Result<Options, Problem> {
        let number = |at: usize| {
            let octets = packet.get(at..at + 4)?.try_into().ok()?;
            Some(u32::from_be_bytes(octets))
        };
        let (Some(version), Some(actions), Some(steps)) = (number(0), number(4), number(8)) else {
            return Err(Problem::Rubbish("options that are cut off"));
        };
        if !(OLDEST..=VERSION).contains(&version) {
            return Err(Problem::Rubbish("a version of the protocol that was not offered"));
        }
        if actions & !ACTIONS != 0 {
            return Err(Problem::Rubbish("actions that were not offered"));
        }
        Ok(Options {
            version,
            actions,
            steps,
        })
    }

    /// Whether the filter has said that it may do this.
    pub(super) fn may(self, action: u32) -> bool {
        self.actions & action != 0
    }

    /// Whether the filter is told of this step.
    pub(super) fn wants(self, step: Step) -> bool {
        self.version >= step.since() && self.steps & step.unwanted() == 0
    }

    /// Whether the filter answers to this step.
    pub(super) fn answers(self, step: Step) -> bool {
        step.unanswered() == 0 || self.steps & step.unanswered() == 0
    }

    /// Whether values of fields go back and forth with the white space in front of them.
    pub(super) fn leading_space(self) -> bool {
        self.steps & LEADING_SPACE != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(version: u32, actions: u32, steps: u32) -> Result<Options, Problem> {
        Options::chosen(&[version, actions, steps].map(u32::to_be_bytes).concat())
    }

    #[test]
    fn what_is_offered_and_what_is_chosen() {
        let mut out = Vec::new();
        Options::offer().write(&mut out);
        assert_eq!(out, b"\0\0\0\x0dO\0\0\0\x06\0\0\0\xff\0\x1d\xf7\xff");
        let options = chosen(6, 0x11, 0x02 | 0x80 | 0x10_0000).unwrap();
        assert!(options.may(action::CHANGE_FIELDS) && !options.may(action::CHANGE_BODY));
        assert!(!options.wants(Step::Hello) && options.wants(Step::Connect));
        assert!(!options.answers(Step::Field) && options.answers(Step::End));
        assert!(options.leading_space());
        // Before version 4 nobody knew that step.
        assert!(chosen(6, 0, 0).unwrap().wants(Step::Data) && !chosen(2, 0, 0).unwrap().wants(Step::Data));
        for (version, actions) in [(1, 0), (7, 0), (6, 0x100)] {
            assert!(chosen(version, actions, 0).is_err());
        }
        assert!(Options::chosen(b"\0\0\0\x06\0\0").is_err());
    }
}
