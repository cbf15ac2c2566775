//! Writes the public pages into a folder, to look at them and to run checkers over them:
//! `cargo run -p app --example render -- FOLDER`.

use std::{env, error::Error, fs, path::PathBuf};

use app::{
    appearance::{Appearance, Contrast, Theme},
    forms::Errors,
    layout::public::Public,
    pages::{
        accessibility,
        auth::{invitation, password, reset, sign_in, sign_up, verify},
        home, pricing, security,
        status::{self, State, Status},
    },
};

const EMAIL: &str = "mira@quayside.example";
const OFFER: invitation::Offer<'static> =
    invitation::Offer { team: "Quayside", invited_by: "Jonas Lindqvist", role: "Planner", email: EMAIL };

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::args().nth(1).ok_or("name a folder to write to")?);
    fs::create_dir_all(&folder)?;
    let looks = [
        ("dark", Theme::Dark, Contrast::Normal),
        ("light", Theme::Light, Contrast::Normal),
        ("contrast", Theme::Dark, Contrast::More),
    ];
    for (name, theme, contrast) in looks {
        let chrome = Public { appearance: Appearance { theme, contrast }, ..Public::default() };
        for (page, html) in public(&chrome).into_iter().chain(auth(&chrome)) {
            fs::write(folder.join(format!("{page}.{name}.html")), html)?;
        }
    }
    Ok(())
}

fn public(chrome: &Public) -> Vec<(&'static str, String)> {
    let parts = [
        ("Server", State::Works, "Answers"),
        ("Database", State::Degraded, "Took 812 ms"),
        ("Mail", State::Down, "Refused the connection"),
    ];
    let status = Status {
        components: parts.map(|(name, state, note)| (name.to_owned(), state, note.to_owned())).into(),
        checked_at: "2026-11-19T14:32:00Z".to_owned(),
        version: "0.1.0".to_owned(),
    };
    let at = |path: &str| Public { path: path.to_owned(), ..chrome.clone() };
    vec![
        ("home", home::page(&at("/"))),
        ("pricing", pricing::page(&at("/pricing"), pricing::Period::Monthly)),
        ("pricing-yearly", pricing::page(&at("/pricing?period=yearly"), pricing::Period::Yearly)),
        ("security", security::page(&at("/security"), Some("security@quayside.example"))),
        ("status", status::page(&at("/status"), &status)),
        ("accessibility", accessibility::page(&at("/accessibility"), None)),
    ]
}

fn auth(chrome: &Public) -> Vec<(&'static str, String)> {
    let wrong_code = errors(&[("code", "That code is not the one we sent.")]);
    let verify = verify::Verify {
        email: EMAIL,
        minutes_left: 10,
        dev_outbox: Some("/outbox".to_owned()),
        ..verify::Verify::default()
    };
    let refused = verify::Verify {
        code: "418 207",
        minutes_left: 9,
        tries_left: Some(3),
        resend_in_seconds: 42,
        errors: wrong_code.clone(),
        ..verify.clone()
    };
    let account = password::Account { email: EMAIL, min_password: 12, ..password::Account::default() };
    let weak = password::Account {
        name: "Mira Okafor",
        errors: errors(&[("password", "This password is on a list of common ones."), ("team", "Name your team.")]),
        ..account.clone()
    };
    let no_fit = errors(&[("", "That address and password do not fit together.")]);
    let confirm = reset::Confirm {
        email: EMAIL,
        minutes_left: 10,
        min_password: 12,
        errors: wrong_code,
        ..reset::Confirm::default()
    };
    vec![
        ("sign-up", sign_up::page(chrome, &sign_up::SignUp::default())),
        (
            "sign-up-invited",
            sign_up::page(chrome, &sign_up::SignUp { invited_to: Some("Quayside"), ..sign_up::SignUp::default() }),
        ),
        ("verify", verify::page(chrome, &verify)),
        ("verify-error", verify::page(chrome, &refused)),
        ("account", password::page(chrome, &account)),
        ("account-error", password::page(chrome, &weak)),
        (
            "sign-in",
            sign_in::page(
                chrome,
                &sign_in::SignIn { reason: Some(sign_in::Reason::SessionEnded), ..sign_in::SignIn::default() },
            ),
        ),
        (
            "sign-in-error",
            sign_in::page(chrome, &sign_in::SignIn { email: EMAIL, errors: no_fit, ..sign_in::SignIn::default() }),
        ),
        ("reset", reset::request_page(chrome, &reset::Request::default())),
        ("reset-confirm", reset::confirm_page(chrome, &confirm)),
        ("invitation", invitation::page(chrome, &invitation::Invitation::Ready { offer: OFFER, token: "t0k3n" })),
        (
            "invitation-signed-out",
            invitation::page(chrome, &invitation::Invitation::SignedOut { offer: OFFER, token: "t0k3n" }),
        ),
        ("invitation-gone", invitation::page(chrome, &invitation::Invitation::Gone)),
    ]
}

fn errors(list: &[(&str, &str)]) -> Errors {
    let mut errors = Errors::new();
    for (field, message) in list {
        errors.add(*field, *message);
    }
    errors
}
