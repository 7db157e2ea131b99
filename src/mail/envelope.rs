//! The SMTP envelope (RFC 5321 §2.3.1). The IMAP ENVELOPE is [`super::summary::MessageEnvelope`].
