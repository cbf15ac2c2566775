use serde::{Deserialize, Serialize};

/// One line of the command palette.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Command {
    /// What a person reads: “Invite a teammate”.
    pub label: String,
    /// Other words for the same thing, found by typing but not shown.
    pub aliases: Vec<String>,
    /// Where the command leads. For [`Kind::Post`] the query becomes the form's fields; for [`Kind::Page`] this is
    /// the name of a group.
    pub href: String,
    pub kind: Kind,
    /// The shortcut, keys parted by spaces: “G D”.
    pub keys: String,
    /// The heading it stands under.
    pub group: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Follows `href`.
    #[default]
    Link,
    /// Submits a form to `href`.
    Post,
    /// Shows the commands of the group that `href` names, which are hidden until then or until they are searched for.
    Page,
}

impl Command {
    #[must_use]
    pub fn link(group: &str, label: &str, href: impl Into<String>) -> Self {
        Self { label: label.to_owned(), href: href.into(), group: group.to_owned(), ..Self::default() }
    }

    #[must_use]
    pub fn post(group: &str, label: &str, href: impl Into<String>) -> Self {
        Self { kind: Kind::Post, ..Self::link(group, label, href) }
    }

    /// A line that opens `opens`, the group of other commands.
    #[must_use]
    pub fn page(group: &str, label: &str, opens: &str) -> Self {
        Self { kind: Kind::Page, ..Self::link(group, label, opens) }
    }

    #[must_use]
    pub fn alias(mut self, words: &[&str]) -> Self {
        self.aliases.extend(words.iter().map(|word| (*word).to_owned()));
        self
    }

    #[must_use]
    pub fn keys(self, keys: &str) -> Self {
        Self { keys: keys.to_owned(), ..self }
    }
}
