//! The domain's keys, each derived once from the master key, and what is computed with them.

use doorward_kit::{KeyPurpose, MasterKey, SubKey, Token, TokenDigest};

use crate::account::identifier;
use crate::one_time::PurposeKind;
use crate::outbox::MailSeal;
use crate::session::CsrfKey;

/// One key for each purpose: a value made for one place is nothing in another (CFG-02).
pub(crate) struct Keys {
    session: SubKey,
    one_time: SubKey,
    device: SubKey,
    subject: SubKey,
    pub(crate) csrf: CsrfKey,
    pub(crate) seal: MailSeal,
}

impl Keys {
    pub(crate) fn derive(master: &MasterKey) -> Self {
        Self {
            session: master.derive(KeyPurpose::SessionToken),
            one_time: master.derive(KeyPurpose::OneTimeToken),
            device: master.derive(KeyPurpose::DeviceToken),
            subject: master.derive(KeyPurpose::SubjectHash),
            csrf: CsrfKey::new(master.derive(KeyPurpose::Csrf)),
            seal: MailSeal::new(&master.derive(KeyPurpose::Outbox)),
        }
    }

    pub(crate) fn session_digest(&self, token: &Token) -> TokenDigest {
        token.digest(&self.session)
    }

    /// Every digest that a session's credential may be stored under, newest key first.
    pub(crate) fn session_digests(&self, token: &Token) -> Vec<TokenDigest> {
        vec![self.session_digest(token)]
    }

    /// The digest of a known device's cookie value.
    pub(crate) fn device_digest(&self, token: &Token) -> TokenDigest {
        token.digest(&self.device)
    }

    /// The digest of a one-time token for a purpose: for every other purpose the same token is nothing.
    pub(crate) fn one_time_digest(&self, purpose: PurposeKind, token: &Token) -> TokenDigest {
        token.digest(&SubKey::new(self.one_time.mac(purpose.as_str().as_bytes())))
    }

    /// Every digest that a one-time token may be stored under, newest key first.
    pub(crate) fn one_time_digests(&self, purpose: PurposeKind, token: &Token) -> Vec<TokenDigest> {
        vec![self.one_time_digest(purpose, token)]
    }

    /// Whose consecutive failures are counted: the keyed digest of an identifier as it was typed, folded (D-11).
    pub(crate) fn failure_subject(&self, identifier_text: &str) -> [u8; 32] {
        self.subject.mac(format!("failures\0{}", identifier::fold(identifier_text)).as_bytes())
    }

    /// The digest of a verification token. The key is not that of sessions, so neither can stand in for the other.
    pub(crate) fn verification_digest(&self, token: &Token) -> TokenDigest {
        token.digest(&self.one_time)
    }

    /// Every digest that a verification token may be stored under, newest key first.
    pub(crate) fn verification_digests(&self, token: &Token) -> Vec<TokenDigest> {
        vec![self.verification_digest(token)]
    }

    /// What an audit row says of an identifier instead of the identifier (AUD-12): 32 hexadecimal digits.
    pub(crate) fn subject_hash(&self, identifier_text: &str) -> String {
        let mac = self.subject.mac(format!("audit\0{}", identifier::fold(identifier_text)).as_bytes());
        mac[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The counter of a scope and the parts of its subject.
    pub(crate) fn counter(&self, scope: &str, parts: &[&str]) -> [u8; 16] {
        crate::throttle::counter_key(&self.subject, scope, parts)
    }
}
