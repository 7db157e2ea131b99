//! One pass over a message's file for all that a query wants of it.

use super::phrase::Seeker;
use super::query::Query;
use crate::mail::summary::Summary;
use crate::mailbox::{MessageFile, Result, Text};
use std::ops::ControlFlow;

/// What one pass over a message's file has seen.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// Its own header, up to a limit.
    pub(crate) header: Vec<u8>,
    /// For each phrase, whether the body holds it.
    pub(crate) in_body: Vec<bool>,
    /// For each phrase, whether the header, or that of a part, holds it.
    pub(crate) in_header: Vec<bool>,
}

/// Reads what the query asks for. Stops early when every phrase was found.
pub(crate) async fn read(file: &MessageFile, summary: &Summary, query: &Query) -> Result<Contents> {
    let root = &summary.root;
    let mut contents = Contents {
        header: file.header(root.header_start, root.body_start).await?,
        in_body: vec![false; query.phrases.len()],
        in_header: vec![false; query.phrases.len()],
    };
    if query.phrases.is_empty() {
        return Ok(contents);
    }
    let mut seeker = Seeker::new(&query.phrases);
    let mut is_header = false;
    let searching = file.texts(summary, |text| {
        match text {
            Text::Begin { in_header } => {
                seeker.restart();
                is_header = in_header;
            }
            Text::Piece(text) if is_header => seeker.feed(text, &mut contents.in_header),
            Text::Piece(text) => seeker.feed(text, &mut contents.in_body),
        }
        match contents.in_body.iter().all(|found| *found) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    searching.await?;
    Ok(contents)
}
