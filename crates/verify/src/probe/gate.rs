//! Every gate, from both sides, without, with wrong and with right credentials (VER-07).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_kit::Secret;
use doorward_policy::{Audience, GatePolicy, Policy};

use super::{Spec, StatusRule, Want};
use crate::credential::GateCredential;
use crate::plan::{Options, Vantage};

/// What is shown at the gate.
#[derive(Clone, Copy)]
enum Shown<'a> {
    Nothing,
    Wrong,
    Right(Option<&'a GateCredential>),
}

pub(super) fn probes(policy: &Policy, options: &Options, nonce: &str) -> Vec<Spec> {
    let gates = policy.routes.entries().iter().filter_map(|entry| entry.gate());
    gates.flat_map(|gate| of_gate(gate, policy.origin.port(), options, nonce)).collect()
}

fn of_gate(gate: &GatePolicy, port: u16, options: &Options, nonce: &str) -> Vec<Spec> {
    let right = options.credentials.iter().find(|credential| credential.gate == gate.name);
    let mut specs = Vec::with_capacity(6);
    for vantage in [Vantage::Outside, Vantage::Inside] {
        for shown in [Shown::Nothing, Shown::Wrong, Shown::Right(right)] {
            specs.push(one(gate, port, options, nonce, vantage, shown));
        }
    }
    specs
}

fn one(gate: &GatePolicy, port: u16, options: &Options, nonce: &str, vantage: Vantage, shown: Shown<'_>) -> Spec {
    let (word, authorization) = match shown {
        Shown::Nothing => ("none", None),
        Shown::Wrong => ("wrong", Some(basic(&format!("probe-{nonce}"), nonce))),
        Shown::Right(credential) => ("right", credential.map(|c| basic(&c.user, c.password.expose()))),
    };
    let id = format!("gate-{}-{}-{word}", gate.name, vantage.as_str());
    let path = gate.paths.iter().find(|path| !path.is_empty()).map_or("/".to_owned(), |path| format!("{path}/"));
    let mut spec = Spec::get(id, Audience::Gate(gate.profile), &gate.host, port, &path);
    spec.vantage = vantage;
    spec.authorization = authorization;
    let spec = match (vantage, shown) {
        (Vantage::Outside, _) => spec.status(StatusRule::Exactly(403)).control("GATE-03").want(Want::NoChallenge),
        (Vantage::Inside, Shown::Right(credential)) => {
            spec.status(StatusRule::Exactly(credential.map_or(200, |c| c.status))).control("GATE-01")
        }
        (Vantage::Inside, _) => spec.status(StatusRule::Exactly(401)).control("GATE-01").want(Want::Challenge(gate.name.clone())),
    };
    match missing(options, vantage, shown) {
        Some((reason, declared)) => spec.skipped(reason, declared),
        None => spec,
    }
}

/// Whether the operator gave what the probe needs, and whether leaving it out is in order.
fn missing(options: &Options, vantage: Vantage, shown: Shown<'_>) -> Option<(&'static str, bool)> {
    match (vantage, shown) {
        (_, Shown::Right(None)) => Some(("no credentials were given for this gate", true)),
        (_, Shown::Right(Some(_))) if options.roots.is_empty() => {
            Some(("credentials are only sent where trust anchors prove who listens", false))
        }
        (Vantage::Outside, _) if options.outside.is_none() => Some(("no outside address was given", false)),
        (Vantage::Inside, _) if options.inside.is_none() => Some(("no inside address was given", false)),
        _ => None,
    }
}

/// RFC 7617 §2.
fn basic(user: &str, password: &str) -> Secret<String> {
    let pair = Secret::new(format!("{user}:{password}"));
    Secret::new(format!("Basic {}", STANDARD.encode(pair.expose())))
}
