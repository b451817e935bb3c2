//! Declared hosts and paths: each answers as declared, and nothing else does (EXPO-12, EXPO-03, EXPO-04).

use std::sync::Arc;

use doorward_config::Access;
use doorward_kit::redact::without_query;
use doorward_policy::{Audience, CanonicalPath, ControlId, HostEntry, RoutePolicy, Target};

use super::cast::word;
use super::scene::Scene;
use super::{Planned, planned, ports};
use crate::judge::Finding;
use crate::observer::Answer;
use crate::probe::{Spec, StatusRule};

/// Several looks may bear one of them: one for each declared path.
pub(super) const IDS: &[Planned] = &[DECLARED, UNKNOWN, INTERNAL];

const DECLARED: Planned = planned("exposure-routes", "EXPO-12");
const UNKNOWN: Planned = planned("exposure-unknown-host", "EXPO-03");
const INTERNAL: Planned = planned("exposure-internal", "EXPO-04");

/// Tells whether an answer is the internal listener's.
type Tell = fn(&Answer) -> bool;

/// What the internal listener serves, and how its answer is known: a site may well have a page of that name.
const INTERNAL_PATHS: &[(&str, Tell)] = &[
    ("/metrics", |answer| text(answer).contains("\ndoorward_") || text(answer).starts_with("# HELP doorward_")),
    ("/health/ready", |answer| matches!(text(answer).trim(), "{\"ok\":true}" | "{\"ok\":false}")),
    ("/openapi.json", |answer| text(answer).contains("\"openapi\"") && text(answer).contains("/api/auth/login")),
    ("/forward-auth", |answer| answer.fields.iter().any(|(name, _)| name.starts_with("x-doorward-"))),
];

pub(super) async fn run(scene: &mut Scene<'_>) {
    let plan = scene.plan;
    let Some(policy) = &plan.policy else { return };
    let mut is_any = false;
    for entry in policy.routes.entries() {
        for route in entry.routes() {
            // The site's root is looked at in four ways as it is.
            let is_root = entry.has_accounts() && route.path.is_empty();
            if !is_root && !is_stopped(scene, entry, route) {
                is_any = true;
                declared(scene, entry, route).await;
            }
        }
    }
    if !is_any {
        scene.skip(DECLARED.id, DECLARED.control, "no route is declared but the root and what was stopped", true);
    }
    unknown_host(scene).await;
    internal(scene).await;
}

async fn declared(scene: &mut Scene<'_>, entry: &HostEntry, route: &Arc<RoutePolicy>) {
    let path = if route.path.is_empty() { "/" } else { &route.path };
    let status = match (route.access, route.audience) {
        (Access::SignedIn, Audience::Api) => StatusRule::Exactly(401),
        (Access::SignedIn, _) => StatusRule::Exactly(303),
        // Whether something is right at the prefix is the upstream's affair.
        _ => StatusRule::Answered,
    };
    let spec = Spec::get(DECLARED.id, route.audience, &entry.host, scene.plan.origin.port(), path);
    scene.ask(spec.status(status).control(DECLARED.control.0)).await;
}

/// Whether the operator has stopped what is behind it.
fn is_stopped(scene: &Scene<'_>, entry: &HostEntry, route: &Arc<RoutePolicy>) -> bool {
    let path = scene.plan.options.stopped.as_deref().and_then(|path| CanonicalPath::parse(without_query(path)).ok());
    let target = path.as_ref().filter(|_| entry.has_accounts()).map(|path| entry.resolve(path));
    matches!(target, Some(Target::Route(stopped)) if Arc::ptr_eq(stopped, route))
}

/// A name that is none of ours, to the same address: there is no default site, and its refusal is no page.
async fn unknown_host(scene: &mut Scene<'_>) {
    let origin = &scene.plan.origin;
    let mut spec = Spec::get(UNKNOWN.id, Audience::Api, origin.host(), origin.port(), "/");
    spec.authority = Some(format!("{}.{}:{}", word(scene.entropy), origin.host(), origin.port()));
    scene.ask(spec.status(StatusRule::Exactly(421)).control(UNKNOWN.control.0)).await;
}

async fn internal(scene: &mut Scene<'_>) {
    for (path, is_internal) in INTERNAL_PATHS {
        let (host, port) = (scene.plan.origin.host().clone(), scene.plan.origin.port());
        let audience = audience_at(scene, path);
        let spec = Spec::get(INTERNAL.id, audience, &host, port, path).status(StatusRule::Any);
        let Some(answer) = scene.ask(spec.control(INTERNAL.control.0)).await else { continue };
        let public = is_internal(&answer);
        if public {
            scene.sections.exposure.get_or_insert_with(ports::empty).internal_paths_public.push((*path).to_owned());
        }
        for control in [INTERNAL.control, ControlId("EXPO-12")] {
            let finding = Finding::new(control, "body", "not the internal listener's", answer.status.to_string());
            let fault = public.then(|| format!("{path} is answered as the internal listener answers it"));
            scene.find(INTERNAL.id, finding.fault(fault));
        }
    }
}

/// Whose headers the site answers a path with.
pub(super) fn audience_at(scene: &Scene<'_>, path: &str) -> Audience {
    let entry = scene.plan.policy.as_ref().and_then(|policy| policy.routes.find(scene.plan.origin.host().as_str()));
    let parsed = CanonicalPath::parse(path).ok();
    match entry.zip(parsed.as_ref()).map(|(entry, path)| entry.resolve(path)) {
        Some(Target::BuiltIn(part)) => part.audience(),
        Some(Target::Route(route)) => route.audience,
        Some(Target::Gate(gate)) => Audience::Gate(gate.profile),
        Some(Target::NoPath(audience)) => audience,
        None => Audience::PublicPage,
    }
}

fn text(answer: &Answer) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(&answer.body)
}
