//! What goes to a provider and must come back with the browser: the state (OAUTH-02), and what the code is bound to (OAUTH-01, OAUTH-03).

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_kit::{Entropy, PurposeRing, SubKey, Token, constant_time_eq};

/// The `state` parameter: a MAC over the token of the browser's cookie and the provider's name, so that it is nothing in another browser
/// and nothing for another provider, and tells nobody the token. 43 characters.
pub(super) fn of(keys: &PurposeRing, token: &Token, provider: &str) -> String {
    with(&keys.now().current().key, token, provider)
}

/// Whether we made a state for this browser and provider, with a key that has not retired; constant time in each MAC.
pub(super) fn is_good(keys: &PurposeRing, token: &Token, provider: &str, state: &str) -> bool {
    keys.now().alive().any(|key| constant_time_eq(with(&key.key, token, provider).as_bytes(), state.as_bytes()))
}

/// The token has one length, so that no name can make another one of it.
fn with(key: &SubKey, token: &Token, provider: &str) -> String {
    URL_SAFE_NO_PAD.encode(key.mac(format!("{}{provider}", token.reveal()).as_bytes()))
}

/// A value of 256 bits for one journey: a PKCE verifier (RFC 7636 §4.1), or a nonce. 43 characters of the unreserved set.
pub(super) fn draw(entropy: &dyn Entropy) -> String {
    Token::random(entropy).reveal()
}

/// The challenge of a verifier, by S256 (RFC 7636 §4.2).
pub(super) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{challenge, draw, is_good, of};
    use doorward_kit::{PurposeRing, SubKey, SystemEntropy, Token};

    #[test]
    fn a_state_is_good_for_its_token_and_its_provider_alone() {
        let keys = PurposeRing::from(SubKey::new([1; 32]));
        let (token, other) = (Token::random(&SystemEntropy), Token::random(&SystemEntropy));
        let state = of(&keys, &token, "acme");
        assert!(is_good(&keys, &token, "acme", &state));
        assert!(!is_good(&keys, &other, "acme", &state), "another browser");
        assert!(!is_good(&keys, &token, "acm", &state), "another provider");
        assert!(!is_good(&PurposeRing::from(SubKey::new([2; 32])), &token, "acme", &state), "another key");
        for tampered in ["", "=", &state[1..], &format!("{state}="), &format!("{state}A"), &state.to_uppercase(), &token.reveal()]
        {
            assert!(!is_good(&keys, &token, "acme", tampered), "{tampered}");
        }
    }

    #[test]
    fn the_challenge_is_that_of_the_standards_example() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert_eq!(draw(&SystemEntropy).len(), 43);
    }
}
