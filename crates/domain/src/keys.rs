//! The domain's keys, each derived once from the master key, and what is computed with them.

use doorward_kit::{KeyPurpose, MasterKey, SubKey, Token, TokenDigest};

use crate::account::identifier;
use crate::outbox::MailSeal;
use crate::session::CsrfKey;

/// One key for each purpose: a value made for one place is nothing in another (CFG-02).
pub(crate) struct Keys {
    session: SubKey,
    one_time: SubKey,
    subject: SubKey,
    pub(crate) csrf: CsrfKey,
    pub(crate) seal: MailSeal,
}

impl Keys {
    pub(crate) fn derive(master: &MasterKey) -> Self {
        Self {
            session: master.derive(KeyPurpose::SessionToken),
            one_time: master.derive(KeyPurpose::OneTimeToken),
            subject: master.derive(KeyPurpose::SubjectHash),
            csrf: CsrfKey::new(master.derive(KeyPurpose::Csrf)),
            seal: MailSeal::new(&master.derive(KeyPurpose::Outbox)),
        }
    }

    pub(crate) fn session_digest(&self, token: &Token) -> TokenDigest {
        token.digest(&self.session)
    }

    /// The digest of a verification token. The key is not that of sessions, so neither can stand in for the other.
    pub(crate) fn verification_digest(&self, token: &Token) -> TokenDigest {
        token.digest(&self.one_time)
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
