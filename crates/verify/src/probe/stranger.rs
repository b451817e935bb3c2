//! Any site: how it answers at its root, for what is not there, and without TLS. Statuses are its own affair.

use doorward_kit::{Entropy, Origin};
use doorward_policy::Audience;

use super::{Spec, StatusRule, Want, declare, nonce, usual_http_port};
use crate::observer::Transport;
use crate::plan::Options;

pub(crate) fn probes(origin: &Origin, options: &Options, entropy: &dyn Entropy) -> Vec<Spec> {
    let page = |id: &str, target: &str| {
        Spec::get(id, Audience::PublicPage, origin.host(), origin.port(), target).status(StatusRule::Any)
    };
    let mut specs = vec![
        page("root-get", "/"),
        page("root-head", "/").method("HEAD"),
        page("page-404", &format!("/{}", nonce(entropy))),
        redirect(origin, options),
    ];
    declare(&mut specs, options);
    specs
}

/// Only where it leads counts here: the guide's headers over plain HTTP are asked of our own sites alone.
fn redirect(origin: &Origin, options: &Options) -> Spec {
    let port = options.http_port.or(usual_http_port(origin));
    let spec = Spec::get("http-redirect", Audience::PlainHttp, origin.host(), port.unwrap_or(80), "/")
        .transport(Transport::Plain)
        .status(StatusRule::Redirect)
        .control("TLS-16")
        .want(Want::SecureRedirect);
    let spec = Spec { audience: None, ..spec };
    if port.is_none() { spec.skipped("the port is not 443, so nobody can guess the plain one", true) } else { spec }
}
