//! Static files of an upstream that is a folder (EXPO-09, HTTP-19).
//!
//! Comes in: a request and the path that it was decided to be about. Goes out: the file, a part of it, what was compressed beforehand in
//! its place, or the application's shell. Must never know: who asks. Nothing of a request but its path and its conditions decides what
//! goes out, so that a cache can hold it and no answer tells one person of another.

mod body;
mod condition;
mod kind;
mod place;
mod range;
mod tag;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;

use self::body::FileBody;
use self::condition::Verdict;
use self::place::{Found, SHELL};
use self::range::Part;
pub(crate) use self::tag::Tags;
use super::{ForwardPlan, UpstreamFault};
use crate::body::{EdgeBody, empty, full};
use crate::coding::{self, Coding};

/// Answers with the file that the plan's path names, or with the application's shell for a browser's navigation to a path that
/// only the application knows.
///
/// # Errors
/// [`UpstreamFault::Unsupported`] for methods other than GET and HEAD, [`UpstreamFault::NotFound`], [`UpstreamFault::BadResponse`] when a
/// file that is there cannot be read.
pub(super) async fn serve(
    request: Request<EdgeBody>,
    plan: &ForwardPlan<'_>,
    root: &Path,
    tags: &Arc<Tags>,
) -> Result<Response<EdgeBody>, UpstreamFault> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(UpstreamFault::Unsupported);
    }
    let asked = Asked {
        root: root.to_owned(),
        path: place::relative(plan.path).ok_or(UpstreamFault::NotFound)?,
        ends_with_slash: plan.path.ends_with('/'),
        shell: wants_shell(plan.path, request.headers()),
        codings: coding::accepted(request.headers()).collect(),
        tags: tags.clone(),
    };
    // One visit to the threads that may block instead of one for each question to the file system.
    match tokio::task::spawn_blocking(move || asked.look()).await {
        Ok(Ok(Some(Seen::File(ready)))) => Ok(send(&request, ready)),
        Ok(Ok(Some(Seen::Folder))) => add_slash(plan).ok_or(UpstreamFault::NotFound),
        Ok(Ok(None)) => Err(UpstreamFault::NotFound),
        Ok(Err(_)) | Err(_) => Err(UpstreamFault::BadResponse),
    }
}

/// What is looked for in the folder.
struct Asked {
    root: PathBuf,
    path: PathBuf,
    ends_with_slash: bool,
    shell: bool,
    codings: Vec<Coding>,
    tags: Arc<Tags>,
}

/// What was found.
enum Seen {
    File(Ready),
    /// A folder that was named like a file: its relative links would lead elsewhere.
    Folder,
}

/// A file that may go out.
struct Ready {
    content: Content,
    length: u64,
    tag: HeaderValue,
    modified: SystemTime,
    name: String,
    coding: Option<Coding>,
    varies: bool,
}

enum Content {
    /// Small enough to have been read along.
    Read(Bytes),
    Open(File),
}

impl Asked {
    /// Blocks.
    fn look(&self) -> io::Result<Option<Seen>> {
        let Ok(root) = std::fs::canonicalize(&self.root) else { return Ok(None) };
        let found = match place::find(&root, &self.path, self.ends_with_slash) {
            Some(found) if found.lacks_slash && !self.path.as_os_str().is_empty() => return Ok(Some(Seen::Folder)),
            None if self.shell => place::find(&root, Path::new(SHELL), false),
            found => found,
        };
        found.map(|found| self.ready(found).map(Seen::File)).transpose()
    }

    /// Chooses what was compressed beforehand, where the client takes it and it is no older than the file, and names the version.
    fn ready(&self, found: Found) -> io::Result<Ready> {
        let varies = coding::is_worth_it(&kind::media_type(&found.name));
        let modified = found.about.modified()?;
        let compressed = self.codings.iter().filter(|_| varies).find_map(|coding| {
            let (file, about) = found.beside(coding.ending())?;
            (about.modified().ok()? >= modified).then_some((file, about, *coding))
        });
        let (file, about, coding) = match compressed {
            Some((file, about, coding)) => (file, about, Some(coding)),
            None => (found.file, found.about, None),
        };
        let (content, tag, length) = if about.len() <= body::PIECE as u64 {
            let octets = body::read_at(&file, 0, body::PIECE)?;
            let (tag, length) = (tag::of_content(&octets)?, octets.len() as u64);
            (Content::Read(octets), tag, length)
        } else {
            let tag = self.tags.of(&file, &about)?;
            (Content::Open(file), tag, about.len())
        };
        Ok(Ready { content, length, tag, modified, name: found.name, coding, varies })
    }
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
    accepts_html && !is_api && !path.starts_with("/.") && !kind::is_loaded(path)
}

/// Sends to the folder's own path, as seen from where the client is: a prefix may have been cut off on the way.
fn add_slash(plan: &ForwardPlan<'_>) -> Option<Response<EdgeBody>> {
    let (_, last) = plan.path.rsplit_once('/')?;
    let place = match plan.query {
        Some(query) => format!("./{last}/?{query}"),
        None => format!("./{last}/"),
    };
    let mut response = Response::new(empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_str(&place).ok()?);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Some(response)
}

fn send(request: &Request<EdgeBody>, ready: Ready) -> Response<EdgeBody> {
    let verdict = condition::judge(request.headers(), &ready.tag, ready.modified);
    let part = range::wanted(request.method(), request.headers(), ready.length, &ready.tag);
    let (status, first, length) = match (verdict, part) {
        (Verdict::NotModified, _) => (StatusCode::NOT_MODIFIED, 0, None),
        (Verdict::Failed, _) => (StatusCode::PRECONDITION_FAILED, 0, Some(0)),
        (Verdict::Send, Part::Whole) => (StatusCode::OK, 0, Some(ready.length)),
        (Verdict::Send, Part::Some(first, last)) => (StatusCode::PARTIAL_CONTENT, first, Some(last - first + 1)),
        (Verdict::Send, Part::Beyond) => (StatusCode::RANGE_NOT_SATISFIABLE, 0, Some(0)),
    };
    let mut headers = describe(&ready, status.is_success());
    if let Some(length) = length {
        headers.insert(header::CONTENT_LENGTH, length.into());
    }
    let place = match (verdict, part) {
        (Verdict::Send, Part::Some(first, last)) => Some(format!("bytes {first}-{last}/{}", ready.length)),
        (Verdict::Send, Part::Beyond) => Some(format!("bytes */{}", ready.length)),
        _ => None,
    };
    if let Some(Ok(place)) = place.map(|place| HeaderValue::from_str(&place)) {
        headers.insert(header::CONTENT_RANGE, place);
    }
    let is_sent = status.is_success() && request.method() == Method::GET;
    let body = if is_sent { cut(ready.content, first, length.unwrap_or(0)) } else { empty() };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// The fields that a file has whatever part of it goes out; with `whole`, also those that a 304 must not repeat.
fn describe(ready: &Ready, whole: bool) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(16);
    headers.insert(header::ETAG, ready.tag.clone());
    headers.insert(header::CACHE_CONTROL, kind::freshness(&ready.name));
    if ready.varies {
        headers.insert(header::VARY, HeaderValue::from_name(header::ACCEPT_ENCODING));
    }
    if let Some(date) = http_date(ready.modified) {
        headers.insert(header::LAST_MODIFIED, date);
    }
    if whole {
        headers.insert(header::CONTENT_TYPE, kind::media_type(&ready.name));
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        if let Some(coding) = ready.coding {
            headers.insert(header::CONTENT_ENCODING, coding.name());
        }
    }
    headers
}

/// The protocol's dates have four digits for the year and none before the epoch is written; a file may have any.
fn http_date(time: SystemTime) -> Option<HeaderValue> {
    const YEAR_10000: u64 = 253_402_300_800;
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let is_sayable = since.as_secs() < YEAR_10000;
    is_sayable.then(|| HeaderValue::from_str(&httpdate::fmt_http_date(time)).ok()).flatten()
}

fn cut(content: Content, first: u64, length: u64) -> EdgeBody {
    match content {
        Content::Open(file) => FileBody::new(file, first, length).boxed_unsync(),
        Content::Read(octets) => {
            let start = usize::try_from(first).unwrap_or(usize::MAX).min(octets.len());
            let end = usize::try_from(first.saturating_add(length)).unwrap_or(usize::MAX).min(octets.len());
            full(octets.slice(start..end))
        }
    }
}
