//! The audit log in people's words.

use orchestrator::audit::Entry;
use serde_json::Value;

/// Kinds of actions, as the log's filter offers them: a prefix, and what it covers.
pub(super) const KINDS: &[(&str, &str)] = &[
    ("", "Everything"),
    ("team.", "Team"),
    ("member.", "Members"),
    ("invitation.", "Invitations"),
    ("role.", "Roles"),
    ("project.", "Projects"),
    ("repository.", "Code"),
    ("squad.", "Squads"),
    ("agent", "Agents and their types"),
    ("task.", "Tasks"),
    ("run.", "Runs"),
    ("token.", "Access tokens"),
    ("budget.", "Budgets"),
    ("permission.", "Refused permissions"),
];

/// What somebody did, to follow their name: “formed a squad”.
pub(super) fn phrase(action: &str) -> &str {
    match action {
        "team.created" => "created the team",
        "team.renamed" => "renamed the team",
        "member.role_changed" => "changed a member's role",
        "member.removed" => "removed a member",
        "member.left" => "left the team",
        "invitation.sent" => "invited somebody",
        "invitation.revoked" => "took an invitation back",
        "invitation.accepted" => "joined the team",
        "role.created" => "made a role",
        "role.deleted" => "deleted a role",
        "project.created" => "added a project",
        "project.changed" => "changed the settings of a project",
        "project.archived" => "archived a project",
        "project.restored" => "restored a project",
        "project.repository_ready" => "fetched the code of a project",
        "project.repository_failed" => "could not fetch the code of a project",
        "project.credential_kept" => "gave the token of a project's repository",
        "project.credential_removed" => "removed the token of a project's repository",
        "run.started" => "started a run",
        "run.stopped" => "stopped a run",
        "run.decided" => "decided what a run waited for",
        "run.completed" => "completed a run",
        "run.failed" => "ended a run that failed",
        "run.reverted" => "took a merge back",
        "secrets.rotated" => "gave the team's secrets a new key",
        "squad.formed" => "formed a squad",
        "squad.edited" => "changed a squad",
        "squad.rules_changed" => "changed the stages of a squad",
        "squad.archived" => "archived a squad",
        "squad.restored" => "brought a squad back",
        "squad.person_added" => "added a person to a squad",
        "squad.member_removed" => "took a member out of a squad",
        "squad.member_moved" => "changed the hand-off order of a squad",
        "agent.added" => "added an agent to a squad",
        "agent.edited" => "changed an agent",
        "agent_type.created" => "added an agent type",
        "agent_type.edited" => "changed an agent type",
        "agent_type.switched_on" => "switched an agent type on",
        "agent_type.switched_off" => "switched an agent type off",
        "task.created" => "wrote a task",
        "task.edited" => "edited a task",
        "task.moved" => "moved a task",
        "task.reordered" => "put a task elsewhere in its column",
        "task.prioritised" => "changed the priority of a task",
        "task.labelled" => "changed the labels of a task",
        "task.assigned" => "assigned a task",
        "task.deleted" => "deleted a task",
        "task.restored" => "brought a task back",
        "onboarding.skipped" => "skipped a step of the set-up",
        "budget.set" => "set a budget",
        "budget.removed" => "removed a budget",
        "budget.rate_set" => "changed the rate for unknown prices",
        "budget.asked" => "asked for a higher budget",
        "budget.granted" => "granted a higher budget",
        "budget.declined" => "declined a higher budget",
        "budget.paused" => "paused work",
        "budget.resumed" => "resumed paused work",
        "token.created" => "made an access token",
        "token.revoked" => "revoked an access token",
        "gateway_key.created" => "made a key of the model gateway",
        "gateway_key.revoked" => "revoked a key of the model gateway",
        "model_price.agreed" => "set the agreed price of a model",
        "model_price.forgotten" => "removed the agreed price of a model",
        "content.kept" => "decided to keep the words of model calls",
        "content.not_kept" => "decided to keep no words of model calls",
        "content.read" => "read the words of a model call",
        "model_alias.set" => "changed where a name for models leads",
        "repository.push_received" => "pushed to a repository",
        "permission.refused" => "asked for what their role does not allow",
        other => other,
    }
}

/// What it was done to, where the details name it.
pub(super) fn target(entry: &Entry) -> String {
    let details = details(entry);
    ["email", "name", "title", "asked_for", "settings.name", "after.name"]
        .iter()
        .find_map(|key| details.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone()))
        .unwrap_or_default()
}

/// The details as name and value, nested ones with their path: `after.slug`.
pub(super) fn details(entry: &Entry) -> Vec<(String, String)> {
    let mut flat = Vec::new();
    if let Ok(value) = serde_json::from_str(&entry.details) {
        flatten("", &value, &mut flat);
    }
    flat
}

fn flatten(path: &str, value: &Value, into: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&path, value, into);
            }
        }
        Value::Array(items) => {
            let texts: Vec<String> =
                items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect();
            into.push((path.to_owned(), texts.join(", ")));
        }
        Value::String(text) => into.push((path.to_owned(), text.clone())),
        Value::Null => {}
        other => into.push((path.to_owned(), other.to_string())),
    }
}

/// What people call a task: `QUA-12`, after the team `quayside`.
pub(super) fn task_key(slug: &str, number: i32) -> String {
    format!("{}-{number}", prefix(slug))
}

/// The first letter large.
pub(super) fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// What the team's tasks are called after: `QUA` of `quayside`.
pub(crate) fn prefix(slug: &str) -> String {
    slug.chars().filter(char::is_ascii_alphanumeric).take(3).collect::<String>().to_uppercase()
}
