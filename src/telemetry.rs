//! Logging: what the program says about itself while it runs, on standard error.
//!
//! One span a session, key = value fields. Never a password, never a message's text.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Human on a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// Whether `filter` can be used.
pub fn check_filter(filter: &str) -> Result<(), ParseError> {
    EnvFilter::builder().parse(filter).map(|_| ())
}

/// A filter. What the resolver thinks of the name servers of the world is left out unless it is asked for: what comes of it is
/// told by whoever wanted to know a name.
fn quiet(filter: &str) -> EnvFilter {
    let wanted = EnvFilter::builder().parse_lossy(filter);
    if filter.contains("hickory") {
        return wanted;
    }
    let directives = ["hickory_net=error", "hickory_resolver=error", "hickory_proto=error"];
    directives
        .iter()
        .filter_map(|directive| directive.parse().ok())
        .fold(wanted, EnvFilter::add_directive)
}

/// Begins logging, for the whole process. `RUST_LOG` has precedence over `filter`.
pub fn start(format: Format, filter: &str) {
    let filter = match std::env::var("RUST_LOG") {
        Ok(wanted) if !wanted.is_empty() => quiet(&wanted),
        _ => quiet(filter),
    };
    let terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(terminal);
    // Whoever has set up logging before us keeps it.
    let _ = match format {
        Format::Json => builder.json().with_span_list(false).try_init(),
        Format::Auto if !terminal => builder.json().with_span_list(false).try_init(),
        Format::Auto | Format::Human => builder.try_init(),
    };
}
