use http::header::SET_COOKIE;
use tower_http::{
    CompressionLevel,
    compression::{
        CompressionLayer, DefaultPredicate, Predicate,
        predicate::{And, NotForContentType},
    },
};

/// Answers that set a cookie stay uncompressed: the length of a compressed answer tells something about a secret
/// that stands beside text of the reader's choice (the BREACH attack).
#[derive(Clone, Copy, Debug)]
pub(super) struct WithoutCookie;

impl Predicate for WithoutCookie {
    fn should_compress<B>(&self, response: &http::Response<B>) -> bool {
        !response.headers().contains_key(SET_COOKIE)
    }
}

/// Pieces that a client waits for are not collected until there is enough to compress. Servers in front are told so by the
/// same header.
#[derive(Clone, Copy, Debug)]
pub(super) struct WithoutWaiting;

impl Predicate for WithoutWaiting {
    fn should_compress<B>(&self, response: &http::Response<B>) -> bool {
        response.headers().get("x-accel-buffering").is_none_or(|value| value != "no")
    }
}

type Pages = And<And<And<DefaultPredicate, WithoutCookie>, WithoutWaiting>, NotForContentType>;

/// What git sends is compressed already.
const GIT: NotForContentType = NotForContentType::const_new("application/x-git");

/// Compresses pages as they are made, quickly rather than well. Assets come compressed already and streams of events are
/// left alone (the default predicate).
pub(super) fn layer() -> CompressionLayer<Pages> {
    let pages = DefaultPredicate::new().and(WithoutCookie).and(WithoutWaiting).and(GIT);
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(pages)
}
