//! The route table's machinery. A route of a team declares its permission by its handler's first parameter:
//! a handler without one cannot be put into the table.

use axum::{
    Router,
    handler::Handler,
    routing::{MethodFilter, on},
};
use http::Method;
use types::Permission;

use crate::{
    request::{Inside, SignedInVisitor},
    state::App,
};
use orchestrator::Grant;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// Anybody who is signed in.
    SignedIn,
    /// Programs that show an access token of the team in the path. The handler proves the permission.
    Token,
    /// Members of the team in the path whose role grants this.
    Team(Permission),
}

/// A line of the route table.
#[derive(Clone, Debug)]
pub struct Route {
    pub method: Method,
    pub path: String,
    pub access: Access,
}

/// Builds the router and, beside it, the table that tests walk.
pub struct Routes {
    router: Router<App>,
    table: Vec<Route>,
}

/// Parameters of a handler that begin with [`Inside`].
pub trait InsideFirst {
    const PERMISSION: Permission;
}

/// Parameters of a handler that begin with [`SignedInVisitor`].
pub trait SignedInFirst {}

macro_rules! first_parameter {
    ($(($($rest:ident),*))*) => {$(
        impl<M, G: Grant, $($rest),*> InsideFirst for (M, Inside<G>, $($rest,)*) {
            const PERMISSION: Permission = G::PERMISSION;
        }
        impl<M, $($rest),*> SignedInFirst for (M, SignedInVisitor, $($rest,)*) {}
    )*};
}

first_parameter! { () (A) (A, B) (A, B, C) (A, B, C, D) }

impl Default for Routes {
    fn default() -> Self {
        Self { router: Router::new(), table: Vec::new() }
    }
}

impl Routes {
    /// A page or form for anybody.
    #[must_use]
    pub fn public<H, T>(self, method: Method, path: &str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.add(method, path.to_owned(), Access::Public, handler)
    }

    /// A page or form for people who are signed in, outside any team.
    #[must_use]
    pub fn signed_in<H, T>(self, method: Method, path: &str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: SignedInFirst + 'static,
    {
        self.add(method, path.to_owned(), Access::SignedIn, handler)
    }

    /// A page or form inside a team; `path` follows the team's segment.
    #[must_use]
    pub fn team<H, T>(self, method: Method, path: &str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: InsideFirst + 'static,
    {
        self.add(method, format!("/{{team}}{path}"), Access::Team(T::PERMISSION), handler)
    }

    /// An address for programs, inside a team.
    #[must_use]
    pub fn by_token<H, T>(self, method: Method, path: &str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.add(method, path.to_owned(), Access::Token, handler)
    }

    /// The router, and its table.
    pub fn build(self) -> (Router<App>, Vec<Route>) {
        (self.router, self.table)
    }

    fn add<H, T>(mut self, method: Method, path: String, access: Access, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let filter = if method == Method::POST { MethodFilter::POST } else { MethodFilter::GET };
        self.router = self.router.route(&path, on(filter, handler));
        self.table.push(Route { method, path, access });
        self
    }
}
