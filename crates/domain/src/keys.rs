//! The domain's keys, each derived from the master keys in force, and what is computed with them. Which version makes a value and which
//! still know it is decided here for each kind of value; docs/concepts/keys.md has the table.

use doorward_kit::ring::VersionedKey;
use doorward_kit::{KeyPurpose, PurposeRing, Seal, SharedRing, SubKey, Token, TokenDigest, UserId};

use crate::account::identifier;
use crate::ceremony::CeremonyKind;
use crate::one_time::PurposeKind;
use crate::outbox::MailSeal;
use crate::session::CsrfKey;

/// The name under which the digests of passes are derived.
const GATE_PASS: &str = "gate_pass";

/// One key for each purpose: a value made for one place is nothing in another (CFG-02).
pub(crate) struct Keys {
    session: PurposeRing,
    one_time: PurposeRing,
    device: PurposeRing,
    subject: PurposeRing,
    ceremony: PurposeRing,
    pub(crate) provider_state: PurposeRing,
    recovery_code: PurposeRing,
    pub(crate) account_secret: Seal,
    pub(crate) csrf: CsrfKey,
    pub(crate) seal: MailSeal,
}

impl Keys {
    pub(crate) fn of(ring: &SharedRing) -> Self {
        Self {
            session: ring.of(KeyPurpose::SessionToken),
            one_time: ring.of(KeyPurpose::OneTimeToken),
            device: ring.of(KeyPurpose::DeviceToken),
            subject: ring.of(KeyPurpose::SubjectHash),
            ceremony: ring.of(KeyPurpose::Ceremony),
            provider_state: ring.of(KeyPurpose::ProviderState),
            recovery_code: ring.of(KeyPurpose::RecoveryCode),
            account_secret: Seal::new(ring.of(KeyPurpose::AccountSecret)),
            csrf: CsrfKey::new(ring.of(KeyPurpose::Csrf)),
            seal: MailSeal::new(ring.of(KeyPurpose::Outbox)),
        }
    }

    pub(crate) fn session_digest(&self, token: &Token) -> TokenDigest {
        token.digest(&self.session.now().current().key)
    }

    /// Every digest that a session's credential may be stored under, the current key's first; never empty.
    pub(crate) fn session_digests(&self, token: &Token) -> Vec<TokenDigest> {
        digests(&self.session, |key| token.digest(key))
    }

    /// Whether a credential was made with a key that has been replaced, and is to be replaced itself while that key is still known.
    pub(crate) fn is_outdated(&self, token: &Token, presented: &TokenDigest) -> bool {
        let keys = self.session.now();
        let current = keys.current().version;
        keys.all().any(|key| key.version < current && token.digest(&key.key) == *presented)
    }

    /// The digest of a known device's cookie value.
    pub(crate) fn device_digest(&self, token: &Token) -> TokenDigest {
        token.digest(&self.device.now().current().key)
    }

    /// Every digest that a known device may be stored under, the current key's first; never empty.
    pub(crate) fn device_digests(&self, token: &Token) -> Vec<TokenDigest> {
        digests(&self.device, |key| token.digest(key))
    }

    /// The digest of a one-time token for a purpose: for every other purpose the same token is nothing.
    pub(crate) fn one_time_digest(&self, purpose: PurposeKind, token: &Token) -> TokenDigest {
        of_name(&self.one_time.now().current().key, purpose.as_str(), token)
    }

    /// Every digest that a one-time token may be stored under, the current key's first; never empty.
    pub(crate) fn one_time_digests(&self, purpose: PurposeKind, token: &Token) -> Vec<TokenDigest> {
        digests(&self.one_time, |key| of_name(key, purpose.as_str(), token))
    }

    /// The digest of a ceremony's token: for every other kind the same token is nothing.
    pub(crate) fn ceremony_digest(&self, kind: CeremonyKind, token: &Token) -> TokenDigest {
        of_name(&self.ceremony.now().current().key, kind.as_str(), token)
    }

    /// Every digest that a ceremony may be stored under, the current key's first; never empty.
    pub(crate) fn ceremony_digests(&self, kind: CeremonyKind, token: &Token) -> Vec<TokenDigest> {
        digests(&self.ceremony, |key| of_name(key, kind.as_str(), token))
    }

    /// The digest of the cookie of a gate's host. No ceremony has this name.
    pub(crate) fn pass_digest(&self, token: &Token) -> TokenDigest {
        of_name(&self.ceremony.now().current().key, GATE_PASS, token)
    }

    /// Every digest that a pass may be stored under, the current key's first; never empty.
    pub(crate) fn pass_digests(&self, token: &Token) -> Vec<TokenDigest> {
        digests(&self.ceremony, |key| of_name(key, GATE_PASS, token))
    }

    /// The digest of a recovery code of an account, in its normal form: for another account the same code is nothing.
    pub(crate) fn recovery_digest(&self, user: UserId, code: &str) -> TokenDigest {
        of_code(&self.recovery_code.now().current().key, user, code)
    }

    /// Every digest that a recovery code may be stored under: codes lie in drawers for years, so each key there was, the newest first.
    pub(crate) fn recovery_digests(&self, user: UserId, code: &str) -> Vec<TokenDigest> {
        self.recovery_code.now().all().map(|key| of_code(&key.key, user, code)).collect()
    }

    /// What the site is told of the cookie that a gate's host has set before.
    pub(crate) fn gate_request_digest(&self, gate: &str, token: &Token) -> TokenDigest {
        of_name(&self.ceremony.now().current().key, &gate_request(gate), token)
    }

    /// Everything that the site may have been told of it, under the current key first; never empty.
    pub(crate) fn gate_request_digests(&self, gate: &str, token: &Token) -> Vec<TokenDigest> {
        digests(&self.ceremony, |key| of_name(key, &gate_request(gate), token))
    }

    /// The digest of a verification token. The key is not that of sessions, so neither can stand in for the other.
    pub(crate) fn verification_digest(&self, token: &Token) -> TokenDigest {
        token.digest(&self.one_time.now().current().key)
    }

    /// Every digest that a verification token may be stored under, the current key's first; never empty.
    pub(crate) fn verification_digests(&self, token: &Token) -> Vec<TokenDigest> {
        digests(&self.one_time, |key| token.digest(key))
    }

    /// Where failures of an identifier (as it was typed, folded) and the device of a browser may be found (D-11): under the current key
    /// first, then under each that is still known; never empty. Failures of all of them count together, so that a new key is no new start
    /// for whoever guesses.
    pub(crate) fn hindrances(&self, identifier_text: &str, device: Option<&Token>) -> Vec<HindranceKeys> {
        let (subjects, devices) = (self.subject.now(), self.device.now());
        let name = failure_name(identifier_text);
        let of = |key: &VersionedKey| HindranceKeys {
            subject: key.key.mac(name.as_bytes()),
            // One ring for both purposes: the same versions, unless it was replaced a moment ago.
            device: device.zip(devices.of_version(key.version)).map(|(token, key)| token.digest(&key.key)),
        };
        subjects.alive().map(of).collect()
    }

    /// Whose consecutive failures are counted, under every key that is still known; the current one first.
    pub(crate) fn failure_subjects(&self, identifier_text: &str) -> Vec<[u8; 32]> {
        let name = failure_name(identifier_text);
        self.subject.now().alive().map(|key| key.key.mac(name.as_bytes())).collect()
    }

    /// Whose consecutive wrong one-time codes are counted, under every key that is still known; the current one first.
    pub(crate) fn code_failure_subjects(&self, user: UserId) -> Vec<[u8; 32]> {
        let name = format!("code_failures\0{user}");
        self.subject.now().alive().map(|key| key.key.mac(name.as_bytes())).collect()
    }

    /// What an audit row says of an identifier instead of the identifier (AUD-12): 32 hexadecimal digits.
    pub(crate) fn subject_hash(&self, identifier_text: &str) -> String {
        audit_subject(&self.subject.now().current().key, identifier_text)
    }

    /// Everything that audit rows may ever have said of an identifier: under each key there was, the newest first.
    pub(crate) fn subject_hashes(&self, identifier_text: &str) -> Vec<String> {
        self.subject.now().all().map(|key| audit_subject(&key.key, identifier_text)).collect()
    }

    /// The counter of a scope and the parts of its subject. A new key begins new counters: their windows are minutes.
    pub(crate) fn counter(&self, scope: &str, parts: &[&str]) -> [u8; 16] {
        crate::throttle::counter_key(&self.subject.now().current().key, scope, parts)
    }
}

/// Under what the failures and the device of a sign-in are stored.
pub(crate) struct HindranceKeys {
    pub(crate) subject: [u8; 32],
    pub(crate) device: Option<TokenDigest>,
}

fn digests(ring: &PurposeRing, digest: impl Fn(&SubKey) -> TokenDigest) -> Vec<TokenDigest> {
    ring.now().alive().map(|key| digest(&key.key)).collect()
}

/// No kind of ceremony has a space in its name.
fn gate_request(gate: &str) -> String {
    format!("gate_request {gate}")
}

fn of_name(key: &SubKey, name: &str, token: &Token) -> TokenDigest {
    token.digest(&SubKey::new(key.mac(name.as_bytes())))
}

fn of_code(key: &SubKey, user: UserId, code: &str) -> TokenDigest {
    TokenDigest(key.mac(&[user.as_bytes(), code.as_bytes()].concat()))
}

fn failure_name(identifier_text: &str) -> String {
    format!("failures\0{}", identifier::fold(identifier_text))
}

fn audit_subject(key: &SubKey, identifier_text: &str) -> String {
    let mac = key.mac(format!("audit\0{}", identifier::fold(identifier_text)).as_bytes());
    mac[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}
