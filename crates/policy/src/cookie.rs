//! The cookies of the site, and how each is set (SES-01, SES-02, CSRF-15, D-08).

use std::fmt::Write as _;
use std::time::Duration;

/// Names and attributes; there are no settings that weaken them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CookiePolicy {
    /// The credential.
    pub session: CookieRule,
    /// Read by script, sent back as `X-CSRF-Token`.
    pub csrf: CookieRule,
    /// Says that somebody has signed in from this browser before; opens nothing by itself (D-11).
    pub device: CookieRule,
    /// A sign-in that waits for its second factor; opens nothing by itself.
    pub pending: CookieRule,
    /// Binds a sign-in with a provider to the browser that began it (OAUTH-02).
    pub provider: CookieRule,
    /// On the host of a gate: which operator session was handed over to it.
    pub gate: CookieRule,
    /// On the host of a gate: binds a hand-over to the browser that asked for it.
    pub gate_request: CookieRule,
}

/// One cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CookieRule {
    /// With the `__Host-` prefix: Secure, `Path=/`, no `Domain`, in the browser's own enforcement.
    pub name: &'static str,
    /// Whether script is kept away from it.
    pub http_only: bool,
    /// `Lax` or `Strict`.
    pub same_site: &'static str,
}

impl CookiePolicy {
    /// The only policy there is.
    #[must_use]
    pub const fn doorward() -> Self {
        Self {
            session: CookieRule { name: "__Host-doorward_session", http_only: true, same_site: "Lax" },
            csrf: CookieRule { name: "__Host-doorward_csrf", http_only: false, same_site: "Strict" },
            device: CookieRule { name: "__Host-doorward_device", http_only: true, same_site: "Lax" },
            pending: CookieRule { name: "__Host-doorward_pending", http_only: true, same_site: "Strict" },
            provider: CookieRule { name: "__Host-doorward_provider", http_only: true, same_site: "Strict" },
            gate: CookieRule { name: "__Host-doorward_gate", http_only: true, same_site: "Lax" },
            gate_request: CookieRule { name: "__Host-doorward_gate_request", http_only: true, same_site: "Lax" },
        }
    }
}

impl CookiePolicy {
    /// Every name, for whoever keeps our cookies apart from those of others.
    #[must_use]
    pub const fn names(&self) -> [&'static str; 7] {
        [
            self.session.name,
            self.csrf.name,
            self.device.name,
            self.pending.name,
            self.provider.name,
            self.gate.name,
            self.gate_request.name,
        ]
    }
}

impl CookieRule {
    /// The value of a `Set-Cookie` field. Without `max_age` the cookie ends with the browser's session.
    #[must_use]
    pub fn set(&self, value: &str, max_age: Option<Duration>) -> String {
        let mut out = format!("{}={value}; Path=/; Secure", self.name);
        if self.http_only {
            out.push_str("; HttpOnly");
        }
        let _ = write!(out, "; SameSite={}", self.same_site);
        if let Some(age) = max_age {
            let _ = write!(out, "; Max-Age={}", age.as_secs());
        }
        out
    }

    /// The field that removes the cookie: same name and attributes, or browsers ignore it (SES-09).
    #[must_use]
    pub fn clear(&self) -> String {
        self.set("", Some(Duration::ZERO))
    }
}
