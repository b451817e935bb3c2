//! Answers made shorter on their way out, on public routes that ask for it (`compress = true`).
//!
//! The length of a compressed answer tells something of its content. Where a secret and a stranger's words stand in one answer, that is
//! enough to guess the secret (BREACH). So nothing is compressed that may hold a secret of a person: no answer to a request with cookies
//! or `Authorization`, none that sets a cookie or that caches may not keep for others, none of the application. Files are the same for
//! everybody and say nothing of the request, so cookies do not matter to them.
//!
//! Comes in: what the client takes, and the upstream's answer. Goes out: the same answer, or it shorter, with the fields that follow from
//! that. The work is bounded: so many answers at once and no more, the others go out as they are.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::AcqRel};
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;

use self::engine::Engine;
use crate::body::{BoxError, EdgeBody};
use crate::coding::{self, Coding};

mod engine;

/// Below this an answer fits into one packet anyway, and the frame of the coding makes many longer.
const LEAST: u64 = 1024;
/// Answers that are compressed at the same time; each holds up to two MiB for as long as its client takes to read it.
const AT_ONCE: usize = 64;
/// Octets that are compressed before others get their turn.
const TURN: usize = 32 * 1024;
/// Octets of output that are gathered before they go on.
const PIECE: usize = 16 * 1024;

static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

/// The fields of an answer that speak of its octets as they are and would be false of shorter ones.
const OF_THE_OCTETS: [HeaderName; 4] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("repr-digest"),
];

/// What a client takes of an answer to this request, best first; decided before the request goes on.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    first: Option<Coding>,
}

impl Wish {
    /// Reads the fields of a request. `same_for_all` says that what stands there knows nothing of whoever asks.
    pub(crate) fn of(method: &Method, headers: &HeaderMap, same_for_all: bool) -> Self {
        let is_personal = headers.contains_key(header::COOKIE) || headers.contains_key(header::AUTHORIZATION);
        if !matches!(*method, Method::GET | Method::HEAD) || (is_personal && !same_for_all) {
            return Self::default();
        }
        Self { first: coding::accepted(headers).find(|coding| *coding != Coding::Zstd) }
    }

    /// Compresses the answer where that is wished and harmless; says in any case that others might get it otherwise.
    pub(crate) fn grant(self, mut response: Response<EdgeBody>) -> Response<EdgeBody> {
        if response.status() != StatusCode::OK || !may_be_shorter(response.headers()) {
            return response;
        }
        vary(response.headers_mut());
        let Some((coding, place)) = self.first.and_then(|coding| Some((coding, Place::take()?))) else { return response };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_ENCODING, coding.name());
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::ACCEPT_RANGES);
        weaken(headers);
        response.map(|body| if body.is_end_stream() { body } else { Shorter::new(body, coding, place).boxed_unsync() })
    }
}

/// Whether an answer with these fields is neither personal nor a stream nor encoded nor short.
fn may_be_shorter(headers: &HeaderMap) -> bool {
    let is_plain =
        headers.get_all(header::CONTENT_ENCODING).iter().all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    let is_long = headers.get(header::CONTENT_LENGTH).is_none_or(|length| {
        length.to_str().ok().and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length >= LEAST)
    });
    is_plain
        && is_long
        && headers.get(header::CONTENT_TYPE).is_some_and(coding::is_worth_it)
        && !headers.contains_key(header::SET_COOKIE)
        && !headers.contains_key(header::CONTENT_RANGE)
        && !OF_THE_OCTETS.iter().any(|name| headers.contains_key(name))
        && !headers.get_all(header::CACHE_CONTROL).iter().any(is_for_one_or_as_it_is)
}

/// Whether a cache may not keep it for others, or nobody may transform it (RFC 9111 §5.2.2).
fn is_for_one_or_as_it_is(value: &HeaderValue) -> bool {
    value.as_bytes().split(|octet| *octet == b',').any(|directive| {
        let name = directive.split(|octet| *octet == b'=').next().unwrap_or_default().trim_ascii();
        [&b"private"[..], b"no-store", b"no-transform"].iter().any(|other| name.eq_ignore_ascii_case(other))
    })
}

/// Says that the answer depends on what the client takes, unless that is said already.
fn vary(headers: &mut HeaderMap) {
    let is_said = headers.get_all(header::VARY).iter().any(|value| {
        value.as_bytes().split(|octet| *octet == b',').any(|name| {
            let name = name.trim_ascii();
            name == b"*" || name.eq_ignore_ascii_case(b"accept-encoding")
        })
    });
    if !is_said {
        headers.append(header::VARY, HeaderValue::from_name(header::ACCEPT_ENCODING));
    }
}

/// The octets are no longer those that the tag was made for (RFC 9110 §8.8.3.3): the same answer, not the same octets.
fn weaken(headers: &mut HeaderMap) {
    let Some(tag) = headers.remove(header::ETAG) else { return };
    let weak =
        if tag.as_bytes().starts_with(b"W/") { Ok(tag) } else { HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat()) };
    if let Ok(weak) = weak {
        headers.insert(header::ETAG, weak);
    }
}

/// One of the places for answers that are being compressed.
struct Place;

impl Place {
    fn take() -> Option<Self> {
        // What was counted too much is given back by the drop of a place that is taken in any case.
        let place = (UNDER_WAY.fetch_add(1, AcqRel), Self);
        (place.0 < AT_ONCE).then_some(place.1)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        UNDER_WAY.fetch_sub(1, AcqRel);
    }
}

/// A body that is compressed as it is asked for.
struct Shorter {
    inner: EdgeBody,
    /// Gone at the end.
    engine: Option<(Engine, Place)>,
    /// Came from `inner` and is not compressed yet.
    rest: Bytes,
    /// Whether the engine holds octets that the client waits for.
    is_held_back: bool,
    trailers: Option<HeaderMap>,
}

impl Shorter {
    fn new(inner: EdgeBody, coding: Coding, place: Place) -> Self {
        Self { inner, engine: Some((Engine::new(coding), place)), rest: Bytes::new(), is_held_back: false, trailers: None }
    }

    /// Ends the coding; what it still held is the last piece.
    fn finish(&mut self) -> Result<Bytes, BoxError> {
        self.engine.take().map_or(Ok(Bytes::new()), |(engine, _)| engine.finish().map_err(Into::into))
    }

    /// Compresses a slice of what is at hand; a piece when enough of it has gathered.
    fn advance(&mut self) -> Result<Option<Bytes>, BoxError> {
        let Some((engine, _)) = &mut self.engine else { return Ok(None) };
        let slice = self.rest.split_to(self.rest.len().min(TURN));
        engine.write(&slice)?;
        self.is_held_back = true;
        Ok((engine.gathered() >= PIECE).then(|| engine.take()))
    }

    /// Hands on what the engine holds back while nothing more comes: a reader of a slow answer waits for none of it.
    fn release(&mut self) -> Result<Bytes, BoxError> {
        let held_back = std::mem::take(&mut self.is_held_back);
        let Some((engine, _)) = self.engine.as_mut().filter(|_| held_back) else { return Ok(Bytes::new()) };
        engine.flush()?;
        Ok(engine.take())
    }
}

/// A step of the body: a piece, or nothing yet.
type Step = Option<Result<Frame<Bytes>, BoxError>>;

fn step(piece: Result<Bytes, BoxError>) -> Step {
    match piece {
        Ok(piece) if piece.is_empty() => None,
        piece => Some(piece.map(Frame::data)),
    }
}

impl Body for Shorter {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let mut left = TURN;
        loop {
            if this.engine.is_none() {
                return Poll::Ready(this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))));
            }
            if this.rest.has_remaining() {
                if left == 0 {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                left = left.saturating_sub(this.rest.len());
                match this.advance() {
                    Ok(None) => continue,
                    Ok(Some(piece)) => return Poll::Ready(Some(Ok(Frame::data(piece)))),
                    Err(error) => return Poll::Ready(Some(Err(error))),
                }
            }
            let ready = match Pin::new(&mut this.inner).poll_frame(cx) {
                Poll::Pending => return step(this.release()).map_or(Poll::Pending, |step| Poll::Ready(Some(step))),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => step(this.finish()),
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => {
                        this.rest = data;
                        None
                    }
                    Err(frame) => {
                        this.trailers = frame.into_trailers().ok();
                        step(this.finish())
                    }
                },
            };
            if let Some(ready) = ready {
                return Poll::Ready(Some(ready));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.engine.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
