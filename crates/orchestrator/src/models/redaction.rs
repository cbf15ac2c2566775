//! Takes secrets out of text that is kept: words that begin as the keys and tokens of well-known services do, and private keys.

/// What such words begin with.
const MARKS: [&str; 16] = [
    "sk-",
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "AKIA",
    "ASIA",
    "AIza",
    "npm_",
    "hf_",
];
/// A word that only begins like one is left alone.
const LEAST: usize = 16;
const HIDDEN: &str = "[secret]";
const BEGIN: &str = "-----BEGIN ";
const PRIVATE: &str = "PRIVATE KEY-----";
const END: &str = "-----END ";

const fn of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+')
}

/// The length of the secret that `rest` begins with.
fn secret(rest: &str) -> Option<usize> {
    if rest.starts_with(BEGIN) {
        let line = rest.get(..80).unwrap_or(rest);
        let begun = line.find(PRIVATE)? + PRIVATE.len();
        // Without an end it goes on to the end of what there is.
        let end = rest[begun..].find(END).map(|at| begun + at);
        let end = end.and_then(|at| Some(at + rest[at..].find(PRIVATE)? + PRIVATE.len()));
        return Some(end.unwrap_or(rest.len()));
    }
    let mark = MARKS.iter().find(|mark| rest.starts_with(**mark))?;
    let length = rest.bytes().take_while(|byte| of_word(*byte)).count();
    (length >= LEAST.max(mark.len() + 8)).then_some(length)
}

/// `text` without what looks like a secret.
pub(super) fn redact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut at, mut copied) = (0, 0);
    let bytes = text.as_bytes();
    while at < bytes.len() {
        // Only where a word begins: all marks are of plain letters, so this is a boundary of characters too. A backslash and
        // its letter are one character of a text in JSON.
        let begins =
            at == 0 || !of_word(bytes[at - 1]) || (at > 1 && bytes[at - 2] == b'\\' && b"nrt".contains(&bytes[at - 1]));
        if begins
            && bytes[at].is_ascii()
            && let Some(length) = secret(&text[at..])
        {
            out.push_str(&text[copied..at]);
            out.push_str(HIDDEN);
            at += length;
            copied = at;
        } else {
            at += 1;
        }
    }
    out.push_str(&text[copied..]);
    out
}

/// At most `most` bytes of `text`, without secrets: its beginning and its end, and between them how much is left out.
pub(super) fn bounded(text: &str, most: usize) -> String {
    // A secret that is cut in two is not known by its beginning, so more is read than is kept.
    const MARGIN: usize = 8 * 1024;
    if text.len() <= most {
        return redact(text);
    }
    let half = most / 2;
    let head = redact(&text[..text.floor_char_boundary(half)]);
    let from = text.ceil_char_boundary(text.len() - (half + MARGIN).min(text.len() - half));
    let read = redact(&text[from..]);
    let tail = &read[read.ceil_char_boundary(read.len().saturating_sub(half).max(MARGIN.min(read.len())))..];
    let left_out = text.len() - half - tail.len().min(text.len() - half);
    format!("{head}\n[… {left_out} bytes left out …]\n{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tokens_and_private_keys_are_taken_out() {
        let text =
            r#"{"content":"use sk-proj-0123456789abcdef\nghp_0123456789abcdefghij, not task-force-0123456789abcdef"}"#;
        assert_eq!(redact(text), r#"{"content":"use [secret]\n[secret], not task-force-0123456789abcdef"}"#);
        assert_eq!(redact("sk-short and AKIAble"), "sk-short and AKIAble");
        let pem = "key: -----BEGIN RSA PRIVATE KEY-----\\nMIIE\\n-----END RSA PRIVATE KEY----- done";
        assert_eq!(redact(pem), "key: [secret] done");
        assert_eq!(redact("-----BEGIN PRIVATE KEY-----\nMII"), "[secret]");
        assert_eq!(redact("-----BEGIN CERTIFICATE-----\nMII"), "-----BEGIN CERTIFICATE-----\nMII");
        assert_eq!(redact("größe ünsk-0123456789abcdef ✓"), "größe ünsk-0123456789abcdef ✓");
    }

    #[test]
    fn a_long_text_keeps_both_ends_and_says_what_is_missing() {
        let text = format!("begin {} end", "é".repeat(100_000));
        let kept = bounded(&text, 1_000);
        assert!(kept.len() < 1_100 && kept.starts_with("begin ") && kept.ends_with("é end"), "{}", kept.len());
        assert!(kept.contains(" bytes left out …]"), "{kept}");
        assert_eq!(bounded("short", 1_000), "short");
    }

    #[test]
    fn a_secret_on_the_cut_is_not_kept_in_halves() {
        let secret = format!("sk-{}", "a1".repeat(200));
        for shift in 0..60 {
            let text = format!("{}{} {secret} {}", "x ".repeat(8_000), " ".repeat(shift), "y ".repeat(240));
            let kept = bounded(&text, 1_000);
            assert!(!kept.contains("a1a1"), "{shift}: {kept}");
        }
    }
}
