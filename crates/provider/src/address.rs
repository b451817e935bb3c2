//! Where a provider may be asked: on hosts that belong to it, and nowhere else (OAUTH-16).

use doorward_config::{Issuer, OAuth, ProviderKind};
use doorward_kit::Origin;
use doorward_kit::net::Scheme;

use crate::fault::Word;

/// The longest address that is taken, in octets.
const LONGEST: usize = 2048;

/// An address that was judged: its origin belongs to the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    origin: Origin,
    /// Path and query, from the slash on.
    target: Box<str>,
}

impl Address {
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    /// The whole address with parameters added, for a browser.
    pub(crate) fn with_query(&self, query: &str) -> String {
        let mark = if self.target.contains('?') { '&' } else { '?' };
        format!("{}{}{mark}{query}", self.origin, self.target)
    }
}

/// The origins that belong to one provider.
#[derive(Debug, Clone)]
pub(crate) struct Pins(Vec<Origin>);

impl Pins {
    /// The issuer's own origin, what is known of a preset, and what the configuration lists.
    pub(crate) fn of(oauth: &OAuth) -> Self {
        let known: &[&str] = match oauth.provider {
            ProviderKind::Google => &["oauth2.googleapis.com", "openidconnect.googleapis.com", "www.googleapis.com"],
            ProviderKind::GitHub => &["github.com", "api.github.com"],
            ProviderKind::Microsoft => &["graph.microsoft.com"],
            ProviderKind::GitLab | ProviderKind::Oidc => &[],
        };
        let known = known.iter().filter_map(|host| host.parse().ok());
        let over_tls = known.chain(oauth.hosts.iter().cloned()).map(|host| Origin::new(Scheme::Https, host, None));
        Self(oauth.issuer.iter().map(|issuer| issuer.origin().clone()).chain(over_tls).collect())
    }

    /// Judges an address as a provider wrote it.
    pub(crate) fn judge(&self, text: &str) -> Result<Address, Word> {
        let after_scheme = text.find("://").ok_or(Word::ForeignHost)? + 3;
        let end = text[after_scheme..].find(['/', '?']).map_or(text.len(), |at| after_scheme + at);
        let (origin, target) = text.split_at(end);
        let is_plain = target.bytes().all(|b| b.is_ascii_graphic() && !b"#\\\"<>`{}|^".contains(&b));
        if text.len() > LONGEST || !is_plain {
            return Err(Word::ForeignHost);
        }
        let origin: Origin = origin.parse().map_err(|_| Word::ForeignHost)?;
        if !self.0.contains(&origin) {
            return Err(Word::ForeignHost);
        }
        let target = if target.starts_with('/') { target.into() } else { format!("/{target}").into() };
        Ok(Address { origin, target })
    }

    /// Where an issuer describes itself (OpenID Connect Discovery §4).
    pub(crate) fn description(&self, issuer: &Issuer) -> Result<Address, Word> {
        self.judge(&format!("{}/.well-known/openid-configuration", issuer.as_str().trim_end_matches('/')))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pins() -> Pins {
        Pins(
            ["https://id.example.com", "https://id.example.com:8443", "https://api.example.com"]
                .map(|o| o.parse().unwrap())
                .into(),
        )
    }

    #[test]
    fn addresses_on_hosts_of_the_provider_are_taken_as_they_are() {
        for (text, origin, target) in [
            ("https://id.example.com/token", "https://id.example.com", "/token"),
            ("https://id.example.com", "https://id.example.com", "/"),
            ("https://ID.example.com:443/a?b=c", "https://id.example.com", "/a?b=c"),
            ("https://id.example.com:8443?p=1", "https://id.example.com:8443", "/?p=1"),
        ] {
            let address = pins().judge(text).unwrap();
            assert_eq!((address.origin().as_str(), address.target()), (origin, target), "{text}");
        }
        assert_eq!(pins().judge("https://api.example.com/a?b=c").unwrap().with_query("d=e"), "https://api.example.com/a?b=c&d=e");
    }

    #[test]
    fn nothing_else_is_an_address_of_the_provider() {
        for text in [
            "http://id.example.com/token",
            "https://id.example.com:444/token",
            "https://evil.example/token",
            "https://id.example.com.evil.example/token",
            "https://evil.example/https://id.example.com/",
            "https://id.example.com@evil.example/token",
            "https://user:pass@id.example.com/token",
            "https://id.example.com\\@evil.example/token",
            "https://evil.example?https://id.example.com/",
            "https://169.254.169.254/latest/meta-data/",
            "//id.example.com/token",
            "/token",
            "",
            "file:///etc/passwd",
            "https://id.example.com/to ken",
            "https://id.example.com/token#a",
            "https://id.example.com/\r\nHost: evil.example",
            "https://id.example.com/ü",
        ] {
            assert_eq!(pins().judge(text), Err(Word::ForeignHost), "{text}");
        }
        assert_eq!(pins().judge(&format!("https://id.example.com/{}", "a".repeat(LONGEST))), Err(Word::ForeignHost));
    }
}
