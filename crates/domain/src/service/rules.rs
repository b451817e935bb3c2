//! Settings of the flows.

use std::time::Duration;

use doorward_policy::LimitPolicy;

/// Settings of the flows.
#[derive(Debug, Clone)]
pub struct AccountRules {
    /// Nobody new when false.
    pub sign_up_open: bool,
    /// D-13.
    pub session_idle: Duration,
    /// D-13.
    pub session_absolute: Duration,
    /// Most sessions of one account (SES-14).
    pub session_limit: u32,
    /// Life of a verification link.
    pub verification_life: Duration,
    /// Least code points (D-10).
    pub password_min: u32,
    /// Site origin, for links in mail; nothing of a request ever enters one (FORGOT-04).
    pub link_origin: String,
    /// What mails call the site.
    pub site_name: String,
    /// Quotas.
    pub limits: LimitPolicy,
    /// Name of this node in audit rows.
    pub node: String,
}
