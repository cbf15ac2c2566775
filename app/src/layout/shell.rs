use islands::Command;
use leptos::prelude::*;
use time::OffsetDateTime;
use types::{Permission, PermissionSet};

use super::{commands, rail};
use crate::{
    appearance::Appearance,
    components::{
        banner::{Banner, banners},
        breadcrumb::{Crumb, breadcrumb},
        icon::{Icon, icon},
        toast::{Flash, toasts},
    },
    document::{Head, Sheet, document},
};

/// A team by what links need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamLink {
    pub name: String,
    pub slug: String,
}

/// The place in the navigation that a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Inbox,
    Dashboard,
    Projects,
    Squads,
    Budgets,
    Analytics,
    Members,
    Roles,
    Audit,
    Models,
    Tokens,
    Settings,
    /// Pages that no entry of the navigation leads to.
    Other,
}

impl Section {
    const NAVIGATION: &[Self] = &[
        Self::Inbox,
        Self::Dashboard,
        Self::Projects,
        Self::Squads,
        Self::Budgets,
        Self::Analytics,
        Self::Members,
        Self::Roles,
        Self::Audit,
        Self::Models,
        Self::Tokens,
        Self::Settings,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Inbox => "Inbox",
            Self::Dashboard => "Dashboard",
            Self::Projects => "Projects",
            Self::Squads => "Squads",
            Self::Budgets => "Budgets",
            Self::Analytics => "Analytics",
            Self::Members => "Members",
            Self::Roles => "Roles",
            Self::Audit => "Audit log",
            Self::Models => "Models and keys",
            Self::Tokens => "Access tokens",
            Self::Settings => "Settings",
            Self::Other => "",
        }
    }

    pub(super) const fn icon(self) -> Icon {
        match self {
            Self::Inbox => Icon::Inbox,
            Self::Dashboard | Self::Other => Icon::LayoutDashboard,
            Self::Projects => Icon::FolderGit2,
            Self::Squads => Icon::Bot,
            Self::Budgets => Icon::Wallet,
            Self::Analytics => Icon::ChartNoAxesColumn,
            Self::Members => Icon::Users,
            Self::Roles => Icon::KeyRound,
            Self::Audit => Icon::ShieldCheck,
            Self::Models => Icon::Plug,
            Self::Tokens => Icon::Lock,
            Self::Settings => Icon::Settings,
        }
    }

    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Inbox => "/inbox",
            Self::Dashboard | Self::Other => "",
            Self::Projects => "/projects",
            Self::Squads => "/squads",
            Self::Budgets => "/budgets",
            Self::Analytics => "/analytics",
            Self::Members => "/members",
            Self::Roles => "/roles",
            Self::Audit => "/audit",
            Self::Models => "/settings/models",
            Self::Tokens => "/tokens",
            Self::Settings => "/settings",
        }
    }

    /// The keys that lead there, pressed one after the other.
    pub(super) const fn keys(self) -> Option<&'static str> {
        match self {
            Self::Inbox => Some("g i"),
            Self::Dashboard => Some("g d"),
            Self::Projects => Some("g p"),
            Self::Squads => Some("g q"),
            Self::Budgets => Some("g b"),
            Self::Analytics => Some("g y"),
            Self::Members => Some("g m"),
            Self::Roles => Some("g r"),
            Self::Audit => Some("g a"),
            Self::Models => Some("g o"),
            Self::Tokens => Some("g k"),
            Self::Settings => Some("g s"),
            Self::Other => None,
        }
    }

    const fn needs(self) -> Permission {
        match self {
            Self::Dashboard | Self::Models | Self::Tokens | Self::Other => Permission::ReadTeam,
            Self::Inbox => Permission::ReadTasks,
            Self::Projects => Permission::ReadProjects,
            Self::Squads => Permission::ReadSquads,
            Self::Budgets | Self::Analytics => Permission::ReadBudgets,
            Self::Members | Self::Roles => Permission::ReadMembers,
            Self::Audit => Permission::ReadAudit,
            Self::Settings => Permission::ManageTeam,
        }
    }
}

/// What stands around every page of a signed-in person.
#[derive(Clone, Debug)]
pub struct Shell {
    /// None on pages of the account, and for a person without a team.
    pub team: Option<TeamLink>,
    /// All teams of the person, for the switcher.
    pub teams: Vec<TeamLink>,
    pub user_name: String,
    pub user_email: String,
    /// The person's role in the team, as people read it; empty without a team.
    pub role: String,
    /// What the person may do in the team: what they may not is not shown.
    pub permissions: PermissionSet,
    pub section: Section,
    /// The steps between the team and the page, the page last.
    pub crumbs: Vec<Crumb>,
    pub appearance: Appearance,
    pub banners: Vec<Banner>,
    pub flash: Option<Flash>,
    /// Path and query of this page: forms of the shell come back here.
    pub path: String,
    /// Commands of this page; those of the navigation are added to them.
    pub commands: Vec<Command>,
    /// How many things wait for the person.
    pub needs: u32,
    /// The highest step of a budget that people were told of, in per cent; 0: none is near.
    pub budget_step: i16,
    /// The time that “2 min ago” counts from.
    pub now: OffsetDateTime,
    /// Where mail of this development server can be read; None where mail is really sent.
    pub outbox: Option<String>,
}

impl Shell {
    /// The address of a page of this team. `path` starts with a slash, or is empty for the dashboard.
    #[must_use]
    pub fn link(&self, path: &str) -> String {
        match &self.team {
            Some(team) => format!("/{}{path}", team.slug),
            None => "/teams".to_owned(),
        }
    }

    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(permission)
    }

    pub(crate) fn team_name(&self) -> &str {
        self.team.as_ref().map_or("Muster", |team| &team.name)
    }

    /// The entries of the navigation that this person can use.
    pub(super) fn sections(&self) -> impl Iterator<Item = Section> {
        let shown = self.team.is_some();
        Section::NAVIGATION.iter().copied().filter(move |section| shown && self.may(section.needs()))
    }

    fn title(&self, title: &str) -> String {
        let waiting = if self.needs > 0 { format!("({}) ", self.needs) } else { String::new() };
        match &self.team {
            Some(team) if team.name != title => format!("{waiting}{title} · {}", team.name),
            _ => format!("{waiting}{title}"),
        }
    }

    fn way(&self) -> Vec<Crumb> {
        let team = self.team.as_ref().map(|team| Crumb::new(team.name.clone(), self.link("")));
        team.into_iter().chain(self.crumbs.iter().cloned()).collect()
    }
}

/// A page inside the shell. A failed form's title starts with “Error:”, so that it is heard first.
#[must_use]
pub fn page(shell: &Shell, title: &str, failed: bool, main: AnyView) -> String {
    framed(shell, title, failed, Frame::default(), main)
}

/// How a page sits in the shell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The page draws to its edges, without the margins and the width of a text page.
    pub wide: bool,
    /// The navigation is icons only, to leave room.
    pub compact: bool,
    /// The page follows an event stream that it names in `data-live`.
    pub live: bool,
}

/// A page inside the shell that needs more than [`page`] gives.
#[must_use]
pub fn framed(shell: &Shell, title: &str, failed: bool, frame: Frame, main: AnyView) -> String {
    let title = shell.title(title);
    let head = Head {
        title: if failed { format!("Error: {title}") } else { title },
        description: None,
        sheet: Sheet::App,
        appearance: shell.appearance,
        islands: true,
        live: frame.live,
    };
    let class = if frame.wide { "main" } else { "content" };
    let rail = frame.compact.then_some("compact");
    let body = view! {
        <body class="shell" data-rail=rail>
            <a class="skip-link" href="#main">"Skip to content"</a>
            {rail::rail(shell)}
            <div class="page">
                <header class="topbar">{breadcrumb(&shell.way())}{halt(shell)}</header>
                {banners(&shell.banners)}
                <main id="main" class=class tabindex="-1">{main}</main>
            </div>
            {rail::sheet(shell)}
            {rail::keys(shell)}
            {toasts(shell.flash.as_ref())}
            {commands::palette(shell)}
        </body>
    };
    document(&head, body)
}

/// The emergency stop, at hand on every page of those who may use it.
fn halt(shell: &Shell) -> Option<AnyView> {
    let shown = shell.team.is_some() && shell.may(Permission::ManageBudgets);
    shown.then(|| {
        view! {
            <a class="button topbar__halt" data-kind="danger" href=shell.link("/budgets/pauses")>
                {icon(Icon::OctagonX)}<span>"Pause all work…"</span>
            </a>
        }
        .into_any()
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use time::macros::datetime;
    use types::BuiltinRole;

    use super::*;

    /// Mira, who may do in Quayside what `role` allows.
    pub(crate) fn shell(role: BuiltinRole) -> Shell {
        let team = TeamLink { name: "Quayside".to_owned(), slug: "quayside".to_owned() };
        Shell {
            team: Some(team.clone()),
            teams: vec![team, TeamLink { name: "Harbour".to_owned(), slug: "harbour".to_owned() }],
            user_name: "Mira Okafor".to_owned(),
            user_email: "mira@quayside.example".to_owned(),
            role: role.to_string(),
            permissions: role.permissions(),
            section: Section::Dashboard,
            crumbs: vec![Crumb::new("Dashboard", "/quayside")],
            appearance: Appearance::default(),
            banners: Vec::new(),
            flash: None,
            path: "/quayside".to_owned(),
            commands: Vec::new(),
            needs: 0,
            budget_step: 0,
            now: datetime!(2026-11-19 14:32 UTC),
            outbox: None,
        }
    }

    fn html(shell: &Shell) -> String {
        page(shell, "Dashboard", false, view! { <h1>"Dashboard"</h1> }.into_any())
    }

    #[test]
    fn the_navigation_shows_only_what_the_person_may_open() {
        let (reader, owner) = (html(&shell(BuiltinRole::Reader)), html(&shell(BuiltinRole::Owner)));
        for path in ["/quayside/audit", "/quayside/settings"] {
            let link = format!(r#"href="{path}""#);
            assert!(owner.contains(&link) && !reader.contains(&link), "{path}");
        }
        assert!(reader.contains(r#"href="/quayside/members""#), "{reader}");
    }

    #[test]
    fn the_current_page_is_marked_once_in_each_navigation() {
        let html = html(&shell(BuiltinRole::Owner));
        assert!(html.contains(r#"href="/quayside" aria-current="page" data-key"#), "{html}");
    }

    #[test]
    fn a_person_without_a_team_gets_no_link_to_one() {
        let lone =
            Shell { team: None, teams: Vec::new(), permissions: PermissionSet::NONE, ..shell(BuiltinRole::Reader) };
        let html = html(&lone);
        assert!(!html.contains("/quayside/") && html.contains(r#"href="/teams/new""#), "{html}");
        assert_eq!(lone.link("/members"), "/teams");
    }

    #[test]
    fn the_inbox_tells_how_much_waits_and_is_silent_when_nothing_does() {
        let counted = |needs| html(&Shell { needs, ..shell(BuiltinRole::Owner) });
        let (busy, quiet) = (counted(3), counted(0));
        assert!(busy.contains(r#"href="/quayside/inbox""#), "{busy}");
        assert!(busy.contains(r#"id="needs-count" class="rail__count">3"#) && busy.contains(" need you"), "{busy}");
        assert!(quiet.contains(r#"id="needs-count" hidden"#) && !quiet.contains("need you"), "{quiet}");
    }

    #[test]
    fn titles_tell_errors_and_what_waits() {
        let shell = Shell { needs: 3, ..shell(BuiltinRole::Owner) };
        let html = page(&shell, "Members", true, ().into_any());
        assert!(html.contains("<title>Error: (3) Members · Quayside · Muster</title>"), "{html}");
    }

    #[test]
    fn names_cannot_break_out_of_the_page() {
        let shell = Shell { user_name: "<script>x</script>".to_owned(), ..shell(BuiltinRole::Owner) };
        assert!(!html(&shell).contains("<script>x"));
    }
}
