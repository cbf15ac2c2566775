use std::fmt;

/// RFC 5321, section 4.5.3.1.1.
const MAX_LOCAL: usize = 64;
/// A path is at most 256 bytes with its angle brackets (RFC 5321, section 4.5.3.1.3).
const MAX_ADDRESS: usize = 254;
const MAX_LABEL: usize = 63;

/// An e-mail address: as the person typed it, and the key it is told apart by.
///
/// Local part in the dot-atom form of RFC 5321 section 4.1.2 (no quoted forms), domain of at least two labels. The key is the
/// address in lower case. It folds no aliases: `a+b@example.org` and `a@example.org` are two people.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email {
    typed: String,
    key: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    #[error("Enter an e-mail address.")]
    Empty,
    #[error("An e-mail address has one @, with something on both sides: name@example.org.")]
    NoAt,
    #[error("That address is too long. An e-mail address has at most 254 characters, 64 of them before the @.")]
    TooLong,
    #[error("The part before the @ has a character that mail addresses do not use, or a dot in the wrong place.")]
    Local,
    #[error("The part after the @ is not the name of a mail domain, such as example.org.")]
    Domain,
}

impl Email {
    /// Reads an address, without the blanks around it.
    ///
    /// # Errors
    ///
    /// Says which part cannot be an address.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let typed = text.trim();
        if typed.is_empty() {
            return Err(EmailError::Empty);
        }
        let (local, domain) = typed.rsplit_once('@').ok_or(EmailError::NoAt)?;
        if local.is_empty() || domain.is_empty() || local.contains('@') {
            return Err(EmailError::NoAt);
        }
        if typed.len() > MAX_ADDRESS || local.len() > MAX_LOCAL {
            return Err(EmailError::TooLong);
        }
        if !is_dot_atom(local) {
            return Err(EmailError::Local);
        }
        if !is_domain(domain) {
            return Err(EmailError::Domain);
        }
        Ok(Self { typed: typed.to_owned(), key: typed.to_ascii_lowercase() })
    }

    /// The address as it was typed: what mail is sent to.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.typed
    }

    /// The address in lower case: what has to be unique.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The part before the @, as typed.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.typed.rsplit_once('@').map_or(self.typed.as_str(), |(local, _)| local)
    }
}

fn is_dot_atom(text: &str) -> bool {
    text.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext))
}

/// RFC 5322, section 3.2.3.
fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

fn is_domain(text: &str) -> bool {
    let top_is_a_name = text.rsplit('.').next().is_some_and(|top| top.bytes().any(|byte| byte.is_ascii_alphabetic()));
    text.contains('.') && top_is_a_name && text.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.typed)
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Email({})", self.typed)
    }
}

impl std::str::FromStr for Email {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_keep_their_spelling_and_compare_by_key() {
        let email = Email::parse("  Ada.Lovelace+x@Example.ORG ").unwrap();
        assert_eq!(email.as_str(), "Ada.Lovelace+x@Example.ORG");
        assert_eq!(email.key(), "ada.lovelace+x@example.org");
        assert_eq!(email.local_part(), "Ada.Lovelace+x");
        assert_ne!(Email::parse("a@example.org").unwrap().key(), Email::parse("a+b@example.org").unwrap().key());
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_part_at_fault() {
        let cases = [
            ("", EmailError::Empty),
            ("   ", EmailError::Empty),
            ("ada", EmailError::NoAt),
            ("@example.org", EmailError::NoAt),
            ("ada@", EmailError::NoAt),
            ("a@b@example.org", EmailError::NoAt),
            (".ada@example.org", EmailError::Local),
            ("a..b@example.org", EmailError::Local),
            ("a b@example.org", EmailError::Local),
            ("ada\r\nBcc:x@example.org", EmailError::Local),
            ("<ada@example.org", EmailError::Local),
            ("\"ada\"@example.org", EmailError::Local),
            ("ada@localhost", EmailError::Domain),
            ("ada@example..org", EmailError::Domain),
            ("ada@-example.org", EmailError::Domain),
            ("ada@example.org>", EmailError::Domain),
            ("ada@127.0.0.1", EmailError::Domain),
            ("ada@exa mple.org", EmailError::Domain),
        ];
        for (text, expected) in cases {
            assert_eq!(Email::parse(text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn lengths_have_limits() {
        let local = "a".repeat(64);
        assert!(Email::parse(&format!("{local}@example.org")).is_ok());
        assert_eq!(Email::parse(&format!("{local}a@example.org")), Err(EmailError::TooLong));
        let labels = vec!["a".repeat(60); 4].join(".");
        assert_eq!(Email::parse(&format!("ada@{labels}.example.org")), Err(EmailError::TooLong));
        assert_eq!(Email::parse(&format!("ada@{}.org", "a".repeat(64))), Err(EmailError::Domain));
    }
}
