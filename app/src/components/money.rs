use leptos::prelude::*;
use types::MicroUsd;

/// An amount in dollars with two decimals, in figures that line up.
#[must_use]
pub fn money(amount: MicroUsd) -> AnyView {
    view! { <data class="money" value=amount.dollars(6)>{amount.to_string()}</data> }.into_any()
}
