//! `doorward dev`: nothing to configure, everything there.

use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use doorward_testkit::{Client, INSIDE, Mailbox, RawClient, binary, free_port, until};
use serde_json::json;

struct Dev {
    child: Child,
    folder: tempfile::TempDir,
    https: u16,
    http: u16,
}

impl Dev {
    /// Starts and waits for its line.
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (https, http) = (free_port(), free_port());
        let mut child = Command::new(binary())
            .args(["dev", "--port", &https.to_string(), "--http-port", &http.to_string(), "--dir"])
            .arg(folder.path().join("house"))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(folder.path().join("talk")).unwrap())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let (send, receive) = mpsc::channel();
        std::thread::spawn(move || lines.lines().map_while(Result::ok).all(|line| send.send(line).is_ok()));
        let dev = Self { child, folder, https, http };
        let wanted = format!("ready https://localhost:{https}");
        loop {
            let line = receive.recv_timeout(Duration::from_secs(30)).unwrap_or_else(|_| panic!("no {wanted:?}:\n{}", dev.talk()));
            if line == wanted {
                return dev;
            }
        }
    }

    fn talk(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("talk")).unwrap_or_default()
    }

    fn client(&self, host: &str, from: IpAddr) -> Client {
        Client::new(SocketAddr::new(INSIDE, self.https), from, &format!("{host}:{}", self.https))
    }

    fn mailbox(&self) -> Mailbox {
        Mailbox::at(&self.folder.path().join("house/data/mail"))
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn dev_is_ready_without_any_configuration_and_the_demo_answers() {
    let dev = Dev::start();
    let mut client = dev.client("localhost", INSIDE);
    let page = client.get("/").expect(200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"), "{page:?}");
    assert!(page.header("content-security-policy").is_some() && page.text().contains("<title>"), "{page:?}");
    client.get("/app.js").expect(200);
    let seen = client.get("/api/demo/seen").expect(200).json();
    assert!(seen["headers"].is_array(), "{seen}");
    let plain =
        RawClient::plain(SocketAddr::new(INSIDE, dev.http), INSIDE).unwrap().ask("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(plain.header("location"), Some(&*format!("https://localhost:{}/x", dev.https)), "{plain:?}");
    assert_eq!(dev.client("admin.localhost", INSIDE).get("/").status, 401, "the gated demo UI asks for a password");
}

#[test]
fn dev_lets_a_person_sign_up_and_shows_the_demo_who_it_is() {
    let dev = Dev::start();
    let password = "seven tall ferns stand by the north wall";
    let mut client = dev.client("localhost", INSIDE);
    client.post_json("/api/auth/register", &json!({"email": "ada@example.com", "password": password})).expect(202);
    let mailbox = until(Duration::from_secs(10), "a mailbox", || Some(dev.mailbox()).filter(|box_| !box_.all().is_empty()));
    let token = mailbox.wait_for("ada@example.com").token();
    client.post_json("/api/auth/verify-email", &json!({"token": token})).expect(200);
    client.post_json("/api/auth/login", &json!({"email": "ada@example.com", "password": password})).expect(200);
    let seen = client.get("/api/demo/seen").expect(200).text();
    assert!(seen.contains("ada@example.com"), "{seen}");
}
