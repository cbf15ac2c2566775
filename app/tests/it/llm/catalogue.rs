//! Which models a key may ask for, by which names, and which of its words are kept.

use super::*;

#[tokio::test]
async fn a_model_that_a_project_may_not_use_is_refused_in_the_clients_format() {
    let mut bench = Bench::open(WireFormat::OpenAiChat).await;
    let muster = &bench.site.world.muster;
    let source = orchestrator::work::Source::Empty;
    let can = bench.scope.can().expect("owner");
    let project = muster.create_project(&can, "careful", &source).await.expect("a project");
    let found = muster.project(&bench.scope.can().expect("owner"), project).await.expect("the project");
    let settings = orchestrator::work::ProjectSettings {
        name: found.name,
        description: found.description,
        default_branch: found.default_branch,
        commands: found.commands,
        egress_allow: found.egress_allow,
        models_inside: found.models_inside,
        allowed_models: vec!["demo/*".into()],
        limits: found.limits,
    };
    muster.update_project(&bench.scope.can().expect("owner"), project, &settings).await.expect("allowed");
    bench.key = key(&bench.site.world, &bench.scope, Some(project)).await;
    let message = json!([{"role": "user", "content": "Go."}]);
    let chat = json!({"model": "server/m", "messages": message});
    let anthropic = json!({"model": "server/m", "max_tokens": 10, "messages": message});
    let gemini = json!({"contents": [{"role": "user", "parts": [{"text": "Go."}]}]});
    for (path, body, kind) in [
        ("/llm/openai/v1/chat/completions", &chat, "permission_denied"),
        ("/llm/anthropic/v1/messages", &anthropic, "permission_error"),
        ("/llm/gemini/v1beta/models/server/m:generateContent", &gemini, "PERMISSION_DENIED"),
    ] {
        let (status, headers, body) = bench.post(path, body).await;
        assert_eq!((status, headers["x-should-retry"].to_str().ok()), (StatusCode::FORBIDDEN, Some("false")), "{body}");
        assert!(body.contains(kind) && body.contains("The project careful may not use the model server/m."), "{body}");
        assert!(body.contains("Whoever may change projects can add it"), "{body}");
    }
    assert_eq!(bench.calls(), 0);
    assert_eq!(bench.get("/llm/openai/v1/models/server/m").await.0, StatusCode::FORBIDDEN);
    let (_, list) = bench.get("/llm/openai/v1/models").await;
    assert!(list.contains("demo/demo") && !list.contains("server/m"), "{list}");
    bench.end().await;
}

#[tokio::test]
async fn one_model_is_found_by_any_of_its_names() {
    let bench = Bench::open(WireFormat::OpenAiChat).await;
    for (path, part) in [
        ("/llm/openai/v1/models/server/m", r#""id":"server/m""#),
        ("/llm/openai/v1/models/server%2Fm", r#""id":"server/m""#),
        ("/llm/openai/v1/models/default", r#""object":"model""#),
        ("/llm/anthropic/v1/models/m", r#""id":"m""#),
        ("/llm/gemini/v1beta/models/server/m", r#""name":"models/server/m""#),
        ("/llm/gemini/v1/models/demo/demo", r#""name":"models/demo/demo""#),
    ] {
        let (status, body) = bench.get(path).await;
        assert!(status == StatusCode::OK && body.contains(part), "{path}: {body}");
    }
    for (path, part) in [
        ("/llm/openai/v1/models/no/such", "model_not_found"),
        ("/llm/anthropic/v1/models/server/such", "not_found_error"),
        ("/llm/gemini/v1beta/models/such", "NOT_FOUND"),
    ] {
        let (status, body) = bench.get(path).await;
        assert!(status == StatusCode::NOT_FOUND && body.contains(part), "{path}: {body}");
    }
    bench.end().await;
}

#[tokio::test]
async fn words_are_kept_for_a_team_that_wants_it_and_read_from_the_ledger() {
    for kind in WireFormat::ALL {
        let bench = Bench::open(kind).await;
        let muster = &bench.site.world.muster;
        assert_eq!(bench.chat("Go.", json!({"stream": true})).await.0, StatusCode::OK);
        bench.ledger(1).await;
        muster.keep_content(&bench.scope.can().expect("owner"), 7).await.expect("on");
        let secret = "ghp_0123456789abcdefghij";
        assert_eq!(bench.chat(&format!("Go. {secret}"), json!({"stream": true})).await.0, StatusCode::OK);
        assert_eq!(bench.chat("Go on.", json!({})).await.0, StatusCode::OK);
        bench.ledger(3).await;
        let kept = bench.kept(2).await;
        let mut texts = Vec::new();
        for call in kept {
            let (budgets, files) = (bench.scope.can().expect("owner"), bench.scope.can().expect("owner"));
            let content = muster.call_content(&budgets, &files, call).await.expect("kept");
            assert!(content.answer.contains("Reading."), "{}", content.answer);
            texts.push(content.request);
        }
        texts.sort();
        assert!(texts.iter().any(|text| text.contains("Go. [secret]")), "{texts:?}");
        assert!(texts.iter().any(|text| text.contains("Go on.")) && !texts.concat().contains(secret), "{texts:?}");
        bench.end().await;
    }
}
