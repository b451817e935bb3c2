//! Where a flow plays: it asks, it is judged, and everything it saw stays.

use std::time::Duration;

use doorward_kit::{Entropy, Secret, Timestamp};
use doorward_policy::ControlId;

use super::cast::{Actor, Cast};
use crate::backstage::Backstage;
use crate::judge::Finding;
use crate::observer::Answer;
use crate::plan::Plan;
use crate::probe::{Skip, Spec};
use crate::run::{Looks, Outcome};
use crate::verification::{AuditSection, AuthFlows, ExposureSection, RateLimit, SecretsScan, Timings};

/// What flows found beside their looks: the sections of the report.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sections {
    pub(crate) exposure: Option<ExposureSection>,
    pub(crate) rate_limits: Vec<RateLimit>,
    pub(crate) auth_flows: AuthFlows,
    pub(crate) secrets_scan: Option<SecretsScan>,
    pub(crate) audit: Option<AuditSection>,
    pub(crate) timings: Timings,
    /// The lowest version of TLS that was agreed on, such as `1.2`.
    pub(crate) min_tls: Option<&'static str>,
}

/// Where a flow plays.
pub(crate) struct Scene<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) looks: &'a Looks<'a>,
    pub(crate) backstage: Option<&'a dyn Backstage>,
    pub(crate) entropy: &'a dyn Entropy,
    pub(crate) started_at: Timestamp,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) sections: Sections,
    /// What was planted: nothing of it may be found in what the site writes, nor in the report.
    pub(crate) canaries: Vec<Secret<String>>,
    /// Names of the events that the run must have left in the trail.
    pub(crate) expected_events: Vec<&'static str>,
    pub(crate) cast: Cast,
}

/// Why what only the site's side can show was not looked at.
pub(crate) const NO_HANDS: &str = "the site's store is not open to this machine";

impl Scene<'_> {
    /// Makes a look and judges it; the answer, when one came.
    pub(crate) async fn ask(&mut self, spec: Spec) -> Option<Answer> {
        let outcome = self.looks.look(&spec, &[]).await;
        let answer = outcome.answer.clone();
        self.outcomes.push(outcome);
        answer
    }

    /// Adds what was found to the look with that id, which has been made.
    pub(crate) fn find(&mut self, id: &str, finding: Finding) {
        if let Some(outcome) = self.outcomes.iter_mut().rev().find(|outcome| outcome.spec.id == id) {
            outcome.findings.push(finding);
        }
    }

    /// Notes what was found without a request of its own, or with very many.
    pub(crate) fn tell(&mut self, id: &str, findings: Vec<Finding>, elapsed: Duration) {
        let control = findings.first().map_or(crate::probe::COVERAGE, |finding| finding.control);
        let mut outcome = Outcome::new(&Spec::without_request(id, control, &self.plan.origin));
        outcome.findings = findings;
        outcome.elapsed = elapsed;
        self.outcomes.push(outcome);
    }

    /// Notes that nothing was looked at; makes the run fail unless somebody declared it or it is beside the point.
    pub(crate) fn skip(&mut self, id: &str, control: ControlId, reason: &str, declared: bool) {
        let mut spec = Spec::without_request(id, control, &self.plan.origin);
        let declared = declared || (self.plan.options.from_afar && reason == NO_HANDS);
        spec.skip = Some(Skip { reason: reason.to_owned(), declared });
        self.outcomes.push(Outcome::new(&spec));
    }

    /// A throw-away account. `Err` is the reason for a skip: nobody lends hands, or they failed.
    pub(crate) async fn hire(&mut self) -> Result<Actor, String> {
        let backstage = self.backstage.ok_or(NO_HANDS)?;
        let actor = self.cast.hire(backstage, self.entropy).await?;
        self.canaries.push(actor.password.clone());
        Ok(actor)
    }
}
