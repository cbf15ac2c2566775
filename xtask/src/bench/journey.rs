use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Method, Request, StatusCode, body::Bytes, header};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

use crate::failure::{Doing, Failure, Outcome};

const MAIL_PATIENCE: Duration = Duration::from_secs(10);

/// Enough of a browser to sign up: cookies and forms, no redirects.
pub(crate) struct Browser {
    address: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
    cookies: BTreeMap<String, String>,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Browser {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, client: Client::builder(TokioExecutor::new()).build_http(), cookies: BTreeMap::new() }
    }

    /// The value of the `Cookie` header.
    pub(crate) fn cookies(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    pub(crate) async fn get(&mut self, path: &str) -> Outcome<Answer> {
        self.ask(Method::GET, path, String::new()).await
    }

    /// Posts a form; its values hold nothing that would need encoding. Where it leads is returned.
    pub(crate) async fn post(&mut self, path: &str, form: &str) -> Outcome<String> {
        let answer = self.ask(Method::POST, path, form.to_owned()).await?;
        let to = answer.headers.get(header::LOCATION).and_then(|to| to.to_str().ok());
        let to = to.filter(|_| answer.status == StatusCode::SEE_OTHER);
        to.map(str::to_owned).ok_or_else(|| Failure::new(format!("POST {path} answered {}.", answer.status)))
    }

    pub(crate) async fn ask(&mut self, method: Method, path: &str, form: String) -> Outcome<Answer> {
        let what = || format!("{path} was not answered");
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header(header::COOKIE, self.cookies())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(Full::from(form))
            .doing(what)?;
        let response = self.client.request(request).await.doing(what)?;
        let (head, body) = response.into_parts();
        for cookie in head.headers.get_all(header::SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok()) {
            if let Some((name, value)) = cookie.split(';').next().and_then(|pair| pair.split_once('=')) {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let body = body.collect().await.doing(what)?.to_bytes();
        let body = String::from_utf8(body.to_vec()).doing(|| format!("{path} answered no text"))?;
        Ok(Answer { status: head.status, headers: head.headers, body })
    }
}

/// Signs a person up with a team, by the same forms as everybody. The team's address is returned.
pub(crate) async fn sign_up(browser: &mut Browser) -> Outcome<String> {
    browser.post("/sign-up", "email=bench@example.com").await?;
    let code = mailed_code(browser).await?;
    browser.post("/sign-up/verify", &format!("code={code}")).await?;
    let to = browser.post("/sign-up/account", "name=Bench&password=violet-anchor-93-meadow&team=Bench").await?;
    let slug = to.trim_start_matches('/').split('/').next().unwrap_or_default();
    Ok(format!("/{slug}"))
}

/// Mail is sent beside the request, so it may come a moment later.
async fn mailed_code(browser: &mut Browser) -> Outcome<String> {
    let started = Instant::now();
    while started.elapsed() < MAIL_PATIENCE {
        if let Some(code) = code(&browser.get("/outbox").await?.body) {
            return Ok(code);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(Failure::new("The outbox shows no code."))
}

/// The first number of six digits in the text of a page.
fn code(page: &str) -> Option<String> {
    let text = page.split('<').filter_map(|piece| Some(piece.split_once('>')?.1));
    text.flat_map(|text| text.split(|letter: char| !letter.is_ascii_alphanumeric()))
        .find(|word| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit()))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn the_code_is_read_from_text_and_not_from_attributes() {
        let page = "<a href=\"/outbox/123456\">Mail</a><pre>Your code is 042137.\nIt holds for 10 minutes.</pre>";
        assert_eq!(code(page).as_deref(), Some("042137"));
        assert_eq!(code("<p>no code</p>"), None);
    }
}
