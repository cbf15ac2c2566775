//! Colours for code: comments, strings, numbers, keywords and the names of calls. A scanner of lines, not a parser: a line
//! that it misreads is coloured wrongly and still says the same.

use std::ops::Range;

use super::language::Language;

/// A stretch of a line, in bytes, and its class: `k`eyword, `s`tring, `c`omment, `n`umber, `f`unction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) at: Range<usize>,
    pub(super) class: char,
}

/// Inside what the last line ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Code,
    Comment,
    /// A string that runs over lines, with what closes it.
    Text(&'static str),
}

/// Reads one line, from the state in which the line before it ended.
pub(super) fn scan(language: &Language, line: &str, state: &mut State) -> Vec<Token> {
    let mut scanner = Scanner { language, line, state, tokens: Vec::new() };
    let mut at = if language.is_plain() { line.len() } else { scanner.resume() };
    while at < line.len() {
        at = scanner.step(at);
    }
    scanner.tokens
}

struct Scanner<'a> {
    language: &'a Language,
    line: &'a str,
    state: &'a mut State,
    tokens: Vec<Token>,
}

impl Scanner<'_> {
    /// Ends what an earlier line began, and gives where the code goes on.
    fn resume(&mut self) -> usize {
        let (close, class) = match *self.state {
            State::Code => return 0,
            State::Comment => (self.language.block.map_or("", |(_, close)| close), 'c'),
            State::Text(close) => (close, 's'),
        };
        let found = self.line.find(close).map(|found| found + close.len());
        if found.is_some() {
            *self.state = State::Code;
        }
        let end = found.unwrap_or(self.line.len());
        self.push(0..end, class);
        end
    }

    /// Reads one thing at `at` and gives where the next begins.
    fn step(&mut self, at: usize) -> usize {
        let (language, rest) = (self.language, &self.line[at..]);
        if language.line.iter().any(|mark| rest.starts_with(mark)) {
            self.push(at..self.line.len(), 'c');
            return self.line.len();
        }
        if let Some((open, close)) = language.block.filter(|(open, _)| rest.starts_with(open)) {
            return self.enclosed(at, open.len(), close, (State::Comment, 'c'));
        }
        if let Some(mark) = language.long.iter().find(|mark| rest.starts_with(**mark)) {
            return self.enclosed(at, mark.len(), mark, (State::Text(mark), 's'));
        }
        let Some(first) = rest.chars().next() else { return self.line.len() };
        if language.quotes.contains(first) && !is_lifetime(language, rest) {
            let end = at + quoted(rest, first);
            self.push(at..end, 's');
            return end;
        }
        let run = |part: fn(char) -> bool| rest.find(|c: char| !part(c)).unwrap_or(rest.len());
        if first.is_ascii_digit() {
            let end = at + run(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
            self.push(at..end, 'n');
            return end;
        }
        if first.is_alphabetic() || first == '_' {
            let length = run(|c| c.is_alphanumeric() || c == '_');
            self.word(at, length);
            return at + length;
        }
        at + first.len_utf8()
    }

    /// Something with an end of its own, on this line or on a later one.
    fn enclosed(&mut self, at: usize, open: usize, close: &str, (inside, class): (State, char)) -> usize {
        let body = at + open;
        let found = self.line[body..].find(close).map(|found| body + found + close.len());
        if found.is_none() {
            *self.state = inside;
        }
        let end = found.unwrap_or(self.line.len());
        self.push(at..end, class);
        end
    }

    fn word(&mut self, at: usize, length: usize) {
        let (word, after) = self.line[at..].split_at(length);
        let language = self.language;
        let known = if language.any_case {
            language.keywords.contains(&word.to_ascii_lowercase().as_str())
        } else {
            language.keywords.contains(&word)
        };
        if known {
            self.push(at..at + length, 'k');
        } else if language.calls && (after.starts_with('(') || after.starts_with("!(")) {
            self.push(at..at + length, 'f');
        }
    }

    fn push(&mut self, at: Range<usize>, class: char) {
        if !at.is_empty() {
            self.tokens.push(Token { at, class });
        }
    }
}

/// `'a` without a closing quote is a lifetime in Rust, not a character.
fn is_lifetime(language: &Language, rest: &str) -> bool {
    language.lifetimes && rest.starts_with('\'') && {
        let mut characters = rest[1..].chars();
        let (first, second) = (characters.next(), characters.next());
        first != Some('\\') && second != Some('\'')
    }
}

/// The length of a string with its quotes; to the end of the line if it does not close.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return at + character.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str, lines: &[&str]) -> Vec<Vec<(String, char)>> {
        let language = Language::of(path);
        let mut state = State::default();
        lines
            .iter()
            .map(|line| {
                let tokens = scan(language, line, &mut state);
                tokens.into_iter().map(|token| (line[token.at].to_owned(), token.class)).collect()
            })
            .collect()
    }

    fn pairs(list: &[(&str, char)]) -> Vec<(String, char)> {
        list.iter().map(|(text, class)| ((*text).to_owned(), *class)).collect()
    }

    #[test]
    fn words_strings_numbers_and_comments_are_told_apart() {
        let rust = read("src/a.rs", &["let x: &'a str = f(\"//\", 'c', 1_000); // é"]);
        assert_eq!(
            rust[0],
            pairs(&[("let", 'k'), ("f", 'f'), ("\"//\"", 's'), ("'c'", 's'), ("1_000", 'n'), ("// é", 'c')])
        );
        let python = read("a.py", &["def due(day): # when", "    return None"]);
        assert_eq!(python[0], pairs(&[("def", 'k'), ("due", 'f'), ("# when", 'c')]));
        assert_eq!(read("a.sql", &["SELECT 1 -- one"])[0], pairs(&[("SELECT", 'k'), ("1", 'n'), ("-- one", 'c')]));
    }

    #[test]
    fn comments_and_strings_run_over_lines() {
        let lines = read("a.ts", &["/* a", "const b", "c */ const d"]);
        assert_eq!(lines[1], pairs(&[("const b", 'c')]));
        assert_eq!(lines[2], pairs(&[("c */", 'c'), ("const", 'k')]));
        let lines = read("a.py", &["\"\"\"One", "def two", "\"\"\"", "def f():"]);
        assert_eq!(lines[1], pairs(&[("def two", 's')]));
        assert_eq!(lines[3], pairs(&[("def", 'k'), ("f", 'f')]));
    }

    #[test]
    fn unknown_files_stay_plain_and_any_line_is_read_to_its_end() {
        assert!(read("LICENSE", &["return 'x' // 1"])[0].is_empty());
        for line in ["\"", "'", "\"\\", "/*", "'\\", "ß'é\"", "`${"] {
            for path in ["a.rs", "a.py", "a.ts", "a.sql", "a.sh", "a.toml"] {
                let all = read(path, &[line, line]);
                assert_eq!(all.len(), 2);
            }
        }
    }
}
