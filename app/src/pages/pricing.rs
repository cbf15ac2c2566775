use leptos::prelude::*;
use types::MicroUsd;

use crate::{
    components::{
        fact_table::fact_table,
        icon::{Icon, icon},
    },
    layout::public::{Public, public_page},
    plans::{Beyond, CATALOGUE, Limit, Limits, Plan, Seat},
};

/// Which prices are shown. In the address, so that a link keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Period {
    #[default]
    Monthly,
    Yearly,
}

impl Period {
    /// The value of `?period=`; anything unknown shows monthly prices.
    #[must_use]
    pub fn from_query(value: Option<&str>) -> Self {
        if value == Some("yearly") { Self::Yearly } else { Self::Monthly }
    }
}

#[must_use]
pub fn page(chrome: &Public, period: Period) -> String {
    let main = view! {
        <div class="wrap plans-page">
            <div class="page-intro">
                <h1>"Seats and sandbox time. Tokens stay between you and your provider."</h1>
                <p>
                    "These are the prices we plan. Nothing is charged in this version: it has no billing "
                    "and asks for no card."
                </p>
            </div>
            {toggle(period)}
            <section class="plans" aria-label="Plans">{CATALOGUE.plans.iter().map(plan).collect_view()}</section>
            <p class="plans__own">
                "Self-hosted: free, no seat limit. "
                <span class="command" data-size="small"><code>"make start"</code></span>
            </p>
        </div>
        {usage()}
        {limits()}
        {questions()}
    };
    let about = "What Muster is planned to cost, by plan and by use, and the limits of each plan.";
    public_page(chrome, "Pricing", about, main.into_any())
}

fn toggle(period: Period) -> AnyView {
    let yearly = period == Period::Yearly;
    let note = if CATALOGUE.placeholder { "Placeholder prices, catalogue " } else { "Catalogue " };
    view! {
        <form class="plans__bar" method="get" action="/pricing">
            <fieldset class="cluster">
                <legend class="visually-hidden">"Billing period"</legend>
                <span class="segments">
                    <label><input type="radio" name="period" value="monthly" id="period-monthly" checked=!yearly/>"Monthly"</label>
                    <label><input type="radio" name="period" value="yearly" id="period-yearly" checked=yearly/>"Yearly, two months free"</label>
                </span>
                <button class="button" data-size="small" type="submit">"Show prices"</button>
            </fieldset>
            <p>{note}<time datetime=CATALOGUE.version>{CATALOGUE.version}</time>", US dollars, without tax"</p>
        </form>
    }
    .into_any()
}

fn plan(plan: &'static Plan) -> AnyView {
    let heading = format!("plan-{}", plan.id);
    let (amount, unit) = price(plan);
    let action = match plan.seat {
        Seat::Free => {
            view! { <a class="button" data-kind="primary" data-wide=true href="/sign-up">"Start free"</a> }.into_any()
        }
        Seat::Paid { .. } | Seat::ByContract => view! { <p class="plan__later">"Not on sale yet"</p> }.into_any(),
    };
    let holds = holds(plan);
    let holds = holds.into_iter().map(|line| view! { <li>{icon(Icon::Check)}<span>{line}</span></li> }).collect_view();
    view! {
        <article class="plan" aria-labelledby=heading>
            <h2 id=heading.clone()>{plan.name}</h2>
            <p class="plan__for">{plan.audience}</p>
            <p class="plan__price"><span class="plan__amount">{amount}</span><span class="plan__unit">{unit}</span></p>
            {action}
            <ul class="plan__list">{holds}</ul>
        </article>
    }
    .into_any()
}

fn holds(plan: &Plan) -> Vec<String> {
    if plan.seat == Seat::ByContract {
        return vec!["Limits by contract".to_owned()];
    }
    vec![
        format!("Runs at a time: {}", plan.limits.runs_at_once),
        format!("Sandbox hours a month: {}", plan.limits.sandbox_hours),
        format!("Seats: {}", plan.limits.seats),
        format!("Audit log kept: {}", days(plan.limits.audit_kept)),
    ]
}

fn price(plan: &Plan) -> (AnyView, AnyView) {
    match plan.seat {
        Seat::Free => (dollars(MicroUsd::ZERO), format!("for {} seats, for good", plan.limits.seats).into_any()),
        Seat::ByContract => ("By contract".into_any(), "billed once a year".into_any()),
        Seat::Paid { month, year } => (
            both(dollars(month), dollars(MicroUsd::from_micros(year.micros() / 12))),
            both(
                "a seat, billed monthly".into_any(),
                view! { "a seat a month, "{dollars(year)}" billed yearly" }.into_any(),
            ),
        ),
    }
}

/// Both periods are in the page; the style sheet shows the one that is chosen, at once where it can.
fn both(monthly: AnyView, yearly: AnyView) -> AnyView {
    view! { <span data-period="monthly">{monthly}</span><span data-period="yearly">{yearly}</span> }.into_any()
}

pub(super) fn dollars(amount: MicroUsd) -> AnyView {
    view! { <data value=amount.dollars(2)>{amount.to_string()}</data> }.into_any()
}

fn usage() -> AnyView {
    let rows = CATALOGUE.meters.iter().map(|meter| {
        let beyond = match meter.beyond {
            Beyond::Each(price) => dollars(price),
            Beyond::NeverBilled => "Never billed by us".into_any(),
            Beyond::PlanPrice => "Plan price".into_any(),
        };
        vec![meter.name.into_any(), meter.counts.into_any(), meter.leaves_out.into_any(), beyond]
    });
    view! {
        <section class="section" aria-labelledby="t-usage"><div class="wrap">
            <div class="section__head">
                <h2 id="t-usage">"What will count as usage"</h2>
                <p>"Each meter will have a hard limit of its own that starts at $0.00 beyond the plan."</p>
            </div>
            {fact_table("Meters", &["Meter", "Counts", "Does not count", "Beyond the plan"], rows.collect())}
        </div></section>
    }
    .into_any()
}

type LimitRow = (&'static str, fn(&Limits) -> String);

const LIMIT_ROWS: &[LimitRow] = &[
    ("Seats", |limits| limits.seats.to_string()),
    ("Runs at a time", |limits| limits.runs_at_once.to_string()),
    ("Sandbox hours a month", |limits| limits.sandbox_hours.to_string()),
    ("Longest run, hours", |limits| limits.longest_run.to_string()),
    ("Repositories", |limits| limits.repositories.to_string()),
    ("Storage, GB", |limits| limits.storage.to_string()),
    ("Audit log kept", |limits| days(limits.audit_kept)),
];

fn limits() -> AnyView {
    let heads = CATALOGUE.plans.iter().map(|plan| view! { <th scope="col">{plan.name}</th> }).collect_view();
    let rows = LIMIT_ROWS.iter().map(|(name, value)| {
        let cells = CATALOGUE.plans.iter().map(|plan| view! { <td>{value(&plan.limits)}</td> }).collect_view();
        view! { <tr><th scope="row">{*name}</th>{cells}</tr> }
    });
    view! {
        <section class="section" aria-labelledby="t-limits"><div class="wrap">
            <div class="section__head">
                <h2 id="t-limits">"Planned limits"</h2>
                <p>"What keeps a team safe is in every plan; plans differ in size only."</p>
            </div>
            <div class="table-box" tabindex="0" role="region" aria-label="Table of limits, scrolls sideways">
                <table class="table limits">
                    <caption class="visually-hidden">"Limits of each plan"</caption>
                    <thead><tr><th scope="col">"Limit"</th>{heads}</tr></thead>
                    <tbody>{rows.collect_view()}</tbody>
                </table>
            </div>
        </div></section>
    }
    .into_any()
}

fn days(limit: Limit) -> String {
    match limit {
        Limit::UpTo(365) => "1 year".to_owned(),
        Limit::UpTo(count) if count % 365 == 0 => format!("{} years", count / 365),
        Limit::UpTo(count) => format!("{count} days"),
        Limit::None | Limit::ByContract => limit.to_string(),
    }
}

const QUESTIONS: &[(&str, &str)] = &[
    (
        "Will I be charged?",
        "No. There is no billing in this version and no place to enter a card. When it comes, nobody is moved to a paid plan without choosing it.",
    ),
    (
        "Are these prices final?",
        "No. They are placeholders. The catalogue has a date; when prices change, a subscription keeps the catalogue it was bought under.",
    ),
    ("Is self-hosting a smaller product?", "No. It is the same binary, with no seat limit."),
    (
        "Are the limits enforced today?",
        "No. No team has a plan yet. Whoever runs an installation sets how many runs go on at once, each project has limits for its sandboxes, and your budgets say what may be spent.",
    ),
];

fn questions() -> AnyView {
    let items = QUESTIONS.iter().map(|(question, answer)| {
        view! { <details open=true><summary>{*question}</summary><p>{*answer}</p></details> }
    });
    view! {
        <section class="section" aria-labelledby="t-faq"><div class="wrap split">
            <div class="split__text"><h2 id="t-faq">"Questions about money"</h2></div>
            <div class="faq">{items.collect_view()}</div>
        </div></section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_come_from_the_catalogue_and_are_marked() {
        let html = page(&Public::default(), Period::Monthly);
        assert!(html.contains(r#"<data value="24.00">$24.00</data>"#), "{html}");
        assert!(html.contains(r#"<data value="20.00">$20.00</data>"#) && html.contains("$240.00"), "{html}");
        assert!(html.contains("Placeholder prices") && html.contains("90 days") && html.contains("3 years"), "{html}");
    }

    #[test]
    fn the_period_of_the_address_is_chosen() {
        let yearly = page(&Public::default(), Period::from_query(Some("yearly")));
        assert!(yearly.contains(r#"id="period-yearly" checked"#), "{yearly}");
        assert!(!yearly.contains(r#"id="period-monthly" checked"#), "{yearly}");
        assert_eq!(Period::from_query(Some("weekly")), Period::Monthly);
    }
}
