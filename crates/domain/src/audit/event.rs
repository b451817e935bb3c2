//! Names of events.

macro_rules! events {
    ($($variant:ident = $name:literal,)*) => {
        /// Names of events (requirements, table (c)).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum AuditEvent {
            $(
                #[doc = concat!("`", $name, "`")]
                $variant,
            )*
        }

        impl AuditEvent {
            /// Every event.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name under which the event is stored and exported; it never changes once released.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

events! {
    SignIn = "auth.login",
    SignInFailed = "auth.login_failed",
    SecondFactorAsked = "auth.second_factor_asked",
    SignUp = "auth.signup",
    SignOut = "auth.logout",
    Throttled = "auth.throttled",
    Locked = "auth.account_locked",
    StepUp = "auth.step_up",
    StepUpFailed = "auth.step_up_failed",
    SessionCreated = "session.created",
    SessionRotated = "session.rotated",
    SessionReuse = "session.reuse",
    SessionRevoked = "session.revoked",
    SessionExpired = "session.expired",
    DeviceForgotten = "device.forgotten",
    SessionCookieDuplicate = "session.cookie_duplicate",
    VerifyIssued = "email.verify_issued",
    Verified = "email.verified",
    VerifyFailed = "email.verify_failed",
    MailQueueFailed = "email.queue_failed",
    MailDead = "email.given_up",
    EmailChangeRequested = "email.change_requested",
    EmailChangeFailed = "email.change_failed",
    EmailChanged = "email.changed",
    EmailChangeUndone = "email.change_undone",
    RecoveryRequested = "password.reset_requested",
    Recovered = "password.reset",
    RecoveryFailed = "password.reset_failed",
    PasswordChanged = "password.changed",
    PasswordChangeFailed = "password.change_failed",
    PasswordRehashed = "password.rehashed",
    OauthStart = "oauth.start",
    OauthLogin = "oauth.login",
    OauthLink = "oauth.link",
    OauthUnlink = "oauth.unlink",
    OauthLinkRejected = "oauth.link_rejected",
    OauthFailed = "oauth.failed",
    FactorAdded = "factor.added",
    FactorRemoved = "factor.removed",
    FactorRenamed = "factor.renamed",
    RecoveryCodesRenewed = "factor.recovery_codes",
    FactorFailed = "factor.failed",
    ProfileUpdated = "profile.updated",
    AccountDeleted = "account.deleted",
    AccountExported = "account.exported",
    AccountImported = "account.imported",
    Invited = "account.invited",
    AccessDenied = "access.denied",
    CsrfRejected = "csrf.rejected",
    RateLimited = "ratelimit.exceeded",
    GateAllowed = "gate.allowed",
    GateDenied = "gate.denied",
    GateHandOver = "gate.hand_over",
    GateHandOverFailed = "gate.hand_over_failed",
    ProxyRejected = "proxy.rejected",
    UserDisabled = "admin.user_disabled",
    UserEnabled = "admin.user_enabled",
    UserAdded = "admin.user_added",
    UserDeleted = "admin.user_deleted",
    RolesChanged = "admin.roles_changed",
    RecoveryLinkMade = "admin.reset_link",
    SessionRevokedByOperator = "admin.session_revoke",
    MailRetried = "admin.mail_retry",
    KeyRotated = "admin.key_rotated",
    ConfigLoaded = "config.loaded",
    ConfigRejected = "config.rejected",
    CertificateOrdered = "acme.order",
    CertificateRefused = "acme.refused",
    CertificateAlarm = "acme.alarm",
    CertificateReloaded = "tls.reload",
    Started = "sys.start",
    Stopped = "sys.stop",
    Gap = "audit.gap",
    TrailVerified = "audit.verify",
    TrailPruned = "audit.rotated",
    TrailExported = "audit.export",
    SiteVerified = "verify.run",
}

impl AuditEvent {
    /// Reads what [`Self::as_str`] writes.
    ///
    /// ```
    /// use doorward_domain::AuditEvent;
    /// assert_eq!(AuditEvent::parse("auth.login"), Some(AuditEvent::SignIn));
    /// assert_eq!(AuditEvent::parse("Auth.Login"), None);
    /// ```
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|event| event.as_str() == name)
    }
}
