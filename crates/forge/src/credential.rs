/// A user name and a password or token. Its `Debug` form hides the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    user: String,
    secret: String,
}

impl Credential {
    /// For forges that take any user name with a token, `user` may be empty.
    #[must_use]
    pub fn new(user: &str, secret: &str) -> Self {
        let user = if user.is_empty() { "x-access-token" } else { user };
        Self { user: user.into(), secret: secret.into() }
    }

    /// The line of HTTP that shows it (RFC 7617).
    pub(crate) fn header(&self) -> String {
        format!("Authorization: Basic {}", base64(format!("{}:{}", self.user, self.secret).as_bytes()))
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Credential({}, …)", self.user)
    }
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().enumerate().fold(0_u32, |word, (at, byte)| word | u32::from(*byte) << (16 - 8 * at));
        for digit in 0..4 {
            let shown = digit <= chunk.len();
            text.push(if shown { ALPHABET[(word >> (18 - 6 * digit)) as usize & 63] as char } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_the_rfc() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", Credential::new("", "hunter2")), "Credential(x-access-token, …)");
    }
}
