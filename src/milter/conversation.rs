//! One conversation with one filter about one message, from its greeting to its verdict.

use super::answer::{Answer, Said};
use super::edit::Edits;
use super::message::Message;
use super::options::Options;
use super::packet::{Link, Packet};
use super::step::{self, Step};
use super::{Client, Failure, Limits, Problem};
use crate::config::Milter;
use crate::mail::envelope::Envelope;

/// The longest piece of a body that filters are sent.
const PIECE: usize = 65_535;

/// What a filter says of a message.
pub(super) enum Verdict {
    /// Take it, with these changes; and whether the values in them begin with their white space.
    Take(Box<Edits>, bool),
    /// Do not take it.
    Refuse(Said),
}

/// What a filter is asked about.
pub(super) struct Question<'a> {
    pub(super) client: &'a Client,
    pub(super) envelope: &'a Envelope,
    pub(super) message: &'a Message,
    pub(super) limits: &'a Limits,
}

struct Conversation<'a> {
    question: Question<'a>,
    link: Link,
    options: Options,
}

/// Asks; ends in time.
pub(super) async fn hold(milter: &Milter, question: Question<'_>) -> Result<Verdict, Failure> {
    let answered = tokio::time::timeout(milter.deadline.get(), talk(milter, question)).await;
    answered.unwrap_or(Err(Failure::Filter(Problem::TimedOut)))
}

async fn talk(milter: &Milter, question: Question<'_>) -> Result<Verdict, Failure> {
    let mut link = Link::open(&milter.address, milter.connect_timeout.get(), milter.timeout.get()).await?;
    let mut offer = Vec::new();
    Options::offer().write(&mut offer);
    link.send(&offer).await?;
    let options = match link.receive().await? {
        (b'O', packet) => Options::chosen(&packet)?,
        _ => return Err(Problem::Rubbish("something else than its options").into()),
    };
    let mut conversation = Conversation {
        question,
        link,
        options,
    };
    let verdict = match conversation.until_the_end().await? {
        Some(early) => early,
        None => conversation.end().await?,
    };
    conversation.link.quit().await;
    Ok(verdict)
}

impl Conversation<'_> {
    /// All steps but the last; a verdict if the filter has one before.
    async fn until_the_end(&mut self) -> Result<Option<Verdict>, Failure> {
        let Question {
            client,
            envelope,
            message,
            ..
        } = self.question;
        let greeting = [
            (Step::Connect, step::connect(client), step::connect_macros(client)),
            (
                Step::Hello,
                Packet::new(Step::Hello.kind()).text(client.hello.as_bytes()),
                step::hello_macros(client),
            ),
            (
                Step::Sender,
                step::sender(envelope),
                step::sender_macros(client, envelope),
            ),
        ];
        for (step, packet, macros) in greeting {
            if let Some(answer) = self.tell(step, &packet, &macros).await? {
                return self.verdict(answer).map(Some);
            }
        }
        for recipient in &envelope.recipients {
            let macros = step::recipient_macros(&recipient.path);
            let packet = step::recipient(&recipient.path);
            if let Some(answer) = self.tell(Step::Recipient, &packet, &macros).await? {
                return self.verdict(answer).map(Some);
            }
        }
        if let Some(answer) = self.tell(Step::Data, &Packet::new(Step::Data.kind()), &[]).await? {
            return self.verdict(answer).map(Some);
        }
        let leading_space = self.options.leading_space();
        for field in message.fields() {
            // No filter knows lines that are no fields.
            if field.name.is_empty() {
                continue;
            }
            let packet = step::field(field.name, field.value, leading_space);
            if let Some(answer) = self.tell(Step::Field, &packet, &[]).await? {
                return self.verdict(answer).map(Some);
            }
        }
        let end_of_header = Packet::new(Step::EndOfHeader.kind());
        if let Some(answer) = self.tell(Step::EndOfHeader, &end_of_header, &[]).await? {
            return self.verdict(answer).map(Some);
        }
        self.body(message).await
    }

    async fn body(&mut self, message: &Message) -> Result<Option<Verdict>, Failure> {
        if !self.options.wants(Step::Body) {
            return Ok(None);
        }
        let mut at = 0;
        loop {
            let text = message.piece(at).await?;
            if text.is_empty() {
                return Ok(None);
            }
            at += text.len() as u64;
            for piece in text.chunks(PIECE) {
                let packet = Packet::new(Step::Body.kind()).octets(piece);
                match self.tell(Step::Body, &packet, &[]).await? {
                    None => {}
                    Some(Answer::Skip) => return Ok(None),
                    Some(answer) => return self.verdict(answer).map(Some),
                }
            }
        }
    }

    /// The last step, at which the filter may change the message.
    async fn end(&mut self) -> Result<Verdict, Failure> {
        let mut packets = Vec::new();
        Packet::new(Step::End.kind()).write(&mut packets);
        self.link.send(&packets).await?;
        let mut edits = Edits::default();
        loop {
            match self.answer().await? {
                Answer::Edit(edit) => {
                    let (limits, message) = (self.question.limits, self.question.message);
                    edits.add(edit, self.options, limits, &message.file).await?;
                }
                Answer::Continue | Answer::Accept => {
                    return Ok(Verdict::Take(Box::new(edits), self.options.leading_space()));
                }
                Answer::Discard => {
                    edits.junk.get_or_insert_with(discarded);
                    return Ok(Verdict::Take(Box::new(edits), self.options.leading_space()));
                }
                answer => return self.verdict(answer),
            }
        }
    }

    /// Tells the filter of a step, if it wants to know; what it answers, if that is not to go on.
    async fn tell(
        &mut self,
        step: Step,
        packet: &Packet,
        macros: &[(&str, String)],
    ) -> Result<Option<Answer>, Failure> {
        if !self.options.wants(step) {
            return Ok(None);
        }
        let mut packets = Vec::new();
        if !macros.is_empty() {
            step::macros(step, macros).write(&mut packets);
        }
        packet.write(&mut packets);
        self.link.send(&packets).await?;
        if !self.options.answers(step) {
            return Ok(None);
        }
        match self.answer().await? {
            Answer::Continue => Ok(None),
            Answer::Edit(_) => Err(Problem::Rubbish("a change before the end of the message").into()),
            answer => Ok(Some(answer)),
        }
    }

    /// The next answer; that the filter is at work gives it more time, within its deadline.
    async fn answer(&mut self) -> Result<Answer, Problem> {
        loop {
            let (kind, packet) = self.link.receive().await?;
            match Answer::parse(kind, &packet)? {
                Answer::Progress => {}
                answer => return Ok(answer),
            }
        }
    }

    /// What an answer other than to go on makes of the message.
    fn verdict(&self, answer: Answer) -> Result<Verdict, Failure> {
        match answer {
            Answer::Accept => Ok(Verdict::Take(Box::default(), false)),
            Answer::Discard => Ok(Verdict::Take(Box::new(Edits::junk(discarded())), false)),
            Answer::Refuse(said) => Ok(Verdict::Refuse(said)),
            Answer::Continue | Answer::Progress | Answer::Skip | Answer::Edit(_) => {
                Err(Problem::Rubbish("an answer that has no sense here").into())
            }
        }
    }
}

/// Why a message is in Junk that a filter would have dropped.
fn discarded() -> String {
    "it would have dropped the message".to_owned()
}
