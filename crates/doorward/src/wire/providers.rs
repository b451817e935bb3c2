//! The providers that people may sign in with, as the configuration names them.

use std::sync::Arc;

use doorward_config::{Config, EnvSource, OAuth};
use doorward_domain::federation::Provider;
use doorward_kit::{Secret, SystemClock};
use doorward_provider::{SetupError, Surroundings};

use super::StartError;
use super::secret::{SecretFault, with_sources};

/// Reads the clients' secrets and authorities; asks nobody anything: a provider that is down must not keep the house from opening.
pub(super) fn open(config: &Config, env: &dyn EnvSource) -> Result<Vec<Arc<dyn Provider>>, StartError> {
    let opened = config.oauth.iter().map(|oauth| {
        let fault = |key: &str, problem: String| StartError::Secrets(vec![SecretFault { key: key_of(oauth, key), problem }]);
        // Issued by whoever runs the provider, so it is as long as they made it.
        let secret = oauth.client_secret.read_issued(env).map_err(|error| fault("client_secret", with_sources(&error)))?;
        provider(config, oauth, secret).map_err(|error| fault("ca_file", with_sources(&error)))
    });
    opened.collect()
}

/// Authorities that cannot be read, each told; the secrets are judged with all the others.
pub(super) fn faults(config: &Config) -> Vec<SecretFault> {
    let fault = |oauth: &OAuth| {
        let error = provider(config, oauth, Secret::new(String::new())).err()?;
        Some(SecretFault { key: key_of(oauth, "ca_file"), problem: with_sources(&error) })
    };
    config.oauth.iter().filter_map(fault).collect()
}

fn provider(config: &Config, oauth: &OAuth, secret: Secret<String>) -> Result<Arc<dyn Provider>, SetupError> {
    let around = Surroundings::new(config.site.origin.clone(), config.site.env, Arc::new(SystemClock));
    doorward_provider::open(oauth, secret, &around)
}

fn key_of(oauth: &OAuth, key: &str) -> String {
    format!("oauth {}: {key}", oauth.name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;

    fn config(lines: &str) -> Config {
        let text = format!(
            "version = 1\n[site]\norigin = \"https://localhost:8443\"\nenv = \"development\"\ndata_dir = \"/nowhere\"\n[listen]\n\
             https = [\"127.0.0.1:8443\"]\n[tls]\nsource = \"self-signed\"\n[mail]\nfrom = \"a@localhost.localdomain\"\n[[oauth]]\n\
             provider = \"gitlab\"\nname = \"work\"\nclient_id = \"a\"\nclient_secret_env = \"WORK_SECRET\"\n{lines}\n"
        );
        doorward_config::parse(&text, Path::new("/doorward.toml"), &BTreeMap::new()).expect("legal")
    }

    fn env(value: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("WORK_SECRET".to_owned(), value.to_owned())])
    }

    #[test]
    fn a_provider_is_opened_as_it_is_configured_and_nobody_is_asked() {
        let opened = open(&config("label = \"Our GitLab\"\nlink_by_address = false"), &env("glo-1")).expect("opens");
        assert_eq!((opened[0].name(), opened[0].label(), opened[0].links_by_address()), ("work", "Our GitLab", false));
    }

    #[test]
    fn what_is_missing_is_named_and_no_secret_is_shown() {
        let told = |config: &Config, env: &BTreeMap<String, String>| match open(config, env) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("opened"),
        };
        assert_eq!(told(&config(""), &BTreeMap::new()), "oauth work: client_secret: WORK_SECRET: the variable is not set");
        assert!(!told(&config(""), &env("hunter2\u{7}")).contains("hunter2"));
        let config = config("ca_file = \"nowhere.pem\"");
        assert!(told(&config, &env("glo-1")).starts_with("oauth work: ca_file: /nowhere.pem: cannot be read"));
        assert_eq!(faults(&config)[0].key, "oauth work: ca_file");
    }
}
