//! What stands behind a listener.

use std::sync::Arc;

use doorward_policy::Audience;
use futures_util::future::BoxFuture;
use http::{Method, Request, Response, StatusCode};

use super::plain;
use crate::body::{self, EdgeBody};
use crate::stack::{Arrival, Edge};

/// Says whether the process can do its work; asked for every `/health/ready`.
pub type Readiness = Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;

/// Who answers the requests of a listener.
#[derive(Clone)]
pub(super) enum Door {
    /// The site and its gates, over TLS.
    Site(Edge),
    /// Redirects to TLS.
    Plain(Edge),
    /// Health.
    Internal(Edge, Readiness),
}

impl Door {
    pub(super) fn edge(&self) -> &Edge {
        match self {
            Self::Site(edge) | Self::Plain(edge) | Self::Internal(edge, _) => edge,
        }
    }

    pub(super) async fn answer(&self, request: Request<EdgeBody>, arrival: Arrival) -> Response<EdgeBody> {
        match self {
            Self::Site(edge) => edge.answer(request, arrival).await,
            Self::Plain(edge) => plain::answer(edge, request, &arrival),
            Self::Internal(edge, ready) => {
                let (head, _body) = request.into_parts();
                let mut response = health(&head, ready).await;
                edge.policy().headers.apply(Audience::PlainHttp, response.headers_mut());
                response
            }
        }
    }
}

/// `/health/live` and `/health/ready`, and nothing that tells a stranger more than yes or no (EXPO-05).
async fn health(head: &http::request::Parts, ready: &Readiness) -> Response<EdgeBody> {
    let (status, text) = match (&head.method, head.uri.path()) {
        (&Method::GET | &Method::HEAD, "/health/live") => (StatusCode::OK, r#"{"ok":true}"#),
        (&Method::GET | &Method::HEAD, "/health/ready") => {
            if ready().await {
                (StatusCode::OK, r#"{"ok":true}"#)
            } else {
                (StatusCode::SERVICE_UNAVAILABLE, r#"{"ok":false}"#)
            }
        }
        _ => (StatusCode::NOT_FOUND, r#"{"detail":"Not found"}"#),
    };
    let mut response = Response::new(body::full(text));
    *response.status_mut() = status;
    crate::layer::headers::mark_json(response.headers_mut());
    response
}
