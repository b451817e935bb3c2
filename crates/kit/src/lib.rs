//! The alphabet: values that every other room spells its sentences with.
//!
//! Comes in: nothing. Goes out: time, chance, typed ids, secrets, addresses and what they look like in a log.
//! Must never know: files, sockets, async, HTTP, SQL.

pub mod clock;
pub mod id;
pub mod key;
pub mod net;
pub mod redact;
pub mod ring;
pub mod rng;
mod seal;
pub mod secret;
pub mod timing;

pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use id::{RequestId, SessionId, UserId};
pub use key::{KeyPurpose, MasterKey, SubKey};
pub use net::{Cidr, ClientAddr, Host, Origin, PeerAddr, Prefix, RequestContext};
pub use ring::{KeyRing, PurposeRing, RingError, SharedRing};
pub use rng::{Entropy, SystemEntropy};
pub use seal::{Seal, SealError};
pub use secret::{Secret, Token, TokenDigest, constant_time_eq, sha256_hex};
