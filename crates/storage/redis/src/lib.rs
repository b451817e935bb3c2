//! The domain's shared counters over Redis 7 or Valkey.
//!
//! Comes in: keys that are digests, quotas, instants. Goes out: decisions, each made by one atomic script. Nothing here is the only
//! copy of anything: where Redis fails, the caller counts in its own process (D-06). Must never know: whose key it is, HTTP, SQL.

mod counters;
mod error;
mod link;
mod open_house;
mod settings;
mod tls;

pub use counters::RedisCounters;
pub use open_house::answers_without_password;
pub use settings::{Eviction, Protection, RedisSettings, SetupError};
