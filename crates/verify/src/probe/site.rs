//! The public site: its root in four ways, its API, its errors, an asset (VER-02).

use doorward_config::{Access, UpstreamTarget};
use doorward_policy::{Audience, CanonicalPath, Policy, Target};

use super::{Aim, Spec, StatusRule, Want};
use crate::observer::Transport;
use crate::plan::Options;

/// A burst longer than this would be an attack, not a look.
const BURST_MAX: u32 = 300;

pub(super) fn probes(policy: &Policy, options: &Options, nonce: &str) -> Vec<Spec> {
    let host = policy.origin.host();
    let port = policy.origin.port();
    let get = |id: &str, audience, target: &str| Spec::get(id, audience, host, port, target);
    let (audience, reached) = root(policy);
    let answered = if reached == StatusRule::Exactly(200) { reached } else { StatusRule::Answered };
    let api_error =
        |id: &str, target: &str, status| get(id, Audience::Api, target).status(StatusRule::Exactly(status)).want(Want::Detail);
    let too_long = (policy.sizes.auth_body + 1).to_string();
    vec![
        get("root-get", audience, "/").status(reached),
        get("root-head", audience, "/").method("HEAD").status(answered).control("HDR-11"),
        get("root-options", audience, "/").method("OPTIONS").status(StatusRule::Answered).control("HDR-11"),
        get("root-h2", audience, "/").transport(Transport::Http2).status(reached),
        get("page-sign-in", Audience::PublicPage, "/account/sign-in"),
        asset(get("asset", Audience::Asset, "/")),
        get("page-404", Audience::PublicPage, &format!("/account/{nonce}")).status(StatusRule::Exactly(404)),
        get("api-health-get", Audience::Api, "/api/health"),
        api_error("api-401", "/api/auth/me", 401),
        api_error("api-404", &format!("/api/auth/{nonce}"), 404),
        api_error("api-405", "/api/health", 405).method("DELETE"),
        // The length alone is too much: not one octet of a body follows, and no account is touched.
        api_error("api-413", "/api/auth/login", 413)
            .method("POST")
            .field("origin", policy.origin.as_str())
            .field("content-type", "application/json")
            .field("content-length", &too_long),
        stopped(options, policy),
    ]
}

/// The scope `auth_csrf` guards nothing that anybody waits for: using it up keeps nobody out.
pub(super) fn burst(policy: &Policy) -> Spec {
    let quota = policy.limits.quota("auth_csrf").count.get();
    let target = "/api/auth/csrf";
    let spec = Spec::get("api-429", Audience::Api, policy.origin.host(), policy.origin.port(), target)
        .status(StatusRule::Exactly(429))
        .want(Want::Detail)
        .want(Want::RetryAfter);
    if quota >= BURST_MAX {
        return spec.skipped("the quota of auth_csrf is too large to be used up by a look", false);
    }
    Spec { aim: Aim::Burst(target.to_owned(), quota + 1), ..spec }
}

fn asset(spec: Spec) -> Spec {
    Spec { aim: Aim::AssetOf("page-sign-in"), ..spec }
}

/// 502 can only be seen where an upstream is down, and only the operator may take one down.
fn stopped(options: &Options, policy: &Policy) -> Spec {
    let path = options.stopped.as_deref().unwrap_or("/");
    let audience = audience_at(policy, path).unwrap_or(Audience::PublicPage);
    let spec =
        Spec::get("upstream-502", audience, policy.origin.host(), policy.origin.port(), path).status(StatusRule::Exactly(502));
    if options.stopped.is_none() { spec.skipped("no upstream was stopped for this run", true) } else { spec }
}

/// Whose headers the root carries and how it answers a stranger.
fn root(policy: &Policy) -> (Audience, StatusRule) {
    let entry = policy.routes.find(policy.origin.host().as_str());
    let path = CanonicalPath::parse("/").ok();
    match entry.zip(path.as_ref()).map(|(entry, path)| entry.resolve(path)) {
        Some(Target::Route(route)) => match (route.access, &route.upstream.target) {
            (Access::SignedIn, _) if route.audience == Audience::Api => (route.audience, StatusRule::Exactly(401)),
            (Access::SignedIn, _) => (route.audience, StatusRule::Exactly(303)),
            (_, UpstreamTarget::Files { .. }) => (route.audience, StatusRule::Exactly(200)),
            (_, UpstreamTarget::Servers(_)) => (route.audience, StatusRule::Reached),
        },
        _ => (Audience::PublicPage, StatusRule::Exactly(404)),
    }
}

fn audience_at(policy: &Policy, path: &str) -> Option<Audience> {
    let entry = policy.routes.find(policy.origin.host().as_str())?;
    let path = CanonicalPath::parse(doorward_kit::redact::without_query(path)).ok()?;
    match entry.resolve(&path) {
        Target::BuiltIn(part) => Some(part.audience()),
        Target::Route(route) => Some(route.audience),
        Target::Gate(gate) => Some(Audience::Gate(gate.profile)),
        Target::NoPath(audience) => Some(audience),
    }
}
