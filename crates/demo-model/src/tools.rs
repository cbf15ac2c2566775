//! A recording names Muster's own tools; other agents offer theirs under other names.

use serde_json::{Map, Value, json};

use crate::{script::Call, seen::Tool};

// What agents call their shell: Muster, OpenCode and pi, Claude Code, Codex (two ages), Gemini CLI and Qwen Code, others.
const SHELLS: &[&str] = &[
    "run",
    "bash",
    "Bash",
    "exec_command",
    "shell",
    "shell_command",
    "run_shell_command",
    "execute_command",
    "run_command",
    "run_terminal_cmd",
    "terminal",
];

/// The name and arguments by which `call` is made with what is offered; `None` where nothing offered can do it.
pub(crate) fn fit(call: &Call, offered: &[Tool]) -> Option<(String, Value)> {
    if let Some(tool) = offered.iter().find(|tool| tool.name == call.tool) {
        let arguments = call.arguments.as_object().cloned().unwrap_or_default();
        return Some((tool.name.clone(), filled(arguments, &tool.schema)));
    }
    let own = (call.tool == "run").then(|| call.arguments["command"].as_str()).flatten();
    let command = call.shell.as_deref().or(own)?;
    let tool = SHELLS.iter().find_map(|name| offered.iter().find(|tool| tool.name == *name))?;
    let properties = &tool.schema["properties"];
    let place =
        ["command", "cmd", "script"].into_iter().find(|name| properties.get(name).is_some()).unwrap_or("command");
    let value = if type_of(&properties[place]) == "array" { json!(["bash", "-lc", command]) } else { command.into() };
    let arguments = Map::from_iter([(place.to_owned(), value)]);
    Some((tool.name.clone(), filled(arguments, &tool.schema)))
}

/// Adds what the schema requires and the recording does not have.
fn filled(mut arguments: Map<String, Value>, schema: &Value) -> Value {
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !arguments.contains_key(name) {
            arguments.insert(name.to_owned(), plain(&schema["properties"][name]));
        }
    }
    Value::Object(arguments)
}

fn type_of(schema: &Value) -> String {
    // A list of types has the real one first, "null" behind it; Gemini writes them in capitals.
    let name = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    name.unwrap_or_default().to_ascii_lowercase()
}

fn plain(schema: &Value) -> Value {
    if let Some(value) = schema.get("default").or_else(|| schema["enum"].get(0)) {
        return value.clone();
    }
    match type_of(schema).as_str() {
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or_else(|| 1.into()),
        "boolean" => false.into(),
        "array" => json!([]),
        "object" => json!({}),
        _ => "As recorded".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(name: &str, schema: Value) -> Tool {
        Tool { name: name.into(), schema }
    }

    fn run(command: &str) -> Call {
        Call { tool: "run".into(), arguments: json!({"command": command}), shell: None }
    }

    #[test]
    fn each_agents_shell_is_found_and_filled() {
        let claude = tool(
            "Bash",
            json!({"properties": {"command": {"type": "string"}, "description": {"type": "string"}}, "required": ["command", "description"]}),
        );
        assert_eq!(
            fit(&run("ls"), &[claude]),
            Some(("Bash".into(), json!({"command": "ls", "description": "As recorded"})))
        );
        let codex = tool("exec_command", json!({"properties": {"cmd": {"type": "string"}}, "required": ["cmd"]}));
        assert_eq!(fit(&run("ls"), &[codex]), Some(("exec_command".into(), json!({"cmd": "ls"}))));
        let older = tool("shell", json!({"properties": {"command": {"type": "array"}}}));
        assert_eq!(fit(&run("ls"), &[older]), Some(("shell".into(), json!({"command": ["bash", "-lc", "ls"]}))));
        let gemini = tool(
            "run_shell_command",
            json!({"properties": {"command": {"type": "STRING"}, "wait": {"type": "BOOLEAN"}}, "required": ["command", "wait"]}),
        );
        assert_eq!(
            fit(&run("ls"), &[gemini]),
            Some(("run_shell_command".into(), json!({"command": "ls", "wait": false})))
        );
    }

    #[test]
    fn a_tool_that_is_not_offered_becomes_a_command_or_nothing() {
        let read = Call { tool: "read".into(), arguments: json!({"path": "a"}), shell: Some("cat a".into()) };
        let own = tool("read", json!({}));
        assert_eq!(fit(&read, &[own]), Some(("read".into(), json!({"path": "a"}))));
        let bash = tool("bash", json!({"properties": {"command": {"type": "string"}}}));
        assert_eq!(fit(&read, &[bash]), Some(("bash".into(), json!({"command": "cat a"}))));
        assert_eq!(fit(&Call { shell: None, ..read }, &[tool("bash", json!({}))]), None);
    }
}
