//! Tells whoever supervises the process how far it is (`sd_notify(3)`): one datagram a word, and nothing when nobody asked.

use std::io;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use doorward_config::EnvSource;
use rustix::time::{ClockId, clock_gettime};

/// Where the supervisor listens, if there is one.
#[derive(Debug, Default)]
pub struct Supervisor(Option<(UnixDatagram, SocketAddr)>);

impl Supervisor {
    /// As `NOTIFY_SOCKET` says: a path, or after an `@` the name of an abstract socket. Any other form is no supervisor.
    #[must_use]
    pub fn from_env(env: &dyn EnvSource) -> Self {
        let address = env.get("NOTIFY_SOCKET").and_then(|name| address(&name));
        Self(address.and_then(|address| Some((socket().ok()?, address))))
    }

    /// Every listener is bound, and requests are answered.
    pub fn ready(&self) {
        self.tell("READY=1");
    }

    /// The configuration is being read again; [`Self::ready`] ends it.
    pub fn reloading(&self) {
        // On the clock that the supervisor counts by: it tells this reload from an earlier one.
        let now = clock_gettime(ClockId::Monotonic);
        let micros = now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1000);
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// No new connection is taken; what is under way ends.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// A supervisor that does not listen any more is no reason to fail, and a full socket none to wait.
    fn tell(&self, words: &str) {
        let Some((socket, address)) = &self.0 else { return };
        if let Err(error) = socket.send_to_addr(words.as_bytes(), address) {
            tracing::warn!(target: "doorward", %error, "the supervisor could not be told");
        }
    }
}

fn socket() -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn address(name: &str) -> Option<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(name) = name.strip_prefix('@') {
        use std::os::linux::net::SocketAddrExt as _;
        return SocketAddr::from_abstract_name(name).ok();
    }
    SocketAddr::from_pathname(name).ok().filter(|_| name.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn env(name: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("NOTIFY_SOCKET".to_owned(), name.to_owned())])
    }

    fn hear(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).expect("a datagram");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn a_supervisor_hears_how_far_the_process_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let listener = UnixDatagram::bind(&path).expect("bound");
        let supervisor = Supervisor::from_env(&env(&path.display().to_string()));
        supervisor.ready();
        supervisor.reloading();
        supervisor.stopping();
        assert_eq!(hear(&listener), "READY=1");
        let reloading = hear(&listener);
        let micros = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect("the two lines");
        assert!(micros.parse::<u64>().is_ok_and(|micros| micros > 0), "{reloading}");
        assert_eq!(hear(&listener), "STOPPING=1");
    }

    #[test]
    fn nobody_who_asked_is_nobody_to_tell() {
        for name in ["", "relative", "vsock:2:1234", "/nowhere/at/all", "@nobody-listens-there"] {
            let supervisor = Supervisor::from_env(&env(name));
            supervisor.ready();
        }
        Supervisor::from_env(&BTreeMap::new()).ready();
    }
}
