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
    let (project_id, squad_id, agent_id) = (project.to_string(), squad.to_string(), agent.id.to_string());
    for (head, wanted) in [
        ("project", "Parcels"),
        ("project_id", &project_id),
        ("squad", "Crew"),
        ("squad_id", &squad_id),
        ("agent_id", &agent_id),
        ("role", "coder"),
        ("run", &run),
        ("output", "2"),
        ("reasoning", "3"),
    ] {
        let at = heads.iter().position(|name| *name == head).expect(head);
        assert_eq!(cells[at], wanted, "{head}");
    }
    let page = mira.get(&site, "/quayside/budgets/ledger.jsonl?kind=settled").await;
    let line: serde_json::Value = serde_json::from_str(page.body.trim()).expect("one line");
    assert_eq!((&line["project"], &line["role"], &line["run"]), (&"Parcels".into(), &"coder".into(), &run.into()));
    assert_eq!(line["used"]["reasoning"], 3);
    for (name, wanted) in
        [("project_id", &project_id), ("squad", &"Crew".into()), ("squad_id", &squad_id), ("agent_id", &agent_id)]
    {
        assert_eq!(line[name], *wanted, "{line}");
    }
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
    let id = page.body.split("<option value=\"").nth(2).and_then(|rest| rest.split('"').next()).expect("a budget");
    let page = mira.post(&site, "/quayside/budgets/ask", &format!("budget={id}&amount=5&reason=More")).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains("Ask for more than the 10.00 USD"), "{}", page.body);
    assert!(page.body.contains("Mira may change budgets and get a mail"), "{}", page.body);
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

#[tokio::test]
async fn a_limit_on_runs_at_once_is_a_budget_and_stays_with_a_short_form() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    let page = mira.post(&site, "/quayside/budgets/edit", "amount=&period=month&concurrent_runs=2").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    let page = mira.get(&site, "/quayside/budgets").await;
    assert!(!page.body.contains("No budget is set") && page.body.contains("2 at once"), "{}", page.body);
    let page = mira.post(&site, "/quayside/budgets/edit", "amount=10&period=day").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    let page = mira.get(&site, "/quayside/budgets").await;
    assert!(page.body.contains("2 at once") && page.body.contains("Limit $10.00"), "{}", page.body);
    site.end().await;
}

#[tokio::test]
async fn what_does_not_fit_is_named_at_its_field_and_the_form_keeps_what_was_typed() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    let owner = site.world.scope(&site.world.sign_in("Mira").await, "quayside").await;
    let muster = &site.world.muster;
    let project =
        muster.create_project(&owner.can().expect("may"), "Parcels", &Source::Sample).await.expect("a project");
    let squad = muster.form_squad(&owner.can().expect("may"), "Crew", Template::Solo).await.expect("a squad");
    mira.post(&site, "/quayside/budgets/edit", "amount=10&period=month&tokens=1000").await;
    let of_project = format!("/quayside/budgets/edit?project={project}");
    let page = mira.post(&site, &of_project, "amount=&period=month").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    // Two levels below the team's limit, by the day, and the level between only counts.
    let of_crew = format!("/quayside/budgets/edit?project={project}&squad={squad}");
    let page = mira.post(&site, &of_crew, "amount=10.01&period=day&reset_day=1&time_zone=UTC&warn_at=70").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    for shown in [
        "This budget allows 10.01 USD a day, and the budget of Quayside allows 10.00 USD a month.",
        "Use at most 10.00 USD",
        r#"value="10.01""#,
        r#"value="70""#,
    ] {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    let error = page.body.split(r#"id="amount-error""#).nth(1).and_then(|rest| rest.split("</p>").next());
    assert!(error.is_some_and(|error| error.contains("This budget allows 10.01 USD")), "at its field: {error:?}");
    let page = mira.post(&site, &of_crew, "amount=10&tokens=1001&period=day").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains("allows 1001 tokens a day") && page.body.contains(r#"value="1001""#), "{}", page.body);
    assert_eq!(mira.post(&site, &of_crew, "amount=10&tokens=1000&period=day").await.status, StatusCode::SEE_OTHER);
    // The whole may not become smaller than its part.
    let page = mira.post(&site, "/quayside/budgets/edit", "amount=9&period=month").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains("The budget of Crew allows 10.00 USD a day"), "{}", page.body);
    site.end().await;
}

#[tokio::test]
async fn the_ledger_is_filtered_and_says_what_it_cannot_read() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    let owner = site.world.scope(&site.world.sign_in("Mira").await, "quayside").await;
    let muster = &site.world.muster;
    let project =
        muster.create_project(&owner.can().expect("may"), "Parcels", &Source::Sample).await.expect("a project");
    let squad = muster.form_squad(&owner.can().expect("may"), "Crew", Template::Solo).await.expect("a squad");
    let agent = muster.squad_plan(&owner.can().expect("may"), squad).await.expect("a plan").agents[0].id;
    let task = muster.create_task(&owner.can().expect("may"), project, &NewTask::titled("One")).await.expect("a task");
    let ours =
        Spender { project: Some(project), squad: Some(squad), agent: Some(agent), task: Some(task.id), run: None };
    let spend = async |spender, asked: &str, answered: &str| {
        let worst = Some(MicroUsd::from_cents(1));
        let (key, provider) = (uuid::Uuid::now_v7().to_string(), "P".into());
        let call = NewCall { spender, key, provider, model: asked.into(), worst, tokens: 9 };
        let held = muster.hold(owner.team(), call).await.expect("room");
        let used = Used {
            usage: types::chat::TokenUsage { uncached: 4, ..Default::default() },
            estimated: false,
            cost: worst,
            source: "a test".into(),
            model: answered.into(),
            failed: false,
            duration: std::time::Duration::from_millis(1),
            step: None,
        };
        muster.settle(held, used).await.expect("settled");
    };
    spend(Spender::default(), "first", "first").await;
    // From the nineteenth, which the clock of tests begins with, to the twentieth.
    site.world.clock.advance(time::Duration::days(1));
    spend(ours, "alias", "second").await;
    muster.archive_squad(&owner.can().expect("may"), squad).await.expect("archived");

    let number = task.number;
    for (query, rows) in [
        ("kind=settled".to_owned(), 2),
        (format!("task={number}&kind=settled"), 1),
        (format!("task=%23{number}"), 2),
        (format!("task={}", number + 1), 0),
        (format!("project={project}&kind=settled"), 1),
        (format!("squad={squad}&kind=settled"), 1),
        (format!("agent={agent}&kind=settled"), 1),
        ("day=2026-11-19&kind=settled".to_owned(), 1),
        ("from=2026-11-20&kind=settled".to_owned(), 1),
        ("to=2026-11-19&kind=settled".to_owned(), 1),
        ("from=2026-11-19&to=2026-11-20&kind=settled".to_owned(), 2),
        ("to=2026-11-18".to_owned(), 0),
        // The model that answered, as the row shows it; what was held for the call names the one that was asked.
        ("model=second".to_owned(), 1),
        ("model=alias".to_owned(), 1),
        ("model=first".to_owned(), 2),
    ] {
        let page = mira.get(&site, &format!("/quayside/budgets/ledger?{query}")).await;
        let shown = if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
        assert!(page.body.contains(&format!(">{shown}<")), "{query}: {}", page.body);
        let page = mira.get(&site, &format!("/quayside/budgets/ledger.jsonl?{query}")).await;
        assert_eq!(page.body.lines().count(), rows, "{query}: {}", page.body);
    }
    let page = mira.get(&site, "/quayside/budgets/ledger").await;
    assert!(page.body.contains("Crew (archived)") && page.body.contains("Crew / "), "{}", page.body);

    for (query, sentence) in [
        ("from=21.11.2026", "Enter a day as 2026-11-21."),
        ("day=21.11.2026", "Enter a day as 2026-11-21."),
        ("from=2026-11-20&to=2026-11-19", "The last day comes before the first."),
        ("task=abc", "Enter a whole number."),
        ("kind=sold", "Choose one of the entries."),
    ] {
        let page = mira.get(&site, &format!("/quayside/budgets/ledger?{query}")).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        assert!(page.body.contains(sentence) && page.body.contains("<title>Error: "), "{query}: {}", page.body);
        for kind in ["csv", "jsonl"] {
            let page = mira.get(&site, &format!("/quayside/budgets/ledger.{kind}?{query}")).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{kind} {query}");
        }
    }
    let page = mira.get(&site, "/quayside/budgets/ledger?task=abc&from=2026-11-20").await;
    assert!(page.body.contains(r#"value="abc""#) && page.body.contains(r#"value="2026-11-20""#), "{}", page.body);
    assert_eq!(mira.get(&site, "/quayside/budgets/ledger?agent=x").await.status, StatusCode::NOT_FOUND);
    site.end().await;
}

/// The people of a team: an owner, and somebody who reads budgets.
async fn with_executor(site: &Site) -> (Browser, Browser) {
    let mira = Browser::sign_up(site, "Mira", "Quayside").await;
    let owner = site.world.scope(&site.world.sign_in("Mira").await, "quayside").await;
    let rita = Browser::sign_up(site, "Rita", "Elsewhere").await;
    site.world.join(&owner, &site.world.sign_in("Rita").await, "executor").await;
    (mira, rita)
}

#[tokio::test]
async fn alerts_name_who_is_told_and_what_can_be_asked_for() {
    let site = Site::open().await;
    let (mut mira, mut rita) = with_executor(&site).await;
    let owner = site.world.scope(&site.world.sign_in("Mira").await, "quayside").await;
    let muster = &site.world.muster;
    let project =
        muster.create_project(&owner.can().expect("may"), "Parcels", &Source::Sample).await.expect("a project");
    let task = muster.create_task(&owner.can().expect("may"), project, &NewTask::titled("One")).await.expect("a task");
    mira.post(&site, "/quayside/budgets/edit", "amount=10&period=day&tokens=1200&per_task=2").await;
    let people = "Mail about limits that come near, and the decision on requests: Mira.";
    let page = mira.get(&site, "/quayside/budgets").await;
    assert!(page.body.contains(people) && page.body.contains("Nothing came near a limit."), "{}", page.body);
    mira.post(&site, &format!("/quayside/budgets/edit?project={project}"), "share=20").await;

    let spender = Spender { project: Some(project), task: Some(task.id), ..Spender::default() };
    let worst = Some(MicroUsd::from_cents(170));
    let call = NewCall { spender, key: "one".into(), provider: "P".into(), model: "m".into(), worst, tokens: 1_000 };
    let held = muster.hold(owner.team(), call).await.expect("room");
    let used = Used {
        usage: types::chat::TokenUsage { uncached: 1_000, ..Default::default() },
        estimated: false,
        cost: worst,
        source: "a test".into(),
        model: "m".into(),
        failed: false,
        duration: std::time::Duration::from_millis(1),
        step: None,
    };
    muster.settle(held, used).await.expect("settled");

    let page = rita.get(&site, "/quayside/budgets").await;
    for shown in [
        people,
        "Parcels passed 80 %",
        "Quayside passed 80 % of its tokens",
        "mail to Mira",
        &format!(r#">#{}</a> passed 80 % of the limit for one task of Quayside"#, task.number),
    ] {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    // Of the three, the limit in dollars of a period alone can be asked for; it is a share, so the page asks for what it is of.
    let asks: Vec<&str> = page.body.split("/quayside/budgets/ask?budget=").skip(1).collect();
    assert_eq!(asks.len(), 1, "{}", page.body);
    let part = asks[0].split('"').next().expect("an id");
    let page = rita.get(&site, &format!("/quayside/budgets/ask?budget={part}")).await;
    let explained = "The limit of Parcels is a share of what Quayside allows.";
    assert!(page.body.contains(explained) && page.body.contains("selected>Quayside, now $10.00"), "{}", page.body);
    let page = rita.get(&site, "/quayside/budgets/ask").await;
    assert!(page.body.contains("Choose a budget"), "nothing is chosen for somebody: {}", page.body);
    site.end().await;
}

#[tokio::test]
async fn a_request_is_declined_with_a_reason_that_whoever_asked_reads() {
    let site = Site::open().await;
    let (mut mira, mut rita) = with_executor(&site).await;
    mira.post(&site, "/quayside/budgets/edit", "amount=10&period=day").await;
    let owner = site.world.scope(&site.world.sign_in("Mira").await, "quayside").await;
    let id = site.world.muster.budgets(&owner.can().expect("may")).await.expect("budgets")[0].node.id;
    let page = rita.post(&site, "/quayside/budgets/ask", &format!("budget={id}&amount=25&reason=An+import")).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    let page = mira.get(&site, "/quayside/budgets").await;
    let request = page.body.split("/quayside/budgets/requests/").nth(1).and_then(|rest| rest.split('/').next());
    let path = format!("/quayside/budgets/requests/{}/decline", request.expect("a request"));
    let page = mira.get(&site, &path).await;
    assert!(page.body.contains("Decline $25.00 for Quayside") && page.body.contains("“An import”"), "{}", page.body);
    let page = mira.post(&site, &path, "answer=+").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains("Say why, in at most 500 characters."), "{}", page.body);
    assert_eq!(rita.post(&site, &path, "answer=No").await.status, StatusCode::FORBIDDEN);
    assert_eq!(mira.post(&site, &path, "answer=Not+this+month").await.status, StatusCode::SEE_OTHER);
    let page = rita.get(&site, "/quayside/budgets").await;
    assert!(page.body.contains("Mira declined $25.00") && page.body.contains("“Not this month”"), "{}", page.body);
    let mails = site.world.mail_for("rita@quayside.example").await;
    let told = mails.iter().find(|(subject, _)| subject.contains("was declined")).expect("a mail");
    assert!(told.1.contains("Not this month"), "{told:?}");
    site.end().await;
}

#[tokio::test]
async fn after_some_days_the_chart_and_its_table_tell_what_the_period_will_cost() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    mira.post(&site, "/quayside/budgets/edit", "amount=40&period=month&warn_at=50,80").await;
    for (day, cents) in [100, 200, 300, 50].into_iter().enumerate() {
        if day > 0 {
            site.world.clock.advance(time::Duration::days(1));
        }
        spend(&site, cents).await;
    }
    // Three full days of 2.00 in the mean, and one of deviation. From the afternoon of the twenty-second 8.39 days are left:
    // 6.50 + 2.00 * 8.39 = 23.28, give or take 1.28 * 1.00 * the root of 8.39.
    let page = mira.get(&site, "/quayside/budgets").await;
    let forecast = "Forecast for 1 Dec: $23.28, between $19.58 and $26.99";
    for shown in [
        forecast,
        "At this pace Quayside ends $16.71 under its limit",
        "chart__cone",
        "Warns at 50 %",
        "Warns at 80 %",
        "Forecast for 1 Dec</th>",
        "$19.58 to $26.99",
        "58.2 %",
    ] {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    site.end().await;
}
