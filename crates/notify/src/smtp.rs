use std::{fmt, time::Duration};

use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor, message::Mailbox};
use url::{Host, Url};

use crate::{Message, SendError, SetupError, compose::compose};

/// For the whole of a mail: connecting, greeting, encryption, handing over.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A mail server that takes mail for others (RFC 5321, RFC 6409). Each mail uses a connection of its own.
#[derive(Clone)]
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    timeout: Duration,
    /// Host and port, for messages: never the password.
    place: String,
}

impl Smtp {
    /// Reads `smtps://user:password@host:465` (TLS from the start) or `smtp://host:25`, to which `?tls=required` or
    /// `?tls=opportunistic` adds STARTTLS. `from` is an address, or a name and an address in angle brackets.
    ///
    /// # Errors
    ///
    /// When either cannot be used, or the URL would send a password unencrypted to another machine.
    pub fn new(url: &str, from: &str) -> Result<Self, SetupError> {
        let parsed = Url::parse(url)?;
        check_url(&parsed)?;
        let from = from.parse().map_err(|_| SetupError::Sender(from.to_owned()))?;
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(SetupError::Transport)?
            .timeout(Some(TIMEOUT))
            .build();
        let host = parsed.host_str().ok_or(SetupError::NoHost)?;
        let place = parsed.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Ok(Self { transport, from, timeout: TIMEOUT, place })
    }

    /// Gives a mail this long instead of ten seconds.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    pub(crate) async fn send(&self, message: Message) -> Result<(), SendError> {
        let mail = compose(&self.from, message)?;
        self.within(self.transport.send(mail)).await?;
        Ok(())
    }

    pub(crate) async fn check(&self) -> Result<(), SendError> {
        if self.within(self.transport.test_connection()).await? {
            return Ok(());
        }
        Err(SendError::Unreachable("it greeted, and then refused NOOP".to_owned()))
    }

    async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
    ) -> Result<T, SendError> {
        match tokio::time::timeout(self.timeout, work).await {
            Ok(Err(error)) if error.is_timeout() => Err(SendError::TimedOut(self.timeout)),
            Ok(result) => Ok(result?),
            Err(_) => Err(SendError::TimedOut(self.timeout)),
        }
    }
}

fn check_url(url: &Url) -> Result<(), SetupError> {
    let encrypted = match url.scheme() {
        "smtps" => true,
        "smtp" => url.query() == Some("tls=required"),
        other => return Err(SetupError::Scheme(other.to_owned())),
    };
    if !matches!(url.query(), None | Some("tls=required" | "tls=opportunistic")) {
        return Err(SetupError::Option);
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or(SetupError::NoHost)?;
    if !encrypted && url.password().is_some() && !is_loopback(host) {
        return Err(SetupError::Cleartext);
    }
    Ok(())
}

fn is_loopback(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Domain(name)) => name == "localhost",
        Ok(Host::Ipv4(address)) => address.is_loopback(),
        Ok(Host::Ipv6(address)) => address.is_loopback(),
        Err(_) => false,
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp").field("place", &self.place).field("from", &self.from).finish_non_exhaustive()
    }
}

impl fmt::Display for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the mail server {}", self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: &str = "Muster <muster@example.org>";

    #[test]
    fn urls_that_can_be_used_are_taken() {
        for url in [
            "smtps://user:secret@mail.example.org:465",
            "smtps://mail.example.org",
            "smtp://user:secret@mail.example.org:587?tls=required",
            "smtp://mail.example.org:25",
            "smtp://mail.example.org?tls=opportunistic",
            "smtp://user:secret@127.0.0.1:1025",
            "smtp://user:secret@[::1]:1025",
            "smtp://user:secret@localhost:1025",
        ] {
            let smtp = Smtp::new(url, FROM).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert!(!format!("{smtp} {smtp:?}").contains("secret"));
        }
    }

    #[test]
    fn urls_that_cannot_be_used_are_named_without_the_password() {
        let cases = [
            ("mail.example.org:25", "begins with"),
            ("https://user:secret@mail.example.org", "begins with"),
            ("smtp://user:secret@mail.example.org:25", "unencrypted"),
            ("smtp://user:secret@mail.example.org?tls=opportunistic", "unencrypted"),
            ("smtp://mail.example.org?tls=maybe", "?tls=required"),
            ("smtp://user:secret@127.0.0.1?ssl=yes", "?tls=required"),
            ("smtp://user:secret@:25", "cannot be read"),
            ("mail", "cannot be read"),
        ];
        for (url, part) in cases {
            let error = Smtp::new(url, FROM).err().unwrap_or_else(|| panic!("{url} was taken")).to_string();
            assert!(error.contains(part), "{url}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
        assert!(matches!(Smtp::new("smtps://mail.example.org", "nobody"), Err(SetupError::Sender(_))));
    }
}
