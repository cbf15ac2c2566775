use http::StatusCode;
use orchestrator::budgets::{NewCall, Spender, Used};
use types::MicroUsd;

use crate::client::{Browser, Site};

async fn spend(site: &Site, cents: i32) {
    let owner = site.world.scope(&site.world.sign_in("Mira").await, "quayside").await;
    let cost = MicroUsd::from_cents(cents);
    let call = NewCall {
        spender: Spender::default(),
        key: uuid::Uuid::now_v7().to_string(),
        provider: "A provider".into(),
        model: "=model".into(),
        worst: Some(cost),
        tokens: 1_000,
    };
    let held = site.world.muster.hold(owner.team(), call).await.expect("room");
    let used = Used {
        usage: types::chat::TokenUsage { uncached: 700, cache_read: 200, output: 100, ..Default::default() },
        estimated: false,
        cost: Some(cost),
        source: "a test".into(),
        model: "=model".into(),
        failed: false,
        duration: std::time::Duration::from_millis(1),
        step: None,
    };
    site.world.muster.settle(held, used).await.expect("settled");
}

#[tokio::test]
async fn a_budget_is_set_spent_and_read() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    let page = mira.get(&site, "/quayside/budgets").await;
    assert!(page.body.contains("No budget is set") && page.body.contains("Pause all work"), "{}", page.body);
    let page = mira.post(&site, "/quayside/budgets/edit", "amount=lots&period=day").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains(r#"value="lots""#) && page.body.contains("<title>Error: "), "{}", page.body);
    let page = mira.post(&site, "/quayside/budgets/edit", "amount=10&period=day").await;
    assert_eq!((page.status, page.location.as_str()), (StatusCode::SEE_OTHER, "/quayside/budgets"), "{}", page.body);
    spend(&site, 850).await;
    let page = mira.get(&site, "/quayside/budgets").await;
    for shown in
        ["$8.50", "$1.50", "85.0 %", "Quayside passed 80 %", "Limit $10.00", "near a limit", "900 in, 22 % cached"]
    {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    let page = mira.get(&site, "/quayside/budgets/ledger?kind=settled&model=%3Dmodel").await;
    assert!(page.body.contains("1 row"), "{}", page.body);
    let page = mira.get(&site, "/quayside/budgets/ledger.csv").await;
    assert!(
        page.body.starts_with("time,entry,call") && page.body.contains(",'=model,8.500000,8.500000"),
        "{}",
        page.body
    );
    let page = mira.get(&site, "/quayside/budgets/ledger.jsonl?kind=held").await;
    assert_eq!(page.body.lines().count(), 1, "{}", page.body);
    assert!(page.body.contains(r#""held_micro_usd":8500000"#), "{}", page.body);
    let page = mira.get(&site, "/quayside/budgets?budget=00000000-0000-7000-8000-000000000000").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    site.end().await;
}

#[tokio::test]
async fn asking_and_pausing_work_with_plain_forms() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    mira.post(&site, "/quayside/budgets/edit", "amount=10&period=day").await;
    let page = mira.get(&site, "/quayside/budgets/ask").await;
    let id = page.body.split("<option value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a budget");
    let page = mira.post(&site, "/quayside/budgets/ask", &format!("budget={id}&amount=5&reason=More")).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains("Ask for more than the 10.00 USD"), "{}", page.body);
    let page = mira.post(&site, "/quayside/budgets/ask", &format!("budget={id}&amount=25&reason=An+import")).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    let page = mira.get(&site, "/quayside/budgets").await;
    assert!(page.body.contains("Mira asks for $25.00 for Quayside"), "{}", page.body);
    let grant = page
        .body
        .split("/quayside/budgets/requests/")
        .nth(1)
        .and_then(|rest| rest.split('/').next())
        .expect("a request");
    mira.post(&site, &format!("/quayside/budgets/requests/{grant}/grant"), "").await;
    let page = mira.get(&site, "/quayside/budgets").await;
    assert!(page.body.contains("Limit $25.00"), "{}", page.body);

    let page = mira.post(&site, "/quayside/budgets/pauses", "reason=").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    mira.post(&site, "/quayside/budgets/pauses", "reason=A+runaway+loop").await;
    let page = mira.get(&site, "/quayside/members").await;
    assert!(page.body.contains("All work is paused.") && page.body.contains("A runaway loop"), "every page says so");
    let page = mira.get(&site, "/quayside/budgets/pauses").await;
    let resume =
        page.body.split("/quayside/budgets/pauses/").nth(1).and_then(|rest| rest.split('/').next()).expect("a pause");
    let page = mira.post(&site, &format!("/quayside/budgets/pauses/{resume}/resume"), "").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    assert!(!mira.get(&site, "/quayside/members").await.body.contains("All work is paused."));
    let page = mira.post(&site, "/quayside/budgets/rate", "unknown_rate=x").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(mira.post(&site, "/quayside/budgets/rate", "unknown_rate=2.5").await.status, StatusCode::SEE_OTHER);
    site.end().await;
}
