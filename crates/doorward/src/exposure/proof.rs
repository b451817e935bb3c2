//! Proves, without opening a port, that what was decided is what is declared (CFG-07): nothing leads round a gate, the exposure map says
//! what the door would do, certificates come from nowhere but files, and every answer would carry the guide's headers.
//!
//! The configuration was checked while it was read. This looks at the other end, at the policy that the edge enforces: a mistake on the
//! way from one to the other shows here and not in front of a stranger.

use std::collections::BTreeSet;

use doorward_config::{Access, Config, Env, Tls};
use doorward_policy::{Audience, CanonicalPath, HeaderPolicy, Policy, Target, Verdict};
use http::HeaderMap;

use super::{Exposure, HostMap, PathMap};

/// What was looked at, in the words of the guide's rows.
pub const PROVED: [&str; 11] =
    ["GATE-02", "EXPO-12", "TLS-01", "HDR-01", "HDR-03", "HDR-04", "HDR-05", "HDR-06", "HDR-07", "HDR-08", "HDR-15"];

/// A key of the configuration, and what is wrong with what it led to.
pub type Flaw = (String, String);

/// Every flaw; none is the proof.
#[must_use]
pub fn prove(config: &Config, policy: &Policy, exposure: &Exposure) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    ways_round_gates(policy, &mut flaws);
    map_and_door(policy, exposure, &mut flaws);
    certificates(config, &mut flaws);
    headers(config, policy, &mut flaws);
    flaws
}

/// The gate belongs to the upstream: no route may name the same one (GATE-02).
fn ways_round_gates(policy: &Policy, flaws: &mut Vec<Flaw>) {
    let entries = policy.routes.entries();
    for gate in entries.iter().filter_map(|entry| entry.gate()) {
        let routes = entries.iter().flat_map(|entry| entry.routes());
        for route in routes.filter(|route| route.upstream.target == gate.upstream.target) {
            flaws.push(("route".into(), format!("{:?} reaches without a gate what {} guards (GATE-02)", route.path, gate.name)));
        }
    }
}

/// Asks the door's own table about every line of the map, and the map about every host of the table (EXPO-12).
fn map_and_door(policy: &Policy, exposure: &Exposure, flaws: &mut Vec<Flaw>) {
    let declared: BTreeSet<&str> = exposure.hosts.iter().map(|host| host.host.as_str()).collect();
    let decided: BTreeSet<&str> = policy.routes.hosts().map(doorward_kit::Host::as_str).collect();
    for host in declared.symmetric_difference(&decided) {
        flaws.push(("exposure".into(), format!("{host} is on one side only of map and door (EXPO-12)")));
    }
    for host in &exposure.hosts {
        for path in &host.paths {
            if let Some(instead) = differs(policy, host, path) {
                let problem = format!("{}{} is declared {} and would be {instead} (EXPO-12)", host.host, path.path, path.access);
                flaws.push(("exposure".into(), problem));
            }
        }
        // A host that is not declared is nobody's, however much it looks like one that is (EXPO-11).
        for stranger in [format!("x.{}", host.host), format!("{}.example", host.host)] {
            if !declared.contains(stranger.as_str()) && policy.routes.find(&stranger).is_some() {
                flaws.push(("exposure".into(), format!("{stranger} is answered and not declared (EXPO-12)")));
            }
        }
    }
}

/// What the door would do instead of what the map says.
fn differs(policy: &Policy, host: &HostMap, declared: &PathMap) -> Option<String> {
    let text = format!("{}/x", declared.path.trim_end_matches("/*"));
    let (Some(entry), Ok(path)) = (policy.routes.find(&host.host), CanonicalPath::parse(&text)) else {
        return Some("nothing".into());
    };
    let (access, upstream) = match entry.resolve(&path) {
        Target::BuiltIn(_) => ("built in", None),
        Target::Route(route) => (spoken(route.access), Some(&route.upstream.name)),
        Target::Gate(gate) => ("gated", Some(&gate.upstream.name)),
        Target::NoPath(_) => ("nothing", None),
    };
    (access != declared.access || upstream != declared.upstream.as_ref()).then(|| access.to_owned())
}

fn spoken(access: Access) -> &'static str {
    match access {
        Access::Public => "public",
        Access::Identified => "identified",
        Access::SignedIn => "signed-in",
    }
}

/// Whoever orders, orders from the one directory that the program knows: a configuration cannot even name another (TLS-01). A new source has
/// to be judged in this place.
fn certificates(config: &Config, flaws: &mut Vec<Flaw>) {
    match config.tls {
        Tls::Files { .. } | Tls::LeStaging { .. } => {}
        Tls::SelfSigned if config.site.env == Env::Development => {}
        Tls::SelfSigned => flaws.push(("tls.source".into(), "self-signed outside development (TLS-01)".into())),
    }
}

/// What each audience would get, held to the guide's own table. A developer may try another policy; a site may not go out with it.
fn headers(config: &Config, policy: &Policy, flaws: &mut Vec<Flaw>) {
    let guide = HeaderPolicy::guide();
    let gates = policy.routes.entries().iter().filter_map(|entry| entry.gate()).map(|gate| Audience::Gate(gate.profile));
    let own = [Audience::PublicPage, Audience::TokenPage, Audience::Asset, Audience::Api, Audience::PlainHttp];
    let audiences: BTreeSet<Audience> = own.into_iter().chain(gates).collect();
    for audience in audiences {
        let mut fields = HeaderMap::new();
        policy.headers.apply(audience, &mut fields);
        let observed: Vec<(String, String)> = fields
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        for verdict in guide.judge(audience, &observed).into_iter().filter(|verdict| verdict.verdict == Verdict::Fail) {
            let is_own_choice =
                config.headers.danger_content_security_policy.is_some() && verdict.name == "content-security-policy";
            if is_own_choice && config.site.env == Env::Development {
                continue;
            }
            let key = if is_own_choice { "headers.danger_content_security_policy" } else { "headers" };
            let problem =
                format!("{} of {audience:?} is not the guide's: {} ({})", verdict.name, verdict.reason, verdict.control.0);
            flaws.push((key.into(), problem));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;

    fn example(change: impl FnOnce(String) -> String) -> (Config, Policy) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/doorward.toml");
        let text = change(std::fs::read_to_string(&path).expect("the example"));
        let config = doorward_config::parse(&text, &path, &BTreeMap::new()).expect("legal");
        let policy = Policy::decide(&config);
        (config, policy)
    }

    #[test]
    fn the_example_is_proved() {
        let (config, policy) = example(|text| text);
        assert_eq!(prove(&config, &policy, &Exposure::of(&config, &policy)), Vec::<Flaw>::new());
    }

    #[test]
    fn a_map_that_does_not_say_what_the_door_does_is_told() {
        let (config, policy) = example(|text| text);
        let honest = Exposure::of(&config, &policy);
        let mut lies: Vec<Exposure> = vec![honest.clone(); 4];
        lies[0].hosts.remove(0);
        lies[1].hosts[0].paths.last_mut().expect("a path").access = "signed-in";
        lies[2].hosts[0].paths.last_mut().expect("a path").upstream = Some("other".into());
        lies[3].hosts[0].host = "elsewhere.example.com".into();
        for lie in lies {
            let flaws = prove(&config, &policy, &lie);
            assert!(!flaws.is_empty() && flaws.iter().all(|(_, problem)| problem.contains("EXPO-12")), "{flaws:?}");
        }
    }

    #[test]
    fn a_policy_with_a_way_round_a_gate_is_told_even_if_the_configuration_was_let_pass() {
        let (mut config, _) = example(|text| text);
        let gated = config.gates[0].upstream.clone();
        config.routes[0].upstream = gated;
        let policy = Policy::decide(&config);
        let flaws = prove(&config, &policy, &Exposure::of(&config, &policy));
        assert!(flaws.iter().any(|(_, problem)| problem.contains("GATE-02")), "{flaws:?}");
    }

    #[test]
    fn weaker_headers_are_told() {
        let (config, mut policy) = example(|text| text);
        let (other, _) = example(|text| format!("{text}\n[headers]\ndanger_content_security_policy = \"default-src *\"\n"));
        policy.headers = HeaderPolicy::decide(&other);
        let flaws = prove(&config, &policy, &Exposure::of(&config, &policy));
        assert!(flaws.iter().any(|(_, problem)| problem.contains("HDR-06")), "{flaws:?}");
    }
}
