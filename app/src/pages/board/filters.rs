use leptos::prelude::*;
use types::TaskState;

use super::{Board, View, new_task, tasks};
use crate::{
    components::{
        button::Button,
        field::Field,
        icon::{Icon, icon},
        live,
        select::{Choice, select},
    },
    failure::encode,
    layout::shell::Shell,
};

/// Whether people arrange the cards, or a field orders them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sorting {
    #[default]
    Manual,
    ByField,
}

/// What the address says about the tasks to show, with the choices there are.
#[derive(Clone, Debug)]
pub struct Filter {
    pub text: String,
    pub label: String,
    /// `nobody`, or the text form of an assignee.
    pub assignee: String,
    /// The least priority, as a number.
    pub priority: String,
    /// The value of `sort` in the address; empty for the usual order.
    pub sort_value: String,
    pub sort: Sorting,
    /// Which end is shown.
    pub ended: TaskState,
    /// The column that is shown whole.
    pub whole: Option<TaskState>,
    pub labels: Vec<String>,
    pub assignees: Vec<Choice>,
    pub sorts: Vec<Choice>,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            text: String::new(),
            label: String::new(),
            assignee: String::new(),
            priority: String::new(),
            sort_value: String::new(),
            sort: Sorting::Manual,
            ended: TaskState::Completed,
            whole: None,
            labels: Vec::new(),
            assignees: Vec::new(),
            sorts: Vec::new(),
        }
    }
}

impl Filter {
    /// The query of the address, its question mark included; empty when nothing is chosen.
    #[must_use]
    pub fn query(&self) -> String {
        let ended = if self.ended == TaskState::Completed { "" } else { self.ended.as_str() };
        let all = [
            ("q", self.text.as_str()),
            ("label", self.label.as_str()),
            ("assignee", self.assignee.as_str()),
            ("priority", self.priority.as_str()),
            ("sort", self.sort_value.as_str()),
            ("ended", ended),
            ("whole", self.whole.map_or("", TaskState::as_str)),
        ];
        let chosen = all.into_iter().filter(|(_, value)| !value.is_empty());
        let parameters: Vec<String> = chosen.map(|(name, value)| format!("{name}={}", encode(value))).collect();
        if parameters.is_empty() { String::new() } else { format!("?{}", parameters.join("&")) }
    }

    pub(super) fn with_ended(&self, ended: TaskState) -> Self {
        Self { ended, ..self.clone() }
    }

    pub(super) fn with_whole(&self, state: TaskState) -> Self {
        Self { whole: Some(state), ..self.clone() }
    }

    /// What narrows the tasks down: the field, its value as people read it, and the filter without it.
    fn chips(&self) -> Vec<(&'static str, String, Self)> {
        let without = |clear: fn(&mut Self) -> &mut String| {
            let mut filter = self.clone();
            clear(&mut filter).clear();
            filter
        };
        let chips = [
            ("Text", self.text.clone(), without(|filter| &mut filter.text)),
            ("Label", self.label.clone(), without(|filter| &mut filter.label)),
            ("Assignee", named(&self.assignees, &self.assignee), without(|filter| &mut filter.assignee)),
            ("Priority", named(&priorities(), &self.priority), without(|filter| &mut filter.priority)),
        ];
        let set = [&self.text, &self.label, &self.assignee, &self.priority];
        chips.into_iter().zip(set).filter(|(_, value)| !value.is_empty()).map(|(chip, _)| chip).collect()
    }
}

fn named(choices: &[Choice], value: &str) -> String {
    choices.iter().find(|choice| choice.value == value).map_or_else(|| value.to_owned(), |choice| choice.label.clone())
}

fn priorities() -> Vec<Choice> {
    [("", "Any"), ("4", "Medium or more"), ("7", "High or more"), ("10", "Urgent alone")]
        .map(|(value, label)| Choice::new(value, label))
        .into()
}

/// Filters, the count, the views, and the button for a new task.
pub(super) fn bar(shell: &Shell, data: &Board, writes: bool) -> AnyView {
    let chips = data.filter.chips().into_iter().map(|(field, value, without)| {
        let href = shell.link(&format!("{}{}", data.project.path(data.view.path()), without.query()));
        view! {
            <span class="chip">
                <span class="chip__field">{field}</span>
                <span class="chip__value">{value}</span>
                <a href=href aria-label=format!("Remove the filter {field}")>{icon(Icon::Cross)}</a>
            </span>
        }
    });
    let here = shell.link(&format!("{}{}", data.project.path(data.view.path()), data.filter.query()));
    let sign = (!data.project.archived).then(|| live::indicator(shell.now, here));
    view! {
        <div class="filters">
            {chips.collect_view()}
            {form(shell, data)}
            {count(data)}
            <div class="filters__end">{sign}{views(shell, data)}{writes.then(|| new_task(shell, data))}</div>
        </div>
    }
    .into_any()
}

pub(super) fn count(data: &Board) -> AnyView {
    let (shown, total) = (data.matching(), data.total());
    let count = if shown == total { tasks(total) } else { format!("{shown} of {}", tasks(total)) };
    view! { <span class="muted" id="board-count">{count}</span> }.into_any()
}

fn views(shell: &Shell, data: &Board) -> AnyView {
    let link = |view: View, word: &'static str| {
        let href = shell.link(&format!("{}{}", data.project.path(view.path()), data.filter.query()));
        view! { <a href=href aria-current=(view == data.view).then_some("page")>{word}</a> }
    };
    let settings = shell.may(types::Permission::WriteProjects).then(|| {
        view! { <a href=shell.link(&data.project.path("/settings"))>"Settings"</a> }
    });
    view! {
        <nav class="segmented" aria-label="Project">{link(View::Board, "Board")}{link(View::List, "List")}{settings}</nav>
    }
    .into_any()
}

fn form(shell: &Shell, data: &Board) -> AnyView {
    let filter = &data.filter;
    let any = |word: &str| vec![Choice::new("", word)];
    let labels: Vec<Choice> =
        any("Any").into_iter().chain(filter.labels.iter().map(|word| Choice::new(word, word))).collect();
    let assignees: Vec<Choice> = any("Anybody").into_iter().chain(filter.assignees.iter().cloned()).collect();
    let ended = (filter.ended != TaskState::Completed)
        .then(|| view! { <input type="hidden" name="ended" value=filter.ended.as_str()/> });
    let plain = shell.link(&data.project.path(data.view.path()));
    let clear = Button::new("Clear").plain().link(plain.clone());
    view! {
        <details class="menu" data-menu=true>
            <summary class="button" data-kind="plain" data-size="xs">{icon(Icon::ListFilter)}"Filter and sort"</summary>
            <form class="menu__list menu__form" method="get" action=plain>
                {Field::new("q", "Title or number").value(&filter.text).max_length(200).view()}
                {select("label", "Label", &labels, &filter.label, None)}
                {select("assignee", "Assignee", &assignees, &filter.assignee, None)}
                {select("priority", "Priority", &priorities(), &filter.priority, None)}
                {select("sort", "Order", &filter.sorts, &filter.sort_value, None)}
                {ended}
                <div class="cluster">{Button::new("Apply").submit()}{clear}</div>
            </form>
        </details>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_holds_what_is_chosen_and_nothing_else() {
        assert_eq!(Filter::default().query(), "");
        let filter =
            Filter { text: "a&b".to_owned(), label: "bug".to_owned(), ended: TaskState::Failed, ..Filter::default() };
        assert_eq!(filter.query(), "?q=a%26b&label=bug&ended=FAILED");
        let chips = filter.chips();
        assert_eq!(chips.iter().map(|chip| chip.0).collect::<Vec<_>>(), ["Text", "Label"]);
        assert_eq!(chips[0].2.query(), "?label=bug&ended=FAILED");
    }
}
