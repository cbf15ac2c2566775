//! People who sign up over HTTP, and read their mail in the outbox.

use std::{fs, path::Path};

use crate::running::{header, post};

const PASSWORD: &str = "otter+lantern+quay+window";

/// Through all of sign-up. The session's cookie, or `None` where the server went away on the way.
pub(crate) fn sign_up(port: u16, folder: &Path, name: &str, team: &str) -> Option<String> {
    let email = format!("{name}@quayside.example");
    let begun = post(port, "/sign-up", "", &format!("email={}", email.replace('@', "%40"))).ok()?;
    let browser = cookie(&begun)?;
    let code = code_for(folder, &email, port)?;
    post(port, "/sign-up/verify", &browser, &format!("code={code}")).ok()?;
    let made =
        post(port, "/sign-up/account", &browser, &format!("name={name}&password={PASSWORD}&team={team}")).ok()?;
    cookie(&made)
}

/// The first cookie of an answer, as a browser sends it back.
fn cookie(answer: &str) -> Option<String> {
    header(answer, "set-cookie")?.split(';').next().map(str::to_owned)
}

/// Waits for the mail as long as the server answers.
fn code_for(folder: &Path, email: &str, port: u16) -> Option<String> {
    loop {
        for file in fs::read_dir(folder.join("var/outbox")).ok()? {
            let text = fs::read_to_string(file.ok()?.path()).unwrap_or_default();
            if text.contains(email)
                && let Some(code) = code_in(&text)
            {
                return Some(code);
            }
        }
        std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    }
}

fn code_in(text: &str) -> Option<String> {
    let digits = |line: &str| line.chars().filter(char::is_ascii_digit).collect::<String>();
    let plain = |line: &&str| line.chars().all(|c| c.is_ascii_digit() || c == ' ');
    // The outbox keeps a mail as JSON: its lines stand escaped.
    text.split("\\n").map(str::trim).filter(plain).map(digits).find(|code| code.len() == 6)
}
