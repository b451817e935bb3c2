//! Sockets that whoever started the process has bound and handed over (systemd's socket activation).
//!
//! Comes in: the sockets, with what they are called, and where the configuration says to listen. Goes out: the same sockets, each known to
//! be one of those; whatever else was handed over ends the start, since the configuration alone says what is exposed (EXPO-01). Must never
//! know: how they were handed over.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::SockRef;

use super::bind::ListenSpec;

/// A socket that was handed over.
#[derive(Debug)]
pub struct Passed {
    /// What it is called; `https`, `http` and `internal` say what it is for, every other name says nothing.
    pub name: String,
    /// It listens already.
    pub listener: TcpListener,
}

/// A socket that was handed over and cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum PassedError {
    /// The system does not say what it is.
    #[error("the socket {name:?} that was handed over cannot be looked at: {source}")]
    Unknown {
        /// What it is called.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// It is on no list, or on another one than its name says.
    #[error("the socket {name:?} that was handed over listens on {address}, which [listen] does not name {}", as_what(.name))]
    Undeclared {
        /// What it is called.
        name: String,
        /// Where it listens.
        address: SocketAddr,
    },
    /// A wildcard of IPv6 that takes connections of IPv4 as well.
    #[error(
        "the socket {name:?} that was handed over takes IPv4 on {address} as well: set BindIPv6Only=ipv6-only in its unit, and name \
         the address of IPv4 beside it"
    )]
    TwoFamilies {
        /// What it is called.
        name: String,
        /// Where it listens.
        address: SocketAddr,
    },
    /// Two sockets of one address would share its connections.
    #[error("two sockets that were handed over listen on {0}")]
    Twice(SocketAddr),
}

fn as_what(name: &str) -> String {
    if is_purpose(name) { format!("in {name}") } else { "at all".to_owned() }
}

fn is_purpose(name: &str) -> bool {
    matches!(name, "https" | "http" | "internal")
}

/// Sockets that were looked at: each is one that the configuration names.
#[derive(Debug, Default)]
pub struct Handed(Vec<(SocketAddr, TcpListener)>);

impl Handed {
    /// Looks at every socket.
    ///
    /// # Errors
    /// [`PassedError`] of the first that the configuration does not name exactly.
    pub fn judge(spec: &ListenSpec, passed: Vec<Passed>) -> Result<Self, PassedError> {
        let mut handed = Self::default();
        for Passed { name, listener } in passed {
            let address = match listener.local_addr() {
                Ok(address) => address,
                Err(source) => return Err(PassedError::Unknown { name, source }),
            };
            if !is_declared(spec, &name, address) {
                return Err(PassedError::Undeclared { name, address });
            }
            if address.is_ipv6() && address.ip().is_unspecified() && !matches!(SockRef::from(&listener).only_v6(), Ok(true)) {
                return Err(PassedError::TwoFamilies { name, address });
            }
            if handed.0.iter().any(|(other, _)| *other == address) {
                return Err(PassedError::Twice(address));
            }
            handed.0.push((address, listener));
        }
        Ok(handed)
    }

    /// The socket of an address, if it was handed over.
    pub(super) fn take(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let at = self.0.iter().position(|(other, _)| *other == address)?;
        Some(self.0.swap_remove(at).1)
    }
}

/// Whether the list that the name means, or any list for a name that means none, has the address.
fn is_declared(spec: &ListenSpec, name: &str, address: SocketAddr) -> bool {
    let internal: Vec<_> = spec.internal.into_iter().collect();
    let lists = [("https", &spec.https), ("http", &spec.http), ("internal", &internal)];
    lists.into_iter().any(|(purpose, list)| (name == purpose || !is_purpose(name)) && list.contains(&address))
}

#[cfg(test)]
mod tests {
    use socket2::{Domain, Socket, Type};

    use super::*;

    fn listener(address: &str) -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind(address).expect("bound");
        let address = listener.local_addr().expect("an address");
        (listener, address)
    }

    fn judge(spec: &ListenSpec, name: &str, listener: &TcpListener) -> Result<Handed, PassedError> {
        let listener = listener.try_clone().expect("a second handle");
        Handed::judge(spec, vec![Passed { name: name.into(), listener }])
    }

    #[test]
    fn only_what_the_configuration_names_is_served_and_only_as_what_it_names_it() {
        let ((front, at), (other, _)) = (listener("127.0.0.1:0"), listener("127.0.0.1:0"));
        let spec = ListenSpec { https: vec![at], ..ListenSpec::default() };
        for name in ["https", "doorward.socket", "unknown", ""] {
            assert!(judge(&spec, name, &front).expect("declared").take(at).is_some(), "{name}");
            assert!(matches!(judge(&spec, name, &other), Err(PassedError::Undeclared { .. })), "{name}");
        }
        for name in ["http", "internal"] {
            let error = judge(&spec, name, &front).expect_err("declared as something else").to_string();
            assert!(error.contains(&at.to_string()) && error.contains(name), "{error}");
        }
        let twice = ["", ""].map(|name| Passed { name: name.into(), listener: front.try_clone().expect("a handle") });
        assert!(matches!(Handed::judge(&spec, twice.into()), Err(PassedError::Twice(_))));
    }

    #[test]
    fn a_wildcard_of_both_families_is_not_the_declared_one() {
        for (only, is_right) in [(true, true), (false, false)] {
            let socket = Socket::new(Domain::IPV6, Type::STREAM, None).expect("a socket");
            socket.set_only_v6(only).expect("set");
            socket.bind(&"[::]:0".parse::<SocketAddr>().expect("an address").into()).expect("bound");
            socket.listen(1).expect("listens");
            let listener = TcpListener::from(socket);
            let spec = ListenSpec { https: vec![listener.local_addr().expect("an address")], ..ListenSpec::default() };
            assert_eq!(judge(&spec, "https", &listener).is_ok(), is_right, "only_v6 = {only}");
        }
    }
}
