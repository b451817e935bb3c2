//! Where a browser may be sent after sign-in: a path on this site and nothing else.

use std::fmt;

use crate::path::CanonicalPath;

/// The longest target, in octets.
pub const TARGET_MAX_BYTES: usize = 512;

/// A target on this site: absolute path in canonical form, with its query if it had one.
///
/// ```
/// use doorward_policy::redirect::LocalTarget;
/// assert_eq!(LocalTarget::parse("/notes?page=2").expect("local").as_str(), "/notes?page=2");
/// for evil in ["https://evil.test", "//evil.test", "/\\evil.test", "/a/../b", "/a\r\nSet-Cookie: x=1", "javascript:alert(1)", ""] {
///     assert!(LocalTarget::parse(evil).is_none(), "{evil:?}");
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalTarget(String);

impl LocalTarget {
    /// Where a sign-in leads when nothing else was asked for.
    #[must_use]
    pub fn account() -> Self {
        Self("/account".into())
    }

    /// Takes a target as a stranger wrote it, after one percent-decoding of the query it came in.
    ///
    /// The path must already be in its one spelling: what would need repair is refused, so that what is compared is what is followed.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        if raw.len() > TARGET_MAX_BYTES || !raw.starts_with('/') || raw.starts_with("//") {
            return None;
        }
        if !raw.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#' | b'"' | b'<' | b'>')) {
            return None;
        }
        let path = raw.split_once('?').map_or(raw, |(path, _)| path);
        let canonical = CanonicalPath::parse(path).ok()?;
        (canonical.as_str() == path).then(|| Self(raw.into()))
    }

    /// The value for a `Location` field.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LocalTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
