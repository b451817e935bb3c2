//! The accounts application as the plain service that the edge takes.

use axum::Router;
use doorward_edge::{AppService, BoxError, EdgeBody};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use tower::util::BoxCloneSyncService;

/// Turns a router into the edge's service; only the body types differ.
pub(super) fn app_service(router: Router) -> AppService {
    let service = router
        .map_request(|request: Request<EdgeBody>| request.map(axum::body::Body::new))
        .map_response(|response: Response<axum::body::Body>| response.map(|body| body.map_err(BoxError::from).boxed_unsync()));
    BoxCloneSyncService::new(service)
}
