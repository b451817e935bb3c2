//! Holds TLS connections that have asked once and are silent now, for `cargo xtask bench edge`:
//! `idle HTTPS_ADDRESS AUTHORITY COUNT…` says `open COUNT` when so many are there, and waits for a line before it goes on.
#![expect(clippy::expect_used, clippy::print_stdout, reason = "a tool of the benchmark says what it did, and why it did not")]

use std::io::{BufRead as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use doorward_testkit::{RawClient, Tls};

/// From one address; the door gives 1024 to each.
const OF_ONE: usize = 500;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [to, authority, counts @ ..] = words.as_slice() else {
        println!("idle HTTPS_ADDRESS AUTHORITY COUNT…");
        return;
    };
    doorward_testkit::siege::take_all_files();
    let to: SocketAddr = to.parse().expect("an address");
    let tls = Tls::to(authority.split(':').next().unwrap_or(authority));
    let request = format!("GET / HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    let (mut open, mut lines) = (Vec::new(), std::io::stdin().lock().lines());
    for count in counts.iter().map(|word| word.parse::<usize>().expect("a number")) {
        while open.len() < count {
            let last = u8::try_from(open.len() / OF_ONE + 1).expect("few addresses");
            let from = IpAddr::V4(Ipv4Addr::new(127, 0, 6, last));
            let mut client = RawClient::tls(to, from, &tls).expect("the server shakes hands");
            client.send(&request);
            assert_eq!(client.read_reply().expect("an answer").status, 200);
            open.push(client);
        }
        println!("open {count}");
        let _ = std::io::stdout().flush();
        if lines.next().is_none() {
            return;
        }
    }
}
