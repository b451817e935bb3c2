//! Where plain HTTP leads (TLS-16).

use doorward_kit::redact::without_query;
use doorward_kit::{Host, Origin};
use doorward_policy::ControlId;

use super::Finding;
use crate::observer::Answer;

const CONTROL: ControlId = ControlId("TLS-16");

/// Octet by octet; the reason never repeats a query.
pub(super) fn exactly(answer: &Answer, target: &str) -> Finding {
    let seen = answer.values("location");
    let fault = match seen.as_slice() {
        [] => Some("missing".to_owned()),
        [one] if *one == target => None,
        [one] if without_query(one) == without_query(target) => Some("the query was changed on the way".to_owned()),
        [_] => Some("leads elsewhere".to_owned()),
        _ => Some("sent more than once".to_owned()),
    };
    Finding { count: seen.len(), ..Finding::new(CONTROL, "location", target, seen.join(" | ")).fault(fault) }
}

/// `https` on the same host, or on its `www.` twin.
pub(super) fn secure(answer: &Answer, host: &str) -> Finding {
    let seen = answer.values("location");
    let fault = match seen.as_slice() {
        [] => Some("missing"),
        [one] => secure_fault(one, host),
        _ => Some("sent more than once"),
    };
    let expected = format!("https://{host}/…");
    Finding { count: seen.len(), ..Finding::new(CONTROL, "location", expected, seen.join(" | ")).fault(fault) }
}

fn secure_fault(location: &str, host: &str) -> Option<&'static str> {
    let Some(rest) = location.get(..8).filter(|scheme| scheme.eq_ignore_ascii_case("https://")).map(|_| &location[8..]) else {
        return Some("does not lead to https");
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let Ok(origin) = format!("https://{authority}").parse::<Origin>() else {
        return Some("does not lead to a host");
    };
    let bare = |host: &Host| host.as_str().trim_start_matches("www.").to_owned();
    (bare(origin.host()) != host.trim_start_matches("www.")).then_some("leads to another host first")
}
