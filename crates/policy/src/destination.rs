//! Where a browser would put an answer (HDR-19). An answer of an API is read by script or shown as text; it is never run, never
//! applied as style and never given to a plug-in, whatever page asks.

use http::{HeaderMap, HeaderName};

/// `Sec-Fetch-Dest` (W3C Fetch Metadata §2.1): no script can set it.
pub const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Destinations (WHATWG Fetch §2.2.5) that run what they get, or give it to something that may. `xslt` is code as well.
const RUNNING: [&str; 10] =
    ["script", "style", "object", "embed", "worker", "sharedworker", "serviceworker", "audioworklet", "paintworklet", "xslt"];

/// Whether a browser says that it would run the answer. Silence is no such thing: old browsers and programs say nothing.
///
/// A field that comes more than once is judged by the worst of its values.
///
/// ```
/// use doorward_policy::destination::would_run;
/// let mut head = http::HeaderMap::new();
/// assert!(!would_run(&head));
/// head.append("sec-fetch-dest", "empty".parse().expect("a value"));
/// assert!(!would_run(&head));
/// head.append("sec-fetch-dest", "script".parse().expect("a value"));
/// assert!(would_run(&head));
/// ```
#[must_use]
pub fn would_run(headers: &HeaderMap) -> bool {
    headers
        .get_all(&SEC_FETCH_DEST)
        .iter()
        .flat_map(|value| value.as_bytes().split(|octet| *octet == b','))
        .any(|word| RUNNING.iter().any(|name| word.trim_ascii().eq_ignore_ascii_case(name.as_bytes())))
}
