//! What stands behind a listener.

use std::sync::Arc;

use bytes::Bytes;
use doorward_policy::Audience;
use futures_util::future::BoxFuture;
use http::{Method, Request, Response, StatusCode};

use super::plain;
use crate::body::{self, EdgeBody};
use crate::stack::{Arrival, Edge};

/// Says whether the process can do its work; asked for every `/health/ready`.
pub type Readiness = Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;

/// JSON documents that only the internal listener shows, each at its path (EXPO-04).
pub type Documents = Arc<[(&'static str, Bytes)]>;

/// Who answers the requests of a listener.
#[derive(Clone)]
pub(super) enum Door {
    /// The site and its gates, over TLS.
    Site(Edge),
    /// Redirects to TLS.
    Plain(Edge),
    /// Health and documents.
    Internal(Edge, Readiness, Documents),
}

impl Door {
    pub(super) fn edge(&self) -> &Edge {
        match self {
            Self::Site(edge) | Self::Plain(edge) | Self::Internal(edge, _, _) => edge,
        }
    }

    pub(super) async fn answer(&self, request: Request<EdgeBody>, arrival: Arrival) -> Response<EdgeBody> {
        match self {
            Self::Site(edge) => edge.answer(request, arrival).await,
            Self::Plain(edge) => plain::answer(edge, request, &arrival),
            Self::Internal(edge, ready, documents) => {
                let (head, _body) = request.into_parts();
                let mut response = internal(&head, ready, documents).await;
                edge.policy().headers.apply(Audience::PlainHttp, response.headers_mut());
                response
            }
        }
    }
}

/// `/health/live` and `/health/ready`, which tell no more than yes or no (EXPO-05), and the documents.
async fn internal(head: &http::request::Parts, ready: &Readiness, documents: &Documents) -> Response<EdgeBody> {
    let document = documents.iter().find(|(path, _)| *path == head.uri.path());
    let (status, text) = match (&head.method, head.uri.path()) {
        (&Method::GET | &Method::HEAD, "/health/live") => (StatusCode::OK, r#"{"ok":true}"#),
        (&Method::GET | &Method::HEAD, "/health/ready") => {
            if ready().await {
                (StatusCode::OK, r#"{"ok":true}"#)
            } else {
                (StatusCode::SERVICE_UNAVAILABLE, r#"{"ok":false}"#)
            }
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
