use leptos::prelude::*;
use types::MicroUsd;

/// An amount in dollars with two decimals, in figures that line up.
#[must_use]
pub fn money(amount: MicroUsd) -> AnyView {
    view! { <data class="money" value=amount.dollars(6)>{amount.to_string()}</data> }.into_any()
}

/// What a run or a call cost: four decimals, since most calls cost less than a cent.
#[must_use]
pub fn fine(amount: MicroUsd) -> AnyView {
    view! { <data class="money" value=amount.dollars(6)>{fine_text(amount)}</data> }.into_any()
}

/// The words of [`fine`], for sentences: “$0.0412”.
#[must_use]
pub fn fine_text(amount: MicroUsd) -> String {
    let digits = amount.dollars(4);
    digits.strip_prefix('-').map_or_else(|| format!("${digits}"), |digits| format!("-${digits}"))
}
