//! What the authority may ask of this node: held in memory, answered without waiting.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use doorward_acme::Challenge;
use doorward_edge::tls::{Identity, proof};
use doorward_kit::{Clock, Entropy, Host, Timestamp};

/// More names than one order can have; what comes beyond is not kept.
const MOST: usize = 256;

/// Challenges of this node's own orders, and of other nodes' as the vault tells of them.
pub(super) struct Pending {
    held: RwLock<HashMap<String, Held>>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

struct Held {
    challenge: Challenge,
    proof: Option<Identity>,
    /// Known from the vault, and gone when the vault no longer has it.
    of_others: bool,
}

impl Held {
    fn is_open(&self, now: Timestamp) -> bool {
        now < self.challenge.expires_at
    }
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pending(..)")
    }
}

impl Pending {
    pub(super) fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { held: RwLock::default(), clock, entropy }
    }

    /// Takes what the vault has of other nodes in place of what it had.
    pub(super) fn follow(&self, challenges: Vec<Challenge>) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        held.retain(|token, held| !held.of_others || challenges.iter().any(|challenge| challenge.token == *token));
        for challenge in challenges {
            if !held.contains_key(&challenge.token) {
                self.insert(&mut held, challenge, true);
            }
        }
    }

    fn insert(&self, held: &mut HashMap<String, Held>, challenge: Challenge, of_others: bool) {
        let now = self.clock.now();
        held.retain(|_, held| held.is_open(now));
        if held.len() < MOST {
            // Made once, here: a handshake only looks it up. Without it http-01 is still answered.
            let proof = proof(&challenge.host, &challenge.digest, now, &*self.entropy)
                .inspect_err(|error| tracing::warn!(%error, "no certificate for tls-alpn-01 could be made"))
                .ok();
            held.insert(challenge.token.clone(), Held { challenge, proof, of_others });
        }
    }
}

impl doorward_acme::Challenges for Pending {
    fn present(&self, challenge: Challenge) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        held.remove(&challenge.token);
        self.insert(&mut held, challenge, false);
    }

    fn withdraw(&self, token: &str) {
        self.held.write().unwrap_or_else(PoisonError::into_inner).remove(token);
    }
}

impl doorward_edge::Challenges for Pending {
    fn http_01(&self, host: &Host, token: &str) -> Option<String> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let held = held.get(token).filter(|held| held.challenge.host == *host && held.is_open(self.clock.now()))?;
        Some(held.challenge.key_authorization.clone())
    }

    fn tls_alpn_01(&self, name: &str) -> Option<Identity> {
        let (held, now) = (self.held.read().unwrap_or_else(PoisonError::into_inner), self.clock.now());
        // The newest, should an order that failed have left one behind.
        let of_name = held.values().filter(|held| held.challenge.host.as_str() == name && held.is_open(now));
        of_name.max_by_key(|held| held.challenge.expires_at)?.proof.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use doorward_acme::Challenges as _;
    use doorward_edge::Challenges as _;
    use doorward_kit::{ManualClock, SystemEntropy};

    use super::*;

    fn challenge(token: &str, host: &str, expires_at: Timestamp) -> Challenge {
        let host = host.parse().expect("a host");
        Challenge { token: token.into(), key_authorization: format!("{token}.print"), host, digest: [7; 32], expires_at }
    }

    #[test]
    fn a_challenge_is_answered_for_its_host_until_it_is_withdrawn_or_over() {
        let start = Timestamp::from_second(1_700_000_000).expect("an instant");
        let (clock, end) = (Arc::new(ManualClock::at(start)), Timestamp::from_second(1_700_000_060).expect("an instant"));
        let pending = Pending::new(clock.clone(), Arc::new(SystemEntropy));
        let (app, admin): (Host, Host) = ("app.test".parse().expect("a host"), "admin.app.test".parse().expect("a host"));
        pending.present(challenge("one", "app.test", end));
        pending.follow(vec![challenge("two", "admin.app.test", end)]);
        assert_eq!(pending.http_01(&app, "one").as_deref(), Some("one.print"));
        assert_eq!(pending.http_01(&admin, "two").as_deref(), Some("two.print"));
        assert!(pending.http_01(&admin, "one").is_none() && pending.http_01(&app, "three").is_none());
        assert!(pending.tls_alpn_01("app.test").is_some() && pending.tls_alpn_01("other.test").is_none());
        pending.follow(Vec::new());
        assert!(pending.http_01(&admin, "two").is_none() && pending.http_01(&app, "one").is_some(), "its own stay");
        clock.advance(Duration::from_secs(60));
        assert!(pending.http_01(&app, "one").is_none() && pending.tls_alpn_01("app.test").is_none());
        pending.present(challenge("four", "app.test", Timestamp::from_second(1_800_000_000).expect("an instant")));
        pending.withdraw("four");
        assert!(pending.http_01(&app, "four").is_none());
    }
}
