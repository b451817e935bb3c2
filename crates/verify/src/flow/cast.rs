//! Accounts that are made for a run and go with it.

use std::fmt::Write as _;

use doorward_kit::{Entropy, Secret};

use crate::backstage::{Backstage, THROW_AWAY_DOMAIN};

/// A throw-away account.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    pub(crate) address: String,
    pub(crate) password: Secret<String>,
}

impl Actor {
    /// Somebody whom no site knows.
    pub(crate) fn stranger(entropy: &dyn Entropy) -> Self {
        Self { address: format!("verify-{}@{THROW_AWAY_DOMAIN}", word(entropy)), password: password(entropy) }
    }
}

/// Everybody whom the run made. [`Self::dismiss`] is called whatever the run finds.
#[derive(Debug, Default)]
pub(crate) struct Cast(Vec<String>);

impl Cast {
    /// Makes one more account.
    pub(crate) async fn hire(&mut self, backstage: &dyn Backstage, entropy: &dyn Entropy) -> Result<Actor, String> {
        let actor = Actor::stranger(entropy);
        // Before it is there: whatever happens then, it is looked for.
        self.0.push(actor.address.clone());
        backstage.add_account(&actor.address, &actor.password).await.map_err(|error| error.to_string())?;
        Ok(actor)
    }

    /// Somebody signed up by himself and has to go as well.
    pub(crate) fn note(&mut self, address: &str) {
        self.0.push(address.to_owned());
    }

    /// Removes everybody; says whom it could not remove.
    pub(crate) async fn dismiss(&mut self, backstage: &dyn Backstage) -> Vec<String> {
        let mut left = Vec::new();
        for address in self.0.drain(..) {
            if let Err(error) = backstage.remove_account(&address).await {
                left.push(format!("{address}: {error}"));
            }
        }
        left
    }
}

/// Sixteen hexadecimal digits.
pub(crate) fn word(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes);
    bytes.iter().fold(String::with_capacity(16), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Long enough for every policy, in no list, and found again wherever it stands.
fn password(entropy: &dyn Entropy) -> Secret<String> {
    Secret::new(format!("{} {}", word(entropy), word(entropy)))
}
