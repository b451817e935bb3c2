//! One connection, one request, one bounded answer.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONNECTION, HOST, HeaderValue, USER_AGENT};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Limited};
use hyper_util::rt::TokioIo;
use instant_acme::BodyWrapper;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Inner;
use crate::fault::Fault;

/// Octets of a body; a chain of six certificates is far below.
pub(super) const LARGEST: usize = 256 * 1024;
/// Octets of an answer's head.
const LARGEST_HEAD: usize = 32 * 1024;

/// The URL was judged by the caller.
pub(super) async fn exchange(client: &Inner, request: Request<BodyWrapper<Bytes>>) -> Result<Response<Bytes>, Fault> {
    let stream = connect(client).await?;
    let mut builder = hyper::client::conn::http1::Builder::new();
    builder.max_buf_size(LARGEST_HEAD);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(|_| Fault::Unreachable)?;
    let request = prepared(request, client)?;
    let exchange = async {
        let answer = sender.send_request(request).await.map_err(|error| spoiled(&error))?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, LARGEST).collect().await.map_err(|_| Fault::Answer)?;
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

fn spoiled(error: &hyper::Error) -> Fault {
    if error.is_parse() { Fault::Answer } else { Fault::Unreachable }
}

async fn connect(client: &Inner) -> Result<TlsStream<TcpStream>, Fault> {
    let (host, port) = (client.directory.host(), client.directory.port());
    let stream = client.dial.dial(host, port).await.map_err(|_| Fault::Unreachable)?;
    let name = ServerName::try_from(host.to_owned()).map_err(|_| Fault::Unreachable)?;
    let connector = TlsConnector::from(Arc::clone(&client.tls));
    connector.connect(name, stream).await.map_err(|error| {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if matches!(inner, Some(rustls::Error::InvalidCertificate(_))) { Fault::Untrusted } else { Fault::Unreachable }
    })
}

/// Origin form with a `Host` of our own making.
fn prepared(mut request: Request<BodyWrapper<Bytes>>, client: &Inner) -> Result<Request<BodyWrapper<Bytes>>, Fault> {
    let (host, port) = (client.directory.host(), client.directory.port());
    let authority = if port == 443 { host.to_owned() } else { format!("{host}:{port}") };
    let authority = HeaderValue::from_str(&authority).map_err(|_| Fault::Crypto)?;
    let path = request.uri().path_and_query().cloned().ok_or(Fault::Crypto)?;
    *request.uri_mut() = Uri::from(path);
    let fields = request.headers_mut();
    fields.insert(HOST, authority);
    fields.insert(CONNECTION, HeaderValue::from_static("close"));
    fields.insert(ACCEPT, HeaderValue::from_static("application/json, application/pem-certificate-chain"));
    fields.insert(USER_AGENT, HeaderValue::from_static(concat!("doorward/", env!("CARGO_PKG_VERSION"))));
    Ok(request)
}
