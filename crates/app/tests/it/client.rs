//! Somebody who talks to the application: with a cookie jar like a browser, or octet by octet like an attacker.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::body::Body;
use bytes::Bytes;
use doorward_kit::{ClientAddr, PeerAddr, RequestContext, RequestId, SystemEntropy};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::house::House;

pub(crate) const SESSION: &str = "__Host-doorward_session";
pub(crate) const CSRF: &str = "__Host-doorward_csrf";
pub(crate) const PASSWORD: &str = "nine quiet lanterns over Trondheim";

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("answers are text")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub(crate) fn detail(&self) -> String {
        self.json()["detail"].as_str().expect("a detail").to_owned()
    }

    pub(crate) fn field(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }

    pub(crate) fn set_cookies(&self) -> Vec<String> {
        let values = self.headers.get_all(header::SET_COOKIE).iter();
        values.map(|value| value.to_str().expect("ASCII").to_owned()).collect()
    }

    /// Everything a client could compare: status, fields, body. Random values of cookies are blanked.
    pub(crate) fn fingerprint(&self) -> String {
        let mut fields: Vec<String> = self
            .headers
            .iter()
            .map(|(name, value)| {
                let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
                let shown = if name == header::SET_COOKIE { blank_value(&text) } else { text };
                format!("{name}: {shown}")
            })
            .collect();
        fields.sort();
        format!("{}\n{}\n\n{}", self.status, fields.join("\n"), self.text())
    }
}

fn blank_value(set_cookie: &str) -> String {
    let (name, rest) = set_cookie.split_once('=').expect("a cookie");
    let (value, attributes) = rest.split_once(';').expect("attributes");
    format!("{name}=<{}>;{attributes}", value.len())
}

/// One caller: an address and a cookie jar.
pub(crate) struct Client<'h> {
    house: &'h House,
    pub(crate) address: IpAddr,
    pub(crate) jar: BTreeMap<String, String>,
}

impl<'h> Client<'h> {
    pub(crate) fn new(house: &'h House) -> Self {
        Self { house, address: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)), jar: BTreeMap::new() }
    }

    pub(crate) fn at(mut self, address: [u8; 4]) -> Self {
        self.address = IpAddr::V4(Ipv4Addr::from(address));
        self
    }

    pub(crate) fn cookie(&self, name: &str) -> &str {
        self.jar.get(name).map_or("", String::as_str)
    }

    pub(crate) fn ask(&mut self, method: Method, path: &str) -> Ask<'_, 'h> {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).expect("a request");
        let mut ask = Ask { client: self, request };
        let jar: Vec<String> = ask.client.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !jar.is_empty() {
            ask = ask.field("cookie", &jar.join("; "));
        }
        ask
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.ask(Method::GET, path).send().await
    }

    /// As the site's own script would.
    pub(crate) async fn post_json(&mut self, path: &str, body: &Value) -> Answer {
        let token = self.cookie(CSRF).to_owned();
        let ask = self.ask(Method::POST, path).own().field("x-csrf-token", &token);
        ask.body("application/json", body.to_string()).send().await
    }

    /// As the site's own form would.
    pub(crate) async fn post_form(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form(fields);
        self.ask(Method::POST, path).own().body("application/x-www-form-urlencoded", body).send().await
    }

    /// A request without body, with the token, such as sign-out.
    pub(crate) async fn post_empty(&mut self, path: &str) -> Answer {
        let token = self.cookie(CSRF).to_owned();
        self.ask(Method::POST, path).own().field("x-csrf-token", &token).send().await
    }

    pub(crate) async fn sign_in(&mut self, email: &str, password: &str) -> Answer {
        self.post_json("/api/auth/login", &serde_json::json!({"email": email, "password": password})).await
    }

    fn remember(&mut self, answer: &Answer) {
        for cookie in answer.set_cookies() {
            let (name, rest) = cookie.split_once('=').expect("a cookie");
            let value = rest.split(';').next().unwrap_or_default();
            if rest.contains("Max-Age=0") {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// Form fields, as a browser writes them.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    let escape = |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect::<Vec<_>>().join("&")
}

/// A request in the making.
pub(crate) struct Ask<'c, 'h> {
    client: &'c mut Client<'h>,
    request: Request<Body>,
}

impl Ask<'_, '_> {
    /// Adds a field; the same name twice gives two fields.
    pub(crate) fn field(self, name: &str, value: &str) -> Self {
        self.octets(name, value.as_bytes())
    }

    pub(crate) fn octets(mut self, name: &str, value: &[u8]) -> Self {
        let name: HeaderName = name.parse().expect("a name");
        self.request.headers_mut().append(name, HeaderValue::from_bytes(value).expect("a value"));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.request.headers_mut().remove(name);
        self
    }

    /// What a browser adds on the site's own pages.
    pub(crate) fn own(self) -> Self {
        self.field("sec-fetch-site", "same-origin").field("origin", "https://app.example.com")
    }

    pub(crate) fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let length = body.len().to_string();
        *self.request.body_mut() = Body::from(body);
        self.field("content-type", content_type).field("content-length", &length)
    }

    /// A body whose length nobody announced.
    pub(crate) fn stream(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        *self.request.body_mut() = Body::from(body.into());
        self.field("content-type", content_type)
    }

    /// A body beside whatever content type is there already.
    pub(crate) fn raw_body(mut self, body: Vec<u8>) -> Self {
        let length = body.len().to_string();
        *self.request.body_mut() = Body::from(body);
        self.field("content-length", &length)
    }

    /// The same, with a length that nobody announced.
    pub(crate) fn raw_stream(mut self, body: Vec<u8>) -> Self {
        *self.request.body_mut() = Body::from(body);
        self
    }

    pub(crate) async fn send(mut self) -> Answer {
        self.request.extensions_mut().insert(context(self.client.address));
        let response = self.client.house.router.clone().oneshot(self.request).await.expect("never fails");
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        let answer = Answer { status: head.status, headers: head.headers, body };
        self.client.remember(&answer);
        answer
    }
}

pub(crate) fn context(address: IpAddr) -> RequestContext {
    RequestContext {
        request_id: RequestId::random(&SystemEntropy),
        client: ClientAddr::new(address),
        peer: PeerAddr(SocketAddr::new(address, 50_000)),
        secure: true,
    }
}
