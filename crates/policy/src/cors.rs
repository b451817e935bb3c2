//! Which other sites' pages may read our answers (CSRF-12): those whose origin is listed, octet by octet, and never with credentials.
//!
//! Nothing of a request is ever echoed: what is sent back is the listed origin itself, after it was found equal. There is no wildcard,
//! no pattern, no `null`. Cookies stay out of it (no `Access-Control-Allow-Credentials`), so a listed page reads what an anonymous
//! visitor or the bearer of a token would read, and can never act as somebody who is signed in.

use doorward_config::Config;
use http::Method;
use http::header::{self, HeaderMap, HeaderValue};

/// Methods that a listed page may use; those of the edge's own list.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PATCH, DELETE");
/// Request fields that a listed page may set beyond the harmless ones (Fetch §4.8, "CORS-unsafe request-header names").
const FIELDS: HeaderValue = HeaderValue::from_static("authorization, content-type");
/// For how long a browser may remember the answer to a preflight, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
const VARY: HeaderValue = HeaderValue::from_static("Origin");

/// The listed origins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CorsPolicy {
    origins: Vec<HeaderValue>,
}

/// What an answer says about other origins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CorsGrant {
    /// Nothing: no origin is listed, or this target is never shared.
    #[default]
    Silent,
    /// That it might differ for another origin, so that no cache hands one origin's answer to the next.
    Refused,
    /// That this listed origin may read it.
    Granted(HeaderValue),
    /// The same, in answer to a question: what may be sent besides.
    Permitted(HeaderValue),
}

impl CorsPolicy {
    /// Copies the configured origins.
    #[must_use]
    pub fn decide(config: &Config) -> Self {
        let listed = config.site.cors_origins.iter();
        Self { origins: listed.filter_map(|origin| HeaderValue::from_str(origin.as_str()).ok()).collect() }
    }

    /// Whether nobody is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.origins.is_empty()
    }

    /// Decides for one request to something that may be shared. Two `Origin` fields are none.
    ///
    /// ```
    /// use doorward_policy::cors::{CorsGrant, CorsPolicy};
    /// let mut head = http::HeaderMap::new();
    /// head.insert("origin", "https://evil.test".parse().expect("a value"));
    /// assert_eq!(CorsPolicy::default().grant(&http::Method::GET, &head), CorsGrant::Silent);
    /// ```
    #[must_use]
    pub fn grant(&self, method: &Method, headers: &HeaderMap) -> CorsGrant {
        if self.is_empty() {
            return CorsGrant::Silent;
        }
        let mut sent = headers.get_all(header::ORIGIN).iter();
        let listed = match (sent.next(), sent.next()) {
            (Some(origin), None) => self.origins.iter().find(|listed| *listed == origin),
            _ => None,
        };
        match listed.cloned() {
            None => CorsGrant::Refused,
            Some(origin) if is_preflight(method, headers) => CorsGrant::Permitted(origin),
            Some(origin) => CorsGrant::Granted(origin),
        }
    }
}

/// Whether a request only asks what it may do (Fetch §4.8).
#[must_use]
pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

impl CorsGrant {
    /// Writes what the answer carries; run after whatever strips the upstream's own fields.
    pub fn apply(&self, headers: &mut HeaderMap) {
        let origin = match self {
            Self::Silent => return,
            Self::Refused => None,
            Self::Granted(origin) | Self::Permitted(origin) => Some(origin),
        };
        headers.append(header::VARY, VARY);
        if let Some(origin) = origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
        if let Self::Permitted(_) = self {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, FIELDS);
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        }
    }
}
