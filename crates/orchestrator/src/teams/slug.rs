/// The first segment of a team's addresses: `quayside` in `/quayside/members`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slug(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlugProblem {
    #[error("Use 2 to 40 characters.")]
    Length,
    #[error("Use lower-case letters a to z, digits and single hyphens between them.")]
    Characters,
    #[error("This word is kept for Muster's own pages. Choose another.")]
    Reserved,
}

/// First segments that are, or may become, pages of Muster itself.
pub const RESERVED: &[&str] = &[
    "a2a",
    "about",
    "accessibility",
    "account",
    "admin",
    "api",
    "appearance",
    "assets",
    "auth",
    "billing",
    "blog",
    "changelog",
    "contact",
    "csp-report",
    "docs",
    "download",
    "favicon.ico",
    "fn",
    "gallery",
    "git",
    "help",
    "home",
    "integrations",
    "invitation",
    "invitations",
    "legal",
    "livez",
    "llm",
    "login",
    "logout",
    "mcp",
    "metrics",
    "muster",
    "new",
    "oauth",
    "oidc",
    "outbox",
    "pricing",
    "privacy",
    "readyz",
    "register",
    "reset",
    "robots.txt",
    "saml",
    "scim",
    "search",
    "security",
    "settings",
    "sign-in",
    "sign-out",
    "sign-up",
    "signin",
    "signup",
    "sitemap.xml",
    "sso",
    "static",
    "status",
    "support",
    "team",
    "teams",
    "terms",
    "user",
    "users",
    "v1",
    "webhooks",
    "well-known",
    "ws",
    "www",
];

impl Slug {
    /// # Errors
    /// [`SlugProblem`], a sentence for the person.
    pub fn parse(text: &str) -> Result<Self, SlugProblem> {
        let text = text.trim();
        if !(2..=40).contains(&text.len()) {
            return Err(SlugProblem::Length);
        }
        let well_formed = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-')
            && !text.contains("--");
        if !well_formed {
            return Err(SlugProblem::Characters);
        }
        if RESERVED.contains(&text) {
            return Err(SlugProblem::Reserved);
        }
        Ok(Self(text.to_owned()))
    }

    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

/// A slug made of a team's name, to fill the field with; empty where the name holds no usable letter.
#[must_use]
pub fn suggest(name: &str) -> String {
    let mut slug = String::new();
    for character in name.to_lowercase().chars() {
        if character.is_ascii_alphanumeric() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= 36 {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if RESERVED.contains(&slug) { format!("{slug}-team") } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_checked() {
        for good in ["quayside", "q2", "a-b-c", "7seas"] {
            assert_eq!(Slug::parse(good), Ok(Slug(good.into())), "{good}");
        }
        for (bad, problem) in [
            ("q", SlugProblem::Length),
            ("Quayside", SlugProblem::Characters),
            ("-a", SlugProblem::Characters),
            ("a--b", SlugProblem::Characters),
            ("a/b", SlugProblem::Characters),
            ("pricing", SlugProblem::Reserved),
        ] {
            assert_eq!(Slug::parse(bad), Err(problem), "{bad}");
        }
    }

    #[test]
    fn suggestions_are_slugs() {
        for name in ["Quayside", "Ärzte & Söhne GmbH", "Pricing", "The  Very Long Name Of A Team That Goes On And On"]
        {
            assert!(Slug::parse(&suggest(name)).is_ok(), "{name}: {}", suggest(name));
        }
        assert_eq!(suggest("日本"), "");
    }
}
