//! DATA (RFC 5321 §4.1.1.4): the message up to the line with only a dot.

use crate::smtp::arrival::Arrival;
use crate::smtp::data::{DotReader, Step};
use crate::smtp::reply::Reply;
use crate::smtp::session::{End, Session};

/// Takes the message and delivers it.
pub(crate) async fn run(session: &mut Session) -> Result<Reply, End> {
    // Whatever happens from here on, this transaction is over (RFC 5321 §4.1.1.4).
    let Some(tx) = session.state.tx.take_if(|tx| !tx.routes.is_empty()) else {
        return Ok(session.state.no_recipients());
    };
    session.answer_now(&Reply::GO_ON).await?;
    let mut arrival = Arrival::new(session, &tx).await;
    receive(session, &mut arrival).await?;
    Ok(arrival.deliver(session, tx).await)
}

/// Reads the message from the connection to its end.
async fn receive(session: &mut Session, arrival: &mut Arrival) -> Result<(), End> {
    let mut dots = DotReader::default();
    loop {
        let input = session.fill().await?;
        let (used, step) = dots.step(input);
        if dots.malformed() {
            arrival.refuse(Reply::LINE_ENDS);
        }
        let ended = step == Step::End;
        if let Step::Text(text) = step {
            arrival.take(text).await;
        }
        session.connection.consume(used);
        if ended {
            return Ok(());
        }
    }
}
