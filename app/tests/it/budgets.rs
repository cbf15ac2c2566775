use http::StatusCode;
use orchestrator::{
    budgets::{NewCall, Spender, Used},
    models::{ProviderSettings, Rates, WireFormat},
    squads::Template,
    work::{NewTask, Source},
};
use types::{MicroUsd, RunId};

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
async fn the_ledgers_files_say_who_spent_and_on_what() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    let owner = site.world.scope(&site.world.sign_in("Mira").await, "quayside").await;
    let muster = &site.world.muster;
    let project =
        muster.create_project(&owner.can().expect("may"), "Parcels", &Source::Sample).await.expect("a project");
    let squad = muster.form_squad(&owner.can().expect("may"), "Crew", Template::Solo).await.expect("a squad");
    let plan = muster.squad_plan(&owner.can().expect("may"), squad).await.expect("a plan");
    let (agent, run) = (&plan.agents[0], RunId::new());
    let spender =
        Spender { project: Some(project), squad: Some(squad), agent: Some(agent.id), task: None, run: Some(run) };
    let cost = MicroUsd::from_cents(5);
    let call =
        NewCall { spender, key: "one".into(), provider: "P".into(), model: "m".into(), worst: Some(cost), tokens: 9 };
    let held = muster.hold(owner.team(), call).await.expect("room");
    let usage = types::chat::TokenUsage { uncached: 4, output: 2, reasoning: 3, ..Default::default() };
    let (source, duration) = ("a test".into(), std::time::Duration::from_millis(1));
    let used = Used {
        usage,
        estimated: false,
        cost: Some(cost),
        source,
        model: "m".into(),
        failed: false,
        duration,
        step: None,
    };
    muster.settle(held, used).await.expect("settled");

    let page = mira.get(&site, "/quayside/budgets/ledger.csv?kind=settled").await;
    let mut lines = page.body.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let (heads, cells) = (lines.next().expect("heads"), lines.next().expect("a row"));
    assert_eq!(heads.len(), cells.len(), "{}", page.body);
    let run = run.to_string();
    for (head, wanted) in
        [("project", "Parcels"), ("role", "coder"), ("run", &run), ("output", "2"), ("reasoning", "3")]
    {
        let at = heads.iter().position(|name| *name == head).expect(head);
        assert_eq!(cells[at], wanted, "{head}");
    }
    let page = mira.get(&site, "/quayside/budgets/ledger.jsonl?kind=settled").await;
    let line: serde_json::Value = serde_json::from_str(page.body.trim()).expect("one line");
    assert_eq!((&line["project"], &line["role"], &line["run"]), (&"Parcels".into(), &"coder".into(), &run.into()));
    assert_eq!(line["used"]["reasoning"], 3);
    site.end().await;
}

/// What the files say was held and not given back, and what they say was spent.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sums {
    held: i64,
    spent: i64,
}

impl Sums {
    /// A call's worst case is held once, and what ends it gives all of that back: for what it cost, and the rest.
    fn add(&mut self, kind: &str, held: i64, counted: i64) {
        match kind {
            "held" => self.held += held,
            _ => (self.held, self.spent) = (self.held - held, self.spent + counted),
        }
    }
}

fn micros(dollars: &str) -> i64 {
    if dollars.is_empty() { 0 } else { MicroUsd::parse_dollars(dollars).expect("an amount").micros() }
}

#[tokio::test]
async fn the_ledgers_files_come_to_what_is_held_and_spent() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    let owner = site.world.scope(&site.world.sign_in("Mira").await, "quayside").await;
    let (muster, team) = (&site.world.muster, owner.team());
    let project =
        muster.create_project(&owner.can().expect("may"), "Parcels", &Source::Sample).await.expect("a project");
    let squad = muster.form_squad(&owner.can().expect("may"), "Crew", Template::Solo).await.expect("a squad");
    let plan = muster.squad_plan(&owner.can().expect("may"), squad).await.expect("a plan");
    let task = muster.create_task(&owner.can().expect("may"), project, &NewTask::titled("One")).await.expect("a task");
    let (agent, run) = (&plan.agents[0], RunId::new());
    let (agent_id, task_id) = (Some(agent.id), Some(task.id));
    let spender =
        Spender { project: Some(project), squad: Some(squad), agent: agent_id, task: task_id, run: Some(run) };
    let call = |key: &str, cents| NewCall {
        spender,
        key: key.into(),
        provider: "P".into(),
        model: "m".into(),
        worst: Some(MicroUsd::from_cents(cents)),
        tokens: 9,
    };
    let used = |cents| Used {
        usage: types::chat::TokenUsage { uncached: 4, output: 2, reasoning: 3, ..Default::default() },
        estimated: false,
        cost: Some(MicroUsd::from_cents(cents)),
        source: "a test".into(),
        model: "m".into(),
        failed: false,
        duration: std::time::Duration::from_millis(1),
        step: None,
    };
    let held = muster.hold(team, call("settled", 50)).await.expect("room");
    muster.settle(held, used(20)).await.expect("settled");
    let held = muster.hold(team, call("dearer than foreseen", 10)).await.expect("room");
    muster.settle(held, used(13)).await.expect("settled");
    let held = muster.hold(team, call("released", 40)).await.expect("room");
    muster.release(held).await.expect("released");
    drop(muster.hold(team, call("lost", 30)).await.expect("room"));
    site.world.clock.advance(time::Duration::minutes(2));
    assert_eq!(muster.settle_lost().await.expect("a look"), 1);
    let _under_way = muster.hold(team, call("under way", 7)).await.expect("room");
    let cents = |cents| MicroUsd::from_cents(cents).micros();
    let wanted = Sums { held: cents(7), spent: cents(20 + 13 + 30) };
    assert_eq!(muster.reconcile(team).await.expect("books"), []);

    let page = mira.get(&site, "/quayside/budgets/ledger.jsonl").await;
    let mut sums = Sums::default();
    for line in page.body.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("an entry");
        let counted = line["used"]["counted_micro_usd"].as_i64().unwrap_or(0);
        sums.add(line["entry"].as_str().expect("a kind"), line["held_micro_usd"].as_i64().expect("held"), counted);
        // When, who and in which part, with what, on what.
        assert!(line["time"].is_string() && line["call"].is_string(), "{line}");
        let run = run.to_string();
        for (name, wanted) in
            [("project", "Parcels"), ("agent", agent.name.as_str()), ("role", "coder"), ("model", "m"), ("run", &run)]
        {
            assert_eq!(line[name], wanted, "{line}");
        }
        assert_eq!(line["task"], task.number, "{line}");
        if line["entry"] == "settled" {
            let tokens = ["input_uncached", "output", "reasoning"].map(|name| line["used"][name].as_i64());
            assert_eq!(tokens, [Some(4), Some(2), Some(3)], "{line}");
            assert_eq!(line["used"]["cost_micro_usd"], line["used"]["counted_micro_usd"], "{line}");
        }
    }
    assert_eq!(sums, wanted, "{}", page.body);

    let page = mira.get(&site, "/quayside/budgets/ledger.csv").await;
    let mut lines = page.body.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let heads = lines.next().expect("heads");
    let of = |name: &str| heads.iter().position(|head| *head == name).expect("a column");
    let (kind, held, counted) = (of("entry"), of("held_usd"), of("counted_usd"));
    let mut sums = Sums::default();
    for cells in lines {
        sums.add(cells[kind], micros(cells[held]), micros(cells[counted]));
    }
    assert_eq!(sums, wanted, "{}", page.body);
    site.end().await;
}

#[tokio::test]
async fn models_stand_with_their_prices_and_sizes() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    let owner = site.world.scope(&site.world.sign_in("Mira").await, "quayside").await;
    let settings = ProviderSettings {
        name: "Anthropic".into(),
        kind: WireFormat::Anthropic,
        base_url: "https://api.anthropic.com".into(),
        model: "claude-sonnet-5".into(),
    };
    let muster = &site.world.muster;
    let can = || owner.can().expect("may");
    let provider = muster.add_model_provider(&can(), &settings, "sk-of-tests").await.expect("added");
    let page = mira.get(&site, "/quayside/settings/models").await;
    let (used, _) = page.body.split_once(" models of Anthropic").expect("a fold with all of them");
    assert!(used.contains("1\u{202f}000\u{202f}000") && used.contains("$10.00"), "{used}");
    let rates = Rates { input: 1_230_000, cache_read: 100_000, cache_write: 0, output: 7_770_000 };
    muster.agree_price(&can(), provider, "claude-haiku-4-5", rates).await.expect("agreed");
    let page = mira.get(&site, "/quayside/settings/models").await;
    let (used, _) = page.body.split_once(" models of Anthropic").expect("a fold with all of them");
    assert!(used.contains("$7.77") && used.contains("Price agreed 19 Nov"), "{used}");
    site.end().await;
}

#[tokio::test]
async fn a_limit_in_tokens_is_warned_of_in_tokens() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    let page = mira.post(&site, "/quayside/budgets/edit", "amount=100&tokens=1200&period=day&warn_at=80").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    spend(&site, 850).await;
    let page = mira.get(&site, "/quayside/budgets").await;
    for shown in
        ["Quayside passed 80 % of its tokens", "1\u{202f}000 of 1\u{202f}200 tokens spent", "83.3 % of its tokens"]
    {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
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
    for wrong in ["x", "0"] {
        let page = mira.post(&site, "/quayside/budgets/rate", &format!("unknown_rate={wrong}")).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    assert_eq!(mira.post(&site, "/quayside/budgets/rate", "unknown_rate=2.5").await.status, StatusCode::SEE_OTHER);
    site.end().await;
}
