//! One connection, one request, one bounded answer.

use std::io;
use std::sync::Arc;

use ::http::header::{CONNECTION, HOST, HeaderValue, USER_AGENT};
use ::http::{Request, Response, Uri};
use bytes::Bytes;
use doorward_kit::net::Scheme;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use super::Client;
use crate::address::Address;
use crate::fault::{Fault, Word};

/// Octets of a body (OAUTH-16).
const LARGEST: usize = 256 * 1024;
/// Octets of an answer's head.
const LARGEST_HEAD: usize = 16 * 1024;

pub(super) async fn exchange(
    client: &Client,
    address: &Address,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, Fault> {
    let origin = address.origin();
    let host = origin.host().as_str();
    let stream = client.dial.dial(host, origin.port()).await.map_err(|error| not_reached(&error))?;
    let request = prepared(request, address)?;
    if origin.scheme() == Scheme::Http {
        return speak(stream, request).await;
    }
    let name = ServerName::try_from(host.to_owned()).map_err(|_| Word::Unreachable)?;
    let connector = TlsConnector::from(Arc::clone(&client.tls));
    let stream = connector.connect(name, stream).await.map_err(|error| not_trusted(&error))?;
    speak(stream, request).await
}

fn not_reached(error: &io::Error) -> Word {
    if error.kind() == io::ErrorKind::AddrNotAvailable { Word::NotPublic } else { Word::Unreachable }
}

fn not_trusted(error: &io::Error) -> Word {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if matches!(inner, Some(rustls::Error::InvalidCertificate(_))) { Word::Untrusted } else { Word::Unreachable }
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, Fault> {
    let mut builder = hyper::client::conn::http1::Builder::new();
    builder.max_buf_size(LARGEST_HEAD);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(|_| Word::Unreachable)?;
    let exchange = async {
        let answer = sender.send_request(request).await.map_err(|error| spoiled(&error))?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, LARGEST)
            .collect()
            .await
            .map_err(|error| if error.is::<LengthLimitError>() { Word::TooLarge } else { Word::Unreachable })?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    };
    // Driven here and not in a task of its own, so that nothing of it outlives the deadline.
    tokio::pin!(connection, exchange);
    tokio::select! {
        biased;
        answer = &mut exchange => answer,
        _ = &mut connection => exchange.await,
    }
}

/// A head that is too large is one that cannot be read.
fn spoiled(error: &hyper::Error) -> Word {
    if error.is_parse() { Word::Malformed } else { Word::Unreachable }
}

/// Origin form with a `Host` of our own making.
fn prepared(mut request: Request<Full<Bytes>>, address: &Address) -> Result<Request<Full<Bytes>>, Word> {
    let authority = HeaderValue::from_str(address.origin().authority()).map_err(|_| Word::ForeignHost)?;
    *request.uri_mut() = address.target().parse::<Uri>().map_err(|_| Word::ForeignHost)?;
    let fields = request.headers_mut();
    fields.insert(HOST, authority);
    fields.insert(CONNECTION, HeaderValue::from_static("close"));
    fields.insert(USER_AGENT, HeaderValue::from_static(concat!("doorward/", env!("CARGO_PKG_VERSION"))));
    Ok(request)
}
