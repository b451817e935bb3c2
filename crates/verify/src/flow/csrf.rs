//! Requests that another site could forge: each is refused with one and the same 403, and the session lives on (CSRF-02, -13, -14).
//!
//! Four refusals in all: the quota of refusals is five in a minute.

use doorward_policy::Audience;
use serde_json::json;

use super::cast::Actor;
use super::scene::Scene;
use super::visitor::{SESSION, Visitor};
use super::{Planned, planned};
use crate::judge::Finding;
use crate::observer::Answer;
use crate::probe::{Spec, StatusRule};

/// Two that need nobody, and three around a session.
pub(super) const IDS: &[Planned] = &[ORIGIN, SITE, MISSING, FOREIGN, ALIVE];

const ORIGIN: Planned = planned("csrf-login-origin", "CSRF-13");
const SITE: Planned = planned("csrf-login-site", "CSRF-13");
const MISSING: Planned = planned("csrf-logout-missing", "CSRF-14");
const FOREIGN: Planned = planned("csrf-logout-foreign", "CSRF-02");
const ALIVE: Planned = planned("csrf-session-lives", "CSRF-14");

const REFUSED: &[u8] = b"{\"detail\":\"CSRF failed\"}";
const LOGOUT: &str = "/api/auth/logout";

pub(super) async fn run(scene: &mut Scene<'_>) {
    let mut refused = vec![
        login(scene, ORIGIN, ("origin", "https://elsewhere.invalid")).await,
        login(scene, SITE, ("sec-fetch-site", "cross-site")).await,
    ];
    match scene.hire().await {
        Ok(actor) => refused.extend(logout(scene, &actor).await),
        Err(reason) => {
            for Planned { id, control } in [MISSING, FOREIGN, ALIVE] {
                scene.skip(id, control, &reason, false);
            }
        }
    }
    if refused.contains(&true) {
        scene.expected_events.push("csrf.rejected");
    }
    scene.sections.auth_flows.csrf_rejected = Some(refused.iter().all(|is_refused| *is_refused));
}

/// A sign-in that another site makes a browser send: it is refused before anybody looks at the password.
async fn login(scene: &mut Scene<'_>, planned: Planned, field: (&str, &str)) -> bool {
    let stranger = Actor::stranger(scene.entropy);
    let body = json!({ "email": stranger.address, "password": stranger.password.expose() });
    let spec = post(scene, planned, "/api/auth/login", &body.to_string()).field(field.0, field.1);
    let answer = scene.ask(spec).await;
    judge(scene, planned, answer.as_ref())
}

/// A sign-out without its token, and with the token of another browser. What could not be asked was not refused.
async fn logout(scene: &mut Scene<'_>, actor: &Actor) -> Vec<bool> {
    let mut browser = Visitor::default();
    // Nothing of this stands under an id of its own: the flow of sessions judges sign-in.
    if !browser.sign_in(scene, MISSING.id, actor).await {
        return vec![false];
    }
    let Some(session) = browser.cookie(SESSION).cloned() else { return vec![false] };
    // A browser sends its cookies whoever asks; only our own script sends the field.
    let mut bare = browser.send(scene, (MISSING.id, MISSING.control.0), ("POST", LOGOUT), &json!({}), 403);
    bare.secrets.retain(|(name, _)| name != "x-csrf-token");
    let answer = scene.ask(bare).await;
    let mut refused = vec![judge(scene, MISSING, answer.as_ref())];
    if let Some(mut other) = Visitor::arrive(scene, FOREIGN.id).await {
        // Cookie and field agree with each other, but were made for another browser.
        other.plant(SESSION, session);
        let forged = other.send(scene, (FOREIGN.id, FOREIGN.control.0), ("POST", LOGOUT), &json!({}), 403);
        let answer = scene.ask(forged).await;
        refused.push(judge(scene, FOREIGN, answer.as_ref()));
    } else {
        refused.push(false);
    }
    let me = browser.get(scene, ALIVE.id, Audience::Api, "/api/auth/me").control(ALIVE.control.0);
    browser.ask(scene, me).await;
    refused
}

/// A JSON request without a word about where it comes from.
fn post(scene: &Scene<'_>, planned: Planned, path: &str, body: &str) -> Spec {
    let origin = &scene.plan.origin;
    let spec = Spec::get(planned.id, Audience::Api, origin.host(), origin.port(), path).method("POST");
    spec.field("content-type", "application/json").body(body).status(StatusRule::Exactly(403)).control(planned.control.0)
}

/// The one refusal, to the octet.
fn judge(scene: &mut Scene<'_>, planned: Planned, answer: Option<&Answer>) -> bool {
    let Some(answer) = answer else { return false };
    let is_same = answer.body == REFUSED;
    let observed = if is_same { "the refusal" } else { "something else" };
    let fault = (!is_same).then_some("is not {\"detail\":\"CSRF failed\"}");
    scene.find(planned.id, Finding::new(planned.control, "body", "{\"detail\":\"CSRF failed\"}", observed).fault(fault));
    is_same && answer.status == 403
}
