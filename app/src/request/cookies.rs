use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use http::HeaderMap;
use time::Duration;

use crate::{appearance::Appearance, state::PageSettings};

/// The cookies of a request, by meaning.
#[derive(Clone, Debug)]
pub struct Cookies(CookieJar);

const SESSION: &str = "session";
const BROWSER: &str = "verification";
const FLASH: &str = "flash";

impl Cookies {
    #[must_use]
    pub fn read(headers: &HeaderMap) -> Self {
        Self(CookieJar::from_headers(headers))
    }

    #[must_use]
    pub fn session(&self, settings: &PageSettings) -> Option<String> {
        self.value(&name(settings, SESSION))
    }

    /// The token that binds a sign-up or a reset to this browser.
    #[must_use]
    pub fn browser(&self, settings: &PageSettings) -> Option<String> {
        self.value(&name(settings, BROWSER))
    }

    #[must_use]
    pub fn flash(&self) -> Option<String> {
        self.value(FLASH)
    }

    #[must_use]
    pub fn appearance(&self) -> Appearance {
        self.value(Appearance::COOKIE).and_then(|value| value.parse().ok()).unwrap_or_default()
    }

    fn value(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|cookie| cookie.value().to_owned())
    }
}

/// The `__Host-` prefix makes a browser refuse the cookie from anywhere but this very host (RFC 6265bis, 4.1.3.2).
fn name(settings: &PageSettings, plain: &str) -> String {
    if settings.secure_cookies { format!("__Host-{plain}") } else { plain.to_owned() }
}

fn private(settings: &PageSettings, plain: &str, value: String, lifetime: Duration) -> Cookie<'static> {
    ours(settings, name(settings, plain), value, lifetime)
}

#[must_use]
pub fn session_cookie(settings: &PageSettings, token: &str, lifetime: Duration) -> Cookie<'static> {
    private(settings, SESSION, token.to_owned(), lifetime)
}

#[must_use]
pub fn clear_session_cookie(settings: &PageSettings) -> Cookie<'static> {
    private(settings, SESSION, String::new(), Duration::ZERO)
}

#[must_use]
pub fn browser_cookie(settings: &PageSettings, token: &str) -> Cookie<'static> {
    private(settings, BROWSER, token.to_owned(), Duration::hours(1))
}

#[must_use]
pub fn clear_browser_cookie(settings: &PageSettings) -> Cookie<'static> {
    private(settings, BROWSER, String::new(), Duration::ZERO)
}

/// A word for the next page, shown once. Empty clears it.
#[must_use]
pub fn flash_cookie(settings: &PageSettings, word: &str) -> Cookie<'static> {
    let lifetime = if word.is_empty() { Duration::ZERO } else { Duration::minutes(1) };
    ours(settings, FLASH.to_owned(), word.to_owned(), lifetime)
}

fn ours(settings: &PageSettings, name: String, value: String, lifetime: Duration) -> Cookie<'static> {
    Cookie::build((name, value))
        .path("/")
        .http_only(true)
        .secure(settings.secure_cookies)
        .same_site(SameSite::Lax)
        .max_age(lifetime)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(secure_cookies: bool) -> PageSettings {
        PageSettings { secure_cookies, development: false, outbox: None, version: "test", contact: None }
    }

    #[test]
    fn no_script_no_other_site_and_no_plain_connection_gets_the_session() {
        let set = |secure| session_cookie(&settings(secure), "abc", Duration::hours(2)).to_string();
        assert_eq!(set(true), "__Host-session=abc; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=7200");
        assert_eq!(
            set(false),
            "session=abc; HttpOnly; SameSite=Lax; Path=/; Max-Age=7200",
            "a browser refuses the prefix and the attribute over plain HTTP"
        );
    }

    #[test]
    fn clearing_names_the_same_cookie_and_ends_it_at_once() {
        for secure in [true, false] {
            let (set, cleared) =
                (session_cookie(&settings(secure), "abc", Duration::HOUR), clear_session_cookie(&settings(secure)));
            assert_eq!((cleared.name(), cleared.path()), (set.name(), set.path()));
            assert_eq!((cleared.value(), cleared.max_age()), ("", Some(Duration::ZERO)));
        }
    }

    #[test]
    fn every_cookie_of_ours_is_kept_from_scripts() {
        let settings = settings(true);
        for cookie in [browser_cookie(&settings, "abc"), flash_cookie(&settings, "saved")] {
            assert_eq!((cookie.http_only(), cookie.secure()), (Some(true), Some(true)), "{cookie}");
            assert_eq!((cookie.same_site(), cookie.domain()), (Some(SameSite::Lax), None), "{cookie}");
        }
    }
}
