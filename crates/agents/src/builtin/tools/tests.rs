use serde_json::json;

use super::*;

fn call(name: &str, arguments: Value) -> ToolCall {
    ToolCall { id: "c".to_owned(), name: name.to_owned(), arguments }
}

/// A full example of each tool, with everything that is optional.
fn examples() -> Vec<(AgentRole, ToolCall)> {
    use AgentRole::{Architect, Coder, Lead, Reviewer, Tester};
    let edits = json!([
        { "path": "a.py", "action": "create", "new": "x\n" },
        { "path": "b.py", "action": "replace", "old": "x", "new": "y" },
        { "path": "c.py", "action": "delete" },
    ]);
    let step = json!({ "title": "Round", "detail": "To cents.", "role": "coder", "part": "fees" });
    vec![
        (Lead, call("read", json!({ "path": ".", "start_line": 1, "end_line": 20 }))),
        (Lead, call("search", json!({ "pattern": "def ", "path": "src", "glob": "*.py" }))),
        (Coder, call("patch", json!({ "edits": edits }))),
        (Coder, call("run", json!({ "command": "make test", "timeout_seconds": 30 }))),
        (Coder, call("ask", json!({ "question": "Which rate?", "options": ["Old", "New"] }))),
        (Lead, call("finish", json!({ "summary": "s", "steps": [step] }))),
        (Architect, call("finish", json!({ "summary": "s", "notes": "n" }))),
        (Coder, call("finish", json!({ "summary": "s" }))),
        (Tester, call("finish", json!({ "summary": "s" }))),
        (
            Reviewer,
            call(
                "finish",
                json!({ "verdict": "request_changes", "summary": "s", "comments": [{ "path": "a", "line": 3, "text": "t" }] }),
            ),
        ),
    ]
}

/// As much of JSON Schema as our schemas use: types, properties, required, items, enumerations (draft 2020-12).
fn fits(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array) {
        return allowed.contains(value).then_some(()).ok_or(format!("{at}: {value} is not in {allowed:?}"));
    }
    if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
        let fitting = choices.iter().filter(|choice| choice["const"] == *value).count();
        return (fitting == 1).then_some(()).ok_or(format!("{at}: {value} fits {fitting} of {choices:?}"));
    }
    match (schema["type"].as_str(), value) {
        (Some("object"), Value::Object(map)) => {
            let properties = schema["properties"].as_object().ok_or(format!("{at}: no properties"))?;
            assert_eq!(schema["additionalProperties"], json!(false), "{at}");
            for required in schema["required"].as_array().into_iter().flatten() {
                if !map.contains_key(required.as_str().unwrap()) {
                    return Err(format!("{at}: {required} is missing"));
                }
            }
            map.iter().try_for_each(|(key, value)| {
                let property = properties.get(key).ok_or(format!("{at}.{key}: unknown"))?;
                fits(property, value, &format!("{at}.{key}"))
            })
        }
        (Some("array"), Value::Array(items)) => {
            items.iter().try_for_each(|item| fits(&schema["items"], item, &format!("{at}[]")))
        }
        (Some("string"), Value::String(_)) => Ok(()),
        (Some("integer"), Value::Number(number)) if number.is_u64() => Ok(()),
        (kind, _) => Err(format!("{at}: {value} is not {kind:?}")),
    }
}

fn spec_of(role: AgentRole, name: &str) -> ToolSpec {
    tools(role).into_iter().find(|spec| spec.name == name).unwrap()
}

#[test]
fn every_example_fits_its_schema_and_its_type() {
    for (role, call) in examples() {
        let spec = spec_of(role, &call.name);
        fits(&spec.parameters, &call.arguments, &call.name).unwrap();
        parse(role, &call).unwrap();
    }
}

#[test]
fn what_the_schema_requires_the_type_requires() {
    for (role, call) in examples() {
        let spec = spec_of(role, &call.name);
        let required: Vec<&str> =
            spec.parameters["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        for key in spec.parameters["properties"].as_object().unwrap().keys() {
            let mut short = call.clone();
            short.arguments.as_object_mut().unwrap().remove(key);
            if required.contains(&key.as_str()) {
                let error = parse(role, &short).unwrap_err();
                assert!(error.contains(key), "{}.{key}: {error}", call.name);
            } else if !(call.name == "finish" && key == "comments") {
                parse(role, &short).unwrap();
            }
        }
        let mut long = call.clone();
        long.arguments.as_object_mut().unwrap().insert("nonsense".to_owned(), json!(1));
        assert!(parse(role, &long).unwrap_err().contains("nonsense"));
    }
}

#[test]
fn schemas_are_plain() {
    for role in AgentRole::ALL {
        for spec in tools(*role) {
            let text = spec.parameters.to_string();
            for word in ["$ref", "$defs", "$schema", "\"null\"", "\"format\""] {
                assert!(!text.contains(word), "{word} in {text}");
            }
            assert!(spec.parameters["title"].is_null() && spec.parameters["type"] == "object", "{text}");
            assert!(!text.contains('\n') && spec.description.ends_with('.'));
        }
    }
}

#[test]
fn only_coders_and_testers_edit() {
    for role in AgentRole::ALL {
        let edits = tools(*role).iter().any(|spec| spec.name == "patch");
        assert_eq!(edits, matches!(role, AgentRole::Coder | AgentRole::Tester), "{role}");
    }
    let error = parse(AgentRole::Lead, &call("run", json!({ "command": "ls" }))).unwrap_err();
    assert_eq!(error, "There is no tool `run`. Your tools are: read, search, ask, finish.");
}

#[test]
fn refusals_say_what_would_be_right() {
    let cases = [
        (AgentRole::Coder, call("patch", json!({ "edits": [] })), "`edits` is empty"),
        (AgentRole::Coder, call("read", json!("{\"path\": \"a")), "not a JSON object"),
        (AgentRole::Coder, call("read", json!({ "path": 3 })), "expected a string"),
        (AgentRole::Lead, call("finish", json!({ "summary": "s", "steps": [] })), "at least one step"),
        (
            AgentRole::Reviewer,
            call("finish", json!({ "verdict": "request_changes", "summary": "s" })),
            "say what has to change",
        ),
        (AgentRole::Reviewer, call("finish", json!({ "verdict": "fine", "summary": "s" })), "approve"),
    ];
    for (role, call, part) in cases {
        let error = parse(role, &call).unwrap_err();
        assert!(error.contains(part) && error.contains("Its schema is {"), "{error}");
    }
}

#[test]
fn titles_are_one_short_line() {
    assert_eq!(title(&call("run", json!({ "command": "make\ntest" }))), "run make");
    assert_eq!(title(&call("finish", json!({ "summary": "s" }))), "finish");
    let edits = json!({ "edits": [{ "path": "a" }, { "path": "a" }, { "path": "b" }] });
    assert_eq!(title(&call("patch", edits)), "patch a, b");
    assert_eq!(title(&call("read", json!("broken"))), "read");
    assert_eq!(title(&call("search", json!({ "pattern": "x".repeat(500) }))).len(), 127);
}
