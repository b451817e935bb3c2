//! Links of recovery that are no good: invented, malformed and used ones get one and the same answer (RESET-01, RESET-02).

use doorward_kit::Secret;
use serde_json::json;

use super::cast::{Actor, word};
use super::scene::Scene;
use super::visitor::Visitor;
use super::{Planned, planned};
use crate::judge::Finding;
use crate::observer::Answer;
use crate::report::across::difference;

/// Two that need nobody, and a link that works once.
pub(super) const IDS: &[Planned] = &[INVENTED, MALFORMED, ONCE, USED];

const INVENTED: Planned = planned("reset-invented", "RESET-01");
const MALFORMED: Planned = planned("reset-malformed", "RESET-01");
const ONCE: Planned = planned("reset-once", "RESET-02");
const USED: Planned = planned("reset-used", "RESET-01");

const REFUSED: &[u8] = b"{\"detail\":\"Invalid or expired token\"}";

pub(super) async fn run(scene: &mut Scene<'_>) {
    // 43 characters, as 32 octets are written.
    let invented = format!("{0}{0}{1}", word(scene.entropy), &word(scene.entropy)[..11]);
    let first = reset(scene, INVENTED, &Secret::new(invented), 400).await;
    let mut generic = vec![first.as_ref().is_some_and(|answer| judge(scene, INVENTED, answer, answer))];
    let malformed = Secret::new(format!("{} %00../", word(scene.entropy)));
    generic.push(compared(scene, MALFORMED, &malformed, first.as_ref()).await == Some(true));
    match link(scene).await {
        Ok(token) => {
            scene.canaries.push(token.clone());
            let once = reset(scene, ONCE, &token, 200).await;
            if once.is_some_and(|answer| answer.status == 200) {
                scene.expected_events.push("password.reset");
            }
            generic.push(compared(scene, USED, &token, first.as_ref()).await == Some(true));
        }
        Err(reason) => {
            scene.skip(ONCE.id, ONCE.control, &reason, false);
            scene.skip(USED.id, USED.control, &reason, false);
        }
    }
    if generic[0] {
        scene.expected_events.push("password.reset_failed");
    }
    scene.sections.auth_flows.reset_generic = Some(generic.iter().all(|is_generic| *is_generic));
}

/// A link that works, as the mail to a throw-away account would carry it.
async fn link(scene: &mut Scene<'_>) -> Result<Secret<String>, String> {
    let actor = scene.hire().await?;
    let backstage = scene.backstage.ok_or(super::scene::NO_HANDS)?;
    backstage.recovery_token(&actor.address).await.map_err(|error| error.to_string())
}

/// Asks with a new password, which is a good one: the password is looked at before the token (RESET-03).
async fn reset(scene: &mut Scene<'_>, planned: Planned, token: &Secret<String>, status: u16) -> Option<Answer> {
    let password = Actor::stranger(scene.entropy).password;
    let body = json!({ "token": token.expose(), "password": password.expose() });
    scene.canaries.push(password);
    let path = ("POST", "/api/auth/reset-password");
    let spec = Visitor::default().send(scene, (planned.id, planned.control.0), path, &body, status);
    scene.ask(spec).await
}

/// Whether a token that is no good is answered as the invented one was; `None` when there is nothing to compare.
async fn compared(scene: &mut Scene<'_>, planned: Planned, token: &Secret<String>, first: Option<&Answer>) -> Option<bool> {
    let answer = reset(scene, planned, token, 400).await?;
    Some(judge(scene, planned, first?, &answer))
}

fn judge(scene: &mut Scene<'_>, planned: Planned, first: &Answer, answer: &Answer) -> bool {
    let fault = if planned == INVENTED && answer.body != REFUSED {
        Some("is not {\"detail\":\"Invalid or expired token\"}".to_owned())
    } else {
        difference(first, answer, "what is wrong with the link")
    };
    let is_same = fault.is_none() && answer.status == 400;
    let observed = if fault.is_none() { "the one refusal" } else { "something else" };
    scene.find(planned.id, Finding::new(planned.control, "body", "the one refusal", observed).fault(fault));
    is_same
}
