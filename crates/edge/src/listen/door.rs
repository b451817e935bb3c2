//! What stands behind a listener.

use std::sync::Arc;

use bytes::Bytes;
use doorward_kit::PeerAddr;
use doorward_policy::Audience;
use futures_util::future::BoxFuture;
use http::header::{self, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use tokio::time::Instant;

use super::{arrival, plain};
use crate::body::{self, EdgeBody};
use crate::forward_auth;
use crate::metrics::{Listener, MEDIA_TYPE, MetricsSource};
use crate::stack::{Arrival, Edge};

/// Says whether the process can do its work; asked for every `/health/ready`.
pub type Readiness = Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;

/// JSON documents that only the internal listener shows, each at its path (EXPO-04).
pub type Documents = Arc<[(&'static str, Bytes)]>;

/// What the internal listener shows.
#[derive(Clone)]
pub(super) struct Inside {
    pub(super) ready: Readiness,
    pub(super) metrics: MetricsSource,
    pub(super) documents: Documents,
}

/// Who answers the requests of a listener.
#[derive(Clone)]
pub(super) enum Door {
    /// The site and its gates, over TLS.
    Site(Edge),
    /// Redirects to TLS.
    Plain(Edge),
    /// Health, metrics and documents.
    Internal(Edge, Inside),
}

impl Door {
    pub(super) fn edge(&self) -> &Edge {
        match self {
            Self::Site(edge) | Self::Plain(edge) | Self::Internal(edge, _) => edge,
        }
    }

    pub(super) fn listener(&self) -> Listener {
        match self {
            Self::Site(_) => Listener::Https,
            Self::Plain(_) => Listener::Http,
            Self::Internal(..) => Listener::Internal,
        }
    }

    /// Whether this peer has to say by the PROXY protocol whom it brings. Inside nobody is brought.
    pub(super) fn asks_for_header(&self, peer: PeerAddr) -> bool {
        match self {
            Self::Site(edge) | Self::Plain(edge) => arrival::must_speak(peer, &edge.policy().proxy_protocol),
            Self::Internal(..) => false,
        }
    }

    pub(super) async fn answer(&self, request: Request<EdgeBody>, arrival: Arrival) -> Response<EdgeBody> {
        match self {
            Self::Site(edge) => edge.answer(request, arrival).await,
            Self::Plain(edge) => plain::answer(edge, request, &arrival),
            Self::Internal(edge, inside) => {
                let began = Instant::now();
                let (head, _body) = request.into_parts();
                // What stands in the place of a refused head means nothing.
                let mut response = match arrival.refused {
                    Some(_) => json(StatusCode::BAD_REQUEST, Bytes::from_static(br#"{"detail":"Bad request"}"#)),
                    None if forward_auth::is_asked(head.uri.path()) => edge.forward_auth(head, &arrival).await,
                    None => internal(&head, inside).await,
                };
                edge.policy().headers.apply(Audience::PlainHttp, response.headers_mut());
                edge.metrics().answered(Listener::Internal, Audience::PlainHttp, response.status(), began.elapsed());
                response
            }
        }
    }
}

/// `/health/live` and `/health/ready`, which tell no more than yes or no (EXPO-05), `/metrics`, and the documents.
async fn internal(head: &http::request::Parts, inside: &Inside) -> Response<EdgeBody> {
    let document = inside.documents.iter().find(|(path, _)| *path == head.uri.path());
    let (status, text) = match (&head.method, head.uri.path()) {
        (&Method::GET | &Method::HEAD, "/health/live") => (StatusCode::OK, r#"{"ok":true}"#),
        (&Method::GET | &Method::HEAD, "/health/ready") => {
            if (inside.ready)().await {
                (StatusCode::OK, r#"{"ok":true}"#)
            } else {
                (StatusCode::SERVICE_UNAVAILABLE, r#"{"ok":false}"#)
            }
        }
        (&Method::GET | &Method::HEAD, "/metrics") => {
            let mut response = Response::new(body::full((inside.metrics)().await));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
            return response;
        }
        (&Method::GET | &Method::HEAD, _) => match document {
            Some((_, text)) => return json(StatusCode::OK, text.clone()),
            None => (StatusCode::NOT_FOUND, r#"{"detail":"Not found"}"#),
        },
        _ => (StatusCode::NOT_FOUND, r#"{"detail":"Not found"}"#),
    };
    json(status, Bytes::from_static(text.as_bytes()))
}

fn json(status: StatusCode, text: Bytes) -> Response<EdgeBody> {
    let mut response = Response::new(body::full(text));
    *response.status_mut() = status;
    crate::layer::headers::mark_json(response.headers_mut());
    response
}
