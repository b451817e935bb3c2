//! The way of a question: may this request, which a proxy in front took, pass? The same steps as for a request of our own, up to where it
//! would be sent on. Limits and passwords of gates are the proxy's.

use std::sync::Arc;

use doorward_config::Access;
use doorward_policy::{CanonicalPath, GatePolicy, Target};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};

use super::{Arrival, Edge, House, Rules};
use crate::body::{self, EdgeBody};
use crate::forward_auth::{self, Dialect, Original};
use crate::layer::seen::Seen;
use crate::layer::{client_addr, headers, method, panic, target};
use crate::port::{Admitted, GateKnock, OperatorAdmitted};
use crate::rescue::{self, Fault};

/// Who passes.
type Fields = Arc<[(HeaderName, HeaderValue)]>;

/// Passes with these fields, or is led elsewhere first.
type Permit = Result<Option<Fields>, (HeaderValue, Vec<HeaderValue>)>;

impl Edge {
    /// Answers a proxy's question; only on the internal listener.
    pub(crate) async fn forward_auth(&self, head: Parts, arrival: &Arrival) -> Response<EdgeBody> {
        let rules = self.0.rules.load_full();
        let askers = &rules.policy.forward_auth;
        if askers.is_empty() {
            return plain(StatusCode::NOT_FOUND, r#"{"detail":"Not found"}"#);
        }
        if !client_addr::is_trusted(arrival.peer.ip(), askers) {
            return plain(StatusCode::FORBIDDEN, r#"{"detail":"Forbidden"}"#);
        }
        let Some(Original { head, peer, dialect }) = forward_auth::read(head) else {
            return plain(StatusCode::BAD_REQUEST, r#"{"detail":"Bad request"}"#);
        };
        let arrival = Arrival { peer, secure: true, refused: None, intake: None };
        let mut seen = self.begin(&rules.policy, &head, &arrival);
        let mut response = match panic::caught(self.0.may_pass(&rules, &head, &mut seen)).await {
            Ok(Ok(fields)) => passes(fields.as_deref().unwrap_or_default()),
            Ok(Err((location, cookies))) => {
                seen.cookies.extend(cookies);
                let mut response = plain(StatusCode::SEE_OTHER, "");
                response.headers_mut().insert(header::LOCATION, location);
                response
            }
            Err(fault) if is_nobodys(fault) => plain(StatusCode::FORBIDDEN, r#"{"detail":"Forbidden"}"#),
            Err(fault) => rescue::answer(fault, &seen),
        };
        headers::set_cookies(&mut response, std::mem::take(&mut seen.cookies));
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if dialect == Dialect::Nginx {
            let status = response.status();
            *response.status_mut() = understood(status);
        }
        response
    }
}

impl House {
    async fn may_pass(&self, rules: &Rules, head: &Parts, seen: &mut Seen) -> Result<Permit, Fault> {
        let policy = &*rules.policy;
        if method::judge(&head.method)? == method::Listed::No {
            return Err(Fault::MethodNotAllowed);
        }
        target::within_bounds(head, &policy.sizes)?;
        let entry = target::host(head, policy)?;
        let (raw, query) = target::origin_form(&head.method, &head.uri)?;
        let path = CanonicalPath::parse(raw).map_err(Fault::Path)?;
        let target = entry.resolve(&path);
        target::may_be_put_there(&target, &head.headers, seen)?;
        match target {
            Target::Route(route) => {
                seen.audience = route.audience;
                let admitted = match route.access {
                    Access::Public => Admitted::Anonymous,
                    Access::Identified | Access::SignedIn => self.admission.admit(head, &seen.context, route).await,
                };
                match admitted {
                    Admitted::Anonymous => Ok(Ok(None)),
                    Admitted::Identified { fields, cookies, .. } => {
                        seen.cookies = cookies;
                        Ok(Ok(Some(fields)))
                    }
                    Admitted::Refused(refusal) => Err(Fault::Refused(refusal)),
                }
            }
            Target::Gate(gate) => self.may_knock(gate, head, (path.as_str(), query), seen).await.and_then(|permit| {
                let is_behind = gate.paths.iter().any(|prefix| path.strip_prefix(prefix).is_some());
                if permit.is_ok() && !is_behind { Err(Fault::GatePath) } else { Ok(permit) }
            }),
            // What Doorward answers itself goes to Doorward itself.
            Target::BuiltIn(_) | Target::NoPath(_) => Err(Fault::NoPath),
        }
    }

    async fn may_knock(
        &self,
        gate: &GatePolicy,
        head: &Parts,
        (path, query): (&str, Option<&str>),
        seen: &Seen,
    ) -> Result<Permit, Fault> {
        let address = seen.context.client.ip();
        if !gate.allow.iter().any(|network| network.contains(address)) {
            return Err(Fault::Outsider);
        }
        if !gate.operator_session {
            return Ok(Ok(None));
        }
        let knock = GateKnock { head, context: &seen.context, gate, path, query, is_navigation: seen.is_navigation };
        match self.admission.operator(knock).await {
            OperatorAdmitted::Passed { fields, .. } => Ok(Ok(Some(fields))),
            OperatorAdmitted::Led { location, cookies } => Ok(Err((location, cookies))),
            OperatorAdmitted::Refused(refusal) => Err(Fault::Refused(refusal)),
        }
    }
}

/// Whether nobody could pass there: which hosts and paths exist is the proxy's to say.
fn is_nobodys(fault: Fault) -> bool {
    matches!(fault, Fault::UnknownHost | Fault::NoPath | Fault::GatePath | Fault::Outsider | Fault::MethodNotAllowed)
}

/// nginx takes everything else for a failure of ours.
fn understood(status: StatusCode) -> StatusCode {
    match status {
        StatusCode::OK | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => status,
        StatusCode::SEE_OTHER => StatusCode::UNAUTHORIZED,
        _ => StatusCode::FORBIDDEN,
    }
}

fn passes(fields: &[(HeaderName, HeaderValue)]) -> Response<EdgeBody> {
    let mut response = Response::new(body::empty());
    response.headers_mut().extend(fields.iter().cloned());
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response<EdgeBody> {
    let mut response = Response::new(body::full(bytes::Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    headers::mark_json(response.headers_mut());
    response
}
