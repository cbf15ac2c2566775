//! Mail over a real socket, to a server that behaves as told.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails, in its helpers too")]

mod sink;

use std::time::{Duration, Instant};

use notify::{Mailer, Message, SendError, Smtp};
use sink::{Behaviour, Sink};

fn message() -> Message {
    Message {
        to: "ada@example.org".into(),
        subject: "Your code".into(),
        text: "Your code is 123456.\n.\nA line with one dot stays in.".into(),
        html: None,
    }
}

fn mailer(sink: &Sink, timeout: Duration) -> Mailer {
    Smtp::new(&sink.url(), "Muster <muster@example.org>").unwrap().with_timeout(timeout).into()
}

#[tokio::test]
async fn a_mail_arrives_whole() {
    let mut sink = Sink::start(Behaviour::Accept).await;
    mailer(&sink, Duration::from_secs(10)).send(message()).await.unwrap();
    let received = sink.next().await;
    assert_eq!(received.from, "muster@example.org");
    assert_eq!(received.to, ["ada@example.org"]);
    assert!(received.data.contains("Subject: Your code\r\n"), "{}", received.data);
    assert!(received.data.contains("Your code is 123456.\r\n.\r\nA line with one dot"), "{}", received.data);
}

#[tokio::test]
async fn a_check_greets_and_sends_nothing() {
    let mut sink = Sink::start(Behaviour::Accept).await;
    mailer(&sink, Duration::from_secs(10)).check().await.unwrap();
    assert!(sink.is_empty());
}

#[tokio::test]
async fn a_final_no_and_a_not_now_are_told_apart() {
    let sink = Sink::start(Behaviour::Refuse("550 5.1.1 no such person")).await;
    let error = mailer(&sink, Duration::from_secs(10)).send(message()).await.unwrap_err();
    assert!(matches!(&error, SendError::Refused(text) if text.contains("no such person")), "{error:?}");
    assert!(error.is_permanent());

    let sink = Sink::start(Behaviour::Refuse("451 4.7.1 come back later")).await;
    let error = mailer(&sink, Duration::from_secs(10)).send(message()).await.unwrap_err();
    assert!(matches!(&error, SendError::Later(text) if text.contains("come back later")), "{error:?}");
    assert!(!error.is_permanent());
}

#[tokio::test]
async fn a_silent_server_costs_the_timeout_and_no_more() {
    let sink = Sink::start(Behaviour::Silent).await;
    let begun = Instant::now();
    let error = mailer(&sink, Duration::from_millis(200)).send(message()).await.unwrap_err();
    assert!(matches!(error, SendError::TimedOut(limit) if limit == Duration::from_millis(200)), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    let checked = mailer(&sink, Duration::from_millis(200)).check().await;
    assert!(matches!(checked, Err(SendError::TimedOut(_))), "{checked:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_as_that() {
    let sink = Sink::start(Behaviour::Accept).await;
    let mailer = mailer(&sink, Duration::from_secs(10));
    sink.stop().await;
    let error = mailer.send(message()).await.unwrap_err();
    assert!(matches!(error, SendError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn required_encryption_is_not_given_up() {
    let mut sink = Sink::start(Behaviour::Accept).await;
    let url = format!("{}?tls=required", sink.url());
    let mailer = Mailer::from(Smtp::new(&url, "muster@example.org").unwrap());
    assert!(mailer.send(message()).await.is_err());
    assert!(sink.is_empty());
}
