//! What was asked and answered in one model call.

use leptos::prelude::*;
use orchestrator::models::CallContent;

use crate::{
    components::{
        button::Button,
        section::{page_head, section},
        time::moment,
    },
    layout::shell::{self, Shell},
};

#[must_use]
pub fn page(shell: &Shell, content: &CallContent) -> String {
    let sub = "Kept because the team asked for it, without what looked like a key or a token. That you opened it is in the audit log.";
    let back = Button::new("Back to the ledger").link(shell.link("/budgets/ledger"));
    let task = content.task.map(|number| {
        let href = shell.link(&format!("/tasks/{number}"));
        view! { <dt>"Task"</dt><dd><a class="id" href=href>{format!("#{number}")}</a></dd> }
    });
    let agent = content.agent.clone().map(|name| view! { <dt>"Agent"</dt><dd>{name}</dd> });
    let main = view! {
        {page_head("A model call", sub, Some(back))}
        <dl class="facts">
            <dt>"Provider"</dt><dd>{content.provider.clone()}</dd>
            <dt>"Model"</dt><dd>{content.model.clone()}</dd>
            {task}
            {agent}
            <dt>"Answered"</dt><dd>{moment(content.kept_at)}</dd>
            <dt>"Deleted"</dt><dd>{moment(content.expires_at)}</dd>
        </dl>
        {section("request", "Request", None, None, words(&content.request))}
        {section("answer", "Answer", None, None, words(&content.answer))}
    };
    shell::page(shell, "A model call", false, main.into_any())
}

/// JSON is laid out for reading; anything else, and JSON of which the middle is left out, stands as it came.
fn words(text: &str) -> AnyView {
    let json: Option<serde_json::Value> = serde_json::from_str(text).ok();
    let shown = json.and_then(|json| serde_json::to_string_pretty(&json).ok()).unwrap_or_else(|| text.to_owned());
    view! { <div class="snippet"><pre class="snippet__text"><code>{shown}</code></pre></div> }.into_any()
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};
    use types::BuiltinRole;

    use super::*;
    use crate::layout::shell::tests::shell;

    #[test]
    fn words_stand_as_text() {
        let at = datetime!(2026-11-20 9:00 UTC);
        let content = CallContent {
            provider: "Own".to_owned(),
            model: "m".to_owned(),
            task: Some(7),
            agent: Some("coder".to_owned()),
            request: r#"{"content":"<script>alert(1)</script>"}"#.to_owned(),
            answer: "</code></pre><b>".to_owned(),
            kept_at: at,
            expires_at: at + Duration::days(7),
        };
        let html = page(&shell(BuiltinRole::Owner), &content);
        assert!(
            html.contains("&lt;script&gt;alert(1)") && html.contains("&lt;/code&gt;&lt;/pre&gt;&lt;b&gt;"),
            "{html}"
        );
        assert!(html.contains("/quayside/tasks/7"), "{html}");
    }
}
