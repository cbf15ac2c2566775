use lettre::{
    Address,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{Header, HeaderName, HeaderValue},
    },
};
use uuid::Uuid;

use crate::{Message, SendError};

/// Tells auto-responders to stay silent (RFC 3834, section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// What both kinds of mailer ask of a message: an address that parses, and no control character in a header.
pub(crate) fn recipient(message: &Message) -> Result<Address, SendError> {
    if message.subject.chars().any(char::is_control) {
        return Err(SendError::Invalid("the subject has a line break or another control character"));
    }
    message.to.parse().map_err(|_| SendError::Invalid("the recipient is not an e-mail address"))
}

pub(crate) fn compose(from: &Mailbox, message: Message) -> Result<lettre::Message, SendError> {
    let to = recipient(&message)?;
    let id = format!("<{}@{}>", Uuid::now_v7(), from.email.domain());
    let builder = lettre::Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(message.subject)
        .message_id(Some(id))
        .header(AutoSubmitted);
    match message.html {
        Some(html) => builder.multipart(MultiPart::alternative_plain_html(message.text, html)),
        None => builder.singlepart(SinglePart::plain(message.text)),
    }
    .map_err(|_| SendError::Invalid("the message has no sender or no recipient"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(to: &str, subject: &str) -> Message {
        Message { to: to.into(), subject: subject.into(), text: "Hello".into(), html: None }
    }

    #[test]
    fn nothing_in_a_message_can_add_a_header() {
        let from: Mailbox = "Muster <muster@example.org>".parse().unwrap();
        for (to, subject) in [
            ("ada@example.org", "Hi\r\nBcc: eve@example.org"),
            ("ada@example.org", "Hi\nBcc: eve@example.org"),
            ("ada@example.org", "Hi\u{0}"),
            ("ada@example.org\r\nBcc: eve@example.org", "Hi"),
            ("ada@example.org, eve@example.org", "Hi"),
            ("Ada <ada@example.org>", "Hi"),
            ("ada@example.org>\r\nRCPT TO:<eve@example.org", "Hi"),
        ] {
            let result = compose(&from, message(to, subject));
            assert!(matches!(result, Err(SendError::Invalid(_))), "{to:?} {subject:?}");
        }
    }

    #[test]
    fn a_mail_carries_what_readers_and_responders_need() {
        let from: Mailbox = "Muster <muster@example.org>".parse().unwrap();
        let html = Some("<p>Hello</p>".to_owned());
        let mail = compose(&from, Message { html, ..message("ada@example.org", "Grüße") }).unwrap();
        let text = String::from_utf8(mail.formatted()).unwrap();
        for part in [
            "From: Muster <muster@example.org>",
            "Auto-Submitted: auto-generated",
            "@example.org>",
            "Date: ",
            "multipart/alternative",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(text.contains("Subject: =?utf-8?b?"), "{text}");
        assert!(text.find("text/plain").unwrap() < text.find("text/html").unwrap());
    }
}
