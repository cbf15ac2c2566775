//! Pages that are the same for every stranger are drawn once and kept, compressed too.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Write},
    sync::{Arc, PoisonError, RwLock},
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use orchestrator::Error;

use crate::{
    appearance::Appearance,
    coding::accepts,
    failure::Failure,
    layout::public::Public,
    pages::{accessibility, auth::sign_in, home, pricing, security},
    request::Visitor,
    state::PageSettings,
};

/// A page that depends on nothing of its visitor but how it is to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Leaf {
    Home,
    Pricing,
    Security,
    Accessibility,
    SignIn,
}

impl Leaf {
    /// The address without a query: one with a query may be another page, and comes back to another address.
    const fn path(self) -> &'static str {
        match self {
            Self::Home => "/",
            Self::Pricing => "/pricing",
            Self::Security => "/security",
            Self::Accessibility => "/accessibility",
            Self::SignIn => "/sign-in",
        }
    }

    fn draw(self, public: &Public, settings: &PageSettings) -> String {
        match self {
            Self::Home => home::page(public),
            Self::Pricing => pricing::page(public, pricing::Period::default()),
            Self::Security => security::page(public, settings.contact.as_deref()),
            Self::Accessibility => accessibility::page(public, settings.contact.as_deref()),
            Self::SignIn => sign_in::page(public, &sign_in::SignIn::default()),
        }
    }
}

/// All that a kept page was drawn from, besides the installation's settings. It holds no word of a visitor, and the page is
/// drawn from it alone: what is personal has no way onto the shelf. There are few values, so the shelf is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Look {
    leaf: Leaf,
    appearance: Appearance,
}

impl Look {
    /// `None` for who is signed in, and for an address with a query.
    pub(crate) fn of(leaf: Leaf, visitor: &Visitor) -> Option<Self> {
        let plain = visitor.who.is_none() && visitor.path == leaf.path();
        plain.then_some(Self { leaf, appearance: visitor.appearance })
    }

    fn draw(self, settings: &PageSettings) -> String {
        let public = Public { appearance: self.appearance, signed_in: None, path: self.leaf.path().to_owned() };
        self.leaf.draw(&public, settings)
    }
}

#[derive(Default)]
pub(crate) struct Shelf(RwLock<HashMap<Look, Arc<Print>>>);

impl Shelf {
    /// The page as an answer; empty with 304 where the visitor has this very page.
    pub(crate) fn answer(&self, look: Look, settings: &PageSettings, request: &HeaderMap) -> Result<Response, Failure> {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&look).cloned();
        let print = match kept {
            Some(print) => print,
            None => {
                let print = Arc::new(Print::new(look.draw(settings)).map_err(|error| Error::Internal(error.into()))?);
                self.0.write().unwrap_or_else(PoisonError::into_inner).insert(look, Arc::clone(&print));
                print
            }
        };
        Ok(print.answer(request))
    }
}

/// A page in every coding that it is sent in.
struct Print {
    brotli: Copy,
    gzip: Copy,
    plain: Copy,
}

struct Copy {
    bytes: Bytes,
    tag: HeaderValue,
}

impl Print {
    fn new(page: String) -> io::Result<Self> {
        // The same in every process of one build: any of them may be asked whether the page has changed.
        let mut hasher = DefaultHasher::new();
        page.hash(&mut hasher);
        let hash = hasher.finish();
        let copy = |coding: &str, bytes: Vec<u8>| {
            let tag = HeaderValue::from_str(&format!("\"{hash:016x}{coding}\"")).map_err(io::Error::other)?;
            Ok::<_, io::Error>(Copy { bytes: bytes.into(), tag })
        };
        Ok(Self {
            brotli: copy("-br", brotli(page.as_bytes())?)?,
            gzip: copy("-gzip", gzip(page.as_bytes())?)?,
            plain: copy("", page.into_bytes())?,
        })
    }

    fn answer(&self, request: &HeaderMap) -> Response {
        let (coding, copy) = if accepts(request, "br") {
            (Some("br"), &self.brotli)
        } else if accepts(request, "gzip") {
            (Some("gzip"), &self.gzip)
        } else {
            (None, &self.plain)
        };
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(header::ETAG, copy.tag.clone());
        // Asked again each time: after signing in the same address is another page.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding, cookie"));
        if knows(request, &copy.tag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        if let Some(coding) = coding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        *response.body_mut() = Body::from(copy.bytes.clone());
        response
    }
}

/// Whether `If-None-Match` names the tag (RFC 9110, 13.1.2: compared weakly).
fn knows(request: &HeaderMap, tag: &HeaderValue) -> bool {
    let known = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    known
        .flat_map(|list| list.split(','))
        .any(|known| known.trim().trim_start_matches("W/").as_bytes() == tag.as_bytes())
}

fn gzip(page: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(page)?;
    encoder.finish()
}

fn brotli(page: &[u8]) -> io::Result<Vec<u8>> {
    // Better than what is compressed per answer, and quick enough for the first visitor.
    let settings = brotli::enc::BrotliEncoderParams { quality: 9, ..Default::default() };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &*page, &mut compressed, &settings)?;
    Ok(compressed)
}

#[cfg(test)]
mod tests {
    use orchestrator::Origin;

    use super::*;

    fn visitor(path: &str) -> Visitor {
        Visitor {
            who: None,
            arrived: None,
            appearance: Appearance::default(),
            path: path.to_owned(),
            origin: Origin::internal(),
            session: None,
            browser: None,
            flash: None,
        }
    }

    fn settings() -> PageSettings {
        PageSettings { secure_cookies: true, development: false, outbox: None, version: "1", contact: None }
    }

    fn ask(shelf: &Shelf, headers: &[(&'static str, &str)]) -> Response {
        let look = Look::of(Leaf::Home, &visitor("/")).expect("a stranger");
        let headers = headers.iter().map(|(name, value)| (name.parse().expect("name"), value.parse().expect("value")));
        shelf.answer(look, &settings(), &headers.collect()).expect("a page")
    }

    #[test]
    fn a_page_is_kept_for_strangers_at_its_plain_address_alone() {
        assert!(Look::of(Leaf::SignIn, &visitor("/sign-in")).is_some());
        assert!(Look::of(Leaf::SignIn, &visitor("/sign-in?next=/quayside")).is_none());
        assert!(Look::of(Leaf::Pricing, &visitor("/pricing?period=yearly")).is_none());
        let user = orchestrator::accounts::User {
            id: types::UserId::new(),
            name: "Mara".to_owned(),
            email: "mara@example.com".to_owned(),
        };
        let signed_in_at = time::OffsetDateTime::UNIX_EPOCH;
        let who = orchestrator::accounts::SignedIn { session: types::SessionId::new(), user, signed_in_at };
        assert!(Look::of(Leaf::Home, &Visitor { who: Some(who), ..visitor("/") }).is_none());
    }

    #[tokio::test]
    async fn each_coding_is_the_same_page_and_has_a_tag_that_answers_304() {
        let shelf = Shelf::default();
        let plain = body(ask(&shelf, &[])).await;
        assert!(plain.starts_with(b"<!doctype html>"));
        for (coding, unpack) in [("br", unbrotli as fn(&[u8]) -> Vec<u8>), ("gzip", ungzip)] {
            let answer = ask(&shelf, &[("accept-encoding", coding)]);
            assert_eq!(answer.headers()["content-encoding"], coding);
            let tag = answer.headers()["etag"].to_str().expect("text").to_owned();
            assert_eq!(unpack(&body(answer).await), plain, "{coding}");
            let again = ask(&shelf, &[("accept-encoding", coding), ("if-none-match", &tag)]);
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{coding}");
            assert!(body(again).await.is_empty());
            assert_eq!(ask(&shelf, &[("if-none-match", &tag)]).status(), StatusCode::OK, "another representation");
        }
    }

    #[test]
    fn looks_differ_by_theme() {
        let light = "light.normal".parse().expect("an appearance");
        let look = Look { leaf: Leaf::Home, appearance: light };
        assert!(look.draw(&settings()).contains("data-theme=\"light\""));
        assert_ne!(Some(look), Look::of(Leaf::Home, &visitor("/")));
    }

    async fn body(answer: Response) -> Vec<u8> {
        axum::body::to_bytes(answer.into_body(), 1 << 20).await.expect("a body").to_vec()
    }

    fn unbrotli(bytes: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        brotli::BrotliDecompress(&mut &*bytes, &mut plain).expect("brotli");
        plain
    }

    fn ungzip(bytes: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes), &mut plain).expect("gzip");
        plain
    }
}
