use leptos::prelude::*;

use crate::{
    components::{error_summary::error_summary, icon::Icon, icon::icon},
    forms::Errors,
    layout::{
        auth::{Auth, auth_page, email_field, notice, submit},
        public::Public,
    },
};

#[derive(Clone, Debug, Default)]
pub struct SignUp<'a> {
    pub email: &'a str,
    /// The team whose invitation brought the person here.
    pub invited_to: Option<&'a str>,
    /// The path to go to once the account is made; checked by the handler to be one of this site.
    pub next: &'a str,
    pub errors: Errors,
}

#[must_use]
pub fn page(chrome: &Public, form: &SignUp) -> String {
    let (title, lead) = match form.invited_to {
        Some(team) => (format!("Join {team}"), "We send a six-digit code to this address.".to_owned()),
        None => ("Start free".to_owned(), "We send a six-digit code to this address. No card is asked for.".to_owned()),
    };
    let email = email_field("Work e-mail", form.email, &form.errors);
    let main = view! {
        {error_summary(&form.errors)}
        <h1>{title.clone()}</h1>
        <p class="muted">{lead}</p>
        <form class="stack" method="post" action="/sign-up" novalidate=true>
            {(!form.next.is_empty()).then(|| view! { <input type="hidden" name="next" value=form.next.to_owned()/> })}
            {email.view()}
            {submit("Continue")}
        </form>
        {form.invited_to.map(|_| notice(view! { "Use the address that the invitation was sent to." }.into_any()))}
    };
    let auth = Auth {
        title: if form.invited_to.is_some() { title } else { "Sign up".to_owned() },
        other_way: Some(view! { "Have an account? "<a href="/sign-in">"Sign in"</a> }.into_any()),
        main: main.into_any(),
        aside: Some(aside(form.invited_to.is_some())),
    };
    auth_page(chrome, &form.errors, auth)
}

fn aside(invited: bool) -> AnyView {
    let last = if invited { ("Work with your team", "its roles apply") } else { ("Name your team", "you own it") };
    let steps = [("Type the code we send", "10 min"), ("Choose a password", "8 or more"), last];
    let steps = steps.map(|(step, note)| {
        view! { <li data-state="todo">{icon(Icon::Circle)}<span>{step}</span><span>{note}</span></li> }
    });
    view! {
        <h2 id="t-aside">"What happens next"</h2>
        <ol class="rungs">{steps.into_iter().collect_view()}</ol>
        <p>"The next page is the same for every address. If yours has an account already, the mail says so."</p>
        <p>"Rather run it yourself? "<span class="command" data-size="small"><code>"make start"</code></span></p>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_address_stays_and_the_title_says_error() {
        let mut errors = Errors::new();
        errors.add("email", "Write an address like name@example.com.");
        let html = page(&Public::default(), &SignUp { email: "mira@", errors, ..SignUp::default() });
        assert!(html.contains("<title>Error: Sign up · Muster</title>"), "{html}");
        assert!(html.contains(r#"value="mira@""#) && html.contains(r##"href="#email""##), "{html}");
        assert_eq!(html.matches("autofocus").count(), 1, "the summary alone takes the focus");
    }

    #[test]
    fn an_invitation_names_its_team() {
        let html = page(&Public::default(), &SignUp { invited_to: Some("Quay & Co"), ..SignUp::default() });
        assert!(html.contains("Join Quay &amp; Co") && html.contains("that the invitation was sent to"), "{html}");
    }
}
