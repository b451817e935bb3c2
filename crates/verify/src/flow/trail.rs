//! The chain, and what it says of this run (AUD-07, AUD-01).

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::scene::{NO_HANDS, Scene};
use super::{Planned, planned};
use crate::backstage::{Backstage, BackstageError, TrailState};
use crate::judge::Finding;
use crate::verification::AuditSection;

/// Whether every link holds, and whether the run left what it must have left.
pub(super) const IDS: &[Planned] = &[CHAIN, EVENTS];

const CHAIN: Planned = planned("trail-chain", "AUD-07");
const EVENTS: Planned = planned("trail-events", "AUD-01");

/// Refusals are queued by the site and stored together: they may be a moment behind their answers.
const PATIENCE: Duration = Duration::from_secs(6);
const PAUSE: Duration = Duration::from_millis(250);

pub(super) async fn run(scene: &mut Scene<'_>) {
    let Some(backstage) = scene.backstage else {
        for Planned { id, control } in IDS {
            scene.skip(id, *control, NO_HANDS, false);
        }
        return;
    };
    let started = Instant::now();
    let expected = distinct(&scene.expected_events);
    let state = settled(scene, backstage, &expected).await;
    let elapsed = started.elapsed();
    match state {
        Err(error) => {
            for Planned { id, control } in IDS {
                let finding = Finding::new(*control, "trail", "can be read", "").fault(Some(error.to_string()));
                scene.tell(id, vec![finding], elapsed);
            }
        }
        Ok(state) => {
            let missing = missing(&expected, &state);
            scene.sections.audit = Some(AuditSection {
                chain_ok: state.faults.is_empty(),
                events_expected: expected.len(),
                events_seen: expected.len() - missing.len(),
            });
            scene.tell(CHAIN.id, vec![chain(&state)], elapsed);
            scene.tell(EVENTS.id, vec![events(&expected, &missing)], elapsed);
        }
    }
}

/// The trail, once everything that is expected is there or the time is up.
async fn settled(scene: &Scene<'_>, backstage: &dyn Backstage, expected: &[&str]) -> Result<TrailState, BackstageError> {
    let ends = Instant::now() + PATIENCE.min(scene.looks.left());
    loop {
        let state = backstage.trail(scene.started_at).await?;
        if missing(expected, &state).is_empty() || Instant::now() >= ends {
            return Ok(state);
        }
        sleep(PAUSE).await;
    }
}

fn distinct(events: &[&'static str]) -> Vec<&'static str> {
    let mut events = events.to_vec();
    events.sort_unstable();
    events.dedup();
    events
}

fn missing<'a>(expected: &[&'a str], state: &TrailState) -> Vec<&'a str> {
    expected.iter().copied().filter(|name| state.events.iter().all(|seen| seen != name)).collect()
}

fn chain(state: &TrailState) -> Finding {
    let observed = if state.faults.is_empty() { "every link holds" } else { "broken" };
    let fault = (!state.faults.is_empty()).then(|| state.faults.join("; "));
    Finding::new(CHAIN.control, "chain", "every link holds", observed).fault(fault)
}

fn events(expected: &[&str], missing: &[&str]) -> Finding {
    let observed = format!("{} of {}", expected.len() - missing.len(), expected.len());
    let fault = (!missing.is_empty()).then(|| format!("the run left no {}", missing.join(", ")));
    Finding::new(EVENTS.control, "events", expected.join(", "), observed).fault(fault)
}
