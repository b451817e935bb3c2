//! Planted secrets: passwords, cookies and tokens of this run may stand nowhere that the site writes (VER-12).

use doorward_kit::Secret;
use doorward_policy::Audience;
use tokio::time::Instant;

use super::cast::word;
use super::routes::audience_at;
use super::scene::{NO_HANDS, Scene};
use super::{Planned, planned};
use crate::backstage::Sink;
use crate::judge::Finding;
use crate::probe::{Spec, StatusRule};
use crate::verification::SecretsScan;

/// The site's own files, and the log that it was told to write.
pub(super) const IDS: &[Planned] = &[SINKS, LOG];

const SINKS: Planned = planned("canary-sinks", "VER-12");
const LOG: Planned = planned("canary-log", "VER-12");

/// As [`crate::Backstage::search`] calls a log and the store.
const LOG_SINK: &str = "log";
const STORE_SINK: &str = "store";
const NO_STORE: &str = "the store was not searched: of PostgreSQL this machine has no files";
const NO_LOG: &str = "no log of the site was given (--log FILE)";

pub(super) async fn run(scene: &mut Scene<'_>) {
    let Some(backstage) = scene.backstage else {
        for Planned { id, control } in IDS {
            scene.skip(id, *control, NO_HANDS, false);
        }
        return;
    };
    let started = Instant::now();
    plant(scene).await;
    let found = backstage.search(&scene.canaries).await;
    let elapsed = started.elapsed();
    match found {
        Err(error) => {
            for Planned { id, control } in IDS {
                let finding = Finding::new(*control, "search", "can be read", "").fault(Some(error.to_string()));
                scene.tell(id, vec![finding], elapsed);
            }
        }
        Ok(sinks) => {
            scene.sections.secrets_scan = Some(SecretsScan {
                canaries: scene.canaries.len(),
                sinks: sinks.iter().map(|sink| sink.name.clone()).collect(),
                hits: sinks.iter().map(|sink| sink.hits).sum(),
            });
            let (logs, others): (Vec<_>, Vec<_>) = sinks.iter().partition(|sink| sink.name == LOG_SINK);
            scene.tell(SINKS.id, others.iter().copied().map(finding).collect(), elapsed);
            if others.iter().all(|sink| sink.name != STORE_SINK) {
                scene.skip(SINKS.id, SINKS.control, NO_STORE, false);
            }
            match logs.first() {
                None => scene.skip(LOG.id, LOG.control, NO_LOG, false),
                Some(log) => scene.tell(LOG.id, vec![finding(log)], elapsed),
            }
        }
    }
}

/// Nothing is proven by looking for nothing: beside what the other flows planted, two requests show secrets wherever a request has room,
/// one to the site itself and one to what is behind it.
async fn plant(scene: &mut Scene<'_>) {
    let root = audience_at(scene, "/");
    for (path, audience, status) in [("/api/auth/me", Audience::Api, StatusRule::Exactly(401)), ("/", root, StatusRule::Answered)]
    {
        let origin = &scene.plan.origin;
        let [query, cookie, bearer] = std::array::from_fn(|_| format!("{}{}", word(scene.entropy), word(scene.entropy)));
        let spec = Spec::get(SINKS.id, audience, origin.host(), origin.port(), &format!("{path}?token={query}")).status(status);
        let spec = spec.secret("cookie", &format!("planted={cookie}")).secret("authorization", &format!("Bearer {bearer}"));
        scene.canaries.extend([query, cookie, bearer].map(Secret::new));
        scene.ask(spec).await;
    }
}

fn finding(sink: &Sink) -> Finding {
    let fault = (sink.hits > 0).then(|| format!("{} of the secrets that the run planted are in there", sink.hits));
    let mut finding = Finding::new(SINKS.control, &sink.name, "none of them", sink.hits.to_string()).fault(fault);
    finding.count = sink.hits;
    finding
}
