use axum::extract::{Path, State};
use orchestrator::{grants::ReadTasks, work::HistoryEntry};

use super::{
    gather::{HeadForm, Seen},
    pages::Number,
};
use crate::{
    components::who::Who,
    handlers::{Answer, html, shell},
    layout::shell::Section,
    pages::task::history::{self as history_page, Event},
    request::Inside,
    state::App,
};

pub(crate) async fn history(member: Inside<ReadTasks>, State(app): State<App>, Path((_, number)): Number) -> Answer {
    let seen = Seen::load(&app, &member, number).await?;
    let shell = shell::inside(&app, &member, Section::Other, &seen.task.title).await?;
    let head = seen.head(&app, &member, HeadForm::default()).await?;
    let events: Vec<Event> = seen.task.history.iter().map(event).collect();
    html(history_page::page(&shell, &head, &events))
}

fn event(entry: &HistoryEntry) -> Event {
    Event { who: entry.actor.as_deref().map_or(Who::Muster, Who::person), what: what(entry), at: entry.at }
}

/// What somebody did, after their name.
fn what(entry: &HistoryEntry) -> String {
    let (from, to) = (entry.from.as_deref(), entry.to.as_deref());
    match (entry.kind.as_str(), from, to) {
        ("created", _, Some(to)) => format!("created it in {}", state(to)),
        ("moved", Some(from), Some(to)) => format!("moved it from {} to {}", state(from), state(to)),
        ("reordered", _, Some(to)) => format!("moved it within {}", state(to)),
        ("edited", ..) => edited(entry),
        ("assigned", ..) => assigned(from, to),
        ("prioritised", Some(from), Some(to)) => format!("changed the priority from {from} to {to}"),
        ("labelled", _, Some("")) => "removed the labels".to_owned(),
        ("labelled", _, Some(to)) => format!("set the labels to {to}"),
        ("restored", ..) => "brought it back".to_owned(),
        (kind, ..) => format!("{kind} it"),
    }
}

/// An edit by its fields; the assignee alone has values in the entry.
fn edited(entry: &HistoryEntry) -> String {
    let fields = entry.details.get("fields").and_then(serde_json::Value::as_array);
    let fields: Vec<&str> = fields.into_iter().flatten().filter_map(serde_json::Value::as_str).collect();
    let words = fields.iter().filter(|field| **field != "assignee").map(|field| match *field {
        "acceptance" => "the acceptance criteria".to_owned(),
        field => format!("the {field}"),
    });
    let words = listed(&words.collect::<Vec<_>>());
    let changed = (!words.is_empty()).then(|| format!("changed {words}"));
    let assigned = fields.contains(&"assignee").then(|| assigned(entry.from.as_deref(), entry.to.as_deref()));
    match (changed, assigned) {
        (Some(changed), Some(assigned)) => format!("{changed}, and {assigned}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => "edited it".to_owned(),
    }
}

fn assigned(from: Option<&str>, to: Option<&str>) -> String {
    match (from, to) {
        (Some(from), Some(to)) => format!("reassigned it from {from} to {to}"),
        (None, Some(to)) => format!("assigned it to {to}"),
        (Some(from), None) => format!("unassigned {from}"),
        (None, None) => "changed who does it".to_owned(),
    }
}

/// “a”, “a and b”, “a, b and c”.
fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A state by its label.
fn state(value: &str) -> String {
    types::TaskState::parse(value).map_or_else(|| value.to_owned(), |state| state.label().to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use time::OffsetDateTime;

    use super::*;

    fn told(kind: &str, from: Option<&str>, to: Option<&str>, details: Value) -> String {
        what(&HistoryEntry {
            at: OffsetDateTime::UNIX_EPOCH,
            actor: None,
            kind: kind.to_owned(),
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
            details,
        })
    }

    #[test]
    fn an_edit_names_what_changed() {
        let edit = |from, to, fields: &[&str]| told("edited", from, to, json!({ "fields": fields }));
        assert_eq!(edit(None, None, &["title"]), "changed the title");
        let three = edit(None, None, &["title", "acceptance", "labels"]);
        assert_eq!(three, "changed the title, the acceptance criteria and the labels");
        assert_eq!(edit(None, Some("Core"), &["assignee"]), "assigned it to Core");
        assert_eq!(edit(Some("Jonas"), Some("Core"), &["assignee"]), "reassigned it from Jonas to Core");
        let both = edit(Some("Jonas"), None, &["priority", "assignee"]);
        assert_eq!(both, "changed the priority, and unassigned Jonas");
        assert_eq!(told("edited", None, None, Value::Null), "edited it");
    }

    #[test]
    fn everything_else_is_a_sentence_too() {
        for (kind, from, to, words) in [
            ("created", None, Some("TODO"), "created it in To do"),
            ("moved", Some("TODO"), Some("IN_PROGRESS"), "moved it from To do to In progress"),
            ("reordered", Some("TODO"), Some("TODO"), "moved it within To do"),
            ("prioritised", Some("5"), Some("9"), "changed the priority from 5 to 9"),
            ("labelled", Some("api"), Some(""), "removed the labels"),
            ("labelled", Some(""), Some("api, fees"), "set the labels to api, fees"),
            ("assigned", Some("Jonas"), None, "unassigned Jonas"),
            ("deleted", None, None, "deleted it"),
            ("restored", None, None, "brought it back"),
        ] {
            assert_eq!(told(kind, from, to, json!({})), words);
        }
    }
}
