//! What the page of the gateway tells people to copy: taken from it, and run as it stands there.

use test_needs::{Need, passed_over};
use tokio::process::Command;

use super::{clients::python, *};
use crate::client::Browser;

/// Clients that are told everything by their environment, as the programs are that the settings are for.
const ANTHROPIC: &str = "
from anthropic import Anthropic
message = Anthropic().messages.create(model='default', max_tokens=500, messages=[{'role': 'user', 'content': 'Hello'}])
print(''.join(part.text for part in message.content if part.type == 'text'))";
const GOOGLE: &str = "
from google import genai
client = genai.Client()
print(client.models.generate_content(model='default', contents='Hello').text)";
/// Reads the settings of Codex as that does.
const CODEX: &str = "
import os, sys, tomllib
from openai import OpenAI
settings = tomllib.loads(sys.argv[1])
provider = settings['model_providers'][settings['model_provider']]
assert provider['wire_api'] == 'responses', provider
client = OpenAI(base_url=provider['base_url'], api_key=os.environ[provider['env_key']])
print(client.responses.create(model=settings['model'], input='Hello').output_text)";

/// The texts that the page's buttons copy.
fn snippets(page: &str) -> Vec<String> {
    let plain = |text: &str| {
        let marks = [("&quot;", "\""), ("&#x27;", "'"), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
        marks.iter().fold(text.to_owned(), |text, (mark, letter)| text.replace(mark, letter))
    };
    let texts = page.split(r#"<pre class="snippet__text"><code>"#).skip(1);
    texts.filter_map(|rest| Some(plain(rest.split_once("</code>")?.0))).collect()
}

/// A team of somebody who looks at its pages.
async fn bench() -> (Bench, Browser) {
    let site = Site::with(World::new().await, app::Llm::default());
    site.world.tell_of_writes(&AFTERWARDS).await;
    let browser = Browser::sign_up(&site, "Mira", "Quayside").await;
    let scope = site.world.scope(&site.world.sign_in("Mira").await, "quayside").await;
    let (server, calls) = provider_server().await;
    let provider = add(&site.world, &scope, WireFormat::OpenAiChat, "Server", &server).await;
    let key = key(&site.world, &scope, None).await;
    (Bench { site, scope, calls, server, provider, key }, browser)
}

#[tokio::test]
async fn what_the_page_tells_to_copy_works_as_it_stands_there() {
    let Some(python) = python() else {
        passed_over(Need::ModelClients, "the official Python clients are not installed (deploy/setup.sh --tests)");
        return;
    };
    let (bench, mut mira) = bench().await;
    let page = mira.get(&bench.site, "/quayside/settings/gateway").await;
    assert_eq!(page.status, StatusCode::OK);
    let url = serve(bench.site.router.clone()).await;
    let here = &bench.site.world.muster.settings().public_url;
    let mut texts = snippets(&page.body).into_iter();
    // Only what everybody fills in differs from the page: the key, and the address where this Muster stands.
    let line = texts.next().expect("the line that sets the key").replace("sk-muster-…", &bench.key);
    assert!(line.contains(&bench.key), "{line}");
    let python = python.display();
    let mut ran = 0;
    for text in texts {
        assert!(text.contains(here.as_str()), "{text}");
        let text = text.replace(here.as_str(), &url);
        let (script, argument) = match text.split([' ', '=']).nth(1) {
            Some("ANTHROPIC_BASE_URL") => (format!("{line}\n{text}\nexec {python} -c \"$0\""), ANTHROPIC),
            Some("GOOGLE_GEMINI_BASE_URL") => (format!("{line}\n{text}\nexec {python} -c \"$0\""), GOOGLE),
            Some("os\nfrom") => (format!("{line}\nexec {python} -c \"$0\""), text.as_str()),
            _ if text.contains("[model_providers.muster]") => {
                (format!("{line}\nexec {python} -c \"$0\" \"$1\""), CODEX)
            }
            _ => panic!("nobody runs this yet: {text}"),
        };
        let run = Command::new("sh")
            .args(["-c", &script, argument, &text])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .kill_on_drop(true)
            .output();
        let output = run.await.expect("a shell");
        let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && out.starts_with("Reading."), "{text}\n{out}\n{error}");
        ran += 1;
    }
    assert_eq!(ran, 5, "each program that the page names");
    assert_eq!(bench.ledger(ran).await.len(), ran);
    bench.end().await;
}
