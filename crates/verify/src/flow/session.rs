//! A whole session: a new credential at sign-in, good until sign-out and never again (SES-01, SES-07, SES-08, SES-09).

use doorward_kit::{Secret, constant_time_eq};
use doorward_policy::Audience;
use serde_json::json;

use super::cast::word;
use super::scene::Scene;
use super::visitor::{SESSION, Visitor};
use super::{Planned, planned};
use crate::judge::Finding;
use crate::probe::StatusRule;

/// In the order in which they are asked.
pub(super) const IDS: &[Planned] = &[SIGN_IN, ME, PLANTED, SIGN_OUT, REPLAYED];

const SIGN_IN: Planned = planned("session-sign-in", "SES-07");
const ME: Planned = planned("session-me", "SES-01");
const PLANTED: Planned = planned("session-planted", "SES-08");
const SIGN_OUT: Planned = planned("session-sign-out", "SES-09");
const REPLAYED: Planned = planned("session-replayed", "SES-09");

pub(super) async fn run(scene: &mut Scene<'_>) {
    let actor = match scene.hire().await {
        Ok(actor) => actor,
        Err(reason) => {
            for Planned { id, control } in IDS {
                scene.skip(id, *control, &reason, false);
            }
            return;
        }
    };
    let mut browser = Visitor::default();
    // What somebody else put into the browser beforehand.
    let planted = Secret::new(format!("{0}{0}{1}", word(scene.entropy), &word(scene.entropy)[..11]));
    scene.canaries.push(planted.clone());
    browser.plant(SESSION, planted.clone());
    let is_in = browser.sign_in(scene, SIGN_IN.id, &actor).await;
    renewed(scene, &browser, &planted);
    if is_in {
        scene.expected_events.push("auth.login");
    }
    me(scene, ME, &browser, 200).await;
    let mut fixed = Visitor::default();
    fixed.plant(SESSION, planted);
    me(scene, PLANTED, &fixed, 401).await;
    let before = browser.clone();
    let spec = browser.send(scene, (SIGN_OUT.id, SIGN_OUT.control.0), ("POST", "/api/auth/logout"), &json!({}), 204);
    if browser.ask(scene, spec).await.is_some_and(|answer| answer.status == 204) {
        scene.expected_events.push("auth.logout");
    }
    gone(scene, &browser);
    me(scene, REPLAYED, &before, 401).await;
}

async fn me(scene: &mut Scene<'_>, planned: Planned, visitor: &Visitor, status: u16) {
    let spec = visitor.get(scene, planned.id, Audience::Api, "/api/auth/me");
    scene.ask(spec.status(StatusRule::Exactly(status)).control(planned.control.0)).await;
}

/// Sign-in gives a credential of its own.
fn renewed(scene: &mut Scene<'_>, browser: &Visitor, planted: &Secret<String>) {
    let is_new =
        browser.cookie(SESSION).is_some_and(|value| !constant_time_eq(value.expose().as_bytes(), planted.expose().as_bytes()));
    let observed = if is_new { "a new one" } else { "the one that was shown" };
    let fault = (!is_new).then_some("sign-in gave no new credential");
    scene.find(SIGN_IN.id, Finding::new(SIGN_IN.control, "credential", "a new one", observed).fault(fault));
}

/// Sign-out takes the credential from the browser.
fn gone(scene: &mut Scene<'_>, browser: &Visitor) {
    let is_gone = browser.cookie(SESSION).is_none();
    let observed = if is_gone { "taken away" } else { "left" };
    let fault = (!is_gone).then_some("sign-out left the session cookie in the browser");
    scene.find(SIGN_OUT.id, Finding::new(SIGN_OUT.control, "cookie", "taken away", observed).fault(fault));
}
