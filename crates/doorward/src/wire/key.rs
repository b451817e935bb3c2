//! The master key: named by the configuration, or made once in a developer's data folder.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_config::{Config, Env, EnvSource, SecretSource};
use doorward_kit::{Entropy, MasterKey};

use super::StartError;
use crate::private_file;

/// Octets of a generated key.
const GENERATED_BYTES: usize = 48;

/// Reads the key; in development a missing setting means `master.key` in the data folder, made at the first start.
pub(super) fn master_key(config: &Config, env: &dyn EnvSource, entropy: &dyn Entropy) -> Result<MasterKey, StartError> {
    let source = match &config.site.key {
        Some(source) => source.clone(),
        None if config.site.env == Env::Development => generated(config, entropy)?,
        None => return Err(StartError::NoKey),
    };
    let text = source.read(env)?;
    MasterKey::new(text.expose().as_bytes()).ok_or(StartError::NoKey)
}

fn generated(config: &Config, entropy: &dyn Entropy) -> Result<SecretSource, StartError> {
    let path = config.site.data_dir.join("master.key");
    private_file::read_or_make(&path, || {
        let mut bytes = [0; GENERATED_BYTES];
        entropy.fill(&mut bytes);
        Ok(STANDARD.encode(bytes).into_bytes())
    })
    .map_err(|source| StartError::DataDir { path: path.clone(), source })?;
    Ok(SecretSource::File(path))
}
