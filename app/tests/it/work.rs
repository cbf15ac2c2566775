use http::{Method, StatusCode};

use crate::client::{Browser, Page, Site};

/// Somebody with a team and an empty project; the address of its board.
async fn at_work(site: &Site) -> (Browser, String) {
    let mut mira = Browser::sign_up(site, "Mira", "Quayside").await;
    let page = mira.post(site, "/quayside/projects", "source=empty&name=ledger").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    assert!(page.location.starts_with("/quayside/projects/"), "{}", page.location);
    (mira, page.location)
}

fn see_other(page: &Page) -> &str {
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    &page.location
}

/// The value of the first hidden field of this name.
fn hidden(page: &Page, name: &str) -> String {
    let field = format!(r#"name="{name}" value=""#);
    let value = page.body.split(&field).nth(1).and_then(|rest| rest.split('"').next());
    value.expect("a hidden field").to_owned()
}

#[tokio::test]
async fn a_task_is_written_edited_moved_deleted_and_brought_back_by_plain_forms() {
    let site = Site::open().await;
    let (mut mira, board) = at_work(&site).await;
    let key = hidden(&mira.get(&site, &board).await, "key");
    let form = format!("line=Round+half+%23bug+%21high&state=BLOCKED&key={key}&back={board}%3Fq%3Dround");
    for _ in 0..2 {
        assert_eq!(see_other(&mira.post(&site, &format!("{board}/tasks"), &form).await), format!("{board}?q=round"));
    }
    let page = mira.get(&site, &board).await;
    assert_eq!(page.body.matches(r#"class="card""#).count(), 1, "sent twice, made once: {}", page.body);
    assert!(page.body.contains("QUA-1") && page.body.contains("bug") && page.body.contains("High"), "{}", page.body);

    let page = mira.get(&site, "/quayside/tasks/1/edit").await;
    let edit = "title=Round+half+to+even&description=**Fees**&priority=2&labels=fees%2C+api&assignee=&revision=1";
    assert!(page.body.contains(r#"value="Round half""#), "{}", page.body);
    assert_eq!(see_other(&mira.post(&site, "/quayside/tasks/1/edit", edit).await), "/quayside/tasks/1");
    let page = mira.get(&site, "/quayside/tasks/1").await;
    assert!(page.body.contains("<strong>Fees</strong>"), "{}", page.body);

    assert_eq!(see_other(&mira.post(&site, "/quayside/tasks/1/move", "to=COMPLETED").await), board);
    let page = mira.post(&site, "/quayside/tasks/1/move", "to=IN_REVIEW").await;
    assert_eq!(page.status, StatusCode::CONFLICT, "what has ended starts over");
    assert!(page.body.contains("starts over in To do"), "{}", page.body);

    assert_eq!(see_other(&mira.post(&site, "/quayside/tasks/1/delete", "back=//evil.example").await), board);
    let page = mira.get(&site, &board).await;
    assert!(
        page.body.contains("/quayside/tasks/1/undelete") && !page.body.contains(r#"class="card""#),
        "{}",
        page.body
    );
    assert_eq!(mira.get(&site, "/quayside/tasks/1").await.status, StatusCode::NOT_FOUND);
    see_other(&mira.post(&site, "/quayside/tasks/1/undelete", "").await);
    let page = mira.get(&site, &format!("{board}/list")).await;
    assert!(page.body.contains("Round half to even") && page.body.contains("Completed"), "{}", page.body);
    site.end().await;
}

#[tokio::test]
async fn the_history_names_what_changed() {
    let site = Site::open().await;
    let (mut mira, board) = at_work(&site).await;
    mira.post(&site, "/quayside/squads", "name=Core&template=solo").await;
    mira.post(&site, &format!("{board}/tasks"), "line=Round+half").await;
    let page = mira.get(&site, "/quayside/tasks/1/edit").await;
    let choices = page.body.split("<option").filter_map(|option| {
        let value = option.split("value=\"").nth(1)?.split('"').next()?;
        value.contains(':').then(|| value.to_owned())
    });
    let choices: Vec<String> = choices.collect();
    let choice = |kind: &str| choices.iter().find(|value| value.starts_with(kind)).expect("can be assigned").clone();
    let edits = [
        ("Round+half", "", choice("user:"), "assigned it to Mira"),
        ("Round+half", "", choice("squad:"), "reassigned it from Mira to Core"),
        ("Round+to+even", "Fees", String::new(), "changed the title and the description, and unassigned Core"),
    ];
    for (at, (title, description, assignee, _)) in edits.iter().enumerate() {
        let form = format!(
            "title={title}&description={description}&priority=5&assignee={}&revision={}",
            assignee.replace(':', "%3A"),
            at + 1
        );
        see_other(&mira.post(&site, "/quayside/tasks/1/edit", &form).await);
    }
    mira.post(&site, "/quayside/tasks/1/move", "to=BLOCKED").await;
    let page = mira.get(&site, "/quayside/tasks/1/history").await;
    let words = edits.iter().map(|(.., words)| *words);
    for told in words.chain(["created it in To do", "moved it from To do to Blocked"]) {
        assert!(page.body.contains(told), "{told}: {}", page.body);
    }
    site.end().await;
}

#[tokio::test]
async fn what_cannot_be_accepted_comes_back_with_what_was_typed() {
    let site = Site::open().await;
    let (mut mira, board) = at_work(&site).await;
    let page = mira.post(&site, &format!("{board}/tasks"), "line=%23only&state=TODO").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains(r##"value="#only""##) && page.body.contains("<title>Error: "), "{}", page.body);
    let page = mira.post(&site, &format!("{board}/tasks"), "form=full&title=+&description=kept&priority=11").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    for shown in ["kept</textarea>", r##"href="#title""##, r##"href="#priority""##] {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    mira.post(&site, &format!("{board}/tasks"), "line=first").await;
    mira.post(&site, "/quayside/tasks/1/edit", "title=second&priority=5&revision=1").await;
    let page = mira.post(&site, "/quayside/tasks/1/edit", "title=mine&priority=5&revision=1").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains(r#"value="mine""#) && page.body.contains("<h3>second</h3>"), "{}", page.body);
    let page = mira
        .post(&site, "/quayside/tasks/1/edit", &format!("title=mine&priority=5&revision={}", hidden(&page, "revision")))
        .await;
    see_other(&page);

    let page = mira.post(&site, &format!("{board}/settings"), "name=ledger&default_branch=main&pids=lots").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains(r#"value="lots""#) && page.body.contains(r#"id="pids-error""#), "{}", page.body);
    site.end().await;
}

#[tokio::test]
async fn an_archive_is_uploaded_and_a_wrong_one_refused() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    let upload = |file: &str| {
        format!(
            "--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n\r\n--x\r\nContent-Disposition: form-data; \
             name=\"archive\"; filename=\"{file}\"\r\nContent-Type: application/octet-stream\r\n\r\nPK..\r\n--x--\r\n"
        )
    };
    let kind = "multipart/form-data; boundary=x";
    let path = "/quayside/projects/upload";
    for (kind, body) in
        [(kind, upload("ledger.rar")), (kind, "--x\r\nbroken".to_owned()), ("text/plain", String::new())]
    {
        let page = mira.send_as(&site, Method::POST, path, (kind, body.as_bytes())).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert!(page.body.contains(r#"id="archive-error""#), "{}", page.body);
    }
    let page = mira.send_as(&site, Method::POST, path, (kind, upload("ledger-1.2.tar.gz").as_bytes())).await;
    let board = see_other(&page).to_owned();
    assert!(mira.get(&site, &board).await.body.contains("ledger-1.2"));
    site.end().await;
}

#[tokio::test]
async fn a_project_is_set_up_archived_and_restored() {
    let site = Site::open().await;
    let (mut mira, board) = at_work(&site).await;
    let settings = "name=ledger-api&default_branch=trunk&test_command=make+check&egress_allow=packages.example%0D%0A*.mirror.example\
                    &cpu_millis=1000&memory_mb=512&pids=128&disk_mb=1024&wall_minutes=15";
    see_other(&mira.post(&site, &format!("{board}/settings"), settings).await);
    let page = mira.get(&site, &format!("{board}/settings")).await;
    for shown in ["ledger-api", "make check", "*.mirror.example\npackages.example</textarea>", r#"value="15""#] {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    let models_inside = |body: &str| {
        let mut tags = body.split('<').filter(|tag| tag.contains(r#"name="models_inside""#));
        tags.next().expect("a box").contains("checked")
    };
    assert!(!models_inside(&page.body), "{}", page.body);
    see_other(&mira.post(&site, &format!("{board}/settings"), &format!("{settings}&models_inside=yes")).await);
    let page = mira.get(&site, &format!("{board}/settings")).await;
    assert!(models_inside(&page.body), "{}", page.body);
    for (typed, allowed) in [("elsewhere%2F*", false), ("demo%2F*", true)] {
        let path = format!("{board}/settings");
        let page = mira.post(&site, &path, &format!("{settings}&allowed_models={typed}")).await;
        assert_eq!(page.status == StatusCode::SEE_OTHER, allowed, "{}", page.body);
        let page = if allowed { mira.get(&site, &path).await } else { page };
        assert_eq!(page.body.contains(r#"id="allowed_models-error""#), !allowed, "{}", page.body);
        assert!(page.body.contains("/*</textarea>"), "{}", page.body);
    }
    see_other(&mira.post(&site, &format!("{board}/archive"), "").await);
    let page = mira.get(&site, "/quayside/projects").await;
    assert!(page.body.contains("No projects yet") && page.body.contains("Archived"), "{}", page.body);
    assert_eq!(mira.post(&site, &format!("{board}/tasks"), "line=x").await.status, StatusCode::CONFLICT);
    assert_eq!(see_other(&mira.post(&site, &format!("{board}/restore"), "").await), board);
    assert_eq!(mira.get(&site, "/quayside/projects/new?source=archive").await.status, StatusCode::OK);
    site.end().await;
}

#[tokio::test]
async fn a_token_for_a_private_repository_is_kept_replaced_and_removed_and_never_shown() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    let form = "source=git&name=ledger&url=https%3A%2F%2Fgit.example%2Fledger.git&credential_user=ada";
    let page = mira.post(&site, "/quayside/projects", form).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "a name without a token");
    assert!(
        page.body.contains(r#"id="credential_token-error""#) && page.body.contains(r#"value="ada""#),
        "{}",
        page.body
    );
    let token = "glpat-abcdefghijklmnopq";
    let board = see_other(&mira.post(&site, "/quayside/projects", &format!("{form}&credential_token={token}")).await)
        .to_owned();
    let settings = format!("{board}/settings");
    let page = mira.get(&site, &settings).await;
    assert!(page.body.contains("glpat-…nopq") && !page.body.contains(token), "{}", page.body);

    let page = mira.post(&site, &format!("{board}/credential"), "credential_user=a%3Ab&credential_token=x").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains(r#"id="credential_user-error""#), "{}", page.body);
    let new = "credential_user=&credential_token=github_pat_0123456789abcd";
    see_other(&mira.post(&site, &format!("{board}/credential"), new).await);
    assert!(mira.get(&site, &settings).await.body.contains("any user name"));
    see_other(&mira.post(&site, &format!("{board}/credential/remove"), "").await);
    let page = mira.get(&site, &settings).await;
    assert!(!page.body.contains("credential/remove") && page.body.contains("Keep the token"), "{}", page.body);
    site.end().await;
}

#[tokio::test]
async fn what_has_ended_is_reopened_and_what_was_not_merged_cannot_be_taken_back() {
    let site = Site::open().await;
    let (mut mira, board) = at_work(&site).await;
    mira.post(&site, &format!("{board}/tasks"), "line=Round+half").await;
    mira.post(&site, "/quayside/tasks/1/move", "to=COMPLETED").await;
    let page = mira.get(&site, "/quayside/tasks/1").await;
    assert!(page.body.contains(r#"action="/quayside/tasks/1/reopen""#), "{}", page.body);
    assert_eq!(see_other(&mira.post(&site, "/quayside/tasks/1/reopen", "").await), "/quayside/tasks/1");
    let page = mira.get(&site, "/quayside/tasks/1").await;
    assert!(page.body.contains("To do") && !page.body.contains("/reopen"), "{}", page.body);
    assert_eq!(mira.post(&site, "/quayside/tasks/1/revert", "").await.status, StatusCode::NOT_FOUND, "there is no run");
    site.end().await;
}
