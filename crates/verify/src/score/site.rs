//! From what a run saw to what is scored.

use super::subject::{Plain, Preflight, Subject};
use super::{Score, score};
use crate::leaf::Leaf;
use crate::observer::Fault;
use crate::plan::Plan;
use crate::run::Outcome;

/// The score of a run; `None` where a scanner would give none, since the site is down or refuses.
pub(crate) fn of_run(plan: &Plan, outcomes: &[Outcome]) -> Option<Score> {
    let find = |id: &str| outcomes.iter().find(|outcome| outcome.spec.id == id);
    let root = find("root-get")?;
    let answer = root.answer.as_ref()?;
    if !matches!(answer.status, 200..=399 | 401 | 403) {
        return None;
    }
    let subject = Subject {
        host: plan.origin.host().to_string(),
        fields: answer.fields.clone(),
        body: String::from_utf8_lossy(&answer.body).into_owned(),
        trusted: true,
        plain: find("http-redirect").map_or(Plain::Closed, plain),
        preflight: find("root-options").and_then(preflight),
    };
    let leaf = root.connection.as_ref().and_then(|connection| Leaf::read(connection.leaf.as_ref()?))?;
    Some(match (leaf.production, leaf.staging, leaf.self_signed) {
        (true, ..) => score(&subject, "public-roots", "publicly trusted certificate", true),
        (_, true, _) => score(&subject, "staging-roots", "staging certificate", false),
        (_, _, true) => score(&subject, "staging-roots", "self-signed certificate", false),
        _ => score(&subject, "staging-roots", "certificate of an authority that is not known to be public", false),
    })
}

/// A listener that nobody looked at counts as none; one that answers with anything but a redirect counts as one that serves pages.
fn plain(outcome: &Outcome) -> Plain {
    let Some(answer) = &outcome.answer else {
        let is_mute = outcome.fault.as_ref().is_some_and(|fault| matches!(fault, Fault::Timeout(_)));
        return if is_mute { Plain::Page } else { Plain::Closed };
    };
    let to = answer.fields.iter().find(|(name, _)| name == "location");
    match to {
        Some((_, to)) if matches!(answer.status, 301 | 302 | 303 | 307 | 308) => Plain::Redirect(to.clone()),
        _ => Plain::Page,
    }
}

fn preflight(outcome: &Outcome) -> Option<Preflight> {
    let (_, origin) = outcome.spec.fields.iter().find(|(name, _)| name == "origin")?;
    let answer = outcome.answer.as_ref()?;
    Some(Preflight { origin: origin.clone(), fields: answer.fields.clone() })
}
