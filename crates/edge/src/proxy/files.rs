//! Static files of an upstream that is a folder (EXPO-09): found by their real place, served by tower-http.
//!
//! A path becomes a file only if every segment is ordinary and the file that it leads to, links resolved, lies in the folder.

use std::path::{Path, PathBuf};

use http::header::{self, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use tower::Service as _;
use tower_http::services::ServeFile;

use super::{ForwardPlan, UpstreamFault, range};
use crate::body::{EdgeBody, empty};

const SHELL: &str = "index.html";
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Endings of names that were left behind by editors and build tools.
const LEFT_BEHIND: &[&str] = &["~", ".bak", ".map", ".old", ".orig", ".swp", ".tmp"];

/// Answers with the file that the plan's path names, or with the application's shell for a browser's navigation to a path that
/// only the application knows.
///
/// # Errors
/// [`UpstreamFault::Unsupported`] for methods other than GET and HEAD, [`UpstreamFault::NotFound`].
pub(super) async fn serve(
    request: Request<EdgeBody>,
    plan: &ForwardPlan<'_>,
    root: &Path,
) -> Result<Response<EdgeBody>, UpstreamFault> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(UpstreamFault::Unsupported);
    }
    let asked = relative(plan.path).ok_or(UpstreamFault::NotFound)?;
    let (root, shell) = (root.to_owned(), wants_shell(plan.path, request.headers()));
    // One visit to the threads that may block instead of one for each question to the file system.
    let found = tokio::task::spawn_blocking(move || locate(&root, &asked, shell)).await;
    let file = found.ok().flatten().ok_or(UpstreamFault::NotFound)?;
    send(request, &file).await
}

/// The file that was asked for, or the application's shell where that is wanted instead. Blocks.
fn locate(root: &Path, asked: &Path, shell: bool) -> Option<PathBuf> {
    let root = std::fs::canonicalize(root).ok()?;
    find(&root, asked).or_else(|| if shell { find(&root, Path::new(SHELL)) } else { None })
}

/// The path below the root, decoded once; `None` when a segment is not to be served.
fn relative(path: &str) -> Option<PathBuf> {
    let mut out = PathBuf::new();
    let mut segments = path.strip_prefix('/')?.split('/').filter(|segment| !segment.is_empty()).enumerate();
    segments.try_for_each(|(index, segment)| {
        let name = decode(segment)?;
        out.push(is_ordinary(&name, index == 0).then_some(name)?);
        Some(())
    })?;
    Some(out)
}

fn decode(segment: &str) -> Option<String> {
    let mut out = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        out.push(if byte == b'%' { hex(bytes.next()?)? << 4 | hex(bytes.next()?)? } else { byte });
    }
    String::from_utf8(out).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Whether a name may be served: not hidden (RFC 8615 names one exception), not left behind, nothing that a file system reads apart.
fn is_ordinary(name: &str, is_first: bool) -> bool {
    let hidden = name.starts_with('.') && !(is_first && name == ".well-known");
    let lower = name.to_ascii_lowercase();
    let left_behind = LEFT_BEHIND.iter().any(|ending| lower.ends_with(ending));
    !hidden && !left_behind && !name.contains(['/', '\\', ':']) && !name.chars().any(char::is_control)
}

/// The real place of a file in the folder; a folder in it stands for its index.
fn find(root: &Path, asked: &Path) -> Option<PathBuf> {
    let mut place = std::fs::canonicalize(root.join(asked)).ok()?;
    if place.is_dir() {
        place = std::fs::canonicalize(place.join(SHELL)).ok()?;
    }
    let inside = place.strip_prefix(root).ok()?;
    let is_shown = inside.iter().enumerate().all(|(index, name)| name.to_str().is_some_and(|name| is_ordinary(name, index == 0)));
    (is_shown && place.is_file()).then_some(place)
}

/// Only a person's navigation gets the shell: a missing script or answer of an API must look missing (EXPO-03).
fn wants_shell(path: &str, headers: &HeaderMap) -> bool {
    let is_api = path == "/api" || path.starts_with("/api/");
    let accepts_html = headers.get_all(header::ACCEPT).iter().any(|value| {
        value.as_bytes().split(|byte| *byte == b',').any(|range| {
            let media_type = range.split(|byte| *byte == b';').next().unwrap_or_default();
            media_type.trim_ascii().eq_ignore_ascii_case(b"text/html")
        })
    });
    accepts_html && !is_api && !path.starts_with("/.")
}

async fn send(request: Request<EdgeBody>, file: &Path) -> Result<Response<EdgeBody>, UpstreamFault> {
    let (mut head, _body) = request.into_parts();
    range::keep_single(&head.method, &mut head.headers);
    let mut service = ServeFile::new(file);
    let asked = Request::from_parts(head.clone(), empty());
    let mut response = service.call(asked).await.map_err(|never| match never {})?;
    if range::wants_whole(&head.headers, &response) {
        head.headers.remove(header::RANGE);
        response = service.call(Request::from_parts(head, empty())).await.map_err(|never| match never {})?;
    }
    if response.status() == StatusCode::NOT_FOUND {
        return Err(UpstreamFault::NotFound);
    }
    if response.status().is_server_error() {
        return Err(UpstreamFault::BadResponse);
    }
    let (mut parts, body) = response.into_parts();
    parts.headers.insert(header::CACHE_CONTROL, freshness(file));
    name_charset(&mut parts.headers);
    Ok(Response::from_parts(parts, body.map_err(Into::into).boxed_unsync()))
}

fn freshness(file: &Path) -> HeaderValue {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if has_hash(name) { IMMUTABLE } else { REVALIDATE }
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

/// HDR-14: text says how it is written. Build tools write UTF-8.
fn name_charset(headers: &mut HeaderMap) {
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return;
    };
    let is_text = kind.starts_with("text/") || kind == "application/javascript";
    if is_text
        && !kind.contains("charset")
        && let Ok(value) = HeaderValue::from_str(&format!("{kind}; charset=utf-8"))
    {
        headers.insert(header::CONTENT_TYPE, value);
    }
}
