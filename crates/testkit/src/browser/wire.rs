//! One WebDriver command: an HTTP request with JSON to a port of this machine.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use crate::address::INSIDE;
use crate::raw::RawClient;

pub(super) struct Wire {
    address: SocketAddr,
}

impl Wire {
    pub(super) fn new(port: u16) -> Self {
        Self { address: SocketAddr::new(INSIDE, port) }
    }

    /// The `value` of the answer.
    pub(super) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let mut raw = RawClient::plain(self.address, INSIDE).map_err(|error| error.to_string())?;
        raw.set_patience(Duration::from_secs(60));
        let body = body.map(Value::to_string).unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.address,
            body.len()
        );
        raw.try_send((head + &body).as_bytes()).map_err(|error| error.to_string())?;
        let reply = raw.read_reply().map_err(|fault| format!("{fault:?}"))?;
        let answer: Value = serde_json::from_slice(&reply.body).map_err(|error| format!("{error}: {reply:?}"))?;
        match reply.status {
            200 => Ok(answer["value"].clone()),
            status => Err(format!("{status} {}: {}", answer["value"]["error"], answer["value"]["message"])),
        }
    }
}
