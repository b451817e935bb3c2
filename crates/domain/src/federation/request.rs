//! What callers ask of a sign-in with a provider, and what they get.

use doorward_kit::{Secret, Token};

use crate::factor::SignInOutcome;
use crate::session::ActiveSession;

/// A wish to go to a provider.
pub struct ProviderStart<'a> {
    /// Its name in the configuration.
    pub provider: &'a str,
    /// Where to go afterwards; one of the configured paths, the first of them if it is left to us (OAUTH-07).
    pub next: Option<&'a str>,
    /// What for.
    pub wish: ProviderWish<'a>,
}

/// What a provider is asked for.
#[derive(Clone, Copy)]
pub enum ProviderWish<'a> {
    /// To sign in.
    SignIn,
    /// To link its account with that of this session (OAUTH-10).
    Link(&'a ActiveSession),
    /// To sign in to the account of this session afresh, for accounts that have nothing else to prove who it is (ASVS 7.5.3).
    StepUp(&'a ActiveSession),
}

/// On the way to a provider.
pub struct ProviderStarted {
    /// Where the browser is to go.
    pub authorization_url: String,
    /// The value of the cookie that binds the way back to this browser (OAUTH-02).
    pub token: Token,
}

/// Back from a provider.
pub struct ProviderFinish<'a> {
    /// Its name in the configuration.
    pub provider: &'a str,
    /// The value of the cookie of [`ProviderStarted::token`], if it came once.
    pub cookie: Option<&'a str>,
    /// As it came.
    pub state: &'a str,
    /// As it came; `None` when the provider answered with an error.
    pub code: Option<Secret<String>>,
    /// The `iss` parameter, if there was one (RFC 9207).
    pub issuer: Option<&'a str>,
    /// The session that the request came with.
    pub active: Option<&'a ActiveSession>,
    /// The value of the session cookie that came along.
    pub presented: Option<&'a str>,
    /// The value of the device cookie that came along.
    pub device: Option<&'a str>,
}

/// What came of it.
pub struct ProviderFinished {
    /// Signed in, half signed in, or linked.
    pub outcome: ProviderOutcome,
    /// Where to go now; one of the configured paths.
    pub next: String,
}

/// See [`ProviderFinished`].
pub enum ProviderOutcome {
    /// As after a password (OAUTH-19).
    SignIn(SignInOutcome),
    /// The account of the session is linked.
    Linked,
}
