//! Every route of the application, with what guards it. The router is built from this table, so no route can be without a row.

use doorward_policy::SizePolicy;
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
    Profile,
    DeleteAccount,
    Export,
    VerifyEmail,
    ResendVerification,
    ForgotPassword,
    ResetPassword,
    ChangePassword,
    ChangeEmail,
    ConfirmEmail,
    UndoEmail,
    EndSessions,
    Refresh,
    SessionList,
    RevokeSession,
    RevokeOthers,
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
    SignOut,
    Gate,
    ForgotForm,
    Forgot,
    ResetForm,
    Reset,
    Account,
    ProfileForm,
    ProfileSave,
    PasswordForm,
    PasswordSave,
    EmailForm,
    EmailSave,
    ConfirmEmailForm,
    ConfirmEmailSave,
    UndoEmailForm,
    UndoEmailSave,
    EndSessionsForm,
    EndSessionsSave,
    SessionsPage,
    SessionEnd,
    SessionsEnd,
    DeviceForget,
    ExportFile,
    DeleteForm,
    Delete,
    LoginSecondFactor,
    PasskeyOptions,
    PasskeyLogin,
    FactorList,
    OfferTotp,
    ConfirmTotp,
    OfferPasskey,
    ConfirmPasskey,
    RenameFactor,
    RemoveFactor,
    RecoveryCodes,
    StepUp,
    StepUpOptions,
    SecondFactorForm,
    SecondFactor,
    FactorsPage,
    FactorRename,
    FactorRemove,
    TotpForm,
    TotpOffer,
    TotpSave,
    PasskeyForm,
    RecoveryCodesForm,
    RecoveryCodesSave,
    StepUpForm,
    StepUpSend,
    ProviderList,
    ProviderStart,
    ProviderFinish,
    ProviderUnlink,
    ProviderForm,
    ProviderReturn,
    ProviderGo,
    Connections,
    ConnectionEnd,
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

impl Route {
    /// The longest body, in octets: FORGOT-02 wants an answer to ten thousand, so that route takes what any other API does.
    pub(crate) fn body_max(&self, sizes: &SizePolicy) -> u64 {
        match self.endpoint {
            Endpoint::ForgotPassword | Endpoint::CspReport => sizes.api_body,
            _ => sizes.auth_body,
        }
    }

    /// What an operator may use who has no second factor yet: what makes one, what is for everybody, and the way out (D-14).
    /// Whatever is not named is refused, so that a new route has to be thought about.
    pub(crate) fn is_for_enrolment(&self) -> bool {
        use Endpoint as E;
        let is_own_factor = self.path.starts_with("/api/auth/factors") || self.path.starts_with("/account/factors");
        let is_step_up = self.path.starts_with("/api/auth/step-up") || self.path == "/account/step-up";
        is_own_factor
            || is_step_up
            || matches!(
                self.endpoint,
                E::CsrfToken
                    | E::Me
                    | E::Logout
                    | E::SessionList
                    | E::SignOut
                    | E::SignInForm
                    | E::SignIn
                    | E::SecondFactorForm
                    | E::SecondFactor
                    | E::SignUpForm
                    | E::SignUp
                    | E::VerifyForm
                    | E::Verify
                    | E::ResendForm
                    | E::Resend
                    | E::ForgotForm
                    | E::Forgot
                    | E::ResetForm
                    | E::Reset
                    | E::ConfirmEmailForm
                    | E::ConfirmEmailSave
                    | E::UndoEmailForm
                    | E::UndoEmailSave
                    | E::EndSessionsForm
                    | E::EndSessionsSave
            )
    }
}

const fn get(endpoint: Endpoint, path: &'static str, session: SessionUse, scope: Scope) -> Route {
    Route { endpoint, method: Method::GET, path, csrf: CsrfClass::Safe, session, scope }
}

/// Before there is a session, or without looking at it.
const fn open(endpoint: Endpoint, path: &'static str, scope: &'static str) -> Route {
    let (csrf, session) = (CsrfClass::Origin, SessionUse::Sole);
    Route { endpoint, method: Method::POST, path, csrf, session, scope: Scope::Flow(scope) }
}

/// The same where a session counts if there is one: the handler asks for its token when it does (table (a): O, T for a link).
const fn recognised(endpoint: Endpoint, path: &'static str, scope: &'static str) -> Route {
    let (csrf, session) = (CsrfClass::Origin, SessionUse::Optional);
    Route { endpoint, method: Method::POST, path, csrf, session, scope: Scope::Flow(scope) }
}

/// For whoever is signed in.
const fn member(method: Method, endpoint: Endpoint, path: &'static str, scope: Scope) -> Route {
    Route { endpoint, method, path, csrf: CsrfClass::Token, session: SessionUse::Required, scope }
}

/// A page's form. A session is recognised, not asked for: whoever has none is led to sign in instead.
const fn form(endpoint: Endpoint, path: &'static str, scope: Scope) -> Route {
    Route { endpoint, method: Method::POST, path, csrf: CsrfClass::Form, session: SessionUse::Optional, scope }
}

use Scope::{Before, Edge, Flow};
use SessionUse::{Optional, Required, Unread};

/// The table.
pub static ROUTES: [Route; 95] = [
    get(Endpoint::CsrfToken, "/api/auth/csrf", Optional, Before("auth_csrf")),
    open(Endpoint::Register, "/api/auth/register", "auth_register"),
    open(Endpoint::Login, "/api/auth/login", "auth_login"),
    member(Method::POST, Endpoint::Logout, "/api/auth/logout", Before("auth_logout")),
    get(Endpoint::Me, "/api/auth/me", Required, Before("auth_me")),
    member(Method::PATCH, Endpoint::Profile, "/api/auth/me", Before("auth_profile")),
    member(Method::DELETE, Endpoint::DeleteAccount, "/api/auth/me", Flow("auth_delete")),
    member(Method::POST, Endpoint::Export, "/api/auth/me/export", Before("auth_export")),
    open(Endpoint::VerifyEmail, "/api/auth/verify-email", "verify_email"),
    open(Endpoint::ResendVerification, "/api/auth/verify-email/resend", "verify_email_resend"),
    open(Endpoint::ForgotPassword, "/api/auth/forgot-password", "forgot_password"),
    open(Endpoint::ResetPassword, "/api/auth/reset-password", "reset_password"),
    member(Method::POST, Endpoint::ChangePassword, "/api/auth/password", Flow("auth_password")),
    member(Method::POST, Endpoint::ChangeEmail, "/api/auth/email", Flow("auth_email")),
    open(Endpoint::ConfirmEmail, "/api/auth/email/confirm", "email_confirm"),
    open(Endpoint::UndoEmail, "/api/auth/email/undo", "email_confirm"),
    open(Endpoint::EndSessions, "/api/auth/end-sessions", "email_confirm"),
    member(Method::POST, Endpoint::Refresh, "/api/auth/refresh", Before("auth_refresh")),
    get(Endpoint::SessionList, "/api/auth/sessions", Required, Before("auth_sessions")),
    member(Method::DELETE, Endpoint::RevokeSession, "/api/auth/sessions/{id}", Before("auth_sessions_revoke")),
    member(Method::POST, Endpoint::RevokeOthers, "/api/auth/sessions/revoke-others", Before("auth_sessions_revoke")),
    get(Endpoint::Health, "/api/health", Unread, Edge),
    Route {
        endpoint: Endpoint::CspReport,
        method: Method::POST,
        path: "/api/csp-report",
        csrf: CsrfClass::Open,
        session: Unread,
        scope: Before("csp_report"),
    },
    get(Endpoint::Jwks, "/.well-known/doorward/jwks.json", Unread, Edge),
    get(Endpoint::Asset, "/assets/doorward/{name}", Unread, Edge),
    get(Endpoint::SignUpForm, "/account/sign-up", Optional, Edge),
    form(Endpoint::SignUp, "/account/sign-up", Flow("auth_register")),
    get(Endpoint::CheckMail, "/account/check-mail", Unread, Edge),
    get(Endpoint::VerifyForm, "/account/verify", Optional, Edge),
    form(Endpoint::Verify, "/account/verify", Flow("verify_email")),
    get(Endpoint::ResendForm, "/account/resend", Optional, Edge),
    form(Endpoint::Resend, "/account/resend", Flow("verify_email_resend")),
    get(Endpoint::SignInForm, "/account/sign-in", Optional, Edge),
    form(Endpoint::SignIn, "/account/sign-in", Flow("auth_login")),
    form(Endpoint::SignOut, "/account/sign-out", Before("auth_logout")),
    get(Endpoint::Gate, "/account/gate/{name}", Optional, Flow("auth_gate")),
    get(Endpoint::ForgotForm, "/account/forgot", Optional, Edge),
    form(Endpoint::Forgot, "/account/forgot", Flow("forgot_password")),
    get(Endpoint::ResetForm, "/account/reset", Optional, Edge),
    form(Endpoint::Reset, "/account/reset", Flow("reset_password")),
    get(Endpoint::Account, "/account", Optional, Edge),
    get(Endpoint::ProfileForm, "/account/profile", Optional, Edge),
    form(Endpoint::ProfileSave, "/account/profile", Before("auth_profile")),
    get(Endpoint::PasswordForm, "/account/password", Optional, Edge),
    form(Endpoint::PasswordSave, "/account/password", Flow("auth_password")),
    get(Endpoint::EmailForm, "/account/email", Optional, Edge),
    form(Endpoint::EmailSave, "/account/email", Flow("auth_email")),
    get(Endpoint::ConfirmEmailForm, "/account/email/confirm", Optional, Edge),
    form(Endpoint::ConfirmEmailSave, "/account/email/confirm", Flow("email_confirm")),
    get(Endpoint::UndoEmailForm, "/account/email/undo", Optional, Edge),
    form(Endpoint::UndoEmailSave, "/account/email/undo", Flow("email_confirm")),
    get(Endpoint::EndSessionsForm, "/account/end-sessions", Optional, Edge),
    form(Endpoint::EndSessionsSave, "/account/end-sessions", Flow("email_confirm")),
    get(Endpoint::SessionsPage, "/account/sessions", Optional, Edge),
    form(Endpoint::SessionEnd, "/account/sessions/end", Before("auth_sessions_revoke")),
    form(Endpoint::SessionsEnd, "/account/sessions/end-others", Before("auth_sessions_revoke")),
    form(Endpoint::DeviceForget, "/account/sessions/forget", Before("auth_sessions_revoke")),
    form(Endpoint::ExportFile, "/account/export", Before("auth_export")),
    get(Endpoint::DeleteForm, "/account/delete", Optional, Edge),
    form(Endpoint::Delete, "/account/delete", Flow("auth_delete")),
    open(Endpoint::LoginSecondFactor, "/api/auth/login/second-factor", "auth_second_factor"),
    open(Endpoint::PasskeyOptions, "/api/auth/passkey/options", "auth_passkey"),
    open(Endpoint::PasskeyLogin, "/api/auth/passkey/login", "auth_login"),
    get(Endpoint::FactorList, "/api/auth/factors", Required, Before("auth_factors")),
    member(Method::POST, Endpoint::OfferTotp, "/api/auth/factors/totp", Flow("auth_factors_change")),
    member(Method::POST, Endpoint::ConfirmTotp, "/api/auth/factors/totp/confirm", Flow("auth_factors_change")),
    member(Method::POST, Endpoint::OfferPasskey, "/api/auth/factors/passkey/options", Flow("auth_factors_change")),
    member(Method::POST, Endpoint::ConfirmPasskey, "/api/auth/factors/passkey", Flow("auth_factors_change")),
    member(Method::PATCH, Endpoint::RenameFactor, "/api/auth/factors/{id}", Flow("auth_factors_change")),
    member(Method::DELETE, Endpoint::RemoveFactor, "/api/auth/factors/{id}", Flow("auth_factors_change")),
    member(Method::POST, Endpoint::RecoveryCodes, "/api/auth/factors/recovery-codes", Flow("auth_factors_change")),
    member(Method::POST, Endpoint::StepUp, "/api/auth/step-up", Flow("auth_step_up")),
    member(Method::POST, Endpoint::StepUpOptions, "/api/auth/step-up/options", Flow("auth_step_up")),
    get(Endpoint::SecondFactorForm, "/account/sign-in/second-factor", Optional, Edge),
    form(Endpoint::SecondFactor, "/account/sign-in/second-factor", Flow("auth_second_factor")),
    get(Endpoint::FactorsPage, "/account/factors", Optional, Edge),
    form(Endpoint::FactorRename, "/account/factors/rename", Flow("auth_factors_change")),
    form(Endpoint::FactorRemove, "/account/factors/remove", Flow("auth_factors_change")),
    get(Endpoint::TotpForm, "/account/factors/totp", Optional, Edge),
    form(Endpoint::TotpOffer, "/account/factors/totp", Flow("auth_factors_change")),
    form(Endpoint::TotpSave, "/account/factors/totp/confirm", Flow("auth_factors_change")),
    get(Endpoint::PasskeyForm, "/account/factors/passkey", Optional, Edge),
    get(Endpoint::RecoveryCodesForm, "/account/factors/recovery-codes", Optional, Edge),
    form(Endpoint::RecoveryCodesSave, "/account/factors/recovery-codes", Flow("auth_factors_change")),
    get(Endpoint::StepUpForm, "/account/step-up", Optional, Edge),
    form(Endpoint::StepUpSend, "/account/step-up", Flow("auth_step_up")),
    get(Endpoint::ProviderList, "/api/auth/oauth", Optional, Edge),
    recognised(Endpoint::ProviderStart, "/api/auth/oauth/{provider}/start", "auth_oauth"),
    recognised(Endpoint::ProviderFinish, "/api/auth/oauth/{provider}/callback", "auth_oauth"),
    member(Method::DELETE, Endpoint::ProviderUnlink, "/api/auth/oauth/{provider}", Flow("auth_oauth_unlink")),
    get(Endpoint::ProviderForm, "/account/oauth/{provider}", Optional, Edge),
    form(Endpoint::ProviderReturn, "/account/oauth/{provider}", Flow("auth_oauth")),
    form(Endpoint::ProviderGo, "/account/oauth/{provider}/start", Flow("auth_oauth")),
    get(Endpoint::Connections, "/account/connections", Optional, Edge),
    form(Endpoint::ConnectionEnd, "/account/connections/unlink", Flow("auth_oauth_unlink")),
];
