//! What only several answers together can show.

use std::collections::HashSet;

use doorward_policy::ControlId;

use crate::judge::Finding;
use crate::leaf::Leaf;
use crate::observer::address::Addresses;
use crate::observer::{Answer, Field};
use crate::plan::{Intent, Plan};
use crate::run::Outcome;

/// Fields that differ from one answer to the next without telling anything.
const VOLATILE: &[&str] = &["date", "x-request-id"];

/// Adds to each outcome what it shows beside the others.
pub(crate) fn findings(plan: &Plan, addresses: &Addresses, outcomes: &mut [Outcome]) {
    intended_addresses(plan, addresses, outcomes);
    if plan.intent == Intent::Site {
        production_certificates(plan, outcomes);
        outsiders_see_one_answer(plan, outcomes);
        head_answers_as_get(plan, outcomes);
    }
}

/// VER-14: everything that a name leads to must be where the site is meant to be.
fn intended_addresses(plan: &Plan, addresses: &Addresses, outcomes: &mut [Outcome]) {
    let intended = &plan.options.intended;
    let mut seen = HashSet::new();
    for outcome in outcomes.iter_mut().filter(|outcome| outcome.spec.skip.is_none() && !intended.is_empty()) {
        if !seen.insert(outcome.endpoint()) {
            continue;
        }
        let found = addresses.all(&outcome.endpoint());
        let stray = found.iter().find(|address| !intended.contains(&address.ip()));
        let text = |list: Vec<String>| list.join(", ");
        let expected = text(intended.iter().map(ToString::to_string).collect());
        let observed = text(found.iter().map(|address| address.ip().to_string()).collect());
        let fault = stray.map(|address| format!("{} leads to {}", outcome.spec.host, address.ip()));
        outcome.findings.push(Finding::new(ControlId("VER-14"), "address", expected, observed).fault(fault));
    }
}

/// TLS-18: the certificates are staging ones or the operator's own; an unreadable one proves nothing.
fn production_certificates(plan: &Plan, outcomes: &mut [Outcome]) {
    let mut seen = HashSet::new();
    for outcome in outcomes {
        let Some(der) = outcome.connection.as_ref().and_then(|connection| connection.leaf.as_ref()) else { continue };
        if !seen.insert(outcome.spec.host.clone()) {
            continue;
        }
        let leaf = Leaf::read(der);
        let fault = match &leaf {
            None => Some("the certificate cannot be read"),
            Some(leaf) if leaf.production => Some("issued by a production authority"),
            Some(leaf) if plan.options.staging_only && !leaf.staging => {
                Some("not issued by the staging authority, which is configured")
            }
            Some(_) => None,
        };
        let observed = leaf.map(|leaf| leaf.issuer).unwrap_or_default();
        outcome.findings.push(Finding::new(ControlId("TLS-18"), "certificate", "no production issuer", observed).fault(fault));
    }
}

/// GATE-03: what an outsider shows makes no difference, to the octet.
fn outsiders_see_one_answer(plan: &Plan, outcomes: &mut [Outcome]) {
    for (name, _) in &plan.gates {
        let id = |word: &str| format!("gate-{name}-outside-{word}");
        let first = outcomes.iter().find(|outcome| outcome.spec.id == id("none")).and_then(|outcome| outcome.answer.clone());
        let Some(first) = first else { continue };
        for outcome in outcomes.iter_mut().filter(|outcome| outcome.spec.id == id("wrong") || outcome.spec.id == id("right")) {
            let Some(answer) = &outcome.answer else { continue };
            let fault = difference(&first, answer, "the credentials");
            let observed = if fault.is_none() { "the same answer" } else { "another answer" };
            outcome
                .findings
                .push(Finding::new(ControlId("GATE-03"), "body", "the answer without credentials", observed).fault(fault));
        }
    }
}

/// What two answers that must be the same differ in, which would depend on `what`.
pub(crate) fn difference(left: &Answer, right: &Answer, what: &str) -> Option<String> {
    let steady = |answer: &Answer| -> Vec<Field> {
        answer.fields.iter().filter(|(name, _)| !VOLATILE.contains(&name.as_str())).cloned().collect()
    };
    if left.status != right.status {
        Some(format!("the status depends on {what}"))
    } else if steady(left) != steady(right) || left.trailers != right.trailers {
        Some(format!("the header fields depend on {what}"))
    } else if left.body != right.body {
        Some(format!("the body depends on {what}"))
    } else {
        None
    }
}

/// HDR-11: every header of the policy has the value that GET shows.
fn head_answers_as_get(plan: &Plan, outcomes: &mut [Outcome]) {
    let get = outcomes.iter().find(|outcome| outcome.spec.id == "root-get");
    let Some((audience, get)) = get.and_then(|outcome| outcome.spec.audience.zip(outcome.answer.clone())) else { return };
    let names: Vec<String> = plan.headers.rules(audience).iter().map(|rule| rule.name.as_str().to_owned()).collect();
    for outcome in outcomes.iter_mut().filter(|outcome| matches!(outcome.spec.id.as_str(), "root-head" | "root-options")) {
        let Some(answer) = &outcome.answer else { continue };
        // An upstream may let caches keep a page and not the answer to OPTIONS.
        let mut compared = names.iter().filter(|name| *name != "cache-control");
        let fault =
            compared.find(|name| answer.values(name) != get.values(name)).map(|name| format!("{name} differs from that of GET"));
        let observed = if fault.is_none() { "as GET" } else { "otherwise" };
        outcome.findings.push(Finding::new(ControlId("HDR-11"), "headers", "as GET", observed).fault(fault));
    }
}
