//! What a name says about a file: its type, how long it stays fresh, whether it is worth compressing, whether a page could have it.

use http::HeaderValue;

const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Endings of what pages load. A person who asks for such a name wants that file and nothing in its place.
const LOADED: &[&str] = &[
    "avif",
    "br",
    "css",
    "eot",
    "gif",
    "gz",
    "ico",
    "jpeg",
    "jpg",
    "js",
    "json",
    "mjs",
    "mp3",
    "mp4",
    "ogg",
    "otf",
    "pdf",
    "png",
    "svg",
    "ttf",
    "txt",
    "wasm",
    "webm",
    "webmanifest",
    "webp",
    "woff",
    "woff2",
    "xml",
    "zip",
    "zst",
];

/// The media type by the ending; text says how it is written (HDR-14), and build tools write UTF-8.
pub(super) fn media_type(name: &str) -> HeaderValue {
    let Some(kind) = mime_guess::from_path(name).first_raw() else {
        return HeaderValue::from_static("application/octet-stream");
    };
    let is_text = kind.starts_with("text/") || kind == "application/javascript";
    if is_text && !kind.contains("charset") {
        return HeaderValue::from_str(&format!("{kind}; charset=utf-8")).unwrap_or(HeaderValue::from_static("text/plain"));
    }
    HeaderValue::from_static(kind)
}

/// How long a cache may use it without asking: for good where the name changes with the content.
pub(super) fn freshness(name: &str) -> HeaderValue {
    if has_hash(name) { IMMUTABLE } else { REVALIDATE }
}

/// Whether a path names something that pages load.
pub(super) fn is_loaded(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.').is_some_and(|(_, ending)| LOADED.iter().any(|known| known.eq_ignore_ascii_case(ending)))
}

/// Whether a build tool wrote a hash of the content into the name, as `app-Dk3x9_aB.js` or `app.0f3c9a1b.js`.
fn has_hash(name: &str) -> bool {
    let Some((stem, _extension)) = name.rsplit_once('.') else {
        return false;
    };
    let dotted =
        stem.rsplit_once('.').is_some_and(|(_, hash)| hash.len() >= 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    dotted || dashed_hash(stem)
}

/// Eight octets or more of base64url behind a dash; a mere word is none, so a digit or a capital must be in it.
fn dashed_hash(stem: &str) -> bool {
    let Some((_, hash)) = stem.split_once('-') else {
        return false;
    };
    let tail = &hash.as_bytes()[hash.len().saturating_sub(8)..];
    tail.len() == 8
        && tail.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && tail.iter().any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}
