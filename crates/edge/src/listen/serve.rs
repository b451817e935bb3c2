//! From bound listeners to drained connections.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::accept::{Acceptor, accept_loop};
use super::bind::Bound;
use super::cap::PrefixCap;
use super::door::{Documents, Door, Inside, Readiness};
use super::handshake::Handshakes;
use super::stop::Stop;
use crate::metrics::MetricsSource;
use crate::stack::Edge;
use crate::tls::{CertStore, TlsError, server_config};

/// How often it is asked whether a window of the limiter is over in which requests were refused.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What is served.
#[derive(Clone)]
pub struct ServeParts {
    /// Decides requests.
    pub edge: Edge,
    /// Shown in handshakes.
    pub certificates: Arc<CertStore>,
    /// Asked for `/health/ready`.
    pub ready: Readiness,
    /// Asked for `/metrics`, on the internal listener alone.
    pub metrics: MetricsSource,
    /// Shown on the internal listener alone.
    pub documents: Documents,
    /// How long requests under way may take after the signal to stop; 30 s is usual.
    pub drain: Duration,
}

impl std::fmt::Debug for ServeParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServeParts").field("drain", &self.drain).finish_non_exhaustive()
    }
}

/// Serves until `shutdown` is done, then takes no new connection, lets requests under way end, and cuts what is left after
/// [`ServeParts::drain`].
///
/// # Errors
/// [`TlsError`] when TLS cannot be set up; nothing has been served then.
pub async fn serve(bound: Bound, parts: ServeParts, shutdown: impl Future<Output = ()> + Send) -> Result<(), TlsError> {
    let tls = TlsAcceptor::from(Arc::new(server_config(parts.certificates, parts.edge.challenges().clone())?));
    let (stopper, stop) = Stop::channel();
    let total = parts.edge.policy().sizes.connections_total;
    let shared = Acceptor {
        stop,
        places: Arc::new(Semaphore::new(total)),
        prefixes: PrefixCap::default(),
        handshakes: Handshakes::default(),
    };
    let mut loops = JoinSet::new();
    for listener in bound.https {
        loops.spawn(accept_loop(listener, shared.clone(), Door::Site(parts.edge.clone()), Some(tls.clone())));
    }
    for listener in bound.http {
        loops.spawn(accept_loop(listener, shared.clone(), Door::Plain(parts.edge.clone()), None));
    }
    if let Some(listener) = bound.internal {
        let inside = Inside { ready: parts.ready.clone(), metrics: parts.metrics.clone(), documents: parts.documents.clone() };
        let door = Door::Internal(parts.edge.clone(), inside);
        // Its own places: a full front must not hide that the process is alive.
        let own = Acceptor { places: Arc::new(Semaphore::new(64)), prefixes: PrefixCap::default(), ..shared.clone() };
        loops.spawn(accept_loop(listener, own, door, None));
    }
    let told = tell_counted(&parts.edge);
    tokio::select! { () = shutdown => {}, () = told => {} }
    let _ = stopper.send(true);
    let drained = async { while loops.join_next().await.is_some() {} };
    if tokio::time::timeout(parts.drain, drained).await.is_err() {
        tracing::warn!(drain_s = parts.drain.as_secs(), "cutting connections that did not end in time");
    }
    parts.edge.tell_counted(true);
    // Dropping the set aborts the loops, and with them every connection they hold.
    Ok(())
}

/// Tells, for as long as it is asked to, of refusals that were only counted (EDGE-RL-12).
async fn tell_counted(edge: &Edge) {
    loop {
        tokio::time::sleep(TELL_EVERY).await;
        edge.tell_counted(false);
    }
}

/// Whether an error of `accept` is about one connection only, and the next may be tried at once.
pub(super) fn is_connection_error(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}
