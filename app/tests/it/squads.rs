use http::StatusCode;

use crate::client::{Browser, Page, Site};

/// The part of a page between two texts.
fn between<'a>(page: &'a Page, before: &str, after: &str) -> &'a str {
    let (_, rest) = page.body.split_once(before).unwrap_or_else(|| panic!("{before}: {}", page.body));
    rest.split_once(after).map_or(rest, |(found, _)| found)
}

async fn form_squad(site: &Site, mira: &mut Browser, template: &str) -> String {
    let page = mira.post(site, "/quayside/squads", &format!("name=Ledger+core&template={template}")).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    page.location
}

#[tokio::test]
async fn a_squad_is_formed_changed_and_archived_by_forms() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    let page = mira.get(&site, "/quayside/squads").await;
    assert!(page.body.contains("No squad yet"), "{}", page.body);
    let squad = form_squad(&site, &mut mira, "pair").await;
    let taken = mira.post(&site, "/quayside/squads", "name=ledger+CORE&template=solo").await;
    assert_eq!(taken.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(taken.body.contains("already") && taken.body.contains(r#"value="ledger CORE""#), "{}", taken.body);

    let page = mira.get(&site, &squad).await;
    let member = between(&page, &format!(r#"action="{squad}/members/"#), "/move").to_owned();
    mira.post(&site, &format!("{squad}/members/{member}/move"), "direction=down").await;
    let page = mira.get(&site, &squad).await;
    let order = (page.body.find(">reviewer</a>"), page.body.find(">coder</a>"));
    assert!(order.0 < order.1 && order.0.is_some(), "{}", page.body);

    let page =
        mira.post(&site, &format!("{squad}/rules"), "max_iterations=x&max_reworks=30&max_concurrent_runs=1").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains(r#"value="30""#) && page.body.contains("Enter a whole number."), "{}", page.body);
    let rules = "plan=coder&implement=coder&approve_plan=yes&max_iterations=1&max_reworks=0&max_concurrent_runs=2";
    assert_eq!(mira.post(&site, &format!("{squad}/rules"), rules).await.status, StatusCode::SEE_OTHER);
    let page = mira.get(&site, &squad).await;
    assert!(
        page.body.contains("A person approves the plan") && page.body.contains("no agent reviews"),
        "{}",
        page.body
    );

    mira.post(&site, &format!("{squad}/archive"), "").await;
    let page = mira.get(&site, &format!("{squad}/edit")).await;
    assert_eq!(page.status, StatusCode::CONFLICT, "{}", page.body);
    mira.post(&site, &format!("{squad}/restore"), "").await;
    let page = mira.post(&site, &format!("{squad}/settings"), "name=Posting&instructions=Be+brief.").await;
    assert_eq!(page.location, squad, "{}", page.body);
    assert!(mira.get(&site, &squad).await.body.contains("Be brief."));
    site.end().await;
}

#[tokio::test]
async fn an_agent_is_added_and_saved_and_a_stale_save_keeps_what_was_typed() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    let squad = form_squad(&site, &mut mira, "solo").await;
    let page = mira.post(&site, &format!("{squad}/agents"), "role=coder").await;
    let agent = page.location;
    let page = mira.get(&site, &agent).await;
    assert!(page.body.contains(r#"value="coder-2""#), "{}", page.body);
    let kind = between(&page, r#"<option value=""#, r#"" selected"#);
    let kind = kind.rsplit(r#"<option value=""#).next().unwrap_or(kind);
    assert_eq!(kind, "coder", "the role is the first list");
    let list = between(&page, r#"id="agent_type""#, "</select>");
    let kind =
        list.split(r#"value=""#).nth(1).and_then(|rest| rest.split('"').next()).expect("an agent type").to_owned();
    let form = |version: u32, cost: &str| {
        format!(
            "version={version}&name=writer&role=coder&agent_type={kind}&provider=&model=&instructions=Small+steps.\
             &max_model_calls=10&max_tokens=5000&max_cost={cost}&wall_minutes=5"
        )
    };
    let page = mira.post(&site, &agent, &form(1, "two")).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains(r#"value="two""#) && page.body.contains("for example 2.50"), "{}", page.body);
    assert_eq!(mira.post(&site, &agent, &form(1, "0.25")).await.location, agent);
    let page = mira.post(&site, &agent, &form(1, "9")).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains("Somebody saved version 2") && page.body.contains(r#"value="9""#), "{}", page.body);
    let page = mira.get(&site, &agent).await;
    assert!(page.body.contains(r#"value="0.25""#) && page.body.contains("Small steps."), "{}", page.body);
    site.end().await;
}

#[tokio::test]
async fn an_agent_type_of_ones_own_is_added_edited_and_switched_off() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    let form = |image: &str| {
        format!(
            "name=example&display_name=Example&kind=acp&image={image}&tag=&cpu_millis=1000&memory_mb=512&disk_mb=1024\
             &environment=MODE%3Dacp%0D%0AEMPTY%3D&capabilities=review%2C+docs"
        )
    };
    let page = mira.post(&site, "/quayside/agent-types", &form("Not+an+image")).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains(r#"value="Not an image""#) && page.body.contains("MODE=acp"), "{}", page.body);
    let page = mira.post(&site, "/quayside/agent-types", &form("example%2Fagent")).await;
    assert_eq!(page.location, "/quayside/agent-types", "{}", page.body);
    let page = mira.get(&site, "/quayside/agent-types").await;
    let path = format!("/quayside/agent-types/{}", between(&page, r#"action="/quayside/agent-types/"#, "/switch"));
    assert!(mira.get(&site, &path).await.body.contains("EMPTY="));
    mira.post(&site, &format!("{path}/switch"), "to=off").await;
    assert!(mira.get(&site, "/quayside/agent-types").await.body.contains("Switch on"));
    let log = mira.get(&site, "/quayside/audit").await;
    assert!(log.body.contains("witched an agent type off"), "{}", log.body);
    site.end().await;
}
