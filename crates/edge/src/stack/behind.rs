//! The second half of the way: steps 9b to 10, to what stands behind the door.
//!
//! Comes in: a request whose target is decided. Goes out: the upstream's answer, tied to what let the request in. Must never know: framing,
//! hosts, limits; they were judged before.

use std::sync::Arc;

use doorward_config::{Access, UpstreamTarget};
use doorward_policy::{CanonicalPath, GatePolicy, RoutePolicy, UpstreamPolicy};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};

use super::{Arrival, House, Rules};
use crate::body::{self, EdgeBody};
use crate::gate::{GatePermit, GateVerdict};
use crate::hold::{self, Asked, GateHold, Kept, RouteHold, Tether, Tie, TunnelTerms};
use crate::layer::seen::Seen;
use crate::layer::{body_cap, compress, headers};
use crate::port::{Admitted, Bond, EdgeEventKind, GateKnock, OperatorAdmitted};
use crate::proxy::ForwardPlan;
use crate::rescue::Fault;

impl House {
    /// 9b. Route: admission first, which sees the head alone, then the body cap, then the upstream. What admission sets in the browser
    /// is kept aside at once: from here on even a failure must carry it.
    pub(super) async fn route(
        &self,
        route: &RoutePolicy,
        way: &Way<'_>,
        head: Parts,
        body: EdgeBody,
        seen: &mut Seen,
    ) -> Result<Response<EdgeBody>, Fault> {
        let admitted = match route.access {
            Access::Public => Admitted::Anonymous,
            Access::Identified | Access::SignedIn => self.admission.admit(&head, &seen.context, route).await,
        };
        let (identity, bond) = match admitted {
            Admitted::Anonymous => (None, None),
            Admitted::Identified { fields, cookies, bond } => {
                seen.cookies = cookies;
                (Some(fields), Some(bond))
            }
            Admitted::Refused(refusal) => return Err(Fault::Refused(refusal)),
        };
        let body = body_cap::bound(&head.headers, body, way.rules.policy.sizes.upstream_body, way.arrival)?;
        let sent = if route.strip_prefix { way.path.strip_prefix(&route.path).unwrap_or_default() } else { way.path.as_str() };
        let plan = self.plan(&route.upstream, sent, way, seen, identity.as_deref().unwrap_or_default());
        let host = plan.external_host;
        let tie = |kept| {
            let held = RouteHold::new(route, Asked::new(host, way.path, kept));
            hold::route_ended(self.changes.subscribe(), held, bond.map(|bond| self.admission.ended(bond, route)))
        };
        let tunnel = || tie(Kept::Tunnel);
        let plan = ForwardPlan { tunnel: route.websocket.then(|| terms(way, &tunnel)), ..plan };
        let is_of_files = matches!(route.upstream.target, UpstreamTarget::Files { .. });
        let wish = route.compress.then(|| compress::Wish::of(&head.method, &head.headers, is_of_files));
        let mut response = self.forward(Request::from_parts(head, body), plan).await?;
        response = hold::tie_events(response, &|| tie(Kept::Events));
        if bond.is_some() {
            // What was answered to one person is kept for nobody, whatever the upstream says (SES-15).
            headers::keep_for_nobody(&mut response);
        }
        Ok(match wish {
            Some(wish) => wish.grant(response),
            None => response,
        })
    }

    /// 9c. Gate: who, then what. A stranger does not learn which paths exist behind it (GATE-20).
    pub(super) async fn gate(
        &self,
        gate: &GatePolicy,
        way: &Way<'_>,
        head: Parts,
        body: EdgeBody,
        seen: &Seen,
    ) -> Result<Response<EdgeBody>, Fault> {
        let permit = match way.rules.gatekeeper.check(gate, &seen.context, &head.headers).await {
            GateVerdict::Pass(permit) => permit,
            verdict => return Err(Fault::of_gate(&verdict)),
        };
        let operator = match self.operator(gate, way, &head, seen).await? {
            Operator::Passed(operator) => operator,
            Operator::Led(response) => return Ok(response),
        };
        if !gate.paths.iter().any(|prefix| way.path.strip_prefix(prefix).is_some()) {
            return Err(Fault::GatePath);
        }
        let agent = head.headers.get(header::USER_AGENT);
        seen.report(&*self.audit, EdgeEventKind::GateAllowed, "credentials", Some(permit.user()), agent);
        let body = body_cap::bound(&head.headers, body, way.rules.policy.sizes.upstream_body, way.arrival)?;
        self.forward_gated((permit, operator), gate, way, Request::from_parts(head, body), seen).await
    }

    /// After the password and before the path: who is no operator learns of neither.
    async fn operator(&self, gate: &GatePolicy, way: &Way<'_>, head: &Parts, seen: &Seen) -> Result<Operator, Fault> {
        if !gate.operator_session {
            return Ok(Operator::Passed(None));
        }
        let (path, is_navigation) = (way.path.as_str(), seen.is_navigation);
        let knock = GateKnock { head, context: &seen.context, gate, path, query: way.query, is_navigation };
        match self.admission.operator(knock).await {
            OperatorAdmitted::Passed { fields, bond } => Ok(Operator::Passed(Some((fields, bond)))),
            OperatorAdmitted::Led { location, cookies } => Ok(Operator::Led(lead(location, cookies))),
            OperatorAdmitted::Refused(refusal) => Err(Fault::Refused(refusal)),
        }
    }

    /// Takes the permit by value: there is no way here without one.
    async fn forward_gated(
        &self,
        (permit, operator): (GatePermit, Option<OperatorPass>),
        gate: &GatePolicy,
        way: &Way<'_>,
        request: Request<EdgeBody>,
        seen: &Seen,
    ) -> Result<Response<EdgeBody>, Fault> {
        let (identity, bond) = operator.map_or((None, None), |(fields, bond)| (Some(fields), Some(bond)));
        let plan = self.plan(&gate.upstream, way.path.as_str(), way, seen, identity.as_deref().unwrap_or_default());
        let tie = |kept| {
            let right = bond.map(|bond| self.admission.operator_ended(bond));
            hold::earlier(self.gate_ended(gate, &permit, way, seen, kept), right)
        };
        let tunnel = || tie(Kept::Tunnel);
        let plan = ForwardPlan { tunnel: gate.websocket.then(|| terms(way, &tunnel)), remove_authorization: true, ..plan };
        let response = self.forward(request, plan).await?;
        Ok(hold::tie_events(response, &|| tie(Kept::Events)))
    }

    fn gate_ended(&self, gate: &GatePolicy, permit: &GatePermit, way: &Way<'_>, seen: &Seen, kept: Kept) -> Tether {
        let asked = Asked::new(seen.host(), way.path, kept);
        let held = GateHold::new(&way.rules.gatekeeper, gate, permit.user(), seen.context.client.ip(), asked);
        hold::gate_ended(self.changes.subscribe(), held)
    }

    /// 10. Forward: the client's copies of our fields go, ours come; see `proxy`.
    async fn forward(&self, request: Request<EdgeBody>, plan: ForwardPlan<'_>) -> Result<Response<EdgeBody>, Fault> {
        self.forwarder.forward(request, plan).await.map_err(Fault::Upstream)
    }

    fn plan<'a>(
        &self,
        upstream: &'a UpstreamPolicy,
        sent: &'a str,
        way: &Way<'a>,
        seen: &'a Seen,
        identity: &'a [(HeaderName, HeaderValue)],
    ) -> ForwardPlan<'a> {
        ForwardPlan {
            upstream,
            path: if sent.is_empty() { "/" } else { sent },
            query: way.query,
            context: &seen.context,
            external_host: seen.host(),
            external_port: self.https_port,
            identity,
            tunnel: None,
            remove_authorization: false,
        }
    }
}

/// Who passed as an operator, and by which right.
type OperatorPass = (Arc<[(HeaderName, HeaderValue)]>, Bond);

/// What became of the question for an operator session.
enum Operator {
    /// Go on; `None` where none is asked for.
    Passed(Option<OperatorPass>),
    /// Answered already.
    Led(Response<EdgeBody>),
}

/// 303: whatever was asked for, what comes next is a GET (RFC 9110 §15.4.4).
fn lead(location: HeaderValue, cookies: Vec<HeaderValue>) -> Response<EdgeBody> {
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, location);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.extend(cookies.into_iter().map(|cookie| (header::SET_COOKIE, cookie)));
    response
}

fn terms<'a>(way: &Way<'_>, tie: Tie<'a>) -> TunnelTerms<'a> {
    let times = &way.rules.policy.times;
    TunnelTerms { max_age: times.tunnel_max_age, idle: times.tunnel_idle, tie }
}

/// Where a request goes, decided.
pub(super) struct Way<'a> {
    pub(super) rules: &'a Rules,
    pub(super) path: &'a CanonicalPath<'a>,
    pub(super) query: Option<&'a str>,
    pub(super) arrival: &'a Arrival,
}
