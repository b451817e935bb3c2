//! The only way to the authority: a client that judges before it connects.
//!
//! Comes in: the requests of the ACME library. Goes out: their answers, bounded in size and time.
//! Each request is judged by [`Directory::permits`] before a socket is opened (TLS-03). Redirects are errors (TLS-04). No proxy and no
//! variable of the environment is read (TLS-05). The authority's certificate is verified against the directory's roots and there is
//! no way around it (TLS-10). One connection serves one request: there is no pool whose entries could outlive a judgement.
//! Must never know: orders, accounts, keys.

mod answer;
mod dial;
mod exchange;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use doorward_kit::{Clock, Timestamp};
use http::Request;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};

use crate::directory::Directory;
use crate::fault::Fault;
use crate::trust;

pub use dial::{Dial, SystemDial};

/// One request with its answer, connecting included, may take this long.
const LONGEST: Duration = Duration::from_secs(30);

/// The guarded client; clones share everything.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    directory: Directory,
    dial: Arc<dyn Dial>,
    clock: Arc<dyn Clock>,
    tls: Arc<rustls::ClientConfig>,
    /// Until when the authority last asked to be left alone. The library keeps an error's words and drops its fields.
    retry_at: Mutex<Option<Timestamp>>,
}

impl Client {
    /// A client for one authority.
    ///
    /// # Errors
    /// When the TLS library refuses its own settings.
    pub fn new(directory: Directory, dial: Arc<dyn Dial>, clock: Arc<dyn Clock>) -> Result<Self, Fault> {
        let config = rustls::ClientConfig::builder_with_provider(Arc::new(trust::provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| Fault::Crypto)?;
        let mut tls = config.with_root_certificates(directory.api_roots()).with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let retry_at = Mutex::new(None);
        Ok(Self(Arc::new(Inner { directory, dial, clock, tls: Arc::new(tls), retry_at })))
    }

    /// How long the authority asked to be left alone, counted from now; asking forgets it.
    #[must_use]
    pub fn take_wish(&self) -> Option<Duration> {
        let until = self.0.retry_at.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Duration::try_from(until.duration_since(self.0.clock.now())).ok()
    }

    /// Sends one request, if its URL may be asked.
    ///
    /// # Errors
    /// A [`Fault`]; [`Fault::Refused`] means that no socket was opened, or that the answer named such an address.
    pub async fn send(&self, request: Request<BodyWrapper<Bytes>>) -> Result<http::Response<Bytes>, Fault> {
        let url = request.uri().to_string();
        self.0.directory.permits(&url).map_err(Fault::Refused)?;
        let answer = tokio::time::timeout(LONGEST, exchange::exchange(&self.0, request)).await.map_err(|_| Fault::Slow)??;
        if let Some(until) = answer::retry_at(&answer, self.0.clock.now()) {
            *self.0.retry_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
        }
        answer::judge(&answer, &url, &self.0.directory)?;
        Ok(answer)
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.clone();
        Box::pin(async move {
            let answer = client.send(request).await.map_err(|fault| Error::Other(Box::new(fault)))?;
            let (parts, body) = answer.into_parts();
            Ok(BytesResponse { parts, body: Box::new(body) })
        })
    }
}
