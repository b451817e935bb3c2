//! The domain without a store: tokens, addresses, keys of counters, hashing. Flows are tested where there is a store.

mod csrf;
mod email;
mod hashing;
mod support;
mod throttle;
