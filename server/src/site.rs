use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use app::accepts;
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path as UrlPath, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};

include!(concat!(env!("OUT_DIR"), "/site.rs"));

const MANIFEST: &str = "assets.json";
/// Names hold a hash of the content, so what a name stands for never changes.
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// What browsers load: files named after their content, with their compressed copies, all in memory.
#[derive(Debug, Default)]
pub struct Site {
    files: HashMap<Cow<'static, str>, Bytes>,
    manifest: app::assets::Manifest,
}

/// Why there is no usable site.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    #[error(
        "The browser's files are not built: run `cargo xtask assets`, then build the server again, or set MUSTER_SITE."
    )]
    NotBuilt,
    #[error("The browser's files in {} cannot be read: {cause}.", folder.display())]
    Unreadable { folder: PathBuf, cause: io::Error },
    #[error("The list of the browser's files cannot be read: {0}.")]
    Manifest(serde_json::Error),
    #[error(
        "The islands were built from another source than this server ({rendered}, but {exported}): run `cargo xtask assets`."
    )]
    OtherIslands { rendered: String, exported: String },
}

impl Site {
    /// The files of `folder`, or, without one, those in this binary; a debug build reads the folder that
    /// `cargo xtask assets` writes.
    ///
    /// # Errors
    /// When there are none, or they cannot be read, or their islands are not this build's.
    pub fn load(folder: Option<&Path>) -> Result<Self, SiteError> {
        let site = match folder.or_else(|| (!BESIDE.is_empty()).then(|| Path::new(BESIDE))) {
            Some(folder) => Self::read(folder)?,
            None => Self::new(
                EMBEDDED.iter().map(|(name, content)| (Cow::Borrowed(*name), Bytes::from_static(content))).collect(),
            )?,
        };
        site.check_islands()?;
        Ok(site)
    }

    fn read(folder: &Path) -> Result<Self, SiteError> {
        let unreadable = |cause| SiteError::Unreadable { folder: folder.to_owned(), cause };
        if !folder.join(MANIFEST).exists() {
            return Err(SiteError::NotBuilt);
        }
        let mut files = HashMap::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            if let Ok(name) = entry.file_name().into_string()
                && !name.starts_with('.')
            {
                files.insert(name.into(), fs::read(entry.path()).map_err(unreadable)?.into());
            }
        }
        Self::new(files)
    }

    fn new(mut files: HashMap<Cow<'static, str>, Bytes>) -> Result<Self, SiteError> {
        let manifest = files.remove(MANIFEST).ok_or(SiteError::NotBuilt)?;
        let manifest = serde_json::from_slice(&manifest).map_err(SiteError::Manifest)?;
        Ok(Self { files, manifest })
    }

    /// What pages need to name the files.
    #[must_use]
    pub fn manifest(&self) -> app::assets::Manifest {
        self.manifest.clone()
    }

    /// `GET` and `HEAD /assets/{name}`.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new().route("/assets/{name}", get(serve)).with_state(self)
    }

    /// Leptos names an island after its source. With other names a page would look right and never wake.
    fn check_islands(&self) -> Result<(), SiteError> {
        let glue = self.files.iter().find(|(name, _)| name.starts_with("islands.") && name.ends_with(".js"));
        let exported = glue.map(|(_, glue)| exported_islands(&String::from_utf8_lossy(glue))).unwrap_or_default();
        let rendered = islands::component_names();
        if rendered == exported {
            return Ok(());
        }
        let list = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(" ");
        Err(SiteError::OtherIslands { rendered: list(rendered), exported: list(exported) })
    }
}

/// The exports whose name ends in an island's hash.
fn exported_islands(glue: &str) -> BTreeSet<String> {
    let exports = glue.lines().filter_map(|line| line.strip_prefix("export function ")?.split('(').next());
    let is_island = |name: &&str| {
        name.rsplit_once('_').is_some_and(|(_, hash)| hash.len() > 8 && hash.bytes().all(|byte| byte.is_ascii_digit()))
    };
    exports.filter(is_island).map(str::to_owned).collect()
}

async fn serve(State(site): State<Arc<Site>>, UrlPath(name): UrlPath<String>, request: HeaderMap) -> Response {
    // The compressed copies are answers to the plain name, not addresses of their own.
    let Some(plain) = site.files.get(name.as_str()).filter(|_| content_type(&name).is_some()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let copies = [("br", ".br"), ("gzip", ".gz")];
    let accepted = copies.into_iter().filter(|(coding, _)| accepts(&request, coding));
    let copy = accepted
        .filter_map(|(coding, ending)| Some((coding, site.files.get(format!("{name}{ending}").as_str())?)))
        .next();
    let (coding, content) = copy.map_or((None, plain), |(coding, content)| (Some(coding), content));
    respond(&name, coding, content.clone(), &request)
}

fn respond(name: &str, coding: Option<&'static str>, content: Bytes, request: &HeaderMap) -> Response {
    let tag = format!("\"{name}{}\"", coding.map(|coding| format!("-{coding}")).unwrap_or_default());
    let unchanged = request.get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok()).is_some_and(|known| {
        known.split(',').map(str::trim).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
    });
    let mut response =
        if unchanged { StatusCode::NOT_MODIFIED.into_response() } else { Response::new(Body::from(content)) };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, FOREVER);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    if let Some(kind) = content_type(name).filter(|_| !unchanged) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    if let Some(coding) = coding.filter(|_| !unchanged) {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

/// None for what is not an asset of its own.
fn content_type(name: &str) -> Option<&'static str> {
    Some(match name.rsplit('.').next()? {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use http::{Method, Request};
    use tower::ServiceExt;

    use super::*;

    const NAME: &str = "app.0123456789ab.css";

    fn site() -> Arc<Site> {
        let manifest = format!("{{\"app.css\":\"{NAME}\"}}");
        let files = [
            (MANIFEST.to_owned(), manifest),
            (NAME.to_owned(), "plain".to_owned()),
            (format!("{NAME}.br"), "brotli".to_owned()),
            (format!("{NAME}.gz"), "gzip".to_owned()),
            ("islands.00.wasm".to_owned(), "wasm".to_owned()),
        ];
        Arc::new(Site::new(files.into_iter().map(|(name, text)| (name.into(), text.into())).collect()).unwrap())
    }

    async fn ask(method: Method, name: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, String) {
        let mut request = Request::builder().method(method).uri(format!("/assets/{name}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = site().router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 1_000_000).await.unwrap();
        (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn the_coding_follows_what_the_browser_accepts() {
        for (accepted, body, coding) in [
            ("gzip, deflate, br", "brotli", Some("br")),
            ("gzip", "gzip", Some("gzip")),
            ("br;q=0, gzip;q=0.5", "gzip", Some("gzip")),
            ("identity", "plain", None),
            ("br;q=nonsense", "plain", None),
        ] {
            let (status, headers, found) = ask(Method::GET, NAME, &[("accept-encoding", accepted)]).await;
            assert_eq!((status, found.as_str()), (StatusCode::OK, body), "{accepted}");
            assert_eq!(headers.get("content-encoding").map(|value| value.to_str().unwrap()), coding, "{accepted}");
            assert_eq!(headers["vary"], "accept-encoding");
            assert_eq!(headers["content-type"], "text/css; charset=utf-8");
            assert_eq!(headers["cache-control"], "public, max-age=31536000, immutable");
        }
    }

    #[tokio::test]
    async fn a_known_copy_is_not_sent_again_and_each_coding_has_its_tag() {
        let (_, headers, _) = ask(Method::GET, NAME, &[("accept-encoding", "br")]).await;
        let tag = headers["etag"].to_str().unwrap().to_owned();
        let known = [("accept-encoding", "br"), ("if-none-match", tag.as_str())];
        let (status, headers, body) = ask(Method::GET, NAME, &known).await;
        assert_eq!((status, body.as_str()), (StatusCode::NOT_MODIFIED, ""));
        assert_eq!(headers["etag"], tag);
        let (status, ..) = ask(Method::GET, NAME, &[("if-none-match", tag.as_str())]).await;
        assert_eq!(status, StatusCode::OK, "the plain file is another representation");
    }

    #[tokio::test]
    async fn head_has_no_body_and_wasm_its_type() {
        let (status, headers, body) = ask(Method::HEAD, "islands.00.wasm", &[]).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, ""));
        assert_eq!(headers["content-type"], "application/wasm");
        assert_eq!(headers["content-length"], "4");
    }

    #[tokio::test]
    async fn what_is_no_asset_is_not_found() {
        for name in ["app.css", "app.0123456789ab.css.br", "assets.json", "..%2fassets.json", ".stamp"] {
            let (status, ..) = ask(Method::GET, name, &[]).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{name}");
        }
    }

    #[test]
    fn only_islands_are_read_from_the_glue() {
        let glue = "export function Palette_5348329509098645531(el) {\nexport function hydrate() {\nexport function init_1() {\n";
        assert_eq!(exported_islands(glue), BTreeSet::from(["Palette_5348329509098645531".to_owned()]));
    }

    /// Skipped only where no site was built; `xtask test` builds one first.
    #[test]
    fn the_built_site_has_this_builds_islands() {
        match Site::load(None) {
            Ok(_) => {}
            Err(error @ SiteError::NotBuilt) => test_needs::passed_over(test_needs::Need::Site, error),
            Err(error) => panic!("{error}"),
        }
    }
}
