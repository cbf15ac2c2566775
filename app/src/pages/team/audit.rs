use leptos::prelude::*;
use time::OffsetDateTime;

use crate::{
    components::{
        banner::{Banner, Tone, banner, framed},
        button::Button,
        empty::{Empty, empty},
        field::Field,
        icon::{Icon, icon},
        pagination::{Pages, pagination},
        section::page_head,
        select::{Choice, select},
        time::{absolute, full, moment},
    },
    layout::shell::{self, Shell},
};

/// The audit log: what the chain says, and the rows that fit the filter.
#[derive(Clone, Debug)]
pub struct Audit {
    pub verdict: Verdict,
    pub filter: Filter,
    /// People to filter by; the first one stands for everybody.
    pub people: Vec<Choice>,
    /// Kinds of actions to filter by; the first one stands for all.
    pub actions: Vec<Choice>,
    /// The newest first.
    pub entries: Vec<Entry>,
    pub pages: Pages,
}

/// What came of recomputing the chain of hashes.
#[derive(Clone, Debug)]
pub enum Verdict {
    Intact {
        rows: u64,
        at: OffsetDateTime,
    },
    /// The first row that does not fit, and why.
    Broken {
        row: u64,
        why: String,
        at: OffsetDateTime,
    },
}

/// What was asked for, in the names of the query.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub q: String,
    pub who: String,
    pub what: String,
}

impl Filter {
    fn is_set(&self) -> bool {
        !(self.q.is_empty() && self.who.is_empty() && self.what.is_empty())
    }
}

#[derive(Clone, Debug)]
pub struct Entry {
    /// The place in the chain, from 1.
    pub seq: u64,
    pub at: OffsetDateTime,
    pub who: String,
    /// What was done, for people: “Invited a member”.
    pub what: String,
    /// What it was done to; empty when the action says it all.
    pub target: String,
    /// The action's name for machines: `member.invited`.
    pub action: String,
    /// What the row keeps besides, as name and value.
    pub details: Vec<(String, String)>,
    pub request_id: Option<String>,
    /// Hexadecimal.
    pub hash: String,
    pub previous: String,
}

#[must_use]
pub fn page(shell: &Shell, data: &Audit) -> String {
    let rows = if data.entries.is_empty() { nothing(shell, &data.filter) } else { entries(&data.entries) };
    let main = view! {
        {page_head("Audit log", "Every change and every refused permission. Rows cannot be edited or removed, also not by an owner.", None)}
        {verdict(shell, &data.verdict)}
        <div class="pile">
            {filters(shell, data)}
            {rows}
            {pagination(&data.pages)}
        </div>
    };
    shell::page(shell, "Audit log", false, main.into_any())
}

fn verdict(shell: &Shell, verdict: &Verdict) -> AnyView {
    match verdict {
        Verdict::Intact { rows, at } => {
            let text = match rows {
                0 => format!("It holds no rows yet. Checked at {}.", full(*at)),
                1 => format!("Its one row was recomputed at {}.", full(*at)),
                rows => format!("Rows 1 to {rows} were recomputed at {}.", full(*at)),
            };
            let again = Button::new("Check again").small().link(shell.link("/audit"));
            framed(&Banner { tone: Tone::Success, lead: "Chain intact.".to_owned(), text, action: None }, Some(again))
        }
        Verdict::Broken { row, why, at } => banner(&Banner {
            tone: Tone::Danger,
            lead: format!("The chain breaks at row {row}."),
            text: format!("{why} Checked at {}. Keep a copy of the database before anything else is done.", full(*at)),
            action: None,
        }),
    }
}

fn filters(shell: &Shell, data: &Audit) -> AnyView {
    let filter = &data.filter;
    view! {
        <search>
            <form class="tools" method="get" action=shell.link("/audit")>
                {Field::new("q", "Search").value(&filter.q).max_length(200).view()}
                {select("who", "Who", &data.people, &filter.who, None)}
                {select("what", "What", &data.actions, &filter.what, None)}
                {Button::new("Apply").submit()}
                {filter.is_set().then(|| Button::new("Clear").plain().link(shell.link("/audit")))}
            </form>
        </search>
    }
    .into_any()
}

fn nothing(shell: &Shell, filter: &Filter) -> AnyView {
    let (title, text) = if filter.is_set() {
        ("No row fits this filter", "Rows exist, but none of them fits all that is asked for above.")
    } else {
        ("Nothing is recorded yet", "The first change anybody makes in this team becomes row 1.")
    };
    let clear = filter.is_set().then(|| Button::new("Clear the filter").link(shell.link("/audit")));
    empty(Empty { title: title.to_owned(), text: text.to_owned(), actions: clear.into_iter().collect() })
}

fn entries(entries: &[Entry]) -> AnyView {
    view! { <ol class="audit">{entries.iter().map(entry).collect_view()}</ol> }.into_any()
}

fn entry(entry: &Entry) -> AnyView {
    let target = (!entry.target.is_empty()).then(|| view! { <span class="sub">{entry.target.clone()}</span> });
    view! {
        <li>
            <details id=format!("r{}", entry.seq)>
                <summary class="audit__row">
                    <span class="id" data-cell="number">{entry.seq}</span>
                    <span data-cell="time">{moment(entry.at)}</span>
                    <span data-cell="who">{entry.who.clone()}</span>
                    <span data-cell="what"><b>{entry.what.clone()}</b>{target}</span>
                    <span class="id" data-cell="chain">{format!("{} from {}", short(&entry.hash), short(&entry.previous))}</span>
                    {icon(Icon::ChevronRight)}
                </summary>
                {change(entry)}
            </details>
        </li>
    }
    .into_any()
}

fn change(entry: &Entry) -> AnyView {
    let details = entry.details.iter().map(|(name, value)| view! { <dt>{name.clone()}</dt><dd>{value.clone()}</dd> });
    let request = entry.request_id.clone().map(|id| view! { <dt>"Request"</dt><dd class="id">{id}</dd> });
    view! {
        <div class="change">
            <dl class="facts">
                {details.collect_view()}
                <dt>"Action"</dt><dd class="id">{entry.action.clone()}</dd>
                <dt>"Time"</dt><dd>{absolute(entry.at)}</dd>
                {request}
                <dt>"Hash"</dt><dd class="id">{entry.hash.clone()}</dd>
                <dt>"Made from"</dt><dd class="id">{entry.previous.clone()}</dd>
                <dt>"Link"</dt><dd><a class="link" href=format!("#r{}", entry.seq)>{format!("Row {}", entry.seq)}</a></dd>
            </dl>
        </div>
    }
    .into_any()
}

fn short(hash: &str) -> &str {
    hash.get(..4).unwrap_or(hash)
}

#[cfg(test)]
mod tests {
    use types::BuiltinRole;

    use super::*;
    use crate::layout::shell::tests::shell;

    fn data(verdict: Verdict) -> Audit {
        let at = shell(BuiltinRole::Owner).now;
        let entry = Entry {
            seq: 7,
            at,
            who: "Mira Okafor".to_owned(),
            what: "Invited a member".to_owned(),
            target: "felix@quayside.example".to_owned(),
            action: "member.invited".to_owned(),
            details: vec![("role".to_owned(), "reader".to_owned())],
            request_id: None,
            hash: "41d277b0".to_owned(),
            previous: "8a0f".to_owned(),
        };
        let everybody = vec![Choice::new("", "Anyone")];
        Audit {
            verdict,
            filter: Filter::default(),
            people: everybody.clone(),
            actions: everybody,
            entries: vec![entry],
            pages: Pages::default(),
        }
    }

    #[test]
    fn a_broken_chain_is_told_first_and_names_the_row() {
        let shell = shell(BuiltinRole::Owner);
        let html =
            page(&shell, &data(Verdict::Broken { row: 5, why: "Its hash does not fit.".to_owned(), at: shell.now }));
        assert!(html.find("The chain breaks at row 5.") < html.find("Invited a member"), "{html}");
        assert!(html.contains(r#"data-tone="danger""#) && !html.contains("Chain intact"), "{html}");
    }

    #[test]
    fn rows_open_in_place_and_can_be_linked_to() {
        let shell = shell(BuiltinRole::Owner);
        let html = page(&shell, &data(Verdict::Intact { rows: 7, at: shell.now }));
        assert!(html.contains(r#"<details id="r7">"#) && html.contains("41d2 from 8a0f"), "{html}");
        assert!(html.contains("Rows 1 to 7 were recomputed at 19 Nov 2026, 14:32:00 UTC."), "{html}");
    }

    #[test]
    fn an_empty_filter_result_is_not_an_empty_log() {
        let shell = shell(BuiltinRole::Owner);
        let none = Audit { entries: Vec::new(), ..data(Verdict::Intact { rows: 7, at: shell.now }) };
        assert!(page(&shell, &none).contains("Nothing is recorded yet"));
        let filtered = Audit { filter: Filter { q: "x".to_owned(), ..Filter::default() }, ..none };
        let html = page(&shell, &filtered);
        assert!(html.contains("No row fits this filter") && html.contains("Clear the filter"), "{html}");
    }
}
