//! `[[oauth]]`: who vouches for people.

use std::path::PathBuf;

use doorward_kit::net::Scheme;
use doorward_kit::{Host, Origin};

use super::SecretSource;

/// `[[oauth]]`, a provider that people may sign in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuth {
    /// What is spoken, and which hosts belong to it.
    pub provider: ProviderKind,
    /// Its name in paths and in the trail, unique: 1 to 32 lower-case letters, digits and `-`. Default: the word of `provider`.
    pub name: String,
    /// What people call it; 1 to 40 characters.
    pub label: String,
    /// Who signs ID tokens; none for GitHub, which signs nothing.
    pub issuer: Option<Issuer>,
    /// What the provider knows this site by; 1 to 255 visible ASCII characters.
    pub client_id: String,
    /// What proves that it is this site.
    pub client_secret: SecretSource,
    /// What is asked for; at most 16 (OAUTH-15).
    pub scopes: Vec<String>,
    /// Link an account whose address the provider has proved too (OAUTH-09).
    pub link_by_address: bool,
    /// Keep what lets us act for the account there, sealed (OAUTH-14).
    pub keep_grant: bool,
    /// PEM certificates of the only authorities that may vouch for the provider's hosts; the public ones when absent.
    pub ca_file: Option<PathBuf>,
    /// Hosts of the provider besides the issuer's own, at most 8 (OAUTH-16).
    pub hosts: Vec<Host>,
}

/// Which provider it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderKind {
    /// Google.
    Google,
    /// GitHub: OAuth 2 with an interface for addresses, no OpenID Connect.
    GitHub,
    /// One tenant of Microsoft Entra.
    Microsoft,
    /// gitlab.com or another GitLab.
    GitLab,
    /// Any other by OpenID Connect.
    Oidc,
}

/// An issuer identifier (OpenID Connect Discovery §2): `https`, no query, no fragment. Compared as text, octet by octet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    text: Box<str>,
    origin: Origin,
}

impl Issuer {
    /// Reads an issuer identifier, `https` or `http`, of at most 255 octets.
    ///
    /// ```
    /// use doorward_config::Issuer;
    /// let issuer = Issuer::parse("https://id.example.com/realms/a").expect("an issuer");
    /// assert_eq!(issuer.origin().as_str(), "https://id.example.com");
    /// assert!(Issuer::parse("https://id.example.com/a?b").is_none());
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let path_at = text.find("://")? + 3;
        let path_at = text[path_at..].find('/').map_or(text.len(), |slash| path_at + slash);
        let (origin, path) = text.split_at(path_at);
        let is_plain = path.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~/!$&'()*+,=:@".contains(&b));
        let has_dots = path.split('/').any(|segment| matches!(segment, "." | ".."));
        if text.len() > 255 || !is_plain || has_dots {
            return None;
        }
        let written: Origin = origin.parse().ok()?;
        // Its spelling is what a token has to repeat: one that is not the canonical one would never match.
        (written.as_str() == origin).then(|| Self { text: text.into(), origin: written })
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where it is served.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether it stands on a developer's own machine or network: by a name for it, or by an address that is not public.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let host = self.origin.host();
        host.ip().map_or_else(|| is_local_name(host.as_str()), |ip| !doorward_kit::net::is_public(ip))
    }

    /// Whether nothing that is said to it leaves this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = self.origin.host();
        host.ip().map_or_else(|| is_local_name(host.as_str()), |ip| ip.is_loopback())
    }

    /// Whether what is said to it is encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.origin.scheme() == Scheme::Https
    }
}

/// RFC 6761 §6.3.
fn is_local_name(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}
