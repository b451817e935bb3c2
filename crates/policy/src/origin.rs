//! Whether an unsafe request comes from the site's own pages (CSRF-06, CSRF-07), decided from the head alone.
//!
//! `Sec-Fetch-Site` is asked first: no script can set it. `Origin` is compared octet by octet with the site's one origin.
//! Neither is a secret; they stop browsers that are being used against their owner, not programs that lie.

use doorward_kit::Origin;
use http::{HeaderMap, HeaderName, header};

/// `Sec-Fetch-Site` (W3C Fetch Metadata §2.4).
pub const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What the head proves when it is not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum OriginProof {
    /// The browser says that the request is the site's own, or its user's.
    Own,
    /// Neither field came: an old browser or no browser at all. The token, or the JSON content type, decides (CSRF-08).
    Silent,
}

/// Why a request is taken for a forgery. The name goes to the audit entry, never to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OriginRefusal {
    /// `Sec-Fetch-Site` is `cross-site`, `same-site` or something unknown.
    #[error("fetch_site")]
    FetchSite,
    /// `Origin` is not the site's.
    #[error("origin")]
    Origin,
    /// One of the two came more than once.
    #[error("duplicate")]
    Duplicate,
}

impl OriginRefusal {
    /// The word of the closed set in audit entries.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::FetchSite => "fetch_site",
            Self::Origin => "origin",
            Self::Duplicate => "duplicate",
        }
    }
}

/// Decides for one unsafe request.
///
/// `Origin: null` proves nothing by itself and is refused, but it does not contradict `Sec-Fetch-Site: same-origin`: a form on a page
/// with `Referrer-Policy: no-referrer` sends both, and a sandboxed frame can never send the latter.
///
/// # Errors
/// [`OriginRefusal`] for everything that is not plainly the site's own or plainly silent.
///
/// ```
/// use doorward_policy::origin::{OriginProof, OriginRefusal, decide};
/// let site = "https://app.example.com".parse().expect("an origin");
/// let mut head = http::HeaderMap::new();
/// assert_eq!(decide(&site, &head), Ok(OriginProof::Silent));
/// head.insert("origin", "https://app.example.com.evil.test".parse().expect("a value"));
/// assert_eq!(decide(&site, &head), Err(OriginRefusal::Origin));
/// ```
pub fn decide(site: &Origin, headers: &HeaderMap) -> Result<OriginProof, OriginRefusal> {
    let fetch_site = once(headers, &SEC_FETCH_SITE)?;
    let origin = once(headers, &header::ORIGIN)?;
    let is_own = origin.map(|value| value == site.as_str().as_bytes());
    match (fetch_site, is_own) {
        (Some(b"same-origin"), Some(false)) if origin != Some(b"null") => Err(OriginRefusal::Origin),
        (Some(b"same-origin"), _) => Ok(OriginProof::Own),
        (Some(b"none"), None | Some(true)) => Ok(OriginProof::Own),
        (Some(b"none"), Some(false)) => Err(OriginRefusal::Origin),
        (Some(_), _) => Err(OriginRefusal::FetchSite),
        (None, Some(true)) => Ok(OriginProof::Own),
        (None, Some(false)) => Err(OriginRefusal::Origin),
        (None, None) => Ok(OriginProof::Silent),
    }
}

fn once<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a [u8]>, OriginRefusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (first, None) => Ok(first.map(http::HeaderValue::as_bytes)),
        (_, Some(_)) => Err(OriginRefusal::Duplicate),
    }
}
