//! How large a script may be, and how much it may do to one message. Far beyond what people write.

/// Octets of a script.
pub const SCRIPT: usize = 1024 * 1024;
/// Blocks and tests one within the other (RFC 5228 §2.10.5 wants 15).
pub const NESTING: usize = 32;
/// Commands, tests, strings and other words of a script.
pub const TOKENS: usize = 100_000;
/// Problems of one script that are told.
pub const PROBLEMS: usize = 20;
/// Steps of one run: a command or a test is one, and so is each piece of [`STEP`] octets that it looks at.
pub const STEPS: usize = 100_000;
/// Octets looked at, or pairs of octets compared, that count as one step.
pub const STEP: usize = 1024;
/// Actions of one run (RFC 5228 §10).
pub const ACTIONS: usize = 32;
/// Redirects of one run, for each makes a message of its own (RFC 5228 §10).
pub const REDIRECTS: usize = 4;
/// Octets of a string made from variables, or of a variable: what is more is cut off (RFC 5229 §6 wants 4,000).
pub const VALUE: usize = 16 * 1024;
/// Variables of one run (RFC 5229 §6 wants 128).
pub const VARIABLES: usize = 256;
/// Octets of a variable's name (RFC 5229 §6 wants 32).
pub const VARIABLE_NAME: usize = 64;
/// Flags of one message, or of a variable with flags.
pub const FLAGS: usize = 64;
/// Fields that `addheader` may add.
pub const ADDED_FIELDS: usize = 32;
/// Octets of a message's body that tests look at. A script sees no more, and less work is done for it.
pub const BODY: usize = 1024 * 1024;
/// Octets of a message's header that tests look at.
pub const HEADER: usize = 1024 * 1024;
/// Seconds for which `duplicate` and `vacation` remember at most (RFC 5230 §4.1, RFC 7352 §3.3).
pub const REMEMBERED: u64 = 365 * 24 * 60 * 60;
