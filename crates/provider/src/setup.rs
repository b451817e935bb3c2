//! From a configured provider to one that can be asked.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use doorward_config::{Env, OAuth, ProviderKind};
use doorward_domain::federation::Provider;
use doorward_kit::{Clock, Origin, Secret};

use crate::address::Pins;
use crate::fault::Word;
use crate::github::GitHub;
use crate::http::{Client, Dial, PATIENCE, Reach, SystemDial};
use crate::openid::OpenId;

/// Why a provider cannot be asked at all.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The file of authorities.
    #[error("{path}: cannot be read")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file of authorities has none.
    #[error("{path}: holds no PEM certificate of an authority")]
    NoAuthority {
        /// Which.
        path: PathBuf,
    },
    /// The TLS library refuses its own settings.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// A provider by OpenID Connect without an issuer, which no configuration that was read can say.
    #[error("has no issuer")]
    NoIssuer,
}

/// What a provider is asked from.
#[derive(Clone)]
pub struct Surroundings {
    pub(crate) site: Origin,
    pub(crate) env: Env,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) dial: Option<Arc<dyn Dial>>,
    pub(crate) patience: Duration,
}

impl Surroundings {
    /// The site that people come back to, where it runs, and what time it is.
    #[must_use]
    pub fn new(site: Origin, env: Env, clock: Arc<dyn Clock>) -> Self {
        Self { site, env, clock, dial: None, patience: PATIENCE }
    }

    /// With sockets of the caller's own, which are then the only ones; no address is judged any more.
    #[must_use]
    pub fn dialling(self, dial: Arc<dyn Dial>) -> Self {
        Self { dial: Some(dial), ..self }
    }

    /// With another bound than [`PATIENCE`].
    #[must_use]
    pub fn patient_for(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}

/// What both kinds of providers have.
pub(crate) struct Common {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) kind: ProviderKind,
    pub(crate) client_id: String,
    pub(crate) secret: Secret<String>,
    /// The one address that people come back to, fixed here and nowhere else (OAUTH-06).
    pub(crate) redirect_uri: String,
    pub(crate) scope: String,
    pub(crate) links_by_address: bool,
    pub(crate) keeps_grant: bool,
    pub(crate) pins: Pins,
    pub(crate) client: Client,
}

/// A provider as it is configured, with the secret that its configuration names. Asks nobody anything yet.
///
/// # Errors
/// [`SetupError`].
pub fn open(oauth: &OAuth, secret: Secret<String>, around: &Surroundings) -> Result<Arc<dyn Provider>, SetupError> {
    let dial = around.dial.clone().unwrap_or_else(|| Arc::new(SystemDial(reach(oauth, around.env))));
    let common = Common {
        name: oauth.name.clone(),
        label: oauth.label.clone(),
        kind: oauth.provider,
        client_id: oauth.client_id.clone(),
        secret,
        redirect_uri: format!("{}/account/oauth/{}", around.site, oauth.name),
        scope: scope(oauth),
        links_by_address: oauth.link_by_address,
        keeps_grant: oauth.keep_grant,
        pins: Pins::of(oauth),
        client: Client::new(dial, oauth.ca_file.as_deref(), around.patience)?,
    };
    match (&oauth.issuer, oauth.provider) {
        (_, ProviderKind::GitHub) => Ok(Arc::new(GitHub::new(common))),
        (Some(issuer), _) => Ok(Arc::new(OpenId::new(common, issuer.clone(), around.clock.clone()))),
        (None, _) => Err(SetupError::NoIssuer),
    }
}

/// Whoever develops against a provider on the same machine is let there; on a public site nobody's name leads into its network.
fn reach(oauth: &OAuth, env: Env) -> Reach {
    let is_local = oauth.issuer.as_ref().is_some_and(doorward_config::Issuer::is_local);
    if env == Env::Development && is_local { Reach::Anywhere } else { Reach::Public }
}

/// Lasting access is asked for only where it is kept (OAUTH-15), by the name that the provider has for it.
fn scope(oauth: &OAuth) -> String {
    let mut scope = oauth.scopes.join(" ");
    let has_name = matches!(oauth.provider, ProviderKind::Oidc | ProviderKind::Microsoft);
    if oauth.keep_grant && has_name && oauth.scopes.iter().all(|scope| scope != "offline_access") {
        scope.push_str(" offline_access");
    }
    scope
}

impl Common {
    /// Refuses what cannot be a code before anybody is asked.
    pub(crate) fn judge_code(code: &Secret<String>) -> Result<&str, Word> {
        let code = code.expose();
        if (1..=4096).contains(&code.len()) && !code.contains(char::is_control) { Ok(code) } else { Err(Word::Code) }
    }

    /// RFC 9207 §2.4: a parameter that came is the issuer's, octet by octet; one that is promised has to come (OAUTH-05).
    pub(crate) fn judge_issuer(came: Option<&str>, issuer: &str, is_promised: bool) -> Result<(), Word> {
        match came {
            Some(came) if came != issuer => Err(Word::ResponseIssuer),
            None if is_promised => Err(Word::ResponseIssuer),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use doorward_config::{Issuer, SecretSource};

    use super::*;

    fn oauth(provider: ProviderKind, issuer: Option<&str>) -> OAuth {
        OAuth {
            provider,
            name: "work".into(),
            label: "Work".into(),
            issuer: issuer.map(|issuer| Issuer::parse(issuer).unwrap()),
            client_id: "client".into(),
            client_secret: SecretSource::Env("SECRET".into()),
            scopes: vec!["openid".into()],
            link_by_address: true,
            keep_grant: true,
            ca_file: None,
            hosts: vec!["localhost".parse().unwrap()],
        }
    }

    #[test]
    fn only_an_issuer_that_is_written_as_local_leads_into_the_developers_network() {
        for (issuer, expected) in [
            ("https://localhost:4000", Reach::Anywhere),
            ("http://127.0.0.1:4000", Reach::Anywhere),
            ("https://10.0.0.7", Reach::Anywhere),
            ("https://id.example.com", Reach::Public),
            ("https://1.1.1.1", Reach::Public),
            ("https://localhost.example.com", Reach::Public),
        ] {
            let oauth = oauth(ProviderKind::Oidc, Some(issuer));
            assert_eq!(reach(&oauth, Env::Development), expected, "{issuer}");
            for env in [Env::Staging, Env::Production] {
                assert_eq!(reach(&oauth, env), Reach::Public, "{issuer}");
            }
        }
        assert_eq!(reach(&oauth(ProviderKind::GitHub, None), Env::Development), Reach::Public);
    }

    #[test]
    fn lasting_access_has_a_name_at_some_providers_alone() {
        for (kind, expected) in [
            (ProviderKind::Oidc, "openid offline_access"),
            (ProviderKind::Microsoft, "openid offline_access"),
            (ProviderKind::Google, "openid"),
            (ProviderKind::GitLab, "openid"),
            (ProviderKind::GitHub, "openid"),
        ] {
            assert_eq!(scope(&oauth(kind, None)), expected);
        }
    }
}
