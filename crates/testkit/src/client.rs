//! An ordinary client: keeps a connection, carries cookies, and knows how to send the CSRF token along.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

use crate::raw::{RawClient, Reply, Tls};

/// The credential.
pub const SESSION_COOKIE: &str = "__Host-doorward_session";
/// Read by script, sent back as `X-CSRF-Token`.
pub const CSRF_COOKIE: &str = "__Host-doorward_csrf";

/// A request in the making.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    has_csrf: bool,
    cookies: Cookies,
}

#[derive(Debug, Clone)]
enum Cookies {
    /// What the jar holds.
    Jar,
    /// None at all.
    None,
    /// This line.
    Line(String),
}

impl Request {
    /// Any method and target.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        let (method, target) = (method.to_owned(), target.to_owned());
        Self { method, target, headers: Vec::new(), body: None, has_csrf: false, cookies: Cookies::Jar }
    }

    /// GET.
    #[must_use]
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// POST without a body.
    #[must_use]
    pub fn post(target: &str) -> Self {
        Self::new("POST", target)
    }

    /// The same with another method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = method.to_owned();
        self
    }

    /// Adds a field.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(self, value: &Value) -> Self {
        self.body("application/json", value.to_string())
    }

    /// With a form body.
    #[must_use]
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
        self.body("application/x-www-form-urlencoded", pairs.join("&"))
    }

    /// With any body.
    #[must_use]
    pub fn body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.header("Content-Type", content_type).bare_body(body)
    }

    /// With a body and no word about its type.
    #[must_use]
    pub fn bare_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sends the jar's CSRF cookie as `X-CSRF-Token`.
    #[must_use]
    pub fn csrf(mut self) -> Self {
        self.has_csrf = true;
        self
    }

    /// Sends this `Cookie` line in place of the jar's.
    #[must_use]
    pub fn cookies(mut self, line: &str) -> Self {
        self.cookies = Cookies::Line(line.to_owned());
        self
    }

    /// Sends no cookies.
    #[must_use]
    pub fn no_cookies(mut self) -> Self {
        self.cookies = Cookies::None;
        self
    }
}

/// Percent-encodes everything but unreserved octets.
fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// A client of one host.
pub struct Client {
    address: SocketAddr,
    from: IpAddr,
    host: String,
    sni: String,
    jar: BTreeMap<String, String>,
    wire: Option<RawClient>,
    /// Every answer so far, for tests that look at all of them.
    seen: Vec<Reply>,
}

impl Client {
    /// A client that has not connected yet. `host` is what `Host` will say, port included.
    #[must_use]
    pub fn new(address: SocketAddr, from: IpAddr, host: &str) -> Self {
        let sni = host.split(':').next().unwrap_or(host).to_owned();
        Self { address, from, host: host.to_owned(), sni, jar: BTreeMap::new(), wire: None, seen: Vec::new() }
    }

    /// Another client with the same cookies and a connection of its own.
    #[must_use]
    pub fn twin(&self) -> Self {
        Self { jar: self.jar.clone(), ..Self::new(self.address, self.from, &self.host) }
    }

    /// The same cookies, from another address.
    #[must_use]
    pub fn twin_from(&self, from: IpAddr) -> Self {
        Self { jar: self.jar.clone(), ..Self::new(self.address, from, &self.host) }
    }

    /// A cookie's value.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.jar.get(name).map(String::as_str)
    }

    /// The session cookie's value, which has to be there.
    #[track_caller]
    #[must_use]
    pub fn session(&self) -> String {
        self.cookie(SESSION_COOKIE).expect("a session cookie").to_owned()
    }

    /// The CSRF cookie's value, which has to be there.
    #[track_caller]
    #[must_use]
    pub fn csrf(&self) -> String {
        self.cookie(CSRF_COOKIE).expect("a CSRF cookie").to_owned()
    }

    /// Puts a cookie into the jar.
    pub fn set_cookie(&mut self, name: &str, value: &str) {
        self.jar.insert(name.to_owned(), value.to_owned());
    }

    /// The jar as one `Cookie` line.
    #[must_use]
    pub fn cookie_line(&self) -> String {
        self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// Every answer so far.
    #[must_use]
    pub fn seen(&self) -> &[Reply] {
        &self.seen
    }

    /// GET.
    #[track_caller]
    pub fn get(&mut self, target: &str) -> Reply {
        self.send(&Request::get(target))
    }

    /// POST with JSON, without CSRF token.
    #[track_caller]
    pub fn post_json(&mut self, target: &str, value: &Value) -> Reply {
        self.send(&Request::post(target).json(value))
    }

    /// Sends a request, keeps the cookies of the answer.
    #[track_caller]
    pub fn send(&mut self, request: &Request) -> Reply {
        let bytes = self.encode(request);
        let reply = self.exchange(&request.method, &bytes);
        self.keep_cookies(&reply);
        self.seen.push(reply.clone());
        reply
    }

    /// Sends a request once and once only, to a house that may die of it or before it.
    ///
    /// # Errors
    /// Why there was no whole answer; what was asked for may have happened or not.
    pub fn try_send(&mut self, request: &Request) -> Result<Reply, String> {
        let bytes = self.encode(request);
        let mut wire = match self.wire.take() {
            Some(wire) => wire,
            None => RawClient::tls(self.address, self.from, &Tls::to(&self.sni)).map_err(|error| error.to_string())?,
        };
        wire.try_send(&bytes).map_err(|error| error.to_string())?;
        let reply = wire.read_reply_to(&request.method).map_err(|fault| format!("{fault:?}"))?;
        self.keep(wire, &reply);
        self.keep_cookies(&reply);
        Ok(reply)
    }

    /// The request's octets.
    #[must_use]
    pub fn encode(&self, request: &Request) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", request.method, request.target, self.host);
        let line = match &request.cookies {
            Cookies::Jar => self.cookie_line(),
            Cookies::None => String::new(),
            Cookies::Line(line) => line.clone(),
        };
        if !line.is_empty() {
            head += &format!("Cookie: {line}\r\n");
        }
        if request.has_csrf {
            head += &format!("X-CSRF-Token: {}\r\n", self.csrf());
        }
        for (name, value) in &request.headers {
            head += &format!("{name}: {value}\r\n");
        }
        let body = request.body.as_deref().unwrap_or_default();
        if request.body.is_some() || request.method == "POST" {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        [head.as_bytes(), b"\r\n", body].concat()
    }

    #[track_caller]
    fn exchange(&mut self, method: &str, bytes: &[u8]) -> Reply {
        // A kept connection may have been closed meanwhile: then, and only when nothing came back, a fresh one is used.
        if let Some(mut wire) = self.wire.take()
            && wire.try_send(bytes).is_ok()
            && let Ok(reply) = wire.read_reply_to(method)
        {
            self.keep(wire, &reply);
            return reply;
        }
        let mut wire = RawClient::tls(self.address, self.from, &Tls::to(&self.sni)).expect("the door opens");
        wire.send_what_it_takes(bytes);
        let reply = wire.read_reply_to(method).unwrap_or_else(|fault| panic!("no answer to {method}: {fault:?}"));
        self.keep(wire, &reply);
        reply
    }

    fn keep(&mut self, wire: RawClient, reply: &Reply) {
        let closes = reply.all("connection").iter().any(|value| value.eq_ignore_ascii_case("close"));
        self.wire = (!closes).then_some(wire);
    }

    fn keep_cookies(&mut self, reply: &Reply) {
        for value in reply.all("set-cookie") {
            let Some((name, rest)) = value.split_once('=') else { continue };
            let (value, attributes) = rest.split_once(';').unwrap_or((rest, ""));
            let is_gone = attributes.to_ascii_lowercase().split(';').any(|a| a.trim() == "max-age=0");
            if is_gone {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}
