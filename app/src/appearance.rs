use std::str::FromStr;

/// How a visitor wants pages to look. Kept in the `appearance` cookie, so that the first byte is already right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Appearance {
    pub theme: Theme,
    pub contrast: Contrast,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Theme {
    #[default]
    Dark,
    Light,
    /// Follows the operating system.
    System,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Contrast {
    #[default]
    Normal,
    More,
}

impl Appearance {
    pub const COOKIE: &str = "appearance";
}

impl Theme {
    pub const ALL: &[Self] = &[Self::Dark, Self::Light, Self::System];

    /// The value of `data-theme`, and the word in the cookie.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::System => "system",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|theme| theme.as_str() == text)
    }
}

impl Contrast {
    /// The value of `data-contrast`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::More => "more",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "normal" => Some(Self::Normal),
            "more" => Some(Self::More),
            _ => None,
        }
    }
}

impl std::fmt::Display for Appearance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.theme.as_str(), self.contrast.as_str())
    }
}

/// A cookie value that does not parse; the caller falls back to the default look.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownAppearance;

impl FromStr for Appearance {
    type Err = UnknownAppearance;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (theme, contrast) = text.split_once('.').ok_or(UnknownAppearance)?;
        Ok(Self {
            theme: Theme::parse(theme).ok_or(UnknownAppearance)?,
            contrast: Contrast::parse(contrast).ok_or(UnknownAppearance)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_round_trips_and_refuses_the_rest() {
        for theme in Theme::ALL {
            for contrast in [Contrast::Normal, Contrast::More] {
                let appearance = Appearance { theme: *theme, contrast };
                assert_eq!(appearance.to_string().parse(), Ok(appearance));
            }
        }
        for bad in ["", "dark", "pink.normal", "dark.loud", "dark.more.more"] {
            assert_eq!(bad.parse::<Appearance>(), Err(UnknownAppearance), "{bad}");
        }
    }
}
