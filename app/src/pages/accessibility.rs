use leptos::prelude::*;

use crate::layout::public::{Public, public_page};

/// The statement. `contact` is whom to write to, as configured by the operator.
#[must_use]
pub fn page(chrome: &Public, contact: Option<&str>) -> String {
    let contact = match contact {
        Some(address) => format!("Write to {address}. Say which page, what you tried and what you use to read it."),
        None => "Whoever runs this installation has not named a contact yet. Ask the owner of your team.".to_owned(),
    };
    let main = view! {
        <div class="wrap">
            <div class="page-intro">
                <h1>"Accessibility"</h1>
                <p>"Our target is WCAG 2.2, level AA, on every page. This says how far that is shown, and what is not."</p>
            </div>
            <div class="prose prose--page">
                <h2>"What you can rely on"</h2>
                <ul>
                    <li>"Everything is reachable with a keyboard, with the focus visible. Forms are plain and work without a script."</li>
                    <li>"No colour alone carries a meaning: a word and an icon stand beside it."</li>
                    <li>"Light, dark and high contrast can be chosen at the foot of each public page, or follow your system."</li>
                    <li>"Pages fit 320 pixels, which is 400 % zoom on a common screen. Wide tables scroll inside their own frame."</li>
                    <li>"Motion stops when your system asks for less of it."</li>
                    <li>"Signing in asks for no puzzle. Passwords and codes can be pasted and filled by a manager."</li>
                </ul>
                <h2>"How it is tested"</h2>
                <ul>
                    <li>"The contrast of the colour pairs is measured by a unit test in both themes: 4.5 to 1 for text, 3 to 1 for borders of controls, for lines and bars of charts and for the focus. High contrast is measured too."</li>
                    <li>"The pages are read by axe-core in Chromium, as wide as a desktop and as a telephone, dark, light and in high contrast. Their markup is validated."</li>
                </ul>
                <h2>"What is not shown yet"</h2>
                <ul>
                    <li>"Nobody has gone through the pages with a screen reader, nor in Firefox or Safari."</li>
                    <li>"Forced colours have not been looked at on a real system."</li>
                </ul>
                <h2 id="contact">"Tell us where it fails"</h2>
                <p>{contact}</p>
            </div>
        </div>
    };
    public_page(
        chrome,
        "Accessibility",
        "What Muster does for accessibility, how it is tested, and whom to tell.",
        main.into_any(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contact_is_the_operators() {
        assert!(page(&Public::default(), Some("help@quayside.example")).contains("Write to help@quayside.example."));
        assert!(page(&Public::default(), None).contains("has not named a contact yet"));
    }
}
