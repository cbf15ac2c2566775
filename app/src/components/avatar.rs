use leptos::prelude::*;

/// A person's initials in a circle. Silent: the name always stands beside it.
#[must_use]
pub fn person(name: &str) -> AnyView {
    view! { <span class="avatar" data-kind="human" aria-hidden="true">{initials(name)}</span> }.into_any()
}

/// The letters of an agent's role in a square. Silent, as for people.
#[must_use]
pub fn agent(letters: impl Into<String>) -> AnyView {
    view! { <span class="avatar" data-kind="agent" aria-hidden="true">{letters.into()}</span> }.into_any()
}

/// A person with the address below the name, as rows of tables show them.
#[must_use]
pub fn person_line(name: &str, is_you: bool, email: &str) -> AnyView {
    view! {
        <span class="person">
            {person(name)}
            <span>{name.to_owned()}{is_you.then_some(" (you)")}</span>
            <small>{email.to_owned()}</small>
        </span>
    }
    .into_any()
}

/// First letters of the first and the last word.
fn initials(name: &str) -> String {
    let mut words = name.split_whitespace();
    let first = words.next().and_then(|word| word.chars().next());
    let last = words.next_back().and_then(|word| word.chars().next());
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_come_from_the_first_and_the_last_word() {
        for (name, expected) in
            [("Mira Okafor", "MO"), ("ana maria da silva", "AS"), ("Cher", "C"), ("  ", ""), ("ßeta éclair", "SSÉ")]
        {
            assert_eq!(initials(name), expected, "{name}");
        }
    }
}
