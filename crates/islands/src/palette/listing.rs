use serde::Deserialize;

use super::score::score;
use crate::command::{Command, Kind};

/// What the server's search answers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Found {
    label: String,
    href: String,
    #[serde(default)]
    group: String,
}

/// What the reader asks of the palette.
pub(crate) struct Asked<'a> {
    pub(crate) commands: &'a [Command],
    /// The chained page that is open.
    pub(crate) page: Option<&'a str>,
    pub(crate) query: &'a str,
    pub(crate) found: &'a [Found],
    /// The search page's address without a query.
    pub(crate) search_page: &'a str,
}

/// The commands to show, best group first, the commands of a group together. A query on the first page always ends
/// with the way to the search page, so that Enter never leads nowhere.
pub(crate) fn listing(asked: &Asked<'_>) -> Vec<Command> {
    let query = asked.query.trim();
    let mut fits: Vec<(i32, Command)> = asked
        .commands
        .iter()
        .filter(|command| shown(asked, command))
        .filter_map(|command| Some((fit(query, command)?, command.clone())))
        .collect();
    fits.sort_by_key(|(score, _)| -score);
    let mut rows: Vec<Command> = fits.into_iter().map(|(_, command)| command).collect();
    if asked.page.is_none() && !query.is_empty() {
        rows.extend(asked.found.iter().map(|found| Command::link(&found.group, &found.label, &found.href)));
        let href = format!("{}?q={}", asked.search_page, encode(query));
        rows.push(Command::link("Search", &format!("Search for “{query}”"), href));
    }
    by_group(rows)
}

/// Percent-encodes a query value (RFC 3986, section 2: everything but the unreserved characters).
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.extend(['%', hex(byte >> 4), hex(byte & 15)]),
        }
    }
    encoded
}

fn hex(digit: u8) -> char {
    char::from(if digit < 10 { b'0' + digit } else { b'A' + digit - 10 })
}

fn shown(asked: &Asked<'_>, command: &Command) -> bool {
    let chained = || asked.commands.iter().any(|other| other.kind == Kind::Page && other.href == command.group);
    match asked.page {
        Some(page) => command.group == page,
        None => !asked.query.trim().is_empty() || !chained(),
    }
}

fn fit(query: &str, command: &Command) -> Option<i32> {
    let label = score(query, &command.label);
    // A word that is shown counts for more than one that is not.
    let alias = command.aliases.iter().filter_map(|alias| score(query, alias)).max().map(|score| score - 5);
    label.max(alias)
}

fn by_group(rows: Vec<Command>) -> Vec<Command> {
    let mut groups: Vec<Vec<Command>> = Vec::new();
    for row in rows {
        match groups.iter_mut().find(|group| group.first().is_some_and(|first| first.group == row.group)) {
            Some(group) => group.push(row),
            None => groups.push(vec![row]),
        }
    }
    groups.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands() -> Vec<Command> {
        vec![
            Command::link("Go to", "Dashboard", "/acme").keys("G D"),
            Command::link("Go to", "Members", "/acme/members").alias(&["people", "invite"]),
            Command::page("Team", "Switch team", "Your teams"),
            Command::link("Your teams", "Acme", "/acme"),
            Command::link("Your teams", "Zenith", "/zenith"),
            Command::post("Account", "Sign out", "/sign-out"),
        ]
    }

    fn labels(page: Option<&str>, query: &str, found: &[Found]) -> Vec<String> {
        let asked = Asked { commands: &commands(), page, query, found, search_page: "/acme/search" };
        listing(&asked).into_iter().map(|row| row.label).collect()
    }

    #[test]
    fn without_a_query_the_first_page_keeps_its_order_and_hides_chained_groups() {
        assert_eq!(labels(None, "", &[]), ["Dashboard", "Members", "Switch team", "Sign out"]);
    }

    #[test]
    fn a_chained_page_shows_its_group_only() {
        assert_eq!(labels(Some("Your teams"), "", &[]), ["Acme", "Zenith"]);
        assert_eq!(labels(Some("Your teams"), "zen", &[]), ["Zenith"]);
    }

    #[test]
    fn typing_searches_chained_groups_and_aliases() {
        assert_eq!(labels(None, "zenith", &[]), ["Zenith", "Search for “zenith”"]);
        assert_eq!(labels(None, "people", &[]), ["Members", "Search for “people”"]);
        assert_eq!(labels(None, "qqq", &[]), ["Search for “qqq”"]);
        assert!(labels(Some("Your teams"), "qqq", &[]).is_empty());
    }

    #[test]
    fn found_things_come_after_commands_and_only_on_the_first_page() {
        let found = [Found { label: "Dash docs".into(), href: "/acme/tasks/1".into(), group: "Tasks".into() }];
        assert_eq!(labels(None, "dash", &found), ["Dashboard", "Dash docs", "Search for “dash”"]);
        assert_eq!(labels(Some("Your teams"), "zen", &found), ["Zenith"]);
    }

    #[test]
    fn the_search_page_gets_the_query_encoded() {
        assert_eq!(encode("a b&c=é"), "a%20b%26c%3D%C3%A9");
    }

    #[test]
    fn rows_of_one_group_stand_together() {
        let commands = commands();
        let rows = listing(&Asked { commands: &commands, page: None, query: "m", found: &[], search_page: "/search" });
        let mut seen: Vec<&str> = rows.iter().map(|row| row.group.as_str()).collect();
        seen.dedup();
        let mut once = seen.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(seen.len(), once.len(), "{seen:?}");
    }
}
