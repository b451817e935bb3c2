//! The way of a request through the door, on one page. The order is security: each step says what would break if it moved.

mod asked;
mod behind;

use std::future::poll_fn;
use std::sync::Arc;

use arc_swap::ArcSwap;
use doorward_kit::{ClientAddr, Entropy, PeerAddr};
use doorward_policy::{CanonicalPath, Policy, Target};
use http::request::Parts;
use http::{HeaderValue, Request, Response, header};
use tokio::sync::watch;
use tower::Service as _;

use crate::body::{EdgeBody, Intake};
use crate::gate::GateKeeper;
use crate::layer::seen::Seen;
use crate::layer::{access_log, body_cap, client_addr, cors, headers, limit, method, panic, target};
use crate::listen::FramingFault;
use crate::metrics::{Exposition, Listener, Metrics};
use crate::port::{Admission, AppService, Challenges, EdgeAudit, EdgeEvent, EdgeEventKind};
use crate::proxy::{Forwarder, UpstreamSecrets, Upstreams};
use crate::rescue::{self, Fault};
use crate::tls;
use behind::Way;

/// What the edge is made of.
pub struct EdgeParts {
    /// Everything that was decided at load.
    pub policy: Arc<Policy>,
    /// Answers what is built in.
    pub app: AppService,
    /// Decides who passes a route that asks.
    pub admission: Arc<dyn Admission>,
    /// Takes what the audit trail should know.
    pub audit: Arc<dyn EdgeAudit>,
    /// Knows what a certification authority may ask.
    pub challenges: Arc<dyn Challenges>,
    /// For request ids.
    pub entropy: Arc<dyn Entropy>,
    /// Users of the gates of `policy`.
    pub gatekeeper: GateKeeper,
    /// The way to the upstreams.
    pub forwarder: Forwarder,
    /// The port of `https` as clients see it: in redirects and for upstreams. Usually that of the site's origin.
    pub https_port: u16,
}

impl std::fmt::Debug for EdgeParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EdgeParts").field("https_port", &self.https_port).finish_non_exhaustive()
    }
}

/// The front door; clones share everything.
#[derive(Clone)]
pub struct Edge(Arc<House>);

struct House {
    rules: ArcSwap<Rules>,
    /// The same rules, for whoever waits for their change; requests read `rules`, which costs them no lock.
    changes: watch::Sender<Arc<Rules>>,
    app: AppService,
    admission: Arc<dyn Admission>,
    audit: Arc<dyn EdgeAudit>,
    challenges: Arc<dyn Challenges>,
    entropy: Arc<dyn Entropy>,
    forwarder: Forwarder,
    limits: limit::Limiter,
    metrics: Arc<Metrics>,
    https_port: u16,
}

/// What a reload exchanges, together or not at all (GATE-21).
pub(crate) struct Rules {
    pub(crate) policy: Arc<Policy>,
    pub(crate) gatekeeper: GateKeeper,
}

/// What the listener knows of a request.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    /// The other end of the socket.
    pub(crate) peer: PeerAddr,
    /// Whether it speaks TLS.
    pub(crate) secure: bool,
    /// The framing guard refused this request's head; what stands in its place means nothing.
    pub(crate) refused: Option<FramingFault>,
    /// Watches the body, if there is one.
    pub(crate) intake: Option<Arc<Intake>>,
}

impl std::fmt::Debug for Edge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Edge").field("https_port", &self.0.https_port).finish_non_exhaustive()
    }
}

impl Edge {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: EdgeParts) -> Self {
        let EdgeParts { policy, app, admission, audit, challenges, entropy, gatekeeper, forwarder, https_port } = parts;
        let rules = Arc::new(Rules { policy, gatekeeper });
        let (rules, changes) = (ArcSwap::from(Arc::clone(&rules)), watch::Sender::new(rules));
        let (limits, metrics) = (limit::Limiter::default(), Arc::default());
        Self(Arc::new(House {
            rules,
            changes,
            app,
            admission,
            audit,
            challenges,
            entropy,
            forwarder,
            limits,
            metrics,
            https_port,
        }))
    }

    /// Takes a new policy and the users of its gates, both at once. Requests under way end under the old ones. Failed attempts at a gate
    /// stay counted. Not to be called by two at once.
    pub fn reload(&self, policy: Arc<Policy>, gatekeeper: GateKeeper) {
        let gatekeeper = gatekeeper.following(&self.0.rules.load().gatekeeper);
        let rules = Arc::new(Rules { policy, gatekeeper });
        self.0.rules.store(Arc::clone(&rules));
        self.0.changes.send_replace(rules);
    }

    /// Takes the upstreams of a policy that is about to be in force. Not to be called by two at once.
    pub fn adopt(&self, upstreams: &Upstreams) {
        self.0.forwarder.adopt(upstreams);
    }

    /// Takes what each of those upstreams knows the door by.
    pub fn entrust(&self, secrets: UpstreamSecrets) {
        self.0.forwarder.entrust(secrets);
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        self.0.rules.load().policy.clone()
    }

    /// Writes what was counted so far.
    pub fn write_metrics(&self, out: &mut Exposition) {
        self.0.metrics.write(out);
        self.0.forwarder.write_metrics(out);
    }

    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.0.metrics
    }

    pub(crate) fn challenges(&self) -> &Arc<dyn Challenges> {
        &self.0.challenges
    }

    pub(crate) fn https_port(&self) -> u16 {
        self.0.https_port
    }

    pub(crate) fn trusts(&self, peer: PeerAddr) -> bool {
        client_addr::is_trusted(peer.ip(), &self.0.rules.load().policy.trusted_proxies)
    }

    /// Counts a handshake that is about to begin; `false` when its line has had too many (TLS-17, EDGE-RL-10).
    pub(crate) fn may_shake_hands(&self, client: ClientAddr) -> bool {
        let rules = self.0.rules.load();
        self.0.limits.may_shake_hands(&rules.policy.limits, rules.policy.sizes.handshakes, client)
    }

    pub(crate) fn begin(&self, policy: &Policy, head: &Parts, arrival: &Arrival) -> Seen {
        // 1. Request id: made here, so that everything that follows can be found again (HDR-20). Nothing the client says is used.
        // 2. Client address: derived once; limits, gates and upstreams use this one (PROXY-01, GATE-04, EDGE-RL-03).
        let client = client_addr::derive(arrival.peer, &head.headers, &policy.trusted_proxies);
        Seen::new(&*self.0.entropy, client, arrival, policy, head)
    }

    /// Answers one request. Every answer, of whichever producer, leaves through the last three steps.
    pub(crate) async fn answer(&self, request: Request<EdgeBody>, arrival: Arrival) -> Response<EdgeBody> {
        let rules = self.0.rules.load_full();
        let (head, body) = request.into_parts();
        let mut seen = self.begin(&rules.policy, &head, &arrival);
        let agent = head.headers.get(header::USER_AGENT).cloned();
        // A panic in a handler ends that request and nothing else (ERR-03).
        let passed = panic::caught(self.0.pass(&rules, head, body, &arrival, &mut seen)).await;
        // A body that broke on the way decides the answer, whatever its reader made of it.
        let outcome = match arrival.intake.as_ref().and_then(|intake| intake.trouble()) {
            Some(trouble) => Err(trouble.into()),
            None => passed,
        };
        seen.is_counted_only = outcome.as_ref().is_err_and(|fault: &Fault| fault.is_counted_only());
        let mut response = outcome.unwrap_or_else(|fault| self.refuse(fault, &seen, agent.as_ref()));
        headers::set_cookies(&mut response, std::mem::take(&mut seen.cookies));
        if seen.is_counted_only {
            response.extensions_mut().insert(limit::Again);
        }
        self.finish(&rules.policy, &seen, response)
    }

    /// Answers a fault in its own words and tells the audit trail of those that someone should look at.
    pub(crate) fn refuse(&self, fault: Fault, seen: &Seen, agent: Option<&HeaderValue>) -> Response<EdgeBody> {
        if let Some(reason) = fault.audit_reason() {
            seen.report(&*self.0.audit, fault.audit_kind(), reason, None, agent);
        }
        if fault == Fault::Panicked {
            tracing::error!(request_id = %seen.context.request_id, path = %seen.logged_path(), "a handler panicked");
        }
        rescue::answer(fault, seen)
    }

    /// 11. Header policy: behind every producer, or an error page would go without (HDR-09, HDR-10).
    /// 12. Access log: last, since only now is known what was answered.
    pub(crate) fn finish(&self, policy: &Arc<Policy>, seen: &Seen, response: Response<EdgeBody>) -> Response<EdgeBody> {
        let response = headers::finish(policy, seen, response);
        let listener = if seen.context.secure { Listener::Https } else { Listener::Http };
        self.0.metrics.answered(listener, seen.audience, response.status(), seen.elapsed());
        if !seen.is_counted_only {
            access_log::write(seen, &response);
        }
        response
    }

    /// Counts one request against the limit that holds for everything.
    pub(crate) fn count(&self, policy: &Policy, seen: &Seen) -> Result<(), Fault> {
        Ok(self.0.limits.check(&policy.limits, limit::Scope::Edge, &seen.context)?)
    }

    /// Tells log and trail of refusals that were only counted: of windows that are over, or of all when nobody will ask again.
    pub(crate) fn tell_counted(&self, all: bool) {
        for counted in self.0.limits.counted(all) {
            access_log::write_counted(&counted);
            self.0.audit.record(EdgeEvent {
                kind: EdgeEventKind::RateLimited,
                context: counted.context,
                host: String::new(),
                method: String::new(),
                user_agent: None,
                reason: counted.scope,
                gate: None,
                user: None,
                count: Some(counted.count),
            });
        }
    }
}

impl House {
    async fn pass(
        &self,
        rules: &Rules,
        head: Parts,
        body: EdgeBody,
        arrival: &Arrival,
        seen: &mut Seen,
    ) -> Result<Response<EdgeBody>, Fault> {
        let policy = &*rules.policy;
        // Edge limit: before a body is read or an upstream is asked (EDGE-RL-07), and before anything is refused: a flood of heads that
        // are good for nothing fills a log as well as any other.
        self.limits.check(&policy.limits, limit::Scope::Edge, &seen.context)?;
        // 3. Framing: a refused head has no host, method or path that could be believed.
        if let Some(fault) = arrival.refused {
            return Err(fault.into());
        }
        // 4. Method: before anything that could take an odd one for a GET (HTTP-12).
        let listed = method::judge(&head.method)?;
        target::within_bounds(&head, &policy.sizes)?;
        // 5. Authority and host: exact names of ours, no default (GATE-07, GATE-11, EXPO-11).
        let entry = target::host(&head, policy)?;
        // 6. One canonical path: all that follows sees this and nothing else (GATE-08, GATE-09).
        let uri = head.uri.clone();
        let (raw, query) = target::origin_form(&head.method, &uri)?;
        // Before gates and routes: a certification authority asks every host of ours, and is answered from memory (TLS-11).
        if let Some(answer) = tls::answer_challenge(&*self.challenges, &entry.host, &head.method, (raw, query)) {
            return answer.ok_or(Fault::NoPath);
        }
        let path = CanonicalPath::parse(raw).map_err(Fault::Path)?;
        // 7. Stricter limits of some places, on the path that will be used (EDGE-RL-05).
        if let Some(scope) = limit::Scope::of(entry, &path, &head.method) {
            self.limits.check(&policy.limits, scope, &seen.context)?;
        }
        // 8. Target: everything above holds for all of them, gates included.
        let way = Way { rules, path: &path, query, arrival };
        let target = entry.resolve(&path);
        if let Some(answer) = cors::answer(&policy.cors, &target, &head, seen) {
            return Ok(answer);
        }
        target::may_be_put_there(&target, &head.headers, seen)?;
        match target {
            Target::BuiltIn(part) => {
                seen.audience = part.audience();
                self.built_in(&way, head, body, seen).await
            }
            // The application knows which of its methods exist; for all else the list is the same everywhere.
            _ if listed == method::Listed::No => Err(Fault::MethodNotAllowed),
            Target::Route(route) => {
                seen.audience = route.audience;
                self.route(route, &way, head, body, seen).await
            }
            Target::Gate(gate) => self.gate(gate, &way, head, body, seen).await,
            Target::NoPath(audience) => {
                seen.audience = audience;
                Err(Fault::NoPath)
            }
        }
    }

    /// 9a. Built in: body cap, then the application.
    async fn built_in(&self, way: &Way<'_>, mut head: Parts, body: EdgeBody, seen: &Seen) -> Result<Response<EdgeBody>, Fault> {
        // The most that any built-in route takes; most take less, and the application knows which.
        let body = body_cap::bound(&head.headers, body, way.rules.policy.sizes.api_body, way.arrival)?;
        head.uri = target::rebuild(way.path, way.query)?;
        head.extensions.insert(seen.context);
        let mut app = self.app.clone();
        let Ok(()) = poll_fn(|cx| app.poll_ready(cx)).await;
        let Ok(response) = app.call(Request::from_parts(head, body)).await;
        Ok(response)
    }
}
