//! Every route of the application, with what guards it. The router is built from this table, so no route can be without a row.

use http::Method;

/// What proves that an unsafe request is the site's own (requirements, table (a): T, O, –).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CsrfClass {
    /// GET: changes nothing.
    Safe,
    /// Origin, then the JSON content type: there is no session yet, or none is used (D-12).
    Origin,
    /// Origin, then the token of the session in header and cookie.
    Token,
    /// Origin, then the token in a hidden field and the cookie.
    Form,
    /// Nothing: whatever arrives is only logged.
    Open,
}

/// How a route deals with the session cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionUse {
    /// Does not look at it.
    Unread,
    /// Refuses it when it comes twice, and that is all.
    Sole,
    /// Recognises who it is, if anybody.
    Optional,
    /// Answers 401 to a stranger.
    Required,
}

/// Which quota counts a request, and who counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Only the edge's general limits.
    Edge,
    /// Charged before the handler runs.
    Before(&'static str),
    /// Charged by the flow itself, since it depends on what the body says.
    Flow(&'static str),
}

/// What answers a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table below says what each is")]
pub enum Endpoint {
    CsrfToken,
    Register,
    Login,
    Logout,
    Me,
    VerifyEmail,
    ResendVerification,
    Health,
    CspReport,
    Jwks,
    Asset,
    SignUpForm,
    SignUp,
    CheckMail,
    VerifyForm,
    Verify,
    ResendForm,
    Resend,
    SignInForm,
    SignIn,
    Account,
    SignOut,
}

/// One row.
#[derive(Debug, Clone)]
pub struct Route {
    /// What answers.
    pub endpoint: Endpoint,
    /// GET answers HEAD too.
    pub method: Method,
    /// Template; also what audit entries call the route.
    pub path: &'static str,
    /// What proves that it is the site's own.
    pub csrf: CsrfClass,
    /// What it does with the session cookie.
    pub session: SessionUse,
    /// What counts it.
    pub scope: Scope,
}

const fn get(endpoint: Endpoint, path: &'static str, session: SessionUse, scope: Scope) -> Route {
    Route { endpoint, method: Method::GET, path, csrf: CsrfClass::Safe, session, scope }
}

const fn post(endpoint: Endpoint, path: &'static str, csrf: CsrfClass, session: SessionUse, scope: Scope) -> Route {
    Route { endpoint, method: Method::POST, path, csrf, session, scope }
}

use CsrfClass::{Form, Open, Origin, Token};
use Scope::{Before, Edge, Flow};
use SessionUse::{Optional, Required, Sole, Unread};

/// The table.
pub static ROUTES: [Route; 22] = [
    get(Endpoint::CsrfToken, "/api/auth/csrf", Optional, Before("auth_csrf")),
    post(Endpoint::Register, "/api/auth/register", Origin, Sole, Flow("auth_register")),
    post(Endpoint::Login, "/api/auth/login", Origin, Sole, Flow("auth_login")),
    post(Endpoint::Logout, "/api/auth/logout", Token, Required, Before("auth_logout")),
    get(Endpoint::Me, "/api/auth/me", Required, Before("auth_me")),
    post(Endpoint::VerifyEmail, "/api/auth/verify-email", Origin, Sole, Flow("verify_email")),
    post(Endpoint::ResendVerification, "/api/auth/verify-email/resend", Origin, Sole, Flow("verify_email_resend")),
    get(Endpoint::Health, "/api/health", Unread, Edge),
    post(Endpoint::CspReport, "/api/csp-report", Open, Unread, Before("csp_report")),
    get(Endpoint::Jwks, "/.well-known/doorward/jwks.json", Unread, Edge),
    get(Endpoint::Asset, "/assets/doorward/{name}", Unread, Edge),
    get(Endpoint::SignUpForm, "/account/sign-up", Optional, Edge),
    post(Endpoint::SignUp, "/account/sign-up", Form, Optional, Flow("auth_register")),
    get(Endpoint::CheckMail, "/account/check-mail", Unread, Edge),
    get(Endpoint::VerifyForm, "/account/verify", Optional, Edge),
    post(Endpoint::Verify, "/account/verify", Form, Optional, Flow("verify_email")),
    get(Endpoint::ResendForm, "/account/resend", Optional, Edge),
    post(Endpoint::Resend, "/account/resend", Form, Optional, Flow("verify_email_resend")),
    get(Endpoint::SignInForm, "/account/sign-in", Optional, Edge),
    post(Endpoint::SignIn, "/account/sign-in", Form, Optional, Flow("auth_login")),
    get(Endpoint::Account, "/account", Optional, Edge),
    post(Endpoint::SignOut, "/account/sign-out", Form, Optional, Before("auth_logout")),
];
