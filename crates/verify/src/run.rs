//! Makes the looks of a plan, one after the other, within the time there is. A look that comes to nothing is a result like any other.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use doorward_kit::{Clock, Entropy};
use tokio::time::{Instant, timeout};

use crate::backstage::Backstage;
use crate::evidence::CheckVerdict;
use crate::flow::{Cast, Flow, Scene, Sections};
use crate::judge::{Finding, Judge};
use crate::observer::address::{Addresses, Endpoint};
use crate::observer::{Answer, Call, Connection, Fault, Observer, Transport};
use crate::plan::{Plan, Vantage};
use crate::probe::{Aim, Spec};
use crate::report::{Found, Report, across};
use crate::run_id;

/// What came of one look.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) spec: Spec,
    /// What was requested, once that was known.
    pub(crate) target: String,
    pub(crate) connection: Option<Connection>,
    pub(crate) answer: Option<Answer>,
    /// The first answer of a burst; it is read for its cookies alone.
    pub(crate) first: Option<Answer>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) elapsed: Duration,
    pub(crate) fault: Option<Fault>,
}

impl Outcome {
    pub(crate) fn new(spec: &Spec) -> Self {
        let target = match &spec.aim {
            Aim::Target(target) | Aim::Burst(target, _) => target.clone(),
            Aim::AssetOf(_) | Aim::Nothing => String::new(),
        };
        Self {
            spec: spec.clone(),
            target,
            connection: None,
            answer: None,
            first: None,
            findings: Vec::new(),
            elapsed: Duration::ZERO,
            fault: None,
        }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        (self.spec.host.clone(), self.spec.port)
    }

    /// Whether the run may be right with this outcome in it.
    pub(crate) fn verdict(&self) -> CheckVerdict {
        match &self.spec.skip {
            Some(_) => CheckVerdict::Skip,
            None if self.fault.is_some() || self.findings.iter().any(|finding| finding.fault.is_some()) => CheckVerdict::Fail,
            None => CheckVerdict::Pass,
        }
    }
}

/// One outcome in passing, for a person who watches. Holds nothing that the site said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    /// Of the probe.
    pub id: String,
    /// From which side.
    pub vantage: Vantage,
    /// Method and target without its query.
    pub request: String,
    /// Status that came.
    pub status: Option<u16>,
    /// How it looks before answers are compared with each other.
    pub verdict: CheckVerdict,
    /// Why there is no answer.
    pub note: Option<String>,
    /// Of the exchange.
    pub elapsed_ms: u64,
}

/// Makes all looks of the plan and reports; never fails, since what fails is in the report.
pub async fn run(plan: &Plan, clock: Arc<dyn Clock>, entropy: &dyn Entropy) -> Report {
    run_watched(plan, None, clock, entropy, |_| {}).await
}

/// As [`run`], with the hands of the site's side where there are any, and tells of every look as soon as it was made.
pub async fn run_watched(
    plan: &Plan,
    backstage: Option<&dyn Backstage>,
    clock: Arc<dyn Clock>,
    entropy: &dyn Entropy,
    mut watch: impl FnMut(&Glance),
) -> Report {
    let started_at = clock.now();
    let id = run_id::draw(started_at, entropy);
    let looks = Looks::prepare(plan, &clock).await;
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(plan.probes.len());
    for spec in &plan.probes {
        let outcome = looks.look(spec, &outcomes).await;
        watch(&glance(&outcome));
        outcomes.push(outcome);
    }
    let mut scene = Scene {
        plan,
        looks: &looks,
        backstage,
        entropy,
        started_at,
        outcomes,
        sections: Sections::default(),
        canaries: Vec::new(),
        expected_events: Vec::new(),
        cast: Cast::default(),
    };
    for flow in &plan.flows {
        play(*flow, &mut scene, &mut watch).await;
    }
    let left = match backstage {
        Some(backstage) => scene.cast.dismiss(backstage).await,
        None => Vec::new(),
    };
    let Scene { mut outcomes, sections, canaries, .. } = scene;
    across::findings(plan, &looks.addresses, &mut outcomes);
    let found = Found { outcomes: &outcomes, sections: &sections, canaries: &canaries, left_behind: &left };
    Report::make(plan, &id, (started_at, clock.now()), &found)
}

/// Plays one flow. What it was to report and did not is an error; what the operator declared away is not played and stands as skipped.
async fn play(flow: Flow, scene: &mut Scene<'_>, watch: &mut impl FnMut(&Glance)) {
    let from = scene.outcomes.len();
    let declared = |id: &str| scene.plan.options.declared.iter().any(|known| known == id);
    if !flow.ids().iter().all(|planned| declared(planned.id)) {
        flow.run(scene).await;
    }
    for planned in flow.ids() {
        let is_declared = scene.plan.options.declared.iter().any(|known| known == planned.id);
        if is_declared {
            let mut kept = 0;
            scene.outcomes.retain(|outcome| {
                kept += 1;
                kept <= from || outcome.spec.id != planned.id
            });
            scene.skip(planned.id, planned.control, "declared away by the operator", true);
        } else if !scene.outcomes[from..].iter().any(|outcome| outcome.spec.id == planned.id) {
            let mut outcome = Outcome::new(&Spec::without_request(planned.id, planned.control, &scene.plan.origin));
            let out_of_time = scene.looks.allowed().is_zero();
            outcome.fault = Some(if out_of_time { Fault::OutOfTime } else { Fault::Prerequisite("what it needs did not come") });
            scene.outcomes.push(outcome);
        }
    }
    let order = |outcome: &Outcome| flow.ids().iter().position(|planned| planned.id == outcome.spec.id);
    scene.outcomes[from..].sort_by_key(|outcome| order(outcome).unwrap_or(usize::MAX));
    for outcome in &scene.outcomes[from..] {
        watch(&glance(outcome));
    }
}

/// Makes single looks.
pub(crate) struct Looks<'a> {
    plan: &'a Plan,
    pub(crate) observer: Result<Observer, Fault>,
    pub(crate) addresses: Addresses,
    deadline: Instant,
}

impl<'a> Looks<'a> {
    async fn prepare(plan: &'a Plan, clock: &Arc<dyn Clock>) -> Self {
        let observer = Observer::new(&plan.options.roots, clock).map_err(|error| Fault::Tls(error.to_string()));
        let mut looks = Self { plan, observer, addresses: Addresses::default(), deadline: Instant::now() + plan.limits.whole };
        looks.settle().await;
        looks
    }

    async fn settle(&mut self) {
        for spec in self.plan.probes.iter().filter(|spec| spec.skip.is_none()) {
            let endpoint = (spec.host.clone(), spec.port);
            let allowed = self.allowed();
            if timeout(allowed, self.addresses.settle(&endpoint, &self.plan.options.pins)).await.is_err() {
                self.addresses.give_up(&endpoint, Fault::Timeout(allowed.as_millis()));
            }
        }
    }

    /// How long the next look may take: nothing at the end of the run.
    pub(crate) fn allowed(&self) -> Duration {
        self.plan.limits.probe.min(self.deadline.saturating_duration_since(Instant::now()))
    }

    /// What is left of the whole run.
    pub(crate) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    pub(crate) async fn look(&self, spec: &Spec, before: &[Outcome]) -> Outcome {
        let mut outcome = Outcome::new(spec);
        if spec.skip.is_some() {
            return outcome;
        }
        let started = Instant::now();
        let allowed = self.allowed();
        let made = if allowed.is_zero() {
            Err(Fault::OutOfTime)
        } else {
            let made = timeout(allowed, Box::pin(self.attempt(spec, before, &mut outcome))).await;
            made.unwrap_or(Err(Fault::Timeout(allowed.as_millis())))
        };
        outcome.elapsed = started.elapsed();
        outcome.fault = made.err();
        if let Some(answer) = &outcome.answer {
            let judge = self.judge();
            outcome.findings = judge.judge(spec, answer);
            if let Some(first) = outcome.first.as_ref().filter(|first| *first != answer) {
                outcome.findings.extend(judge.cookies(first));
            }
        }
        outcome
    }

    async fn attempt(&self, spec: &Spec, before: &[Outcome], outcome: &mut Outcome) -> Result<(), Fault> {
        let observer = self.observer.as_ref().map_err(Clone::clone)?;
        if spec.aim == Aim::Nothing {
            return Err(Fault::Prerequisite("there is nothing to request"));
        }
        if let Aim::AssetOf(page) = spec.aim {
            outcome.target = asset_of(page, before)?;
        }
        let call = self.call(spec, &outcome.target)?;
        if let Aim::Burst(_, most) = spec.aim {
            let (first, last) = observer.burst(&call, 429, most, &mut outcome.connection).await?;
            outcome.first = Some(first);
            outcome.answer = Some(last);
        } else {
            outcome.answer = Some(observer.call(&call, &mut outcome.connection).await?);
        }
        Ok(())
    }

    /// What answers are held to.
    pub(crate) fn judge(&self) -> Judge<'_> {
        Judge { headers: &self.plan.headers, cookies: &self.plan.cookies, intent: self.plan.intent }
    }

    /// Octets that no client would send, within the time of one look.
    pub(crate) async fn throw(
        &self,
        call: &Call,
        octets: &[u8],
        connection: &mut Option<Connection>,
    ) -> Result<(Answer, bool), Fault> {
        let observer = self.observer.as_ref().map_err(Clone::clone)?;
        let allowed = self.allowed();
        if allowed.is_zero() {
            return Err(Fault::OutOfTime);
        }
        let thrown = timeout(allowed, observer.throw(call, octets, connection)).await;
        thrown.unwrap_or(Err(Fault::Timeout(allowed.as_millis())))
    }

    /// A first message of TLS, within the time of one look.
    pub(crate) async fn hail(&self, to: SocketAddr, from: Option<IpAddr>, hello: &[u8]) -> Result<Vec<u8>, Fault> {
        let observer = self.observer.as_ref().map_err(Clone::clone)?;
        let allowed = self.allowed();
        if allowed.is_zero() {
            return Err(Fault::OutOfTime);
        }
        timeout(allowed, observer.hail(to, from, hello)).await.unwrap_or(Err(Fault::Timeout(allowed.as_millis())))
    }

    pub(crate) fn call(&self, spec: &Spec, target: &str) -> Result<Call, Fault> {
        let of_vantage = match spec.vantage {
            Vantage::Outside => self.plan.options.outside,
            Vantage::Inside => self.plan.options.inside,
        };
        let from = spec.source.or(of_vantage);
        Ok(Call {
            to: self.addresses.one(&(spec.host.clone(), spec.port), from)?,
            from,
            host: spec.host.clone(),
            authority: authority(spec),
            transport: spec.transport,
            method: spec.method,
            target: target.to_owned(),
            fields: spec.fields.clone(),
            authorization: spec.authorization.clone(),
            secrets: spec.secrets.clone(),
            body: spec.body.clone(),
        })
    }
}

/// Host and port as a browser writes them.
pub(crate) fn authority(spec: &Spec) -> String {
    if let Some(other) = &spec.authority {
        return other.clone();
    }
    let usual = if spec.transport == Transport::Plain { 80 } else { 443 };
    if spec.port == usual { spec.host.to_string() } else { format!("{}:{}", spec.host, spec.port) }
}

/// The first of our own hashed assets that an earlier page refers to.
fn asset_of(page: &str, before: &[Outcome]) -> Result<String, Fault> {
    let outcome = before.iter().find(|outcome| outcome.spec.id == page);
    let answer =
        outcome.and_then(|outcome| outcome.answer.as_ref()).ok_or(Fault::Prerequisite("the page before it did not come"))?;
    let text = String::from_utf8_lossy(&answer.body);
    let start = text.find("/assets/doorward/").ok_or(Fault::Prerequisite("the page refers to no hashed asset"))?;
    let rest = &text[start..];
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "/._-".contains(c))).unwrap_or(rest.len());
    Ok(rest[..end].to_owned())
}

fn glance(outcome: &Outcome) -> Glance {
    let spec = &outcome.spec;
    Glance {
        id: spec.id.clone(),
        vantage: spec.vantage,
        request: match spec.aim {
            Aim::Nothing => String::new(),
            _ => format!("{} {}", spec.method, doorward_kit::redact::without_query(&outcome.target)),
        },
        status: outcome.answer.as_ref().map(|answer| answer.status),
        verdict: outcome.verdict(),
        note: outcome.fault.as_ref().map(ToString::to_string).or_else(|| spec.skip.as_ref().map(|skip| skip.reason.clone())),
        elapsed_ms: millis(outcome.elapsed),
    }
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
