//! Writes the signed-in pages with sample data into a folder, to look at them and to run checkers over them:
//! `cargo run -p app --example render_app -- FOLDER`.

mod samples;
mod squads;
mod work;

use std::{env, error::Error, fs, path::PathBuf};

use app::{
    appearance::{Appearance, Contrast, Theme},
    components::{
        banner::{Banner, Tone},
        breadcrumb::Crumb,
        status::State,
        toast::Flash,
    },
    forms::Errors,
    layout::{
        public::Public,
        shell::{Section, Shell, TeamLink},
    },
    pages::{self, account, dashboard, errors, gallery, onboarding, outbox, search, team, teams},
};
use orchestrator::models::Capture;
use time::{Duration, OffsetDateTime, macros::datetime};
use types::{BuiltinRole, SessionId, Situation, UserError};

use samples::{sample_audit, sample_call, sample_gateway, sample_members, sample_models, sample_roles};

const NOW: OffsetDateTime = datetime!(2026-11-19 14:32 UTC);
const HOST: &str = "muster.example";

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::args().nth(1).ok_or("name a folder to write to")?);
    fs::create_dir_all(&folder)?;
    let looks = [
        ("dark", Theme::Dark, Contrast::Normal),
        ("light", Theme::Light, Contrast::Normal),
        ("contrast", Theme::Dark, Contrast::More),
    ];
    for (name, theme, contrast) in looks {
        let appearance = Appearance { theme, contrast };
        let at_squads = shell(appearance, Section::Squads, "Squads");
        let at_work = shell(appearance, Section::Dashboard, "Dashboard");
        let pages = [
            first_pages(appearance),
            work::pages(&at_work),
            team_pages(appearance),
            squads::pages(&at_squads),
            own_pages(appearance),
            other_pages(appearance),
        ];
        for (page, html) in pages.into_iter().flatten() {
            fs::write(folder.join(format!("{page}.{name}.html")), html)?;
        }
    }
    Ok(())
}

fn shell(appearance: Appearance, section: Section, page: &str) -> Shell {
    let link = |name: &str, slug: &str| TeamLink { name: name.to_owned(), slug: slug.to_owned() };
    Shell {
        team: Some(link("Quayside", "quayside")),
        teams: vec![link("Quayside", "quayside"), link("Harbour Works", "harbour-works")],
        user_name: "Mira Okafor".to_owned(),
        user_email: "mira@quayside.example".to_owned(),
        role: "owner".to_owned(),
        permissions: BuiltinRole::Owner.permissions(),
        section,
        crumbs: vec![Crumb::new(page, "#main")],
        appearance,
        banners: Vec::new(),
        flash: None,
        path: "/quayside".to_owned(),
        commands: Vec::new(),
        needs: 0,
        now: NOW,
        budget_step: 0,
        outbox: Some("/outbox".to_owned()),
    }
}

fn first_pages(appearance: Appearance) -> Vec<(&'static str, String)> {
    let dash = shell(appearance, Section::Dashboard, "Dashboard");
    let busy = Shell {
        needs: 2,
        flash: Some(Flash::done("The task is kept as to do")),
        banners: vec![Banner {
            tone: Tone::Info,
            lead: "No mail server is set.".to_owned(),
            text: "Mail is kept on this machine.".to_owned(),
            action: Some(("Read it".to_owned(), "/outbox".to_owned())),
        }],
        ..dash.clone()
    };
    let setup = shell(appearance, Section::Other, "Set up");
    let steps = onboarding::Onboarding { host: HOST.to_owned(), ..onboarding::Onboarding::default() };
    let squad =
        onboarding::Onboarding { project: onboarding::Progress::Done("Sample: payments".to_owned()), ..steps.clone() };
    let input = onboarding::Input { url: "ftp//ledger".to_owned(), ..onboarding::Input::default() };
    let failed = onboarding::Onboarding {
        input,
        errors: one_error("url", "This is not a git address. It starts with https:// or git@."),
        ..steps.clone()
    };
    let task = onboarding::Onboarding { squad: onboarding::Progress::Skipped, ..squad.clone() };
    let done = onboarding::Onboarding { task: onboarding::Progress::Done("QUA-1".to_owned()), ..task.clone() };
    vec![
        (
            "dashboard-first",
            dashboard::page(
                &dash,
                &dashboard::Dashboard {
                    sample: true,
                    checklist: Some(dashboard::Checklist::default()),
                    ..dashboard::Dashboard::default()
                },
            ),
        ),
        ("dashboard", dashboard::page(&busy, &full_dashboard())),
        ("dashboard-work", dashboard::page(&dash, &work::dashboard(full_dashboard()))),
        ("onboarding", onboarding::page(&setup, &steps)),
        ("onboarding-squad", onboarding::page(&setup, &squad)),
        ("onboarding-task", onboarding::page(&setup, &task)),
        ("onboarding-done", onboarding::page(&setup, &done)),
        ("onboarding-error", onboarding::page(&setup, &failed)),
    ]
}

fn full_dashboard() -> dashboard::Dashboard {
    let task = |number: &str, title: &str, hours| dashboard::Task {
        path: "/tasks/1".to_owned(),
        number: number.to_owned(),
        title: title.to_owned(),
        project: "ledger-api".to_owned(),
        state: State::Todo,
        created_at: NOW - Duration::hours(hours),
    };
    let activity = |who: &str, what: &str, minutes| dashboard::Activity {
        who: who.to_owned(),
        what: what.to_owned(),
        at: NOW - Duration::minutes(minutes),
    };
    let project = |name: &str, source: &str, tasks| dashboard::Project {
        path: "/projects/1".to_owned(),
        name: name.to_owned(),
        source: source.to_owned(),
        tasks,
        created_at: NOW - Duration::days(3),
    };
    dashboard::Dashboard {
        checklist: Some(dashboard::Checklist { project: true, squad: true, task: true, invited: false }),
        projects: vec![
            project("ledger-api", "https://git.example/quayside/ledger-api.git", 2),
            project("Sample: payments", "Sample", 0),
        ],
        tasks: vec![
            task("QUA-2", "Fees round half to even when they are posted", 1),
            task("QUA-1", "A transfer over the daily limit is answered with 422 and the amount that is left", 26),
        ],
        activity: vec![
            activity("Mira Okafor", "wrote QUA-2", 60),
            activity("Jonas Lindqvist", "invited felix@quayside.example", 200),
            activity("Mira Okafor", "made the team", 4_400),
        ],
        ..dashboard::Dashboard::default()
    }
}

fn team_pages(appearance: Appearance) -> Vec<(&'static str, String)> {
    let at = |section, page| shell(appearance, section, page);
    let (members, roles) = (at(Section::Members, "Members"), at(Section::Roles, "Roles"));
    let (audit_shell, settings) = (at(Section::Audit, "Audit log"), at(Section::Settings, "Settings"));
    let wrong = team::members::Members {
        invite: team::members::Invite { email: "felix@quayside".to_owned(), role: "executor".to_owned() },
        errors: one_error("email", "This is not an e-mail address."),
        ..sample_members()
    };
    let taken = team::settings::Settings {
        host: HOST.to_owned(),
        name: "Quayside".to_owned(),
        slug: "harbour".to_owned(),
        errors: one_error("slug", "Another team has this address."),
        ..team::settings::Settings::default()
    };
    let capture = Capture { days: 14, set_by: "Mira Okafor".to_owned(), set_at: NOW - Duration::days(2) };
    let content = team::content::Content { capture: Some(capture), ..team::content::Content::default() };
    let keeps = team::settings::Settings {
        host: HOST.to_owned(),
        name: "Quayside".to_owned(),
        slug: "quayside".to_owned(),
        content,
        ..team::settings::Settings::default()
    };
    let call = sample_call();
    let intact = team::audit::Verdict::Intact { rows: 211, at: NOW };
    let broken =
        team::audit::Verdict::Broken { row: 209, why: "Its hash does not fit its content.".to_owned(), at: NOW };
    vec![
        ("members", team::members::page(&members, &sample_members())),
        ("members-error", team::members::page(&members, &wrong)),
        ("roles", team::roles::page(&roles, &sample_roles())),
        ("audit", team::audit::page(&audit_shell, &sample_audit(intact))),
        ("audit-broken", team::audit::page(&audit_shell, &sample_audit(broken))),
        ("models", team::models::page(&at(Section::Models, "Models and keys"), &sample_models())),
        ("gateway", team::gateway::page(&at(Section::Models, "Model gateway"), &sample_gateway())),
        ("settings", team::settings::page(&settings, &keeps)),
        ("model-call", pages::budgets::content::page(&at(Section::Budgets, "A model call"), &call)),
        ("settings-error", team::settings::page(&settings, &taken)),
    ]
}

fn own_pages(appearance: Appearance) -> Vec<(&'static str, String)> {
    let own = |page: &str| Shell { team: None, role: String::new(), ..shell(appearance, Section::Other, page) };
    let membership = |name: &str, slug: &str, role: &str| teams::Membership {
        name: name.to_owned(),
        slug: slug.to_owned(),
        role: role.to_owned(),
    };
    let mine =
        vec![membership("Quayside", "quayside", "owner"), membership("Harbour Works", "harbour-works", "reader")];
    let data = account::Account {
        name: "Mira Okafor".to_owned(),
        email: "mira@quayside.example".to_owned(),
        min_password: 12,
        teams: mine.clone(),
        errors: Errors::new(),
    };
    let wrong = account::Account { errors: one_error("current", "This is not your password."), ..data.clone() };
    let session = |device: &str, hours, is_this| account::Session {
        id: SessionId::new(),
        device: device.to_owned(),
        address: Some("203.0.113.24".to_owned()),
        signed_in_at: NOW - Duration::days(4),
        last_seen_at: NOW - Duration::hours(hours),
        is_this,
    };
    let sessions = [session("Firefox on Linux", 0, true), session("Safari on iPhone", 30, false)];
    let lone = Shell { teams: Vec::new(), ..own("Your teams") };
    vec![
        ("account", account::page(&own("Your account"), &data)),
        ("account-error", account::page(&own("Your account"), &wrong)),
        ("sessions", account::sessions_page(&own("Sessions"), &sessions)),
        ("teams", teams::page(&own("Your teams"), &mine)),
        ("teams-none", teams::page(&lone, &[])),
        ("team-new", teams::new_page(&lone, &teams::NewTeam { host: HOST.to_owned(), ..teams::NewTeam::default() })),
    ]
}

fn other_pages(appearance: Appearance) -> Vec<(&'static str, String)> {
    let found = shell(appearance, Section::Other, "Search");
    let hits = [search::Hit {
        label: "Jonas Lindqvist".to_owned(),
        href: "/quayside/members".to_owned(),
        group: "Member".to_owned(),
    }];
    let failure = |situation| UserError {
        situation,
        message: "The page asked for something that did not answer in time.".to_owned(),
        way_out: Some("Load it again in a moment. What you did before is kept.".to_owned()),
        fields: Vec::new(),
        request_id: Some("01k9x8m2v6t4".to_owned()),
    };
    let chrome = errors::Chrome { appearance, signed_in: None, path: "/quayside".to_owned(), development: true };
    let public = Public { appearance, path: "/outbox".to_owned(), ..Public::default() };
    let mail = outbox::Mail {
        to: "mira@quayside.example".to_owned(),
        subject: "418 207 is your code".to_owned(),
        at: NOW,
        text: "Your code is 418 207.\n\nIt holds for 10 minutes.".to_owned(),
        links: vec!["https://muster.example/verify".to_owned()],
    };
    vec![
        ("search", search::page(&found, "jonas", &hits)),
        ("search-none", search::page(&found, "zeppelin", &[])),
        ("error-member", errors::member_page(&found, &failure(Situation::Forbidden), false)),
        ("error-500", errors::page(&chrome, &failure(Situation::Internal))),
        ("outbox", outbox::page(&public, &[mail])),
        ("gallery", gallery::page(appearance)),
    ]
}

fn one_error(field: &str, message: &str) -> Errors {
    let mut errors = Errors::new();
    errors.add(field, message);
    errors
}
