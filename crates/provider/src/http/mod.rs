//! The only way to a provider: a client that asks judged addresses, and nothing else (OAUTH-16).
//!
//! Comes in: a request to an [`Address`], which belongs to the provider. Goes out: an answer, bounded in size and time. One connection
//! serves one request. Redirects are answers like others. No proxy and no variable of the environment is read. There is no way around
//! verifying a certificate; where plain HTTP is allowed, the configuration has said so.
//! Must never know: what is asked.

mod dial;
mod exchange;
mod trust;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ::http::{Request, Response};
use bytes::Bytes;
use http_body_util::Full;

use crate::address::Address;
use crate::fault::{Fault, Word};
use crate::setup::SetupError;

pub use dial::Dial;
pub(crate) use dial::{Reach, SystemDial};

/// All that is asked of a provider for one step of a sign-in may take this long, connecting included.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Asks one provider.
pub(crate) struct Client {
    dial: Arc<dyn Dial>,
    tls: Arc<rustls::ClientConfig>,
    patience: Duration,
}

impl Client {
    pub(crate) fn new(dial: Arc<dyn Dial>, ca_file: Option<&Path>, patience: Duration) -> Result<Self, SetupError> {
        Ok(Self { dial, tls: Arc::new(trust::verified(ca_file)?), patience })
    }

    /// Sends one request. Its URI is replaced: where it goes is said by the address alone.
    pub(crate) async fn send(&self, address: &Address, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, Fault> {
        exchange::exchange(self, address, request).await
    }

    /// Holds one whole step, however many requests it takes, to the time that there is.
    pub(crate) async fn within<T>(&self, step: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        tokio::time::timeout(self.patience, step).await.unwrap_or(Err(Fault::from(Word::Slow)))
    }
}
