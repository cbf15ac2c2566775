mod arguments;

use std::sync::LazyLock;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use serde_json::Value;
use types::AgentRole;
use types::chat::{ToolCall, ToolSpec};
use types::tool::{Patch, Read, Search};

pub use arguments::{Ask, Comment, Finish, PlanStep, Run, Verdict};
use arguments::{FinishDesign, FinishPlan, FinishReview, FinishWork};

/// A call whose arguments fit.
#[derive(Debug)]
pub(super) enum Known {
    Read(Read),
    Search(Search),
    Patch(Patch),
    Run(Run),
    Ask(Ask),
    Finish(Finish),
}

const READING: &[&str] = &["read", "search", "ask", "finish"];
const WORKING: &[&str] = &["read", "search", "patch", "run", "ask", "finish"];
/// A reviewer executes tests but has no way to edit. A question of a reviewer is a comment of the review.
const REVIEWING: &[&str] = &["read", "search", "run", "finish"];

const fn names(role: AgentRole) -> &'static [&'static str] {
    match role {
        AgentRole::Lead | AgentRole::Architect => READING,
        AgentRole::Coder | AgentRole::Tester => WORKING,
        AgentRole::Reviewer => REVIEWING,
    }
}

/// The tools a role may use.
///
/// Leads and architects read, coders and testers also change and execute, reviewers read and execute. What a reviewer's
/// commands write is not part of the change: the workspace is put back after the review.
#[must_use]
pub fn tools(role: AgentRole) -> Vec<ToolSpec> {
    specs(role).to_vec()
}

/// Made once: deriving a schema takes longer than everything else a turn does.
pub(super) fn specs(role: AgentRole) -> &'static [ToolSpec] {
    static ALL: LazyLock<Vec<(AgentRole, Vec<ToolSpec>)>> = LazyLock::new(|| {
        let of = |role: &AgentRole| (*role, names(*role).iter().filter_map(|name| spec(name, *role)).collect());
        AgentRole::ALL.iter().map(of).collect()
    });
    ALL.iter().find(|(known, _)| *known == role).map(|(_, specs)| specs.as_slice()).unwrap_or_default()
}

fn spec(name: &str, role: AgentRole) -> Option<ToolSpec> {
    let (description, parameters) = match name {
        "read" => ("Show a file with line numbers, or list a folder.", schema::<Read>()),
        "search" => ("Find lines by a regular expression. Files that git ignores are left out.", schema::<Search>()),
        "patch" => ("Create, change and delete files: all edits of a call, or none of them.", schema::<Patch>()),
        "run" => ("Execute a command in the shell and show what it writes and how it ends.", schema::<Run>()),
        "ask" => ("Ask a person and wait. Only for what neither the files nor the brief can answer.", schema::<Ask>()),
        "finish" => finish_spec(role),
        _ => return None,
    };
    Some(ToolSpec { name: name.to_owned(), description: description.to_owned(), parameters })
}

fn finish_spec(role: AgentRole) -> (&'static str, Value) {
    match role {
        AgentRole::Lead => ("Hand over the plan. This ends your work.", schema::<FinishPlan>()),
        AgentRole::Architect => ("Hand over the design. This ends your work.", schema::<FinishDesign>()),
        AgentRole::Coder | AgentRole::Tester => {
            ("Say what you did. This ends your work, so check it first.", schema::<FinishWork>())
        }
        AgentRole::Reviewer => ("Give your verdict. This ends the review.", schema::<FinishReview>()),
    }
}

/// The schema in the plain form that every provider reads: no references, no titles, optional instead of nullable.
fn schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    plain(&mut schema);
    schema
}

fn plain(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, value| !(key == "default" || key == "format" || key == "title" && value.is_string()));
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".to_owned(), only);
                }
            }
            map.values_mut().for_each(plain);
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        _ => {}
    }
}

/// Reads a call's arguments.
///
/// # Errors
/// A sentence for the model: no such tool for this role, or what does not fit.
pub(super) fn parse(role: AgentRole, call: &ToolCall) -> Result<Known, String> {
    let Some(spec) = specs(role).iter().find(|spec| spec.name == call.name) else {
        return Err(format!("There is no tool `{}`. Your tools are: {}.", call.name, names(role).join(", ")));
    };
    let arguments = |error: String| refusal(spec, &error);
    match call.name.as_str() {
        "read" => typed(call).map(Known::Read).map_err(arguments),
        "search" => typed(call).map(Known::Search).map_err(arguments),
        "patch" => typed(call).map(Known::Patch).and_then(not_empty).map_err(arguments),
        "run" => typed(call).map(Known::Run).map_err(arguments),
        "ask" => typed(call).map(Known::Ask).map_err(arguments),
        _ => finish(role, call).map(Known::Finish).map_err(arguments),
    }
}

fn not_empty(known: Known) -> Result<Known, String> {
    match &known {
        Known::Patch(patch) if patch.edits.is_empty() => Err("`edits` is empty".to_owned()),
        _ => Ok(known),
    }
}

fn finish(role: AgentRole, call: &ToolCall) -> Result<Finish, String> {
    match role {
        AgentRole::Lead => {
            let FinishPlan { summary, steps } = typed(call)?;
            if steps.is_empty() {
                return Err("`steps` is empty: a plan has at least one step".to_owned());
            }
            Ok(Finish::Plan { summary, steps })
        }
        AgentRole::Architect => typed(call).map(|FinishDesign { summary, notes }| Finish::Design { summary, notes }),
        AgentRole::Coder | AgentRole::Tester => typed(call).map(|FinishWork { summary }| Finish::Work { summary }),
        AgentRole::Reviewer => {
            let FinishReview { verdict, summary, comments } = typed(call)?;
            if verdict == Verdict::RequestChanges && comments.is_empty() {
                return Err("`comments` is empty: say what has to change".to_owned());
            }
            Ok(Finish::Review { verdict, summary, comments })
        }
    }
}

fn typed<T: DeserializeOwned>(call: &ToolCall) -> Result<T, String> {
    if call.arguments.is_string() {
        return Err("they are not a JSON object; if your answer was cut short, do less in one call".to_owned());
    }
    T::deserialize(&call.arguments).map_err(|error| error.to_string())
}

fn refusal(spec: &ToolSpec, error: &str) -> String {
    let ToolSpec { name, parameters, .. } = spec;
    format!("The arguments of `{name}` do not fit: {error}. Its schema is {parameters}")
}

/// One line for people: the tool and what it is about.
#[must_use]
pub fn title(call: &ToolCall) -> String {
    let text = |key: &str| call.arguments.get(key).and_then(Value::as_str).unwrap_or_default();
    let subject = match call.name.as_str() {
        "read" => text("path").to_owned(),
        "search" => text("pattern").to_owned(),
        "patch" => patched(&call.arguments),
        "run" => text("command").lines().next().unwrap_or_default().to_owned(),
        "ask" => text("question").lines().next().unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    let subject: String = subject.chars().take(120).collect();
    format!("{} {subject}", call.name).trim_end().to_owned()
}

fn patched(arguments: &Value) -> String {
    let edits = arguments.get("edits").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut paths: Vec<&str> = edits.iter().filter_map(|edit| edit.get("path").and_then(Value::as_str)).collect();
    paths.dedup();
    paths.join(", ")
}

#[cfg(test)]
mod tests;
