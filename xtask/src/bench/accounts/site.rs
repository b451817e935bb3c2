//! One site with its people: configuration, imported accounts, and the scripts that the load speaks.

use std::{
    fmt::Write as _,
    io::{Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use crate::{
    bench::{
        secrets::{self, free_port},
        server::{Server, pinned, said},
    },
    error::{At, TaskError},
    process, tree,
};

/// Accounts of the site; a session limit of 20 each gives room for twenty times as many sessions.
pub(crate) const PEOPLE: usize = 100;
/// Everybody's password.
const PASSWORD: &str = "seven tall ferns stand by the north wall";

/// A prepared folder and the ports of what runs in it.
pub(crate) struct Site {
    folder: PathBuf,
    port: u16,
    internal: u16,
    nginx: u16,
}

impl Site {
    /// Writes everything and imports the accounts.
    pub(crate) fn prepare() -> Result<Self, TaskError> {
        let folder = secrets::fresh_folder("accounts")?;
        secrets::write(&folder)?;
        let site = Self { folder, port: free_port()?, internal: free_port()?, nginx: free_port()? };
        tree::write(&site.file("doorward.toml"), &site.configuration())?;
        tree::write(&site.file("nginx.conf"), &site.yardstick())?;
        tree::write(&site.file("sign-in.lua"), &script("/api/auth/login", "person' .. (n % PEOPLE) .. '@example.test"))?;
        tree::write(&site.file("sign-up.lua"), &script("/api/auth/register", "new' .. n .. '@example.test"))?;
        let cookies = site.file("cookies.txt").display().to_string();
        tree::write(&site.file("sessions.lua"), &SESSIONS.replace("COOKIES", &cookies))?;
        site.import()?;
        Ok(site)
    }

    /// A file in the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Starts ours on the first core and says how long it took until the first answer.
    pub(crate) fn start(&self) -> Result<(Server, Duration), TaskError> {
        let ours = program();
        let version = said(&ours, "--version")?;
        let mut command = pinned("0", &ours);
        command.arg("--config").arg(self.file("doorward.toml")).arg("serve");
        let started = Instant::now();
        let answered = {
            let internal = self.internal;
            thread::spawn(move || first_answer(internal, started))
        };
        let server = Server::start("Doorward", version, self.port, &mut command, &self.file("doorward.log"))?;
        match answered.join() {
            Ok(Some(after)) => Ok((server, after)),
            _ => Err(TaskError::Undone("the site gave no answer within 15 s".into())),
        }
    }

    /// Starts nginx on the first core: a constant answer over TLS.
    pub(crate) fn start_yardstick(&self) -> Result<Server, TaskError> {
        let mut command = pinned("0", "nginx");
        command.arg("-c").arg(self.file("nginx.conf")).arg("-p").arg(&self.folder);
        Server::start("nginx", said("nginx", "-v")?, self.nginx, &mut command, &self.file("nginx.log"))
    }

    /// Signs everybody in `times` times over one connection and keeps the session cookies, here and in a file for the load.
    ///
    /// # Errors
    /// When a sign-in sets no session cookie.
    pub(crate) fn sign_everybody_in(&self, server: &Server, times: usize) -> Result<Vec<String>, TaskError> {
        let mut blocks = String::new();
        for n in (0..times).flat_map(|_| 0..PEOPLE) {
            let body = format!("{{\\\"email\\\":\\\"person{n}@example.test\\\",\\\"password\\\":\\\"{PASSWORD}\\\"}}");
            let next = if blocks.is_empty() { "" } else { "next\n" };
            let _ = write!(
                blocks,
                "{next}url = \"{}\"\ndata = \"{body}\"\nheader = \"Content-Type: application/json\"\nheader = \"Sec-Fetch-Site: same-origin\"\n\
                 insecure\nhttp1.1\nsilent\ninclude\n",
                server.url("/api/auth/login")
            );
        }
        tree::write(&self.file("sign-in.curl"), &blocks)?;
        let mut curl = process::command("curl");
        curl.arg("--config").arg(self.file("sign-in.curl"));
        let answers = process::output(&mut curl, Duration::from_secs(300))?;
        let cookies: Vec<String> = answers
            .lines()
            .filter_map(|line| line.strip_prefix("set-cookie: ")?.split_once(';').map(|(cookie, _)| cookie.to_owned()))
            .filter(|cookie| cookie.starts_with("__Host-doorward_session="))
            .collect();
        if cookies.len() != times * PEOPLE {
            return Err(TaskError::Undone(format!("{} of {} sign-ins set a cookie", cookies.len(), times * PEOPLE)));
        }
        tree::write(&self.file("cookies.txt"), &(cookies.join("\n") + "\n"))?;
        Ok(cookies)
    }

    fn configuration(&self) -> String {
        let mut text = format!(
            "version = 1\n\n[site]\norigin = \"https://localhost:{port}\"\nenv = \"development\"\ndata_dir = \"data\"\nkey_file = \"master.key\"\n\n\
             [listen]\nhttps = [\"127.0.0.1:{port}\"]\ninternal = \"127.0.0.1:{internal}\"\n\n\
             [tls]\nsource = \"files\"\ncertificate = \"site.pem\"\nkey = \"site.key\"\n\n\
             [mail]\nurl = \"file\"\nfrom = \"Bench <no-reply@localhost.test>\"\nqueue_max = 100000\n\n\
             # Limits so wide that they count every request and refuse none; only development lets them load.\n[limits]\n",
            port = self.port,
            internal = self.internal
        );
        for scope in ["edge", "edge_auth", "auth_login", "auth_login_account", "auth_register", "auth_me"] {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{scope} = \"1000000/s\"");
        }
        text
    }

    fn yardstick(&self) -> String {
        format!(
            "daemon off;\nworker_processes 1;\npid nginx.pid;\nerror_log nginx.error.log error;\nevents {{ worker_connections 1024; }}\n\
             http {{ access_log off; keepalive_requests 10000000; server {{ listen 127.0.0.1:{} ssl; ssl_certificate site.pem; \
             ssl_certificate_key site.key; ssl_protocols TLSv1.2 TLSv1.3; default_type application/json; \
             return 200 '{{\"constant\":\"{}\"}}'; }} }}\n",
            self.nginx,
            "x".repeat(180)
        )
    }

    /// Everybody has the same hash, which costs one hash to make; the first sign-in of each gives it a salt and a pepper of its own.
    fn import(&self) -> Result<(), TaskError> {
        let hash = hash_of(PASSWORD)?;
        let lines: String =
            (0..PEOPLE).map(|n| format!("{{\"email\":\"person{n}@example.test\",\"hash\":\"{hash}\"}}\n")).collect();
        let people = self.file("people.jsonl");
        tree::write(&people, &lines)?;
        let mut command = process::command(program());
        command.arg("--config").arg(self.file("doorward.toml")).args(["import", "users"]).arg(&people);
        command.args(["--format", "phc-jsonl"]);
        process::output(&mut command, Duration::from_secs(60)).map(|_| ())
    }
}

fn program() -> PathBuf {
    tree::target().join("release/doorward")
}

/// What `hash-password` makes of a password, without the user's name.
pub(crate) fn hash_of(password: &str) -> Result<String, TaskError> {
    let mut child = process::command(program())
        .args(["hash-password", "person"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .at("doorward hash-password")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(password.as_bytes()).at("doorward hash-password")?;
    }
    let output = child.wait_with_output().at("doorward hash-password")?;
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    let hash = line.trim().split_once(':').map(|(_, hash)| hash.to_owned());
    hash.ok_or_else(|| TaskError::Undone("hash-password printed no hash".into()))
}

/// Asks the internal listener until it answers that it is ready.
fn first_answer(port: u16, started: Instant) -> Option<Duration> {
    while started.elapsed() < Duration::from_secs(15) {
        if is_ready(port) {
            return Some(started.elapsed());
        }
        thread::sleep(Duration::from_millis(1));
    }
    None
}

fn is_ready(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
    let asked = stream.write_all(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut answer = [0; 12];
    asked.is_ok() && stream.read_exact(&mut answer).is_ok() && &answer == b"HTTP/1.1 200"
}

/// Posts one address after the other.
fn script(path: &str, address: &str) -> String {
    format!(
        "local PEOPLE, n = {PEOPLE}, 0\n\
         local headers = {{ ['Content-Type'] = 'application/json', ['Sec-Fetch-Site'] = 'same-origin' }}\n\
         function request()\n  local body = '{{\"email\":\"{address}\",\"password\":\"{PASSWORD}\"}}'\n  n = n + 1\n\
         \x20 return wrk.format('POST', '{path}', headers, body)\nend\n"
    )
}

/// Asks with one session after the other, so slowly that no session is asked for twice within a second.
const SESSIONS: &str = "local cookies, n = {}, 0
for line in io.lines('COOKIES') do cookies[#cookies + 1] = line end
function request()
  n = n % #cookies + 1
  return wrk.format('GET', '/api/auth/me', { ['Cookie'] = cookies[n] })
end
function delay() return 10 end
";
