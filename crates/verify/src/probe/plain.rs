//! The plain listener: a redirect for pages, a refusal for the API (TLS-16).

use doorward_kit::Origin;
use doorward_policy::Audience;

use super::{Spec, StatusRule, Want};
use crate::observer::Transport;
use crate::plan::Options;

pub(super) fn probes(origin: &Origin, options: &Options, nonce: &str) -> Vec<Spec> {
    let port = options.http_port.unwrap_or(80);
    // The query shows that it is kept, and that no report repeats it.
    let target = format!("/account/sign-in?next=%2Faccount&probe={nonce}");
    let get = |id: &str, target: &str| {
        let spec = Spec::get(id, Audience::PlainHttp, origin.host(), port, target).transport(Transport::Plain).control("TLS-16");
        if options.http_port.is_none() { spec.skipped("the configuration has no plain listener", true) } else { spec }
    };
    vec![
        get("http-redirect", &target)
            .status(StatusRule::Exactly(308))
            .want(Want::RedirectTo(format!("{}{target}", origin.as_str()))),
        get("http-api", "/api/health").status(StatusRule::Exactly(403)).want(Want::Detail),
    ]
}
