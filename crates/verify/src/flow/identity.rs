//! Identity fields that a caller sends: nobody becomes somebody by saying so (PROXY-02).

use doorward_policy::Audience;
use doorward_policy::identity::IDENTITY_FIELDS;

use super::scene::Scene;
use super::{Planned, planned};
use crate::probe::{Spec, StatusRule, Want};

pub(super) const IDS: &[Planned] = &[planned("identity-fields", "PROXY-02"), planned("identity-aliases", "PROXY-02")];

pub(super) async fn run(scene: &mut Scene<'_>) {
    for (planned, from, to) in [(IDS[0], "", ""), (IDS[1], "-", "_")] {
        let origin = &scene.plan.origin;
        let mut spec = Spec::get(planned.id, Audience::Api, origin.host(), origin.port(), "/api/auth/sessions");
        for name in IDENTITY_FIELDS {
            spec = spec.field(&if from.is_empty() { name.to_owned() } else { name.replace(from, to) }, "verify-probe");
        }
        scene.ask(spec.status(StatusRule::Exactly(401)).control(planned.control.0).want(Want::Detail)).await;
    }
}
