//! One upstream: the addresses that its name stands for, and what happens when some or all of them fail (HTTP-16).
//!
//! Of two drawn by lot the one with less under way is taken. An address that cannot be reached is left out for a while, and its request
//! goes to another one, once, within a budget. When nothing gets through at all, the breaker refuses at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use doorward_config::{Servers, Speech};
use doorward_kit::SystemEntropy;
use doorward_policy::TimePolicy;
use http::Request;

use super::UpstreamFault;
use super::breaker::Breaker;
use super::budget::Budget;
use super::choice::{Lots, choose};
use super::dialer::Connector;
use super::exchange::{Answer, Failed, Limits, exchange, exchange_shared};
use super::pool::Pool;
use super::request_body::RequestBody;
use super::seat::Seat;

/// What outlives a change of the configuration.
struct Standing {
    breaker: Breaker,
    budget: Budget,
    lots: Lots,
    retries: AtomicU64,
}

/// An upstream of servers.
pub(super) struct Group {
    /// What it is called.
    pub(super) name: String,
    /// What the configuration says of it.
    pub(super) servers: Arc<Servers>,
    /// One for each address, in the order of the configuration.
    pub(super) pools: Vec<Arc<Pool>>,
    standing: Arc<Standing>,
    is_retired: AtomicBool,
}

impl Group {
    /// Takes over from `before` what is still good: connections to addresses that stay, and how things stand.
    pub(super) fn new(
        name: &str,
        servers: &Arc<Servers>,
        connector: Option<&Connector>,
        before: Option<&Self>,
        open: &Arc<AtomicI64>,
    ) -> Arc<Self> {
        let pools = servers.addresses.iter().map(|address| {
            let fresh = Pool::new(address, servers, connector, open);
            let known = before.filter(|before| before.is_http2() == is_http2(servers));
            let Some(kept) = known.and_then(|before| before.pools.iter().find(|pool| pool.is_as(&fresh))) else { return fresh };
            kept.seats.set_most(servers.max_connections);
            if servers.health.is_none() {
                kept.note_health(true);
            }
            kept.clone()
        });
        let standing = before.map_or_else(
            || {
                Arc::new(Standing {
                    breaker: Breaker::default(),
                    budget: Budget::default(),
                    lots: Lots::new(&SystemEntropy),
                    retries: AtomicU64::default(),
                })
            },
            |before| before.standing.clone(),
        );
        let pools = pools.collect();
        Arc::new(Self { name: name.to_owned(), servers: servers.clone(), pools, standing, is_retired: AtomicBool::default() })
    }

    pub(super) fn is_http2(&self) -> bool {
        is_http2(&self.servers)
    }

    /// Another one has taken its place: it goes on for requests that began with it, and keeps nothing that the other has not.
    pub(super) fn retire(&self, successor: Option<&Self>) {
        self.is_retired.store(true, Relaxed);
        let stays = |pool: &Arc<Pool>| successor.is_some_and(|group| group.pools.iter().any(|other| Arc::ptr_eq(pool, other)));
        self.pools.iter().filter(|pool| !stays(pool)).for_each(|pool| pool.retire());
    }

    pub(super) fn is_retired(&self) -> bool {
        self.is_retired.load(Relaxed)
    }

    /// Whether the breaker refuses requests.
    pub(super) fn is_open(&self) -> bool {
        self.standing.breaker.is_open()
    }

    /// Requests that were sent to a second address.
    pub(super) fn retries(&self) -> u64 {
        self.standing.retries.load(Relaxed)
    }

    /// Sends the request to one address, and if nobody is there, to another.
    pub(super) async fn send(
        &self,
        request: Request<RequestBody>,
        times: &TimePolicy,
    ) -> Result<(Arc<Pool>, Answer), UpstreamFault> {
        let probe = self.standing.breaker.pass().map_err(|retry_after| UpstreamFault::Unavailable { retry_after })?;
        let sent = self.try_twice(request, times).await;
        match &sent {
            // Somebody is there, whatever was said.
            Ok(_) | Err(UpstreamFault::BadResponse) => {
                if self.standing.breaker.note_success() {
                    tracing::info!(upstream = self.name, "the upstream answers again");
                }
            }
            Err(UpstreamFault::Connect | UpstreamFault::Timeout) => {
                if self.standing.breaker.note_failure(probe.is_some()) {
                    tracing::warn!(upstream = self.name, "the upstream fails: requests are refused until one gets through");
                }
            }
            Err(_) => {}
        }
        sent
    }

    async fn try_twice(&self, request: Request<RequestBody>, times: &TimePolicy) -> Result<(Arc<Pool>, Answer), UpstreamFault> {
        let nobody =
            || UpstreamFault::Unavailable { retry_after: self.servers.health.as_ref().map_or(SOON, |check| check.every) };
        let first = self.choose(None).ok_or_else(nobody)?;
        if self.pools.len() == 1 {
            return match self.once(first, request, times).await {
                Ok(answer) => Ok((first.clone(), answer)),
                Err(Failed::Unreached(_, fault) | Failed::Fault(fault)) => Err(fault),
            };
        }
        self.standing.budget.earn();
        let (request, fault) = match self.once(first, request, times).await {
            Ok(answer) => return Ok((first.clone(), answer)),
            Err(Failed::Fault(fault)) => return Err(fault),
            Err(Failed::Unreached(request, fault)) => (request, fault),
        };
        // Nobody has seen the request, so it may go to another address whatever it is.
        let Some(second) = self.choose(Some(first)).filter(|_| self.standing.budget.spend()) else { return Err(fault) };
        self.standing.retries.fetch_add(1, Relaxed);
        match self.once(second, *request, times).await {
            Ok(answer) => Ok((second.clone(), answer)),
            Err(Failed::Unreached(_, fault) | Failed::Fault(fault)) => Err(fault),
        }
    }

    async fn once(&self, pool: &Arc<Pool>, request: Request<RequestBody>, times: &TimePolicy) -> Result<Answer, Failed> {
        let seat = self.seat(pool).await?;
        let limits = Limits { times, total: self.servers.time_limit };
        let answer = if self.is_http2() {
            exchange_shared(pool, seat, request, limits).await
        } else {
            exchange(pool, seat, request, limits).await
        };
        match &answer {
            Ok(_) | Err(Failed::Fault(UpstreamFault::BadResponse)) => {
                if pool.record.note_success() {
                    tracing::info!(upstream = self.name, host = %pool.host, port = pool.port, "the address answers again");
                }
            }
            Err(Failed::Unreached(..) | Failed::Fault(UpstreamFault::Timeout)) => {
                if let Some(time) = pool.record.note_failure().filter(|_| self.pools.len() > 1) {
                    let seconds = time.as_secs();
                    tracing::warn!(upstream = self.name, host = %pool.host, port = pool.port, seconds, "the address is left out");
                }
            }
            Err(Failed::Fault(_)) => {}
        }
        answer
    }

    async fn seat(&self, pool: &Pool) -> Result<Seat, Failed> {
        pool.seats.take(QUEUE_MAX).await.ok_or(Failed::Fault(UpstreamFault::Unavailable { retry_after: SOON }))
    }

    /// One that is fit and has room; failing that one that is fit; failing that any that its health check does not call unwell: when all
    /// were left out for failing, trying is better than giving up, and the breaker bounds it.
    fn choose(&self, but: Option<&Arc<Pool>>) -> Option<&Arc<Pool>> {
        if let ([only], None) = (self.pools.as_slice(), but) {
            return only.is_well().then_some(only);
        }
        let lot = self.standing.lots.draw();
        let is_other = |pool: &Arc<Pool>| but.is_none_or(|but| !Arc::ptr_eq(pool, but));
        let among = |usable: &dyn Fn(&Arc<Pool>) -> bool| {
            let usable = |index: usize| is_other(&self.pools[index]) && usable(&self.pools[index]);
            choose(self.pools.len(), lot, usable, |index| self.pools[index].seats.taken()).and_then(|index| self.pools.get(index))
        };
        among(&|pool| pool.is_fit() && !pool.seats.is_full())
            .or_else(|| among(&|pool| pool.is_fit()))
            .or_else(|| among(&|pool| pool.is_well()))
    }
}

/// How long a request waits for a seat.
const QUEUE_MAX: Duration = Duration::from_secs(2);

/// When it is worth to come back where nothing better is known.
const SOON: Duration = Duration::from_secs(1);

fn is_http2(servers: &Servers) -> bool {
    servers.speech == Speech::Http2
}
