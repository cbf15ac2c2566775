use leptos::prelude::*;

/// A role's name as a word of its own: built-in ones are stored in small letters.
#[must_use]
pub fn role_word(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

#[must_use]
pub fn role(name: &str) -> AnyView {
    role_word(name).into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_letter_changes() {
        for (name, word) in [("owner", "Owner"), ("Release manager", "Release manager"), ("élan", "Élan"), ("", "")] {
            assert_eq!(role_word(name), word);
        }
    }
}
