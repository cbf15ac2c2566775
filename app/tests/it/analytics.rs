use http::StatusCode;
use orchestrator::{
    budgets::{NewCall, Spender, Used},
    squads::Template,
    testing::Ended,
    work::{NewTask, Source},
};
use types::{MicroUsd, chat::TokenUsage};

use crate::client::{Browser, Site};

async fn spend(site: &Site, model: &str, cents: Option<i32>) {
    spend_as(site, Spender::default(), model, cents).await;
}

async fn spend_as(site: &Site, spender: Spender, model: &str, cents: Option<i32>) {
    let owner = site.world.scope(&site.world.sign_in("Mira").await, "quayside").await;
    let cost = cents.map(MicroUsd::from_cents);
    let call = NewCall {
        spender,
        key: uuid::Uuid::now_v7().to_string(),
        provider: "A provider".into(),
        model: model.into(),
        worst: cost,
        tokens: 1_000_000,
    };
    let held = site.world.muster.hold(owner.team(), call).await.expect("room");
    let used = Used {
        usage: TokenUsage { uncached: 700_000, cache_read: 200_000, output: 100_000, ..Default::default() },
        estimated: false,
        cost,
        source: "a test".into(),
        model: model.into(),
        failed: false,
        duration: std::time::Duration::from_millis(1),
        step: None,
    };
    site.world.muster.settle(held, used).await.expect("settled");
}

#[tokio::test]
async fn spending_is_grouped_filtered_compared_and_exported() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    let page = mira.get(&site, "/quayside/analytics").await;
    assert!(page.status == StatusCode::OK && page.body.contains("No calls in these days"), "{}", page.body);
    spend(&site, "=known", Some(150)).await;
    spend(&site, "strange", None).await;

    let page = mira.get(&site, "/quayside/analytics?by=model").await;
    // A million tokens of no known price count as ten dollars.
    for shown in
        ["$11.50", "=known", "strange", "price unknown", "$10.00 for 1 call of unknown price", "22.2 %", "Waste"]
    {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    let filtered = mira.get(&site, "/quayside/analytics?by=model&model=A+provider/%3Dknown").await;
    assert!(filtered.body.contains("$1.50") && !filtered.body.contains("$11.50"), "{}", filtered.body);
    assert!(filtered.body.contains("Filter: on") && filtered.body.contains("Clear the filter"), "{}", filtered.body);
    let page = mira.get(&site, "/quayside/analytics?project=none&by=agent").await;
    assert!(page.body.contains("No agent") && page.body.contains("$11.50"), "{}", page.body);

    let page = mira.get(&site, "/quayside/analytics?instead=Anthropic/claude-sonnet-5").await;
    // Two calls: 1.4 M fresh at 2, 0.4 M cached at 0.2, 0.2 M out at 10 dollars a million.
    assert!(page.body.contains("$4.88") && page.body.contains("$6.62 less"), "{}", page.body);
    let page = mira.get(&site, "/quayside/analytics?instead=nobody/nothing").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains("The price of this model is not known"), "{}", page.body);

    let page = mira.get(&site, "/quayside/analytics.csv?by=model").await;
    let lines: Vec<&str> = page.body.lines().collect();
    assert_eq!(lines.len(), 3, "{}", page.body);
    assert!(
        lines[2].starts_with(
            "\"'=known, A provider\",A provider/=known,A provider,1.500000,1.500000,0.000000,1,0,700000,200000"
        ),
        "{}",
        lines[2]
    );
    let page = mira.get(&site, "/quayside/analytics/tasks").await;
    assert!(page.body.contains("Calls without a task") && page.body.contains("$11.50"), "{}", page.body);
    let page = mira.get(&site, "/quayside/analytics/tasks.csv").await;
    assert!(page.body.contains("11.500000,1.500000,10.000000,2,1,"), "{}", page.body);
    site.end().await;
}

#[tokio::test]
async fn an_address_that_cannot_be_is_answered_with_a_sentence() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    for (query, sentence) in [
        ("from=soon&to=2026-11-01", "Enter a day as 2026-11-21."),
        ("from=2026-11-09&to=2026-11-01", "The last day comes before the first."),
        ("from=2020-01-01&to=2026-11-01", "Show at most 366 days"),
        ("range=5y", "a range that does not exist"),
        ("by=colour", "by project, squad, agent, model or day"),
    ] {
        for path in ["/quayside/analytics", "/quayside/analytics.csv"] {
            let page = mira.get(&site, &format!("{path}?{query}")).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}?{query}: {}", page.body);
            assert!(path.ends_with("csv") || page.body.contains(sentence), "{query}: {}", page.body);
        }
    }
    let page = mira.get(&site, "/quayside/analytics?from=soon&to=2026-11-01").await;
    assert!(page.body.contains(r#"value="soon""#) && page.body.contains("<title>Error: "), "{}", page.body);
    for wrong in ["project=x", "squad=x", "agent=x"] {
        assert_eq!(mira.get(&site, &format!("/quayside/analytics?{wrong}")).await.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(mira.get(&site, "/quayside/analytics/tasks?cause=x").await.status, StatusCode::NOT_FOUND);
    site.end().await;
}

#[tokio::test]
async fn what_came_of_the_money_is_told_in_figures() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    let owner = site.world.scope(&site.world.sign_in("Mira").await, "quayside").await;
    let muster = &site.world.muster;
    let project =
        muster.create_project(&owner.can().expect("may"), "Parcels", &Source::Sample).await.expect("a project");
    let squad = muster.form_squad(&owner.can().expect("may"), "Crew", Template::Solo).await.expect("a squad");
    for (cents, merged, reworked) in [(200, true, false), (100, true, true), (150, false, false)] {
        let new = NewTask::titled("Fees");
        let task = muster.create_task(&owner.can().expect("may"), project, &new).await.expect("a task").id;
        let run = site.world.ended_run(owner.team(), (task, squad), Ended { merged, reworked }).await;
        let (project, squad) = (Some(project), Some(squad));
        let spender = Spender { project, squad, agent: None, task: Some(task), run: Some(run) };
        spend_as(&site, spender, "m", Some(cents)).await;
    }
    let page = mira.get(&site, "/quayside/analytics").await;
    for shown in [
        "<dt>Spent</dt><dd>$4.50</dd>",
        "<dt>For each merged change</dt><dd>$2.25</dd><dd>2 merged</dd>",
        "<dt>Success</dt><dd>66.6 %</dd><dd>2 of 3 runs merged</dd>",
        "<dt>Rework</dt><dd>33.3 %</dd><dd>1 of 3 runs sent back</dd>",
    ] {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    site.end().await;
}
