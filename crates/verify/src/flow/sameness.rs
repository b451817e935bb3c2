//! Sign-up and recovery say the same of an address that has an account and of one that has none (ENUM-02, FORGOT-01).

use serde_json::json;

use super::scene::Scene;
use super::visitor::Visitor;
use super::{Planned, cast::Actor, planned};
use crate::judge::Finding;
use crate::observer::Answer;
use crate::probe::StatusRule;
use crate::report::across::difference;

/// A pair for each.
pub(super) const IDS: &[Planned] = &[SIGN_UP.0, SIGN_UP.1, FORGOT.0, FORGOT.1];

type Pair = (Planned, Planned);
const SIGN_UP: Pair = (planned("signup-known", "ENUM-02"), planned("signup-unknown", "ENUM-02"));
const FORGOT: Pair = (planned("forgot-known", "FORGOT-01"), planned("forgot-unknown", "FORGOT-01"));

pub(super) async fn run(scene: &mut Scene<'_>) {
    let known = match scene.hire().await {
        Ok(actor) => actor,
        Err(reason) => {
            for Planned { id, control } in IDS {
                scene.skip(id, *control, &reason, false);
            }
            return;
        }
    };
    let unknown = Actor::stranger(scene.entropy);
    // Sign-up may make an account of him.
    scene.cast.note(&unknown.address);
    scene.canaries.push(unknown.password.clone());
    // Before he signs up: afterwards he is no longer unknown.
    let forgot = pair(scene, FORGOT, "/api/auth/forgot-password", &[200], (&known, &unknown)).await;
    // 403: sign-up is closed, or for the invited. That has to be the same for both as well.
    let signed_up = pair(scene, SIGN_UP, "/api/auth/register", &[202, 403], (&known, &unknown)).await;
    scene.sections.auth_flows.forgot_identical = forgot;
    scene.sections.auth_flows.signup_uniform = signed_up;
    let events = [(forgot, "password.reset_requested"), (signed_up, "auth.signup")];
    scene.expected_events.extend(events.into_iter().filter(|(came, _)| *came == Some(true)).map(|(_, name)| name));
}

/// Asks for both; whether the answers are one. `None` when one did not come.
async fn pair(scene: &mut Scene<'_>, ids: Pair, path: &'static str, right: &[u16], who: (&Actor, &Actor)) -> Option<bool> {
    let known = ask(scene, ids.0, path, who.0).await;
    let unknown = ask(scene, ids.1, path, who.1).await;
    let (known, unknown) = (known?, unknown?);
    let is_right = right.contains(&known.status);
    let expected = right.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    let fault = (!is_right).then(|| format!("is {} instead of {expected}", known.status));
    scene.find(ids.0.id, Finding::new(ids.0.control, "answer", expected, known.status.to_string()).fault(fault));
    let fault = difference(&known, &unknown, "whether there is an account");
    let is_same = fault.is_none();
    let observed = if is_same { "the same answer" } else { "another answer" };
    scene.find(ids.1.id, Finding::new(ids.1.control, "body", "the answer for a known address", observed).fault(fault));
    Some(is_right && is_same)
}

/// Both requests are of the same length and differ in nothing but address and password.
async fn ask(scene: &mut Scene<'_>, planned: Planned, path: &'static str, who: &Actor) -> Option<Answer> {
    let body = json!({ "email": who.address, "password": who.password.expose() });
    let visitor = Visitor::default();
    let spec = visitor.send(scene, (planned.id, planned.control.0), ("POST", path), &body, 200).status(StatusRule::Any);
    scene.ask(spec).await
}
