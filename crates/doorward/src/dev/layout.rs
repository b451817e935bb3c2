//! The folder that `dev` keeps: configuration, keys, certificate and generated passwords, made once and kept.

use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_edge::tls::self_signed;
use doorward_kit::{Entropy, Host, Secret, Timestamp};

use jiff::SignedDuration;

use crate::{htpasswd, private_file};

/// The user of the demo's gate.
pub const GATE_USER: &str = "ops";

/// What stands in the folder.
pub struct Layout {
    /// The folder, absolute.
    pub dir: PathBuf,
    /// The generated password of [`GATE_USER`].
    pub gate_password: Secret<String>,
}

impl Layout {
    /// Finds or makes everything but the configuration file.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn prepare(dir: &Path, entropy: &dyn Entropy) -> io::Result<Self> {
        let dir = std::path::absolute(dir)?;
        for part in ["", "secrets", "tls", "data"] {
            private_file::make_dir(&dir.join(part))?;
        }
        private_file::read_or_make(&dir.join("secrets/master.key"), || Ok(random_text(entropy, 32).into_bytes()))?;
        let password = private_file::read_or_make(&dir.join("secrets/gate.password"), || {
            std::fs::remove_file(dir.join("secrets/gate.htpasswd")).or_else(ignore_missing)?;
            Ok(random_text(entropy, 12).into_bytes())
        })?;
        let gate_password = Secret::new(String::from_utf8_lossy(&password).trim_end().to_owned());
        private_file::read_or_make(&dir.join("secrets/gate.htpasswd"), || {
            let line = htpasswd::line(GATE_USER, &gate_password, entropy).map_err(io::Error::other)?;
            Ok(format!("{line}\n").into_bytes())
        })?;
        Ok(Self { dir, gate_password })
    }

    /// The self-signed certificate and its key: made at the first start and kept for a month, so that a browser seldom asks.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn certificate(&self, now: Timestamp, entropy: &dyn Entropy) -> io::Result<(PathBuf, PathBuf)> {
        let (certificate, key) = (self.dir.join("tls/site.pem"), self.dir.join("tls/site.key"));
        if !(is_recent(&certificate, now) && is_recent(&key, now)) {
            let hosts: Vec<Host> = ["localhost", "admin.localhost"].iter().filter_map(|name| name.parse().ok()).collect();
            let made = self_signed(&hosts, now, entropy).map_err(io::Error::other)?;
            private_file::write(&certificate, made.certificate_pem.as_bytes())?;
            private_file::write(&key, made.key_pem.as_bytes())?;
        }
        Ok((certificate, key))
    }

    /// Writes the configuration file and says where it is.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write_config(&self, text: &str) -> io::Result<PathBuf> {
        let path = self.dir.join("doorward.toml");
        private_file::write(&path, text.as_bytes())?;
        Ok(path)
    }

    /// Where mail arrives.
    #[must_use]
    pub fn mailbox(&self) -> PathBuf {
        self.dir.join("data/mail")
    }
}

/// Whether the file was written within the last 30 days; its certificate lives 90.
fn is_recent(path: &Path, now: Timestamp) -> bool {
    let written = std::fs::metadata(path).and_then(|meta| meta.modified()).ok().and_then(|at| Timestamp::try_from(at).ok());
    written.is_some_and(|at| now.duration_since(at) < SignedDuration::from_hours(30 * 24))
}

fn ignore_missing(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn random_text(entropy: &dyn Entropy, bytes: usize) -> String {
    let mut raw = vec![0; bytes];
    entropy.fill(&mut raw);
    URL_SAFE_NO_PAD.encode(raw)
}
