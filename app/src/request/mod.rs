//! From a request to the few values a handler needs.

mod cookies;
mod member;
mod next;
mod place;
mod visitor;

use std::net::IpAddr;

use uuid::Uuid;

pub use cookies::{Cookies, browser_cookie, clear_browser_cookie, clear_session_cookie, flash_cookie, session_cookie};
pub use member::{Inside, SignedInVisitor};
pub use next::safe_path;
pub(crate) use place::{Member, Place};
pub use visitor::Visitor;

/// The client's address, trusted proxies peeled off. Set by the server around the router.
#[derive(Clone, Copy, Debug)]
pub struct ClientAddr(pub IpAddr);

/// The id of a request, in its log line, its answer and its audit entries. Set by the server around the router.
#[derive(Clone, Copy, Debug)]
pub struct RequestId(pub Uuid);
