//! Plain HTTP: sends people to TLS and refuses everything else (TLS-16).

use doorward_policy::{Audience, CanonicalPath};
use http::header::{self, HeaderValue};
use http::{Request, Response, StatusCode};

use crate::body::{self, EdgeBody};
use crate::layer::{seen::is_under_api, target};
use crate::rescue::{self, Fault};
use crate::stack::{Arrival, Edge};
use crate::tls;

/// Answers without touching application or upstream. What came over plain HTTP is never processed, only pointed at TLS.
pub(super) fn answer(edge: &Edge, request: Request<EdgeBody>, arrival: &Arrival) -> Response<EdgeBody> {
    let policy = edge.policy();
    let (head, _body) = request.into_parts();
    let mut seen = edge.begin(&policy, &head, arrival);
    // No HSTS here: a browser would ignore it, and a tool could take it for a promise (HDR-02).
    seen.audience = Audience::PlainHttp;
    let counted = edge.count(&policy, &seen);
    let response = counted.and_then(|()| match arrival.refused {
        Some(fault) => Err(fault.into()),
        None => redirect(edge, &policy, &head),
    });
    seen.is_counted_only = response.as_ref().is_err_and(|fault: &Fault| fault.is_counted_only());
    let response = response.unwrap_or_else(|fault| edge.refuse(fault, &seen, head.headers.get(header::USER_AGENT)));
    edge.finish(&policy, &seen, response)
}

fn redirect(edge: &Edge, policy: &doorward_policy::Policy, head: &http::request::Parts) -> Result<Response<EdgeBody>, Fault> {
    let entry = target::host(head, policy)?;
    let (raw, query) = target::origin_form(&head.method, &head.uri)?;
    // An authority follows redirects, but to a certificate that may not be there yet (TLS-11).
    if let Some(answer) = tls::answer_challenge(&**edge.challenges(), &entry.host, &head.method, (raw, query)) {
        return answer.ok_or(Fault::NoPath);
    }
    let path = CanonicalPath::parse(raw).map_err(Fault::Path)?;
    // A client of an API that speaks plain text has sent its secret already: it must fail, not be led on.
    if !rescue::is_safe(&head.method) || is_under_api(path.as_str()) {
        return Err(Fault::PlainText);
    }
    let port = match edge.https_port() {
        443 => String::new(),
        port => format!(":{port}"),
    };
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    let location = format!("https://{}{port}{}{query}", entry.host, path.as_str());
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    let location = HeaderValue::from_str(&location).map_err(|_| Fault::Target)?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}
