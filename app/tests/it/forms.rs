use http::StatusCode;
use orchestrator::testing::World;

use crate::client::{Browser, Site};

#[tokio::test]
async fn signing_up_leads_to_the_first_steps_and_signing_out_ends_it() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    assert!(mira.cookie("__Host-session").is_some());
    assert!(mira.cookie("__Host-verification").is_none(), "used up");
    for path in [
        "/quayside",
        "/quayside/onboarding",
        "/quayside/members",
        "/quayside/roles",
        "/quayside/audit",
        "/quayside/settings",
        "/account",
        "/account/sessions",
        "/teams",
    ] {
        let page = mira.get(&site, path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.body);
    }
    let page = mira.post(&site, "/sign-out", "").await;
    assert_eq!(page.location, "/sign-in?reason=out");
    assert_eq!(page.headers["clear-site-data"], "\"cache\"", "what a shared machine kept of pages");
    assert!(mira.cookie("__Host-session").is_none());
    assert_eq!(mira.get(&site, "/quayside").await.location, "/sign-in?reason=needed&next=/quayside");
    site.end().await;
}

#[tokio::test]
async fn the_first_steps_make_real_things() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    let page = mira.post(&site, "/quayside/onboarding/project", "source=git&url=file%3A%2F%2F%2Fetc").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains("file:///etc"), "the input is kept");
    mira.post(&site, "/quayside/onboarding/project", "source=sample").await;
    mira.post(&site, "/quayside/onboarding/squad", "template=pair").await;
    let page = mira.post(&site, "/quayside/onboarding/task", "title=Round+half+to+even").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    let page = mira.get(&site, "/quayside").await;
    for shown in ["Sample", "Round half to even"] {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    site.end().await;
}

#[tokio::test]
async fn a_wrong_password_keeps_the_address_and_says_so_beside_the_field() {
    let site = Site::open().await;
    Browser::sign_up(&site, "Mira", "Quayside").await;
    let mut browser = Browser::default();
    let page =
        browser.post(&site, "/sign-in", "email=mira%40quayside.example&password=wrong+wrong&next=/quayside").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains("mira@quayside.example") && page.body.contains("<title>Error: "), "{}", page.body);
    assert!(page.body.contains(r#"aria-invalid="true""#), "{}", page.body);
    assert!(!page.body.contains("wrong wrong"), "a password is never sent back");
    let form = format!(
        "email=mira%40quayside.example&password={}&next=//evil.example",
        World::password_of("Mira").replace(' ', "+")
    );
    assert_eq!(browser.post(&site, "/sign-in", &form).await.location, "/home", "never to another site");
    site.end().await;
}

#[tokio::test]
async fn a_new_sign_in_ends_the_session_before_it() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    let mut planted = mira.clone();
    let form = format!("email=mira%40quayside.example&password={}", World::password_of("Mira").replace(' ', "+"));
    mira.post(&site, "/sign-in", &form).await;
    assert_ne!(mira.cookie("__Host-session"), planted.cookie("__Host-session"));
    assert!(planted.get(&site, "/account").await.location.starts_with("/sign-in?reason=ended"));
    site.end().await;
}

#[tokio::test]
async fn an_invited_person_joins_by_a_button_and_not_by_opening_the_link() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    let mut jonas = Browser::sign_up(&site, "Jonas", "Harbour").await;
    let page = mira.post(&site, "/quayside/invitations", "email=jonas%40quayside.example&role=planner").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    let (_, mail) = site.world.mail_for("jonas@quayside.example").await.remove(0);
    let path = mail
        .split_whitespace()
        .find(|word| word.contains("/invitation?token="))
        .and_then(|link| link.find("/invitation").map(|at| link[at..].to_owned()))
        .expect("a link");
    let token = path.split("token=").nth(1).expect("a token").to_owned();

    assert!(Browser::default().get(&site, &path).await.body.contains("Quayside"));
    assert_eq!(mira.get(&site, &path).await.status, StatusCode::OK);
    assert_eq!(jonas.get(&site, &path).await.status, StatusCode::OK);
    assert_eq!(jonas.get(&site, "/quayside").await.status, StatusCode::NOT_FOUND, "opening the link joined nobody");
    assert!(
        mira.post(&site, "/invitations/accept", &format!("token={token}"))
            .await
            .location
            .starts_with("/invitation?token=")
    );
    assert_eq!(jonas.post(&site, "/invitations/accept", &format!("token={token}")).await.location, "/quayside");
    assert_eq!(jonas.get(&site, "/quayside").await.status, StatusCode::OK);
    assert_eq!(jonas.get(&site, &path).await.status, StatusCode::NOT_FOUND, "used");
    site.end().await;
}

#[tokio::test]
async fn the_look_is_kept_in_a_cookie_and_the_way_back_stays_here() {
    let site = Site::open().await;
    let mut browser = Browser::default();
    let page = browser.post(&site, "/appearance", "theme=light&next=/pricing").await;
    assert_eq!(page.location, "/pricing");
    assert!(browser.get(&site, "/pricing").await.body.contains(r#"data-theme="light" data-contrast="normal""#));
    browser.post(&site, "/appearance", "contrast=more").await;
    assert!(browser.get(&site, "/").await.body.contains(r#"data-theme="light" data-contrast="more""#));
    assert_eq!(browser.post(&site, "/appearance", "theme=dark&next=https%3A%2F%2Fevil.example").await.location, "/");
    site.end().await;
}

#[tokio::test]
async fn a_person_without_a_team_can_make_one() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    let page = mira.post(&site, "/teams/new", "name=Second&slug=quayside").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains("taken"), "{}", page.body);
    assert_eq!(mira.post(&site, "/teams/new", "name=Second&slug=second").await.location, "/second/onboarding");
    let page = mira.get(&site, "/teams").await;
    assert!(page.body.contains("/second") && page.body.contains("/quayside"), "{}", page.body);
    site.end().await;
}

#[tokio::test]
async fn what_was_done_is_said_on_one_page_only() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    mira.post(&site, "/account", "name=Mira+Okafor").await;
    let said = r#"class="toast""#;
    assert!(mira.get(&site, "/account").await.body.contains(said));
    assert!(!mira.get(&site, "/account").await.body.contains(said));
    site.end().await;
}

#[tokio::test]
async fn keeping_the_words_of_model_calls_is_off_until_somebody_switches_it_on() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    let page = mira.get(&site, "/quayside/settings").await;
    assert!(page.body.contains("nothing is kept") && !page.body.contains("Stop keeping"), "{}", page.body);
    for days in ["0", "91", "soon", ""] {
        let page = mira.post(&site, "/quayside/settings/content", &format!("days={days}")).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{days}");
        assert!(page.body.contains(r#"id="days-error""#) && page.body.contains("nothing is kept"), "{}", page.body);
    }
    assert_eq!(mira.post(&site, "/quayside/settings/content", "days=7").await.status, StatusCode::SEE_OTHER);
    let page = mira.get(&site, "/quayside/settings").await;
    assert!(page.body.contains("kept for 7 days, set by Mira"), "{}", page.body);
    assert_eq!(mira.post(&site, "/quayside/settings/content/stop", "delete=yes").await.status, StatusCode::SEE_OTHER);
    assert!(mira.get(&site, "/quayside/settings").await.body.contains("nothing is kept"));
    site.end().await;
}

#[tokio::test]
async fn what_is_for_developers_is_not_found_in_production() {
    let site = Site::open().await;
    assert_eq!(Browser::default().get(&site, "/gallery").await.status, StatusCode::OK);
    site.end().await;
    let site = Site::in_production().await;
    for path in ["/gallery", "/outbox"] {
        assert_eq!(Browser::default().get(&site, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    site.end().await;
}
