//! Sockets that a supervisor bound and handed over (`sd_listen_fds(3)`).
//!
//! Comes in: `LISTEN_PID`, `LISTEN_FDS`, `LISTEN_FDNAMES`. Goes out: sockets with their names, not judged yet. Must never know: where the
//! configuration says to listen.

use doorward_config::EnvSource;
use doorward_edge::listen::Passed;
use listenfd::ListenFd;

/// The first descriptor that is handed over.
const FIRST: usize = 3;
/// More sockets than any configuration names.
const MOST: usize = 64;

/// What was handed over is not what was announced.
#[derive(Debug, thiserror::Error)]
pub enum ActivationError {
    /// Not a small number.
    #[error("LISTEN_FDS is not a number from 0 to {MOST}")]
    Count,
    /// As many names as sockets, or none.
    #[error("LISTEN_FDNAMES has {names} names for {sockets} sockets")]
    Names {
        /// How many names.
        names: usize,
        /// How many sockets.
        sockets: usize,
    },
    /// Not a socket that takes connections.
    #[error("descriptor {number} ({name:?}), which was handed over, is no TCP socket")]
    NoSocket {
        /// Of the descriptor.
        number: usize,
        /// What it is called.
        name: String,
    },
}

/// Takes the sockets that are meant for this process; none without a supervisor. To be called once, while the process has one thread.
///
/// # Errors
/// [`ActivationError`]
pub fn passed(env: &dyn EnvSource) -> Result<Vec<Passed>, ActivationError> {
    let Some(names) = names(env)? else { return Ok(Vec::new()) };
    let mut descriptors = ListenFd::from_env();
    let take = |(index, name): (usize, String)| match descriptors.take_tcp_listener(index) {
        Ok(Some(listener)) => Ok(Passed { name, listener }),
        Ok(None) | Err(_) => Err(ActivationError::NoSocket { number: FIRST + index, name }),
    };
    names.into_iter().enumerate().map(take).collect()
}

/// One name for each socket; `None` when none is handed over, or to another process than this.
fn names(env: &dyn EnvSource) -> Result<Option<Vec<String>>, ActivationError> {
    let Some(count) = env.get("LISTEN_FDS") else { return Ok(None) };
    // Inherited from a parent whom they were meant for.
    if env.get("LISTEN_PID").and_then(|text| text.parse().ok()) != Some(std::process::id()) {
        return Ok(None);
    }
    let sockets: usize = count.parse().ok().filter(|count| *count <= MOST).ok_or(ActivationError::Count)?;
    if sockets == 0 {
        return Ok(None);
    }
    let Some(text) = env.get("LISTEN_FDNAMES") else { return Ok(Some(vec![String::new(); sockets])) };
    let names: Vec<String> = text.split(':').map(str::to_owned).collect();
    match names.len() {
        length if length == sockets => Ok(Some(names)),
        names => Err(ActivationError::Names { names, sockets }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn asked(variables: &[(&str, &str)]) -> Result<Option<Vec<String>>, ActivationError> {
        let own = std::process::id().to_string();
        let value = |text: &str| if text == "own" { own.clone() } else { text.to_owned() };
        let env: BTreeMap<String, String> = variables.iter().map(|(name, text)| ((*name).to_owned(), value(text))).collect();
        names(&env)
    }

    #[test]
    fn only_what_is_meant_for_this_process_is_taken() {
        assert!(matches!(asked(&[]), Ok(None)));
        assert!(matches!(asked(&[("LISTEN_FDS", "1")]), Ok(None)), "a modified protocol is not spoken");
        assert!(matches!(asked(&[("LISTEN_FDS", "1"), ("LISTEN_PID", "1")]), Ok(None)));
        assert!(matches!(asked(&[("LISTEN_FDS", "1"), ("LISTEN_PID", "")]), Ok(None)));
        assert!(matches!(asked(&[("LISTEN_FDS", "0"), ("LISTEN_PID", "own"), ("LISTEN_FDNAMES", "")]), Ok(None)));
        let two = asked(&[("LISTEN_FDS", "2"), ("LISTEN_PID", "own"), ("LISTEN_FDNAMES", "https:http")]);
        assert_eq!(two.expect("right"), Some(vec!["https".to_owned(), "http".to_owned()]));
        assert_eq!(asked(&[("LISTEN_FDS", "1"), ("LISTEN_PID", "own")]).expect("right"), Some(vec![String::new()]));
    }

    #[test]
    fn numbers_that_cannot_be_are_told() {
        for count in ["-1", "65", "18446744073709551615", "", "one"] {
            let outcome = asked(&[("LISTEN_FDS", count), ("LISTEN_PID", "own")]);
            assert!(matches!(outcome, Err(ActivationError::Count)), "{count}");
        }
        let outcome = asked(&[("LISTEN_FDS", "2"), ("LISTEN_PID", "own"), ("LISTEN_FDNAMES", "https")]);
        assert!(matches!(outcome, Err(ActivationError::Names { names: 1, sockets: 2 })));
    }
}
