use leptos::prelude::*;
use types::MicroUsd;

/// An amount in dollars with two decimals, in figures that line up.
#[must_use]
pub fn money(amount: MicroUsd) -> AnyView {
    view! { <data class="money" value=amount.dollars(6)>{amount.to_string()}</data> }.into_any()
}

/// An amount that may be large or less than a cent: cents, or four decimals below a dollar where cents would hide some.
#[must_use]
pub fn amount_text(amount: MicroUsd) -> String {
    let micros = amount.micros();
    if micros.abs() < 1_000_000 && micros % 10_000 != 0 { fine_text(amount) } else { amount.to_string() }
}

/// [`amount_text`] in figures that line up.
#[must_use]
pub fn sum(amount: MicroUsd) -> AnyView {
    view! { <data class="money" value=amount.dollars(6)>{amount_text(amount)}</data> }.into_any()
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
