//! Asks every address of an upstream from time to time whether it is well, and leaves out those that are not.
//!
//! The question goes over a connection of its own, so that it finds out what a new request would find out; over HTTP/2 it shares a
//! connection with requests. It costs no seat. An upstream that answers the door alone knows it by its secret here as well.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Duration;

use arc_swap::ArcSwap;
use doorward_config::HealthCheck;
use doorward_kit::{Entropy as _, SystemEntropy};
use doorward_policy::TimePolicy;
use http::header::{HOST, HeaderValue, USER_AGENT};
use http::{Request, StatusCode, Uri, Version};
use tokio::time::{sleep, timeout};

use super::UpstreamFault;
use super::credential::UpstreamSecrets;
use super::group::Group;
use super::pool::Pool;
use super::request_body::RequestBody;

/// How long an answer may take, from the connection's beginning.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Failures in a row that make an address unwell; one success makes it well.
const PATIENCE: u32 = 2;

/// Begins to ask, one task for each address. They end when the group is retired.
pub(super) fn begin(group: &Arc<Group>, times: TimePolicy, secrets: &Arc<ArcSwap<UpstreamSecrets>>) {
    let Some(check) = &group.servers.health else { return };
    for pool in &group.pools {
        tokio::spawn(watch(Arc::downgrade(group), pool.clone(), check.clone(), times, secrets.clone()));
    }
}

async fn watch(
    group: Weak<Group>,
    pool: Arc<Pool>,
    check: HealthCheck,
    times: TimePolicy,
    secrets: Arc<ArcSwap<UpstreamSecrets>>,
) {
    let mut failures = 0;
    loop {
        let Some(current) = group.upgrade().filter(|group| !group.is_retired()) else { return };
        let answer = match question(&pool, &check, current.is_http2()) {
            Ok(mut question) => {
                secrets.load().write(&current.name, question.headers_mut());
                ask(&pool, question, current.is_http2(), &times).await
            }
            Err(fault) => Err(fault),
        };
        // The configuration may have changed meanwhile; if nobody asks any more, nobody would take the verdict back.
        if current.is_retired() {
            return;
        }
        failures = if matches!(answer, Ok(status) if status.is_success()) { 0 } else { failures + 1 };
        if failures == 0 && pool.note_health(true) {
            tracing::info!(upstream = current.name, host = %pool.host, port = pool.port, "the address is well again");
        }
        if failures >= PATIENCE && pool.note_health(false) {
            let found = answer.map_or_else(|fault| fault.to_string(), |status| format!("it said {}", status.as_u16()));
            tracing::warn!(upstream = current.name, host = %pool.host, port = pool.port, found, "the address is unwell");
        }
        drop(current);
        sleep(jittered(check.every, SystemEntropy.bytes())).await;
    }
}

/// Give or take a tenth, so that many doors do not ask at once.
fn jittered(every: Duration, lot: [u8; 2]) -> Duration {
    every.mul_f64(0.9 + 0.2 * f64::from(u16::from_le_bytes(lot)) / f64::from(u16::MAX))
}

type Question = Request<RequestBody>;

async fn ask(pool: &Pool, question: Question, is_http2: bool, times: &TimePolicy) -> Result<StatusCode, UpstreamFault> {
    let asked = async { if is_http2 { ask_shared(pool, question, times).await } else { ask_alone(pool, question, times).await } };
    timeout(ANSWER_MAX, asked).await.map_err(|_| UpstreamFault::Timeout)?
}

async fn ask_alone(pool: &Pool, question: Question, times: &TimePolicy) -> Result<StatusCode, UpstreamFault> {
    let mut wire = pool.connect(times).await?;
    let mut answer = pin!(wire.sender.try_send_request(question));
    let sent = poll_fn(|cx| {
        let ended = wire.poll_connection(cx).is_ready();
        match answer.as_mut().poll(cx) {
            Poll::Pending if ended => Poll::Ready(Err(UpstreamFault::BadResponse)),
            polled => polled.map(|sent| sent.map_err(|_| UpstreamFault::BadResponse)),
        }
    });
    Ok(sent.await?.status())
}

async fn ask_shared(pool: &Pool, question: Question, times: &TimePolicy) -> Result<StatusCode, UpstreamFault> {
    let share = pool.share(times).await?;
    let sent = share.sender().try_send_request(question).await;
    Ok(sent.map_err(|_| UpstreamFault::BadResponse)?.status())
}

fn question(pool: &Pool, check: &HealthCheck, is_http2: bool) -> Result<Question, UpstreamFault> {
    let place = format!("{}:{}", pool.host, pool.port);
    let mut request = Request::new(RequestBody::new(None, 0));
    let target = if is_http2 { format!("http://{place}{}", check.path) } else { check.path.clone() };
    *request.uri_mut() = target.parse::<Uri>().map_err(|_| UpstreamFault::BadResponse)?;
    if is_http2 {
        *request.version_mut() = Version::HTTP_2;
    } else {
        request.headers_mut().insert(HOST, HeaderValue::try_from(place).map_err(|_| UpstreamFault::BadResponse)?);
    }
    request.headers_mut().insert(USER_AGENT, HeaderValue::from_static("doorward-health"));
    Ok(request)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::jittered;

    #[test]
    fn the_next_time_is_a_tenth_off_at_most() {
        let every = Duration::from_secs(10);
        assert_eq!(jittered(every, [0, 0]), Duration::from_secs(9));
        assert_eq!(jittered(every, [255, 255]), Duration::from_secs(11));
    }
}
