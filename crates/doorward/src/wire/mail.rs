//! The relay that takes mail, where the configuration names one.

use doorward_app::Relay;
use doorward_config::{Config, EnvSource, MailTransport};
use doorward_domain::service::MailRules;

use super::StartError;

/// Reads the relay's password and authorities; connects to nothing: a relay that is down must not keep the house from opening.
pub(super) fn relay(config: &Config, env: &dyn EnvSource) -> Result<Option<Relay>, StartError> {
    let MailTransport::Smtp(server) = &config.mail.transport else { return Ok(None) };
    // Issued by whoever runs the relay, so it is as long as they made it.
    let password =
        server.password.as_ref().map(|source| source.read_issued(env)).transpose().map_err(StartError::MailPassword)?;
    Ok(Some(Relay::new(server, password)?))
}

/// What becomes of mail that waits.
pub(super) fn rules(config: &Config) -> MailRules {
    let mail = &config.mail;
    MailRules { queue_max: mail.queue_max, retry_first: mail.retry_first, give_up: mail.give_up }
}
