//! Versions of TLS that are refused (TLS-15, RFC 8996), by a first message written by hand: no library here would send it.

use doorward_policy::Audience;

use super::scene::Scene;
use super::{Planned, planned};
use crate::judge::Finding;
use crate::probe::{Spec, StatusRule};

pub(super) const IDS: &[Planned] = &[planned("tls-1-0", "TLS-15"), planned("tls-1-1", "TLS-15")];

/// Type of a record that holds a handshake message (RFC 5246 §6.2.1).
const HANDSHAKE: u8 = 22;

pub(super) async fn run(scene: &mut Scene<'_>) {
    for (planned, minor) in [(IDS[0], 1), (IDS[1], 2)] {
        refused(scene, planned, minor).await;
    }
    if let Some(agreed) = answered(scene, 3).await {
        scene.sections.min_tls = Some(if agreed { "1.2" } else { "1.3" });
    }
}

async fn refused(scene: &mut Scene<'_>, planned: Planned, minor: u8) {
    let Some(agreed) = answered(scene, minor).await else { return };
    let observed = if agreed { "agreed on" } else { "refused" };
    let fault = agreed.then_some("the site agrees on a version that RFC 8996 has retired");
    scene.tell(
        planned.id,
        vec![Finding::new(planned.control, "version", "refused", observed).fault(fault)],
        std::time::Duration::ZERO,
    );
}

/// Whether a handshake begins with that version; `None` when nobody listens.
async fn answered(scene: &Scene<'_>, minor: u8) -> Option<bool> {
    let origin = &scene.plan.origin;
    let spec = Spec::get("tls", Audience::Api, origin.host(), origin.port(), "/").status(StatusRule::Any);
    let call = scene.looks.call(&spec, "/").ok()?;
    let record = scene.looks.hail(call.to, call.from, &hello(origin.host().as_str(), minor)).await.ok()?;
    // A ServerHello with our version; an alert or a closed connection is a refusal.
    Some(record.first() == Some(&HANDSHAKE) && record.get(9..11) == Some(&[3, minor]))
}

/// A ClientHello (RFC 4346 §7.4.1.2, RFC 5246 §7.4.1.2) with the suites of its time.
fn hello(host: &str, minor: u8) -> Vec<u8> {
    let mut body = vec![3, minor];
    body.extend([0x5a; 32]);
    body.push(0);
    // ECDHE with ECDSA and RSA: AES-GCM for 1.2, AES-CBC before.
    let suites: &[u8] = &[0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x09, 0xc0, 0x13, 0x00, 0x2f];
    counted(&mut body, 2, suites);
    body.extend([1, 0]);
    let mut extensions = Vec::new();
    if host.parse::<std::net::IpAddr>().is_err() {
        let mut name = vec![0];
        counted(&mut name, 2, host.as_bytes());
        let mut list = Vec::new();
        counted(&mut list, 2, &name);
        extension(&mut extensions, 0, &list);
    }
    extension(&mut extensions, 10, &[0, 4, 0, 29, 0, 23]);
    extension(&mut extensions, 11, &[1, 0]);
    if minor == 3 {
        extension(&mut extensions, 13, &[0, 8, 4, 3, 8, 4, 4, 1, 5, 3]);
    }
    counted(&mut body, 2, &extensions);
    let mut message = vec![1];
    counted(&mut message, 3, &body);
    let mut record = vec![HANDSHAKE, 3, 1];
    counted(&mut record, 2, &message);
    record
}

fn extension(list: &mut Vec<u8>, kind: u8, body: &[u8]) {
    list.extend([0, kind]);
    counted(list, 2, body);
}

/// `part` behind its length in `octets` octets.
fn counted(whole: &mut Vec<u8>, octets: usize, part: &[u8]) {
    let length = part.len().to_be_bytes();
    whole.extend(&length[length.len() - octets..]);
    whole.extend(part);
}
