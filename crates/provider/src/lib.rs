//! Asks OpenID Connect and OAuth 2 providers who somebody is: implements [`doorward_domain::federation::Provider`].
//!
//! Comes in: a provider's configuration, what a browser brought back. Goes out: who it is, or a word from a closed set.
//! Must never know: accounts, sessions, SQL, cookies.
