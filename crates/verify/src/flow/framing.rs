//! Messages that two servers could read differently (HTTP-01, HTTP-02, HTTP-03, GATE-08). Safe on a live site: nothing follows any of them,
//! both readings of each end at the same octet, and each has a connection of its own.

use doorward_policy::Audience;

use super::scene::Scene;
use super::{Planned, planned};
use crate::judge::Finding;
use crate::probe::{Spec, StatusRule};

pub(super) const IDS: &[Planned] = &[
    planned("framing-two-lengths", "HTTP-02"),
    planned("framing-length-and-coding", "HTTP-02"),
    planned("framing-signed-length", "HTTP-02"),
    planned("framing-unknown-coding", "HTTP-03"),
    planned("framing-space-before-colon", "HTTP-01"),
    planned("framing-folded-line", "HTTP-01"),
    planned("framing-bare-return", "HTTP-01"),
    planned("framing-zero-octet", "HTTP-01"),
    planned("framing-two-hosts", "HTTP-01"),
    planned("framing-no-host", "HTTP-01"),
    planned("framing-dots-in-path", "GATE-08"),
    planned("framing-slash-in-path", "GATE-08"),
];

/// Request line without its version, fields and body, by id. `HOST` stands for the line that names the host.
fn message(id: &str) -> (&'static str, &'static str) {
    match id {
        "framing-two-lengths" => ("POST /api/auth/login", "HOST\r\nContent-Length: 0\r\nContent-Length: 00\r\n\r\n"),
        "framing-length-and-coding" => {
            ("POST /api/auth/login", "HOST\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        }
        "framing-signed-length" => ("POST /api/auth/login", "HOST\r\nContent-Length: +0\r\n\r\n"),
        "framing-unknown-coding" => ("POST /api/auth/login", "HOST\r\nTransfer-Encoding: xchunked\r\n\r\n"),
        "framing-space-before-colon" => ("GET /api/health", "HOST\r\nX-Probe : 1\r\n\r\n"),
        "framing-folded-line" => ("GET /api/health", "HOST\r\nX-Probe: 1\r\n 2\r\n\r\n"),
        "framing-bare-return" => ("GET /api/health", "HOST\r\nX-Probe: 1\r2\r\n\r\n"),
        "framing-zero-octet" => ("GET /api/health", "HOST\r\nX-Probe: 1\x002\r\n\r\n"),
        "framing-two-hosts" => ("GET /api/health", "HOST\r\nHOST\r\n\r\n"),
        "framing-no-host" => ("GET /api/health", "X-Probe: 1\r\n\r\n"),
        "framing-dots-in-path" => ("GET /assets/%2e%2e/api/health", "HOST\r\nConnection: close\r\n\r\n"),
        _ => ("GET /api%2fhealth", "HOST\r\nConnection: close\r\n\r\n"),
    }
}

pub(super) async fn run(scene: &mut Scene<'_>) {
    for planned in IDS {
        one(scene, *planned).await;
    }
}

async fn one(scene: &mut Scene<'_>, planned: Planned) {
    let origin = &scene.plan.origin;
    let (line, rest) = message(planned.id);
    let (method, target) = line.split_once(' ').unwrap_or(("GET", "/"));
    // A path that cannot be read leads nowhere, and nowhere is a page.
    let audience = if planned.control.0 == "GATE-08" { Audience::PublicPage } else { Audience::Api };
    let spec = Spec::get(planned.id, audience, origin.host(), origin.port(), target);
    let spec = spec.method(method).status(StatusRule::Any).control(planned.control.0);
    let mut outcome = crate::run::Outcome::new(&spec);
    let octets = scene.looks.call(&spec, target).map(|call| {
        let host = format!("Host: {}", call.authority);
        (call, format!("{line} HTTP/1.1\r\n{}", rest.replace("HOST", &host)))
    });
    let thrown = match octets {
        Ok((call, text)) => scene.looks.throw(&call, text.as_bytes(), &mut outcome.connection).await,
        Err(fault) => Err(fault),
    };
    match thrown {
        Ok((answer, ended)) => {
            let fault = fault(answer.status, ended, planned);
            outcome.findings = scene.looks.judge().judge(&spec, &answer);
            let observed = format!("{}{}", answer.status, if ended { ", ended" } else { ", open" });
            outcome.findings.push(Finding::new(planned.control, "refusal", expected(planned), observed).fault(fault));
            outcome.answer = Some(answer);
        }
        Err(fault) => outcome.fault = Some(fault),
    }
    scene.outcomes.push(outcome);
}

/// RFC 9112 §6.1 lets an unknown coding be 501.
fn expected(planned: Planned) -> &'static str {
    match planned.control.0 {
        "HTTP-03" => "400 or 501, and the connection ends",
        _ => "400, and the connection ends",
    }
}

fn fault(status: u16, ended: bool, planned: Planned) -> Option<String> {
    let right = status == 400 || (status == 501 && planned.control.0 == "HTTP-03");
    match (right, ended) {
        (false, _) => Some(format!("is answered with {status}")),
        (true, false) => Some("the connection stays open behind it".to_owned()),
        (true, true) => None,
    }
}
