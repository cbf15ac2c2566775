//! The server to compare with: axum and maud, the same bytes; for a page of a team also what must be read for it. A page is taken apart into markup and
//! text; the template copies the markup and escapes each text anew, which is what a compiled maud template does.

use std::{collections::HashMap, net::SocketAddr, sync::Arc, thread};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header::COOKIE},
    response::{IntoResponse, Response},
};
use maud::{PreEscaped, html};
use tokio::sync::oneshot;

use super::reads::Reads;
use crate::failure::{Doing, Failure, Outcome};

/// A page as the measured server sent it.
#[derive(Clone)]
pub(crate) struct Page {
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

struct Template {
    headers: HeaderMap,
    parts: Vec<Part>,
}

#[derive(Debug, PartialEq)]
enum Part {
    Markup(String),
    Text(String),
}

struct Site {
    templates: HashMap<String, Template>,
    reads: Option<Reads>,
}

/// Serves the pages, by path, from a runtime of its own until the process ends. With `reads`, each request reads first.
pub(crate) async fn start(pages: HashMap<String, Page>, reads: Option<Reads>) -> Outcome<SocketAddr> {
    let mut templates = HashMap::new();
    for (path, page) in pages {
        let template = Template { headers: page.headers, parts: parts(&page.body) };
        if render(&template.parts) != page.body {
            return Err(Failure::new(format!("The peer's template of {path} does not give the same bytes.")));
        }
        templates.insert(path, template);
    }
    let router = Router::new().fallback(serve).with_state(Arc::new(Site { templates, reads }));
    let (ready, address) = oneshot::channel();
    thread::spawn(move || {
        let ended = run(router, ready);
        if let Err(failure) = ended {
            eprintln!("bench: the peer ended: {failure}");
        }
    });
    address.await.doing(|| "The peer did not start".to_owned())
}

fn run(router: Router, ready: oneshot::Sender<SocketAddr>) -> Outcome {
    let what = || "Cannot run the peer".to_owned();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().doing(what)?;
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.doing(what)?;
        let address = listener.local_addr().doing(what)?;
        ready.send(address).map_err(|_| Failure::new("Nobody waits for the peer."))?;
        axum::serve(listener, router).await.doing(what)
    })
}

async fn serve(State(site): State<Arc<Site>>, uri: Uri, headers: HeaderMap) -> Response {
    if let Some(reads) = &site.reads {
        let cookie = headers.get(COOKIE).and_then(|cookie| cookie.to_str().ok()).unwrap_or_default();
        match reads.page(cookie, uri.path().trim_start_matches('/')).await {
            Ok(Some(_rows)) => {}
            Ok(None) => return StatusCode::UNAUTHORIZED.into_response(),
            Err(error) => {
                eprintln!("bench: the peer could not read: {error}");
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
        }
    }
    match site.templates.get(uri.path()) {
        Some(template) => (template.headers.clone(), render(&template.parts)).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn render(parts: &[Part]) -> String {
    html! {
        @for part in parts {
            @match part {
                Part::Markup(markup) => (PreEscaped(markup)),
                Part::Text(text) => (text),
            }
        }
    }
    .into_string()
}

fn parts(page: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = page;
    while !rest.is_empty() {
        let inside = rest.starts_with('<');
        let end = if inside { rest.find('>').map(|at| at + 1) } else { rest.find('<') };
        let (part, after) = rest.split_at(end.unwrap_or(rest.len()));
        let text = decode(part);
        // What maud would escape in another way stays as it is.
        let same = !inside && render(&[Part::Text(text.clone())]) == part;
        parts.push(if same { Part::Text(text) } else { Part::Markup(part.to_owned()) });
        rest = after;
    }
    parts
}

fn decode(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_taken_apart_renders_to_the_same_bytes() {
        let page = "<!doctype html><p class=\"a\">Salt &amp; pepper &lt;3, it&#39;s</p>\n<br>end";
        let parts = parts(page);
        assert_eq!(render(&parts), page);
        assert!(parts.contains(&Part::Text("end".to_owned())), "{parts:?}");
    }
}
