//! One exchange over HTTP/2. Duplicates are kept; equal names come together, since HPACK's order is not given on by the library.

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::wire::BODY_MAX;
use super::{Answer, Call, Fault, Field, shown};

pub(super) async fn exchange(stream: TlsStream<TcpStream>, call: &Call) -> Result<Answer, Fault> {
    let failed = |error: hyper::Error| Fault::Http2(shown(&error.to_string()));
    if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
        return Err(Fault::Http2("the server did not choose h2".into()));
    }
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.map_err(failed)?;
    let request = request(call)?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(failed)?;
        let (head, body) = response.into_parts();
        let mut answer = Answer::new(head.status.as_u16(), fields(&head.headers));
        read_body(body, &mut answer).await?;
        Ok(answer)
    };
    tokio::select! {
        // The exchange first: an answer that arrived counts even if the connection ends with it.
        biased;
        answer = exchange => answer,
        ended = connection => Err(ended.err().map_or(Fault::Ended, failed)),
    }
}

fn request(call: &Call) -> Result<Request<Full<Bytes>>, Fault> {
    let mut request = Request::builder().method(call.method).uri(format!("https://{}{}", call.authority, call.target));
    for (name, value) in &call.fields {
        request = request.header(name, value);
    }
    for (name, value) in &call.secrets {
        request = request.header(name, value.expose());
    }
    if let Some(value) = &call.authorization {
        request = request.header("authorization", value.expose());
    }
    request
        .body(Full::new(Bytes::from(call.body.expose().clone())))
        .map_err(|_| Fault::Http2("the request cannot be written".into()))
}

async fn read_body(mut body: hyper::body::Incoming, answer: &mut Answer) -> Result<(), Fault> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Fault::Http2(shown(&error.to_string())))?;
        match frame.into_data() {
            Ok(data) => answer.body.extend_from_slice(&data),
            Err(frame) => answer.trailers = frame.trailers_ref().map(fields).unwrap_or_default(),
        }
        if answer.body.len() > BODY_MAX {
            answer.body.truncate(BODY_MAX);
            break;
        }
    }
    Ok(())
}

fn fields(map: &HeaderMap) -> Vec<Field> {
    map.iter().map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())).collect()
}
