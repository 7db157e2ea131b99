//! Progress bars: on a terminal only, and on standard error, so that the tables can be piped.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar for one phase of a run.
pub(crate) fn bar(phase: &'static str, length: u64) -> ProgressBar {
    let template = "{msg:22} {bar:40} {human_pos}/{human_len} {per_sec} {eta}";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style).with_message(phase)
}
