use leptos::prelude::*;

use crate::{
    forms::Errors,
    layout::{
        auth::{Auth, auth_page, submit},
        public::Public,
    },
};

/// What an invitation link leads to, for the person who opened it.
#[derive(Clone, Debug)]
pub enum Invitation<'a> {
    /// Signed in under the invited address: one press joins.
    Ready { offer: Offer<'a>, token: &'a str },
    /// Not signed in.
    SignedOut { offer: Offer<'a>, token: &'a str },
    /// Signed in, but the invitation is for another address.
    OtherAccount { offer: Offer<'a>, signed_in_as: &'a str },
    /// Used, taken back, too old or never made: told apart nowhere.
    Gone,
}

#[derive(Clone, Debug)]
pub struct Offer<'a> {
    pub team: &'a str,
    pub invited_by: &'a str,
    /// The role's name, as a team member reads it.
    pub role: &'a str,
    /// The address the invitation was sent to.
    pub email: &'a str,
}

#[must_use]
pub fn page(chrome: &Public, invitation: &Invitation) -> String {
    let (title, main) = match invitation {
        Invitation::Ready { offer, token } => (title(offer), ready(offer, token)),
        Invitation::SignedOut { offer, token } => (title(offer), signed_out(offer, token)),
        Invitation::OtherAccount { offer, signed_in_as } => (title(offer), other_account(offer, signed_in_as)),
        Invitation::Gone => ("This invitation cannot be used".to_owned(), gone()),
    };
    let main = view! { <h1>{title.clone()}</h1>{main} }.into_any();
    auth_page(chrome, &Errors::new(), Auth { title, other_way: None, main, aside: None })
}

fn title(offer: &Offer) -> String {
    format!("Join {}", offer.team)
}

fn terms(offer: &Offer) -> AnyView {
    let text = format!("{} invites {} to the team {} as {}.", offer.invited_by, offer.email, offer.team, offer.role);
    view! { <p class="muted">{text}</p> }.into_any()
}

fn ready(offer: &Offer, token: &str) -> AnyView {
    view! {
        {terms(offer)}
        <form class="stack" method="post" action="/invitations/accept">
            <input type="hidden" name="token" value=token.to_owned()/>
            {submit("Join the team")}
        </form>
        <p class="field__hint">"Your other teams do not see this one. You can leave it at any time."</p>
    }
    .into_any()
}

fn signed_out(offer: &Offer, token: &str) -> AnyView {
    view! {
        {terms(offer)}
        <a class="button" data-kind="primary" data-size="large" data-wide=true href=format!("/sign-up?next=%2Finvitation%3Ftoken%3D{token}")>
            "Create an account"
        </a>
        <a class="button" data-size="large" data-wide=true href=format!("/sign-in?next=%2Finvitation%3Ftoken%3D{token}")>
            "Sign in to an account you have"
        </a>
    }
    .into_any()
}

fn other_account(offer: &Offer, signed_in_as: &str) -> AnyView {
    let text = format!("You are signed in as {signed_in_as}. Sign out, then open the link of the mail again.");
    view! {
        {terms(offer)}
        <p>{text}</p>
        <form class="stack" method="post" action="/sign-out">{submit("Sign out")}</form>
    }
    .into_any()
}

fn gone() -> AnyView {
    view! {
        <p class="muted">"It was used, taken back or is too old. Ask the person who invited you to send it again; only the newest link works."</p>
        <a class="button" data-size="large" data-wide=true href="/sign-in">"Go to sign in"</a>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: Offer<'static> =
        Offer { team: "Quayside", invited_by: "Mira Okafor", role: "Planner", email: "jonas@quayside.example" };

    #[test]
    fn joining_is_one_post_with_the_token() {
        let html = page(&Public::default(), &Invitation::Ready { offer: OFFER, token: "t0k" });
        assert!(
            html.contains(r#"action="/invitations/accept""#) && html.contains(r#"name="token" value="t0k""#),
            "{html}"
        );
        assert!(html.contains("Mira Okafor invites jonas@quayside.example to the team Quayside as Planner."), "{html}");
    }

    #[test]
    fn another_account_cannot_join_and_a_lost_link_names_no_team() {
        let other = page(&Public::default(), &Invitation::OtherAccount { offer: OFFER, signed_in_as: "x@y.example" });
        assert!(!other.contains("/invitations/accept") && other.contains("/sign-out"), "{other}");
        let gone = page(&Public::default(), &Invitation::Gone);
        assert!(!gone.contains("Quayside") && gone.contains("/sign-in"), "{gone}");
    }
}
