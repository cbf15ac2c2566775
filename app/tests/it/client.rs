use app::{App, PageSettings, router, routes::Route, with_failure_pages};
use axum::{Router, body::Body};
use http::{
    Method, Request, StatusCode,
    header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE},
};
use http_body_util::BodyExt;
use orchestrator::testing::World;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// The website over a database of its own.
pub(crate) struct Site {
    pub(crate) world: World,
    pub(crate) router: Router,
    pub(crate) app: App,
    pub(crate) table: Vec<Route>,
    /// Cancelled to say that the process leaves.
    pub(crate) leaving: CancellationToken,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) location: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

/// A browser: keeps cookies, and nothing else.
#[derive(Clone, Default)]
pub(crate) struct Browser {
    cookies: std::collections::BTreeMap<String, String>,
}

impl Site {
    pub(crate) async fn open() -> Self {
        Self::over(World::new().await)
    }

    /// As customers meet it: without what is for whoever builds it.
    pub(crate) async fn in_production() -> Self {
        Self::built(World::new().await, false, app::Llm::default())
    }

    pub(crate) fn over(world: World) -> Self {
        Self::with(world, app::Llm::default())
    }

    pub(crate) fn with(world: World, llm: app::Llm) -> Self {
        Self::built(world, true, llm)
    }

    fn built(world: World, development: bool, llm: app::Llm) -> Self {
        let settings = PageSettings { secure_cookies: true, development, outbox: None, version: "test", contact: None };
        let store = artifacts::Store::new(&artifacts::StoreSettings {
            endpoint: Some("http://127.0.0.1:9".into()),
            public_endpoint: None,
            region: "local".into(),
            bucket: "muster".into(),
            access_key: "muster".into(),
            secret_key: "a secret of tests".into(),
            path_style: true,
        });
        let leaving = CancellationToken::new();
        let parts = app::Parts { muster: world.muster.clone(), store, settings, llm, leaving: leaving.clone() };
        let app = App::new(parts);
        let (router, table) = router(app.clone());
        let router = with_failure_pages(router, app.clone());
        Self { world, router, app, table, leaving }
    }

    pub(crate) async fn end(self) {
        drop((self.router, self.app));
        self.world.end().await;
    }
}

impl Browser {
    pub(crate) async fn get(&mut self, site: &Site, path: &str) -> Page {
        self.send(site, Method::GET, path, "").await
    }

    pub(crate) async fn post(&mut self, site: &Site, path: &str, form: &str) -> Page {
        self.send(site, Method::POST, path, form).await
    }

    pub(crate) async fn send(&mut self, site: &Site, method: Method, path: &str, form: &str) -> Page {
        self.send_as(site, method, path, ("application/x-www-form-urlencoded", form.as_bytes())).await
    }

    pub(crate) async fn send_as(
        &mut self,
        site: &Site,
        method: Method,
        path: &str,
        (kind, body): (&str, &[u8]),
    ) -> Page {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(COOKIE, cookies.join("; "))
            .header(CONTENT_TYPE, kind)
            .body(Body::from(body.to_vec()))
            .expect("a request");
        let response = site.router.clone().oneshot(request).await.expect("an answer");
        for cookie in response.headers().get_all(SET_COOKIE) {
            let text = cookie.to_str().expect("text");
            let (name, rest) = text.split_once('=').expect("a cookie");
            let value = rest.split(';').next().unwrap_or_default();
            assert!(text.contains("SameSite=Lax") && text.contains("Path=/"), "{text}");
            if name.starts_with("__Host-") {
                assert!(text.contains("HttpOnly") && text.contains("Secure") && !text.contains("Domain"), "{text}");
            }
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let location = headers.get(LOCATION).map(|to| to.to_str().expect("text").to_owned()).unwrap_or_default();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        Page { status, location, headers, body: String::from_utf8(body.to_vec()).expect("text") }
    }

    /// An answer whose body is not read yet.
    pub(crate) async fn open(&self, site: &Site, path: &str, headers: &[(&str, &str)]) -> http::Response<Body> {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::builder().uri(path).header(COOKIE, cookies.join("; "));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).expect("a request");
        site.router.clone().oneshot(request).await.expect("an answer")
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    /// Signs up as people do, with a team of one's own.
    pub(crate) async fn sign_up(site: &Site, name: &str, team: &str) -> Self {
        let mut browser = Self::default();
        let email = format!("{}@quayside.example", name.to_lowercase());
        let page = browser.post(site, "/sign-up", &format!("email={email}")).await;
        assert_eq!((page.status, page.location.as_str()), (StatusCode::SEE_OTHER, "/sign-up/verify"), "{}", page.body);
        let code = site.world.code_for(&email).await;
        let page = browser.post(site, "/sign-up/verify", &format!("code={code}")).await;
        assert_eq!(page.location, "/sign-up/account", "{}", page.body);
        let form = format!("name={name}&password={}&team={team}", World::password_of(name).replace(' ', "+"));
        let page = browser.post(site, "/sign-up/account", &form).await;
        assert_eq!(page.location, format!("/{}/onboarding", team.to_lowercase()), "{}", page.body);
        browser
    }
}
