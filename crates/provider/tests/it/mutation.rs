//! No change to what was signed, nor to the signature, makes somebody else of it.

use std::sync::{LazyLock, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};

use crate::support::{RSA, Scene};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap());
static SCENE: LazyLock<Scene> = LazyLock::new(|| RUNTIME.block_on(Scene::new()));

/// One provider says one thing at a time.
static TURN: Mutex<()> = Mutex::new(());

/// What comes of a token: the subject that is believed, if any.
fn believed(token: &str) -> Option<String> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    SCENE.issue(token);
    RUNTIME.block_on(SCENE.redeem()).ok().map(|account| account.subject)
}

fn honest() -> String {
    RSA.token(&SCENE.header(), SCENE.claims().to_string().as_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Octets of the decoded parts, under the honest signature.
    #[test]
    fn oauth_04_a_changed_token_is_nobodys(part in 0..3usize, at in any::<prop::sample::Index>(), with in 1..=255u8) {
        let token = honest();
        let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
        let mut octets = URL_SAFE_NO_PAD.decode(&parts[part]).unwrap();
        let at = at.index(octets.len());
        octets[at] ^= with;
        parts[part] = URL_SAFE_NO_PAD.encode(octets);
        prop_assert_eq!(believed(&parts.join(".")), None);
    }

    /// Characters of the token as it is written.
    #[test]
    fn oauth_04_a_token_with_other_characters_is_nobodys(at in any::<prop::sample::Index>(), with in "[A-Za-z0-9_.=+/ -]") {
        let token = honest();
        let at = at.index(token.len());
        let changed = format!("{}{with}{}", &token[..at], &token[at + 1..]);
        prop_assume!(changed != token);
        prop_assert_eq!(believed(&changed), None);
    }

    /// Any subject that the issuer itself signs is believed as it stands or not at all.
    #[test]
    fn oauth_04_a_subject_is_believed_as_it_stands(subject in "\\PC{0,300}|.{0,20}") {
        let mut claims = SCENE.claims();
        claims["sub"] = subject.clone().into();
        let fits = (1..=255).contains(&subject.len()) && !subject.contains(char::is_control);
        prop_assert_eq!(believed(&RSA.token(&SCENE.header(), claims.to_string().as_bytes())), fits.then_some(subject));
    }
}

/// Without this the properties above would hold of a client that believes nobody.
#[test]
fn the_token_that_is_changed_above_holds_as_it_is() {
    assert_eq!(believed(&honest()).as_deref(), Some("subject-1"));
}
