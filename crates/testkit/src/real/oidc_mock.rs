//! A provider that lies when told so: `oauth2-mock-server`, which signs everybody in at once and without pages.

use serde_json::Value;

use super::node::Script;
use crate::address::INSIDE;
use crate::raw::{RawClient, Tls};

/// A running liar; honest until ordered otherwise.
pub struct OidcMock {
    script: Script,
}

impl OidcMock {
    /// The name in the configuration and in the house's paths.
    pub const NAME: &'static str = "mirage";

    /// Starts it; it sends people back to wherever it is asked to.
    ///
    /// # Panics
    /// When Node.js or the package is missing (`cargo xtask test` installs them).
    #[track_caller]
    #[must_use]
    pub fn start() -> Self {
        let mut script = Script::lay_out("mock");
        script.start();
        Self { script }
    }

    /// From now on it does what `tests/real-parts/oidc/mock.mjs` says of these orders; `{}` is an honest provider.
    pub fn order(&self, orders: &Value) {
        self.script.write("orders.json", &orders.to_string());
    }

    /// Starts again, with other signing keys.
    #[track_caller]
    pub fn start_again(&mut self) {
        self.script.start();
    }

    /// Follows an authorization URL as a browser would; the answer is the way back.
    #[track_caller]
    #[must_use]
    pub fn authorize(&self, url: &str) -> Return {
        let target = url.strip_prefix(&self.issuer()).unwrap_or_else(|| panic!("{url} leads elsewhere"));
        let mut raw = RawClient::tls(self.script.address(), INSIDE, &Tls::to("localhost")).expect("the provider listens");
        raw.send(format!("GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", &self.issuer()["https://".len()..]));
        let reply = raw.reply();
        assert_eq!(reply.status, 302, "{reply:?}");
        Return { url: reply.header("location").expect("a way back").to_owned() }
    }

    /// The issuer.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.script.issuer()
    }

    /// Its section of a configuration.
    #[must_use]
    pub fn section(&self) -> String {
        self.script.section(Self::NAME, "")
    }

    /// Method and path of each request that it got, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        let told = std::fs::read_to_string(self.script.place("asked.log")).unwrap_or_default();
        told.lines().map(str::to_owned).collect()
    }

    /// What it printed.
    #[must_use]
    pub fn log(&self) -> String {
        self.script.log()
    }
}

/// The way back from a provider.
#[derive(Debug, Clone)]
pub struct Return {
    /// All of it.
    pub url: String,
}

impl Return {
    /// A parameter of its query; neither code nor state of these providers has an octet that is escaped.
    #[track_caller]
    #[must_use]
    pub fn parameter(&self, name: &str) -> String {
        parameter(&self.url, name).unwrap_or_else(|| panic!("no {name} in {}", self.url))
    }
}

/// A parameter of a URL's query, as it is written there.
#[must_use]
pub fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}
