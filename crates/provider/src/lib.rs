//! Asks OpenID Connect and OAuth 2 providers who somebody is: implements [`doorward_domain::federation::Provider`].
//!
//! Comes in: a provider's configuration, what a browser brought back. Goes out: who it is, or a word from a closed set.
//! Must never know: accounts, sessions, SQL, cookies.
//!
//! Nothing that a provider writes is believed before it was judged: which host is asked (`http`), how much it may say and for
//! how long, what its description names, who signed its token and for whom. Nothing that it writes is logged: a length and a digest stand
//! for it (LOG-09).

mod address;
mod answer;
mod fault;
mod form;
mod github;
mod grant;
mod http;
mod openid;
mod setup;
mod token;

pub use http::{Dial, PATIENCE};
pub use setup::{SetupError, Surroundings, open};
