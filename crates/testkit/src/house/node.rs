//! Another process of the same site: same database, counters, keys and folder, ports of its own.

use std::net::{IpAddr, SocketAddr};

use super::House;
use super::process::Process;
use crate::address::{INSIDE, free_port};
use crate::client::Client;

/// A node beside the first; it ends with the value.
pub struct Node {
    process: Process,
    https: u16,
    authority: String,
}

impl House {
    /// Starts another node of this site. Store and counters have to be ones that nodes can share.
    ///
    /// Clients say the site's own authority to it, as a balancer in front of both would pass it on.
    #[track_caller]
    #[must_use]
    pub fn another_node(&self) -> Node {
        let text = std::fs::read_to_string(self.config_file()).unwrap();
        let https = free_port();
        let replaced = [
            (format!("https = [\"127.0.0.1:{}\"]", self.ports.https), format!("https = [\"127.0.0.1:{https}\"]")),
            (format!("http = [\"127.0.0.1:{}\"]", self.ports.http), format!("http = [\"127.0.0.1:{}\"]", free_port())),
            (format!("internal = \"127.0.0.1:{}\"", self.ports.internal), format!("internal = \"127.0.0.1:{}\"", free_port())),
            ("[site]\n".to_owned(), "[site]\nnode = \"second\"\n".to_owned()),
        ];
        let text = replaced.iter().fold(text, |text, (from, to)| {
            assert!(text.contains(from), "{from} is not in\n{text}");
            text.replace(from, to)
        });
        let config = self.folder().join("second.toml");
        std::fs::write(&config, text).unwrap();
        let process = self.launch(&config);
        Node { process, https, authority: self.authority() }
    }
}

impl Node {
    /// The TLS listener.
    #[must_use]
    pub fn https(&self) -> SocketAddr {
        SocketAddr::new(INSIDE, self.https)
    }

    /// A client of the site that comes by this node.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client_from(INSIDE)
    }

    /// A client of the site that comes by this node, from an address.
    #[must_use]
    pub fn client_from(&self, from: IpAddr) -> Client {
        Client::new(self.https(), from, &self.authority)
    }

    /// Its log.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.process.stderr()
    }

    /// Asks the process to end and waits; its exit code.
    #[track_caller]
    pub fn stop(&mut self) -> Option<i32> {
        self.process.stop()
    }
}
