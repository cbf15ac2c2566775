/// A path inside this site, to go to after signing in; `None` for anything that a browser could read as another site.
#[must_use]
pub fn safe_path(text: &str) -> Option<&str> {
    let inside = text.starts_with('/')
        && !text.starts_with("//")
        && text.len() <= 500
        && !text.contains('\\')
        && text.chars().all(|character| !character.is_control() && !character.is_whitespace());
    inside.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_inside_this_site_pass() {
        for good in ["/", "/acme/members?x=1#y", "/invitation?token=a.b"] {
            assert_eq!(safe_path(good), Some(good));
        }
        for bad in [
            "",
            "acme",
            "//evil.example",
            "/\\evil.example",
            "\\/evil",
            "https://evil.example",
            "/a\nb",
            "/a\tb",
            "/ b",
            "/\u{0}",
        ] {
            assert_eq!(safe_path(bad), None, "{bad:?}");
        }
    }
}
