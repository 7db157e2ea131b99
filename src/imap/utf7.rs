//! Modified UTF-7, in which mailbox names travel (RFC 3501 §5.1.3).

/// To the wire form.
pub fn encode(_name: &str) -> String {
    todo!()
}

/// From the wire form; `None` when it is not valid.
pub fn decode(_wire: &str) -> Option<String> {
    todo!()
}
