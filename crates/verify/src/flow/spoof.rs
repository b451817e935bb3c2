//! Addresses that a caller claims: an outsider stays one (GATE-04).

use super::scene::Scene;
use super::{Planned, planned};
use crate::plan::Vantage;
use crate::probe::{Spec, StatusRule, Want};

pub(super) const IDS: &[Planned] = &[
    planned("spoof-x-forwarded-for", "GATE-04"),
    planned("spoof-x-real-ip", "GATE-04"),
    planned("spoof-forwarded", "GATE-04"),
    planned("spoof-true-client-ip", "GATE-04"),
    planned("spoof-cf-connecting-ip", "GATE-04"),
    planned("spoof-x-client-ip", "GATE-04"),
];

pub(super) async fn run(scene: &mut Scene<'_>) {
    let policy = scene.plan.policy.as_ref();
    let gate = policy.and_then(|policy| policy.routes.entries().iter().find_map(|entry| entry.gate().cloned()));
    let (reason, declared) = match (&gate, scene.plan.options.inside, scene.plan.options.outside) {
        (None, ..) => ("the site has no gates", true),
        (_, Some(_), Some(_)) => ("", false),
        _ => ("no inside and outside address were given", false),
    };
    for planned in IDS {
        match (&gate, scene.plan.options.inside) {
            (Some(gate), Some(inside)) if reason.is_empty() => {
                let name = planned.id.trim_start_matches("spoof-");
                let value = if name == "forwarded" { format!("for=\"{inside}\"") } else { inside.to_string() };
                let path = gate.paths.iter().find(|path| !path.is_empty()).map_or("/".to_owned(), |path| format!("{path}/"));
                let audience = doorward_policy::Audience::Gate(gate.profile);
                let mut spec = Spec::get(planned.id, audience, &gate.host, scene.plan.origin.port(), &path).field(name, &value);
                spec.vantage = Vantage::Outside;
                scene.ask(spec.status(StatusRule::Exactly(403)).control(planned.control.0).want(Want::NoChallenge)).await;
            }
            _ => scene.skip(planned.id, planned.control, reason, declared),
        }
    }
}
