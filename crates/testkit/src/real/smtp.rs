//! A mail relay of one test: real SMTP, TLS and sign-in, and the faults that the test orders.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::{parts, sources};
use crate::address::{INSIDE, free_port};
use crate::ca::{TestCa, write_private};
use crate::house::{terminate, until};
use crate::mailbox::Mailbox;

/// Who may hand mail to the relay.
pub const SMTP_USER: &str = "doorward@relay.test";
/// Issued by whoever runs it; shorter than a secret of ours may be.
pub const SMTP_PASSWORD: &str = "oregano";

/// How a relay protects its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpMode {
    /// TLS from the first octet.
    Implicit,
    /// STARTTLS, wanted before anything else.
    StartTls,
    /// Not at all, and no sign-in.
    Clear,
}

impl SmtpMode {
    const fn word(self) -> &'static str {
        match self {
            Self::Implicit => "implicit",
            Self::StartTls => "starttls",
            Self::Clear => "clear",
        }
    }
}

/// A running relay; it ends with the value.
pub struct Smtp {
    folder: TempDir,
    mode: SmtpMode,
    port: u16,
    child: Option<Child>,
}

impl Smtp {
    /// A relay whose certificate is for 127.0.0.1, from an authority of its own.
    #[track_caller]
    #[must_use]
    pub fn start(mode: SmtpMode) -> Self {
        Self::start_as(mode, "127.0.0.1")
    }

    /// The same with a certificate for another name.
    #[track_caller]
    #[must_use]
    pub fn start_as(mode: SmtpMode, name: &str) -> Self {
        let folder = TempDir::with_prefix("doorward-smtp-").unwrap();
        TestCa::new().write(folder.path(), &[name.to_owned()]);
        write_private(&folder.path().join("password"), SMTP_PASSWORD.as_bytes());
        let mut relay = Self { folder, mode, port: free_port(), child: None };
        relay.start_again();
        relay
    }

    /// Starts again on the same port; the mail that was taken before is still there.
    #[track_caller]
    pub fn start_again(&mut self) {
        let place = |name: &str| self.folder.path().join(name);
        let (log, user) = (log_file(self.folder.path()), if self.mode == SmtpMode::Clear { "" } else { SMTP_USER });
        let out = File::create(&log).unwrap();
        let mut command = Command::new(parts().join("py/bin/python"));
        command.arg(sources().join("smtp/relay.py")).arg(self.port.to_string()).arg(place("mail")).arg(self.mode.word());
        command.arg(place("site.pem")).arg(place("site.key")).args([user, SMTP_PASSWORD]).env("PYTHONDONTWRITEBYTECODE", "1");
        let child = command.stdin(Stdio::null()).stdout(out.try_clone().unwrap()).stderr(out).spawn();
        self.child = Some(child.unwrap_or_else(|error| panic!("the relay: {error}")));
        until(Duration::from_secs(60), "the relay to listen", || {
            std::fs::read_to_string(&log).is_ok_and(|text| text.contains("ready")).then_some(())
        });
    }

    /// Ends; connections are refused from then on.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            terminate(&mut child);
            let ended = (0..100).any(|_| {
                std::thread::sleep(Duration::from_millis(20));
                !matches!(child.try_wait(), Ok(None))
            });
            if !ended {
                let _ = child.kill();
            }
            let _ = child.wait();
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(INSIDE, self.port)
    }

    /// Its address in a configuration.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = match self.mode {
            SmtpMode::Implicit => "smtps",
            SmtpMode::StartTls => "smtp",
            SmtpMode::Clear => return format!("smtp-plain://{}", self.address()),
        };
        format!("{scheme}://{SMTP_USER}@{}", self.address())
    }

    /// Lines of a house's `[mail]`, all but the sender.
    #[must_use]
    pub fn section(&self) -> String {
        let url = format!("url = \"{}\"\n", self.url());
        if self.mode == SmtpMode::Clear {
            return url;
        }
        let place = |name: &str| self.folder.path().join(name).display().to_string();
        format!("{url}password_file = \"{}\"\nca_file = \"{}\"\n", place("password"), place("ca.pem"))
    }

    /// The certificate of the authority that vouches for it.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The password's file, to be changed.
    #[must_use]
    pub fn password_file(&self) -> PathBuf {
        self.folder.path().join("password")
    }

    /// From now on it does what `tests/real-parts/smtp/relay.py` says of these lines; none is an honest relay.
    pub fn order(&self, lines: &str) {
        let place = self.folder.path().join("mail");
        std::fs::write(place.join("new"), lines).unwrap();
        std::fs::rename(place.join("new"), place.join("orders")).unwrap();
    }

    /// The mail that it took.
    #[must_use]
    pub fn mailbox(&self) -> Mailbox {
        Mailbox::at(&self.mail())
    }

    pub(crate) fn mail(&self) -> PathBuf {
        self.folder.path().join("mail")
    }

    /// Messages that were offered to it, taken or not.
    #[must_use]
    pub fn attempts(&self) -> usize {
        std::fs::read_to_string(self.mail().join("attempts")).map_or(0, |text| text.lines().count())
    }

    /// What it complained about.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(log_file(self.folder.path())).unwrap_or_default()
    }
}

fn log_file(folder: &Path) -> PathBuf {
    folder.join("relay.log")
}

impl Drop for Smtp {
    fn drop(&mut self) {
        self.stop();
    }
}
