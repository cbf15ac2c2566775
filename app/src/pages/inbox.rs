//! What waits for this person, a press away from every page of the team.

use leptos::prelude::*;

use crate::{
    components::{
        button::Button,
        icon::{Icon, icon},
        live,
        section::{HEAD_LINE, head_line, live_head, section},
    },
    layout::{
        needs_count,
        shell::{self, Frame, Shell},
    },
    pages::{
        Fragment,
        dashboard::{Need, needs},
    },
};

#[derive(Clone, Debug, Default)]
pub struct Inbox {
    /// The longest wait first.
    pub needs: Vec<Need>,
    /// What may soon stop the work, or stops it now.
    pub warnings: Vec<Warning>,
}

/// Something about money that no single run asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    pub title: String,
    pub text: String,
    /// Where it is looked at, below the team: “/budgets”.
    pub path: &'static str,
    /// What is done there: “See the budgets”.
    pub verb: &'static str,
}

#[must_use]
pub fn page(shell: &Shell, data: &Inbox) -> String {
    let heads = live::indicator(shell.now, shell.link("/inbox"));
    let main = view! {
        <div class="pile" data-gap="large" data-live=shell.link("/inbox/live") data-now=live::stamp(shell.now)>
            {live_head("Inbox", &needs::waiting(data.needs.len()), Some(heads))}
            {needs_section(shell, data)}
            {warnings_section(shell, data)}
        </div>
    };
    shell::framed(shell, "Inbox", false, Frame { live: true, ..Frame::default() }, main.into_any())
}

/// What of the page can change while somebody looks at it.
#[must_use]
pub fn fragments(shell: &Shell, data: &Inbox) -> Vec<Fragment> {
    vec![
        Fragment::new(HEAD_LINE, head_line(&needs::waiting(data.needs.len()))),
        Fragment::new("needs-count", needs_count(shell)),
        Fragment::new("needs-you", needs_section(shell, data)),
        Fragment::new("warnings", warnings_section(shell, data)),
    ]
}

fn needs_section(shell: &Shell, data: &Inbox) -> AnyView {
    let body = section("needs", "Needs you", Some(data.needs.len()), None, needs::list(shell, &data.needs));
    view! { <div id="needs-you">{body}</div> }.into_any()
}

fn warnings_section(shell: &Shell, data: &Inbox) -> AnyView {
    let list = || {
        let lines = data.warnings.iter().map(|one| warning(shell, one)).collect_view();
        view! { <div class="box needs" data-flush=true>{lines}</div> }.into_any()
    };
    let body =
        (!data.warnings.is_empty()).then(|| section("warned", "Warnings", Some(data.warnings.len()), None, list()));
    let quiet = data.warnings.is_empty();
    view! { <div id="warnings" hidden=quiet>{body}</div> }.into_any()
}

fn warning(shell: &Shell, one: &Warning) -> AnyView {
    let href = shell.link(one.path);
    view! {
        <article class="need" data-kind="budget">
            {icon(Icon::TriangleAlert)}
            <h3 class="need__title"><a href=href.clone()>{one.title.clone()}</a></h3>
            <p class="need__why">{one.text.clone()}</p>
            <div class="need__actions">{Button::new(one.verb).small().link(href)}</div>
        </article>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use types::BuiltinRole;

    use super::*;
    use crate::{
        layout::shell::{Section, tests::shell},
        pages::dashboard::NeedKind,
    };

    fn question() -> Need {
        Need {
            task: "QUA-1".to_owned(),
            path: "/tasks/1".to_owned(),
            title: "Does a <reversed> transfer count?".to_owned(),
            why: "lead asks · the run waits".to_owned(),
            since: shell(BuiltinRole::Owner).now - time::Duration::minutes(2),
            kind: NeedKind::Question { id: "q1".to_owned(), options: Vec::new() },
        }
    }

    #[test]
    fn an_empty_inbox_says_what_comes_here() {
        let shell = Shell { section: Section::Inbox, ..shell(BuiltinRole::Owner) };
        let html = page(&shell, &Inbox::default());
        assert!(html.contains("Nothing waits for you<") && html.contains("come here."), "{html}");
        assert!(html.contains(r#"id="warnings" hidden"#) && !html.contains("Warnings"), "{html}");
        assert!(html.contains(r#"href="/quayside/inbox" aria-current="page""#), "{html}");
    }

    #[test]
    fn what_waits_stands_above_what_only_warns() {
        let warning = Warning {
            title: "80 % of a limit is used".to_owned(),
            text: "Calls go on until it is reached.".to_owned(),
            path: "/budgets",
            verb: "See the budgets",
        };
        let data = Inbox { needs: vec![question()], warnings: vec![warning] };
        let html = page(&shell(BuiltinRole::Owner), &data);
        assert!(html.contains("1 thing waits for you<") && html.contains("a &lt;reversed&gt; transfer"), "{html}");
        let at = |words: &str| html.find(words).unwrap_or_else(|| panic!("{words}: {html}"));
        assert!(at(r#"href="/quayside/tasks/1""#) < at("80 % of a limit is used"), "{html}");
        assert!(html.contains(">See the budgets<"), "{html}");
    }
}
