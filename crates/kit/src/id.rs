//! Typed ids: random, never sequential, never bare strings (ENUM-11, SES-05).

use std::fmt;
use std::str::FromStr;

use uuid::{Builder, Uuid};

use crate::rng::Entropy;

macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Draws a new random id (UUID version 4: no time, no sequence).
            #[must_use]
            pub fn random(entropy: &dyn Entropy) -> Self {
                let mut bytes = [0; 16];
                entropy.fill(&mut bytes);
                Self(Builder::from_random_bytes(bytes).into_uuid())
            }

            /// The sixteen bytes, as a database stores them.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// From the sixteen stored bytes.
            #[must_use]
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.as_hyphenated())
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self)
            }
        }
    };
}

typed_id!(
    /// Names an account.
    UserId
);
typed_id!(
    /// Names a session without being its credential; safe to show and to log.
    SessionId
);
typed_id!(
    /// Names one request, made by the edge (HDR-20); joins access log, application log and audit (LOG-13).
    RequestId
);
typed_id!(
    /// Names a mail that waits in the outbox.
    MailId
);
typed_id!(
    /// Names a sign-up that waits for its verification.
    SignUpId
);
typed_id!(
    /// Names a one-time token that was mailed.
    OneTimeId
);
typed_id!(
    /// Names a browser that somebody has signed in with.
    DeviceId
);
typed_id!(
    /// Names a second factor of an account.
    FactorId
);
typed_id!(
    /// Names the account of a provider that an account here is linked with.
    IdentityId
);
